"""What installed libraries take and offer, as a script names them: dotted names, looked up in the atlas beside what is installed.

What cannot be known is None, or no bit. A release is a bit of a number; a version between two known releases has the bits of both.
"""

from __future__ import annotations

from envdoctor.model.modules import root
from envdoctor.model.record import Record
from envdoctor.model.surface import EXISTS, OPEN, ROOMY
from envdoctor.model.versions import InvalidVersion, admits, window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from envdoctor.model.knowledge import Links, Members
    from envdoctor.model.snapshot import Distribution
    from envdoctor.model.spelling import Spellings

ANY = "**"
UNSURE = "?"
_SIGNS = ("*", ANY, UNSURE, "()")
_APART = ("experimental", "extras", "deprecated", "legacy", "testing")
"""Folders whose callables are no re-exports of the library's own."""


class Place(Record):
    """A dotted name of a library: which package brings it, in which module, and the names inside of it."""

    package: str
    module: str
    chain: str

    @property
    def subject(self) -> str:
        """The name as the atlas writes a callable."""
        return f"{self.module}:{self.chain}"


class Parameters(Record):
    """What a callable takes in the installed release. `history` tells of each package that decides, in which releases it had a parameter.

    `is_open` tells that it takes any keyword; `is_sure` that nothing else decides what it takes.
    """

    names: frozenset[str]
    is_open: bool
    is_sure: bool
    history: tuple[tuple[str, Mapping[str, int]], ...]


