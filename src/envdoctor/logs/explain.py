"""Holds what a log tells against one environment: the rule that fires, what the atlas knows of a name, or the nearest facts."""

from __future__ import annotations

import re

from envdoctor.logs import facts, memory
from envdoctor.logs.derive import derive
from envdoctor.logs.raised import frame_of, package_of, script_of
from envdoctor.model.explanation import ELSEWHERE, FIRES, HOLDS, KILLED, MEMORY_SHORT, NO_RULE, UNTOLD, Explanation
from envdoctor.model.finding import Clear, Finding, Reason, Unknown
from envdoctor.model.names import normalise
from envdoctor.model.record import Record
from envdoctor.model.rule import Remedy
from envdoctor.model.script import Location
from envdoctor.model.spelling import Spellings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envdoctor.logs.log import Fault, Log
    from envdoctor.logs.symptoms import Hit
    from envdoctor.model.finding import Report
    from envdoctor.model.knowledge import Book
    from envdoctor.model.presence import Lookups

_PLACEHOLDER = re.compile(r"\s*\{[A-Za-z0-9_.]+\}")
_KILLED = -9
_LONGEST = 300  # characters of an error that are told
_COMPILER = "fatal error: "


class Sources(Record):
    """What is asked for what a log does not say itself."""

    book: Book
    lookups: Lookups
    spellings: Spellings = Spellings()


def explain(log: Log, name: str, report: Report, sources: Sources) -> tuple[Explanation, ...]:
    """Return an explanation of every fault of a log, but of those that only follow from others. `name` is how the log is called."""
    own = [fault for fault in log.faults if not fault.follows]
    if not own and _KILLED in log.exits:
        return (killed(f"a process in {name}"),)
    return tuple(_once([_explained(fault, name, report, sources) for fault in own or log.faults]))


def _once(told: list[Explanation]) -> Iterator[Explanation]:
    """Leave out what a rule says a second time, of a text that nothing raised."""
    seen: set[str] = set()
    for one in told:
        if one.finding.rule not in seen or one.finding.rule == NO_RULE or one.raised_in:
            yield one
        seen.add(one.finding.rule)


def killed(process: str, signal: int = 9) -> Explanation:
    """Return the explanation of a process that a signal from outside ended, without a word."""
    by_kernel = signal == -_KILLED
    message = f"The process was killed from outside (signal {signal})"
    if by_kernel:
        message += "; Linux does so to the largest process when the machine runs out of memory"
    advice = "Look who killed it: `dmesg | grep -i -e oom -e killed`, or the scheduler's record of the job."
    finding = Finding(
        rule=KILLED, title=f"Killed by signal {signal}", subject="process", severity="error", declared_severity="error",
        impact="out-of-memory" if by_kernel else "crash-at-start", confidence="likely" if by_kernel else "certain", message=message,
        remedies=(Remedy(title=advice, safety="manual", advice=advice),) if by_kernel else (),
    )  # fmt: skip
    return Explanation(finding=finding, headline=f"{process} ended by signal {signal}", line=0, standing=HOLDS)


def _explained(fault: Fault, name: str, report: Report, sources: Sources) -> Explanation:
    finding, standing = _found(fault, report, sources)
    distributions = report.snapshot.distributions
    module = package_of(fault.raised)
    by = sources.lookups.brings(module) if module else ""
    frame = frame_of(fault.raised) or (fault.raised.frames[-1] if fault.raised.frames else None)
    script = next(filter(None, map(script_of, (fault.raised, *reversed(fault.chain)))), None) if module else None
    said = Reason(what="log", value=_line(fault), origin=f"{name}:{fault.raised.line}")
    location = Location(path=name, line=fault.raised.line)
    known = set(distributions)
    return Explanation(
        finding=finding.replace(because=(*finding.because, said), locations=(*finding.locations, location)),
        headline=_line(fault),
        line=fault.raised.line,
        standing=standing,
        crashed=bool(fault.raised.kind),
        count=fault.count,
        ranks=fault.sources,
        raised_by=by if by in known or module else "",
        raised_in=facts.place(frame) if frame is not None else "",
        called_from=facts.place(script) if script is not None else "",
        others=() if finding.rule == MEMORY_SHORT else tuple(hit.rule for hit in fault.hits if hit.rule != finding.rule),
        numbers=tuple(memory.numbers(fault.shortage)) if fault.shortage is not None else (),
    )


