"""One conda match spec with another version, in conda's own spelling and the manner of the row: only what differs is replaced."""

from __future__ import annotations

import re

from envdoctor.formats._conda_specs import Unreadable, match_spec
from envdoctor.formats._respelled import clause_by_clause, clauses, is_same
from envdoctor.model.script import Location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from envdoctor.formats._respelled import Replacement

_HEAD = re.compile(r"\s*(?:[^\s#=<>!~]*::)?[A-Za-z0-9_.-]+")
_VERSION_KEY = re.compile(r"\bversion\s*=\s*(?:'([^']*)'|\"([^\"]*)\"|([^,\s\]]+))")
_NOWHERE = Location(path="", line=1)


class Inexpressible(ValueError):
    """No match spec says that."""


def respelled(text: str, specifier: str) -> list[Replacement]:
    """Return what to replace in a match spec so that it asks for `specifier`. Raises Inexpressible.

    A build string names a build of the old version and goes with it; whether it is one for CUDA or for the CPU stays.

    >>> respelled("conda-forge::numpy=1.26.4=py311h_0", "==1.25.2")
    [(18, 34, '=1.25.2')]
    """
    was, _ = match_spec(text, _NOWHERE)
    if is_same(was.specifier, specifier) and "|" not in text:
        return []
    head = _HEAD.match(text)
    if head is None or "+" in specifier:
        raise Inexpressible(f"conda has no version {specifier}")
    spec = text.partition("#")[0].rstrip()
    for replacements in _candidates(spec, head.end(), specifier, was.build):
        new = spec
        for start, end, words in reversed(replacements):
            new = new[:start] + words + new[end:]
        try:
            found, _ = match_spec(new, _NOWHERE)
        except Unreadable:
            continue
        if is_same(found.specifier, specifier) and (found.name, found.build) == (was.name, was.build if specifier else ""):
            return replacements
    raise Inexpressible(f"conda has no version {specifier}")


def _candidates(spec: str, at: int, specifier: str, build: str) -> Iterator[list[Replacement]]:
    """Yield ways to write it, the nearest to the old one first."""
    rest = spec[at:]
    key = _VERSION_KEY.search(rest) if "[" in rest else None
    if key:
        number = next(number for number in (1, 2, 3) if key[number] is not None)
        yield [(at + key.start(number), at + key.end(number), specifier or "*")]
        return
    apart = clause_by_clause(rest, specifier)
    if apart:
        yield sorted((at + start, at + end, version) for start, end, version in apart)
    kind = f"*{build}*" if build else ""
    parts = clauses(specifier)
    if len(parts) == 1 and parts[0][0] == "==":
        version = parts[0][1]
        gap = rest[: len(rest) - len(rest.lstrip())]
        if rest.lstrip()[:1] not in tuple("=<>!~"):
            yield [(at, len(spec), " ".join(part for part in (gap + version if gap else "", kind) if part))]
        single = version.removesuffix(".*")
        if not rest.strip() or re.match(r"\s*=[^=]", rest):
            yield [(at, len(spec), f"{gap}={single}" + (f"={kind}" if kind else ""))]
        yield [(at, len(spec), f"{gap}=={version}" + (f"={kind}" if kind else ""))]
        yield [(at, len(spec), f"{gap}={single}.*" + (f"={kind}" if kind else ""))]
    yield [(at, len(spec), specifier)]