class Surface:
    """The libraries of one environment, as far as the atlas knows the installed releases."""

    def __init__(self, links: Links, distributions: Mapping[str, Distribution], spellings: Spellings) -> None:
        self._links = links
        self._distributions = distributions
        self._members: dict[str, Members] = {}
        self._places: dict[str, Place | None] = {}
        self._parameters: dict[str, Parameters | None] = {}
        self._heirs: dict[str, list[str]] = {}
        self._stood_for: dict[str, list[str]] = {}
        for heir in spellings.heirs:
            for name in heir.of:
                self._stood_for.setdefault(name, []).extend(base for base in heir.bases if root(base) == root(name))
            if self._is_within(heir.package, heir.releases):
                for name in heir.of:
                    self._heirs.setdefault(name, []).extend(heir.bases)

    def _is_within(self, package: str, releases: str) -> bool:
        found = self._distributions.get(package)
        try:
            return found is not None and found.version is not None and admits(window(releases), found.version)
        except InvalidVersion:
            return False

    def is_within(self, package: str, releases: str) -> bool:
        """Tell whether the installed version of a package lies in a window; False where it is not known."""
        return self._is_within(package, releases)

    def is_installed(self, package: str) -> bool:
        """Tell whether a package is certainly there, in whatever version."""
        return package in self._distributions

    def outside(self, package: str, releases: str) -> int:
        """Return the known releases of a package outside a window, as bits."""
        wanted = window(releases)
        return sum(1 << place for place, version in enumerate(self.members(package).versions) if not admits(wanted, version))

    def state(self, package: str) -> int:
        """Return the bits of the installed release, 0 where it is not known."""
        return self._links.state(package)

    def members(self, package: str) -> Members:
        """Return the look-ups of a package."""
        found = self._members.get(package)
        if found is None:
            found = self._members[package] = self._links.members(package)
        return found

    def place(self, dotted: str) -> Place | None:
        """Return where a dotted name lies; None where no installed package that the atlas knows brings it."""
        if dotted not in self._places:
            self._places[dotted] = self._find(dotted)
        return self._places[dotted]

    def _find(self, dotted: str) -> Place | None:
        package = self._links.brings(root(dotted))
        if not package or not self.state(package):
            return None
        members = self.members(package)
        parts = dotted.split(".")
        if len(parts) > 1 and parts[1][:1].isupper() and parts[1] in members.items("offers", parts[0]):
            return Place(package=package, module=parts[0], chain=".".join(parts[1:]))  # a class is no module
        for count in range(len(parts), 0, -1):
            module = ".".join(parts[:count])
            if members.items("offers", module):
                return Place(package=package, module=module, chain=".".join(parts[count:]))
        return None

    def had(self, place: Place) -> int:
        """Return the releases that are known to have had a module, or the first name of a chain in it."""
        if not place.chain:
            return self._exists(place.package, place.module)
        head = place.chain.partition(".")[0]
        named = self.members(place.package).items("offers", place.module).get(head, 0)
        return named if named and head[:1].isupper() else named | self._exists(place.package, f"{place.module}.{head}")

    def may_have(self, place: Place) -> int:
        """Return the releases that have it, or of which that cannot be said."""
        may = self.had(place)
        if place.chain:
            may |= self.members(place.package).items("offers", place.module).get(OPEN, 0)
        parent, _, own = place.module.rpartition(".")
        if parent:
            above, there = self.members(place.package).items("offers", parent), self._exists(place.package, place.module)
            made = above.get(OPEN, 0) | above.get(ROOMY, 0) | above.get(own, 0)
            made |= ~self._exists(place.package, parent) & self.may_have(Place(package=place.package, module=parent, chain=""))
            may |= made & ~there  # a module that is a file is that file, whatever the package above makes up
        return may

    def _exists(self, package: str, module: str) -> int:
        items = self.members(package).items("offers", module)
        bits = items.get(EXISTS, 0)
        if not bits:
            for held in items.values():
                bits |= held
        return bits

    def parameters(self, dotted: str) -> Parameters | None:
        """Return what a callable takes here; None where that is not known."""
        if dotted not in self._parameters:
            self._parameters[dotted] = None
            self._parameters[dotted] = self._work_out(dotted)
        return self._parameters[dotted]

    def _work_out(self, dotted: str) -> Parameters | None:
        place = self.place(dotted)
        if place is None or not place.chain:
            return None
        state = self.state(place.package)
        items = self._items(place, state)
        if items is None:
            return None
        here = [item for item, bits in items.items() if bits & state]
        names = frozenset(item.partition("=")[0] for item in here if item not in _SIGNS)
        history: list[tuple[str, Mapping[str, int]]] = [(place.package, self._ever(place, self._stood_for.get(dotted, ())))]
        is_open, is_sure = ANY in here, UNSURE not in here
        bases = self._heirs.get(dotted, ())
        if not is_sure and bases:
            told = [self.parameters(base) for base in bases]
            is_sure = all(one is not None and (one.is_sure or base.startswith(place.module + ".")) for base, one in zip(bases, told))
            for one in told:
                if one is not None:
                    names, is_open = names | one.names, is_open or one.is_open
                    history += one.history
        return Parameters(names=names, is_open=is_open, is_sure=is_sure, history=tuple(history))

    def _items(self, place: Place, state: int) -> Mapping[str, int] | None:
        """Return the items of the nearest definition in the installed release: its own, or for a class the only kind below the module."""
        members = self.members(place.package)
        own = members.items("takes", place.subject)
        if _covered(own) & state == state:
            return own
        if not place.chain[:1].isupper():
            return None  # functions of one name are many: torch.sum is not that of torch.sparse
        found: list[Mapping[str, int]] = []
        for subject in members.subjects("takes", place.chain):
            module = subject.partition(":")[0]
            below = module[len(place.module) + 1 :].split(".")
            if module.startswith(place.module + ".") and not any(part in _APART or part.startswith("_") for part in below):
                items = members.items("takes", subject)
                if _covered(items) & state == state:
                    found.append(items)
        kinds = {frozenset(item for item, bits in items.items() if bits & state) for items in found}
        return found[0] if len(kinds) == 1 else None

    def _ever(self, place: Place, stood_for: Iterable[str]) -> Mapping[str, int]:
        """Return every parameter that the callable has had, with the releases; for some it may have stood for another one."""
        members = self.members(place.package)
        found: dict[str, int] = {}
        for subject in members.subjects("takes", place.chain):
            module = subject.partition(":")[0]
            if module == place.module or (module.startswith(place.module + ".") and not any(part in _APART for part in module.split("."))):
                _gather(found, members.items("takes", subject))
        for other in map(self.place, stood_for):
            if other is not None:
                _gather(found, members.items("takes", other.subject))
        return found

    def elsewhere(self, place: Place) -> str:
        """Return where a package has a class or function now that it no longer has where it was; "" where that is not certain.

        It is the only one of its name, or all that have it lie below each other; a function takes the same parameters as before.
        """
        name, members, state = place.chain, self.members(place.package), self.state(place.package)
        if not name or "." in name or name.startswith("_"):
            return ""
        now = [subject for subject in members.subjects("takes", name) if _covered(members.items("takes", subject)) & state == state]
        modules = sorted((subject.partition(":")[0] for subject in now), key=lambda module: (module.count("."), module))
        modules = [module for module in modules if not any(part.startswith("_") for part in module.split("."))]
        if not modules or not all(module == modules[0] or module.startswith(modules[0] + ".") for module in modules):
            return ""
        if not members.items("offers", modules[0]).get(name, 0) & state:
            return ""
        if not name[:1].isupper() and self._parameters_of(place.subject) != self._parameters_of(f"{modules[0]}:{name}", place.package):
            return ""
        module = modules[0]
        while members.items("offers", module.rpartition(".")[0]).get(name, 0) & state:
            module = module.rpartition(".")[0]  # the package exports it: that is the name for others
        return f"{module}.{name}"

    def _parameters_of(self, subject: str, package: str = "") -> frozenset[str]:
        """Return the parameters that a subject took in its last release."""
        found = self.place(subject.partition(":")[0])
        items = self.members(package or (found.package if found is not None else "")).items("takes", subject)
        last = _covered(items).bit_length() - 1
        return frozenset(item.partition("=")[0] for item, bits in items.items() if last >= 0 and bits >> last & 1)

    def bases(self, dotted: str) -> tuple[str, ...]:
        """Return a callable and what it inherits its parameters from."""
        return (dotted, *self._heirs.get(dotted, ()))


def _gather(found: dict[str, int], items: Mapping[str, int]) -> None:
    for item, bits in items.items():
        if item not in _SIGNS:
            name = item.partition("=")[0]
            found[name] = found.get(name, 0) | bits


def _covered(items: Mapping[str, int]) -> int:
    bits = 0
    for held in items.values():
        bits |= held
    return bits
