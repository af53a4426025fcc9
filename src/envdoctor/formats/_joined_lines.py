"""The lines of pip's requirement files with the place of every character in the text: what an editor needs and a reader does not.

The same lines as `logical_lines` yields, which is the fast path; tests/formats/test_joined_lines.py holds the two together.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_COMMENT = re.compile(r"(^|\s)#.*$")
_VIA = re.compile(r"[ \t]+#[^\n]*(\n|$)")


class JoinedLine(Record):
    """One logical line: `text` without comment and continuations, as pip reads it.

    `start` and `end` are the bounds of its physical lines in the whole text, the last line's end included, and `number` is that of the
    first. `pieces` are pairs of offsets, in `text` and in the whole text, at which a run of characters starts that stand together.
    """

    number: int
    text: str
    start: int
    end: int
    pieces: tuple[tuple[int, int], ...]

    def place(self, offset: int) -> int:
        """Return where a character of `text` stands in the whole text."""
        inside, outside = self.pieces[bisect_right(self.pieces, offset, key=lambda piece: piece[0]) - 1]
        return outside + offset - inside

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the bounds in the whole text of a part of `text`; an empty part lies directly behind the character before it."""
        if start < end:
            return self.place(start), self.place(end - 1) + 1
        at = self.place(start - 1) + 1 if start else self.place(0)
        return at, at


def joined_lines(text: str) -> Iterator[JoinedLine]:
    """Yield the logical lines of a text, comments and blanks left out."""
    pending: list[tuple[int, str]] = []
    first = begin = at = 1 if text.startswith("\ufeff") else 0
    for number, line in enumerate(text[at:].split("\n"), 1):
        start, at = at, at + len(line) + 1
        line = line.rstrip("\r")
        comment = line.lstrip().startswith("#")
        if not pending:
            first, begin = number, start
        if line.endswith("\\") and not comment:
            pending.append((start, line[:-1]))
            continue
        pending.append((start, "" if pending and comment else line))
        yield from _joined(first, begin, min(at, len(text)), pending)
        pending.clear()
    if pending:
        yield from _joined(first, begin, len(text), pending)


def _joined(number: int, start: int, end: int, parts: list[tuple[int, str]]) -> Iterator[JoinedLine]:
    whole = "".join(part for _, part in parts)
    kept = _COMMENT.sub("", whole).rstrip() if "#" in whole else whole.rstrip()
    text = kept.lstrip()
    if not text:
        return
    left = len(kept) - len(text)
    pieces = []
    inside = 0
    for outside, part in parts:
        if part and inside + len(part) > left:
            skipped = max(left - inside, 0)
            pieces.append((inside + skipped - left, outside + skipped))
        inside += len(part)
    yield JoinedLine(number=number, text=text, start=start, end=end, pieces=tuple(pieces))


def block_end(text: str, line: JoinedLine) -> int:
    """Return where the lines end that belong to a requirement: its own, and the indented `# via` that pip-compile writes below it."""
    end = line.end
    via = _VIA.match(text, end)
    if via is None or not via[0].split("#", 1)[1].lstrip().startswith("via") or not text[:end].endswith("\n"):
        return end
    while via is not None and via.end() > end:
        end = via.end()
        via = _VIA.match(text, end)
    return end
