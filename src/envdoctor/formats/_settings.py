"""Configuration files as settings: YAML and JSON, with the line and column of each key. Values are plain data; no object is ever built."""

from __future__ import annotations

from envdoctor.formats._yaml_nodes import compose
from envdoctor.model.errors import InputError
from envdoctor.model.script import Location
from envdoctor.model.settings import Setting, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MOST = 20_000
"""Values that a file may unfold to: with anchors, a few lines of YAML can mean a billion."""
_PLAIN = ("str", "int", "float", "bool", "null")
_AGAIN = "mend it"


def read_settings(text: str, path: str) -> Table:
    """Return the settings of a file: JSON where it starts with a brace, else YAML as PyYAML understands it. Raises InputError."""
    if text.lstrip().startswith("{"):
        from envdoctor.formats._json_places import read_json

        return read_json(text, path)
    root = compose(text, path, _AGAIN)
    if root is None or root.id != "mapping":
        raise InputError(f"{path}: holds no keys with values at its first level; give the configuration file itself")
    try:
        return _Reader(path).table(root)
    except RecursionError:
        raise InputError(f"{path}: a value contains itself, or is nested too deeply; {_AGAIN}") from None


def first_keys(text: str) -> frozenset[str]:
    """Return the keys of the first level, without reading more and without PyYAML. Never raises."""
    if text.lstrip().startswith("{"):
        import json

        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            # broken: whoever reads it says where
            parts = text.split('"')
            return frozenset(part for part, after in zip(parts[1::2], parts[2::2]) if after.lstrip().startswith(":"))
        return frozenset(found) if isinstance(found, dict) else frozenset()
    keys = set()
    for line in text.splitlines():
        key, colon, rest = line.partition(":")
        if colon and (not rest or rest[0].isspace()) and key.strip("'\"").replace("_", "").isalnum():
            keys.add(key.strip("'\""))
    return frozenset(keys)


class _Reader:
    """Turns the nodes of one file into settings."""

    def __init__(self, path: str) -> None:
        from importlib import import_module

        self._path = path
        self._plain = import_module("yaml").SafeLoader("")
        self._left = _MOST

    def table(self, node: Any) -> Table:
        """Return a table. A key that comes twice counts as it stands last, what `<<` brings in counts least."""
        found: dict[str, Setting] = {}
        doubled: list[Setting] = []
        merged: dict[str, Setting] = {}
        for key, value in node.value:
            if key.id != "scalar":
                continue
            if key.tag.endswith(":merge"):
                for part in value.value if value.id == "sequence" else [value]:
                    if part.id == "mapping":
                        for setting in self.table(part).settings:
                            merged.setdefault(setting.key, setting)
                continue
            self._count(key)
            place = Location(path=self._path, line=key.start_mark.line + 1, column=key.start_mark.column + 1)
            setting = Setting(key=key.value, value=self._value(value), location=place)
            if found.pop(key.value, None) is not None:
                doubled.append(setting)
            found[key.value] = setting
        brought = (setting for name, setting in merged.items() if name not in found)
        return Table(settings=(*brought, *found.values()), doubled=tuple(doubled))

    def _value(self, node: Any) -> Any:
        self._count(node)
        if node.id == "mapping":
            return self.table(node)
        if node.id == "sequence":
            return tuple(self._value(item) for item in node.value)
        if node.tag.rpartition(":")[2] not in _PLAIN:
            return node.value  # a date, or a tag of somebody's own
        try:
            return self._plain.construct_object(node)
        except ValueError:
            return node.value

    def _count(self, node: Any) -> None:
        self._left -= 1
        if self._left < 0:
            line = node.start_mark.line + 1
            raise InputError(f"{self._path} line {line}: unfolds to more than {_MOST:,} values; write it without so many references")
