"""The cause of an error that names a thing of a package: what the check has derived for it, or since when the thing is there or gone."""

from __future__ import annotations

from envdoctor.logs import claims, facts
from envdoctor.logs.raised import package_of
from envdoctor.model.explanation import ELSEWHERE, FIRES, UNTOLD
from envdoctor.model.finding import (
    ARGUMENT_MISSING,
    DERIVED,
    MISSING_PACKAGE,
    MODULE_MISSING,
    NAME_MISSING,
    VERSION_REFUSED,
    Finding,
    Reason,
)
from envdoctor.model.rule import Remedy
from envdoctor.model.versions import InvalidSpecifier, InvalidVersion, admits, window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.logs.claims import Claim
    from envdoctor.logs.log import Fault
    from envdoctor.model.finding import Report
    from envdoctor.model.presence import Lookups, Presence
    from envdoctor.model.snapshot import Snapshot
    from envdoctor.model.spelling import Spellings

_RULES = {
    claims.NAME: NAME_MISSING,
    claims.MODULE: MODULE_MISSING,
    claims.ARGUMENT: ARGUMENT_MISSING,
    claims.MEMBER: NAME_MISSING,
    claims.VERSION: VERSION_REFUSED,
    claims.PACKAGE: MISSING_PACKAGE,
}


def derive(fault: Fault, report: Report, lookups: Lookups, spellings: Spellings) -> tuple[Finding, str] | None:
    """Return the cause of a fault's claim, and whether it is here; None where the claim is none, or nothing is known of the thing."""
    claim = fault.claim
    if claim is None:
        return None
    asker = lookups.brings(package_of(fault.raised))
    partner = (
        claim.where if claim.kind == claims.VERSION else lookups.brings(claim.where) if claim.kind in (claims.NAME, claims.MODULE) else ""
    )
    told = _told(claim, asker, partner, report)
    if told is not None:
        return told, FIRES
    if claim.kind == claims.VERSION:
        return _refused(claim, asker, report.snapshot)
    if claim.kind in (claims.MODULE, claims.PACKAGE) and partner and partner not in report.snapshot.distributions:
        return _absent(claim, asker, partner, report.snapshot)
    if claim.kind == claims.PACKAGE:
        return None
    found = _look(claim, lookups)
    if found is None:
        return None
    own = _of_script(claim, spellings) if not asker or asker == found.package else None
    return _moved(claim, asker, found, report.snapshot, [own] if own is not None else _of_asker(claim, asker, found, lookups))


def _told(claim: Claim, asker: str, partner: str, report: Report) -> Finding | None:
    """Return the finding of the check that is about this very thing, or else the error about the same two packages."""
    word = claim.what or claim.where
    for finding in report.findings:
        if finding.rule in DERIVED and word in finding.message and (not partner or partner in finding.packages):
            return finding
    for finding in report.findings:
        among = set(finding.packages)
        if finding.severity == "error" and asker and partner and asker != partner and {asker, partner} <= among and len(among) <= 3:
            return finding
    return None


def _look(claim: Claim, lookups: Lookups) -> Presence | None:
    if claim.kind == claims.NAME:
        return lookups.name(claim.where, claim.what) or lookups.module(f"{claim.where}.{claim.what}")
    if claim.kind == claims.MODULE:
        return lookups.module(claim.where)
    if claim.kind == claims.ARGUMENT:
        return lookups.parameter(claim.where, claim.what)
    return lookups.member(claim.where, claim.what)


def _thing(claim: Claim) -> str:
    return {
        claims.NAME: f"{claim.where}.{claim.what}",
        claims.MODULE: f"the module {claim.where}",
        claims.ARGUMENT: f"the argument {claim.what} of {claim.where}",
        claims.MEMBER: f"{claim.where}.{claim.what}",
    }[claim.kind]


def _moved(claim: Claim, asker: str, found: Presence, patient: Snapshot, others: list[Remedy]) -> tuple[Finding, str]:
    """Return the cause where the releases that have a thing are known; `others` are ways out beside moving to one of those."""
    package, thing = found.package, _thing(claim)
    installed = patient.distribution(package)
    version = installed.version or "" if installed is not None else ""
    if found.gone:
        since = f"dropped in {found.gone}"
    elif found.since:
        since = f"has only from {found.since} on"
    else:
        since = f"has in {found.releases}"
    asks = "The script" if not asker else f"{asker} {_version(asker, patient)}".strip()
    said = f"{asks} asks for {thing}, which {package} {since}"
    standing = FIRES if found.here is False else ELSEWHERE if found.here else UNTOLD
    if standing == ELSEWHERE:
        said += f"; {package} {version} of this environment has it"
    moves = [*others, *([_require(package, found.window)] if found.window else [])]
    names = tuple(dict.fromkeys(name for name in (asker, package) if name))
    finding = _finding(claim, said, names, patient, moves)
    known = Reason(what=f"{package} has it", value=f"in {found.releases}", origin="the atlas")
    return finding.replace(because=(*finding.because, known), confidence="certain"), standing


