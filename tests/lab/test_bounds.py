"""Both sides of a rule's bounds."""

from __future__ import annotations

from typing import Any

import pytest

from envdoctor.lab.bounds import holds, sides, windows
from envdoctor.model.versions import admits, key, window

RELEASES = {
    "torch": ("2.5.1", "2.6.0", "2.7.0"),
    "torchao": ("0.12.0", "0.13.0", "0.14.1"),
    "kernels": ("0.16.0", "0.17.1", "0.17.2", "0.18.2"),
}


def ask(wanted: str, first: bool) -> str:
    name = next(name for name in sorted(RELEASES, key=len, reverse=True) if wanted.startswith(name))
    found = sorted((version for version in RELEASES[name] if admits(window(wanted[len(name) :]), version)), key=key)
    return (found[0] if first else found[-1]) if found else ""


def labels(install: tuple[str, ...], match: dict[str, Any]) -> dict[str, bool]:
    return {side.label: side.faulty for side in sides(install, match, lambda told: ask(told, False), lambda told: ask(told, True))}


def test_the_neighbours_of_two_bounds() -> None:
    match = {"all": [{"dist": "torchao", "version": ">=0.13"}, {"dist": "torch", "version": "<2.6"}]}
    assert labels(("torch==2.5.1", "torchao==0.14.1"), match) == {
        "as written": True,
        "first inside torchao 0.13.0": True,
        "last below torchao 0.12.0": False,
        "first above torch 2.6.0": False,
    }


def test_a_window_table_takes_the_row_of_the_partner_that_is_installed() -> None:
    match = {"window": "kernels", "of": "torch", "table": [["<2.6", ">=0.16,<0.17"], [">=2.6,<2.7", ">=0.17.2,<0.18"]]}
    assert windows(match, {"torch": "2.6.0", "kernels": "0.18.2"}) == {"torch": (">=2.6,<2.7", True), "kernels": (">=0.17.2,<0.18", False)}
    told = labels(("torch==2.6.0", "kernels==0.18.2"), {"any": [match]})
    assert told["first inside kernels 0.17.2"] is False
    assert told["last below kernels 0.17.1"] is True
    assert told["first above torch 2.7.0"] is False


def test_a_release_that_another_branch_takes_in_is_faulty_too() -> None:
    match = {
        "any": [{"dist": "torch", "version": "<2.6"}, {"all": [{"dist": "torch", "version": ">=2.6,<2.7"}, {"env": "X", "set": True}]}]
    }
    assert labels(("torch==2.5.1",), match) == {"as written": True, "first above torch 2.6.0": True}


def test_beyond_a_row_the_next_row_counts() -> None:
    match = {"window": "kernels", "of": "torch", "table": [["<2.6", ">=0.16,<0.17"], [">=2.6,<2.7", ">=0.17,<0.18"]]}
    told = labels(("torch==2.6.0", "kernels==0.18.2"), match)
    assert told["last below torch 2.5.1"] is True
    assert told["first above torch 2.7.0"] is False


@pytest.mark.parametrize(
    ("match", "told"),
    [
        ({"dist": "torch", "version": ">=2"}, True),
        ({"dist": "rich", "absent": True}, True),
        ({"dist": "torch", "absent": True}, False),
        ({"dist": "rich", "version": ">=1"}, None),
        ({"dist": "torch"}, True),
        ({"env": "X", "set": True}, None),
        ({"all": [{"dist": "torch", "version": ">=2"}, {"env": "X"}]}, True),
        ({"all": [{"dist": "torch", "version": "<2"}, {"env": "X"}]}, False),
        ({"none": [{"dist": "torch", "version": ">=2"}]}, False),
        ({"none": [{"env": "X"}]}, None),
        ({"any": [{"dist": "torch", "version": "<2"}, {"env": "X"}]}, None),
        ({"window": "rich", "of": "torch", "table": []}, None),
    ],
)
def test_a_condition_is_judged_by_versions_alone(match: dict[str, Any], told: bool | None) -> None:
    assert holds(match, {"torch": "2.6.0"}) is told


@pytest.mark.parametrize(
    "match", [{"predicate": "x"}, {"fact": "gpu.count", "equals": 1}, {"none": [{"dist": "torch", "version": ">=2"}]}, {}]
)
def test_without_a_bound_there_is_only_what_is_written(match: dict[str, Any]) -> None:
    assert labels(("torch==2.6.0", "--no-deps torchao==0.13.0"), match) == {"as written": True}


def test_a_forced_pin_is_moved_where_it_stands() -> None:
    match = {"dist": "torchao", "version": "<0.13"}
    moved = sides(("torch==2.6.0", "--no-deps torchao==0.12.0"), match, lambda told: ask(told, False), lambda told: ask(told, True))[1]
    assert (moved.install, moved.faulty) == (("torch==2.6.0", "--no-deps torchao==0.13.0"), False)
