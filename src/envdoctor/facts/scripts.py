"""Reads training scripts from disk and merges what several of them say."""

from __future__ import annotations

import gc
import os

from envdoctor.model.errors import InputError
from envdoctor.model.facts import Fact
from envdoctor.model.script import Script

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Protocol

    from envdoctor.model.script import Call, Import

    class Reader(Protocol):
        """One way to read a script."""

        def recognises(self, text: str) -> bool:
            """Tell whether a file of that suffix is a script of this kind, by its text. Never raises."""

        def read(self, text: str, path: str) -> Script:
            """Return what is written in it. Raises InputError."""


READERS: dict[str, str] = {
    # suffix in lower case: the module that reads it
    ".py": "envdoctor.script",
    ".ipynb": "envdoctor.script",
}
PROGRAMS = (".py", ".ipynb")
"""Suffixes that are always scripts; a file with another one of the table has to be looked into."""


def reader(path: str) -> Reader:
    """Import and return what reads a file of this suffix; one that is not in the table counts as Python."""
    from importlib import import_module

    found: Any = import_module(READERS.get(os.path.splitext(path)[1].lower(), READERS[".py"]))
    module: Reader = found
    return module


def is_script(path: str) -> bool:
    """Tell whether a path names a script: by its suffix, or by its text where files of that suffix hold other things too."""
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in READERS or os.path.isdir(path):
        return False
    if suffix in PROGRAMS:
        return True
    from envdoctor.facts.documents import read_text

    try:
        return reader(path).recognises(read_text(path))
    except InputError:
        return False


def training_scripts(paths: Sequence[str]) -> list[str]:
    """Return those of the paths that name a script, a notebook, or what else `READERS` reads."""
    return [path for path in paths if is_script(path)]


def read_scripts(paths: Sequence[str]) -> tuple[Script, list[Fact]]:
    """Read scripts as one; return their calls and the training facts they imply. See `read_each`.

    Where two of them settle the same fact, the first one counts. Raises InputError.
    """
    calls: list[Call] = []
    imports: list[Import] = []
    facts: dict[str, Fact] = {}
    for script, told in read_each(paths):
        calls += script.calls
        imports += script.imports
        for fact in told:
            facts.setdefault(fact.path, fact)
    return Script(calls=tuple(calls), imports=tuple(imports), paths=tuple(paths)), list(facts.values())


def read_each(paths: Sequence[str]) -> list[tuple[Script, list[Fact]]]:
    """Read scripts without running them; return each with the training facts that it implies. Raises InputError."""
    from envdoctor.facts.documents import read_text
    from envdoctor.script import facts_of

    found = []
    collecting = len(paths) > 1 and gc.isenabled()
    if collecting:
        gc.disable()  # readers leave no garbage, and what was read of a thousand scripts would be looked through again and again
    try:
        for path in paths:
            script = reader(path).read(read_text(path), path)
            found.append((script, [Fact(path=name, value=value, origin=path) for name, value in facts_of(script).items()]))
    finally:
        if collecting:
            gc.enable()
    return found
