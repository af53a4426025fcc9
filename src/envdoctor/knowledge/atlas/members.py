"""What the modules of one package offer and what its callables take, looked up one at a time: a script asks for little of a long text."""

from __future__ import annotations

from envdoctor.model.surface import SPACELESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from envdoctor.knowledge.atlas.text import AtlasText

    Items = Mapping[str, int]

_OF_ROOTS = "offers of roots"
"""The part of "offers" that an artefact keeps apart (see `compile`)."""
_NONE: dict[str, int] = {}


class WrittenMembers:
    """Look-ups in the written form of a text's sections. Each section is read when it is first asked for, and of it only what is asked."""

    def __init__(self, package: str, versions: tuple[str, ...], section: Callable[[str], str]) -> None:
        """Take a function that returns the text of a section, "" where there is none."""
        self.package = package
        self.versions = versions
        self._section = section
        self._texts: dict[str, str] = {}
        self._found: dict[tuple[str, str], Items] = {}
        self._bits: dict[str, int] = {}
        self._places = {version: place for place, version in enumerate(versions)}

    def items(self, section: str, subject: str) -> Items:
        """Return the items of a subject with their releases as bits; none for a subject that is not known."""
        known = self._found.get((section, subject))
        if known is None:
            known = self._found[section, subject] = self._read(section, subject)
        return known

    def subjects(self, section: str, name: str) -> list[str]:
        """Return the subjects `MODULE:NAME` of a section, whatever the module."""
        text, ending = self._text(section), f":{name}\n"
        found = []
        place = text.find(ending)
        while place >= 0:
            start = text.rfind("\n", 0, place) + 1
            if text[start : start + 1] not in (" ", "["):
                found.append(text[start : place + len(ending) - 1])
            place = text.find(ending, place + 1)
        return found

    def _text(self, section: str, subject: str = "") -> str:
        if section == "offers" and subject and "." not in subject and len(self._whole(_OF_ROOTS)) > 1:
            return self._whole(_OF_ROOTS)
        return self._whole(section)

    def _whole(self, section: str) -> str:
        known = self._texts.get(section)
        if known is None:
            known = self._texts[section] = "\n" + self._section(section)
        return known

    def _read(self, section: str, subject: str) -> Items:
        text = self._text(section, subject)
        place = text.find(f"\n{subject}\n")
        if place < 0:
            return _NONE
        found: dict[str, int] = {}
        start = place + len(subject) + 2
        while text.startswith("  ", start):
            end = text.find("\n", start)
            interval, _, rest = text[start + 2 : end].partition(" ")
            bits = self._releases(interval)
            for item in rest.split(" ") if section in SPACELESS else (rest,):
                found[item] = bits
            start = end + 1
        return found

    def _releases(self, interval: str) -> int:
        known = self._bits.get(interval)
        if known is None:
            known = 0
            for part in interval.split(","):
                first, _, last = part.partition("-")
                low, high = self._places[first], self._places[last] if last else len(self._places) - 1
                known |= (2 << high) - (1 << low)
            self._bits[interval] = known
        return known


class ReadMembers:
    """The same look-ups in a text that is already read: that of a release laid over the atlas."""

    def __init__(self, text: AtlasText) -> None:
        self.package = text.package
        self.versions = text.versions
        self._sections = text.sections

    def items(self, section: str, subject: str) -> Items:
        """Return the items of a subject with their releases as bits."""
        return self._sections.get(section, {}).get(subject, _NONE)

    def subjects(self, section: str, name: str) -> list[str]:
        """Return the subjects `MODULE:NAME` of a section, whatever the module."""
        return [subject for subject in self._sections.get(section, {}) if subject.partition(":")[2] == name]
