"""The table of packages: spelled as the index spells them, and in mining order."""

from __future__ import annotations

from datetime import date

from envdoctor.miner.packages import PACKAGES, ordered
from envdoctor.model.names import normalise
from envdoctor.model.uses import USES


def test_names_and_days_are_well_formed() -> None:
    assert [name for name in PACKAGES if normalise(name) != name] == []
    assert all(date.fromisoformat(day).isoformat() == day for day in PACKAGES.values())


def test_whatever_a_use_takes_is_covered() -> None:
    assert {name for taken, _ in USES.values() for name in taken} <= set(PACKAGES)


def test_the_stack_is_mined_first_and_strangers_last() -> None:
    assert ordered(("zzz", "rich", "aaa", "transformers", "torch")) == ["torch", "transformers", "rich", "aaa", "zzz"]
