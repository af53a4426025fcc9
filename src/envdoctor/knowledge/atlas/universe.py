"""All packages of the atlas together: who brings which module, which entries some use can reach, and the rows of one package."""

from __future__ import annotations

from envdoctor.knowledge.atlas.links import faults, split_item, split_refusal, upwards
from envdoctor.knowledge.atlas.partner import Partner
from envdoctor.model.guards import parse, spell
from envdoctor.model.modules import NOBODYS, PROVIDERS, is_standard, providers, root
from envdoctor.model.names import normalise
from envdoctor.model.uses import USES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from envdoctor.knowledge.atlas.links import Row
    from envdoctor.knowledge.atlas.text import AtlasText
    from envdoctor.model.guards import Guard

NEEDING = ("needs", "passes", "refuses")
"""Sections whose subjects are entries."""
ASKING = ("has", "offers", "call")
"""Atoms of guards that ask a module."""


class Universe:
    """All packages together: who brings which root module, and which entries some use can reach."""

    def __init__(
        self, texts: Mapping[str, AtlasText], modules: Mapping[str, str] | None = None, names: Iterable[str] | None = None
    ) -> None:
        """Take the texts by package. `modules` and `names` are what `roots` and `declared` tell, where that is known already."""
        self.texts = texts
        self.modules = roots(texts) if modules is None else modules
        self.names = frozenset(declared(texts) if names is None else names)
        self.brings = {name: module for module, name in self.modules.items()}
        self.brings.update({name: module for module, name in self.modules.items() if normalise(module) == name})
        self.brings.update({name: module for module in PROVIDERS for name in providers(module) if name not in self.brings})
        self._sure = self.names | {name for names in PROVIDERS.values() for name in names}
        self._partners: dict[str, Partner | None] = {}
        self._entries: dict[str, dict[str, int]] = {}

    def partner(self, module: str) -> Partner | None:
        """Return whom a root module belongs to; None where its absence could not be told."""
        if module not in self._partners:
            self._partners[module] = self._find(module)
        return self._partners[module]

    def _find(self, module: str) -> Partner | None:
        if not self.is_partner(module):
            return None
        package = self.modules.get(module, "")
        return Partner(module, self.texts[package] if package else None, self.answers)

    def is_partner(self, module: str) -> bool:
        """Tell whether a root module belongs to somebody whose absence could be told."""
        return bool(module) and (module in self.modules or (not is_standard(module) and bool(self.named(module)[1])))

    def entries(self, package: str) -> dict[str, int]:
        """Return the entries of a package with the releases that have them."""
        if package not in self._entries:
            found: dict[str, int] = {}
            for section in NEEDING:
                for entry, items in self.texts[package].sections.get(section, {}).items():
                    for bits in items.values():
                        found[entry] = found.get(entry, 0) | bits
            self._entries[package] = found
        return self._entries[package]

    def named(self, module: str) -> tuple[str, tuple[str, ...]]:
        """Return the package of the atlas ("" for none) and the distributions that bring a root module, none where nobody can tell."""
        package = self.modules.get(module, "")
        sure = package or (bool(module) and not self._sure.isdisjoint(providers(module)))
        return package, providers(module) if sure else ()

    def told(self, atom: Guard) -> tuple[str, tuple[tuple[str, int], ...]] | None:
        """Return the package that a guard's question is about, and its answers, guards themselves, each with the releases that give it."""
        partner = self.partner(root(atom[1]))
        if partner is None or not partner.package or (atom[0] == "has" and atom[1] == partner.module):
            return None
        if atom[0] == "call":
            return partner.package, tuple(sorted(self.answers(atom[1], atom[2], atom[3]).items()))
        chain = atom[2] if atom[0] == "offers" else ""
        return partner.package, (("true", partner.surely(atom[1], chain)), ("false", partner.all & ~partner.met(atom[1], chain)))

    def answers(self, module: str, function: str, arguments: str) -> dict[str, int]:
        """Return what a helper of some package answers: guards with the releases that answer so."""
        partner = self.partner(root(module))
        return partner.answers(module, function, arguments) if partner is not None else {}

    def asked(self, guards: Iterable[str]) -> dict[str, Guard]:
        """Return every question about modules that guards ask, and that the answers to those ask in turn, by its spelling."""
        found: dict[str, Guard] = {}
        todo = [guard for guard in guards if guard]
        while todo:
            for atom in atoms(parse(todo.pop())):
                if atom[0] in ASKING and spell(atom) not in found:
                    found[spell(atom)] = atom
                    if atom[0] == "call":
                        todo += self.answers(atom[1], atom[2], atom[3])
        return found

    def reached(self) -> dict[str, set[str]]:
        """Return per package the entries that are uses, or that a use of some package rests on."""
        kept: dict[str, set[str]] = {package: set() for package in self.texts}
        todo = [(package, entry) for package in self.texts for entry in self.entries(package) if entry in USES]
        while todo:
            package, entry = todo.pop()
            if entry in kept[package]:
                continue
            kept[package].add(entry)
            for item in self.texts[package].sections.get("needs", {}).get(entry, ()):
                target = split_item(item)[0]
                other = self.modules.get(root(target.partition(":")[0]), "")
                if other and other != package:
                    known = self.entries(other)
                    todo += [(other, below) for below in (f"import {path}" for path in upwards(target)) if below in known]
        return kept


