"""Which names every module of a release offers, stars followed and lazy tables unfolded."""

from __future__ import annotations

from bisect import bisect_left

from envdoctor.miner.modules import absolute
from envdoctor.model.surface import EXISTS, OPEN, ROOMY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from envdoctor.miner.digest import Digest
    from envdoctor.miner.modules import Modules

_FAST = "Fast"
_ROUNDS = 4
"""How often circles of star imports are gone round."""
_LARGEST = 20_000
"""Names that a star import is followed for; torch has some thousands."""
_MOST = 300_000
"""Names of a release with such circles; with more it is left at the first round."""


class Names:
    """Names by module. `digest_of` returns what the .py or .pyi file of a module says, None where there is none."""

    def __init__(self, modules: Modules, digest_of: Callable[[str], Digest | None], stub_of: Callable[[str], Digest | None]) -> None:
        self._modules = modules
        self._sorted = sorted(modules.texts)
        self._digest = digest_of
        self._stub = stub_of
        self._known: dict[str, frozenset[str]] = {}
        self._busy: set[str] = set()
        self._earlier: dict[str, frozenset[str]] = {}
        self._circular = False

    def offers(self) -> dict[str, frozenset[str]]:
        """Return the section "offers"."""
        chosen = sorted(self._modules.all)
        found = {name: self.of(name) for name in chosen}
        for _ in range(_ROUNDS if self._circular else 0):  # which module of a circle comes first is whoever imports it to choose
            if found == self._earlier or sum(map(len, found.values())) > _MOST:
                break
            self._earlier, self._known = found, {}
            found = {name: self.of(name) for name in chosen}
        return {name: frozenset(item for item in items if len(item.split()) == 1) for name, items in found.items()}

    def of(self, module: str) -> frozenset[str]:
        """Return the items of one module."""
        known = self._known.get(module)
        if known is not None:
            return known
        if module in self._busy:  # a circle of star imports
            self._circular = True
            return self._earlier.get(module, frozenset())
        self._busy.add(module)
        found = self._read(module)
        self._busy.discard(module)
        self._known[module] = frozenset(found)
        return self._known[module]

    def _read(self, module: str) -> set[str]:
        found = {EXISTS}
        modules = self._modules
        text, stub = self._digest(module), self._stub(module)
        if text is None and module in modules.native:
            found.add(OPEN)  # a stub may leave out names that native tables make: torch's list none of int1..int7
        for one in (text, stub):
            if one is None:
                continue
            found |= {name for name in one.names if not (name.startswith("__") and name.endswith("__"))}
            if one.is_open and one is text:
                found.add(OPEN)
            if one.is_roomy:
                found.add(ROOMY)
            for level, name in one.stars:
                found |= self._star(absolute(module, module in modules.packages, level, name), module)
            for key, names in one.lazy.items():
                found.add(key.split(".", 1)[0])
                found.update(names)
            if one.lazy_folder:
                found |= self._folder(module)
        if text is not None and (text.lazy or text.lazy_folder):
            found |= self._renamed(module, found)
        return found

    def _star(self, source: str, module: str) -> set[str]:
        if source not in self._modules.all:
            return {OPEN}
        digest = self._digest(source)
        offered = self.of(source)
        if len(offered) > _LARGEST:
            return {OPEN}
        if digest is not None and digest.exported is not None and not digest.is_open:
            return set(digest.exported)
        return {name for name in offered if name == OPEN or (not name.startswith("_") and name not in (EXISTS, ROOMY))}

    def _folder(self, module: str) -> set[str]:
        """Unfold `define_import_structure`: what the files below this folder (for a root: below its `models`) export."""
        beneath = f"{module}.models." if "." not in module else f"{module}."
        found: set[str] = set()
        for name in self._sorted[bisect_left(self._sorted, beneath) :]:
            if not name.startswith(beneath):
                break
            if name not in self._modules.packages:
                digest = self._digest(name)
                if digest is not None:
                    found.update(digest.exported if digest.exported is not None else digest.bases)
        return found

    def _renamed(self, module: str, served: set[str]) -> set[str]:
        """Return names that a lazy module answers by taking a suffix off: transformers 5 serves XTokenizerFast as XTokenizer."""
        maker = self._digest(f"{module.split('.', 1)[0]}.utils.import_utils")
        found: set[str] = set()
        for suffix in maker.suffixes if maker is not None else ():
            if suffix.endswith(_FAST):
                found |= {name + _FAST for name in served if name.endswith(suffix[: -len(_FAST)])}
        return found
