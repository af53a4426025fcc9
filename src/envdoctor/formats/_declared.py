"""Collects requirements that a TOML file declares, with the lines where they stand."""

from __future__ import annotations

from envdoctor.formats._pep508 import NotARequirement, requirement
from envdoctor.model.listing import Requirement
from envdoctor.model.markers import all_of
from envdoctor.model.script import Location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from envdoctor.formats._toml import Lines


class Declared:
    """The requirements and problems of one file, in the order they were found. `offset` is added to every line number."""

    def __init__(self, path: str, lines: Lines, offset: int = 0) -> None:
        self.path = path
        self.lines = lines
        self.offset = offset
        self.requirements: list[Requirement] = []
        self.problems: list[str] = []

    def place(self, *wanted: str) -> Location:
        """Return the place of the next line that holds the texts."""
        return Location(path=self.path, line=self.lines.of(*wanted) + self.offset)

    def parse(self, text: str, *, quiet: bool = False) -> Requirement | None:
        """Return a PEP 508 text as a requirement, or None with the problem noted."""
        try:
            return requirement(text) if quiet else requirement(text, self.place(text.partition('"')[0]))
        except NotARequirement as error:
            if not quiet:
                self.problem(text.partition('"')[0], f"{error}; it is left out")
            return None

    def add(self, text: str, condition: str = "", *, constraint: bool = False) -> None:
        """Add a PEP 508 text under a further marker."""
        found = self.parse(text)
        if found is not None:
            self.extend([found.replace(constraint=constraint)], condition)

    def extend(self, found: Iterable[Requirement], condition: str = "") -> None:
        """Add requirements under a further marker."""
        for item in found:
            self.requirements.append(item.replace(marker=all_of(item.marker, condition)) if condition else item)

    def problem(self, near: str, text: str) -> None:
        """Note a defect that stands near a text."""
        place = self.place(near)
        self.problems.append(f"{place.path} line {place.line}: {text}")
