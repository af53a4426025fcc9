"""Reads training scripts from disk and merges what several of them say."""

from __future__ import annotations

from envdoctor.model.errors import InputError
from envdoctor.model.facts import Fact
from envdoctor.model.script import Script

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from envdoctor.model.script import Call, Import

SUFFIXES = (".py", ".ipynb")


def read_scripts(paths: Sequence[str]) -> tuple[Script, list[Fact]]:
    """Read scripts without running them; return their calls and the training facts they imply. Raises InputError."""
    from envdoctor.facts.documents import read_text
    from envdoctor.script import facts_of, read

    calls: list[Call] = []
    imports: list[Import] = []
    facts: dict[str, Fact] = {}
    for path in paths:
        script = read(read_text(path), path)
        calls += script.calls
        imports += script.imports
        for name, value in facts_of(script).items():
            facts.setdefault(name, Fact(path=name, value=value, origin=path))
    if not paths:
        raise InputError("no training script given")
    return Script(calls=tuple(calls), imports=tuple(imports), paths=tuple(paths)), list(facts.values())
