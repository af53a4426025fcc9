"""How items and rows of a TOML text are put in and taken away in the layout that its author gave them. Pure text to replacements."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from envdoctor.formats._respelled import Replacement
    from envdoctor.formats._toml_places import Value

_LINE_REST = re.compile(r"[ \t\r]*(?:#[^\n]*)?(?:\n|$)")
_SPACES = re.compile(r"[ \t\r\n]*")
_BLANK = re.compile(r"[ \t]*")


def quoted(value: str, like: str = '"') -> str:
    """Return a text as a TOML string, in single quotes where `like` has them."""
    import json

    if like == "'" and "'" not in value and value.isprintable():
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def inside(raw: str, value: str) -> tuple[int, int] | None:
    """Return where the text of a string starts behind its quotes, and up to which length it stands there as it was parsed."""
    width = 3 if raw[:3] in ('"""', "'''") else 1
    body = raw[width:-width]
    if body.startswith(value):
        return width, len(value)
    escape = body.find("\\")
    if raw[0] == '"' and escape >= 0 and body[:escape] == value[:escape]:
        return width, escape
    return None


def line_end(text: str, at: int = 0) -> str:
    """Return how the line at a character ends; where it is the last one and does not, how the first one does."""
    end = text.find("\n", at)
    end = end if end >= 0 else text.find("\n")
    return "\r\n" if end > 0 and text[end - 1] == "\r" else "\n"


def without(text: str, item: Value, earlier: Value | None, *, last: bool) -> Replacement:
    """Take an item out of an array, or a row out of a table, with its line where it has one of its own.

    `earlier` is the item before. `last`: no item that stays follows; where there is no comma behind it, the one before it goes.
    """
    start = item.start if item.key < 0 else item.key
    comma = _comma(text, item.end) if item.key < 0 else None
    end = item.end if comma is None else comma
    line = _line_start(text, start)
    rest = _LINE_REST.match(text, end)
    if text[line:start].strip() == "" and rest and "\n" not in text[item.end : end]:
        return line, rest.end(), ""
    if last:
        return earlier.end if earlier is not None else start, item.end, ""
    blank = _BLANK.match(text, end)
    return start, blank.end() if blank else end, ""


def behind(text: str, item: Value, raws: Sequence[str]) -> list[Replacement]:
    """Put items behind another one, on lines of their own where the other one has that."""
    comma = _comma(text, item.end)
    end = item.end if comma is None or "\n" in text[item.end : comma] else comma
    indent = text[_line_start(text, item.start) : item.start]
    rest = _LINE_REST.match(text, end)
    if indent.strip() or rest is None or not rest[0].endswith("\n") or (comma is not None and end == item.end):
        return [(item.end, item.end, "".join(f", {raw}" for raw in raws))]
    ending = "\r\n" if rest[0].endswith("\r\n") else "\n"
    lines = f",{ending}".join(indent + raw for raw in raws)
    if comma is not None:
        return [(rest.end(), rest.end(), f"{lines},{ending}")]
    return [(item.end, item.end, ","), (rest.end(), rest.end(), lines + ending)]


def before(text: str, item: Value, raws: Sequence[str], *, alone: bool) -> Replacement:
    """Put items before another one, on lines of their own where the other one has that. `alone`: the other one goes."""
    line = _line_start(text, item.start)
    indent = text[line : item.start]
    if indent.strip() or not line:
        return item.start, item.start, ", ".join(raws) + ("" if alone else ", ")
    return line, line, "".join(f"{indent}{raw},{line_end(text, line)}" for raw in raws)


def new_line(text: str, at: int, words: str) -> Replacement:
    """Put a line behind the one that holds a character; at 0, before the first one."""
    if not at:
        start = 1 if text.startswith("\ufeff") else 0
        return start, start, words + line_end(text)
    rest = _LINE_REST.match(text, at)
    end = rest.end() if rest else at
    if text[end - 1] == "\n":
        return end, end, words + line_end(text, at)
    return end, end, line_end(text) + words


def _comma(text: str, at: int) -> int | None:
    """Return where the comma behind an item ends, None where there is none."""
    while True:
        found = _SPACES.match(text, at)
        at = found.end() if found else at
        if text[at : at + 1] != "#":
            return at + 1 if text[at : at + 1] == "," else None
        at = text.find("\n", at)
        if at < 0:
            return None


def _line_start(text: str, at: int) -> int:
    start = text.rfind("\n", 0, at) + 1
    return 1 if not start and text.startswith("\ufeff") else start
