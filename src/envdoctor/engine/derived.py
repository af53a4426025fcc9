"""Findings that the atlas derives, in the words and the form of a rule's. Only run when something is amiss."""

from __future__ import annotations

from envdoctor.engine.evidence import described, fill
from envdoctor.engine.links import Surroundings, causes
from envdoctor.model.finding import (
    ARGUMENT_MISSING,
    MISSING_PACKAGE,
    MODULE_MISSING,
    NAME_MISSING,
    VERSION_REFUSED,
    Finding,
    Reason,
)
from envdoctor.model.names import normalise, placeholder
from envdoctor.model.rule import Remedy
from envdoctor.model.uses import USES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from envdoctor.engine.links import Cause
    from envdoctor.model.knowledge import Fault, Links
    from envdoctor.model.snapshot import Snapshot

RULES = {
    "name": NAME_MISSING,
    "module": MODULE_MISSING,
    "package": MISSING_PACKAGE,
    "argument": ARGUMENT_MISSING,
    "refused": VERSION_REFUSED,
}
_MOST = 3  # names in a message


def derive(patient: Snapshot, links: Links, faults: Iterable[Fault]) -> list[Finding]:
    """Return one finding for each cause, with the uses that break directly."""
    surroundings = Surroundings(patient, links)
    return [_finding(cause, patient, links, surroundings) for cause in _felt(causes(faults, links, surroundings))]


def _felt(found: list[Cause]) -> list[Cause]:
    """Leave out what nobody would come to see: a call that fails in a use that the same two packages keep from being imported."""
    imports: dict[tuple[str, str], set[str]] = {}
    for cause in found:
        if cause.faults[0].kind in ("name", "module"):
            imports.setdefault(_pair(cause), set()).update(cause.uses)
    return [one for one in found if one.faults[0].kind in ("name", "module") or not set(one.uses) <= imports.get(_pair(one), set())]


def _pair(cause: Cause) -> tuple[str, str]:
    return cause.faults[0].package, cause.faults[0].partner


def _finding(cause: Cause, patient: Snapshot, links: Links, surroundings: Surroundings) -> Finding:
    first = cause.faults[0]
    names = tuple(dict.fromkeys(name for fault in cause.faults for name in (fault.package, fault.partner) if name))
    uses = tuple(use for use in USES if use in cause.uses)
    imported = first.kind in ("name", "module", "package") or all(fault.entry.startswith("import ") for fault in cause.faults)
    return Finding(
        rule=RULES[first.kind],
        title=_title(first, patient),
        subject=first.package if first.kind == "package" else "/".join(names),
        severity="error",
        declared_severity="error",
        impact="crash-at-import" if imported else "crash-at-start",
        confidence="certain" if all(fault.exact for fault in cause.faults) else "likely",
        message=f"{_message(cause.faults, patient)}; {_broken(uses[0], imported)}",
        why=_why(cause, patient, uses, links.mined),
        uses=uses,
        packages=names,
        because=tuple(_reason(name, patient, links.mined) for name in names),
        remedies=_remedies(cause, patient, links, surroundings),
    )


def _title(fault: Fault, patient: Snapshot) -> str:
    return {
        "name": f"{fault.package} imports names that {fault.partner} does not have",
        "module": f"{fault.package} imports modules that {fault.partner} does not have",
        "package": f"{fault.package} imports what is not installed",
        "argument": f"{fault.package} passes arguments that {fault.partner} does not take",
        "refused": f"{fault.package} refuses {_refused(fault, patient)}",
    }[fault.kind]


def _refused(fault: Fault, patient: Snapshot) -> str:
    if not fault.partner:
        return "this environment"
    return f"the installed {fault.partner}" if fault.partner in patient.distributions else f"to work without {fault.partner}"


def _message(faults: tuple[Fault, ...], patient: Snapshot) -> str:
    first = faults[0]
    holder = _named(first.package, patient)
    if first.kind == "refused":
        told = _named(first.partner, patient) if first.partner in patient.distributions else _refused(first, patient)
        said = fill(first.target, {placeholder(name): str(found.version) for name, found in patient.distributions.items()})
        return f"{holder} refuses {told}: {said}" if said else f"{holder} refuses {told}"
    if first.kind == "package":
        modules = list(dict.fromkeys(fault.root for fault in faults))
        undeclared = " and which it does not declare" if _undeclared(faults, patient) else ""
        return f"{holder} imports {_listed(modules)}, which {'are' if len(modules) > 1 else 'is'} not installed{undeclared}"
    # one release that dropped a thing, or brought it, makes one sentence; the rest is counted
    same = [fault for fault in faults if (fault.gone, fault.since) == (first.gone, first.since)]
    if first.kind == "module":
        modules = list(dict.fromkeys(fault.target.partition(":")[0] for fault in same))
        what, of = f"the module{'s' if len(modules) > 1 else ''} {_listed(modules)}", f", which {first.partner}"
        return f"{holder} imports {what}{of} {_when(first, patient, of_partner=True)}"
    if first.kind == "argument":
        function = first.target.rpartition("(")[0]
        alike = [fault for fault in same if fault.target.startswith(function + "(")]
        names = list(dict.fromkeys(fault.target.rstrip(")").rpartition("(")[2] for fault in alike))
        return f"{holder} passes {_listed(names)} to {function.replace(':', '.')}, which {_when(first, patient)}"
    asked = first.target.partition(":")[0]
    alike = [fault for fault in same if fault.target.startswith(asked + ":")]
    names = list(dict.fromkeys(fault.target.partition(":")[2] for fault in alike))
    more = len({fault.target for fault in faults}) - len(names)
    return f"{holder} imports {_listed(names)}{f' (and {more} more)' if more else ''} from {asked}, which {_when(first, patient)}"


