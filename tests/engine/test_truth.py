"""Three-valued logic: false beats unknown in a conjunction, true beats it in a disjunction, and the missing facts add up."""

import itertools

import pytest

from envdoctor.engine.conditions import judge
from envdoctor.engine.truth import conjunction, disjunction, negation, unknown
from tests.conftest import snapshot

A, B = unknown("a"), unknown("b")


@pytest.mark.parametrize(
    ("parts", "both", "either"),
    [
        ((), True, False),
        ((True, True), True, True),
        ((True, False), False, True),
        ((False, A), False, A),
        ((True, A), A, True),
        ((A, B), unknown("a", "b"), unknown("a", "b")),
    ],
)
def test_tables(parts: tuple[object, ...], both: object, either: object) -> None:
    for order in itertools.permutations(parts):
        assert conjunction(order) == both  # type: ignore[arg-type]
        assert disjunction(order) == either  # type: ignore[arg-type]


TABLE = {
    True: ("dist", "torch", None),
    False: ("dist", "rich", None),
    A: ("fact", "gpu.count", "equals", 1),
    B: ("fact", "gpu.vendor", "equals", "amd"),
}


@pytest.mark.parametrize("parts", list(itertools.product(TABLE, repeat=3)))
def test_the_fast_conjunction_of_conditions_agrees(parts: tuple[object, ...]) -> None:
    patient = snapshot({"torch": "2.9"})
    nodes = tuple(TABLE[part] for part in parts)  # type: ignore[index]
    told = conjunction(judge(node, patient) for node in nodes)
    assert judge(("all", nodes), patient) == told


def test_negation() -> None:
    assert negation(True) is False
    assert negation(False) is True
    assert negation(A) == A
