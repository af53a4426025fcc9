"""What `pip freeze` and `uv pip freeze` print: every installed distribution, one a line. The table of `pip list` is read too."""

from __future__ import annotations

import re

from envdoctor.formats._requirement_lines import RequirementLines, logical_lines
from envdoctor.model.errors import InputError
from envdoctor.model.listing import Listing, Requirement
from envdoctor.model.names import normalise
from envdoctor.model.script import Location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from envdoctor.model.listing import Load
    from envdoctor.model.plan import Change, Edit

KIND = "pip freeze"

_PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(===?| @ )\S+$")
_EDITABLE = re.compile(r"#\s*Editable.*\((\S+?)===?(\S+)\)\s*$")
_TABLE = re.compile(r"Package +Version\b")
_ROW = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*) +(\S+)( .*)?$")
_FEWEST = 8


def recognises(name: str, text: str) -> bool:
    """Tell a freeze by `freeze` or `pip-list` in its name, or by pins alone in the order in which pip prints them.

    A short list of pins is as likely written by hand, and then it names not all that is installed: it needs eight lines.
    """
    lowered = name.lower()
    if not text:
        return lowered.endswith((".txt", ".lst", ".list", ".log")) and any(word in lowered for word in ("freeze", "pip-list", "pip_list"))
    if _TABLE.match(text.lstrip()):
        return True
    if "." in lowered and not lowered.endswith((".txt", ".lst", ".list")):
        return False
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    plain = [line for line in lines if not line.startswith("-e ")]
    if len(lines) < _FEWEST or not all(_PIN.match(line) for line in plain):
        return False
    names = [re.split(r"==| @ ", line)[0] for line in plain]
    return names == sorted(names, key=str.lower) or names == sorted(names, key=normalise)


def read(text: str, path: str, load: Load) -> Listing:
    """Return every distribution that the text names; it names all that are installed. Raises InputError."""
    table = _TABLE.match(text.lstrip())
    if table:
        return _table(text, path)
    lines = RequirementLines(load, follow_folders=False)
    known: dict[int, tuple[str, str]] = {}
    pending: tuple[str, str] | None = None
    if "# Editable" in text:
        # pip names an editable folder only in the comment above it.
        for number, line in enumerate(text.splitlines(), 1):
            comment = _EDITABLE.match(line)
            if comment:
                pending = (comment[1], comment[2])
            elif pending and line.strip():
                known[number] = pending
                pending = None
    named = []
    for number, line in logical_lines(text):
        if number in known:
            name, version = known[number]
            url = line[2:].strip() if line.startswith("-e") else line
            place = Location(path=path, line=number)
            named.append(Requirement(name=normalise(name), specifier=f"=={version}", url=url, editable=True, location=place))
    lines.read((item for item in logical_lines(text) if item[0] not in known), path)
    found = sorted([*lines.requirements, *named], key=_line) if named else lines.requirements
    return Listing(kind=KIND, requirements=tuple(found), complete=True, problems=tuple(lines.problems), path=path)


def edits(text: str, path: str, changes: Sequence[Change]) -> tuple[Edit, ...]:
    """Return the edits that bring the changes about. Raises InputError, for the table of `pip list` in any case."""
    if changes and _TABLE.match(text.lstrip()):
        raise InputError(f"{path}: the table of `pip list` cannot be installed, so it is not edited; write the list with `pip freeze`")
    from envdoctor.formats._requirement_edits import line_edits

    return line_edits(text, path, changes)


def _line(requirement: Requirement) -> int:
    return requirement.location.line if requirement.location else 0


def _table(text: str, path: str) -> Listing:
    found = []
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.rstrip()
        if not line or _TABLE.match(line) or not line.strip("- ") or line.startswith("[notice]"):
            continue
        row = _ROW.match(line)
        if row is None:
            problems.append(f"{path} line {number}: {line[:80]!r} is no row of `pip list`; the line is left out")
            continue
        place = Location(path=path, line=number)
        found.append(Requirement(name=normalise(row[1]), specifier=f"=={row[2]}", url=(row[3] or "").strip(), location=place))
    return Listing(kind=KIND, requirements=tuple(found), complete=True, problems=tuple(problems), path=path)
