from __future__ import annotations

import pytest

from envdoctor.knowledge.atlas.defined import Definitions
from envdoctor.knowledge.atlas.partner import answering

SUBJECTS = {
    "a:f": {"own": 0b0001},
    "a.utils.one:f": {"below": 0b0011},
    "a.utils.two:f": {"other": 0b0100},
    "a.deep:f": {"far": 0b1100},
    "a.deep:C.f": {"method": 0b1111},
}


@pytest.mark.parametrize(
    ("module", "name", "found"),
    [
        ("a", "f", {"own": 0b0001, "below": 0b0010, "far": 0b1000}),  # of the third release either of two may be meant
        ("a.utils", "f", {"below": 0b0011, "other": 0b0100, "far": 0b1000}),
        ("a.elsewhere", "C.f", {"method": 0b1111}),
        ("a.utils.one", "f", {"below": 0b0011, "far": 0b1000}),
        ("a", "g", {}),
    ],
)
def test_the_nearest_definition_counts_where_only_one_can_be_meant(module: str, name: str, found: dict[str, int]) -> None:
    assert Definitions(SUBJECTS).items(module, name, 0b1111) == found
    elsewhere = Definitions(SUBJECTS).items(module, name, 0)
    assert set(elsewhere) == ({"own"} if module == "a" and found else {"below"} if module == "a.utils.one" else set())


def test_a_helper_answers_by_its_arguments() -> None:
    items = {"() => has:a": 1, "$1 => has:$1": 3, "vllm => false": 2, "$1,return_version=True#0 => dist:$1": 3}
    assert answering(items, "") == {"has:a": 1}
    assert answering(items, "vllm") == {"false": 2, "has:vllm": 1}
    assert answering(items, "vllm,return_version=True#0") == {"dist:vllm": 3}
    assert answering(items, "vllm,return_version=True") == {}
    assert answering(items, "vllm,strict=True#0") == {}
