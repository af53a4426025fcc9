"""The order of preference: each of its points weighs more than all that come after it."""

from __future__ import annotations

import pytest

from envdoctor.repair.cost import Ledger, told

SERIES = tuple(f"1.{minor}" for minor in range(12))
LEDGER = Ledger(
    pinned=frozenset({"torch", "peft", "trl"}), standing=frozenset({"torch", "peft", "trl"}), ranged=frozenset({"datasets", "transformers"}),
    now={"torch": "2.5.1+cu124", "peft": "1.5", "trl": "1.5", "datasets": "1.5", "transformers": "1.5", "numpy": "1.5", "rich": "1.5"},
    dependants={"torch": 5, "transformers": 3, "datasets": 2, "peft": 1, "numpy": 6}, releases=dict.fromkeys(("peft", "trl", "numpy"), SERIES),
)  # fmt: skip

ORDER = [
    {"peft": "1.5"},
    {"rich": "1.6"},  # an installed version moves, which nobody needs
    {"rich": "1.6", "hf-xet": "1.0"},  # what comes costs nothing
    {"numpy": "1.6"},  # one that many need
    {"numpy": "1.4"},
    {"numpy": "1.11"},  # the same, further away
    {"numpy": "1.6", "rich": "1.6"},  # two
    {"trl": "1.6"},  # a pin
    {"peft": "1.6"},
    {"peft": "1.0"},
    {"peft": "1.6", "numpy": "1.6"},
    {"datasets": "2.0"},  # out of a range
    {"peft": "1.6", "trl": "1.6"},
    {"peft": "1.6", "datasets": "2.0"},
    {"datasets": "2.0", "transformers": "2.0"},
    {"torch": "2.6.0+cu124"},  # torch, but built for the same
    {"torch": "2.6.0+cu124", "peft": "1.6"},
    {"torch": "2.6.0+cpu"},
]


def cost(moved: dict[str, str]) -> tuple[int, ...]:
    return LEDGER.cost({**LEDGER.now, **moved}, set(moved) & LEDGER.ranged)


def test_costs_stand_in_the_order_that_is_written_down() -> None:
    costs = [cost(moved) for moved in ORDER]
    assert costs == sorted(costs)
    assert costs[1] == costs[2]
    assert costs[3] == costs[4]
    assert len(set(costs)) == len(costs) - 2


@pytest.mark.parametrize("moved", ORDER)
def test_what_is_given_up_weighs_no_more_than_the_whole_set_costs(moved: dict[str, str]) -> None:
    given_up = {name for name in moved if moved[name] != LEDGER.now.get(name)} & (LEDGER.pinned | LEDGER.ranged)
    assert LEDGER.weight(given_up)[:3] <= cost(moved)[:3]
    assert LEDGER.weight(()) <= LEDGER.weight(given_up)


def test_a_pinned_package_that_goes_has_moved() -> None:
    without = {name: version for name, version in LEDGER.now.items() if name != "peft"}
    assert LEDGER.cost(without)[1] == 1
    assert LEDGER.cost({name: version for name, version in LEDGER.now.items() if name != "rich"}) == LEDGER.cost(LEDGER.now)


def test_distance_counts_series_and_is_one_at_least() -> None:
    assert [LEDGER.distance("peft", version) for version in ("1.5", "1.6", "1.4", "1.11")] == [0, 2, 2, 7]
    assert LEDGER.distance("torch", "2.6.0") == 1, "of releases nobody knows, only that it moves"
    assert LEDGER.distance("hf-xet", "1.0") == 0


@pytest.mark.parametrize(
    ("moved", "words"),
    [
        ({}, "torch stays"),
        ({"peft": "1.6"}, "1 of your versions changes, torch stays"),
        ({"peft": "1.6", "trl": "1.6", "numpy": "1.6"}, "2 of your versions change, 1 that you did not name changes, torch stays"),
        ({"numpy": "1.6", "rich": "1.6", "hf-xet": "1"}, "2 change, 1 is added, torch stays"),
        ({"torch": "2.6.0+cu124"}, "1 of your versions changes, torch moves"),
    ],
)
def test_a_cost_is_told_in_words(moved: dict[str, str], words: str) -> None:
    assert told(LEDGER, {**LEDGER.now, **moved}) == words
