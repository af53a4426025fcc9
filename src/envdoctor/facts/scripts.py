"""Reads training scripts from disk: those that are named, those below folders, and what they import of their own project."""

from __future__ import annotations

import gc
import os

from envdoctor.model.errors import InputError, ScriptError
from envdoctor.model.facts import Fact
from envdoctor.model.record import Record
from envdoctor.model.script import Location, Script, Unread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Protocol

    from envdoctor.facts.companions import Imports
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
    ".yaml": "envdoctor.facts.training_files",
    ".yml": "envdoctor.facts.training_files",
    ".json": "envdoctor.facts.training_files",
}
_FOLLOWED = 100
"""Files that are followed for each script at most: a training run must not wait for a whole library to be read."""
PROGRAMS = (".py", ".ipynb")
"""Suffixes that are always scripts; a file with another one of the table has to be looked into."""


def reader(path: str) -> Reader:
    """Import and return what reads a file of this suffix; one that is not in the table counts as Python."""
    from importlib import import_module

    found: Any = import_module(READERS.get(os.path.splitext(path)[1].lower(), READERS[".py"]))
    module: Reader = found
    return module


def read_as_script(text: str, path: str) -> Script:
    """Return what is written in a text, read as the suffix of its path says. Raises InputError."""
    return reader(path).read(text, path)


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
    """Return those of the paths that name a script, a notebook, or what else `READERS` reads; what lies in folders is not among them."""
    return [path for path in paths if is_script(path)]


class Readings(Record):
    """Scripts that were read, each with what it runs together with and the training facts that all of it implies."""

    scripts: tuple[tuple[Script, tuple[Fact, ...]], ...]
    unread: tuple[Unread, ...] = ()


def read_scripts(paths: Sequence[str]) -> tuple[Script, list[Fact]]:
    """Read scripts as one; return their calls and the training facts they imply. See `read_each`.

    Where two of them settle the same fact, the first one counts. Raises InputError.
    """
    calls: list[Call] = []
    imports: list[Import] = []
    tried: list[str] = []
    facts: dict[str, Fact] = {}
    for script, told in read_each(paths).scripts:
        calls += script.calls
        imports += script.imports
        tried += script.tried
        for fact in told:
            facts.setdefault(fact.path, fact)
    return Script(calls=tuple(calls), imports=tuple(imports), paths=tuple(paths), tried=tuple(tried)), list(facts.values())


def read_each(paths: Sequence[str], say: Callable[[str], None] | None = None) -> Readings:
    """Read scripts without running them, and those below folders, each with the files of its project that it imports.

    Of a folder's files, those count by themselves that no other imports, or that ask for `__main__`; what cannot be read there is told
    apart. `say` is told how far the work is. Raises InputError for a file that is named and cannot be read.
    """
    shelf = _Shelf(say)
    collecting = gc.isenabled()
    gc.disable()  # readers leave no garbage, and what was read of a thousand scripts would be looked through again and again
    try:
        return shelf.read(paths)
    finally:
        if collecting:
            gc.enable()


class _Shelf:
    """Reads each file once."""

    def __init__(self, say: Callable[[str], None] | None) -> None:
        self._say = say
        self._scripts: dict[str, Script] = {}
        self._mains: set[str] = set()
        self._unread: dict[str, Unread] = {}

    def read(self, paths: Sequence[str]) -> Readings:
        from envdoctor.facts.companions import Imports, reached, starts, without
        from envdoctor.facts.folders import scripts_below
        from envdoctor.facts.training_files import files_named_in, says_how_to_launch
        from envdoctor.script import facts_of

        tops = [path for path in paths if os.path.isdir(path)]
        named = training_scripts(paths)
        for path in named:
            self._take(path)
        below = [path for top in tops for path in scripts_below(top)]
        for number, path in enumerate(below):
            if self._say is not None:
                self._say(f"reading {path} ({number + 1:,} of {len(below):,})")
            self._try(path)
        # how scripts are launched is said of all that are named with it
        launches = [path for path in named if says_how_to_launch(self._scripts[path])]
        named = [path for path in named if path not in launches] or launches
        imports = Imports(tops)
        beside: dict[str, list[str]] = {}
        waiting = list(self._scripts)
        left = _FOLLOWED * len(waiting)
        for path in waiting:  # grows: the nearest come first
            if path in self._scripts and path not in beside:
                beside[path] = [*imports.of(self._scripts[path]), *files_named_in(self._scripts[path])]
                if path in named and path not in launches:
                    beside[path] += [launch for launch in launches if launch not in beside[path]]
                for other in beside[path]:
                    left -= other not in self._scripts and other not in self._unread
                    if left >= 0:
                        self._try(other)
                        waiting.append(other)
        self._adopt(imports, beside)
        self._scripts = {path: without(script, imports.own_roots(script)) for path, script in self._scripts.items()}
        found = []
        for path in dict.fromkeys((*named, *starts([path for path in below if path in self._scripts], beside, self._mains))):
            group = [other for other in reached(path, beside) if other in self._scripts]
            script = self._together(group)
            found.append((script, tuple(Fact(path=name, value=value, origin=path) for name, value in facts_of(script).items())))
        return Readings(scripts=tuple(found), unread=tuple(self._unread.values()))

    def _take(self, path: str) -> None:
        from envdoctor.facts.documents import read_text

        text = read_text(path)
        self._scripts[path] = reader(path).read(text, path)
        if "__main__" in text:
            self._mains.add(path)

    def _try(self, path: str) -> None:
        if path in self._scripts or path in self._unread:
            return
        try:
            self._take(path)
        except ScriptError as error:
            self._unread[path] = Unread(location=Location(path=error.path, line=error.line), reason=error.reason)
        except InputError as error:
            self._unread[path] = Unread(location=Location(path=path, line=1), reason=str(error))

    def _adopt(self, imports: Imports, beside: Mapping[str, Sequence[str]]) -> None:
        """Read again, with their values, what imports constants from other files: `from config import MODEL`."""
        from envdoctor.facts.documents import read_text
        from envdoctor.script import read
        from envdoctor.script.adopted import constants

        wanted: dict[str, dict[str, tuple[str, str]]] = {}  # script: what it imports by name, of which file
        asked: dict[str, set[str]] = {}
        for path, others in beside.items():
            if others and path.lower().endswith(PROGRAMS):
                wanted[path] = {name: told for name, told in imports.names_of(self._scripts[path]).items() if told[0] in self._scripts}
                for file, name in wanted[path].values():
                    asked.setdefault(file, set()).add(name)
        values = {file: constants(read_text(file), file, sorted(names)) for file, names in asked.items()}
        for path, told in wanted.items():
            known = {name: values[file][last] for name, (file, last) in told.items() if last in values[file]}
            if known:
                self._scripts[path] = read(read_text(path), path, known)

    def _together(self, group: list[str]) -> Script:
        """Return a script with those that it imports; what they do is done before."""
        read = [self._scripts[path] for path in group]
        if len(read) == 1:
            return read[0]
        inner = (*read[1:], read[0])
        return Script(
            calls=tuple(call for script in inner for call in script.calls),
            imports=tuple(one for script in inner for one in script.imports),
            paths=tuple(dict.fromkeys(path for script in read for path in script.paths)),
            commands=tuple(command for script in inner for command in script.commands),
            declares=read[0].declares,
            tried=tuple(name for script in inner for name in script.tried),
        )
