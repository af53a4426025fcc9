"""What the engine asks of the rule book: look-ups, never files."""

from __future__ import annotations

from envdoctor.model.record import Record
from envdoctor.model.rule import Remedy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Protocol

    from envdoctor.model.rule import Condition, Head
    from envdoctor.model.snapshot import Distribution

    class Book(Protocol):
        """A rule book. `ids` are in sorted order; `candidates` may leave out only rules that are certainly clear."""

        version: str
        ids: tuple[str, ...]

        def candidates(self, distributions: Mapping[str, Distribution]) -> Iterable[tuple[str, Condition]]:
            """Return id and condition of the rules that could fire on these distributions; all others are clear. Called once per check."""

        def head(self, rule: str) -> Head:
            """Return what the engine needs of a rule. Called only for rules that fire."""

        def prose(self, rule: str) -> Prose:
            """Return what a rule says. Called only for rules that fire."""


class Prose(Record):
    """The words of a rule."""

    title: str
    message: str
    why: str
    silent: bool
    remedies: tuple[Remedy, ...]
    links: tuple[str, ...]
