"""What a comparison answers: constants now, versions and platforms as conditions."""

from __future__ import annotations

import ast
import operator

from envdoctor.miner.values import UNSURE, Argument, is_pattern, is_whole, settled
from envdoctor.model.guards import FALSE, TRUE, UNKNOWN, any_of, no
from envdoctor.model.versions import is_version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from envdoctor.miner.values import Value
    from envdoctor.model.guards import Guard

_SIGNS: dict[type[ast.cmpop], str] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
_COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_SYSTEMS = {
    "linux": "linux",
    "darwin": "macos",
    "win32": "windows",
    "cygwin": "",
    "Linux": "linux",
    "Darwin": "macos",
    "Windows": "windows",
    "nt": "windows",
}


def compare(left: Value, sort: ast.cmpop, right: Value) -> Guard:
    """Return when a comparison holds."""
    if not isinstance(sort, (ast.Is, ast.IsNot)) and (is_pattern(left) or is_pattern(right)):
        return _unlike(left, sort, right)
    sign = _SIGNS.get(type(sort))
    if sign is not None:
        found = _ordered(left, sign, right)
        if found is None:
            found = _ordered(right, _TURNED[sign], left)
        return UNKNOWN if found is None else found
    if isinstance(sort, (ast.Is, ast.IsNot)):
        found = _identical(left, right)
        return UNKNOWN if found is None else found if isinstance(sort, ast.Is) else no(found)
    if isinstance(sort, (ast.In, ast.NotIn)):
        found = _contained(left, right)
        return UNKNOWN if found is None else found if isinstance(sort, ast.In) else no(found)
    return UNKNOWN


def _unlike(left: Value, sort: ast.cmpop, right: Value) -> Guard:
    """Compare an argument that is given later: as one that is none of the texts it is compared with."""
    if isinstance(sort, (ast.Eq, ast.NotEq)) and isinstance(right[-1], Argument):
        left, right = right, left
    if not isinstance(left[-1], Argument) or not isinstance(sort, (ast.Eq, ast.NotEq, ast.In, ast.NotIn)):
        return UNKNOWN
    others = _held(right) if isinstance(sort, (ast.In, ast.NotIn)) else [right]
    if others is None or any(one[0] != "const" for one in others):
        return UNKNOWN
    left[-1].asked.update(one[1] for one in others if isinstance(one[1], str))
    return FALSE if isinstance(sort, (ast.Eq, ast.In)) else TRUE


def _held(value: Value) -> list[Value] | None:
    """Return the items of a list, or the keys of a dictionary, where these are all known."""
    if value[0] == "dict":
        return [("const", key) for key in value[1]] if is_whole(value) else None
    return settled(value)


def _ordered(left: Value, sign: str, right: Value) -> Guard | None:
    kind = left[0]
    if kind == "version":
        text = _text(right)
        if text is None or not is_version(text):
            return None if text is None or sign not in ("==", "!=") else FALSE if sign == "==" else TRUE
        return ("ver", left[1], sign + text)
    if kind == "release":
        numbers = _numbers(right)
        return None if numbers is None else _numbered(("ver", left[1]), sign, numbers, left[2] if len(left) > 2 else None)
    if kind == "part" and right[0] == "const" and isinstance(right[1], int):
        return _part(left[1], left[2], sign, right[1])
    if kind == "python":
        if right[0] == "parsed":
            return ("py", sign + right[1]) if is_version(right[1]) else None
        numbers = _numbers(right)
        return None if numbers is None else _numbered(("py",), sign, numbers, left[1] if len(left) > 1 else None)
    if kind == "system" and right[0] == "const" and sign in ("==", "!="):
        system = _SYSTEMS.get(str(right[1]), "")
        found: Guard = ("os", system) if system else FALSE
        return found if sign == "==" else no(found)
    if kind == "const" and right[0] == "const":
        return _constants(left[1], sign, right[1])
    if kind in ("const", "parsed") and right[0] in ("const", "parsed") and sign in ("<", "<=", ">", ">=", "==", "!="):
        one, two = _text(left), _text(right)
        if one is None or two is None or not is_version(one) or not is_version(two):
            return None
        from envdoctor.model.versions import admits, window

        return TRUE if admits(window(sign + two), one) else FALSE
    return None


