"""pyproject.toml: PEP 621 requirements and extras, PEP 735 groups, Poetry's tables, uv's sources, constraints and overrides.

Nothing that is off by default is dropped: requirements of an extra carry `extra == "name"`, those of a group
`"name" in dependency_groups` as their marker.
"""

from __future__ import annotations

import os.path

from envdoctor.formats import _poetry as poetry
from envdoctor.formats import _shapes as shapes
from envdoctor.formats._declared import Declared, rows
from envdoctor.formats._pep508 import NotARequirement
from envdoctor.formats._pep508 import requirement as parsed
from envdoctor.formats._toml import parse
from envdoctor.formats._uv_settings import apply_uv
from envdoctor.model.errors import InputError
from envdoctor.model.listing import Listing
from envdoctor.model.markers import ALWAYS, any_of
from envdoctor.model.names import normalise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from envdoctor.formats._toml_document import Document
    from envdoctor.formats._toml_places import Path
    from envdoctor.model.listing import Load, Requirement
    from envdoctor.model.plan import Change, Edit

KIND = "pyproject.toml"


def recognises(name: str, text: str) -> bool:
    """Tell the file by its name, or by a project table in a TOML file."""
    if not text:
        return name == "pyproject.toml"
    return name.endswith(".toml") and any(f"\n{header}" in "\n" + text for header in ("[project]", "[tool.poetry]", "[dependency-groups]"))


def read(text: str, path: str, load: Load) -> Listing:
    """Return what the project declares; a resolver has to complete it. Raises InputError."""
    return read_project(text, path, load)[2]


def edits(text: str, path: str, changes: Sequence[Change]) -> tuple[Edit, ...]:
    """Return the edits that bring the changes about; what is new becomes a dependency of the project. Raises InputError."""
    if not changes:
        return ()
    from envdoctor.formats._project_edits import change_all
    from envdoctor.formats._toml_document import Document

    document = Document(text, path)
    change_all(document, changes, _home(document) if any(change.requirement is None for change in changes) else ())
    return document.edits()


def _home(document: Document) -> Path:
    """Return where a project's own dependencies stand, or would."""
    project = shapes.table(document.data.get("project"))
    if ("tool", "poetry", "dependencies") in document.places.headers and "dependencies" not in project:
        return ("tool", "poetry", "dependencies")
    if "dependencies" in shapes.texts(project.get("dynamic")):
        raise InputError(f"{document.path}: its dependencies are put together when the project is built; add new ones where they come from")
    if "dependencies" not in project and ("project",) not in document.places.headers:
        raise InputError(f"{document.path}: there is no [project] table to add a dependency to; write one, or name another file")
    return ("project", "dependencies")


def read_project(text: str, path: str, load: Load) -> tuple[str, str, Listing]:
    """Return the project's name and version ("" where not written down) and what it declares. Raises InputError."""
    data = parse(text, path, "the file")
    project, tool = shapes.table(data.get("project")), shapes.table(data.get("tool"))
    poetry_table = shapes.table(tool.get("poetry"))
    name = normalise(shapes.text(project.get("name")) or shapes.text(poetry_table.get("name")))
    declared = Declared(path, text)
    _project(project, name, declared)
    for row in shapes.texts(project.get("dynamic")):
        if row == "dependencies" and not poetry_table.get("dependencies"):
            _dynamic(tool, declared, load)
    _groups(shapes.table(data.get("dependency-groups")), declared)
    _older_groups(tool, declared)
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
    for text, at in rows(project.get("dependencies"), "project", "dependencies"):
        declared.add(text, at)
    tables = {
        normalise(extra): list(rows(value, "project", "optional-dependencies", extra))
        for extra, value in shapes.table(project.get("optional-dependencies")).items()
    }
    # `all = ["project[train,dev]"]` brings the extras it names.
    brings = {extra: {extra} for extra in tables}
    for extra, found in tables.items():
        for text, _ in found:
            brings[extra].update(_own_extras(text, name) or ())
    for _ in tables:
        for extra, reached in brings.items():
            brings[extra] = reached.union(*(brings.get(other, set()) for other in reached))
    for extra, found in tables.items():
        marker = any_of(*(f'extra == "{asked}"' for asked in tables if extra in brings[asked]))
        for text, at in found:
            if _own_extras(text, name) is None:
                declared.add(text, at, marker)


