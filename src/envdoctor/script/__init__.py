"""Read a training script or notebook without running it: calls, arguments, imports, and what they say of the training.

Text in, data out. No file is opened here, nothing of the script is executed, and what cannot be seen is never guessed.
"""

from __future__ import annotations

from envdoctor.model.errors import InputError
from envdoctor.model.script import Script
from envdoctor.script.intent import facts_of

__all__ = ["LIMIT", "facts_of", "read", "recognises"]

LIMIT = 1_000_000
"""Longest Python source that is parsed, in characters: parsing takes about a hundred times that in memory."""


def recognises(text: str) -> bool:
    """Tell that a file is a script whatever it holds: its suffix says so."""
    return True


def read(text: str, path: str) -> Script:
    """Return the calls and imports of a Python script, or of a notebook's code cells where `path` ends in `.ipynb`.

    Targets are fully qualified (`trl.SFTTrainer`), whatever the script calls them. A positional argument is named after its place,
    from "0". A location in a notebook has the path `NOTEBOOK:cell N`, counting code cells from 1, and the line within that cell.
    Assignments to `os.environ` are calls of `os.environ` with the variable as argument, one to a `pad_token` is a call of
    `transformers.PreTrainedTokenizerBase.pad_token` with the argument `value`: "eos_token", or the text. A function handed over as
    `formatting_func` is a call of `trl.SFTTrainer.formatting_func` with the argument `returns`: what it answers, where that can be seen.
    Lists and tuples are tuples, keys of dictionaries are texts. Raises InputError where the text is not Python, not a notebook, or longer
    than LIMIT.
    """
    from envdoctor.script.calls import Reader
    from envdoctor.script.syntax import parse

    text = text.removeprefix("\ufeff")
    if path.lower().endswith(".ipynb"):
        from envdoctor.script.notebook import cells

        parts = cells(text, path)
    else:
        parts = ((path, text),)
    if sum(len(source) for _, source in parts) > LIMIT:
        raise InputError(f"{path}: more than {LIMIT:,} characters of Python; give the training script itself, not a generated file")
    try:
        trees = [(place, parse(source, place, magics=place is not path)) for place, source in parts]
        return Reader(trees).script((path,))
    except RecursionError:
        raise InputError(f"{path}: expressions are nested too deeply to be read; split the largest expression") from None
