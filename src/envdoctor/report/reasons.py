"""What made a rule fire, and where each of it was read, as a person writes it."""

from __future__ import annotations

from envdoctor.model.facts import CATALOGUE
from envdoctor.report.plain import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.model.finding import Finding


def seen(finding: Finding) -> list[tuple[str, str]]:
    """Return each observation with its origin; a place in a script that no observation names stands alone."""
    told = [(clean(f"{reason.what} {_value(reason.what, reason.value)}".strip()), clean(reason.origin)) for reason in finding.because]
    origins = [origin for _, origin in told]
    return told + [(place, "") for place in places(finding) if not any(origin.startswith(place) for origin in origins)]


def places(finding: Finding) -> list[str]:
    """Return the finding's locations as `path:line`."""
    return list(dict.fromkeys(clean(f"{location.path}:{location.line}") for location in finding.locations))


def _value(what: str, value: str) -> str:
    """Write bytes as GiB; everything else is already the way it was read."""
    if CATALOGUE.get(what, ("", ""))[0] == "bytes" and value.isdecimal():
        return f"{int(value) / 2**30:.1f} GiB"
    return value
