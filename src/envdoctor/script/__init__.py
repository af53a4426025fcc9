"""Read a training script or notebook without running it: calls, arguments, imports, and what they say of the training.

Text in, data out. No file is opened here, nothing of the script is executed, and what cannot be seen is never guessed.
"""

from __future__ import annotations

from envdoctor.model.errors import InputError
from envdoctor.model.script import Script
from envdoctor.script.intent import facts_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from envdoctor.model.script import Command

__all__ = ["LIMIT", "facts_of", "read", "recognises"]

LIMIT = 1_000_000
"""Longest Python source that is parsed, in characters: parsing takes about a hundred times that in memory."""


def recognises(text: str) -> bool:
    """Tell that a file is a script whatever it holds: its suffix says so."""
    return True


def read(text: str, path: str, known: Mapping[str, Any] | None = None) -> Script:
    """Return the calls and imports of a Python script, or of a notebook's code cells where `path` ends in `.ipynb`.

    Targets are fully qualified (`trl.SFTTrainer`), whatever the script calls them. A positional argument is named after its place,
    from "0". A location in a notebook has the path `NOTEBOOK:cell N`, counting code cells from 1, and the line within that cell.
    Assignments to `os.environ` are calls of `os.environ` with the variable as argument, one to a `pad_token` is a call of
    `transformers.PreTrainedTokenizerBase.pad_token` with the argument `value`: "eos_token", or the text. A function handed over as
    `formatting_func` is a call of `trl.SFTTrainer.formatting_func` with the argument `returns`: what it answers, where that can be seen.
    A variable that is set after what reads it once is an argument of a call of `os.environ.late`, whose value is what came before.
    What the function does that the `map` of a data set is given is a call of `datasets.Dataset.map.function`, see `mapped`.
    Lists and tuples are tuples, keys of dictionaries are texts. `known` are values of names that the script imports from files of its own
    project, by their dotted names as they are imported. Shell lines that may be about pip are `commands`. Raises InputError where
    the text is not Python, not a notebook, or longer than LIMIT.
    """
    from envdoctor.script.calls import Reader
    from envdoctor.script.syntax import parse

    text = text.removeprefix("\ufeff")
    commands: list[Command] = []
    is_notebook = path.lower().endswith(".ipynb")
    if is_notebook:
        from envdoctor.script.notebook import cells
        from envdoctor.script.shell import of_cell, of_magics

        found = cells(text, path)
        parts = tuple((cell.place, cell.python) for cell in found)
        commands += [command for cell in found if cell.shell for command in of_cell(cell.shell, cell.place)]
    else:
        parts = ((path, text),)
    if sum(len(source) for _, source in parts) > LIMIT:
        raise InputError(f"{path}: more than {LIMIT:,} characters of Python; give the training script itself, not a generated file")
    try:
        trees = []
        for place, source in parts:
            aside: list[tuple[int, str]] = []
            trees.append((place, parse(source, place, magics=is_notebook, aside=aside)))
            commands += of_magics(aside, place) if aside else ()
            if known:
                from envdoctor.script.adopted import adopt

                adopt(trees[-1][1], known)
        script = Reader(trees).script((path,))
    except RecursionError:
        raise InputError(f"{path}: expressions are nested too deeply to be read; split the largest expression") from None
    if commands or "pip" in text:
        from envdoctor.script.shell import in_order, of_calls

        commands += of_calls(script.calls)
        script = script.replace(commands=in_order(commands, (place for place, _ in parts)))
    return script.replace(declares=True) if "# /// script" in text and not is_notebook else script