def _own_extras(text: str, name: str) -> tuple[str, ...] | None:
    """Return the extras that a row asks of the project itself, None for a row that asks for something else."""
    try:
        own = parsed(text)
    except NotARequirement:
        return None
    return own.extras if name and own.name == name else None


def _dynamic(tool: dict[str, Any], declared: Declared, load: Load) -> None:
    from envdoctor.formats._requirement_lines import RequirementLines, logical_lines

    dynamic = shapes.table(shapes.table(shapes.table(tool.get("setuptools")).get("dynamic")).get("dependencies"))
    files = shapes.texts(dynamic.get("file"))
    for file in files:
        lines = RequirementLines(load)
        try:
            lines.read(logical_lines(load(file)), os.path.join(os.path.dirname(declared.path), file), file)
        except InputError as error:
            declared.problem(("project", "dynamic"), f"dependencies come from {file}, which cannot be read: {error}")
            continue
        declared.requirements.extend(lines.requirements)
        declared.problems.extend(lines.problems)
    if not files:
        declared.problem(("project", "dynamic"), "the dependencies are computed when the project is built, so they are not known here")


def _groups(groups: dict[str, Any], declared: Declared) -> None:
    spelled = {normalise(name): name for name, found in groups.items() if isinstance(found, list)}
    for group in spelled:
        marker = f'"{group}" in dependency_groups'
        pending, seen = [group], {group}
        while pending:
            name = spelled[pending.pop()]
            for number, row in enumerate(groups[name]):
                at = ("dependency-groups", name, number)
                if isinstance(row, str):
                    declared.add(row, at, marker)
                    continue
                included = normalise(shapes.text(shapes.table(row).get("include-group")))
                if included in seen:
                    declared.problem(at, f"the group {group} includes {included} twice or in a circle")
                elif included not in spelled:
                    declared.problem(at, f"the group {group} includes {included!r}, which does not exist")
                else:
                    seen.add(included)
                    pending.append(included)


def _older_groups(tool: dict[str, Any], declared: Declared) -> None:
    """Read the groups that PDM and uv had before PEP 735."""
    pdm = shapes.table(shapes.table(tool.get("pdm")).get("dev-dependencies"))
    for group, found in pdm.items():
        for text, at in rows(found, "tool", "pdm", "dev-dependencies", group):
            if not text.startswith("-e "):  # a folder, which names no version
                declared.add(text, at, f'"{normalise(group)}" in dependency_groups')
    for text, at in rows(shapes.table(tool.get("uv")).get("dev-dependencies"), "tool", "uv", "dev-dependencies"):
        declared.add(text, at, '"dev" in dependency_groups')


def _poetry_tables(table: dict[str, Any], declared: Declared) -> str:
    """Read Poetry's tables; return the Python constraint, or ""."""
    python = ""
    extras: dict[str, list[str]] = {}
    for extra, names in shapes.table(table.get("extras")).items():
        for name in shapes.texts(names):
            extras.setdefault(normalise(name), []).append(f'extra == "{normalise(extra)}"')
    for group, at in poetry.tables(table):
        condition = f'"{normalise(group)}" in dependency_groups' if group else ""
        for name, value in shapes.within(table, at[2:]).items():
            if normalise(name) == "python":
                python = poetry.python(value) or python
                continue
            for path, option in poetry.options(value, (*at, name)):
                found, doubt = poetry.declared(name, option, declared.place(path))
                if doubt:
                    declared.problem(path, f"{doubt}; any version of {name} is taken to do")
                optional = shapes.table(option).get("optional") is True
                declared.extend([found], any_of(*extras.get(normalise(name), [])) if optional else condition)
    return python
