"""Poetry's constraints with another version, written the way the row has it: bare, with a caret or tilde, or as a list of clauses."""

from __future__ import annotations

import re

from envdoctor.formats import _poetry as poetry
from envdoctor.formats import _shapes as shapes
from envdoctor.formats._respelled import clause_by_clause, clauses, is_same
from envdoctor.formats._toml_layout import quoted
from envdoctor.model.errors import InputError
from envdoctor.model.names import normalise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.formats._respelled import Replacement
    from envdoctor.formats._toml_document import Document
    from envdoctor.formats._toml_places import Path
    from envdoctor.model.plan import Change

_PREFIX = re.compile(r"\s*(\^|~(?!=)|===?\s*|=\s*)?")
_ELSEWHERE = ("git", "url", "file", "branch", "tag", "rev", "subdirectory", "develop")


def spelled(specifier: str, like: str = "") -> str:
    """Return a PEP 440 specifier as a Poetry constraint, in the manner of another one where that can say it.

    >>> spelled(">=4.44,<5", like="^4.46"), spelled("==4.44.2", like="^4.46"), spelled(">=4.44,<4.50", like="^4.46"), spelled("")
    ('^4.44', '4.44.2', '>=4.44,<4.50', '*')
    """
    parts = clauses(specifier)
    if not parts:
        return "*"
    found = _PREFIX.match(like)
    prefix = found[1] or "" if found else ""
    if prefix in ("^", "~"):
        for candidate in (prefix + version for operator, version in parts if operator == ">="):
            if is_same(poetry.specifier(candidate), specifier):
                return candidate
    if len(parts) == 1 and parts[0][0] == "==":
        return (prefix if prefix.startswith("=") else "") + parts[0][1]
    return (", " if ", " in like else ",").join(operator + version for operator, version in parts)


def respelled(text: str, specifier: str) -> list[Replacement]:
    """Return what to replace in a constraint so that it means `specifier`."""
    if is_same(poetry.python(text), specifier) and "|" not in text:
        return []
    return clause_by_clause(text, specifier) or [(0, len(text), spelled(specifier, text))]


def change_row(document: Document, at: Path, change: Change) -> None:
    """Change a row of a dependency table, or one of its alternatives. Raises InputError."""
    if change.remove:
        return _remove_row(document, at, change)
    value = document.value(at)
    if isinstance(value, str):
        return document.respell(at, respelled(value, change.specifier))
    row = shapes.table(value)
    if isinstance(row.get("version"), str):
        return document.respell((*at, "version"), respelled(row["version"], change.specifier))
    if "path" in row or at not in document.places.values or not change.specifier:
        raise InputError(
            f"{document.path}: {change.name} comes from a place of its own, not from an index; write the version {change.specifier} there"
        )
    return _from_index(document, at, row, change)


def _from_index(document: Document, at: Path, row: dict[str, object], change: Change) -> None:
    """Let a version stand in place of a repository or an address; whatever else the table says stays."""
    version = spelled(change.specifier)
    kept = {key: value for key, value in row.items() if key not in _ELSEWHERE}
    if not kept:
        return document.rewrite(at, quoted(version), version)
    places = document.places.values
    raws = [document.text[places[(*at, key)].key : places[(*at, key)].end] for key in kept]
    return document.rewrite(at, "{ " + ", ".join([f"version = {quoted(version)}", *raws]) + " }", {"version": version, **kept})


def _remove_row(document: Document, at: Path, change: Change) -> None:
    extras = shapes.within(document.data, ("tool", "poetry", "extras"))
    named = [extra for extra, names in extras.items() if normalise(change.name) in map(normalise, shapes.texts(names))]
    if named:
        raise InputError(f"{document.path}: the extra {named[0]} names {change.name}; take it out of [tool.poetry.extras] first")
    if at not in document.places.values:
        raise InputError(f"{document.path}: {change.name} has a table of its own; remove the table by hand")
    document.remove(at)


def add_row(document: Document, table: Path, change: Change) -> None:
    """Add a row to a dependency table: in its place where the rows are sorted, else at the end. Raises InputError."""
    rows = {name: value for name, value in document.value(table).items() if normalise(name) != "python"}
    for name, value in rows.items():
        if normalise(name) == normalise(change.name):
            versions = value if isinstance(value, str) else shapes.text(shapes.table(value).get("version"))
            if versions and is_same(poetry.python(versions), change.specifier):
                return
            raise InputError(f"{document.path}: {change.name} is asked for already; change its row instead of adding one")
    names = [name for name in rows if (*table, name) in document.places.values]
    earlier = [name for name in names if normalise(name) < normalise(change.name)]
    in_order = len(names) > 2 and names == sorted(names, key=normalise) and earlier
    after = (*table, (earlier if in_order else names)[-1]) if names else None
    near = rows[after[-1]] if after else ""
    constraint = spelled(change.specifier, near if isinstance(near, str) else "")
    document.add_row(table, change.name, quoted(constraint), constraint, after)
