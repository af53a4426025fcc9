"""The atlas as one inert file for machines: what every check needs at the beginning, everything else behind it and read by its place.

    hot    per package: its versions, and for each partner the states beside which some need of a release may not be met
    cold   per package and partner: the rows behind that; per entry: what of others rests on it; what guards ask; the texts themselves

Plain data in `marshal` form, as in `knowledge.compiled`. Faults of entries that no use reaches are left out: nothing could tell of them.
"""

from __future__ import annotations

import lzma
import marshal
import zlib

from envdoctor.knowledge.atlas.links import PACKAGE, carries
from envdoctor.knowledge.atlas.shipped import needed_names, shipped
from envdoctor.knowledge.atlas.text import write_text
from envdoctor.knowledge.atlas.universe import ASKING, Universe, atoms, narrowed, rows_of
from envdoctor.model.guards import parse
from envdoctor.model.modules import root
from envdoctor.model.names import normalise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from envdoctor.knowledge.atlas.links import Carry, Row
    from envdoctor.knowledge.atlas.text import AtlasText

    Place = tuple[int, int]
    Conditions = tuple[tuple[str, int, int], ...]

MAGIC = b"envdoctor atlas artefact 1\n"
OFFERS_OF_ROOTS = "offers of roots"


def hot_runs(rows: Iterable[Row], releases: int) -> tuple[int, ...]:
    """Return, as a flat tuple of first release, last release and states, beside which states some row may hold."""
    together: dict[int, int] = {}
    for row in rows:
        together[row.holders] = together.get(row.holders, 0) | row.beside
    found: list[int] = []
    for place in range(releases):
        beside = 0
        for holders, states in together.items():
            if holders >> place & 1:
                beside |= states
        if not beside:
            continue
        if found and found[-2] == place - 1 and found[-1] == beside:
            found[-2] = place
        else:
            found += (place, place, beside)
    return tuple(found)