def _line(fault: Fault) -> str:
    """Return an error in one line, as long as it helps."""
    text = " ".join(fault.raised.headline.split())
    if fault.shortage is not None:  # the numbers are told in a table
        text = ". ".join(text.split(". ")[:2])
    compiler = next((line for line in fault.raised.message.splitlines() if _COMPILER in line), "")
    if compiler and len(text) > _LONGEST:  # the whole command line stands before what the compiler has to say
        text = f"{text.partition(': [')[0]}: {compiler[compiler.index(_COMPILER) :]}"
    return text if len(text) <= _LONGEST else text[:_LONGEST].rsplit(" ", 1)[0] + " ..."


def _found(fault: Fault, report: Report, sources: Sources) -> tuple[Finding, str]:
    """Return the cause, and whether it is here: rules that fire first, then what is derived, then rules that do not fire."""
    fired = {finding.rule: finding for finding in (*report.findings, *report.suppressed)}
    for hit in fault.hits:
        if hit.rule in fired:
            return fired[hit.rule], FIRES
    if fault.shortage is not None:
        return _of_memory(fault), HOLDS
    derived = derive(fault, report, sources.lookups, sources.spellings)
    best = _best(fault, sources)
    if best is None or best.generic:
        return derived or (facts.unknown(fault, report, sources.lookups), UNTOLD)
    if derived is not None and derived[0] in report.findings:
        return derived
    finding, standing = _of_rule(best.rule, report, sources.book)
    if derived is not None and derived[1] == FIRES and standing == ELSEWHERE:
        return derived
    if derived is not None and standing == UNTOLD:  # the rule waits for a script, and the atlas can tell without
        return finding.replace(because=(*finding.because, *derived[0].because), packages=derived[0].packages), derived[1]
    return finding, standing


def _best(fault: Fault, sources: Sources) -> Hit | None:
    """Return the rule to tell of those that do not fire: of equal texts that of the package whose code raised the error."""
    through = facts.packages(fault, sources.lookups) if len(fault.hits) > 1 else []

    def rank(hit: Hit) -> tuple[bool, int, int]:
        subject = normalise(sources.book.head(hit.rule).subject)
        return hit.generic, -hit.weight, through.index(subject) if subject in through else len(through)

    return min(fault.hits, key=rank, default=None)


def _of_rule(rule: str, report: Report, book: Book) -> tuple[Finding, str]:
    """Return what a rule says that does not fire here."""
    outcome = report.outcomes.get(rule)
    standing = ELSEWHERE if isinstance(outcome, Clear) else UNTOLD
    prose, head = book.prose(rule), book.head(rule)
    names = dict.fromkeys(normalise(name) for name in (head.subject, *(name for remedy in prose.remedies for name in remedy.require)))
    rows = tuple(facts.version(name, report.snapshot) for name in names if name in report.snapshot.distributions)
    missing = tuple(Reason(what=path, value="not known", origin="") for path in outcome.missing[:3]) if isinstance(outcome, Unknown) else ()
    title = _PLACEHOLDER.sub("", prose.title).rstrip(" :")
    finding = Finding(
        rule=rule, title=title, subject=head.subject, severity=head.severity, declared_severity=head.severity, impact=head.impact,
        confidence="possible", message=title, why=prose.why, uses=head.uses, packages=tuple(names), because=(*rows, *missing),
        remedies=tuple(_certain(prose.remedies)), links=prose.links, silent=prose.silent,
    )  # fmt: skip
    return finding, standing


def _certain(remedies: Iterable[Remedy]) -> Iterator[Remedy]:
    """Return remedies without what only a rule that fires could fill in."""
    for remedy in remedies:
        wanted = {name: "" if "{" in specifier else specifier for name, specifier in remedy.require.items() if "{" not in name}
        if wanted or not remedy.require:
            title, advice = (_PLACEHOLDER.sub("", text) for text in (remedy.title, remedy.advice))
            yield remedy.replace(title=title, advice=advice, require=wanted)


def _of_memory(fault: Fault) -> Finding:
    shortage = fault.shortage
    assert shortage is not None
    where = shortage.device or ("the machine" if shortage.is_host else "the GPU")
    cause = memory.cause(shortage)
    return Finding(
        rule=MEMORY_SHORT,
        title=f"Out of memory on {where}{f', {shortage.phase}' if shortage.phase else ''}",
        subject="memory",
        severity="error",
        declared_severity="error",
        impact="out-of-memory",
        confidence="certain",
        message=f"{cause}; it happened {shortage.phase}" if shortage.phase else cause,
        remedies=tuple(Remedy(title=text, safety="unsafe", advice=text) for text in memory.advice(shortage)),
    )
