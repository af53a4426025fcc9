"""conda's environment.yml: match specs, and the `pip:` part with pip's own lines.

The YAML is read as plain nodes (texts, lists and tables with their lines); no object is ever built from it.
"""

from __future__ import annotations

from envdoctor.formats._conda_specs import Unreadable, match_spec, torch_build
from envdoctor.formats._requirement_lines import RequirementLines
from envdoctor.formats._yaml_nodes import compose, items, table
from envdoctor.model.errors import InputError
from envdoctor.model.listing import Listing, Requirement
from envdoctor.model.script import Location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from envdoctor.model.listing import Load
    from envdoctor.model.plan import Change, Edit

KIND = "environment.yml"


def recognises(name: str, text: str) -> bool:
    """Tell the file by `environment` or `conda` in its name, or by a list of dependencies in a YAML file."""
    lowered = name.lower()
    if not lowered.endswith((".yml", ".yaml")):
        return False
    if not text:
        return lowered.startswith(("environment", "conda-env", "conda_env", "conda.y", "env.y"))
    return "\ndependencies:" in "\n" + text


def read(text: str, path: str, load: Load) -> Listing:
    """Return what the file asks for; it names all that is installed where every conda line carries its build. Raises InputError."""
    root = compose(text, path)
    rows = items(table(root).get("dependencies"))
    if "dependencies" not in table(root):
        raise InputError(f"{path}: this YAML has no `dependencies:`; write it with `conda env export`")
    found: list[Requirement] = []
    problems: list[str] = []
    pip = RequirementLines(load)
    python, build, pinned = "", "", bool(rows)
    for row in rows:
        line = row.start_mark.line + 1
        place = Location(path=path, line=line)
        if row.id == "mapping":
            lines = [(item.start_mark.line + 1, item.value.strip()) for item in items(table(row).get("pip")) if item.id == "scalar"]
            pip.read(lines, path)
            continue
        if row.id != "scalar":
            problems.append(f"{path} line {line}: a dependency is a text such as numpy=1.26; the line is left out")
            continue
        try:
            requirement, exact = match_spec(row.value, place)
        except Unreadable as error:
            problems.append(f"{path} line {line}: {error}")
            continue
        build = torch_build(row.value) or build
        pinned = pinned and exact
        if requirement.name == "python":
            python = requirement.specifier
        elif not requirement.name.startswith("-"):  # `_libgcc_mutex` and its like are switches, not packages
            found.append(requirement)
    if build:
        found = [item.replace(build=build) if item.name == "torch" and not item.build else item for item in found]
    found.extend(pip.requirements)
    problems.extend(pip.problems)
    return Listing(kind=KIND, requirements=tuple(found), complete=pinned, python=python, problems=tuple(problems), path=path)


def edits(text: str, path: str, changes: Sequence[Change]) -> tuple[Edit, ...]:
    """Return the edits that bring the changes about; what is new goes to pip's part. Raises InputError."""
    if not changes:
        return ()
    from envdoctor.formats._environment_edits import environment_edits

    return environment_edits(text, path, changes)
