"""Findings that no rule file can say, because they depend on what was asked."""

from __future__ import annotations

from envdoctor.model.finding import PACKAGE_NEEDED, SCRIPT_UNREAD, Finding, Reason
from envdoctor.model.rule import Remedy
from envdoctor.model.uses import PURPOSES, REQUIRED_DISTRIBUTIONS, USES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.model.snapshot import Snapshot

_NAMED = 2
"""Files that are named where more could not be read."""


def packages_needed(patient: Snapshot, purpose: str | None) -> list[Finding]:
    """Return a finding where packages are not installed without which a purpose cannot be had."""
    if purpose is None or not patient.is_complete:
        return []
    lost = [name for name in REQUIRED_DISTRIBUTIONS[purpose] if name not in patient.distributions]
    if not lost:
        return []
    names = ", ".join(lost)
    return [
        Finding(
            rule=PACKAGE_NEEDED,
            title=f"{names} not installed",
            subject=lost[0],
            severity="error",
            declared_severity="error",
            impact="crash-at-import",
            confidence="certain",
            message=f"{purpose} needs {names}, and this environment does not have it",
            uses=tuple(use for use in PURPOSES[purpose] if not set(USES[use][0]).isdisjoint(lost)),
            packages=tuple(lost),
            because=tuple(Reason(what=name, value="not installed", origin="list of installed distributions") for name in lost),
            remedies=(Remedy(title=f"Install {names}", safety="unsafe", require=dict.fromkeys(lost, "")),),
        )
    ]


def unread(patient: Snapshot) -> list[Finding]:
    """Return a note on the files of a folder that could not be read, where there are some."""
    files = patient.unread
    if not files:
        return []
    places = [f"{one.location.path}:{one.location.line}" for one in files]
    named = " and ".join(places) if len(places) <= _NAMED else f"{', '.join(places[:_NAMED])} and {len(places) - _NAMED} more"
    what = "is no script that can be read" if len(files) == 1 else "are no scripts that can be read"
    return [
        Finding(
            rule=SCRIPT_UNREAD,
            title=f"{named} {what}",
            subject="script",
            severity="note",
            declared_severity="note",
            impact="crash-at-start",
            confidence="certain",
            message=f"{named} {what}, and {'is' if len(files) == 1 else 'are'} not judged",
            because=tuple(Reason(what="", value=one.reason, origin=place) for one, place in zip(files, places)),
            locations=tuple(one.location for one in files),
        )
    ]
