"""The search against all that is possible, on invented releases: what it finds has no fault, and gives up as little as any set can."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings

from envdoctor.repair.cost import Ledger
from envdoctor.repair.question import Question, Solution
from envdoctor.repair.search import Case, Search
from envdoctor.repair.table import Table
from tests.repair.invented import LINUX, Exact, Universe, admitted, is_kept, universes

if TYPE_CHECKING:
    from envdoctor.repair.question import Resolver

RESOLVERS: dict[str, Callable[[Universe], Resolver]] = {"every set": Exact, "table": lambda universe: Table(universe.metadata(), LINUX)}


class Tried:
    """One universe's patient, planned for as `envdoctor.repair.planning` does it, and searched for."""

    def __init__(self, universe: Universe, resolver: Resolver, most: int = 3) -> None:
        self.universe = universe
        metadata = universe.metadata()
        today = Exact(universe).solve(Question(wishes=universe.wishes))
        self.now = dict(today.versions) if isinstance(today, Solution) else {}
        self.now.update({name: told[2:] for name, told in universe.wanted.items() if told.startswith("==")})
        self.pinned = frozenset(name for name, told in universe.wanted.items() if told.startswith("=="))
        self.ranged = frozenset(name for name, told in universe.wanted.items() if told) - self.pinned
        needs = {name: metadata.needs(name, version, LINUX) for name, version in self.now.items()}
        self.ledger = Ledger(
            pinned=self.pinned, ranged=self.ranged, now=self.now, releases=universe.releases, standing=self.pinned,
            dependants={name: sum(1 for other in needs if name in needs[other]) for name in self.now},
        )  # fmt: skip
        self.held = (self.pinned | self.ranged) & frozenset(self.now)
        case = Case(wishes=universe.wishes, held=self.held, ledger=self.ledger, environment=LINUX)
        self.search = Search(case, resolver, metadata, universe.judge, universe.teach)
        self.search.lessons.add(universe.teach(self.now, universe.releases))
        self.found = self.search.run(most)

    def given_up(self, versions: dict[str, str]) -> frozenset[str]:
        """Return the names whose pin or range a set leaves."""
        return frozenset(name for name, told in self.universe.wanted.items() if told and not admitted(told, versions[name]))

    def best(self) -> list[tuple[tuple[int, ...], dict[str, str]]]:
        """Return all sets that are possible at all with what their losses weigh, the lightest first."""
        sets = self.universe.sets({name: "" if name in self.held else told for name, told in self.universe.wanted.items()})
        return sorted(((self.ledger.weight(self.given_up(one)), one) for one in sets), key=lambda pair: pair[0])


def holds(universe: Universe, resolver: Resolver) -> None:
    tried = Tried(universe, resolver)
    possible = tried.best()
    assert bool(tried.found) == bool(possible), "impossible is said where there is no set, and only there"
    for one in tried.found:
        assert set(universe.wanted) <= set(one.versions)
        assert is_kept(universe.declared, one.versions)
        assert not universe.judge(one.versions), "a set with a fault was returned"
        lost = tried.given_up(dict(one.versions))
        assert lost <= one.given_up
        assert not any(tried.given_up(other) < lost for _, other in possible), "something was moved that need not be"
    if tried.found:
        # the first is another one only where torch moves although nothing of it is given up
        assert min(tried.ledger.weight(tried.given_up(dict(one.versions)))[:3] for one in tried.found) == possible[0][0][:3]
        assert [one.cost for one in tried.found] == sorted(one.cost for one in tried.found)
        assert len({frozenset(one.versions.items()) for one in tried.found}) == len(tried.found)


@pytest.mark.parametrize("name", RESOLVERS)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors])
@given(universe=universes())
def test_the_search_finds_what_is_possible_and_gives_up_as_little_as_can_be(name: str, universe: Universe) -> None:
    holds(universe, RESOLVERS[name](universe))


@pytest.mark.parametrize("name", RESOLVERS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors])
@given(universe=universes(pins_only=True))
def test_of_a_list_of_pins_as_few_move_as_can_be_and_those_with_the_fewest_dependants(name: str, universe: Universe) -> None:
    tried = Tried(universe, RESOLVERS[name](universe))
    possible = tried.best()
    assert bool(tried.found) == bool(possible)
    if possible:
        assert tried.ledger.weight(tried.found[0].given_up) == possible[0][0]
