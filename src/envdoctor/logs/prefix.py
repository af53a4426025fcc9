"""Takes off what a logger or a launcher has put before every line of a traceback, whatever it is: its heading and its frames show it."""

from __future__ import annotations

import re

from envdoctor.logs.plain import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.logs.passages import Passage

_HEADING = re.compile(r'(?:Exception Group )?Traceback \(most recent call last\):|  File "[^"]+", line \d')
_NEXT = 4  # lines below a heading that are looked at
_LONGEST = 160  # characters of a prefix
_MOST = 20  # different prefixes that are tried in one passage
_RANK = re.compile(r"^\W*(?:(?:global_)?rank\W*)?(\d{1,5})\W*$", re.IGNORECASE)


def bared(passage: Passage) -> Passage:
    """Return a passage without the prefix that the lines of its tracebacks share, ranks in it told as who wrote the line.

    >>> lines = ["12 main: Traceback (most recent call last):", '12 main:   File "a.py", line 1', "13 main: KeyError: 1"]
    >>> [text for _, _, text in bared([(number, "", line) for number, line in enumerate(lines)])]
    ['Traceback (most recent call last):', '  File "a.py", line 1', 'KeyError: 1']
    """
    done: set[str] = set()
    for place, (_, _, text) in enumerate(passage):
        heading = _HEADING.search(text) if "Traceback" in text or ' File "' in text else None
        at = heading.start() if heading is not None else 0
        if not 0 < at <= _LONGEST:
            continue
        like = _like(text[:at])
        if like in done or len(done) >= _MOST:
            continue
        done.add(like)
        prefix = re.compile(like)
        below = passage[place + 1 : place + 1 + _NEXT]
        if below and sum(prefix.match(line[2]) is not None for line in below) > len(below) // 2:
            start, end = _reach(passage, place, prefix) if text[:at].isspace() else (0, len(passage))
            passage = [*passage[:start], *(_without(line, prefix) for line in passage[start:end]), *passage[end:]]
    return passage


def _like(prefix: str) -> str:
    """Return a pattern for a prefix, in which any number may stand for any other: times, process ids and ranks change from line to line."""
    bare = prefix.rstrip()
    pattern = re.sub(r"\d+", r"\\d+", re.sub(r"^ +", " *", re.escape(bare).replace("\\ ", " ")))
    return pattern + (f"(?: {{{len(prefix) - len(bare)}}}|$)" if bare else f"(?:{re.escape(prefix)}|$)")


def _reach(passage: Passage, place: int, prefix: re.Pattern[str]) -> tuple[int, int]:
    """Return the first line and the line after the last that are indented alike."""
    start = end = place
    while start and prefix.match(passage[start - 1][2]):
        start -= 1
    while end < len(passage) and prefix.match(passage[end][2]):
        end += 1
    return start, end


def _without(line: tuple[int, str, str], prefix: re.Pattern[str]) -> tuple[int, str, str]:
    number, source, text = line
    found = prefix.match(text)
    if found is None:
        return line
    rank = _RANK.match(found.group())
    inner, said = plain(text[found.end() :])
    return number, inner or (rank.group(1) if rank else source), said.rstrip()
