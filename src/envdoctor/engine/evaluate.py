"""The verdict: every rule judged, faults spread to the uses that rest on them, severities set by what was asked for."""

from __future__ import annotations

from envdoctor.engine.conditions import judge
from envdoctor.model.finding import (
    CALLS,
    CLEAR,
    DERIVED,
    FIT,
    UNFIT,
    UNKNOWN,
    Crashed,
    Finding,
    Fired,
    Report,
    Skipped,
    Unknown,
)
from envdoctor.model.rule import CONFIDENCES, IMPACTS, SEVERITIES, WINDOW
from envdoctor.model.uses import CARRIED, DEFAULT_PURPOSE, PURPOSES, SPECIAL, UNTOLD, USES, foundations
from envdoctor.model.versions import window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from envdoctor.model.finding import Outcome
    from envdoctor.model.knowledge import Atlas, Book, Links
    from envdoctor.model.rule import Condition, Head
    from envdoctor.model.snapshot import Snapshot
    from envdoctor.model.spelling import Spellings


class Judgement:
    """Where the rules stand: an outcome for each, which fired, and the conditions that still wait for facts.

    Facts only ever turn unknown into known, so what is decided stays decided, and a second round looks at the rest alone. Where there are
    several scripts, `each` holds a judgement for every one of them, of the rules that can differ between them.
    """

    __slots__ = ("each", "fired", "outcomes", "patient", "unknowns", "waiting")

    def __init__(self, patient: Snapshot, ids: Iterable[str] = ()) -> None:
        self.patient = patient
        self.outcomes: dict[str, Outcome] = dict.fromkeys(ids, CLEAR)
        self.fired: list[str] = []
        self.unknowns: dict[frozenset[str], Unknown] = {}  # many rules wait for the same facts
        self.waiting: list[tuple[str, Condition]] = []
        self.each: list[Judgement] = [Judgement(patient.beside(script)) for script in patient.scripts]

    def missing(self) -> set[str]:
        """Return all facts that some rule waits for."""
        return {path for one in (self, *self.each) for rule, _ in one.waiting for path in getattr(one.outcomes[rule], "missing", ())}


def judge_rules(patient: Snapshot, book: Book, skip: Callable[[str], str | None] | None = None) -> Judgement:
    """Judge every rule that could fire. `skip` returns a reason to leave a rule out, or None."""
    state = Judgement(patient, book.ids)
    if state.each:
        from envdoctor.engine.scripts import rests_on_scripts  # imported late: most checks have one script, or none
    for rule, match in book.candidates(patient.distributions):
        reason = skip(rule) if skip is not None else None
        if reason is not None:
            state.outcomes[rule] = Skipped(reason=reason)
        elif state.each and rests_on_scripts(match):
            for one in state.each:
                _settle(one, rule, match)
        else:
            _settle(state, rule, match)
    return state


def judge_again(state: Judgement, patient: Snapshot, learnt: set[str]) -> None:
    """Judge the rules that waited for one of the facts that were learnt since."""
    state.patient = patient
    for script, one in zip(patient.scripts, state.each):
        one.patient = patient.beside(script)
    for one in (state, *state.each):
        waiting, one.waiting = one.waiting, []
        for rule, match in waiting:
            if learnt.isdisjoint(getattr(one.outcomes[rule], "missing", ())):
                one.waiting.append((rule, match))
            else:
                _settle(one, rule, match)


def _settle(state: Judgement, rule: str, match: Condition) -> None:
    try:
        truth = judge(match, state.patient)
    except Exception as error:  # noqa: BLE001 - a rule's own defect must not end the run, whatever it is
        state.outcomes[rule] = Crashed(error=f"{type(error).__name__}: {error}")
        return
    if truth is True:
        state.fired.append(rule)
    elif truth is False:
        state.outcomes[rule] = CLEAR
    else:
        same = state.unknowns.get(truth)
        if same is None:
            same = state.unknowns[truth] = Unknown(missing=tuple(sorted(truth)))
        state.outcomes[rule] = same
        state.waiting.append((rule, match))


def evaluate(
    patient: Snapshot,
    book: Book,
    purpose: str | None = None,
    skip: Callable[[str], str | None] | None = None,
    ignore: Callable[[Finding], str] | None = None,
    *,
    atlas: Atlas | None = None,
    spellings: Spellings | None = None,
) -> Report:
    """Judge a snapshot with a rule book and an atlas, in one round. See `judge_rules` and `report`."""
    state = judge_rules(patient, book, skip)
    found = derived_findings(state, patient, atlas, skip, spellings) if atlas is not None else []
    return report(state, patient, book, purpose, ignore, derived=found)


