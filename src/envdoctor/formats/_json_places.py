"""JSON as settings, with the line and column of each key. Python's own reader tells no places."""

from __future__ import annotations

import json
from bisect import bisect_right

from envdoctor.model.errors import InputError
from envdoctor.model.script import Location
from envdoctor.model.settings import Setting, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LARGEST = 1 << 20  # characters
_SPACE = " \t\n\r"


def read_json(text: str, path: str) -> Table:
    """Return the settings of a JSON object. Raises InputError."""
    if len(text) > _LARGEST:
        raise InputError(f"{path}: {len(text):,} characters of JSON are no configuration; give the configuration file itself")
    reader = _Reader(text, path)
    try:
        value, end = reader.value(0)
        rest = reader.skip(end)
    except RecursionError:
        raise InputError(f"{path}: is nested too deeply to be read; give the configuration file itself") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{path} line {error.lineno}: this is not valid JSON ({error.msg}); mend it") from None
    if rest != len(text):
        raise InputError(f"{path} line {reader.place(rest).line}: there is more after the last brace; mend it")
    if not isinstance(value, Table):
        raise InputError(f"{path}: holds no JSON object; give the configuration file itself")
    return value


class _Reader:
    """Reads one text; each method returns what it read and where it ends."""

    def __init__(self, text: str, path: str) -> None:
        self._text = text
        self._path = path
        self._decode = json.JSONDecoder().raw_decode
        self._starts = [0]
        for at, character in enumerate(text):
            if character == "\n":
                self._starts.append(at + 1)

    def place(self, at: int) -> Location:
        """Return the place of a character."""
        line = bisect_right(self._starts, at)
        return Location(path=self._path, line=line, column=at - self._starts[line - 1] + 1)

    def skip(self, at: int) -> int:
        """Return the place of the next character that is no space."""
        while at < len(self._text) and self._text[at] in _SPACE:
            at += 1
        return at

    def value(self, at: int) -> tuple[Any, int]:
        """Read one value. Raises JSONDecodeError."""
        at = self.skip(at)
        sign = self._text[at : at + 1]
        if sign == "{":
            return self._table(at)
        if sign == "[":
            return self._list(at)
        return self._decode(self._text, at)

    def _table(self, at: int) -> tuple[Table, int]:
        found: dict[str, Setting] = {}
        at = self.skip(at + 1)
        while self._text[at : at + 1] != "}":
            if found:
                at = self.skip(self._expect(",", at))
            if self._text[at : at + 1] != '"':
                raise json.JSONDecodeError("expecting a key in double quotes", self._text, at)
            place = self.place(at)
            key, at = self._decode(self._text, at)
            value, at = self.value(self._expect(":", self.skip(at)))
            found.pop(key, None)
            found[key] = Setting(key=key, value=value, location=place)
            at = self.skip(at)
        return Table(settings=tuple(found.values())), at + 1

    def _list(self, at: int) -> tuple[tuple[Any, ...], int]:
        found: list[Any] = []
        at = self.skip(at + 1)
        while self._text[at : at + 1] != "]":
            if found:
                at = self._expect(",", at)
            value, at = self.value(at)
            found.append(value)
            at = self.skip(at)
        return tuple(found), at + 1

    def _expect(self, sign: str, at: int) -> int:
        if self._text[at : at + 1] != sign:
            raise json.JSONDecodeError(f"expecting {sign!r}", self._text, at)
        return at + 1
