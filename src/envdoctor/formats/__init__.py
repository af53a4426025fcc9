"""Readers of requirement and lock files: text in, `Listing` out. No file is opened here, nothing is fetched, nothing is evaluated.

A format is a module with `KIND`, `recognises(name, text)` and `read(text, path, load)`. `recognises` gets the file's base name, and an
empty text when only the name is to decide. `read` raises InputError for what it cannot understand and lists smaller defects in
`problems`; `load` gives the text of another file, its path being relative to the one that is read. Modules with a leading
underscore are shared parts, not formats.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from envdoctor.model.listing import Listing, Load

    class Format(Protocol):
        """One module of this folder."""

        KIND: str

        def recognises(self, name: str, text: str) -> bool:
            """Tell whether a file is of this kind: by its base name, or, where the text is not empty, by its text."""

        def read(self, text: str, path: str, load: Load) -> Listing:
            """Return what a text lists. Raises InputError."""


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
