"""`[tool.uv]`: where requirements come from (sources), what restricts them (constraints) and what replaces them (overrides)."""

from __future__ import annotations

from envdoctor.formats import _shapes as shapes
from envdoctor.formats._declared import rows
from envdoctor.formats._poetry import git_reference
from envdoctor.model.markers import all_of, choose
from envdoctor.model.names import normalise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from envdoctor.formats._declared import Declared
    from envdoctor.model.listing import Requirement


def apply_uv(requirements: Iterable[Requirement], settings: dict[str, Any], declared: Declared) -> tuple[Requirement, ...]:
    """Return the requirements as uv would read them with its settings."""
    sources = {normalise(name): source for name, source in shapes.table(settings.get("sources")).items()}
    groups = shapes.texts(settings.get("default-groups"))
    declared.requirements = []
    for text, at in rows(settings.get("override-dependencies"), "tool", "uv", "override-dependencies"):
        declared.add(text, at)
    overrides = declared.requirements
    declared.requirements = []
    for text, at in rows(settings.get("constraint-dependencies"), "tool", "uv", "constraint-dependencies"):
        declared.add(text, at, constraint=True)
    constraints = declared.requirements

    found: list[Requirement] = []
    replaced = {item.name for item in overrides}
    for item in requirements:
        if groups:
            item = item.replace(marker=choose(item.marker, (), groups))
        if item.name in replaced:
            for override in overrides:
                if override.name == item.name:
                    marker = all_of(item.marker, override.marker)
                    found.append(override.replace(marker=marker, extras=item.extras or override.extras, constraint=item.constraint))
        else:
            found.extend(_sourced(item, sources.get(item.name)))
    return (*found, *constraints)


def _sourced(requirement: Requirement, source: object) -> list[Requirement]:
    """Return the requirement with what a source of that name says: a list of sources is one choice by marker."""
    options = [row for row in (source if isinstance(source, list) else [source]) if isinstance(row, dict)]
    found = []
    plain = True
    for row in options:
        url = reference(row)
        if not url:
            continue
        marker = shapes.text(row.get("marker"))
        if not marker:
            plain = False
        editable = row.get("editable") is True or row.get("workspace") is True
        found.append(requirement.replace(url=url, editable=editable, marker=all_of(requirement.marker, marker)))
    # With a marker on the source the plain line counts too: where the marker fails, the index serves it.
    return [requirement, *found] if plain else found


def reference(row: dict[str, Any]) -> str:
    """Return the direct reference of a source table, "" for an index."""
    git = shapes.text(row.get("git"))
    if git:
        return git_reference(git, row)
    if row.get("workspace") is True:
        return "."
    return shapes.text(row.get("url")) or shapes.text(row.get("path"))
