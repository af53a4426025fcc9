"""Writes plain data as TOML: the settings that a resolver is started with. Reading is `tomllib`'s matter."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class Written(str):
    """A value that is TOML already."""

    __slots__ = ()


def written(settings: Mapping[str, Any]) -> str:
    """Return a TOML document that reads as `settings`: texts, numbers, booleans, lists and tables, to any depth.

    >>> written({"offline": True, "index": [{"name": "a", "url": "b"}]})
    'offline = true\\nindex = [{"name" = "a", "url" = "b"}]\\n'
    """
    return "".join(f"{key} = {inline(value)}\n" for key, value in settings.items())


def inline(value: Any) -> str:
    """Return a value as TOML writes it on one line."""
    if isinstance(value, Written):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(key))} = {inline(part)}" for key, part in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(inline, value)) + "]"
    return json.dumps(str(value), ensure_ascii=False)
