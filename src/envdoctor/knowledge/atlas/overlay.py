"""An atlas with releases that it does not hold: what was mined from installed files, judged by the same functions as everything else."""

from __future__ import annotations

from envdoctor.knowledge.atlas.artefact import CompiledAtlas
from envdoctor.knowledge.atlas.beside import Beside
from envdoctor.knowledge.atlas.compile import hot_runs
from envdoctor.knowledge.atlas.links import carries
from envdoctor.knowledge.atlas.partner import Partner
from envdoctor.knowledge.atlas.universe import NEEDING, Universe, rows_of
from envdoctor.model.guards import parse
from envdoctor.model.modules import root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from envdoctor.knowledge.atlas.artefact import Pair
    from envdoctor.knowledge.atlas.links import Carry, Row
    from envdoctor.knowledge.atlas.text import AtlasText
    from envdoctor.model.knowledge import Members
    from envdoctor.model.snapshot import Distribution
    from envdoctor.model.surface import Surface

_JUDGED = (*NEEDING, "offers", "takes", "answers")


class _Texts(dict[str, "AtlasText"]):
    """Texts read when they are asked for."""

    def __init__(self, base: CompiledAtlas, over: Mapping[str, AtlasText]) -> None:
        super().__init__(over)
        self._base = base

    def __missing__(self, package: str) -> AtlasText:
        found = self[package] = self._base.text(package, _JUDGED)
        return found


class _Universe(Universe):
    """The packages of an environment: of who is not installed, only the absence is looked at."""

    def __init__(self, over: Overlay, texts: _Texts, modules: Mapping[str, str], names: Iterable[str]) -> None:
        super().__init__(texts, modules, names)
        self.installed: Mapping[str, Distribution] = {}
        self._over = over

    def _find(self, module: str) -> Partner | None:
        package = self.modules.get(module, "")
        if not package or package in self.installed:
            return super()._find(module)
        partner = Partner(module, None, self.answers)
        # as many states as in the artefact, whose rows are judged beside these
        partner.absent = 1 << len(self._over.versions(package))
        partner.all = partner.absent - 1
        return partner


class Overlay(CompiledAtlas):
    """A compiled atlas over which some packages have texts of their own. Pairs without them are looked up as ever."""

    def __init__(self, base: CompiledAtlas, over: Mapping[str, AtlasText]) -> None:
        self._base = base
        self._over = dict(over)
        self.newest, self.count = base.newest, base.count
        modules, names = base.brought()
        modules = {**modules, **{root(subject): package for package, text in over.items() for subject in text.sections.get("offers", {})}}
        texts = _Texts(base, over)
        self._universe = _Universe(self, texts, modules, (*names, *over))
        self._whole = Universe(texts, modules, (*names, *over))
        self._found: dict[str, dict[str, list[Row]]] = {}

    def release(self) -> None:
        """Let go of the file behind the atlas."""
        self._base.release()

    def beside(self, distributions: Mapping[str, Distribution], is_complete: bool) -> Beside:
        """Return what the atlas says of these distributions."""
        self._universe.installed = distributions
        return Beside(self, distributions, is_complete)

    def with_surface(self, surface: Surface) -> CompiledAtlas:
        """Return an atlas in which one more release is known."""
        return Overlay(self._base, {**self._over, surface.package: self.text(surface.package).with_surfaces([surface])})

    @property
    def mined(self) -> tuple[str, ...]:
        """Packages of which a release was read from installed files."""
        return tuple(self._over)

    @property
    def packages(self) -> tuple[str, ...]:
        """All packages of the atlas."""
        return tuple(dict.fromkeys((*self._base.packages, *self._over)))

    def versions(self, package: str) -> tuple[str, ...]:
        """Return the releases of a package, the oldest first. Raises KeyError."""
        return self._over[package].versions if package in self._over else self._base.versions(package)

    def pairs(self, package: str) -> Iterable[Pair]:
        """Return the partners of a package. Raises KeyError."""
        count = len(self.versions(package))
        own: list[Pair] = [(module, self._states(module), (), hot_runs(rows, count), 0, 0) for module, rows in self._rows(package).items()]
        if package not in self._over:
            own += [pair for pair in self._base.pairs(package) if self._universe.modules.get(pair[0], "") not in self._over]
        return sorted(own, key=lambda pair: pair[0])

    def _states(self, module: str) -> int:
        package = self._universe.modules.get(module, "")
        return len(self.versions(package)) if package else 1

    def _rows(self, package: str) -> dict[str, list[Row]]:
        """Return the rows that no artefact holds: all of a package laid over, and those of others beside one."""
        found = self._found.get(package)
        if found is None:
            mine = {module for module, name in self._universe.modules.items() if name in self._over}
            rows = rows_of(self._universe, self._universe.texts[package], None if package in self._over else mine)
            rows = {module: some for module, some in rows.items() if package in self._over or module in mine}
            found = self._found[package] = rows
        return found

    def rows(self, package: str, module: str, holders: int = 0) -> tuple[dict[str, int], list[Row]]:
        """Return the rows of a package beside one partner, all or those that some releases hold, and which releases have their entries."""
        other = self._universe.modules.get(module, "")
        if package not in self._over and other not in self._over:
            return self._base.rows(package, module, holders)
        if other and other not in self._universe.installed and not holders:  # for a cure: which of its releases would do
            return self._whole.entries(package), rows_of(self._whole, self._whole.texts[package], (module,)).get(module, [])
        rows = [row for row in self._rows(package).get(module, ()) if row.holders & holders == holders]
        return self._universe.entries(package), rows

    def named(self, module: str) -> tuple[str, tuple[str, ...]] | None:
        """Return the package of the atlas ("" for none) and the distributions that bring a root module."""
        return self._universe.named(module)

    def carried(self, package: str, entry: str) -> list[Carry]:
        """Return what rests on an entry of a package."""
        over = package in self._over
        holders = [name for name in self.packages if name in self._universe.installed] if over else list(self._over)
        found = [] if over else [one for one in self._base.carried(package, entry) if one.package not in self._over]
        partners = [self._universe.partner(module) for module, other in self._universe.modules.items() if other == package]
        for partner in partners:
            for name in holders:
                if partner is not None and partner.package and name != package:
                    resting = carries(self._universe.texts[name], partner, self._universe.entries(package))
                    found += [one for one in resting if one.below == entry]
        return found

    def answer(self, atom: str) -> tuple[str, tuple[tuple[str, int], ...]] | None:
        """Return the package that a guard's question is about, and its answers with the releases that give them."""
        return self._universe.told(parse(atom))

    def text(self, package: str, sections: Iterable[str] | None = None) -> AtlasText:
        """Return what is known of a package."""
        return self._over[package] if package in self._over else self._base.text(package, sections)

    def members(self, package: str) -> Members:
        """Return the look-ups into what a package's modules offer and its callables take. Raises KeyError."""
        if package not in self._over:
            return self._base.members(package)
        from envdoctor.knowledge.atlas.members import ReadMembers

        return ReadMembers(self._over[package])

    def brought(self) -> tuple[dict[str, str], tuple[str, ...]]:
        """Return which package brings each root module, and all names of distributions that some release declares."""
        return dict(self._universe.modules), tuple(sorted(self._universe.names))
