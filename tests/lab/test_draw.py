"""Drawn sets: the same seed draws the same, every kind comes, and what they ask for is what uv takes."""

from __future__ import annotations

from datetime import date

import pytest

from envdoctor.lab.draw import EXTRAS, STACK, draw
from envdoctor.lab.workers import layer

LAST = date(2026, 11, 25)
CPU = "torch==2.13.0+cpu"


def newest(name: str, day: str) -> str:
    """Stand for an index where a package is released every month, kernels since 2025."""
    if name == "kernels" and day < "2025-01-01":
        return ""
    year, month, _ = day.split("-")
    return f"{int(year) - 2020}.{int(month)}"


def test_the_same_seed_draws_the_same_sets_however_many() -> None:
    assert [draw(number, 7, LAST, newest, CPU) for number in range(20)][:5] == [draw(number, 7, LAST, newest, CPU) for number in range(5)]
    assert draw(3, 7, LAST, newest, CPU) != draw(3, 8, LAST, newest, CPU)


@pytest.mark.parametrize("seed", range(5))
def test_ten_sets_hold_every_kind(seed: int) -> None:
    sets = [draw(number, seed, LAST, newest, CPU) for number in range(10)]
    assert {one.group for one in sets} == {
        "i-contemporaneous", "ii-pins-of-yesterday", "iii-one-moved-no-deps", "iv-one-upgraded", "v-random",
    }  # fmt: skip
    assert len({one.id for one in sets}) == 10


def test_most_sets_take_the_cpu_build_and_the_others_one_of_three_releases() -> None:
    layers = [layer(draw(number, 11, LAST, newest, CPU)) for number in range(80)]
    assert 40 < layers.count(CPU) < 75
    assert 1 <= len(set(layers) - {CPU}) <= 3
    assert CPU not in [layer(draw(number, 11, LAST, newest)) for number in range(80)]


def test_every_set_holds_the_stack_and_a_day_and_pins_have_versions() -> None:
    for number in range(100):
        one = draw(number, 3, LAST, newest, CPU)
        words = " ".join(one.install).split()
        assert all(any(word.partition("==")[0] == name for word in words) for name in STACK), one
        assert "--exclude-newer" in words
        assert all(word.partition("==")[2] for word in words if "==" in word), one
        assert date.fromisoformat(words[words.index("--exclude-newer") + 1]) <= LAST


def test_a_package_that_was_not_there_yet_is_not_asked_for() -> None:
    for number in range(0, 200, 4):
        one = draw(number, 5, LAST, newest, CPU)
        if one.group == "i-contemporaneous" and "--exclude-newer 2024" in " ".join(one.install):
            assert "kernels" not in " ".join(one.install).split()


def test_torchvision_comes_only_beside_a_torch_of_its_own_index() -> None:
    assert [name for name, _, own in EXTRAS if own] == ["torchvision"]
    for number in range(100):
        one = draw(number, 2, LAST, newest, CPU)
        assert not (layer(one) == CPU and "torchvision" in " ".join(one.install).split())
