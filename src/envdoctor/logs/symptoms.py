"""The error texts that rules know, and how they are found: a few fragments first, a regular expression only where its words are there.

A pattern's longest piece of plain text must stand in a log for the pattern to match, so that two hundred patterns cost two hundred searches
for words, and nothing is compiled for a log without them.
"""

from __future__ import annotations

import re

from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_SPECIAL = frozenset(".^$*+?{}[]\\|()")
_OPTIONAL = frozenset("*?{")
_CLASSES = frozenset("wWdDsSbBAZ0123456789")

_GENERIC = 24
"""Plain characters of a pattern with wild cards below which it is generic."""


class Hit(Record):
    """A known text found: the rule, the text, where it begins, and how many plain characters its pattern asks for.

    A generic one is that of many errors ("No module named ..."): what else is known of the error says more.
    """

    rule: str
    text: str
    start: int
    weight: int
    generic: bool = False


def pieces(pattern: str) -> list[str]:
    """Return the plain texts that must stand, in this order, in whatever a pattern matches; none where alternatives open it.

    >>> pieces(r"FSDP2 requires PyTorch >= 2\\.[56]")
    ['FSDP2 requires PyTorch >= 2.']
    """
    found, run, depth, place = [], "", 0, 0
    while place < len(pattern):
        sign = pattern[place]
        width, plain = 1, sign not in _SPECIAL
        if sign == "\\":
            width = 2
            plain = place + 1 < len(pattern) and pattern[place + 1] not in _CLASSES
            sign = pattern[place + 1 : place + 2]
        elif sign == "[":
            end = pattern.index("]", place + (3 if pattern[place + 1] == "^" else 2))
            width = end + 1 - place
        elif sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1
        elif sign == "|" and not depth:
            return []
        after = pattern[place + width : place + width + 1]
        if plain and not depth and not (after and after in _OPTIONAL):
            run += sign
        elif run:
            found.append(run)
            run = ""
        place += width
    return [*found, run] if run else found


class _Pattern:
    """One symptom; `key` is the longest plain text that it asks for, without backticks, which the way into a log often loses.

    `marks` stand in the log whether the backticks are there or not.
    """

    __slots__ = ("_compiled", "generic", "key", "marks", "rule", "text", "weight")

    def __init__(self, rule: str, text: str) -> None:
        self.rule = rule
        self.text = text.replace("[^`]", "[^ ]").replace("`", "")
        plain = pieces(self.text)
        self.key = max(plain, key=len, default="")
        self.marks = tuple(part for piece in pieces(text) for part in piece.split("`") if part)
        self.weight = sum(map(len, plain))
        self.generic = self.weight < _GENERIC and plain != [self.text]
        self._compiled: re.Pattern[str] | None = None

    def search(self, text: str) -> re.Match[str] | None:
        if self.key not in text:
            return None
        if self._compiled is None:
            self._compiled = re.compile(self.text)
        return self._compiled.search(text)


class Symptoms:
    """The symptoms of a rule book."""

    def __init__(self, told: Iterable[tuple[str, Iterable[str]]]) -> None:
        """Take each rule's id with its patterns."""
        self._patterns = [_Pattern(rule, text) for rule, texts in told for text in texts]

    def marks(self) -> list[tuple[str, ...]]:
        """Return of each pattern the plain texts that stand, all of them, in whatever it matches."""
        return [pattern.marks for pattern in self._patterns if pattern.marks]

    def hits(self, text: str) -> list[Hit]:
        """Return what a text holds of known ones, once a rule: its most telling pattern, in the order of the text."""
        bare = text.replace("`", "")
        best: dict[str, Hit] = {}
        for pattern in self._patterns:
            found = pattern.search(bare)
            if found is not None and (pattern.rule not in best or best[pattern.rule].weight < pattern.weight):
                best[pattern.rule] = Hit(
                    rule=pattern.rule, text=found.group(), start=found.start(), weight=pattern.weight, generic=pattern.generic
                )
        return sorted(best.values(), key=lambda hit: (hit.start, -hit.weight))
