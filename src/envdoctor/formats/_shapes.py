"""Looks into parsed TOML and JSON whose shape nobody promised. A wrong shape reads as an empty one."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


def table(value: object) -> dict[str, Any]:
    """Return a table, or an empty one."""
    return value if isinstance(value, dict) else {}


def within(value: object, keys: Iterable[str]) -> dict[str, Any]:
    """Return the table at a path, or an empty one."""
    for key in keys:
        value = table(value).get(key)
    return table(value)


def tables(value: object) -> list[dict[str, Any]]:
    """Return the tables of a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """Return a text, or an empty one."""
    return value if isinstance(value, str) else ""


def texts(value: object) -> list[str]:
    """Return the texts of a list; of a single text, that one."""
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
