"""Readers and editors of requirement and lock files: text in, `Listing` or edits out. No file is opened, nothing is fetched or evaluated.

A format is a module with `KIND`, `recognises(name, text)` and `read(text, path, load)`. `recognises` gets the file's base name, and an
empty text when only the name is to decide. `read` raises InputError for what it cannot understand and lists smaller defects in
`problems`; `load` gives the text of another file, its path being relative to the one that is read. Modules with a leading
underscore are shared parts, not formats.

A format whose files people write has `edits(text, path, changes)` too, and stands in `EDITED`; what a tool writes is made again by that
tool, as `remade` tells.
"""

from __future__ import annotations

from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, Protocol

    from envdoctor.model.listing import Listing, Load
    from envdoctor.model.plan import Change, Edit

    class Format(Protocol):
        """One module of this folder."""

        KIND: str

        def recognises(self, name: str, text: str) -> bool:
            """Tell whether a file is of this kind: by its base name, or, where the text is not empty, by its text."""

        def read(self, text: str, path: str, load: Load) -> Listing:
            """Return what a text lists. Raises InputError."""

    class Editor(Format, Protocol):
        """One module of this folder whose files can be edited."""

        def edits(self, text: str, path: str, changes: Sequence[Change]) -> tuple[Edit, ...]:
            """Return the fewest edits that bring the changes about, in the order of the text; none where all is as wanted.

            `changes` are those whose requirement was read at `path`, or is new there; includes are edited by themselves. The text is the
            one that was read: for a place that reads otherwise now, and for what the format cannot say, InputError is raised, with what
            is wrong, where, and what to do. Everything outside the edits stays as it is, byte for byte.
            """


FORMATS: dict[str, str] = {
    # kind: module in envdoctor.formats; asked in this order, so that the most common ones load nothing else
    "pip freeze": "pip_freeze",
    "requirements.txt": "requirements_txt",
    "uv.lock": "uv_lock",
    "pylock.toml": "pylock_toml",
    "poetry.lock": "poetry_lock",
    "pdm.lock": "pdm_lock",
    "pyproject.toml": "pyproject_toml",
    "environment.yml": "conda_environment",
    "pip inspect": "pip_inspect",
    "script metadata": "script_metadata",
}


def reader(kind: str) -> Format:
    """Import and return the module that reads a kind."""
    from importlib import import_module

    found: Any = import_module(f"envdoctor.formats.{FORMATS[kind]}")
    module: Format = found
    return module


def recognise(name: str, text: str) -> str:
    """Return the kind of a file, by its base name first and by its text second, or "" where nothing fits."""
    for seen in ("", text):
        for kind in FORMATS:
            if reader(kind).recognises(name, seen):
                return kind
    return ""


class Remade(Record):
    """How a file that a tool writes follows a change: the change goes into `source`, beside it, and `command` writes the file anew.

    Both are empty where nothing but a new installation changes what the file tells.
    """

    source: str
    command: tuple[str, ...]


EDITED = ("pip freeze", "requirements.txt", "pyproject.toml", "environment.yml", "script metadata")

_REMADE: dict[str, Remade] = {
    "uv.lock": Remade(source="pyproject.toml", command=("uv", "lock")),
    "poetry.lock": Remade(source="pyproject.toml", command=("poetry", "lock")),
    "pdm.lock": Remade(source="pyproject.toml", command=("pdm", "lock")),
    "pylock.toml": Remade(source="pyproject.toml", command=("uv", "pip", "compile", "--format", "pylock.toml", "pyproject.toml")),
    "pip inspect": Remade(source="", command=()),
}


def editor(kind: str) -> Editor:
    """Import and return the module that edits a kind. Raises KeyError for one that is not in `EDITED`."""
    if kind not in EDITED:
        raise KeyError(kind)
    found: Any = reader(kind)
    module: Editor = found
    return module


def remade(kind: str, name: str) -> Remade:
    """Return how a file of a kind, with that base name, is made again. Raises KeyError for a kind that is edited.

    >>> remade("uv.lock", "train.py.lock").command
    ('uv', 'lock', '--script', 'train.py')
    """
    found = _REMADE[kind]
    if kind == "uv.lock" and name.endswith(".py.lock"):
        return Remade(source=name[:-5], command=("uv", "lock", "--script", name[:-5]))
    if kind == "pylock.toml":
        return found.replace(command=(*found.command, "--output-file", name))
    return found


def edited(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with the edits made. Raises InputError where it does not read as an edit says, or where two edits overlap."""
    from envdoctor.model.errors import InputError

    pieces = []
    at = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start < at or text[edit.start : edit.end] != edit.old:
            place = f"{edit.document} line {text.count(chr(10), 0, edit.start) + 1}"
            if edit.start < at:
                raise InputError(f"{place}: two changes want the same place; make one of them at a time")
            raise InputError(f"{place}: the file was changed since it was read; run the command again")
        pieces += [text[at : edit.start], edit.new]
        at = edit.end
    return "".join([*pieces, text[at:]])
