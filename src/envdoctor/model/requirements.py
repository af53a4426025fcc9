"""Declared requirements (`Requires-Dist` lines): fast reading of the plain ones, `packaging` for the rest.

`needed` is the fast path and `slow_needed` its reference; tests/model/test_requirements.py holds them together.
"""

from __future__ import annotations

from envdoctor.model.names import normalise
from envdoctor.model.versions import InvalidSpecifier, InvalidVersion, admits, window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME_END = frozenset(" <>=!~;[(@\t")
_PLAIN_MARKERS: dict[str, tuple[str, ...]] = {
    # marker variables that the fast path knows, with the operators it takes for them
    "python_version": ("<", "<=", ">", ">=", "==", "!="),
    "python_full_version": ("<", "<=", ">", ">="),
    "sys_platform": ("==", "!="),
    "platform_system": ("==", "!="),
    "platform_machine": ("==", "!="),
    "os_name": ("==", "!="),
    "platform_python_implementation": ("==", "!="),
    "implementation_name": ("==", "!="),
}

SYSTEMS: dict[str, tuple[str, str, str]] = {
    # operating system as the facts name it: os_name, sys_platform, platform_system
    "linux": ("posix", "linux", "Linux"),
    "macos": ("posix", "darwin", "Darwin"),
    "windows": ("nt", "win32", "Windows"),
}
_WINDOWS_MACHINES = {"x86_64": "AMD64", "arm64": "ARM64"}


class InvalidRequirement(ValueError):
    """The text is no PEP 508 requirement."""


def marker_variables(system: str, machine: str, python_version: str) -> dict[str, str]:
    """Return all PEP 508 variables of CPython on an operating system and architecture as the facts name them.

    `python_version` is `X.Y` (its first release, `X.Y.0`, is taken) or a full version. The release and version of the operating system
    are not known and stay empty, as in uv's cross-platform resolution.
    """
    major, _, rest = python_version.partition(".")
    short = rest.partition(".")[0]
    minor = short
    while minor and not minor.isdecimal():  # 3.14rc1: the release candidate of 3.14.0
        minor = minor[:-1]
    full = python_version if python_version.count(".") > 1 or minor != short else python_version + ".0"
    os_name, sys_platform, platform_system = SYSTEMS.get(system, ("posix", system, system))
    return {
        "implementation_name": "cpython",
        "implementation_version": full,
        "os_name": os_name,
        "platform_machine": _WINDOWS_MACHINES.get(machine, machine) if system == "windows" else machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": platform_system,
        "platform_version": "",
        "python_full_version": full,
        "python_version": f"{major}.{minor}",
        "sys_platform": sys_platform,
    }


def needed(line: str, environment: Mapping[str, str], judged: dict[str, bool] | None = None) -> tuple[str, str] | None:
    """Return (normalised name, specifier) if the requirement applies without extras in a marker environment, else None.

    `environment` holds the PEP 508 variables of the patient. Raises InvalidRequirement, and KeyError for an environment that leaves a
    variable open which the line asks for. `judged` keeps the answers to markers between calls for one environment: of 3,600 lines in
    a large environment, 3,000 bear one of a few hundred markers.
    """
    body, separator, marker = line.partition(";")
    if separator:
        applies = None if judged is None else judged.get(marker)
        if applies is None:
            applies = _applies(marker, environment)
            if judged is not None:
                judged[marker] = applies
        if not applies:
            return None
    if "@" in body:
        return slow_needed(line, environment)
    if "[" in body:
        name, _, rest = body.partition("[")
        body = name + rest.partition("]")[2]
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
    try:
        truth = _truth(marker.strip(), environment)
    except RecursionError:  # parentheses a thousand deep are for the slow path to refuse
        truth = None
    return _slow_applies(marker, environment) if truth is None else truth


def _truth(marker: str, environment: Mapping[str, str]) -> bool | None:
    """Judge a marker; None where a clause decides that is not plain."""
    choices = _split(marker, " or ")
    if len(choices) > 1:
        truths = [_truth(choice, environment) for choice in choices]
        return True if True in truths else None if None in truths else False
    clauses = _split(marker, " and ")
    if len(clauses) > 1:
        # Most lines end in `and extra == "..."`, which no check asks for: the last clause decides first.
        unclear = False
        for clause in reversed(clauses):
            truth = _truth(clause, environment)
            if truth is False:
                return False
            unclear = unclear or truth is None
        return None if unclear else True
    if marker.startswith("(") and marker.endswith(")"):
        return _truth(marker[1:-1].strip(), environment)
    return _plain_clause(marker, environment)


def _split(marker: str, word: str) -> list[str]:
    """Split at a word outside parentheses."""
    if word not in marker:
        return [marker]
    parts = marker.split(word)
    if "(" not in marker:
        return [part.strip() for part in parts]
    found, depth = [parts[0]], parts[0].count("(") - parts[0].count(")")
    for part in parts[1:]:
        if depth:
            found[-1] += word + part
        else:
            found.append(part)
        depth += part.count("(") - part.count(")")
    return [part.strip() for part in found]


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
    if variable == "python_full_version":
        return _compared(operator, value, actual)
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


def _compared(operator: str, value: str, actual: str) -> bool | None:
    try:
        return admits(window(operator + value), actual)
    except (InvalidSpecifier, InvalidVersion):
        return None


def _slow_applies(marker: str, environment: Mapping[str, str]) -> bool:
    if not marker.strip():
        raise InvalidRequirement("no marker stands behind the ;")
    return _holds(marker, environment)


def _holds(marker: str, environment: Mapping[str, str]) -> bool:
    from envdoctor.model.markers import InvalidMarker, holds

    try:
        return holds(marker, environment)
    except InvalidMarker as error:
        raise InvalidRequirement(str(error)) from None


def slow_needed(line: str, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """Do what `needed` does with `packaging`; the reference for it."""
    from packaging import requirements

    try:
        parsed = requirements.Requirement(line)
        marker = "" if parsed.marker is None else str(parsed.marker)
    except (ValueError, LookupError, RecursionError) as error:
        raise InvalidRequirement(f"{line!r} is not PEP 508: {error}") from None
    return (normalise(parsed.name), str(parsed.specifier)) if _holds(marker, environment) else None
