"""Several scripts beside one environment: which rules have to be judged for each of them, and their findings told once.

Each script is judged by itself, so that no rule is satisfied half by one file and half by another.
"""

from __future__ import annotations

from envdoctor.model.finding import CLEAR, FIT, UNFIT, UNKNOWN, Crashed, Fired, Skipped, Unknown
from envdoctor.model.uses import USES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from envdoctor.model.finding import Finding, Outcome, Report
    from envdoctor.model.rule import Condition

_OF_SCRIPTS = ("model.", "training.", "run.", "hf.download_needed")
"""Beginnings of the facts that a script tells."""
_OPEN = {Skipped: 1, Unknown: 2, Crashed: 3}


def rests_on_scripts(node: Condition) -> bool:
    """Tell whether a condition can come out differently for two scripts beside the same packages."""
    kind = node[0]
    if kind in ("call", "import", "env"):
        return True
    if kind in ("all", "any", "none"):
        return any(rests_on_scripts(part) for part in node[1])
    if kind == "seen":
        return rests_on_scripts(node[1])
    if kind == "fact":
        return _is_told(node[1]) or (node[2].endswith("_fact") and _is_told(node[3]))
    return kind == "predicate" and any(_is_told(value) for _, value in node[2])


def _is_told(path: object) -> bool:
    return isinstance(path, str) and path.startswith(_OF_SCRIPTS)


def outcome_of(outcomes: Iterable[Outcome]) -> Outcome:
    """Return what a rule comes to that was judged for several scripts and fired for none: what is open for one of them is open."""
    found: Outcome = CLEAR
    missing: dict[str, None] = {}
    for outcome in outcomes:
        if _OPEN.get(type(outcome), 0) > _OPEN.get(type(found), 0):
            found = outcome
        missing.update(dict.fromkeys(getattr(outcome, "missing", ())))
    return Unknown(missing=tuple(sorted(missing))) if isinstance(found, Unknown) else found


def together(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings with those of several scripts that say the same told once, with all their places."""
    found: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        alike = found.setdefault((finding.rule, finding.message), [])
        for place, other in enumerate(alike):
            if _plain(other) == _plain(finding):
                alike[place] = other.replace(
                    uses=tuple(dict.fromkeys((*other.uses, *finding.uses))),
                    because=tuple(dict.fromkeys((*other.because, *finding.because))),
                    locations=tuple(dict.fromkeys((*other.locations, *finding.locations))),
                )
                break
        else:
            alike.append(finding)
    return [finding for alike in found.values() for finding in alike]


def _plain(finding: Finding) -> Finding:
    """Return what a finding says, without where, which advice may name, and without what it breaks: the environment has a part in that."""
    return finding.replace(uses=(), because=(), locations=(), remedies=tuple(remedy.replace(advice="") for remedy in finding.remedies))


def joined(reports: Sequence[Report]) -> Report:
    """Return the reports on several environments as one: what is broken in one of them is broken. Raises IndexError for none.

    The snapshot is that of the first, with the documents of all.
    """
    from envdoctor.engine.evaluate import cost

    first = reports[0]
    if len(reports) == 1:
        return first
    findings = together(finding for report in reports for finding in report.findings)
    suppressed = together(finding for report in reports for finding in report.suppressed)
    outcomes: dict[str, Outcome] = {rule: outcome_of(report.outcomes[rule] for report in reports) for rule in first.outcomes}
    fired: dict[str, list[Finding]] = {}
    for finding in (*findings, *suppressed):
        fired.setdefault(finding.rule, []).append(finding)
    outcomes.update({rule: Fired(findings=tuple(alike)) for rule, alike in fired.items() if rule in outcomes})
    uses = {use: [report.uses[use] for report in reports if use in report.uses] for use in USES}
    documents = dict.fromkeys(document for report in reports for document in report.snapshot.documents)
    return first.replace(
        snapshot=first.snapshot.replace(documents=tuple(documents)),
        verdict=_worst(report.verdict for report in reports),
        uses={use: _worst(answers) for use, answers in uses.items() if answers},
        findings=tuple(sorted(findings, key=cost)),
        suppressed=tuple(suppressed),
        outcomes=outcomes,
    )


def _worst(verdicts: Iterable[str]) -> str:
    return max(verdicts, key=(FIT, UNKNOWN, UNFIT).index)
