"""The atlas beside what is installed: where each version lies among the known releases, and what cannot be had for it.

A version between two known releases is judged where both agree, as two bits of a mask; one outside of all known releases is not judged.
"""

from __future__ import annotations

from envdoctor.model.knowledge import Fault, Rest
from envdoctor.model.modules import PROVIDERS, is_standard, providers, root
from envdoctor.model.names import normalise
from envdoctor.model.versions import InvalidVersion, key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from envdoctor.knowledge.atlas.artefact import CompiledAtlas
    from envdoctor.knowledge.atlas.links import Row
    from envdoctor.model.knowledge import Members
    from envdoctor.model.snapshot import Distribution

_PRESENT, _ABSENT = 1, 2
"""States of a distribution that is not in the atlas."""


class Beside:
    """What the atlas says of one environment, by versions alone."""

    def __init__(self, atlas: CompiledAtlas, distributions: Mapping[str, Distribution], is_complete: bool) -> None:
        self._atlas = atlas
        self._installed = distributions
        self._is_complete = is_complete
        self._masks = {name: self._mask(name, distributions[name]) for name in atlas.packages if name in distributions}
        self._states: dict[str, int] = {"": 1}
        self.unread = tuple(name for name, mask in self._masks.items() if not mask)
        self.mined = frozenset(atlas.mined)

    def _mask(self, package: str, found: Distribution) -> int:
        """Return the bit of the installed release, those of its neighbours, or 0."""
        if found.version is None:
            return 0
        versions = self._atlas.versions(package)
        plain = found.version.partition("+")[0]
        return 1 << versions.index(plain) if plain in versions else between(versions, plain)

    def _state(self, module: str, states: int) -> int:
        """Return the bits of the state that a partner is in; 0 where it is not known."""
        known = self._states.get(module)
        if known is None:
            known = self._states[module] = self._find_state(module, states)
        return known

    def _find_state(self, module: str, states: int) -> int:
        package, names = self._atlas.named(module) or ("", providers(module))
        if package in self._masks:
            return self._masks[package]
        if any(name in self._installed for name in names):
            return 0 if package else _PRESENT
        return 1 << states if self._is_complete and names else 0

    def faults(self) -> list[Fault]:
        """Return what installed packages ask for and cannot have."""
        found = []
        for package, mask in self._masks.items():
            if not mask:
                continue
            last = mask.bit_length() - 1
            read = set()  # the rows of a partner lie together, whatever their conditions
            for module, states, conditions, runs, _, _ in self._atlas.pairs(package):
                state = self._state(module, states)
                if not state or module in read or not _hits(runs, last, state):
                    continue
                if (mask == 1 << last or _hits(runs, last - 1, state)) and all(self._can(*condition) for condition in conditions):
                    read.add(module)
                    rows = self._atlas.rows(package, module, mask)[1]
                    found += [self._fault(package, row, state) for row in rows if row.beside & state == state]
        return found

    def _can(self, module: str, states: int, bits: int) -> bool:
        """Tell whether a third package may be in one of some states."""
        state = self._state(module, states)
        return not state or bool(state & bits)

    def _fault(self, package: str, row: Row, state: int) -> Fault:
        partner, gone, since = self._partner(row.partner), "", ""
        if row.had and partner in self._masks:
            versions = self._atlas.versions(partner)
            before, after = row.had & ((state & -state) - 1), row.had & ~((1 << state.bit_length()) - 1)
            if before and partner in self.mined and before.bit_length() == state.bit_length() - 1:
                pass  # it went in one of the releases between the last known one and the installed one
            elif before:
                gone = versions[before.bit_length()]
            elif after:
                since = versions[(after & -after).bit_length() - 1]
        return Fault(
            kind=row.kind, package=package, entry=row.entry, target=row.target, guard=row.guard, module=row.module,
            partner=partner, root=row.partner, gone=gone, since=since,
            exact=not (self._masks[package] & (self._masks[package] - 1) or state & (state - 1)),
        )  # fmt: skip

    def state(self, package: str) -> int:
        """Return the bit of a package's installed release, those of its neighbours where it lies between two, or 0."""
        return self._masks.get(package, 0)

    def members(self, package: str) -> Members:
        """Return the look-ups into what a package's modules offer and its callables take. Raises KeyError."""
        return self._atlas.members(package)

    def brings(self, module: str) -> str:
        """Return the package of the atlas that brings a root module, "" for none."""
        return self._atlas.brought()[0].get(module, "")

    def _partner(self, module: str) -> str:
        """Return the distribution that a person would name for a root module."""
        if not module:
            return ""
        package, names = self._atlas.named(module) or ("", providers(module))
        return package or next((name for name in names if name in self._installed), (names or providers(module))[0])

    def carried(self, package: str, entry: str) -> list[Rest]:
        """Return the entries of installed packages that rest on an entry of a package."""
        own = self._masks.get(package, 0)
        return [
            Rest(package=rest.package, entry=rest.entry, target=rest.target, guard=rest.guard, module=rest.module)
            for rest in self._atlas.carried(package, entry)
            if own and rest.beside & own == own and self._holds(rest.package, rest.holders)
        ]

    def _holds(self, package: str, holders: int) -> bool:
        mask = self._masks.get(package, 0)
        return bool(mask) and holders & mask == mask

    def has(self, module: str) -> bool | None:
        """Tell whether a module can be found."""
        if is_standard(module):
            return True
        top = root(module)
        package, names = self._atlas.named(top) or ("", providers(top))
        if not any(name in self._installed for name in (package, *(names or providers(top)))):
            sure = self._is_complete and (top in PROVIDERS or bool(self._atlas.named(top) and names))
            return False if sure else None
        return True if module == top else _truth(self._answer(f"has:{module}"))

    def offers(self, module: str, name: str) -> bool | None:
        """Tell whether a module offers a name."""
        if self.has(root(module)) is False:
            return False
        return _truth(self._answer(f"offers:{module}:{name}"))

    def answer(self, module: str, function: str, arguments: str) -> str | None:
        """Return the guard under which a helper of the installed release answers yes."""
        return self._answer(f"call:{module}:{function}:{arguments}")

    def _answer(self, atom: str) -> str | None:
        package, answers = self._atlas.answer(atom) or ("", ())
        return next((guard for guard, bits in answers if self._holds(package, bits)), None)

    def cures(
        self, package: str, modules: Sequence[str], entries: Collection[str], holds: Callable[[str], bool | None]
    ) -> tuple[tuple[str | None, ...], str | None]:
        """Return the versions of each partner, and of the package, with which these entries have no fault; None where there are none."""
        own = self._masks[package]
        versions = self._atlas.versions(package)
        good = (1 << len(versions)) - 1
        others = []
        for module in modules:
            known, rows = self._atlas.rows(package, module)
            partner = self._partner(module)
            movable = {normalise(partner), module, package}
            rows = [row for row in rows if row.entry in entries and (_asks(row.guard, movable) or holds(row.guard) is not False)]
            others.append(self._moved(partner, [row for row in rows if row.holders & own == own]))
            for entry in entries:
                good &= known.get(entry, good)
            state = self._states.get(module, 0)
            for row in rows:
                if row.beside & state == state:
                    good &= ~row.holders
        return tuple(others), nearest(versions, good, own, package in self.mined)

    def lacks(self, package: str, module: str) -> tuple[tuple[str, ...], list[Row]]:
        """Return the releases of a partner (none for one that is not in the atlas), and what any release of a package may lack of it."""
        partner = (self._atlas.named(module) or ("", ()))[0]
        return (self._atlas.versions(partner) if partner else ()), self._atlas.rows(package, module)[1]

    def releases(self, package: str) -> tuple[str, ...]:
        """Return the releases of a package, the oldest first. Raises KeyError."""
        return self._atlas.versions(package)

    def _moved(self, partner: str, rows: list[Row]) -> str | None:
        """Return the versions of a partner beside which none of these rows holds; "" for any, None for none."""
        if partner not in self._atlas.packages:
            return None if not partner or partner in self._installed else ""
        releases = self._atlas.versions(partner)
        good = (1 << len(releases)) - 1
        for row in rows:
            good &= ~row.beside
        return nearest(releases, good, self._masks.get(partner, 0), partner in self.mined)


