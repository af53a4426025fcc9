"""Edits of pip's requirement lines: a line with another version, a line less, a line more.

Shared by requirements files and freezes. The spelling of names, extras, markers, comments and continuations stays as it is.
"""

from __future__ import annotations

from envdoctor.formats._joined_lines import block_end, joined_lines
from envdoctor.formats._new_lines import added
from envdoctor.formats._pep508 import NotARequirement
from envdoctor.formats._requirement_lines import HASH, OPTION, RequirementLines
from envdoctor.formats._respelled import checked, is_same, respelled
from envdoctor.model.errors import InputError
from envdoctor.model.plan import Edit
from envdoctor.model.references import file_parts, is_vcs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from envdoctor.formats._joined_lines import JoinedLine
    from envdoctor.formats._respelled import Replacement
    from envdoctor.model.listing import Requirement
    from envdoctor.model.plan import Change
    from envdoctor.model.script import Location

_INCLUDES = ("-r", "-c", "--requirement", "--constraint")


def line_edits(text: str, path: str, changes: Sequence[Change]) -> tuple[Edit, ...]:
    """Return the edits that bring the changes about, in the order of the text. Raises InputError for what a line cannot express."""
    if not changes:
        return ()
    lines = list(joined_lines(text))
    numbered = {line.number: line for line in lines}
    edits: list[Edit] = []
    done: dict[Location | None, tuple[object, ...]] = {}
    for change in changes:
        was = checked(change, path).requirement
        if was is None:
            continue
        wanted = (change.specifier, change.hashes, change.remove)
        known = done.setdefault(was.location, wanted)
        if known is wanted:
            for start, end, new in changed(text, path, numbered, change):
                edits.append(Edit(document=path, start=start, end=end, old=text[start:end], new=new, because=change.because))
        elif known != wanted:
            line = was.location.line if was.location else 1
            raise InputError(f"{path} line {line}: two changes want different versions here; decide for one")
    fresh = sorted((change for change in changes if change.requirement is None), key=lambda change: change.name.lower())
    edits.extend(added(text, path, lines, fresh))
    return tuple(sorted(edits, key=lambda edit: (edit.start, edit.end)))


def changed(text: str, path: str, lines: Mapping[int, JoinedLine], change: Change) -> Iterator[Replacement]:
    """Yield what to replace for a requirement that was read in one of the lines, which are known by their numbers. Raises InputError."""
    was = change.requirement
    if was is None or was.location is None:
        raise InputError(f"{path}: where {change.name} stands is not known, so it cannot be changed; read the file again")
    line = lines.get(was.location.line)
    found = asked(line, path) if line is not None else None
    if line is None or found is None or found.name != was.name:
        if line is not None and was.url:  # a folder, whose project told the name
            raise _fixed(path, line.number, change)
        raise InputError(f"{path} line {was.location.line}: {change.name} does not stand there any more; read the file again")
    if change.remove:
        yield line.start, block_end(text, line), ""
        return
    same = is_same(found.specifier, change.specifier) and not found.url
    if found.hashes and not same and not change.hashes:
        raise InputError(
            f"{path} line {line.number}: {change.name} carries hashes, and those of {change.specifier or 'another version'} are not known; "
            "make the file again with `uv pip compile --generate-hashes`"
        )
    if not same:
        yield from _respelled(path, line, found, change)
    if found.hashes and change.hashes and set(found.hashes) != set(change.hashes):
        yield _rehashed(text, path, line, change)


def asked(line: JoinedLine, path: str) -> Requirement | None:
    """Return what a line asks for, as the reader sees it; None for an option, an include or what it cannot read."""
    if line.text.startswith(_INCLUDES):
        return None
    reader = RequirementLines(_no_load, follow_folders=False)
    reader.read([(line.number, line.text)], path)
    return reader.requirements[0] if reader.requirements else None


def _no_load(path: str) -> str:
    raise InputError(f"{path} is not read for an edit of another file")


def _respelled(path: str, line: JoinedLine, found: Requirement, change: Change) -> Iterator[Replacement]:
    option = OPTION.search(line.text)
    body = line.text[: option.start()] if option else line.text
    if OPTION.sub("", line.text).strip() != body.strip():
        raise InputError(f"{path} line {line.number}: options stand before the version of {change.name}; write them behind it")
    try:
        replacements = respelled(body, change.specifier)
    except NotARequirement:
        replacements = [_reference_replaced(path, line.number, body, found, change)]
    for start, end, new in replacements:
        yield (*line.span(start, end), new)


def _reference_replaced(path: str, number: int, body: str, found: Requirement, change: Change) -> Replacement:
    """Replace a bare URL or file by a name and a version. What is a folder cannot be had in another version."""
    if not is_vcs(found.url) and not file_parts(found.url)[0]:
        raise _fixed(path, number, change)
    end = len(body.rstrip())
    if found.marker:
        end = body.rindex(";", 0, body.rindex(found.marker))
        end = len(body[:end].rstrip())
    extras = f"[{','.join(found.extras)}]" if found.extras else ""
    return 0, end, found.name + extras + change.specifier


def _fixed(path: str, number: int, change: Change) -> InputError:
    return InputError(
        f"{path} line {number}: {change.name} is installed from a folder or an address that tells no version; "
        f"change it there, or write {change.name}{change.specifier} in its place"
    )


def _rehashed(text: str, path: str, line: JoinedLine, change: Change) -> Replacement:
    """Replace the whole list of hashes, written below or beside each other as the old one."""
    old = list(HASH.finditer(line.text))
    inner = HASH.sub("", line.text[old[0].start() : old[-1].end()])
    if inner.strip():
        raise InputError(f"{path} line {line.number}: other options stand between the hashes of {change.name}; write the hashes together")
    start, end = line.span(old[0].start(), old[-1].end())
    # What separates two hashes separates all of them; a single one is separated as it is from the version.
    before = line.span(old[0].end() - 1, old[0].end())[1] if len(old) > 1 else line.span(0, len(line.text[: old[0].start()].rstrip()))[1]
    behind = line.place(old[1].start()) if len(old) > 1 else start
    prefix = old[0][0][: old[0].start(1) - old[0].start()]
    return start, end, text[before:behind].join(prefix + one for one in change.hashes)
