"""The nearest useful facts about an error that nothing explains: who raised it, in which version, and what its neighbours declare."""

from __future__ import annotations

from envdoctor.logs.claims import MODULE
from envdoctor.logs.raised import package_of
from envdoctor.model.explanation import NO_RULE
from envdoctor.model.finding import Finding, Reason
from envdoctor.model.requirements import InvalidRequirement, marker_variables, needed
from envdoctor.model.versions import InvalidSpecifier, InvalidVersion, admits, window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from envdoctor.logs.log import Fault
    from envdoctor.logs.raised import Frame
    from envdoctor.model.finding import Report
    from envdoctor.model.presence import Lookups
    from envdoctor.model.snapshot import Snapshot

_MOST = 6  # packages of a traceback that are told


def place(frame: Frame) -> str:
    """Return where a frame is, without the folders that an environment lies in.

    >>> from envdoctor.logs.raised import Frame
    >>> place(Frame(path="/venv/lib/python3.11/site-packages/peft/peft_model.py", line=37))
    'peft/peft_model.py:37'
    """
    path = frame.path.replace("\\", "/")
    for folder in ("/site-packages/", "/dist-packages/", "<site>/"):
        path = path.rpartition(folder)[2]
    return f"{path}:{frame.line}" if frame.line else path


def version(name: str, patient: Snapshot) -> Reason:
    """Return the version of a distribution as a reason."""
    found = patient.distribution(name)
    if found is None:
        return Reason(what=name, value="not installed", origin="list of installed distributions")
    return Reason(
        what=name, value=found.version or "of a version that is not known", origin=found.origin or "list of installed distributions"
    )


def unknown(fault: Fault, report: Report, lookups: Lookups) -> Finding:
    """Return what is certain of an error that no rule knows: a note of facts, never a guess at its cause."""
    patient = report.snapshot
    names = packages(fault, lookups)
    here = [name for name in names if name in patient.distributions]
    raiser = package_of(fault.raised)
    by = lookups.brings(raiser) if raiser else ""
    told = "No rule knows this error"
    if fault.follows:
        told = "It is what a process raises when another one has failed; that one's own error is not in this log"
    elif by and by in here:
        told += f"; {by} {patient.distributions[by].version or ''}".rstrip() + " raised it"
    elif raiser:
        told += f"; {by or raiser} raised it, and this environment does not have it"
    elif fault.raised.frames:
        told += "; it was raised in the script itself, not in the code of a package"
    claim = fault.claim
    if claim is not None and claim.kind == MODULE and not lookups.brings(claim.where):
        told += f"; no package that is known brings the module {claim.where}"
    return Finding(
        rule=NO_RULE,
        title="No rule knows this error",
        subject=by or "log",
        severity="note",
        declared_severity="note",
        impact="crash-at-start",
        confidence="possible",
        message=told,
        packages=tuple(here),
        because=(*(version(name, patient) for name in here[:_MOST]), *_declared(here[:_MOST], patient)),
    )


def packages(fault: Fault, lookups: Lookups) -> list[str]:
    """Return the distributions that a fault's tracebacks go through, and the one that its claim is about, the innermost first."""
    modules = [frame.module for raised in (fault.raised, *fault.chain) for frame in reversed(raised.frames) if frame.module]
    claimed = [fault.claim.where.partition(".")[0]] if fault.claim is not None and fault.claim.kind in ("name", "module") else []
    return [name for name in dict.fromkeys(lookups.brings(module) for module in dict.fromkeys((*modules, *claimed))) if name]


def _declared(names: list[str], patient: Snapshot) -> Iterator[Reason]:
    """Return what these packages declare of each other, and of anything else that is not as they declare."""
    facts = [patient.facts.get(path) for path in ("os.name", "os.arch", "python.version")]
    environment = marker_variables(*(str(fact.value) if fact is not None else "" for fact in facts))
    for holder in names:
        for line in patient.distributions[holder].requires or ():
            try:
                wanted = needed(line, environment)
                if wanted is None or not wanted[1]:
                    continue
                name, specifier = wanted
                found = patient.distribution(name)
                if found is None or found.version is None:
                    continue
                is_met = admits(window(specifier), found.version)
            except (InvalidRequirement, InvalidSpecifier, InvalidVersion):
                continue
            if not is_met or name in names:
                kept = f"has {found.version}" if is_met else f"has {found.version}, which is outside"
                yield Reason(what=f"{holder} declares {name}{specifier};", value=f"this environment {kept}", origin="")
