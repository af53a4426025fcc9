"""Reads the configuration files of training programs as training scripts: settings in, `Script` out. Nothing is opened or run.

A kind is a module with `recognises(keys)` and `read(table, path)`, which returns the calls that the file stands for: one with `keys`,
whose arguments are what the file itself says, where the program refuses keys it does not know; and guarded calls, which are what the
program does because of them.
"""

from __future__ import annotations

from envdoctor.model.errors import InputError
from envdoctor.model.script import Script
from envdoctor.script.configs.drafts import opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from envdoctor.model.script import Call
    from envdoctor.model.settings import Table

    class Kind(Protocol):
        """One module of this folder."""

        def recognises(self, keys: frozenset[str]) -> bool:
            """Tell whether a file is of this kind, by the keys of its first level."""

        def read(self, table: Table, path: str) -> tuple[Call, ...]:
            """Return the calls that the file stands for."""


KINDS: dict[str, str] = {
    # name: module in envdoctor.script.configs; asked in this order
    "axolotl": "axolotl",
    "accelerate": "accelerate",
    "DeepSpeed": "deepspeed",
    "LLaMA-Factory": "llamafactory",
    "trl": "trl",
}


def recognise(keys: frozenset[str]) -> str:
    """Return the kind of a file that has these keys at its first level, or ""."""
    for name in KINDS:
        if _kind(name).recognises(keys):
            return name
    return ""


def read(table: Table, path: str) -> Script:
    """Return the calls that a configuration file stands for. Raises InputError where it is of no kind that is known."""
    name = recognise(table.keys)
    if not name:
        raise InputError(f"{path}: its keys are those of no training configuration that envdoctor reads ({', '.join(KINDS)})")
    calls = _kind(name).read(table, path)
    return Script(calls=(*calls, *opened(table)), paths=(path,))


def _kind(name: str) -> Kind:
    from importlib import import_module

    found: Any = import_module(f"envdoctor.script.configs.{KINDS[name]}")
    module: Kind = found
    return module