def derived_findings(
    state: Judgement, patient: Snapshot, atlas: Atlas, skip: Callable[[str], str | None] | None = None, spellings: Spellings | None = None
) -> list[Finding]:
    """Return what the atlas says of the installed packages and of a script, not yet weighed, and put its outcomes to those of the rules.

    A script is judged where the table of spellings is given.
    """
    links = atlas.beside(patient.distributions, patient.is_complete)
    same: Outcome = Unknown(missing=tuple("atlas:" + name for name in links.unread)) if links.unread else CLEAR
    for rule in DERIVED:
        reason = skip(rule) if skip is not None else None
        state.outcomes[rule] = same if reason is None else Skipped(reason=reason)
    found: list[Finding] = []
    if patient.every_script and spellings is not None:
        found += _script_findings(state, patient, links, skip, spellings)
    faults = links.faults()
    if faults:
        from envdoctor.engine.derived import derive  # imported late: most checks find nothing

        found += derive(patient, links, faults)
    return [finding for finding in found if not isinstance(state.outcomes[finding.rule], Skipped)]


def _script_findings(
    state: Judgement, patient: Snapshot, links: Links, skip: Callable[[str], str | None] | None, spellings: Spellings
) -> list[Finding]:
    from envdoctor.engine.calls import Judge

    for rule in CALLS:
        reason = skip(rule) if skip is not None else None
        state.outcomes[rule] = CLEAR if reason is None else Skipped(reason=reason)
    if all(isinstance(state.outcomes[rule], Skipped) for rule in CALLS):
        return []
    judge = Judge(patient, links, spellings)
    misuses = [misuse for script in patient.every_script for misuse in judge.misuses(script)]
    if not misuses:
        return []
    from envdoctor.engine.calls_told import tell

    return tell(misuses, judge, patient)


def report(
    state: Judgement,
    patient: Snapshot,
    book: Book,
    purpose: str | None = None,
    ignore: Callable[[Finding], str] | None = None,
    *,
    derived: Sequence[Finding] = (),
) -> Report:
    """Turn a judgement, and what the atlas derived, into findings, uses and a verdict.

    `purpose` is a key of PURPOSES or None for the default; `ignore` returns a reason to leave a finding out of the verdict, or "".
    """
    asked = purpose or DEFAULT_PURPOSE
    demanded = frozenset(use for use in PURPOSES[asked] if available(use, patient))
    outcomes, findings = _fired(state, book, demanded)
    findings = [*_once(findings, [_weighed(finding, patient, demanded) for finding in derived])]
    fired: dict[str, list[Finding]] = {}
    for place, finding in enumerate(findings):
        reason = ignore(finding) if ignore is not None else ""
        if reason:
            finding = findings[place] = finding.replace(suppressed=reason)
        fired.setdefault(finding.rule, []).append(finding)
    outcomes.update({rule: Fired(findings=tuple(same)) for rule, same in fired.items()})
    suppressed = [finding for finding in findings if finding.suppressed]
    findings = [finding for finding in findings if not finding.suppressed]
    if purpose is not None or patient.unread:
        from envdoctor.engine.built_in import packages_needed, unread

        findings += [*packages_needed(patient, purpose), *unread(patient)]
    findings = [_placed(finding, patient) for finding in findings]
    findings.sort(key=cost)
    uses = _uses(patient, findings, demanded, purpose)
    return Report(
        snapshot=patient,
        verdict=_verdict(patient, findings, uses, demanded),
        purpose=asked if purpose else "",
        uses=uses,
        findings=tuple(findings),
        outcomes=outcomes,
        suppressed=tuple(suppressed),
        book_version=book.version,
    )


def _placed(finding: Finding, patient: Snapshot) -> Finding:
    """Return a finding about packages with the places where a notebook installs them."""
    if finding.locations:
        return finding
    found = [patient.distributions[name].place for name in finding.packages if name in patient.distributions]
    places = tuple(dict.fromkeys(place for place in found if place is not None))
    return finding.replace(locations=places) if places else finding


def _fired(state: Judgement, book: Book, demanded: frozenset[str]) -> tuple[dict[str, Outcome], list[Finding]]:
    """Return what the rules come to, and the findings of those that fired: once where several scripts have the same."""
    outcomes = dict(state.outcomes)
    findings: list[Finding] = []
    if state.each:
        from envdoctor.engine.scripts import outcome_of

        for rule in {rule: None for one in state.each for rule in one.outcomes}:
            outcomes[rule] = outcome_of(one.outcomes[rule] for one in state.each if rule in one.outcomes)
    for one in (state, *state.each):
        for rule in one.fired:
            try:
                findings.append(_finding(book.head(rule), one.patient, book, demanded))
            except Exception as error:  # noqa: BLE001 - as in _settle
                outcomes[rule] = Crashed(error=f"{type(error).__name__}: {error}")
    if state.each:
        from envdoctor.engine.scripts import together

        findings = together(findings)
    return outcomes, findings


def available(use: str, patient: Snapshot) -> bool:
    """Tell whether the distributions of a use are installed (for the use of a script: whether there is one)."""
    if use == "script":
        return bool(patient.every_script)
    distributions = patient.distributions
    return all(name in distributions for name in USES[use][0])


_RESTING: dict[tuple[str, ...], tuple[str, ...]] = {}


def resting_on(uses: tuple[str, ...]) -> tuple[str, ...]:
    """Return these uses and all that rest on one of them."""
    known = _RESTING.get(uses)
    if known is None:
        broken = frozenset(uses)
        known = _RESTING[uses] = (*uses, *(use for use in USES if use not in broken and not broken.isdisjoint(foundations(use))))
    return known


