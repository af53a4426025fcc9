"""Reads training scripts from disk and merges what several of them say."""

from __future__ import annotations

import gc
import os

from envdoctor.model.facts import Fact
from envdoctor.model.script import Script

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from envdoctor.model.script import Call, Import

SUFFIXES = (".py", ".ipynb")


def training_scripts(paths: Sequence[str]) -> list[str]:
    """Return those of the paths that name a script or notebook."""
    return [path for path in paths if path.endswith(SUFFIXES) and not os.path.isdir(path)]


def read_scripts(paths: Sequence[str]) -> tuple[Script, list[Fact]]:
    """Read scripts without running them; return their calls and the training facts they imply.

    Where two of them settle the same fact, the first one counts. Raises InputError.
    """
    from envdoctor.facts.documents import read_text
    from envdoctor.script import facts_of, read

    calls: list[Call] = []
    imports: list[Import] = []
    facts: dict[str, Fact] = {}
    collecting = len(paths) > 1 and gc.isenabled()
    if collecting:
        gc.disable()  # readers leave no garbage, and what was read of a thousand scripts would be looked through again and again
    try:
        for path in paths:
            script = read(read_text(path), path)
            calls += script.calls
            imports += script.imports
            for name, value in facts_of(script).items():
                facts.setdefault(name, Fact(path=name, value=value, origin=path))
    finally:
        if collecting:
            gc.enable()
    return Script(calls=tuple(calls), imports=tuple(imports), paths=tuple(paths)), list(facts.values())
