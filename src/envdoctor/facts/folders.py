"""Finds the scripts of a folder, as a linter does: everything below it but environments, caches and what others have written."""

from __future__ import annotations

import os

from envdoctor.facts.locate import is_environment
from envdoctor.facts.scripts import PROGRAMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

SKIPPED = frozenset(
    {"__pycache__", "__pypackages__", "_build", "buck-out", "conda-meta", "dist", "dist-packages", "node_modules", "site-packages", "venv"}
)
"""Folders that are never looked into, as are hidden ones and environments."""


def scripts_below(folder: str) -> Iterator[str]:
    """Yield the scripts and notebooks of a folder and of those below it, in sorted order; links to folders are not followed."""
    top = os.path.normpath(folder)
    waiting = ["" if top == os.curdir else top]
    while waiting:
        here = waiting.pop()
        try:
            with os.scandir(here or os.curdir) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError:  # what may not be listed is passed by
            continue
        below = []
        for entry in entries:
            name = entry.name
            if name.startswith("."):
                continue
            path = os.path.join(here, name)
            if _is_folder(entry):
                if name not in SKIPPED and not name.endswith((".egg-info", ".dist-info")) and not is_environment(path):
                    below.append(path)
            elif name.lower().endswith(PROGRAMS) and entry.is_file():
                yield path
        waiting += reversed(below)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def holds_scripts(folder: str) -> bool:
    """Tell whether there is a script in a folder, or below it."""
    return next(scripts_below(folder), None) is not None
