"""The compiled atlas, read by look-up: a healthy check reads its beginning, and nothing else."""

from __future__ import annotations

import marshal

from envdoctor.knowledge.atlas.beside import Beside
from envdoctor.model.surface import SECTIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from envdoctor.knowledge.atlas.links import Carry, Row
    from envdoctor.knowledge.atlas.text import AtlasText
    from envdoctor.model.knowledge import Members
    from envdoctor.model.snapshot import Distribution
    from envdoctor.model.surface import Surface

    # root module, its states, conditions on third packages, hot runs, place and size of the rows
    Pair = tuple[str, int, tuple[tuple[str, int, int], ...], tuple[int, ...], int, int]

MAGIC = b"envdoctor atlas artefact 1\n"
_HOLDERS = 6
"""Place of the releases that hold a row among its fields."""


def mark_of(beginning: bytes) -> str:
    """Return the line that says what an artefact was made from. Raises ValueError."""
    return beginning[len(MAGIC) : _lines(beginning)[0]].decode()


def hot_size(beginning: bytes) -> int:
    """Return how many bytes of an artefact every check needs. Raises ValueError."""
    return _layout(beginning)[1]


def _lines(data: bytes) -> tuple[int, int]:
    first = data.find(b"\n", len(MAGIC))
    second = data.find(b"\n", first + 1)
    if not data.startswith(MAGIC) or first < 0 or second < 0:
        raise ValueError("not a compiled atlas")
    return first, second


def _layout(data: bytes) -> tuple[int, int]:
    first, second = _lines(data)
    return second + 1, second + 1 + int(data[first + 1 : second].split()[0])


def whole_size(beginning: bytes) -> int:
    """Return how many bytes an artefact has, so that one that was cut off is noticed. Raises ValueError."""
    first, second = _lines(beginning)
    return second + 1 + sum(map(int, beginning[first + 1 : second].split()))


class CompiledAtlas:
    """An atlas in compiled form. Raises ValueError for bytes that `compile_atlas` did not write."""

    def __init__(self, data: bytes, cold: Callable[[int, int], bytes] | None = None, release: Callable[[], None] | None = None) -> None:
        """Take a whole atlas, or its beginning (see `hot_size`) with a function that reads SIZE bytes at an offset, and one to let go."""
        self._release = release
        table, self._cold_at = _layout(data)
        self._cold = cold or (lambda start, size: data[start : start + size])
        newest, count, hot, named, place = marshal.loads(data[table : self._cold_at])  # noqa: S302 - our own artefact, plain data
        self.newest: str = newest
        """Day of the newest release in it."""
        self.count: int = count
        """How many releases are in it."""
        self._hot: dict[str, bytes] = hot
        self._opened: dict[str, tuple[tuple[str, ...], tuple[Pair, ...]]] = {}
        self._named: dict[str, tuple[str, tuple[str, ...]]] = named
        self._directory_at: tuple[int, int] = place
        self._parts: tuple[Any, ...] | None = None

    @property
    def mined(self) -> tuple[str, ...]:
        """Packages of which a release was read from installed files."""
        return ()

    def release(self) -> None:
        """Let go of the file behind the atlas, if there is one; it is opened again when needed."""
        if self._release is not None:
            self._release()

    def beside(self, distributions: Mapping[str, Distribution], is_complete: bool) -> Beside:
        """Return what the atlas says of these distributions."""
        return Beside(self, distributions, is_complete)

    def with_surface(self, surface: Surface) -> CompiledAtlas:
        """Return an atlas in which one more release is known: what was mined from installed files."""
        from envdoctor.knowledge.atlas.overlay import Overlay

        return Overlay(self, {surface.package: self.text(surface.package).with_surfaces([surface])})

    def brought(self) -> tuple[dict[str, str], tuple[str, ...]]:
        """Return which package brings each root module, and all names of distributions that some release declares."""
        _, _, _, modules, names = self._directory()
        return modules, names

    @property
    def packages(self) -> tuple[str, ...]:
        """All packages of the atlas."""
        return tuple(self._hot)

    def _open(self, package: str) -> tuple[tuple[str, ...], tuple[Pair, ...]]:
        found = self._opened.get(package)
        if found is None:
            versions, pairs = marshal.loads(self._hot[package])  # noqa: S302 - as in __init__
            found = self._opened[package] = (tuple(versions.split("\n")) if versions else (), pairs)
        return found

    def versions(self, package: str) -> tuple[str, ...]:
        """Return the releases of a package, the oldest first. Raises KeyError."""
        return self._open(package)[0]

    def pairs(self, package: str) -> Iterable[Pair]:
        """Return the partners of a package, with the runs of releases and states that `compile.hot_runs` made. Raises KeyError."""
        return self._open(package)[1]

    def rows(self, package: str, module: str, holders: int = 0) -> tuple[dict[str, int], list[Row]]:
        """Return the rows of a package beside one partner, all or those that some releases hold, and which releases have their entries."""
        for name, *_, start, size in self._open(package)[1]:
            if name == module:
                from envdoctor.knowledge.atlas.links import Row

                entries, rows = self._unpacked(start, size)
                fields = tuple(Row._fields)  # type: ignore[attr-defined]
                return entries, [Row(**dict(zip(fields, row))) for row in rows if row[_HOLDERS] & holders == holders]
        return {}, []

    def named(self, module: str) -> tuple[str, tuple[str, ...]] | None:
        """Return the package of the atlas ("" for none) and the distributions that bring a root module; None where nobody asks for it."""
        return self._named.get(module)

    def carried(self, package: str, entry: str) -> list[Carry]:
        """Return what rests on an entry of a package."""
        place = self._directory()[0].get(package, {}).get(entry)
        if not place:
            return []
        from envdoctor.knowledge.atlas.links import Carry

        fields = tuple(Carry._fields)  # type: ignore[attr-defined]
        return [Carry(**dict(zip(fields, row))) for row in self._unpacked(*place)]

    def answer(self, atom: str) -> tuple[str, tuple[tuple[str, int], ...]] | None:
        """Return the package that a guard's question is about, and its answers, guards themselves, with the releases that give them."""
        found: tuple[str, tuple[tuple[str, int], ...]] | None = self._directory()[1].get(atom)
        return found

    def text(self, package: str, sections: Iterable[str] | None = None) -> AtlasText:
        """Return what is known of a package, all of it or some sections; an empty text for a package that is not in the atlas."""
        from envdoctor.knowledge.atlas.text import AtlasText, read_text

        places = self._directory()[2].get(package)
        if places is None:
            return AtlasText(package=package)
        wanted = [name for name in places if name in SECTIONS and (sections is None or name in sections)]
        return read_text("".join(self._squeezed(*places[name]) for name in ("", *wanted)))

    def members(self, package: str) -> Members:
        """Return the look-ups into what a package's modules offer and its callables take. Raises KeyError."""
        from envdoctor.knowledge.atlas.members import WrittenMembers

        places = self._directory()[2].get(package, {})
        return WrittenMembers(
            package, self.versions(package), lambda section: self._squeezed(*places[section]) if section in places else ""
        )  # fmt: skip

    def _directory(self) -> tuple[Any, ...]:
        if self._parts is None:
            self._parts = self._unpacked(*self._directory_at)
        return self._parts

    def _unpacked(self, start: int, size: int) -> Any:
        import zlib

        return marshal.loads(zlib.decompress(self._cold(self._cold_at + start, size)))  # noqa: S302 - as in __init__

    def _squeezed(self, start: int, size: int) -> str:
        import lzma

        return lzma.decompress(self._cold(self._cold_at + start, size)).decode()
