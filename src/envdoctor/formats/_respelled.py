"""One PEP 508 text with another version, spelled the way its author did: only what differs is replaced.

Shared by every editor whose format holds such texts. A replacement is a triple: start and end in the text, and what is to stand there.
"""

from __future__ import annotations

import re

from envdoctor.formats._pep508 import NotARequirement, requirement
from envdoctor.model.errors import InputError
from envdoctor.model.names import normalise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.model.plan import Change

    Replacement = tuple[int, int, str]

_HEAD = re.compile(r"\s*[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:\s*\[[A-Za-z0-9._,\s-]*\])?")
_CLAUSE = re.compile(r"(~=|===|==|!=|<=|>=|<|>)(\s*)([^\s,;()]+)")
_SPACES = re.compile(r"\s*")
_URL = re.compile(r"\s*@\s*\S+")


def clauses(specifier: str) -> list[tuple[str, str]]:
    """Return the operators and versions of a specifier, in order."""
    return [(found[1], found[3]) for found in _CLAUSE.finditer(specifier)]


def is_same(one: str, other: str) -> bool:
    """Tell whether two specifiers hold the same clauses, whatever their order and spacing."""
    return sorted(clauses(one)) == sorted(clauses(other))


def spelled(name: str, specifier: str, like: str = "") -> str:
    """Return a new requirement with the spaces that `like`, another requirement of the file, has round its operator.

    >>> spelled("peft", ">=0.14,<0.15", like="torch == 2.5.1")
    'peft >= 0.14, < 0.15'
    """
    head = _HEAD.match(like)
    spaces = _SPACES.match(like, head.end()) if head else None
    found = _CLAUSE.match(like, spaces.end()) if spaces else None
    if spaces is None or found is None or not specifier:
        return name + specifier
    before = " " if spaces[0] else ""
    return name + before + _styled(list(_CLAUSE.finditer(like.partition(";")[0], found.start())), specifier)


def respelled(text: str, specifier: str) -> list[Replacement]:
    """Return what to replace in a requirement so that it asks for `specifier`; a direct reference gives way to it.

    Raises NotARequirement.

    >>> respelled("Torch[opt] (>= 2.5, < 2.8) ; python_version < '3.13'", ">=2.6,<2.8")
    [(15, 18, '2.6')]
    """
    declared = requirement(text)
    head = _HEAD.match(text)
    if head is None:  # what `requirement` refuses
        raise NotARequirement(text)
    if declared.url:
        found = _URL.match(text, head.end())
        end = found.end() if found else len(text)
        if text[end - 1] == ";":
            end -= 1
        return [(head.end(), end, specifier)]
    if is_same(declared.specifier, specifier):
        return []
    end = len(text.partition(";")[0].rstrip())
    old = list(_CLAUSE.finditer(text, head.end(), end))
    if not old or not specifier:
        return [(head.end(), end, specifier)]
    return _clause_by_clause(old, clauses(specifier)) or [(old[0].start(), old[-1].end(), _styled(old, specifier))]


def clause_by_clause(text: str, specifier: str) -> list[Replacement]:
    """Return the versions to replace in a text of clauses alone; none where the operators differ, or where something else stands there."""
    old = list(_CLAUSE.finditer(text))
    if _CLAUSE.sub("", text).strip(", "):
        return []
    return _clause_by_clause(old, clauses(specifier))


def _clause_by_clause(old: list[re.Match[str]], new: list[tuple[str, str]]) -> list[Replacement]:
    """Replace versions alone where the operators stay; none where they do not."""
    operators = [clause[1] for clause in old]
    if sorted(operators) != sorted(operator for operator, _ in new):
        return []
    new = sorted(new, key=lambda clause: operators.index(clause[0]))
    ordered = sorted(old, key=lambda clause: operators.index(clause[1]))
    return [(was.start(3), was.end(3), version) for was, (_, version) in zip(ordered, new) if was[3] != version]


def _styled(old: list[re.Match[str]], specifier: str) -> str:
    """Return a specifier with the spaces that an old one has."""
    inside = " " if old[0][2] else ""
    text, first = old[0].string, old[0]
    between = text[first.end() : old[1].start()] if len(old) > 1 else f",{inside}"
    separator = between if between in (",", ", ", " ,", " , ") else ","
    return separator.join(operator + inside + version for operator, version in clauses(specifier))


def checked(change: Change, path: str) -> Change:
    """Return the change. Raises InputError for a name or specifier that no requirement can hold."""
    try:
        whole = requirement(change.name + change.specifier)
    except NotARequirement as error:
        raise InputError(f"{path}: {change.name} cannot be set to {change.specifier!r} ({error}); give it as ==1.2.3") from None
    alone = not (whole.url or whole.marker or whole.extras) and whole.name == normalise(change.name)
    if not alone or not is_same(whole.specifier, change.specifier):
        raise InputError(f"{path}: {change.name} cannot be set to {change.specifier!r}; give the name and the specifier alone")
    return change
