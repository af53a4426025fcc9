"""PEP 508 markers, judged for the target machine. Nothing of the interpreter that runs the doctor takes part in an answer.

An environment is complete or refused, so `packaging` has no gap that it could fill from its own machine.
"""

from __future__ import annotations

from envdoctor.model.errors import UsageError
from envdoctor.model.requirements import marker_variables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VARIABLES = (
    "implementation_name", "implementation_version", "os_name", "platform_machine", "platform_python_implementation",
    "platform_release", "platform_system", "platform_version", "python_full_version", "python_version", "sys_platform",
)  # fmt: skip

PLATFORMS = ("linux-x86_64", "linux-aarch64", "macos-arm64", "macos-x86_64", "windows-x86_64", "windows-arm64")
"""Operating system and architecture, as the facts name them, of every platform that can be described."""

ALWAYS = 'python_version >= "0"'
NEVER = 'python_version < "0"'


class InvalidMarker(ValueError):
    """The text is no PEP 508 marker, or compares what cannot be compared."""


def marker_environment(platform: str, python_version: str) -> dict[str, str]:
    """Return the complete marker environment of CPython on a platform of `PLATFORMS`.

    `python_version` is `X.Y` or a full version. Raises UsageError for what it does not know.
    """
    if platform not in PLATFORMS:
        raise UsageError(f"platform {platform!r} is not known; choose one of {', '.join(PLATFORMS)}")
    numbers = python_version.split(".")
    if len(numbers) < 2 or not numbers[0].isdecimal() or not numbers[1][:1].isdecimal():
        raise UsageError(f"Python version {python_version!r} is not known; write it as 3.11 or 3.11.9")
    system, _, machine = platform.partition("-")
    return marker_variables(system, machine, python_version)


def holds(marker: str, environment: Mapping[str, str], extras: Sequence[str] = (), groups: Sequence[str] = ()) -> bool:
    """Tell whether a marker holds on the machine that `environment` describes, with these extras and dependency groups asked for.

    Raises InvalidMarker, and KeyError for an environment that leaves a variable of `VARIABLES` open.
    """
    for variable in VARIABLES:
        if variable not in environment:
            raise KeyError(f"the marker environment lacks {variable}: the doctor's own machine must not fill it in")
    if not marker:
        return True
    from packaging import markers

    try:
        parsed = markers.Marker(choose(marker, extras, groups, final=True))
        return any(parsed.evaluate({**environment, "extra": extra}) for extra in ("", *extras))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidMarker(f"marker {marker[:200]!r} cannot be judged: {' '.join(str(error).split())[:200]}") from None


def choose(marker: str, extras: Sequence[str], groups: Sequence[str], *, final: bool = False) -> str:
    """Decide the `'name' in extras` and `'name' in dependency_groups` tests of PEP 751 in a marker; others are untouched.

    `final` decides names that were not asked for too. Done here, in text, because `packaging` below 25 does not know these variables.
    """
    if "extras" not in marker and "dependency_groups" not in marker:
        return marker
    import re

    from envdoctor.model.names import normalise

    asked = {"extras": {normalise(name) for name in extras}, "dependency_groups": {normalise(name) for name in groups}}

    def decide(match: re.Match[str]) -> str:
        found = normalise(match[2]) in asked[match[4]]
        if not found and not final:
            return match[0]
        return ALWAYS if found == (match[3] is None) else NEVER

    return re.sub(r"""(['"])([^'"]*)\1\s+(not\s+)?in\s+(extras|dependency_groups)\b""", decide, marker)


def all_of(*markers: str) -> str:
    """Return the marker that holds where all of these do; "" always holds."""
    parts = list(dict.fromkeys(part for part in markers if part))
    if len(parts) < 2:
        return parts[0] if parts else ""
    return " and ".join(f"({part})" if " or " in part else part for part in parts)


def any_of(*markers: str) -> str:
    """Return the marker that holds where one of these does; "" always holds. None of no markers does."""
    parts = list(dict.fromkeys(markers))
    if not parts:
        return NEVER
    return "" if "" in parts else " or ".join(f"({part})" if len(parts) > 1 and " and " in part else part for part in parts)
