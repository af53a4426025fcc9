"""Edits of what a TOML file declares: arrays of PEP 508 texts, and Poetry's tables. Shared by pyproject.toml and scripts."""

from __future__ import annotations

from envdoctor.formats import _poetry_edits as poetry
from envdoctor.formats import _shapes as shapes
from envdoctor.formats._pep508 import NotARequirement, requirement
from envdoctor.formats._respelled import checked, is_same, respelled, spelled
from envdoctor.formats._toml_layout import quoted
from envdoctor.model.errors import InputError
from envdoctor.model.names import normalise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from envdoctor.formats._toml_document import Document
    from envdoctor.formats._toml_places import Path
    from envdoctor.model.listing import Requirement
    from envdoctor.model.plan import Change


def change_all(document: Document, changes: Sequence[Change], home: Path) -> None:
    """Bring changes about; new requirements go to the array or table at `home`. Raises InputError."""
    new = sorted((change for change in changes if change.requirement is None and not change.remove), key=lambda change: change.name.lower())
    for change in changes:
        document.because = checked(change, document.path).because
        if change.requirement is not None:
            _change(document, change, change.requirement)
    if new and home[:2] != ("tool", "poetry") and home[-1] not in shapes.within(document.data, [str(key) for key in home[:-1]]):
        document.because = "; ".join(dict.fromkeys(change.because for change in new if change.because))
        texts = [change.name + change.specifier for change in new]
        return document.add_row(home[:-1], str(home[-1]), f"[{', '.join(map(quoted, texts))}]", texts)
    for change in new:
        document.because = change.because
        _add(document, change, home)
    return None


def _change(document: Document, change: Change, was: Requirement) -> None:
    at = document.at(was.location)
    line = was.location.line if was.location else 1
    found = _asked(document, at) if at else None
    if at is None or found is None or found[0] != was.name:
        raise InputError(f"{document.path} line {line}: {change.name} does not stand there any more; read the file again")
    if found[1]:
        return poetry.change_row(document, at, change)
    if change.remove:
        if not isinstance(at[-1], int):
            raise InputError(f"{document.path} line {line}: {change.name} stands alone, not in a list; remove the key by hand")
        return document.remove(at)
    text = document.value(at)
    if was.url and not requirement(text).url:
        raise InputError(f"{document.path} line {line}: [tool.uv.sources] says where {change.name} comes from; remove it there first")
    return document.respell(at, respelled(text, change.specifier))


def _asked(document: Document, at: Path) -> tuple[str, bool] | None:
    """Return the name that a value asks for, and whether Poetry reads it."""
    if at[:2] == ("tool", "poetry"):
        key = at[-2] if isinstance(at[-1], int) else at[-1]
        return normalise(str(key)), True
    try:
        return requirement(document.value(at)).name, False
    except (NotARequirement, TypeError):
        return None


def _add(document: Document, change: Change, home: Path) -> None:
    if home[:2] == ("tool", "poetry"):
        return poetry.add_row(document, home, change)
    texts = document.value(home)
    if not isinstance(texts, list):
        raise InputError(f"{document.path}: {'.'.join(map(str, home))} is no list; make it one")
    names = [_name(text) for text in texts]
    for text, name in zip(texts, names):
        if name == normalise(change.name) and not requirement(text).marker:
            if is_same(requirement(text).specifier, change.specifier) and not requirement(text).url:
                return None
            raise InputError(f"{document.path}: {change.name} is asked for already; change that line instead of adding one")
    number = len(texts)
    if number > 2 and names == sorted(names):
        number = sum(name <= normalise(change.name) for name in names)
    near = texts[max(number - 1, 0)] if texts and isinstance(texts[max(number - 1, 0)], str) else ""
    return document.insert(home, number, spelled(change.name, change.specifier, near))


def _name(text: object) -> str:
    try:
        return requirement(text).name if isinstance(text, str) else ""
    except NotARequirement:
        return ""
