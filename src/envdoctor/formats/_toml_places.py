"""Where every value of a TOML text stands: what a reader needs to name a place exactly, and an editor to replace it.

The text has been parsed before, so what is read here is valid. Nothing is decoded but keys; tests/formats/test_toml_places.py holds the
paths and places against the parser.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Union

    Path = tuple[Union[str, int], ...]

_SKIPPED = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)+")
_SPACES = re.compile(r"[ \t]+")
# Runs of plain characters in one step: a choice for every single one would keep 10 MB of a text on the stack.
_STRING = re.compile(
    r'"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"[^"\\\n]*(?:\\.[^"\\\n]*)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_BARE = re.compile(r"[^,\]}\r\n#]+")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class Value(Record):
    """One value with its quotes or brackets: characters from `start` up to `end`. `key` is where its key starts, -1 in an array."""

    path: Path
    start: int
    end: int
    key: int = -1


class Unclear(ValueError):
    """The text is not the TOML that it was taken for."""


class Places:
    """The values of a text by their paths, in the order of the text.

    `headers` holds where the header of a table ends, `ends` where the last row below it does (the header itself where there is none).
    """

    def __init__(self, text: str) -> None:
        """Find them. Raises Unclear."""
        self.values: dict[Path, Value] = {}
        self.headers: dict[Path, int] = {}
        self.ends: dict[Path, int] = {}
        self._text = text
        self._at = 1 if text.startswith("\ufeff") else 0
        self._arrays: dict[Path, int] = {}
        self._starts: list[int] = []
        try:
            self._document()
        except (IndexError, RecursionError):
            raise Unclear("the text breaks off, or is nested too deeply") from None

    def line(self, offset: int) -> tuple[int, int]:
        """Return line and column of a character, counted from 1."""
        if not self._starts:
            self._starts = [0, *(found.end() for found in re.finditer("\n", self._text))]
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def _document(self) -> None:
        table: Path = ()
        while self._skip() < len(self._text):
            if self._text[self._at] != "[":
                self._row(table)
                self.ends[table] = self._at
                continue
            double = self._text.startswith("[[", self._at)
            self._at += 2 if double else 1
            table = self._opened(self._keys("]"), double=double)
            self._at += 2 if double else 1
            self.headers[table] = self.ends[table] = self._at

    def _opened(self, keys: list[str], *, double: bool) -> Path:
        """Return the path of a header's table; in an array of tables, its last one."""
        path: Path = ()
        for place, key in enumerate(keys, 1):
            path = (*path, key)
            if double and place == len(keys):
                self._arrays[path] = self._arrays.get(path, -1) + 1
            if path in self._arrays:
                path = (*path, self._arrays[path])
        return path

    def _row(self, table: Path) -> None:
        key = self._at
        path = (*table, *self._keys("="))
        self._at += 1
        self._value(path, key)

    def _keys(self, end: str) -> list[str]:
        """Return the parts of a dotted key, and stop at the character behind it."""
        keys = []
        while True:
            self._skip(_SPACES)
            found = _STRING.match(self._text, self._at) or _BARE_KEY.match(self._text, self._at)
            if found is None:
                raise Unclear(f"no key at offset {self._at}")
            keys.append(_decoded(found[0]) if found[0][0] in "\"'" else found[0])
            self._at = found.end()
            self._skip(_SPACES)
            letter = self._text[self._at]
            if letter == end:
                return keys
            if letter != ".":
                raise Unclear(f"no key at offset {self._at}")
            self._at += 1

    def _value(self, path: Path, key: int = -1) -> None:
        self._skip(_SPACES)
        start = self._at
        letter = self._text[start]
        # A place is kept before those inside it, so that the order is that of the text.
        self.values[path] = Value(path=path, start=start, end=start, key=key)
        if letter == "[":
            self._items(path)
        elif letter == "{":
            self._inline(path)
        else:
            found = (_STRING if letter in "\"'" else _BARE).match(self._text, start)
            if found is None:
                raise Unclear(f"no value at offset {start}")
            self._at = start + len(found[0].rstrip())
        self.values[path] = Value(path=path, start=start, end=self._at, key=key)

    def _items(self, path: Path) -> None:
        self._at += 1
        number = 0
        while self._text[self._skip()] != "]":
            self._value((*path, number))
            number += 1
            if self._text[self._skip()] == ",":
                self._at += 1
            elif self._text[self._at] != "]":
                raise Unclear(f"no comma at offset {self._at}")
        self._at += 1

    def _inline(self, path: Path) -> None:
        self._at += 1
        while self._text[self._skip()] != "}":
            self._row(path)
            if self._text[self._skip()] == ",":
                self._at += 1
            elif self._text[self._at] != "}":
                raise Unclear(f"no comma at offset {self._at}")
        self._at += 1

    def _skip(self, blank: re.Pattern[str] = _SKIPPED) -> int:
        found = blank.match(self._text, self._at)
        if found:
            self._at = found.end()
        return self._at


def _decoded(raw: str) -> str:
    from envdoctor.formats._toml import parse

    value: str = parse(f"x = {raw}", "a key", "the key")["x"] if "\\" in raw else raw[1:-1]
    return value
