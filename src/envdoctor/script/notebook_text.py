"""A notebook as one script and back: each code cell stands below a line that names it, and comes back into the JSON it was taken from.

What is no Python (shell lines, magics, cells of another language) is set aside and comes back untouched. Text in, text out.
"""

from __future__ import annotations

import json

from envdoctor.model.errors import InputError
from envdoctor.model.record import Record
from envdoctor.model.script import CELL
from envdoctor.script.notebook import PYTHON_MAGICS
from envdoctor.script.syntax import MAGIC_STARTS, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_BLANK = " \t\r\n"
_HEAD = "# %% cell "
_ASIDE = "#!aside "


class Source(Record):
    """The source of one code cell, and where its value stands in the notebook's text."""

    start: int
    end: int
    text: str


class Sheet:
    """A notebook that is edited as one script. Raises InputError for a text that is no notebook of today's format."""

    def __init__(self, text: str, path: str) -> None:
        self._text = text
        self._path = path
        try:
            self._sources = list(_code_cells(text))
        except (ValueError, IndexError, RecursionError):
            raise InputError(f"{path}: not a notebook whose cells can be edited; save it again with a current Jupyter") from None
        self._aside: list[str] = []
        self.script = "".join(f"{_HEAD}{number}\n{self._python(one.text)}\n" for number, one in enumerate(self._sources, 1))

    def _python(self, source: str) -> str:
        """Return a cell with everything set aside that is no Python."""
        first = source.lstrip().split("\n", 1)[0]
        if first.startswith("%%") and first.split()[0] not in PYTHON_MAGICS:
            return self._set_aside(source, "")
        lines = source.split("\n")
        goes_on = False
        for number, line in enumerate(lines):
            body = line.lstrip()
            name, equals, right = body.partition("=")
            if goes_on or body.startswith(MAGIC_STARTS):
                statement = "" if goes_on else "pass  "
            elif equals and name.strip().isidentifier() and right.lstrip().startswith(("!", "%")):
                statement = f"{name.strip()} = None  "
            else:
                continue
            goes_on = line.rstrip().endswith("\\")
            lines[number] = self._set_aside(line, line[: len(line) - len(body)] + statement)
        told = "\n".join(lines)
        try:
            parse(told, self._path)
        except InputError:
            return self._set_aside(source, "")
        return told

    def _set_aside(self, text: str, before: str) -> str:
        self._aside.append(text)
        return f"{before}{_ASIDE}{len(self._aside) - 1}"

    def cell_of(self, script: str, line: int) -> tuple[str, int]:
        """Return the place (`NOTEBOOK:cell N`) and the line within the cell of a line of the script."""
        lines = script.split("\n")
        for number in range(min(line, len(lines)) - 1, -1, -1):
            if lines[number].startswith(_HEAD):
                return f"{self._path}{CELL}{lines[number][len(_HEAD) :]}", line - number - 1
        return self._path, line

    def notebook(self, script: str) -> str:
        """Return the notebook with the cells as they stand in a changed script; what did not change stays byte for byte."""
        parts: list[str] = []
        for line in script.split("\n")[:-1]:
            if line.startswith(_HEAD) and line[len(_HEAD) :].isdecimal():
                parts.append("")
            elif _ASIDE in line and line.rpartition(_ASIDE)[2].isdecimal():
                parts[-1] += self._aside[int(line.rpartition(_ASIDE)[2])] + "\n"
            else:
                parts[-1] += line + "\n"
        text = self._text
        for one, part in reversed(list(zip(self._sources, parts))):
            fresh = part[:-1]
            if fresh != one.text:
                text = text[: one.start] + _written(fresh, text[one.start : one.end]) + text[one.end :]
        return text


def _written(source: str, old: str) -> str:
    """Return a cell's source as JSON, laid out as the old one was."""
    plain = old.isascii() and "\\u" in old
    if not old.startswith("["):
        return json.dumps(source, ensure_ascii=plain)
    before = old[1 : len(old) - len(old[1:].lstrip(_BLANK))]
    last = old[len(old[:-1].rstrip(_BLANK)) : -1]
    lines = [json.dumps(line, ensure_ascii=plain) for line in source.splitlines(keepends=True)]
    return "[" + before + ("," + (before or " ")).join(lines) + last + "]"


def _code_cells(text: str) -> Iterator[Source]:
    """Yield the sources of a notebook's code cells. Raises ValueError for a text of another form."""
    for key, start in _entries(text, _skip(text, 0)):
        if key != "cells":
            continue
        for cell in _items(text, start):
            kind, found = "", None
            for name, place in _entries(text, cell):
                value, end = json.JSONDecoder().raw_decode(text, place)
                if name == "cell_type":
                    kind = value
                elif name == "source":
                    whole = "".join(value) if isinstance(value, list) else value
                    found = Source(start=place, end=end, text=whole)
            if kind == "code" and found is not None:
                yield found
        return
    raise ValueError("no cells")


def _skip(text: str, place: int) -> int:
    while text[place] in _BLANK:
        place += 1
    return place


def _entries(text: str, place: int) -> Iterator[tuple[str, int]]:
    """Yield key and place of the value of each entry of an object that begins at a place."""
    if text[place] != "{":
        raise ValueError("no object")
    place = _skip(text, place + 1)
    while text[place] != "}":
        key, place = json.JSONDecoder().raw_decode(text, place)
        place = _skip(text, place)
        if text[place] != ":":
            raise ValueError("no colon")
        place = _skip(text, place + 1)
        yield key, place
        _, place = json.JSONDecoder().raw_decode(text, place)
        place = _skip(text, place)
        if text[place] == ",":
            place = _skip(text, place + 1)


def _items(text: str, place: int) -> Iterator[int]:
    """Yield the place of each item of a list that begins at a place."""
    if text[place] != "[":
        raise ValueError("no list")
    place = _skip(text, place + 1)
    while text[place] != "]":
        yield place
        _, place = json.JSONDecoder().raw_decode(text, place)
        place = _skip(text, place)
        if text[place] == ",":
            place = _skip(text, place + 1)