def _truth(guard: str | None) -> bool | None:
    return None if guard is None else guard == "true"


def between(versions: tuple[str, ...], version: str) -> int:
    """Return the bit of an equal version in another spelling, or the bits of the two neighbours; 0 outside of all and for no version."""
    try:
        at = key(version)
        keys = [key(one) for one in versions]
    except InvalidVersion:
        return 0
    if at in keys:
        return 1 << keys.index(at)
    below = sum(1 for one in keys if one < at)
    return 0b11 << (below - 1) if 0 < below < len(keys) else 0


def _hits(runs: tuple[int, ...], place: int, state: int) -> bool:
    """Tell whether a release may lack something beside a state."""
    for at in range(0, len(runs), 3):  # noqa: SIM110 - a loop, not any(): this runs for every pair of every check
        if runs[at] <= place <= runs[at + 1] and runs[at + 2] & state == state:
            return True
    return False


def nearest(versions: tuple[str, ...], good: int, here: int, is_mined: bool = False) -> str | None:
    """Return the specifier of the nearest run of good releases after an installed one, else before it (0: the newest); None for no run.

    Of the releases between a mined one and the last before it nothing is known, so a specifier ends with the latter.

    >>> nearest(("1.0", "1.1", "2.0", "2.1"), 0b0110, 0b1000)
    '>=1.1,<2.1'
    """
    from envdoctor.knowledge.atlas.text import runs

    at = here.bit_length() - 1 if here else len(versions)
    best = min(runs(good), key=lambda run: (run[1] < at, abs(run[0] - at if run[0] > at else at - run[1])), default=None)
    if best is None:
        return None
    low = f">={versions[best[0]]}" if best[0] else ""
    high = f"<{versions[best[1] + 1]}" if best[1] + 1 < len(versions) else ""
    if is_mined and best[1] + 1 == at:
        if best[0] == best[1]:
            return f"=={versions[best[1]]}"
        high = f"<={versions[best[1]]}"
    return ",".join(part for part in (low, high) if part)


def _asks(guard: str, names: Collection[str]) -> bool:
    from envdoctor.model.guards import mentions, parse

    return bool(guard) and mentions(parse(guard), names)
