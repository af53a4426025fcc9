"""Finds, in a rule's condition, the releases on both sides of each bound, to see the fault begin and end. Reads the rule's own table."""

from __future__ import annotations

import re

from envdoctor.model.names import normalise
from envdoctor.model.record import Record
from envdoctor.model.versions import InvalidSpecifier, InvalidVersion, admits, window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    Ask = Callable[[str], str]
    """Takes a requirement, returns the newest (or oldest) version that it allows, or an empty text."""

_PIN = re.compile(r"([A-Za-z0-9][\w.-]*)(?:\[[\w,-]+\])?==([\w.+!-]+)")


class Side(Record):
    """One set of versions to run a reproduction in. `faulty` says whether the rule expects its error there."""

    label: str
    install: tuple[str, ...]
    faulty: bool


def pins(install: tuple[str, ...]) -> dict[str, str]:
    """Return the exact versions that a reproduction installs.

    >>> pins(("torch==2.5.1", "--no-deps urllib3==1.20", "accelerate"))
    {'torch': '2.5.1', 'urllib3': '1.20'}
    """
    return {normalise(found[1]): found[2] for entry in install for word in entry.split() if (found := _PIN.fullmatch(word))}


def windows(match: Mapping[str, Any], pinned: Mapping[str, str]) -> dict[str, tuple[str, bool]]:
    """Return, for each package that a reproduction pins, the specifier its version fulfils and whether fulfilling it is the fault."""
    found: dict[str, tuple[str, bool]] = {}
    for name, specifier in _asked(match):
        version = pinned.get(name)
        if version and name not in found and specifier and _admits(specifier, version):
            found[name] = specifier, True
    for node in _tables(match):
        name, of = normalise(str(node["window"])), normalise(str(node["of"]))
        for row in node["table"]:
            if of in pinned and name in pinned and _admits(row[0], pinned[of]):
                if not _admits(row[1], pinned[name]):
                    found.setdefault(of, (row[0], True))
                    found[name] = row[1], False
                break
    return found


def holds(node: Mapping[str, Any], pinned: Mapping[str, str]) -> bool | None:
    """Tell whether a condition holds for these versions; what it asks beside versions, the reproduction has seen to. None: cannot tell."""
    if "table" in node and "window" in node and "of" in node:
        name, of = normalise(str(node["window"])), normalise(str(node["of"]))
        if name not in pinned or of not in pinned:
            return None
        row = next((row for row in node["table"] if _admits(row[0], pinned[of])), None)
        return row is not None and not _admits(row[1], pinned[name])
    if isinstance(node.get("dist"), str):
        version = pinned.get(normalise(node["dist"]))
        if node.get("absent"):
            return version is None
        if "version" in node:
            return None if version is None else _admits(str(node["version"]), version)
        return None if version is None else True
    parts = {key: [holds(part, pinned) for part in node.get(key, ()) if isinstance(part, dict)] for key in ("all", "any", "none")}
    told = [*parts["all"], *(None if part is None else not part for part in parts["none"])]
    if parts["any"]:
        told.append(True if True in parts["any"] else None if None in parts["any"] else False)
    return False if False in told else True if True in told else None


def _tables(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the window tables of a condition."""
    if "table" in node and "window" in node and "of" in node:
        yield node
    for key in ("all", "any"):
        for part in node.get(key, ()):
            if isinstance(part, dict):
                yield from _tables(part)


def _asked(node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a condition asks of versions; parts under `none` tell when the fault is absent and are left out."""
    if isinstance(node.get("dist"), str):
        yield normalise(node["dist"]), str(node.get("version", ""))
    for key in ("all", "any"):
        for part in node.get(key, ()):
            if isinstance(part, dict):
                yield from _asked(part)


def _admits(specifier: str, version: str) -> bool:
    try:
        return admits(window(specifier), version)
    except (InvalidSpecifier, InvalidVersion):
        return False


def sides(install: tuple[str, ...], match: Mapping[str, Any], newest: Ask, oldest: Ask) -> list[Side]:
    """Return the reproduction as written and its neighbours: the first and last release inside each bound, and the next one outside."""
    pinned = pins(install)
    found = [Side(label="as written", install=install, faulty=True)]
    for name, (specifier, inside_is_faulty) in windows(match, pinned).items():
        for label, version, inside in _edges(name, specifier, newest, oldest):
            if version and version != pinned[name] and _admits(specifier, version) is inside:
                moved = tuple(_moved(entry, name, version) for entry in install)
                if all(side.install != moved for side in found):
                    told = holds(match, {**pinned, name: version})
                    faulty = (inside is inside_is_faulty) if told is None else told
                    found.append(Side(label=f"{label} {name} {version}", install=moved, faulty=faulty))
    return found


def _edges(name: str, specifier: str, newest: Ask, oldest: Ask) -> Iterator[tuple[str, str, bool]]:
    for clause in specifier.split(","):
        operator, bound = re.fullmatch(r"\s*([<>=!~]+)\s*(\S+)\s*", clause).groups()  # type: ignore[union-attr]
        if operator in (">=", ">", "~="):
            yield "first inside", oldest(f"{name}{specifier}"), True
            yield "last below", newest(f"{name}{'<=' if operator == '>' else '<'}{bound}"), False
        elif operator in ("<", "<="):
            yield "last inside", newest(f"{name}{specifier}"), True
            yield "first above", oldest(f"{name}{'>=' if operator == '<' else '>'}{bound}"), False
        elif operator == "==" and "*" not in bound:
            yield "last below", newest(f"{name}<{bound}"), False
            yield "first above", oldest(f"{name}>{bound}"), False


def _moved(entry: str, name: str, version: str) -> str:
    def put(word: str) -> str:
        found = _PIN.fullmatch(word)
        return f"{word.partition('==')[0]}=={version}" if found and normalise(found[1]) == name else word

    return " ".join(put(word) for word in entry.split())
