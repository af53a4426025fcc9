"""Three-valued logic: false beats unknown in a conjunction, true beats it in a disjunction, and the missing facts add up."""

import itertools

import pytest

from envdoctor.engine.truth import conjunction, disjunction, negation, unknown

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


def test_negation() -> None:
    assert negation(True) is False
    assert negation(False) is True
    assert negation(A) == A