def _of_asker(claim: Claim, asker: str, found: Presence, lookups: Lookups) -> list[Remedy]:
    """Return the move of whoever asks to a release that does not."""
    if not asker or asker == found.package or claim.kind not in (claims.NAME, claims.MODULE):
        return []
    asking = lookups.asking(asker, f"{claim.where}.{claim.what}" if claim.what else claim.where)
    return [_require(asker, asking.window)] if asking is not None and asking.window else []


def _of_script(claim: Claim, spellings: Spellings) -> Remedy:
    """Return what the script has to say instead."""
    if claim.kind == claims.ARGUMENT:
        advice = _respelled(claim, spellings) or f"Change the call of {claim.where}: leave the argument {claim.what} out."
    else:
        name = f"{claim.where}.{claim.what}" if claim.what else claim.where
        heir = next((one for one in spellings.successors if one.old == name), None)
        advice = f"Change the script: it asks for {name}."
        if heir is not None:
            advice = f"Write {heir.new} instead of {name}." if heir.new else heir.advice or advice
    return Remedy(title=advice, safety="manual", advice=advice)


def _respelled(claim: Claim, spellings: Spellings) -> str:
    """Return how an argument is written in other releases, "" where no table tells."""
    where, what = claim.where, claim.what
    named = {where, *(base.rpartition(".")[2] for heir in spellings.heirs if _names(heir.of, where) for base in heir.bases)}
    for one in spellings.renamed:
        if what in (one.old, one.new) and any(_names(one.of, name) for name in named):
            other = one.new if what == one.old else one.old
            return f"Write {other}= instead of {what}= in the call of {where}." if other else one.advice
    for move in spellings.moved:
        if what in move.names and _names((move.trainer,), where):
            config = move.config.rpartition(".")[2]
            return f"Pass {what} to {config}, and that to {where} as {move.by}=, not to {where} itself."
    return ""


def _names(dotted: tuple[str, ...], name: str) -> bool:
    return any(one == name or one.endswith("." + name) for one in dotted)


def _require(name: str, wanted: str) -> Remedy:
    return Remedy(title=f"Move {name} to {wanted}" if wanted else f"Install {name}", safety="unsafe", require={name: wanted})


def _absent(claim: Claim, asker: str, partner: str, patient: Snapshot) -> tuple[Finding, str]:
    asks = f"{asker} {_version(asker, patient)}".strip() if asker else "The script"
    names = tuple(dict.fromkeys(name for name in (asker, partner) if name))
    what = f"imports {claim.where}, which {partner} brings, and that" if claim.kind == claims.MODULE else f"looks for {partner}, which"
    moves = [_require(partner, "")] if claim.kind == claims.MODULE else []  # a name that only the log knows is none to be installed
    finding = _finding(claim, f"{asks} {what} is not installed", names, patient, moves)
    return finding.replace(rule=MISSING_PACKAGE), FIRES if patient.is_complete else UNTOLD


def _refused(claim: Claim, asker: str, patient: Snapshot) -> tuple[Finding, str]:
    """Return the cause where a version is refused in so many words."""
    name, installed = claim.where, patient.distribution(claim.where)
    version = installed.version or "" if installed is not None else ""
    who = f"{asker} {_version(asker, patient)}".strip() if asker and asker != name else "The run"
    found = f", and found {claim.found}" if claim.found else ""
    try:
        met = admits(window(claim.what), version) if version else None
    except (InvalidSpecifier, InvalidVersion):
        met = None
    standing = UNTOLD if met is None and installed is not None else ELSEWHERE if met else FIRES
    here = (
        f"; this environment has {version}"
        if version and version != claim.found
        else "; it is not installed here"
        if installed is None
        else ""
    )
    names = tuple(dict.fromkeys(one for one in (asker, name) if one))
    return _finding(claim, f"{who} wants {name}{claim.what}{found}{here}", names, patient, [_require(name, claim.what)]), standing


def _version(name: str, patient: Snapshot) -> str:
    found = patient.distribution(name)
    return (found.version or "") if found is not None else ""


def _finding(claim: Claim, message: str, names: tuple[str, ...], patient: Snapshot, remedies: list[Remedy]) -> Finding:
    return Finding(
        rule=_RULES[claim.kind],
        title=message,
        subject="/".join(names),
        severity="error",
        declared_severity="error",
        impact="crash-at-start" if claim.kind in (claims.ARGUMENT, claims.MEMBER) else "crash-at-import",
        confidence="likely",
        message=message,
        packages=names,
        because=tuple(facts.version(name, patient) for name in names),
        remedies=tuple(remedies),
    )
