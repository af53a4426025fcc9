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
    from envdoctor.model.listing import Load

KIND = "script metadata"

_BLOCK = re.compile(r"^# /// script[ \t\r]*\n(?P<content>(?:^#(?:| [^\n]*)\r?\n)+)^# ///[ \t]*\r?$", re.MULTILINE)
_OPENED = re.compile(r"^# /// script[ \t\r]*$", re.MULTILINE)


def recognises(name: str, text: str) -> bool:
    """Tell a Python script that opens such a block."""
    return name.endswith((".py", ".pyw")) and _OPENED.search(text) is not None


def read(text: str, path: str, load: Load) -> Listing:
    """Return what the block asks for. Raises InputError for a block that is not closed, or for two."""
    blocks = list(_BLOCK.finditer(text + "\n"))
    if len(blocks) != 1:
        lines = [text.count("\n", 0, found.start()) + 1 for found in _OPENED.finditer(text)]
        if len(blocks) > 1:
            raise InputError(f"{path}: there are {len(blocks)} `# /// script` blocks (lines {', '.join(map(str, lines))}); keep one")
        if lines:
            raise InputError(f"{path} line {lines[0]}: the block is not closed; every line starts with `# `, the last one is `# ///`")
        raise InputError(f"{path}: the script has no `# /// script` block; add one, or name a requirements file")
    offset = text.count("\n", 0, blocks[0].start()) + 1
    content = "\n".join(line[2:].rstrip("\r") for line in blocks[0]["content"].split("\n"))
    # Blank lines in front make the parser count as the file does.
    data = parse("\n" * offset + content, path, "the block")
    declared = Declared(path, content, offset, indent=2)
    for text_of_row, at in rows(data.get("dependencies"), "dependencies"):
        declared.add(text_of_row, at)
    found = apply_uv(declared.requirements, shapes.table(shapes.table(data.get("tool")).get("uv")), declared)
    python = shapes.text(data.get("requires-python")).replace(" ", "")
    return Listing(kind=KIND, requirements=found, complete=False, python=python, problems=tuple(declared.problems), path=path)
