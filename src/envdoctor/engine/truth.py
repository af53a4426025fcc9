"""Three-valued logic. A truth is True, False, or the frozenset of facts that are missing to decide."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Union

    Truth = Union[bool, frozenset[str]]


def unknown(*missing: str) -> frozenset[str]:
    """Return the truth that waits for these facts."""
    return frozenset(missing)


def conjunction(truths: Iterable[Truth]) -> Truth:
    """Return False if any is False, else unknown if any is unknown, else True."""
    missing: frozenset[str] | None = None
    for truth in truths:
        if truth is False:
            return False
        if truth is not True:
            missing = truth if missing is None else missing | truth
    return True if missing is None else missing


def disjunction(truths: Iterable[Truth]) -> Truth:
    """Return True if any is True, else unknown if any is unknown, else False."""
    missing: frozenset[str] | None = None
    for truth in truths:
        if truth is True:
            return True
        if truth is not False:
            missing = truth if missing is None else missing | truth
    return False if missing is None else missing


def negation(truth: Truth) -> Truth:
    """Return the opposite; unknown stays unknown."""
    return truth if isinstance(truth, frozenset) else not truth
