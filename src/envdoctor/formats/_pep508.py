"""One requirement as PEP 508 writes it: text in, `Requirement` out, markers and versions as they stand.

Read by a pattern instead of `packaging.requirements`: a freeze of 300 lines is read before `packaging` is imported, and a version that is
no PEP 440 must survive to be named in the report. tests/formats/test_pep508.py holds it against `packaging`.
"""

from __future__ import annotations

import re

from envdoctor.model.listing import Requirement
from envdoctor.model.names import normalise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.model.script import Location

_HEAD = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[([A-Za-z0-9._,\s-]*)\])?\s*")
_CLAUSE = re.compile(r"\s*(~=|===|==|!=|<=|>=|<|>)\s*([^\s,;()]+)\s*")


class NotARequirement(ValueError):
    """The text is not of the form `name [extras] specifier ; marker` or `name @ url ; marker`."""


def requirement(text: str, location: Location | None = None) -> Requirement:
    """Return the requirement that a text declares. Raises NotARequirement.

    >>> requirement("Torch[opt] (>=2.5, <2.8) ; python_version < '3.13'").specifier
    '>=2.5,<2.8'
    """
    head = _HEAD.match(text)
    if head is None:
        raise NotARequirement(f"{_short(text)} does not start with the name of a distribution")
    name = normalise(head[1])
    extras = tuple(sorted({normalise(extra.strip()) for extra in (head[2] or "").split(",") if extra.strip()}))
    rest = text[head.end() :].strip()
    if rest.startswith("@"):
        url, marker = _split_url(rest[1:].strip())
        if not url:
            raise NotARequirement(f"{_short(text)} has no URL behind the @")
        return Requirement(name=name, extras=extras, url=url, marker=marker, location=location)
    declared, _, marker = rest.partition(";")
    return Requirement(name=name, extras=extras, specifier=_specifier(declared, text), marker=marker.strip(), location=location)


def _split_url(text: str) -> tuple[str, str]:
    parts = text.split(None, 1)
    url = parts[0] if parts else ""
    rest = parts[1].strip() if len(parts) > 1 else ""
    if url.endswith(";"):
        return url[:-1], rest
    if rest and not rest.startswith(";"):
        raise NotARequirement(f"{_short(text)}: only a marker after ; can follow a URL")
    return url, rest[1:].strip()


def _specifier(declared: str, text: str) -> str:
    declared = declared.strip()
    if declared.startswith("(") and declared.endswith(")"):
        declared = declared[1:-1]
    clauses = []
    at = 0
    while at < len(declared):
        clause = _CLAUSE.match(declared, at)
        if clause is None or (clause.end() < len(declared) and declared[clause.end()] != ","):
            raise NotARequirement(f"{_short(text)}: cannot read {_short(declared[at:])}; write a version as name==1.2.3")
        clauses.append(clause[1] + clause[2])
        at = clause.end() + 1
    return ",".join(clauses)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= 80 else text[:77] + "...")
