"""Where a new requirement goes among the lines of a requirements file, and how it is written there."""

from __future__ import annotations

from envdoctor.formats._joined_lines import block_end
from envdoctor.formats._pep508 import NotARequirement, requirement
from envdoctor.formats._requirement_lines import HASH, OPTION
from envdoctor.formats._respelled import is_same, spelled
from envdoctor.model.errors import InputError
from envdoctor.model.names import normalise
from envdoctor.model.plan import Edit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envdoctor.formats._joined_lines import JoinedLine
    from envdoctor.model.plan import Change

_FEWEST = 3  # lines in order by chance are likely below that


def added(text: str, path: str, lines: Sequence[JoinedLine], changes: Sequence[Change]) -> Iterator[Edit]:
    """Yield the edits that add requirements: in their place where the lines are sorted, else behind the last one.

    `changes` are sorted by name. Raises InputError for what the file asks for already, in another version.
    """
    hashed = any("--hash" in line.text or line.text.startswith("--require-hashes") for line in lines)
    # A last line that ends with a backslash would take in whatever stands behind it.
    opened = lines[-1] if lines and _is_open(text, lines[-1]) else None
    lines = [line for line in lines if not line.text.startswith("-")]
    named = [(line, name) for line in lines if (name := _name(line.text))]
    names = [name for _, name in named]
    in_order = len(names) >= _FEWEST and names in (sorted(names, key=str.lower), sorted(names, key=normalise))
    for change in changes:
        if change.remove or _stands(path, named, change):
            continue
        if hashed and not change.hashes:
            raise InputError(
                f"{path}: its lines carry hashes, and those of {change.name}{change.specifier} are not known; "
                "make the file again with `uv pip compile --generate-hashes`"
            )
        before = [line for line, name in named if normalise(name) <= normalise(change.name)] if in_order else lines
        near = before[-1] if before else named[0][0] if named else None
        words = spelled(change.name, change.specifier, near.text if near else "")
        if hashed:
            words = _separator(text, lines).join([words, *(f"--hash={one}" for one in change.hashes)])
        is_behind = bool(before) or near is None
        if opened is not None and (near is None or (near is opened and is_behind)):
            near, is_behind = opened, False
        at, new = _inserted(text, words, near, behind=is_behind)
        yield Edit(document=path, start=at, end=at, old="", new=new, because=change.because)


def _inserted(text: str, words: str, near: JoinedLine | None, *, behind: bool) -> tuple[int, str]:
    """Return where to put a line behind or before another one, or at the end, and the line with the end that its neighbour has."""
    end = _line_end(text, near)
    if near is not None and not behind:
        return near.start, words + end
    at = block_end(text, near) if near is not None else len(text)
    if at == 0 or text[at - 1] == "\n" or text[:at] == "\ufeff":
        return at, words + end
    return at, end + words


def _is_open(text: str, line: JoinedLine) -> bool:
    return text[line.start : line.end].removesuffix("\n").removesuffix("\r").endswith("\\")


def _line_end(text: str, near: JoinedLine | None) -> str:
    own = text[near.start : near.end] if near is not None else ""
    sample = own if "\n" in own else text
    return "\r\n" if sample.partition("\n")[0].endswith("\r") and "\n" in sample else "\n"


def _separator(text: str, lines: Sequence[JoinedLine]) -> str:
    """Return what stands before a hash in this file."""
    for line in lines:
        found = HASH.search(line.text)
        if found is not None:
            before = len(line.text[: found.start()].rstrip())
            return text[line.span(0, before)[1] : line.place(found.start())]
    return " \\" + _line_end(text, None) + "    "


def _stands(path: str, named: Sequence[tuple[JoinedLine, str]], change: Change) -> bool:
    """Tell whether a line asks for just that, whatever the machine is."""
    for line, name in named:
        if normalise(name) != normalise(change.name):
            continue
        try:
            found = requirement(OPTION.sub("", line.text))
        except NotARequirement:
            continue
        if found.marker:
            continue
        if found.url or not is_same(found.specifier, change.specifier):
            raise InputError(f"{path} line {line.number} asks for {change.name} already; change that line instead of adding one")
        return True
    return False


def _name(text: str) -> str:
    """Return the name that a line starts with, as it is spelled there, "" for an address."""
    try:
        requirement(OPTION.sub("", text))
    except NotARequirement:
        return ""
    end = next((at for at, letter in enumerate(text) if not (letter.isalnum() or letter in "._-")), len(text))
    return text[:end]
