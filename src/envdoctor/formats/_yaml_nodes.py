"""YAML texts as plain nodes: texts, lists and tables with the places where they stand. No object is ever built from them."""

from __future__ import annotations

from envdoctor.model.errors import InputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LARGEST = 1 << 20  # characters; an exported environment of 1,000 packages has 50,000


def compose(text: str, path: str, instead: str = "mend it, or write it again with `conda env export`") -> Any:
    """Return the root node of a text, None for an empty one. `instead` says what to do about one that cannot be read. Raises InputError."""
    if len(text) > _LARGEST:
        raise InputError(f"{path}: {len(text):,} characters of YAML are more than is read; {instead}")
    from importlib import import_module

    try:
        yaml = import_module("yaml")
    except ModuleNotFoundError:
        raise InputError(f"{path}: reading YAML needs PyYAML; install it with: pip install 'envdoctor[conda]'") from None
    try:
        # Not CSafeLoader: with 100,000 brackets in a row it ends the whole process (seen with PyYAML 6.0.3).
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "it breaks off"
        raise InputError(f"{path}{where}: this is not valid YAML ({reason}); {instead}") from None
    except (RecursionError, ValueError):
        raise InputError(f"{path}: the YAML cannot be read (nested too deeply?); {instead}") from None


def table(node: Any) -> dict[str, Any]:
    """Return the values of a table by their keys; of anything else, nothing."""
    if node is None or node.id != "mapping":
        return {}
    return {key.value: value for key, value in node.value if key.id == "scalar"}


def items(node: Any) -> list[Any]:
    """Return the nodes of a list; of anything else, nothing."""
    return list(node.value) if node is not None and node.id == "sequence" else []


def outline(root: Any) -> list[object]:
    """Return a tree as a flat list that is equal for equal trees. Python's own texts, lists and tables may stand among the nodes.

    Each node comes once, however often it is referred to: a few lines of YAML can unfold to a billion.
    """
    numbers: dict[int, int] = {}
    found: list[object] = []
    pending = [root]
    while pending:
        node = pending.pop()
        if not isinstance(node, str):
            if id(node) in numbers:
                found.append(numbers[id(node)])
                continue
            numbers[id(node)] = len(numbers)
        inner = _children(node)
        found.append(inner if isinstance(inner, str) else len(inner))
        if not isinstance(inner, str):
            pending.extend(reversed(inner))
    return found


def _children(node: Any) -> str | list[Any]:
    if isinstance(node, dict):
        return [part for pair in node.items() for part in pair]
    if node is None or isinstance(node, (str, list)):
        return node or ""
    if node.id == "mapping":
        return [part for pair in node.value for part in pair]
    inner: str | list[Any] = node.value
    return inner