def _part(distribution: str, place: int, sign: str, number: int) -> Guard | None:
    """Compare one number of a version; of Python, whose first is 3, the second too."""
    if place == 0:
        return _numbered(("ver", distribution) if distribution else ("py",), sign, [str(number)], 1)
    return _numbered(("py",), sign, ["3", str(number)], 2) if place == 1 and not distribution else None


def _numbered(head: tuple[str, ...], sign: str, numbers: list[str], width: int | None) -> Guard | None:
    """Compare a tuple of numbers: `release[:2] <= (2, 4)` means every 2.4, while `version_info <= (3, 8)` is false for 3.8.1.

    `width` is how many numbers are taken of the version; None is all there are, five of Python and mostly three of others.
    """
    text = ".".join(numbers)
    if width is not None and width < len(numbers):
        return None
    if sign in (">=", "<"):
        return (*head, sign + text)
    if width == len(numbers) or (width is None and head[0] == "ver" and len(numbers) == 3):
        if sign in ("==", "!="):
            return (*head, f"{sign}{text}.*")
        following = ".".join([*numbers[:-1], str(int(numbers[-1]) + 1)])
        return (*head, (">=" if sign == ">" else "<") + following)
    if head[0] != "py":
        return None
    return FALSE if sign == "==" else TRUE if sign == "!=" else (*head, (">=" if sign == ">" else "<") + text)


def _numbers(value: Value) -> list[str] | None:
    if value[0] == "seq" and value[1] and all(one[0] == "const" and isinstance(one[1], int) for one in value[1]):
        return [str(one[1]) for one in value[1]]
    if value[0] == "const" and isinstance(value[1], tuple) and value[1] and all(isinstance(one, int) for one in value[1]):
        return [str(one) for one in value[1]]
    return None


def _text(value: Value) -> str | None:
    return value[1] if value[0] in ("const", "parsed") and isinstance(value[1], str) else None


def _constants(one: object, sign: str, two: object) -> Guard | None:
    try:
        told = _COMPARED[sign](one, two)
    except TypeError:
        return None
    return TRUE if told else FALSE


def _identical(left: Value, right: Value) -> Guard | None:
    if right == ("const", None):
        if left[0] == "spec":  # importlib.util.find_spec
            return no(("has", left[1]))
        if left[0] == "const":
            return TRUE if left[1] is None else FALSE
        if left[0] in ("guard", "mod", "func", "class", "inst", "extinst", "version", "seq", "dict", "python", "ext"):
            return FALSE
        return None
    if left[0] == "const" and right[0] == "const" and isinstance(right[1], bool):
        return TRUE if left[1] is right[1] else FALSE
    if left[0] == "guard" and right[0] == "const" and isinstance(right[1], bool):
        return left[1] if right[1] else no(left[1])
    return None


def _contained(left: Value, right: Value) -> Guard | None:
    if right[0] == "seq" and settled(right) is None:
        return None
    if right[0] == "seq":
        if left[0] == "const" and all(one[0] == "const" for one in right[1]):
            return TRUE if any(one[1] == left[1] for one in right[1]) else FALSE
        if left[0] in ("version", "system"):
            found = [_ordered(left, "==", one) for one in right[1]]
            return None if any(one is None for one in found) else any_of(one for one in found if one is not None)
        return None
    if right[0] == "packages" and left[0] == "const":
        return ("has", str(left[1]))
    if right[0] == "dict" and left[0] == "const" and isinstance(left[1], (str, int)):
        if left[1] in right[1]:
            return None if right[1][left[1]] == UNSURE else TRUE
        return FALSE if is_whole(right) else None
    if right[0] == "const" and left[0] == "const" and isinstance(right[1], str) and isinstance(left[1], str):
        return TRUE if left[1] in right[1] else FALSE
    return None
