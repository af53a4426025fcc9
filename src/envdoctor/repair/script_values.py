"""What becomes of a value when its argument gets another name: one function a conversion, named as in the table of spellings."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from envdoctor.model.script import Argument

RATIO = "ratio"
"""The conversion that asks only whether a value may stay: it is a share of all steps before and after."""
GONE = ""
"""Stands for an argument that is left out."""


def converted(name: str, argument: Argument) -> str | None:
    """Return the new value as it is written, GONE for none at all, None where it has to be worked out by a person."""
    if not argument.literal or name not in CONVERSIONS:
        return None
    return CONVERSIONS[name](argument.value)


def _ratio(value: object) -> str | None:
    """A share of all steps below 1 is a share still; 1 would be a single step."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1:
        return repr(value)
    return None


def _flag(true: str | None, false: str | None) -> Callable[[object], str | None]:
    return lambda value: true if value is True else false if value is False else None


def _within(key: str) -> Callable[[object], str | None]:
    return lambda value: GONE if value is None else f'{{"{key}": {value!r}}}' if isinstance(value, bool) else None


def _unset(value: object) -> str | None:
    """What a deprecated argument holds where nobody gave it one can go with it."""
    return GONE if value in (None, False, "", "auto", "last", -1, 0) else None


CONVERSIONS: dict[str, Callable[[object], str | None]] = {
    RATIO: _ratio,
    "by length": _flag('"group_by_length"', GONE),
    "adafactor": _flag('"adafactor"', GONE),
    "inputs": _flag('["inputs"]', GONE),
    "only true": _flag(GONE, None),
    "dispatch": _within("dispatch_batches"),
    "split": _within("split_batches"),
    "unset": _unset,
}
