"""Poetry's way of writing requirements: caret and tilde constraints, and tables of options."""

from __future__ import annotations

import re

from envdoctor.formats import _shapes as shapes
from envdoctor.model.listing import Requirement
from envdoctor.model.markers import all_of
from envdoctor.model.names import normalise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from envdoctor.formats._toml_places import Path
    from envdoctor.model.script import Location

_VERSION = re.compile(r"v?(\d+!)?(\d+(?:\.\d+)*)(.*)$")
_OPERATOR = re.compile(r"(\^|~=|~|===|==|!=|<=|>=|<|>|=)?\s*([^\s,<>=!~^]+)")


class Inexpressible(ValueError):
    """PEP 440 has no specifier for it."""


def specifier(constraint: str) -> str:
    """Return a Poetry constraint as a PEP 440 specifier. Raises Inexpressible.

    >>> specifier("^2.5.1"), specifier("~0.12"), specifier("2.6.*"), specifier("0.45.2"), specifier(">=1.2 <2")
    ('>=2.5.1,<3', '>=0.12,<0.13', '==2.6.*', '==0.45.2', '>=1.2,<2')
    """
    if "|" in constraint:
        raise Inexpressible(f"{constraint!r} joins ranges with ||, which is not narrowed down here")
    text = constraint.strip().strip("()")
    clauses: list[str] = []
    at = 0
    while at < len(text):
        if text[at] in ", ":
            at += 1
            continue
        found = _OPERATOR.match(text, at)
        if found is None:
            raise Inexpressible(f"{constraint!r} is no version constraint")
        clauses.extend(_clauses(found[1] or "", found[2]))
        at = found.end()
    return ",".join(clauses)


def _clauses(operator: str, version: str) -> list[str]:
    if version in ("*", "x"):
        return []
    if version.endswith((".*", ".x")):
        return [f"{'!=' if operator == '!=' else '=='}{version[:-2]}.*"]
    if operator not in ("^", "~"):
        return [f"{'==' if operator in ('', '=') else operator}{version}"]
    parts = _VERSION.match(version)
    if parts is None:
        raise Inexpressible(f"{operator}{version} is no version constraint")
    numbers = [int(number) for number in parts[2].split(".")]
    if operator == "~":
        kept = 1 if len(numbers) == 1 else 2
    else:
        # The first number that is not 0 must stay; of 0.0 the last one given.
        kept = next((place for place, number in enumerate(numbers, 1) if number), len(numbers))
    high = numbers[:kept]
    high[-1] += 1
    return [f">={version}", f"<{parts[1] or ''}{'.'.join(map(str, high))}"]


def tables(poetry: dict[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the dependency tables below `[tool.poetry]`: the group ("" for the main one) and the path in the whole file."""
    root = ("tool", "poetry")
    yield "", (*root, "dependencies")
    yield "dev", (*root, "dev-dependencies")
    for group in shapes.table(poetry.get("group")):
        yield group, (*root, "group", group, "dependencies")


def options(value: object, at: tuple[str, ...]) -> Iterator[tuple[Path, object]]:
    """Yield the alternatives of a row with their paths: a list holds one for each platform or Python."""
    if isinstance(value, list):
        for number, option in enumerate(value):
            yield (*at, number), option
    else:
        yield at, value


def declared(name: str, option: object, location: Location) -> tuple[Requirement, str]:
    """Return what a row `name = option` of a dependency table asks for, and why its versions cannot be told ("" where they can)."""
    row = {"version": option} if isinstance(option, str) else shapes.table(option)
    url, editable = _reference(row)
    versions, doubt = "", ""
    try:
        versions = specifier(shapes.text(row.get("version")))
    except Inexpressible as error:
        doubt = str(error)
    found = Requirement(
        name=normalise(name),
        specifier=versions,
        extras=tuple(sorted(normalise(extra) for extra in shapes.texts(row.get("extras")))),
        marker=all_of(shapes.text(row.get("markers")), python_marker(row.get("python")), _platform(row)),
        url=url,
        editable=editable,
        location=location,
    )
    return found, doubt


def _reference(row: dict[str, Any]) -> tuple[str, bool]:
    git = shapes.text(row.get("git"))
    if git:
        return git_reference(git, row), row.get("develop") is True
    return shapes.text(row.get("url")) or shapes.text(row.get("path")) or shapes.text(row.get("file")), row.get("develop") is True


def git_reference(git: str, row: dict[str, Any]) -> str:
    """Return `git+URL@REVISION` of a table with `rev`, `tag` or `branch`."""
    revision = next((shapes.text(row[key]) for key in ("rev", "tag", "branch") if shapes.text(row.get(key))), "")
    return f"{'' if git.startswith('git+') else 'git+'}{git}{'@' + revision if revision else ''}"


def python(constraint: object) -> str:
    """Return a constraint on Python as a specifier; "" where it cannot be one."""
    try:
        return specifier(shapes.text(constraint))
    except Inexpressible:
        return ""


def python_marker(constraint: object) -> str:
    """Return a constraint on Python as a marker; "" where it cannot be one."""
    tests = []
    for clause in python(constraint).split(","):
        parts = re.match(r"([<>=!~]+)(.+)$", clause)
        if parts:
            variable = "python_version" if parts[2].count(".") <= 1 or parts[2].endswith(".*") else "python_full_version"
            tests.append(f'{variable} {parts[1]} "{parts[2]}"')
    return all_of(*tests)


def _platform(row: dict[str, Any]) -> str:
    platform = shapes.text(row.get("platform"))
    return f'sys_platform == "{platform}"' if platform else ""
