"""Operators on known values, and which values are worth keeping. Knows nothing of names or trees beyond the operators."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from typing import Any
else:
    import _ast as ast

LONGEST_TEXT = 100_000
LARGEST = 10_000
"""Most items of a value, those of its inner values included, before it counts as unknown."""


class UnknownValueError(Exception):
    """The value cannot be known without running the script."""


def checked(value: object) -> Any:
    """Return a value that any report can print and JSON can hold. Raises UnknownValueError for any other."""
    if isinstance(value, str):
        if len(value) <= LONGEST_TEXT and (value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)):
            return value
    elif isinstance(value, float):
        if value - value == 0:  # neither infinite nor NaN
            return value
    elif value is None or (isinstance(value, int) and abs(value) < 1 << 63):
        return value
    raise UnknownValueError


def bounded(value: Any) -> Any:
    """Return a value that is not too large to be told: lists of lists of the same list grow without end. Raises UnknownValueError."""
    left = LARGEST
    inside = [value]
    while inside:
        items = inside.pop()
        left -= len(items)
        if left < 0:
            raise UnknownValueError
        inside += [item for item in (items.values() if isinstance(items, dict) else items) if isinstance(item, (tuple, dict))]
    return value


def unary(operator: ast.unaryop, value: object) -> Any:
    """Return the result of a sign or of `not`. Raises UnknownValueError for anything else."""
    if isinstance(operator, ast.Not):
        return not value
    if isinstance(value, (int, float)):
        if isinstance(operator, ast.USub):
            return -value
        if isinstance(operator, ast.UAdd):
            return +value
    raise UnknownValueError


def binary(operator: ast.operator, left: object, right: object) -> Any:
    """Return the result of arithmetic on numbers, or of joining two texts. Raises UnknownValueError for anything else."""
    if isinstance(left, str) and isinstance(right, str) and isinstance(operator, ast.Add):
        return checked(left + right)
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        try:
            if isinstance(operator, ast.Add):
                return checked(left + right)
            if isinstance(operator, ast.Sub):
                return checked(left - right)
            if isinstance(operator, ast.Mult):
                return checked(left * right)
            if isinstance(operator, ast.Div):
                return checked(left / right)
            if isinstance(operator, ast.FloorDiv):
                return checked(left // right)
            if isinstance(operator, ast.Mod):
                return checked(left % right)
            if isinstance(operator, ast.Pow) and abs(right) <= 64 and left >= 0:
                return checked(left**right)
        except ArithmeticError:
            raise UnknownValueError from None
    raise UnknownValueError
