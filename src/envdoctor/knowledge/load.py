"""Finds the rule book: the compiled one that the wheel carries, or the TOML files of a checkout, so that a checkout is never stale."""

from __future__ import annotations

import os

from envdoctor.knowledge.compiled import CompiledBook, compile_book, hot_size
from envdoctor.model.errors import RuleBookError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.model.rule import Rule

_HERE = os.path.dirname(os.path.abspath(__file__))
ARTEFACT = os.path.join(_HERE, "book", "rules.bin")
_CHECKOUT = os.path.normpath(os.path.join(_HERE, "..", "..", "..", "rules"))
_APART = ("atlas", "spellings")  # folders in rules/ that hold no rules


def rules_folder() -> str | None:
    """Return the `rules/` folder of the checkout that this package runs from, or None when it is installed from a wheel."""
    return _CHECKOUT if os.path.isdir(_CHECKOUT) else None


_OPENED: list[CompiledBook] = []  # a process judges with one book, however often it asks


def open_book() -> CompiledBook:
    """Open the rule book. Raises RuleBookError."""
    if not _OPENED:
        _OPENED.append(_open())
    return _OPENED[0]


def _open() -> CompiledBook:
    folder = rules_folder()
    if folder is not None:
        from envdoctor import __version__

        return CompiledBook(compile_book(read_rules(folder), __version__))
    try:
        artefact = Artefact(ARTEFACT)
        beginning = artefact.read(0, 1 << 17)
        size = hot_size(beginning)
        if size > len(beginning):
            beginning += artefact.read(len(beginning), size - len(beginning))
        return CompiledBook(beginning, artefact.read, artefact.close)
    except (OSError, ValueError) as error:
        raise RuleBookError([f"the rule book of this installation is missing or damaged ({error}); reinstall envdoctor"]) from None


class Artefact:
    """A compiled file on disk, opened when a part is asked for and closed after a check: a training process keeps no file open."""

    __slots__ = ("_handle", "_path")

    def __init__(self, path: str) -> None:
        self._path = path
        self._handle: int | None = None

    def read(self, start: int, size: int) -> bytes:
        """Return SIZE bytes from START, fewer at the end of the file. Raises OSError."""
        if self._handle is None:
            self._handle = os.open(self._path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        parts = []
        while size > 0:
            part = self._part(self._handle, size, start)
            if not part:
                break
            parts.append(part)
            start, size = start + len(part), size - len(part)
        return b"".join(parts)

    @staticmethod
    def _part(handle: int, size: int, start: int) -> bytes:
        if hasattr(os, "pread"):  # no shared position, so threads do not meet
            return os.pread(handle, size, start)
        os.lseek(handle, start, os.SEEK_SET)
        return os.read(handle, size)

    def close(self) -> None:
        """Close the file; a later read opens it again."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


def read_texts(folder: str) -> list[tuple[str, str, str]]:
    """Return (family, path relative to `folder`, text) of every rule file, sorted. Raises RuleBookError."""
    found = []
    try:
        families = sorted(entry for entry in os.listdir(folder) if entry not in _APART)
    except OSError as error:
        raise RuleBookError([f"{folder}: cannot be read: {error.strerror}"]) from None
    for family in families:
        here = os.path.join(folder, family)
        if not os.path.isdir(here):
            continue
        for name in sorted(os.listdir(here)):
            if name.endswith(".toml"):
                path = os.path.join(here, name)
                if not os.path.isfile(path):  # to open a named pipe would hang
                    raise RuleBookError([f"{family}/{name}: is no regular file"])
                try:
                    with open(path, encoding="utf-8") as file:
                        found.append((family, f"{family}/{name}", file.read()))
                except (OSError, UnicodeDecodeError) as error:
                    raise RuleBookError([f"{family}/{name}: cannot be read: {error}"]) from None
    return found


def read_rules(folder: str, defects: list[str] | None = None, predicates: dict[str, tuple[str, ...]] | None = None) -> list[Rule]:
    """Parse every rule of a folder. Defects are added to the list given, or raised together as a RuleBookError."""
    from envdoctor.knowledge.nodes import resolve
    from envdoctor.knowledge.parse import parse_rule

    gathered: list[str] = [] if defects is None else defects
    rules = []
    for family, path, text in read_texts(folder):
        try:
            rule = parse_rule(text, path, family, predicates)
            if f"{family}/{rule.id}.toml" != path:
                raise RuleBookError([f"{path}: id: {rule.id!r} must be the file's name"])
            rules.append(rule)
        except RuleBookError as error:
            gathered.extend(error.defects)
    matches = {rule.id: rule.match for rule in rules}
    for place, rule in enumerate(rules):
        try:
            rules[place] = rule.replace(match=resolve(rule.match, matches, (rule.id,)))
        except LookupError as error:
            gathered.append(f"{rule.family}/{rule.id}.toml: match: {error}")
    if gathered and defects is None:
        raise RuleBookError(gathered)
    return rules