class _Cold:
    """The parts that are read by their place, one after the other."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0

    def put(self, data: bytes) -> Place:
        """Add a part and return where it lies."""
        place = (self.size, len(data))
        self.parts.append(data)
        self.size += len(data)
        return place


def compile_atlas(texts: Iterable[AtlasText], mark: str = "") -> bytes:
    """Return the compiled form of an atlas; the same texts give the same bytes. `mark` is one line that says what it was made from."""
    universe = Universe({text.package: text for text in sorted(texts, key=lambda text: text.package)})
    kept = universe.reached()
    cold = _Cold()
    hot: dict[str, bytes] = {}
    guards: set[str] = set()
    modules: set[str] = set()
    carried: dict[str, dict[str, list[Carry]]] = {}
    for package, text in universe.texts.items():
        narrow = narrowed(text, kept[package])
        pairs = []
        for module, rows in sorted(rows_of(universe, narrow).items()):
            guards.update(row.guard for row in rows)
            modules.add(module)
            entries = {row.entry: universe.entries(package)[row.entry] for row in rows}
            place = cold.put(packed((entries, [plain(row) for row in rows])))
            groups: dict[Conditions, list[Row]] = {}
            for row in rows:
                groups.setdefault(conditions(universe, package, row), []).append(row)
            for asked_of, group in sorted(groups.items()):
                modules.update(one[0] for one in asked_of)
                pairs.append((module, states(universe, module), asked_of, hot_runs(group, len(text.releases)), *place))
        hot[package] = marshal.dumps(("\n".join(text.versions), tuple(pairs)), 2)
        for one in _carries(universe, narrow, kept):
            carried.setdefault(universe.modules[root(one.target.partition(":")[0])], {}).setdefault(one.below, []).append(one)
            guards.add(one.guard)
    asked = universe.asked(guards)
    modules.update(root(atom[1]) for atom in asked.values())
    named = {module: universe.named(module) for module in sorted(modules) if module}
    resting = {
        package: {below: cold.put(packed([plain(one) for one in found])) for below, found in sorted(entries.items())}
        for package, entries in sorted(carried.items())
    }
    answers = {name: told for name, told in sorted((name, universe.told(atom)) for name, atom in asked.items()) if told}
    needed = needed_names(universe.texts.values())
    written = {package: _texts(cold, shipped(text, needed)) for package, text in universe.texts.items()}
    place = cold.put(packed((resting, answers, written, dict(sorted(universe.modules.items())), tuple(sorted(universe.names)))))
    newest = max((release.date for text in universe.texts.values() for release in text.releases), default="")
    count = sum(len(text.releases) for text in universe.texts.values())
    table = marshal.dumps((newest, count, hot, named, place), 2)
    return b"".join([MAGIC, mark.encode(), b"\n", b"%d %d\n" % (len(table), cold.size), table, *cold.parts])


def _carries(universe: Universe, narrow: AtlasText, kept: dict[str, set[str]]) -> Iterator[Carry]:
    for module, other in sorted(universe.modules.items()):
        partner = universe.partner(module)
        if other != narrow.package and partner is not None:
            yield from carries(narrow, partner, {entry: bits for entry, bits in universe.entries(other).items() if entry in kept[other]})


def conditions(universe: Universe, package: str, row: Row) -> Conditions:
    """Return what must be so of third packages for a row's guard to hold: module, number of its states, those with which it can.

    So a healthy environment need not read the row: most guards ask for something that is not installed.
    """
    if not row.guard:
        return ()
    without = row.partner if row.kind == PACKAGE else ""
    found = []
    for module in sorted(third_parties(universe, row.guard) - {row.partner, ""}):
        third = universe.partner(module)
        if third is not None and third.package != package:
            can = third.can(row.guard, without)[0]
            if can != third.all | third.absent:
                found.append((module, states(universe, module), can))
    return tuple(found)


def third_parties(universe: Universe, guard: str) -> set[str]:
    """Return the root modules that a guard is about."""
    found = set()
    for atom in atoms(parse(guard)):
        if atom[0] in ASKING:
            found.add(root(atom[1]))
        elif atom[0] in ("ver", "dist"):
            found.add(universe.brings.get(normalise(atom[1]), ""))
    return found


def states(universe: Universe, module: str) -> int:
    """Return how many states a partner has beside its absence."""
    package = universe.modules.get(module, "")
    return len(universe.texts[package].releases) if package else 1


def plain(record: Row | Carry) -> tuple[Any, ...]:
    """Return the fields of a record, in order."""
    return tuple(getattr(record, field) for field in type(record)._fields)  # type: ignore[union-attr]


def packed(data: Any) -> bytes:
    """Return plain data as bytes."""
    return zlib.compress(marshal.dumps(data, 2), 9)


def _texts(cold: _Cold, text: AtlasText) -> dict[str, Place]:
    """Put down the text of a package, each section for itself; "" is what stands before the first. What root modules offer comes twice."""
    beginning, *sections = write_text(text).split("\n[")
    places = {"": cold.put(squeezed(beginning + "\n"))}
    for section in sections:
        name = section.partition("]")[0]
        places[name] = cold.put(squeezed("[" + section.rstrip("\n") + "\n"))
        if name == "offers":
            places[OFFERS_OF_ROOTS] = cold.put(squeezed(_of_roots(section)))
    return places


def _of_roots(section: str) -> str:
    """Return what the root modules of a section offer: most of what a script asks for, and little of the whole."""
    found, keep = [], False
    for line in section.split("\n")[1:]:
        if not line.startswith("  "):
            keep = "." not in line
        if keep and line:
            found.append(line)
    return "[offers]\n" + "\n".join(found) + "\n"


def squeezed(text: str) -> bytes:
    """Return a text in as few bytes as there are."""
    data = text.encode()
    size = max(1 << 12, 1 << (len(data) - 1).bit_length())  # a larger dictionary than the text only costs time to make
    method = {"id": lzma.FILTER_LZMA1, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": min(size, 1 << 26)}
    return lzma.compress(data, format=lzma.FORMAT_ALONE, filters=[method])
