"""Declared requirements (`Requires-Dist` lines): fast reading of the plain ones, `packaging` for the rest.

`needed` is the fast path and `slow_needed` its reference; tests/model/test_requirements.py holds them together.
"""

from __future__ import annotations

from envdoctor.model.names import normalise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME_END = frozenset(" <>=!~;[(@\t")
_PLAIN_MARKERS: dict[str, tuple[str, ...]] = {
    # marker variables that the fast path knows, with the operators it takes for them
    "python_version": ("<", "<=", ">", ">=", "==", "!="),
    "sys_platform": ("==", "!="),
    "platform_system": ("==", "!="),
    "platform_machine": ("==", "!="),
    "os_name": ("==", "!="),
    "platform_python_implementation": ("==", "!="),
    "implementation_name": ("==", "!="),
}


class InvalidRequirement(ValueError):
    """The text is no PEP 508 requirement."""


def needed(line: str, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """Return (normalised name, specifier) if the requirement applies without extras in a marker environment, else None.

    `environment` holds the PEP 508 variables of the patient, all of them. Raises InvalidRequirement.
    """
    body, separator, marker = line.partition(";")
    if separator and not _applies(marker, environment):
        return None
    if "@" in body or "[" in body:
        return slow_needed(line, environment)
    end = 0
    for character in body:
        if character in _NAME_END:
            break
        end += 1
    specifier = body[end:].strip()
    if specifier.startswith("(") and specifier.endswith(")"):
        specifier = specifier[1:-1].strip()
    return normalise(body[:end]), specifier.replace(" ", "")


def _applies(marker: str, environment: Mapping[str, str]) -> bool:
    if "extra" in marker and " or " not in marker and "(" not in marker and "extra" in marker.split("==", 1)[0].rpartition(" and ")[2]:
        return False  # `extra == "x"`, alone or first in a chain of "and": no extra is asked for
    answer = True
    for clause in marker.split(" and "):
        truth = _plain_clause(clause.strip(), environment)
        if truth is None:
            return _slow_applies(marker, environment)
        answer = answer and truth
    return answer


def _plain_clause(clause: str, environment: Mapping[str, str]) -> bool | None:
    parts = clause.split(None, 2)
    if len(parts) != 3:
        for operator in ("<=", ">=", "==", "!=", "<", ">"):
            left, found, right = clause.partition(operator)
            if found:
                parts = [left.strip(), operator, right.strip()]
                break
        else:
            return None
    variable, operator, quoted = parts
    if variable == "extra" and operator == "==":
        return False
    if operator not in _PLAIN_MARKERS.get(variable, ()) or len(quoted) < 2 or quoted[0] not in "'\"" or quoted[-1] != quoted[0]:
        return None
    value, actual = quoted[1:-1], environment[variable]
    if quoted[0] in value:
        return None
    if variable != "python_version":
        return (actual == value) == (operator == "==")
    try:
        here, there = [int(n) for n in actual.split(".")], [int(n) for n in value.split(".")]
    except ValueError:
        return None
    while len(here) < len(there):
        here.append(0)
    while len(there) < len(here):
        there.append(0)
    if operator == "<":
        return here < there
    if operator == "<=":
        return here <= there
    if operator == ">":
        return here > there
    if operator == ">=":
        return here >= there
    return (here == there) == (operator == "==")


def _slow_applies(marker: str, environment: Mapping[str, str]) -> bool:
    from packaging.markers import Marker

    try:
        return Marker(marker).evaluate({**environment, "extra": ""})
    except (ValueError, LookupError, RecursionError):  # not a marker, of versions that are none, of unknown variables, too deep
        raise InvalidRequirement(f"marker {marker.strip()!r} is not PEP 508") from None


def slow_needed(line: str, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """Do what `needed` does with `packaging`; the reference for it."""
    from packaging import requirements

    try:
        parsed = requirements.Requirement(line)
        if parsed.marker is not None and not parsed.marker.evaluate({**environment, "extra": ""}):
            return None
    except (ValueError, LookupError, RecursionError) as error:
        raise InvalidRequirement(f"{line!r} is not PEP 508: {error}") from None
    return normalise(parsed.name), str(parsed.specifier)
