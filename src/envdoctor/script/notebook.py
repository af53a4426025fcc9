"""Notebook text to code cells. Only the JSON is understood here; the cells are read like scripts."""

from __future__ import annotations

import json

from envdoctor.model.errors import InputError
from envdoctor.model.record import Record
from envdoctor.model.script import CELL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PYTHON_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")
"""Cell magics whose cell is Python all the same; the cells of every other one (%%bash, %%writefile, %%python) are not."""
SHELL_MAGICS = ("%%bash", "%%sh", "%%shell", "%%script bash", "%%script sh", "%%system", "%%sx", "%%!")
"""Cell magics whose cell is a shell's."""


class Cell(Record):
    """One code cell: its `place`, and its source as Python or as what a shell runs; the other one, or both, are empty."""

    place: str
    python: str
    shell: str


def cells(text: str, path: str) -> tuple[Cell, ...]:
    """Return the code cells in order; one of another language is empty. Raises InputError."""
    try:
        notebook: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}, line {error.lineno}: not a notebook ({error.msg}); save it again, or give the script") from None
    except ValueError as error:  # a number of more digits than Python converts
        raise InputError(f"{path}: not a notebook ({error}); save it again, or give the script") from None
    except RecursionError:
        raise InputError(f"{path}: not a notebook (nested too deeply); save it again, or give the script") from None
    found: Any = notebook.get("cells") if isinstance(notebook, dict) else None
    if found is None and isinstance(notebook, dict) and isinstance(notebook.get("worksheets"), list):  # nbformat 3
        found = [cell for sheet in notebook["worksheets"] if isinstance(sheet, dict) for cell in sheet.get("cells") or ()]
    if not isinstance(found, list):
        raise InputError(f"{path}: not a notebook (no list of cells); save it again, or give the script")
    code = [cell for cell in found if isinstance(cell, dict) and cell.get("cell_type") == "code"]
    return tuple(_cell(f"{path}{CELL}{number}", _source(cell)) for number, cell in enumerate(code, 1))


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        return "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""


def _cell(place: str, source: str) -> Cell:
    first, _, rest = source.lstrip().partition("\n")
    if not first.startswith("%%") or first.split()[0] in PYTHON_MAGICS:
        return Cell(place=place, python=source, shell="")
    is_shell = f"{' '.join(first.split())} ".startswith(tuple(f"{magic} " for magic in SHELL_MAGICS))
    above = source.count("\n", 0, len(source) - len(source.lstrip())) + 1  # lines keep their numbers
    return Cell(place=place, python="", shell="\n" * above + rest if is_shell else "")