def roots(texts: Mapping[str, AtlasText]) -> dict[str, str]:
    """Return the package that brings each root module; a module that several bring belongs to the one of its name, or to none."""
    found: dict[str, set[str]] = {}
    for package, text in texts.items():
        for module in {root(subject) for subject in text.sections.get("offers", {})}:
            found.setdefault(module, set()).add(package)
    told = {}
    for module, packages in found.items():
        own = [package for package in packages if package in providers(module)]
        if len(packages) == 1 and module not in NOBODYS:
            told[module] = next(iter(packages))
        elif own:
            told[module] = own[0]
    return told


def declared(texts: Mapping[str, AtlasText]) -> set[str]:
    """Return every distribution that some release declares, and every package there is: names that are certainly taken."""
    found = set(texts)
    for text in texts.values():
        for line in text.sections.get("requires", {}).get("", ()):
            length = next((place for place, sign in enumerate(line) if not (sign.isalnum() or sign in "-_.")), len(line))
            found.add(normalise(line[:length]))
    return found


def rows_of(universe: Universe, text: AtlasText, only: Collection[str] | None = None) -> dict[str, list[Row]]:
    """Return the rows of a package by root module of the partner, of all partners or of some."""
    asked: dict[str, Partner] = {}
    others: set[str] = set()
    for section in NEEDING:
        for items in text.sections.get(section, {}).values():
            for item in items:
                for module in _asked(universe, section, item):
                    if not universe.is_partner(module):
                        continue
                    if only is not None and module not in only:
                        others.add(module)
                        continue
                    partner = universe.partner(module)
                    if partner is not None:
                        asked[module] = partner
    found: dict[str, list[Row]] = {}
    for row in faults(text, asked, universe.brings, others):
        found.setdefault(row.partner, []).append(row)
    return found


def _asked(universe: Universe, section: str, item: str) -> Iterator[str]:
    if section != "refuses":
        yield root(split_item(item)[0].partition(":")[0])
        return
    for atom in atoms(parse(split_refusal(item)[1])):
        if atom[0] in ASKING:
            yield root(atom[1])
        elif atom[0] in ("ver", "dist"):
            yield universe.brings.get(normalise(atom[1]), "")


def atoms(guard: Guard) -> Iterator[Guard]:
    """Return the atoms of a guard."""
    if guard[0] in ("and", "or"):
        for part in guard[1]:
            yield from atoms(part)
    elif guard[0] == "not":
        yield from atoms(guard[1])
    else:
        yield guard


def narrowed(text: AtlasText, entries: set[str]) -> AtlasText:
    """Return what a text says of some entries."""
    sections = {
        section: {entry: items for entry, items in text.sections.get(section, {}).items() if entry in entries} for section in NEEDING
    }
    return text.replace(sections=sections)
