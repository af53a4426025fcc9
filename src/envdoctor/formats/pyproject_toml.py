"""pyproject.toml: PEP 621 requirements and extras, PEP 735 groups, Poetry's tables, uv's sources, constraints and overrides.

Nothing that is off by default is dropped: requirements of an extra carry `extra == "name"`, those of a group
`"name" in dependency_groups` as their marker.
"""

from __future__ import annotations

import os.path

from envdoctor.formats import _poetry as poetry
from envdoctor.formats import _shapes as shapes
from envdoctor.formats._declared import Declared
from envdoctor.formats._toml import Lines, parse
from envdoctor.formats._uv_settings import apply_uv
from envdoctor.model.errors import InputError
from envdoctor.model.listing import Listing, Requirement
from envdoctor.model.markers import ALWAYS, any_of
from envdoctor.model.names import normalise
from envdoctor.model.script import Location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from envdoctor.model.listing import Load

KIND = "pyproject.toml"


def recognises(name: str, text: str) -> bool:
    """Tell the file by its name, or by a project table in a TOML file."""
    if not text:
        return name == "pyproject.toml"
    return name.endswith(".toml") and any(f"\n{header}" in "\n" + text for header in ("[project]", "[tool.poetry]", "[dependency-groups]"))


def read(text: str, path: str, load: Load) -> Listing:
    """Return what the project declares; a resolver has to complete it. Raises InputError."""
    return read_project(text, path, load)[2]


def read_project(text: str, path: str, load: Load) -> tuple[str, str, Listing]:
    """Return the project's name and version ("" where not written down) and what it declares. Raises InputError."""
    data = parse(text, path, "the file")
    project, tool = shapes.table(data.get("project")), shapes.table(data.get("tool"))
    poetry_table = shapes.table(tool.get("poetry"))
    name = normalise(shapes.text(project.get("name")) or shapes.text(poetry_table.get("name")))
    declared = Declared(path, Lines(text))
    _project(project, name, declared)
    for row in shapes.texts(project.get("dynamic")):
        if row == "dependencies" and not poetry_table.get("dependencies"):
            _dynamic(tool, declared, load)
    _groups(shapes.table(data.get("dependency-groups")), declared)
    python = shapes.text(project.get("requires-python")).replace(" ", "")
    if poetry_table:
        python = _poetry_tables(poetry_table, declared) or python
    found = apply_uv(declared.requirements, shapes.table(tool.get("uv")), declared)
    version = shapes.text(project.get("version")) or shapes.text(poetry_table.get("version"))
    listing = Listing(kind=KIND, requirements=found, complete=False, python=python, problems=tuple(declared.problems), path=path)
    return name, version, listing


def chosen(requirements: Iterable[Requirement], extras: Iterable[str]) -> Iterator[Requirement]:
    """Yield what an installation of the project with these extras asks for: no groups, no other extras."""
    wanted = {f'extra == "{extra}"' for extra in extras}
    for requirement in requirements:
        marker = requirement.marker
        if "dependency_groups" in marker:
            continue
        if "extra ==" in marker:
            on = [part for part in wanted if part in marker]
            if not on:
                continue
            for part in on:
                marker = marker.replace(part, ALWAYS)
            requirement = requirement.replace(marker=marker)
        yield requirement


def _project(project: dict[str, Any], name: str, declared: Declared) -> None:
    declared.lines.section("[project]")
    for text in shapes.texts(project.get("dependencies")):
        declared.add(text)
    optional = {normalise(extra): shapes.texts(rows) for extra, rows in shapes.table(project.get("optional-dependencies")).items()}
    declared.lines.section("[project.optional-dependencies]")
    # `all = ["project[train,dev]"]` brings the extras it names.
    brings = {extra: {extra} for extra in optional}
    for extra, rows in optional.items():
        for row in rows:
            own = declared.parse(row, quiet=True)
            if own is not None and own.name == name and name:
                brings[extra].update(own.extras)
    for _ in optional:
        for extra, reached in brings.items():
            brings[extra] = reached.union(*(brings.get(other, set()) for other in reached))
    for extra, rows in optional.items():
        marker = any_of(*(f'extra == "{asked}"' for asked in optional if extra in brings[asked]))
        for row in rows:
            own = declared.parse(row, quiet=True)
            if own is None or own.name != name:
                declared.add(row, marker)


def _dynamic(tool: dict[str, Any], declared: Declared, load: Load) -> None:
    from envdoctor.formats._requirement_lines import RequirementLines, logical_lines

    dynamic = shapes.table(shapes.table(shapes.table(tool.get("setuptools")).get("dynamic")).get("dependencies"))
    files = shapes.texts(dynamic.get("file"))
    for file in files:
        lines = RequirementLines(load)
        try:
            lines.read(logical_lines(load(file)), os.path.join(os.path.dirname(declared.path), file), file)
        except InputError as error:
            declared.problem("dynamic", f"dependencies come from {file}, which cannot be read: {error}")
            continue
        declared.requirements.extend(lines.requirements)
        declared.problems.extend(lines.problems)
    if not files:
        declared.problem("dynamic", "the dependencies are computed when the project is built, so they are not known here")


def _groups(groups: dict[str, Any], declared: Declared) -> None:
    declared.lines.section("[dependency-groups]")
    tables = {normalise(name): rows for name, rows in groups.items() if isinstance(rows, list)}
    for group in tables:
        marker = f'"{group}" in dependency_groups'
        pending, seen = [group], {group}
        while pending:
            for row in tables[pending.pop()]:
                if isinstance(row, str):
                    declared.add(row, marker)
                    continue
                included = normalise(shapes.text(shapes.table(row).get("include-group")))
                if included in seen:
                    declared.problem("include-group", f"the group {group} includes {included} twice or in a circle")
                elif included not in tables:
                    declared.problem("include-group", f"the group {group} includes {included!r}, which does not exist")
                else:
                    seen.add(included)
                    pending.append(included)


def _poetry_tables(table: dict[str, Any], declared: Declared) -> str:
    """Read Poetry's tables; return the Python constraint, or ""."""
    python = ""
    extras: dict[str, list[str]] = {}
    for extra, names in shapes.table(table.get("extras")).items():
        for name in shapes.texts(names):
            extras.setdefault(normalise(name), []).append(f'extra == "{normalise(extra)}"')
    rows = [("", "[tool.poetry.dependencies]", shapes.table(table.get("dependencies")))]
    rows.append(("dev", "[tool.poetry.dev-dependencies]", shapes.table(table.get("dev-dependencies"))))
    for group, content in shapes.table(table.get("group")).items():
        dependencies = shapes.table(shapes.table(content).get("dependencies"))
        rows.append((normalise(group), f"[tool.poetry.group.{group}.dependencies]", dependencies))
    for group, header, dependencies in rows:
        declared.lines.section(header)
        for name, value in dependencies.items():
            place = Location(path=declared.path, line=declared.lines.of(name))
            try:
                if normalise(name) == "python":
                    python = poetry.specifier(shapes.text(value))
                    continue
                found = list(poetry.requirements(name, value, place))
            except poetry.Inexpressible as error:
                declared.problems.append(f"{place.path} line {place.line}: {error}; any version of {name} is taken to do")
                found = [] if normalise(name) == "python" else [Requirement(name=normalise(name), location=place)]
            optional = shapes.table(value).get("optional") is True
            condition = f'"{group}" in dependency_groups' if group else ""
            if optional:
                condition = any_of(*extras.get(normalise(name), []))
            declared.extend(found, condition)
    return python
