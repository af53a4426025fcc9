"""PEP 723: the requirements that a script carries in a `# /// script` comment block."""

from __future__ import annotations

import re

from envdoctor.formats import _shapes as shapes
from envdoctor.formats._declared import Declared, rows
from envdoctor.formats._toml import parse
from envdoctor.formats._uv_settings import apply_uv
from envdoctor.model.errors import InputError
from envdoctor.model.listing import Listing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from envdoctor.model.listing import Load
    from envdoctor.model.plan import Change, Edit

KIND = "script metadata"

_BLOCK = re.compile(r"^# /// script[ \t\r]*\n(?P<content>(?:^#(?:| [^\n]*)\r?\n)+)^# ///[ \t]*\r?$", re.MULTILINE)
_OPENED = re.compile(r"^# /// script[ \t\r]*$", re.MULTILINE)


def recognises(name: str, text: str) -> bool:
    """Tell a Python script that opens such a block."""
    return name.endswith((".py", ".pyw")) and _OPENED.search(text) is not None


def read(text: str, path: str, load: Load) -> Listing:
    """Return what the block asks for. Raises InputError for a block that is not closed, or for two."""
    start, content = _block(text, path)
    offset = text.count("\n", 0, start)
    # Blank lines in front make the parser count as the file does.
    data = parse("\n" * offset + content, path, "the block")
    declared = Declared(path, content, offset, indent=2)
    for row, at in rows(data.get("dependencies"), "dependencies"):
        declared.add(row, at)
    found = apply_uv(declared.requirements, shapes.table(shapes.table(data.get("tool")).get("uv")), declared)
    python = shapes.text(data.get("requires-python")).replace(" ", "")
    return Listing(kind=KIND, requirements=found, complete=False, python=python, problems=tuple(declared.problems), path=path)


def edits(text: str, path: str, changes: Sequence[Change]) -> tuple[Edit, ...]:
    """Return the edits of the block that bring the changes about. Raises InputError."""
    if not changes:
        return ()
    from envdoctor.formats._project_edits import change_all
    from envdoctor.formats._toml_document import Document

    start, content = _block(text, path)
    document = Document(content, path, text.count("\n", 0, start), indent=2)
    change_all(document, changes, ("dependencies",))
    return tuple(_outside(edit, text, start, content) for edit in document.edits())


def _block(text: str, path: str) -> tuple[int, str]:
    """Return where the lines of the block start, and the TOML that they hold. Raises InputError."""
    blocks = list(_BLOCK.finditer(text + "\n"))
    if len(blocks) != 1:
        lines = [text.count("\n", 0, found.start()) + 1 for found in _OPENED.finditer(text)]
        if len(blocks) > 1:
            raise InputError(f"{path}: there are {len(blocks)} `# /// script` blocks (lines {', '.join(map(str, lines))}); keep one")
        if lines:
            raise InputError(f"{path} line {lines[0]}: the block is not closed; every line starts with `# `, the last one is `# ///`")
        raise InputError(f"{path}: the script has no `# /// script` block; add one, or name a requirements file")
    return blocks[0].start("content"), "\n".join(line[2:].rstrip("\r") for line in blocks[0]["content"].split("\n"))


def _outside(edit: Edit, text: str, start: int, content: str) -> Edit:
    """Return an edit of the block's TOML as one of the script."""
    whole = edit.new.endswith("\n") or not edit.new
    whole = whole and all(at == 0 or content[at - 1] == "\n" for at in (edit.start, edit.end))
    first, last = (_place(text, start, content, at, whole=whole) for at in (edit.start, edit.end))
    ending = "\r\n" if text[start:].partition("\n")[0].endswith("\r") else "\n"
    new = "".join(f"# {line}{ending}" for line in edit.new.splitlines()) if whole else edit.new.replace("\n", f"{ending}# ")
    return edit.replace(start=first, end=last, old=text[first:last], new=new)


def _place(text: str, start: int, content: str, at: int, *, whole: bool) -> int:
    """Return where a character of the TOML stands in the script; of whole lines, where the `#` before it does."""
    for _ in range(content.count("\n", 0, at)):
        start = text.index("\n", start) + 1
    column = at - content.rfind("\n", 0, at) - 1
    return start if whole else start + column + (2 if text.startswith("# ", start) else 1)
