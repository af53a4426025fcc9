"""Finds the passages of a log that are worth reading, in one scan, without holding more than a few of its lines.

A line of training says nothing about a fault. Blocks of bytes are searched for a few fragments; only the lines around a find are decoded.
A short log is read as a whole, because a terminal may have broken any of its words in two.
"""

from __future__ import annotations

from envdoctor.logs.envelope import opened
from envdoctor.logs.plain import decode, plain
from envdoctor.logs.prefix import bared

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    Line = tuple[int, str, str]  # number in the log, who wrote it, text
    Passage = list[Line]

FAULTS = (b"Traceback (most recent call", b"Error", b"Exception", b"out of memory", b"exitcode")
"""What stands in nearly every fault, whatever the rules know."""
_WHOLE = 1 << 18
"""Bytes of a log that is read as a whole."""
BLOCK = 1 << 20
_BEFORE, _AFTER = 12, 12  # lines around a find
_TRACEBACK = 400  # lines that a traceback may take after its heading: recursion, several ranks at once
_LONGEST = 4000  # characters of a line; the middle of a longer one is left out
_ENVELOPE = 1 << 16  # characters of one that may hold many
_MOST = 5000  # lines of one passage
_NARROWEST, _WRAPPED = 40, 3  # columns of a terminal, and how many lines are full where it has wrapped
_SHORT, _LONG = 8, 26
"""Characters of a fragment: a shorter one is everywhere, a longer one is broken more often where a terminal wraps."""
_CROWD = 400  # lines of a block with such words
OFTEN = 100
"""How often a line that differs only in its numbers is looked at; beyond that only tracebacks are."""
_DIGITS = b"0123456789"
_MOST_LINES = 20_000  # different lines that are counted


def passages(blocks: Iterable[bytes], marks: Iterable[tuple[str, ...]]) -> Iterator[Passage]:
    """Return the passages of a log, given in pieces of any size: around FAULTS, and wherever all texts of one of `marks` may stand."""
    return map(bared, _passages(blocks, marks))


def _passages(blocks: Iterable[bytes], marks: Iterable[tuple[str, ...]]) -> Iterator[Passage]:
    reader: _Reader | None = None
    carry = b""
    for piece in blocks:
        data = carry + piece
        if reader is None:
            if len(data) < _WHOLE:
                carry = data
                continue
            reader = _Reader(Sieve(marks))
        end = data.rfind(b"\n") + 1
        if not end and len(data) < BLOCK:
            carry = data
            continue
        carry = data[end:] if end else b""
        yield from reader.block(data[:end] if end else data)
    if reader is None:
        yield from _whole(carry)
    else:
        yield from reader.block(carry)
        yield from reader.rest()


def _whole(data: bytes) -> Iterator[Passage]:
    lines = data.split(b"\n")
    for start in range(0, len(lines), _MOST):
        yield _read(start + 1, lines[start : start + _MOST])


class _Reader:
    """Goes through blocks of whole lines; `_open` is the passage that the next block may go on with."""

    def __init__(self, sieve: Sieve) -> None:
        self._sieve = sieve
        self._number = 1  # of the next block's first line
        self._last = b""  # the block before
        self._seen: dict[bytes, int] = {}
        self._open: Passage = []
        self._owed = 0  # lines of the next block that still belong to the open passage

    def block(self, data: bytes) -> Iterator[Passage]:
        """Read one block."""
        count = data.count(b"\n") + (not data.endswith(b"\n"))
        spans = self._spans(data, count)
        lines = data.split(b"\n") if spans else []
        for first, last in spans:
            if self._open and first > 0:
                yield self._open
                self._open = []
            if first < 0 and not self._open:
                before = self._last.rstrip(b"\n").rsplit(b"\n", -first)[first:] if self._last else []
                self._open += _read(self._number - len(before), before)
            self._open += _read(self._number + max(first, 0), lines[max(first, 0) : min(last, count)])
            while len(self._open) > _MOST:
                yield self._open[:_MOST]
                self._open = self._open[_MOST:]
            self._owed = max(last - count, 0)
            if last < count:
                yield self._open
                self._open = []
        self._last = data
        self._number += count

    def rest(self) -> Iterator[Passage]:
        """Return what is still open at the end of the log."""
        if self._open:
            yield self._open

    def _spans(self, data: bytes, count: int) -> list[tuple[int, int]]:
        """Return the first line and the line after the last of what is worth reading, in order and apart; a first one may lie before 0."""
        spans = [(0, self._owed)] if self._owed else []
        line = at = 0
        for place, after in sorted(self._sieve.finds(data)):
            if after != _TRACEBACK and self._is_old(data, place):
                continue
            line += data.count(b"\n", at, place)
            at = place
            first, last = line - _BEFORE, line + 1 + after
            if spans and first <= spans[-1][1]:
                spans[-1] = (spans[-1][0], max(spans[-1][1], last))
            else:
                spans.append((first, last))
        return spans

    def _is_old(self, data: bytes, place: int) -> bool:
        """Tell whether a line was seen often, whatever the numbers in it: a warning of every step, an upload that is tried again."""
        end = data.find(b"\n", place)
        line = data[data.rfind(b"\n", 0, place) + 1 : end if end >= 0 else len(data)][:_LONGEST].translate(None, _DIGITS)
        count = self._seen.get(line, 0) + 1
        if count > 1 or len(self._seen) < _MOST_LINES:
            self._seen[line] = count
        return count > OFTEN


