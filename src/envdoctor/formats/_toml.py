"""TOML texts: parsed with a clear error, with the lines of their headers, and without the bulk that nobody reads.

Most of a lock file is the list of every wheel with its hash. `parse` can blank such arrays (in machine-written files, where they start
and end at the left margin) before the parser sees them; lines keep their numbers. Parsing 50 MB of uv.lock takes 1.9 s so, not 3.4 s.
"""

from __future__ import annotations

import sys

from envdoctor.model.errors import InputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def parse(text: str, path: str, what: str, without: Sequence[str] = ()) -> dict[str, Any]:
    """Return the tables of a TOML text. `without` names arrays to leave out. Raises InputError."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]

    text = text.removeprefix("\ufeff")
    for key in without:
        text = _blank(text, key)
    try:
        tables: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        remedy = f"mend the line, or write {what} again"
        if "\n<<<<<<<" in "\n" + text:
            remedy = "it holds the marks of an unfinished merge (<<<<<<<): finish the merge"
        what_is_wrong = str(error).replace("at end of document", f"at its end, line {text.count(chr(10)) + 1}: it may be cut off")
        raise InputError(f"{path}: this is not valid TOML: {what_is_wrong}; {remedy}") from None
    except ValueError as error:  # a number of more digits than Python converts
        raise InputError(f"{path}: the TOML cannot be read ({error}); write {what} again") from None
    except RecursionError:
        raise InputError(f"{path}: the TOML is nested too deeply to be read; write {what} again") from None
    return tables


def _blank(text: str, key: str) -> str:
    start_mark, end_mark = f"\n{key} = [\n", "\n]"
    if "\r\n" in text:
        text = text.replace("\r\n", "\n")
    pieces = []
    at = 0
    while True:
        start = text.find(start_mark, at)
        end = text.find(end_mark, start + 1) if start >= 0 else -1
        if end < 0:
            break
        pieces.append(text[at:start])
        pieces.append("\n" * text.count("\n", start, end + 1))
        at = end + len(end_mark)
    pieces.append(text[at:])
    return "".join(pieces)


def header_lines(text: str, header: str) -> list[int]:
    """Return the line numbers of each line that is this header, in order."""
    found: list[int] = []
    line, at = 1, 0
    while True:
        place = text.find(header, at)
        if place < 0:
            return found
        line += text.count("\n", at, place)
        at = place
        if place == 0 or text[place - 1] == "\n":
            found.append(line)
        at += len(header)
