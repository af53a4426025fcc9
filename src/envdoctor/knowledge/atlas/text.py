"""The text form of the atlas: one file a package, each item with the releases in which it holds, sorted so that it diffs by line.

    envdoctor atlas 1
    package peft
    releases
      0.1.0 2023-02-10
      0.2.0 2023-05-10 yanked
    [offers]
    peft.utils
      0.1.0-0.1.0 . old_name
      0.2.0- new_name

An interval names the first and the last release that hold the items, in the order of versions; an open one holds in the newest release
that was mined. In memory the releases of an item are the bits of one number, so that sets of releases cost nothing. Pure: no files here.
"""

from __future__ import annotations

from envdoctor.model.errors import AtlasError
from envdoctor.model.record import Record
from envdoctor.model.surface import SECTIONS, SPACELESS, Surface
from envdoctor.model.versions import InvalidVersion, key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Sections = dict[str, dict[str, dict[str, int]]]

FIRST_LINE = "envdoctor atlas 1"
NOTHING = "()"
"""Stands for no items at all: a callable that takes no parameter is not the same as a callable that is not there."""
_WIDEST = 140


class Release(Record):
    """One release of a package. `date` is an ISO day, "" where it is not known."""

    version: str
    date: str = ""
    yanked: bool = False


class AtlasText(Record):
    """All that is known of one package. `sections` holds section, subject, item and a number: bit N stands for release N."""

    package: str
    releases: tuple[Release, ...] = ()
    sections: Mapping[str, Mapping[str, Mapping[str, int]]] = {}

    @property
    def versions(self) -> tuple[str, ...]:
        """All versions, the oldest first."""
        return tuple(release.version for release in self.releases)

    def with_surfaces(self, surfaces: Iterable[Surface]) -> AtlasText:
        """Return the atlas with these releases added, or put in the place of their older reading. Raises AtlasError."""
        given = {}
        for surface in surfaces:
            if surface.package != self.package:
                raise AtlasError(f"{surface.package} {surface.version}: is no release of {self.package}")
            given[_key(surface.version, self.package)] = surface
        releases = {key(release.version): release for release in self.releases}
        for at, surface in given.items():
            releases[at] = Release(version=surface.version, date=surface.date, yanked=surface.yanked)
        order = sorted(releases)
        place = {at: number for number, at in enumerate(order)}
        sections = _moved(self, [-1 if key(release.version) in given else place[key(release.version)] for release in self.releases])
        for at, surface in given.items():
            _enter(sections, surface, 1 << place[at])
        return AtlasText(package=self.package, releases=tuple(releases[at] for at in order), sections=sections)

    def surface(self, version: str) -> Surface:
        """Return one release as it was mined. Raises ValueError where it is not known."""
        number = [key(release.version) for release in self.releases].index(key(version))
        release = self.releases[number]
        told: dict[str, dict[str, frozenset[str]]] = {}
        for section, subjects in self.sections.items():
            for subject, items in subjects.items():
                held = [item for item, bits in items.items() if bits >> number & 1]
                if held:
                    told.setdefault(section, {})[subject] = frozenset(item for item in held if item != NOTHING)
        return Surface(package=self.package, version=release.version, date=release.date, yanked=release.yanked, sections=told)


def _key(version: str, package: str) -> tuple[object, ...]:
    try:
        if any(sign in version for sign in "-, "):
            raise InvalidVersion(version)
        return key(version)
    except InvalidVersion:
        raise AtlasError(f"{package} {version}: is no version in the spelling of PEP 440; leave the release out") from None


def _moved(atlas: AtlasText, places: list[int]) -> Sections:
    """Return a copy of the sections in which the bit of each release has its new place; -1 forgets a release."""
    stays = places == list(range(len(places)))
    known: dict[int, int] = {}
    sections: Sections = {}
    for section, subjects in atlas.sections.items():
        copied = sections[section] = {}
        for subject, items in subjects.items():
            if stays:
                copied[subject] = dict(items)
                continue
            kept = {}
            for item, bits in items.items():
                moved = known.get(bits)
                if moved is None:
                    moved = known[bits] = sum(1 << place for number, place in enumerate(places) if place >= 0 and bits >> number & 1)
                if moved:
                    kept[item] = moved
            if kept:
                copied[subject] = kept
    return sections


def _enter(sections: Sections, surface: Surface, bit: int) -> None:
    for section, subjects in surface.sections.items():
        if section not in SECTIONS:
            raise AtlasError(f"{surface.package} {surface.version}: {section!r} is no section of the atlas")
        known = sections.setdefault(section, {})
        for subject, items in subjects.items():
            held = known.setdefault(subject, {})
            for item in items or (NOTHING,):
                if item not in held and not _writable(item, section):
                    raise AtlasError(f"{surface.package} {surface.version}: [{section}] {subject}: {item!r} cannot be written as one item")
                held[item] = held.get(item, 0) | bit


def _writable(item: str, section: str) -> bool:
    return item.split() == [item] if section in SPACELESS else " ".join(item.splitlines()).strip() == item != ""