class Sieve:
    """Finds lines in two steps: a few short words that everything worth reading has, then what tells it from other lines with such words.

    Bytes are searched for a word at some gigabytes a second, so what counts is the number of words.
    """

    def __init__(self, marks: Iterable[tuple[str, ...]]) -> None:
        """Take the plain texts that are worth reading: one of each tuple has to be found."""
        told = [texts for texts in marks if not any(fault in text.encode() for fault in FAULTS for text in texts)]
        self._fragments = [*FAULTS, *covering({texts: _fragments(texts) for texts in told})]
        self._words = [*FAULTS, *covering({texts: _words(texts) for texts in told})]

    def finds(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Return where something is worth reading, once a line and kind, and how many lines after it belong to it."""
        places = {place for word in self._words for place in _places(data, word, 0, len(data))}
        if len(places) > _CROWD:  # a talkative log: to look at every line would cost more
            yield from self._search(data, 0, len(data))
            return
        done = 0
        for place in sorted(places):
            if place >= done:
                start = data.rfind(b"\n", 0, place) + 1
                end = data.find(b"\n", place)
                done = end if end >= 0 else len(data)
                yield from self._search(data, start, done)

    def _search(self, data: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
        for fragment in self._fragments:
            after = _TRACEBACK if fragment in FAULTS[:1] else _AFTER
            for place in _places(data, fragment, start, end):
                yield place, after


def _places(data: bytes, word: bytes, start: int, end: int) -> Iterator[int]:
    """Return where a word stands, once a line."""
    place = data.find(word, start, end)
    while place >= 0:
        yield place
        line = data.find(b"\n", place, end)
        place = data.find(word, line, end) if line >= 0 else -1


def covering(told: Mapping[tuple[str, ...], Collection[str]]) -> list[bytes]:
    """Return few candidates, of which each key has one: again and again the one that most of the others have."""
    holders: dict[str, set[tuple[str, ...]]] = {}
    for texts, candidates in told.items():
        for candidate in candidates:
            holders.setdefault(candidate, set()).add(texts)
    chosen = []
    while holders:
        best = max(holders, key=lambda candidate: (len(holders[candidate]), len(candidate), candidate))
        done = holders.pop(best)
        chosen.append(best.encode())
        holders = {candidate: left for candidate, keys in holders.items() if (left := keys - done)}
    return chosen


def _fragments(texts: tuple[str, ...]) -> list[str]:
    """Return the runs of whole words that are neither too short nor too long; the longest text where there are none."""
    found = []
    for text in texts:
        starts = [place for place in range(len(text)) if not place or text[place - 1] == " "]
        ends = [place for place in range(1, len(text) + 1) if place == len(text) or text[place] == " "]
        found += [text[start:end] for start in starts for end in ends if _SHORT <= end - start <= _LONG]
    return found or [max(texts, key=len)[:_LONG]]


def _words(texts: tuple[str, ...]) -> list[str]:
    """Return the words that have spaces around them; the longest text where there are none."""
    return [f" {word} " for text in texts for word in text.split(" ")[1:-1] if word] or [max(texts, key=len)[:_LONG]]


def _read(number: int, lines: Sequence[bytes]) -> Passage:
    """Return lines in plain text; what a carriage return has overwritten, or a collector has put into one line, is a line of its own."""
    told: Passage = []
    widths = []
    for offset, raw in enumerate(lines):
        text = decode(raw if len(raw) <= _LONGEST else _shortened(raw))
        envelope = opened(text) if text[:1] == "{" or "\\n" in text else None
        writer, inside = envelope if envelope is not None else ("", (text,))
        for line in inside:
            for part in line.rstrip("\r").split("\r") if "\r" in line else (line,):
                source, said = plain(part)
                told.append((number + offset, source or writer, said.rstrip()))
                widths.append(len(part))
    return _rejoined(told, widths)


def _rejoined(told: Passage, widths: list[int]) -> Passage:
    """Give the rest of a line that a terminal has wrapped to whom the line belongs: only its beginning says so."""
    width = max(widths, default=0)
    if width < _NARROWEST or widths.count(width) < _WRAPPED:
        return told
    for place in range(1, len(told)):
        (_, before, _), (number, source, text) = told[place - 1], told[place]
        if before and not source and widths[place - 1] == width:
            told[place] = number, before, text
    return told


def _shortened(raw: bytes) -> bytes:
    """Return a long line without its middle; an envelope may hold a whole traceback."""
    longest = _ENVELOPE if raw[:2] == b'{"' or b"\\n  File " in raw else _LONGEST
    return raw if len(raw) <= longest else raw[: longest // 2] + b" ... " + raw[-longest // 2 :]
