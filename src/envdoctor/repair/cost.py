"""What a change costs, and so in which order repairs are preferred. Pure, and the only place that knows.

In this order, each weighing more than anything below it:

1. torch stays as it is, or at least what it is built for: that fits a driver and a card, and every compiled package is built for it;
2. few of the versions change that the user wrote down, and few of the ranges are left;
3. of as many, rather a version changes than that a range is left: a range says what is needed, a version often only what was there;
4. few of the versions change that are installed, or that the resolver would choose;
5. the package moves that has the fewest dependants;
6. the way is short: as few series of releases as possible are crossed.
"""

from __future__ import annotations

from envdoctor.model.record import Record
from envdoctor.model.versions import build_of
from envdoctor.repair.lessons import plain, series

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    Cost = tuple[int, ...]

BUILDS = frozenset({"torch"})
"""Packages whose move brings another CUDA build with it."""


class Ledger(Record):
    """What is there now: `now` holds all versions.

    `pinned` are the names whose version the user wrote down, `ranged` those with another limit, `standing` those that are there already or
    pinned: of what a resolver would only choose today, nobody has a build yet. `dependants` tells how many packages of the set need a
    package, `releases` lists what is known of a package, the oldest first.
    """

    pinned: frozenset[str]
    ranged: frozenset[str]
    now: Mapping[str, str]
    standing: frozenset[str] = frozenset()
    dependants: Mapping[str, int] = {}
    releases: Mapping[str, Sequence[str]] = {}

    @property
    def _built(self) -> frozenset[str]:
        return BUILDS & self.standing

    def weight(self, given_up: Collection[str]) -> Cost:
        """Return what it costs at least to give some of the user's versions and ranges up."""
        return (
            sum(1 for name in given_up if name in self._built),
            sum(1 for name in given_up if name in self.pinned or name in self.ranged),
            sum(1 for name in given_up if name in self.ranged),
            len(given_up),
            sum(self.dependants.get(name, 0) for name in given_up),
            0,
        )

    def cost(self, versions: Mapping[str, str], given_up: Collection[str] = ()) -> Cost:
        """Return what it costs to go from what is there to a set of versions; `given_up` are the user's ranges that it leaves."""
        moved = [name for name, version in versions.items() if self.now.get(name) not in (None, version)]
        gone = [name for name in self.now if name not in versions]
        return (
            sum(1 + (build_of(versions[name]) != build_of(self.now[name])) for name in moved if name in self._built),
            sum(1 for name in (*moved, *gone) if name in self.pinned) + sum(1 for name in given_up if name in self.ranged),
            sum(1 for name in given_up if name in self.ranged),
            len(moved) + sum(1 for name in gone if name in self.pinned),
            sum(self.dependants.get(name, 0) for name in moved),
            sum(self.distance(name, versions[name]) for name in moved),
        )

    def distance(self, name: str, version: str) -> int:
        """Return how many series lie between what is there and another release; 1 at least for a move."""
        here = self.now.get(name)
        if here is None or here == version:
            return 0
        known = self.releases.get(name, ())
        order = list(dict.fromkeys(series(one) for one in known))
        at, there = series(here), series(version)
        if at in order and there in order:
            return abs(order.index(at) - order.index(there)) + 1
        return 1


def told(ledger: Ledger, versions: Mapping[str, str]) -> str:
    """Return a cost in words: "2 of your pins change, torch stays"."""
    moved = [name for name, version in versions.items() if ledger.now.get(name) not in (None, version)]
    pins = sum(1 for name in moved if name in ledger.pinned)
    others = len(moved) - pins
    new = sum(1 for name, version in versions.items() if version and name not in ledger.now)
    parts = []
    if pins:
        parts.append(f"{pins} of your versions change{'s' if pins == 1 else ''}")
    if others:
        whose = " that you did not name" if pins else ""
        parts.append(f"{others}{whose} change{'s' if others == 1 else ''}")
    if new:
        parts.append(f"{new} {'is' if new == 1 else 'are'} added")
    if any(plain(versions[name]) != plain(ledger.now[name]) for name in moved if name in BUILDS):
        parts.append("torch moves")
    elif "torch" in versions:
        parts.append("torch stays")
    return ", ".join(parts) or "nothing changes"