def write_text(atlas: AtlasText) -> str:
    """Return the text form; the same content gives the same text."""
    lines = [FIRST_LINE, f"package {atlas.package}", "releases"]
    for release in atlas.releases:
        lines.append("  " + " ".join(filter(None, (release.version, release.date, "yanked" if release.yanked else ""))))
    versions = atlas.versions
    spelled: dict[int, str] = {}
    for section in sorted(section for section, subjects in atlas.sections.items() if subjects):
        lines.append(f"[{section}]")
        for subject, items in sorted(atlas.sections[section].items()):
            if subject:
                lines.append(subject)
            together: dict[int, list[str]] = {}
            for item, bits in items.items():
                together.setdefault(bits, []).append(item)
            for bits in sorted(together, key=_age):
                if bits not in spelled:
                    spelled[bits] = ",".join(_spell(versions, first, last) for first, last in runs(bits))
                lines += _item_lines(spelled[bits], sorted(together[bits]), section in SPACELESS)
    return "\n".join(lines) + "\n"


def _age(bits: int) -> tuple[int, int]:
    """Sort by the first release, then by the others."""
    return (bits & -bits).bit_length(), bits


def runs(bits: int) -> Iterator[tuple[int, int]]:
    """Return the runs of set bits as pairs of the first and the last place.

    >>> list(runs(0b10111))
    [(0, 2), (4, 4)]
    """
    start = 0
    while bits:
        skip = (bits & -bits).bit_length() - 1
        bits >>= skip
        length = (~bits & (bits + 1)).bit_length() - 1
        yield start + skip, start + skip + length - 1
        bits >>= length
        start += skip + length


def _spell(versions: tuple[str, ...], first: int, last: int) -> str:
    return f"{versions[first]}-{versions[last] if last + 1 < len(versions) else ''}"


def _item_lines(interval: str, items: list[str], joined: bool) -> Iterator[str]:
    head = f"  {interval}"
    if not joined:
        for item in items:
            yield f"{head} {item}"
        return
    line = head
    for item in items:
        if len(line) + 1 + len(item) > _WIDEST and line != head:
            yield line
            line = head
        line = f"{line} {item}"
    yield line


def read_text(text: str) -> AtlasText:
    """Read the text form. Raises AtlasError, which names the line."""
    lines = text.split("\n")
    if lines[0] != FIRST_LINE:
        raise AtlasError(f"line 1: is not {FIRST_LINE!r}; this is no file of the atlas, or one of another version of envdoctor")
    reader = _Reader(lines)
    try:
        return reader.read()
    except ValueError as error:
        raise AtlasError(f"line {reader.line}: {error}") from None


class _Reader:
    """Goes through the lines once; a ValueError is about the line in `line`."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.line = 1
        self.intervals: dict[str, int] = {}
        self.places: dict[str, int] = {}

    def read(self) -> AtlasText:
        word, _, package = self._next().partition(" ")
        if word != "package" or not package:
            raise ValueError("is not `package NAME`")
        if self._next() != "releases":
            raise ValueError("is not `releases`")
        releases = self._releases()
        return AtlasText(package=package, releases=releases, sections=self._sections())

    def _next(self) -> str:
        self.line += 1
        return self.lines[self.line - 1] if self.line <= len(self.lines) else ""

    def _releases(self) -> tuple[Release, ...]:
        found: list[Release] = []
        while self.line < len(self.lines) and self.lines[self.line].startswith("  "):
            version, *rest = self._next().split()
            key(version)
            if found and key(found[-1].version) >= key(version):
                raise ValueError(f"release {version} does not come after {found[-1].version}")
            date = rest.pop(0) if rest and rest[0] != "yanked" else ""
            if rest not in ([], ["yanked"]):
                raise ValueError(f"{' '.join(rest)!r} stands where only `yanked` may stand")
            self.places[version] = len(found)
            found.append(Release(version=version, date=date, yanked=bool(rest)))
        return tuple(found)

    def _sections(self) -> Sections:
        sections: Sections = {}
        items: dict[str, int] | None = None
        subjects: dict[str, dict[str, int]] = {}
        section = ""
        for number in range(self.line, len(self.lines)):
            line = self.lines[number]
            self.line = number + 1
            if line.startswith("  "):
                if items is None:
                    items = subjects.setdefault("", {})
                    if not section:
                        raise ValueError("an item stands before the first section")
                interval, _, rest = line[2:].partition(" ")
                bits = self.intervals.get(interval) or self._bits(interval)
                if not rest:
                    raise ValueError(f"no item follows {interval!r}")
                for item in rest.split(" ") if section in SPACELESS else (rest,):
                    if item in items:
                        raise ValueError(f"{item!r} stands here twice")
                    items[item] = bits
            elif line.startswith("["):
                section, items = line[1:-1], None
                if section not in SECTIONS or line[-1] != "]" or section in sections:
                    raise ValueError(f"{line} is no section, or stands here twice; sections are {', '.join(SECTIONS)}")
                subjects = sections[section] = {}
            elif line:
                if not section or line in subjects:
                    raise ValueError(f"{line!r} stands outside of a section, or twice in one")
                items = subjects[line] = {}
            elif number != len(self.lines) - 1:
                raise ValueError("is empty")
        return sections

    def _bits(self, interval: str) -> int:
        bits = 0
        for part in interval.split(","):
            first, dash, last = part.partition("-")
            try:
                low, high = self.places[first], self.places[last] if last else len(self.places) - 1
            except KeyError as error:
                raise ValueError(f"{interval!r}: {error.args[0]} is no release of the list above") from None
            if not dash or high < low:
                raise ValueError(f"{interval!r} is no interval, such as 0.2.0-0.7.1, or 0.2.0- for one that is still open")
            bits |= (2 << high) - (1 << low)
        self.intervals[interval] = bits
        return bits