def carried(uses: tuple[str, ...], patient: Snapshot) -> tuple[str, ...]:
    """Return these uses and the ones that rest on them only beside certain versions."""
    more = [
        use
        for use, below, beside in CARRIED
        if below in uses and use not in uses and all(judge(("dist", name, window(wanted)), patient) is True for name, wanted in beside)
    ]
    return (*uses, *more)


def _finding(head: Head, patient: Snapshot, book: Book, demanded: frozenset[str]) -> Finding:
    from envdoctor.engine.evidence import Witness, fill  # imported late: most checks find nothing

    witness = Witness(head.match, patient)
    prose, words = book.prose(head.id), witness.words
    uses = tuple(use for use in resting_on(carried(head.uses, patient)) if available(use, patient)) or head.uses
    severity = _severity(head.severity, uses, demanded, witness.asked)
    return Finding(
        rule=head.id,
        title=fill(prose.title, words),
        subject=head.subject,
        severity=severity,
        declared_severity=head.severity,
        impact=head.impact,
        confidence=head.confidence,
        message=fill(prose.message, words),
        why=prose.why,
        uses=uses,
        packages=tuple(witness.packages),
        because=tuple(witness.reasons.values()),
        remedies=tuple(
            remedy.replace(
                title=fill(remedy.title, words),
                advice=fill(remedy.advice, words),
                require={name: witness.windows.get(name, "") if wanted == WINDOW else wanted for name, wanted in remedy.require.items()},
            )
            for remedy in prose.remedies
        ),
        links=prose.links,
        locations=tuple(witness.locations),
        silent=prose.silent,
    )


def _severity(declared: str, uses: tuple[str, ...], demanded: frozenset[str], asked: bool) -> str:
    """Return what a fault counts for in this run. `asked` tells that the run itself made it show, not installed packages alone."""
    severity = declared
    if severity == "error" and demanded.isdisjoint(uses):
        severity = "warning"
    if severity == "warning" and SPECIAL.issuperset(uses) and demanded.isdisjoint(uses) and not asked:
        severity = "note"  # nobody said that this run needs it: audio data, a GPTQ model, several GPUs
    return severity


def _weighed(finding: Finding, patient: Snapshot, demanded: frozenset[str]) -> Finding:
    """Return a derived finding with all uses that rest on the broken ones, as far as they can be had here at all."""
    uses = tuple(use for use in resting_on(carried(finding.uses, patient)) if available(use, patient))
    return finding.replace(uses=uses, severity=_severity(finding.declared_severity, uses, demanded, False))


def _once(findings: list[Finding], derived: list[Finding]) -> Iterator[Finding]:
    """Return the findings of rules, and of the derived ones those that no rule tells already: an error about the same packages.

    What a derived one breaks beyond that is added to the rule's.
    """
    left = [finding for finding in derived if finding.uses]
    for finding in findings:
        told = [other for other in left if _is_told(other, finding)]
        left = [other for other in left if other not in told]
        more = [use for other in told for use in other.uses if use not in finding.uses]
        yield finding.replace(uses=(*finding.uses, *dict.fromkeys(more))) if more else finding
    yield from left


def _is_told(derived: Finding, finding: Finding) -> bool:
    """Tell whether a rule's finding is about the packages of a derived one: about a third one too, at most. For a script: its places."""
    if derived.locations:
        return finding.declared_severity == "error" and set(derived.locations) <= set(finding.locations)
    asking, *asked = derived.packages
    among = set(finding.packages)
    if finding.declared_severity != "error" or not asked or asking not in among or len(among) > 3:
        return False
    return not among.isdisjoint(asked)


def cost(finding: Finding) -> tuple[int, int, int, str]:
    """Return what findings are sorted by: the most expensive first."""
    return (
        SEVERITIES.index(finding.severity),
        IMPACTS.index(finding.impact),
        CONFIDENCES.index(finding.confidence),
        finding.rule,
    )


def _uses(patient: Snapshot, findings: list[Finding], demanded: frozenset[str], purpose: str | None) -> Mapping[str, str]:
    broken: set[str] = set()
    for finding in findings:
        if finding.declared_severity == "error" and finding.severity != "note":
            broken.update(finding.uses)
    shown = {use for use in USES if use not in UNTOLD and available(use, patient)}
    if purpose is not None:
        shown &= demanded
    answers: dict[str, str] = {}
    for use in USES:
        if use in broken:
            answers[use] = UNFIT
        elif use in shown:
            vague = any(patient.distributions[name].version is None for name in USES[use][0])
            answers[use] = UNKNOWN if vague else FIT
    return answers


def _verdict(patient: Snapshot, findings: list[Finding], uses: Mapping[str, str], demanded: frozenset[str]) -> str:
    if any(finding.severity == "error" for finding in findings):
        return UNFIT
    if not patient.is_complete or not demanded:
        return UNKNOWN
    if any(uses.get(use) == UNKNOWN for use in demanded):
        return UNKNOWN
    return FIT
