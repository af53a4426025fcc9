"""What a resolver is asked and what it answers: the protocol between the search and whoever solves."""

from __future__ import annotations

from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol, Union

    from envdoctor.repair.lessons import Lessons

    class Resolver(Protocol):
        """Finds a set of versions that keeps requirements, metadata and lessons."""

        name: str
        """Who solves, in words: "uv", or the atlas's own table."""

        def solve(self, question: Question, lessons: Lessons | None = None) -> Union[Solution, Conflict]:
            """Return a set, or why there is none. Raises RepairError where the resolver itself fails."""


class Wish(Record):
    """One requirement as the resolver takes it: a whole PEP 508 line, or what pip takes as one (`-e ./folder`), and whose it is.

    `specifier` is the part of the line that a repair may change; None where it may not be (a URL, a folder, a Git reference).
    """

    name: str
    specifier: str | None
    extras: tuple[str, ...] = ()
    marker: str = ""
    line: str = ""

    def text(self, specifier: str | None = None) -> str:
        """Return the line, with another specifier where one is given."""
        if self.specifier is None:
            return self.line
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        marker = f" ; {self.marker}" if self.marker else ""
        return f"{self.name}{extras}{self.specifier if specifier is None else specifier}{marker}"


class Question(Record):
    """`wishes` are what must be there; `limits` hold versions of what need not be; `prefer` versions that are taken where nothing speaks
    against them. `specifiers` replace those of wishes.
    """

    wishes: tuple[Wish, ...]
    limits: tuple[tuple[str, str], ...] = ()
    specifiers: Mapping[str, str] = {}
    prefer: Mapping[str, str] = {}
    newest: bool = False


class Solution(Record):
    """A version for every package of the set, "" for one that comes in a version that is not known.

    `lines` hold what is no version: URLs and folders, by name.
    """

    versions: Mapping[str, str]
    lines: Mapping[str, str] = {}


class Conflict(Record):
    """No set exists. `names` are the packages that take part in the proof, `text` the resolver's own words."""

    names: frozenset[str]
    text: str
