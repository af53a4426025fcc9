"""Which scripts run together: a script and the files beside it that it imports (`from config import args`) are one run.

Only files of the project are followed, never installed packages.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from envdoctor.model.script import Script


class Imports:
    """Finds the files that imports of scripts mean, and looks at each place on the disk once.

    A module is looked for beside the file that imports it, as `python FILE` does, and then in `tops`, as `python -m MODULE` does.
    """

    def __init__(self, tops: Iterable[str] = ()) -> None:
        self._tops = tuple(map(os.path.normpath, tops))
        self._files: dict[str, str] = {}
        self._folders: dict[str, bool] = {}

    def of(self, script: Script) -> list[str]:
        """Return the files of the project that a script imports itself."""
        path = script.paths[0]
        folder = os.path.dirname(path)
        found: dict[str, None] = {}
        for one in script.imports:
            name = one.name.lstrip(".")
            level = len(one.name) - len(name)
            for base in self._bases(folder, level):
                file = self._module(base, name.split("."))
                if file:
                    found[file] = None
                    break
        return [file for file in found if file != path]

    def own_roots(self, script: Script) -> frozenset[str]:
        """Return the root modules, of those that a script imports, which its project has itself, such as an `evaluate.py` beside it."""
        bases = self._bases(os.path.dirname(script.paths[0]), 0)
        roots = {one.name.partition(".")[0] for one in script.imports} - {""}
        return frozenset(root for root in roots if any(self._file(os.path.normpath(os.path.join(base, root))) for base in bases))

    def names_of(self, script: Script) -> dict[str, tuple[str, str]]:
        """Return what a script imports by name from files of its project: by the dotted name, the file and the name in it."""
        folder = os.path.dirname(script.paths[0])
        found: dict[str, tuple[str, str]] = {}
        for one in script.imports:
            name = one.name.lstrip(".")
            level = len(one.name) - len(name)
            parts = name.split(".")
            for base in self._bases(folder, level):
                file = self._module(base, parts) if len(parts) > 1 else ""
                if file:
                    if file == self._module(base, parts[:-1]):
                        found[one.name] = file, parts[-1]
                    break
        return found

    def _bases(self, folder: str, level: int) -> tuple[str, ...]:
        return (os.path.join(folder, *[os.pardir] * (level - 1)),) if level else (folder, *self._tops)

    def _module(self, base: str, parts: list[str]) -> str:
        """Return the file of the longest part of a dotted name that is a module below a folder, or ""."""
        stem = os.path.normpath(os.path.join(base, parts[0]))
        if len(parts) > 1 and self._is_folder(stem):
            inner = self._module(stem, parts[1:])
            if inner:
                return inner
        return self._file(stem)

    def _file(self, stem: str) -> str:
        known = self._files.get(stem)
        if known is None:
            places = (f"{stem}.py", os.path.join(stem, "__init__.py"))
            known = self._files[stem] = next((path for path in places if os.path.isfile(path)), "")
        return known

    def _is_folder(self, stem: str) -> bool:
        known = self._folders.get(stem)
        if known is None:
            known = self._folders[stem] = os.path.isdir(stem)
        return known


def without(script: Script, roots: frozenset[str]) -> Script:
    """Return a script without what it imports of some root modules, and calls of them.

    Modules of the project may hide a library of their name, so nothing is known of what they take.
    """
    if not roots:
        return script
    return script.replace(
        calls=tuple(call for call in script.calls if call.target.partition(".")[0] not in roots),
        imports=tuple(one for one in script.imports if one.name.partition(".")[0] not in roots),
    )


def reached(path: str, imports: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the files that a script comes to import, the script itself first."""
    found = {path: None}
    waiting = [path]
    while waiting:
        for other in imports.get(waiting.pop(), ()):
            if other not in found:
                found[other] = None
                waiting.append(other)
    return list(found)


def starts(paths: Iterable[str], imports: Mapping[str, Iterable[str]], mains: Iterable[str] = ()) -> list[str]:
    """Return the files of a folder that a run starts with: those that no other imports, and `mains`.

    Where files import each other in a ring, the first one stands for all.
    """
    places = {path: place for place, path in enumerate(paths)}
    imported = {other for path in places for other in imports.get(path, ()) if other != path}
    main = set(mains)
    found = [path for path in places if path not in imported or path in main]
    covered = {other for path in found for other in reached(path, imports)}
    for path in places:
        if path not in covered:
            found.append(path)
            covered.update(reached(path, imports))
    return sorted(found, key=places.__getitem__)
