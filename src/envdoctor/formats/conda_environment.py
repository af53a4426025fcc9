"""conda's environment.yml: match specs, and the `pip:` part with pip's own lines.

The YAML is read as plain nodes (texts, lists and tables with their lines); no object is ever built from it.
"""

from __future__ import annotations

from envdoctor.formats._conda_specs import Unreadable, match_spec, torch_build
from envdoctor.formats._requirement_lines import RequirementLines
from envdoctor.model.errors import InputError
from envdoctor.model.listing import Listing, Requirement
from envdoctor.model.script import Location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from envdoctor.model.listing import Load

KIND = "environment.yml"

_LARGEST = 1 << 20  # characters; an exported environment of 1,000 packages has 50,000


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
    root = _compose(text, path)
    rows = _items(_table(root).get("dependencies"))
    if "dependencies" not in _table(root):
        raise InputError(f"{path}: this YAML has no `dependencies:`; write it with `conda env export`")
    found: list[Requirement] = []
    problems: list[str] = []
    pip = RequirementLines(load)
    python, build, pinned = "", "", bool(rows)
    for row in rows:
        line = row.start_mark.line + 1
        place = Location(path=path, line=line)
        if row.id == "mapping":
            lines = [(item.start_mark.line + 1, item.value.strip()) for item in _items(_table(row).get("pip")) if item.id == "scalar"]
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


def _compose(text: str, path: str) -> Any:
    if len(text) > _LARGEST:
        raise InputError(f"{path}: {len(text):,} characters of YAML are no environment.yml; write it again with `conda env export`")
    from importlib import import_module

    try:
        yaml = import_module("yaml")
    except ModuleNotFoundError:
        raise InputError(f"{path}: reading YAML needs PyYAML; install it with: pip install 'envdoctor[conda]'") from None
    try:
        # Not CSafeLoader: with 100,000 brackets in a row it ends the whole process (seen with PyYAML 6.0.3).
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "it breaks off"
        raise InputError(f"{path}{where}: this is not valid YAML ({reason}); mend it, or write it again with `conda env export`") from None
    except (RecursionError, ValueError):
        raise InputError(f"{path}: the YAML cannot be read (nested too deeply?); write it again with `conda env export`") from None


def _table(node: Any) -> dict[str, Any]:
    if node is None or node.id != "mapping":
        return {}
    return {key.value: value for key, value in node.value if key.id == "scalar"}


def _items(node: Any) -> list[Any]:
    return list(node.value) if node is not None and node.id == "sequence" else []