def _when(fault: Fault, patient: Snapshot, of_partner: bool = False) -> str:
    """Say since when something is gone, or from when on it is there: what follows `which`."""
    here = "" if of_partner else "it "
    if fault.kind == "argument":
        if not fault.gone and not fault.since:
            return f"{_version(fault.partner, patient)} does not take".strip()
        return f"no longer takes it since {fault.gone}" if fault.gone else f"takes it only from {fault.since} on"
    if fault.gone:
        return f"dropped {here}in {fault.gone}"
    if fault.since:
        return f"has {here}only from {fault.since} on"
    return f"{_version(fault.partner, patient)} does not have".strip()


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_MOST]) + (f" and {len(names) - _MOST} more" if len(names) > _MOST else "")


def _named(name: str, patient: Snapshot) -> str:
    return f"{name} {_version(name, patient)}".strip()


def _version(name: str, patient: Snapshot) -> str:
    found = patient.distribution(name)
    return "" if found is None else described(found)


def _undeclared(faults: tuple[Fault, ...], patient: Snapshot) -> bool:
    found = patient.distribution(faults[0].package)
    if found is None or found.requires is None:
        return False
    return {fault.partner for fault in faults}.isdisjoint(map(_name_in, found.requires))


def _name_in(requirement: str) -> str:
    length = next((place for place, sign in enumerate(requirement) if not (sign.isalnum() or sign in "-_.")), len(requirement))
    return normalise(requirement[:length])


def _broken(use: str, imported: bool) -> str:
    if use.startswith("import "):
        return f"{use.removeprefix('import ')} cannot be imported"
    return f"{use} cannot be imported" if "." in use and imported else f"{use} fails"


def _why(cause: Cause, patient: Snapshot, uses: tuple[str, ...], mined: frozenset[str]) -> str:
    """Say where in the files it stands, and by which imports it is reached."""
    first = cause.faults[0]
    verb = {"argument": "passes it", "refused": "checks it"}.get(first.kind, "asks for it")
    files = "installed files" if first.package in mined else "files"
    told = f"{first.module} {verb}, as the {files} of {_named(first.package, patient)} say"
    carried = next((cause.uses[use] for use in uses if cause.uses[use]), ()) if all(cause.uses[use] for use in uses) else ()
    through = [f"{rest.module} of {rest.package} imports {rest.target.replace(':', '.')}" for rest in carried]
    return f"{told}; {', and '.join(through)}." if through else f"{told}."


def _reason(name: str, patient: Snapshot, mined: frozenset[str]) -> Reason:
    found = patient.distribution(name)
    if found is None:
        return Reason(what=name, value="not installed", origin="list of installed distributions")
    origin = found.origin or "list of installed distributions"
    return Reason(what=name, value=described(found), origin=f"{origin}, read from the installed files" if name in mined else origin)


def _remedies(cause: Cause, patient: Snapshot, links: Links, surroundings: Surroundings) -> tuple[Remedy, ...]:
    """Return the two moves that would cure it, the one that goes forward first."""
    first = cause.faults[0]
    partners = {fault.root: fault.partner for fault in cause.faults}
    others, own = links.cures(first.package, tuple(partners), cause.entries, surroundings.holds)
    theirs = {
        partner: wanted
        for partner, wanted in zip(partners.values(), others)
        if partner and wanted is not None and (wanted or partner not in patient.distributions)
    }
    moves = [move for move in ({first.package: own} if own else {}, theirs) if move]
    moves.sort(key=lambda move: any("<" in wanted for wanted in move.values()))
    return tuple(Remedy(title=_move(move), safety="unsafe", require=move) for move in moves)


def _move(wanted: dict[str, str]) -> str:
    return "; ".join(f"Move {name} to {versions}" if versions else f"Install {name}" for name, versions in wanted.items())
