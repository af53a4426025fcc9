"""Collects requirements that a TOML file declares, with the places where they stand."""

from __future__ import annotations

from envdoctor.formats._pep508 import NotARequirement, requirement
from envdoctor.formats._toml_places import Places, Unclear
from envdoctor.model.markers import all_of
from envdoctor.model.script import Location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envdoctor.formats._toml_places import Path
    from envdoctor.model.listing import Requirement


class Declared:
    """The requirements and problems of one file, in the order they were found.

    `text` is the TOML; `offset` is added to every line number and `indent` to every column, where the TOML is a part of the file.
    """

    def __init__(self, path: str, text: str, offset: int = 0, indent: int = 0) -> None:
        self.path = path
        self.requirements: list[Requirement] = []
        self.problems: list[str] = []
        self._text = text
        self._moved = (offset, indent)
        self._places: Places | None = None

    def place(self, at: Path) -> Location:
        """Return where the value of a path starts; of one that stands nowhere itself, the next one outside that does."""
        if self._places is None:
            try:
                self._places = Places(self._text)
            except Unclear:
                self._places = Places("")
        start = 0
        while at:
            if at in self._places.values:
                start = self._places.values[at].start
                break
            if at in self._places.headers:
                start = self._places.headers[at] - 1
                break
            at = at[:-1]
        line, column = self._places.line(start)
        return Location(path=self.path, line=line + self._moved[0], column=column + self._moved[1])

    def parse(self, text: str, at: Path) -> Requirement | None:
        """Return a PEP 508 text as a requirement, or None with the problem noted."""
        try:
            return requirement(text, self.place(at))
        except NotARequirement as error:
            self.problem(at, f"{error}; it is left out")
            return None

    def add(self, text: str, at: Path, condition: str = "", *, constraint: bool = False) -> None:
        """Add a PEP 508 text under a further marker."""
        found = self.parse(text, at)
        if found is not None:
            self.extend([found.replace(constraint=constraint)], condition)

    def extend(self, found: Iterable[Requirement], condition: str = "") -> None:
        """Add requirements under a further marker."""
        for item in found:
            self.requirements.append(item.replace(marker=all_of(item.marker, condition)) if condition else item)

    def problem(self, at: Path, text: str) -> None:
        """Note a defect of the value at a path."""
        place = self.place(at)
        self.problems.append(f"{place.path} line {place.line}: {text}")


def rows(value: object, *at: str) -> Iterator[tuple[str, Path]]:
    """Yield the texts of a list with their paths; of a single text, that one."""
    if isinstance(value, str):
        yield value, at
    elif isinstance(value, list):
        for number, item in enumerate(value):
            if isinstance(item, str):
                yield item, (*at, number)
