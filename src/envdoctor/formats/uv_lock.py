"""uv.lock: of all that it locks, what the project (or the workspace, or the script) reaches.

What only an extra or a group of the project reaches carries `"name" in extras` or `"name" in dependency_groups`, so it is off by default.
"""

from __future__ import annotations

import re

from envdoctor.formats import _shapes as shapes
from envdoctor.formats._graph import Need, Package, reachable
from envdoctor.formats._toml import header_lines, parse
from envdoctor.model.errors import InputError
from envdoctor.model.listing import Listing, Requirement
from envdoctor.model.markers import any_of
from envdoctor.model.names import normalise
from envdoctor.model.script import Location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from envdoctor.model.listing import Load

KIND = "uv.lock"

_CONFLICT = re.compile(r"extra\s*(==|!=)\s*'(extra|group)-(\d{1,4})-([^']*)'")
_OWN = ("virtual", "editable", "directory")


def recognises(name: str, text: str) -> bool:
    """Tell a lock of a project or of a script by its name, or by uv's way of writing sources."""
    if not text:
        return name == "uv.lock" or name.endswith(".py.lock")
    return name.endswith((".lock", ".toml")) and "\n[[package]]" in text and "\nsource = { " in text and "\nrevision = " in "\n" + text


def read(text: str, path: str, load: Load) -> Listing:
    """Return what the lock installs, each package with those that need it and its markers. Raises InputError."""
    data = parse(text, path, "the lock (`uv lock`)", without=("wheels",))
    rows = shapes.tables(data.get("package"))
    manifest = shapes.table(data.get("manifest"))
    if not rows and "version" not in data:
        raise InputError(f"{path}: this is not a uv.lock (no `version`, no packages); write it again with `uv lock`")
    lines = header_lines(text, "[[package]]")
    lines += [1] * (len(rows) - len(lines))
    often: dict[str, int] = {}
    for row in rows:
        often[shapes.text(row.get("name"))] = often.get(shapes.text(row.get("name")), 0) + 1
    packages, problems = [], []
    groups: dict[int, dict[str, list[Need]]] = {}
    for row, line in zip(rows, lines):
        name = shapes.text(row.get("name"))
        if name:
            package = _package(row, name, Location(path=path, line=line), often[name] > 1)
            packages.append(package)
            groups[id(package)] = _named_needs(row.get("dev-dependencies"))
        else:
            problems.append(f"{path} line {line}: a package without a name; it is left out")
    roots = _roots(packages, shapes.texts(manifest.get("members")))
    needed = [_need(row) for row in shapes.tables(manifest.get("requirements"))]
    for root in roots:
        needed.extend(root.needs)
        for extra, needs in root.extras.items():
            needed.extend(need.under(f'"{extra}" in extras') for need in needs)
        for group, needs in groups.get(id(root), {}).items():
            needed.extend(need.under(f'"{group}" in dependency_groups') for need in needs)
        if "virtual" not in shapes.table(root.source):
            needed.append(Need(root.requirement.name, fits=lambda package, root=root: package is root))  # type: ignore[misc]
    found, lacking = reachable(packages, needed)
    problems.extend(f"{path}: {name} is needed but not locked; write the lock again with `uv lock`" for name in lacking)
    python = shapes.text(data.get("requires-python")).replace(" ", "")
    return Listing(kind=KIND, requirements=found, complete=True, python=python, problems=tuple(problems), path=path)


def _package(row: dict[str, Any], name: str, location: Location, forked: bool) -> Package:
    version, source = shapes.text(row.get("version")), shapes.table(row.get("source"))
    requirement = Requirement(
        name=normalise(name),
        specifier=f"=={version}" if version else "",
        marker=any_of(*map(_marker, shapes.texts(row["resolution-markers"]))) if forked and row.get("resolution-markers") else "",
        url=_url(source),
        editable="editable" in source,
        location=location,
    )
    needs = [_need(need) for need in shapes.tables(row.get("dependencies"))]
    return Package(requirement, version, needs, _named_needs(row.get("optional-dependencies")), source)


def _named_needs(value: object) -> dict[str, list[Need]]:
    return {normalise(name): [_need(need) for need in shapes.tables(needs)] for name, needs in shapes.table(value).items()}


def _need(row: dict[str, Any]) -> Need:
    version, source = row.get("version"), row.get("source")
    extras = tuple(normalise(extra) for extra in shapes.texts(row.get("extra")))
    fits = None
    if version is not None or source is not None:

        def fits(package: Package) -> bool:
            return version in (None, package.version) and source in (None, package.source)

    return Need(normalise(shapes.text(row.get("name"))), _marker(shapes.text(row.get("marker"))), extras, fits)


def _marker(text: str) -> str:
    """Return a marker in the words of PEP 751 where uv writes its own for extras and groups that exclude each other.

    >>> _marker("extra == 'extra-8-finetune-cpu' and extra != 'group-8-finetune-dev'")
    "'cpu' in extras and 'dev' not in dependency_groups"
    """
    return _CONFLICT.sub(_plain_test, text) if "'extra-" in text or "'group-" in text else text


def _plain_test(match: re.Match[str]) -> str:
    operator, kind, length, rest = match.groups()
    name = rest[int(length) + 1 :]
    return f"'{name}' {'in' if operator == '==' else 'not in'} {'extras' if kind == 'extra' else 'dependency_groups'}"


def _url(source: dict[str, Any]) -> str:
    if shapes.text(source.get("git")):
        # uv writes URL?rev=TAG#COMMIT
        url, _, commit = source["git"].partition("#")
        return f"git+{url.partition('?')[0]}{'@' + commit if commit else ''}"
    return next((shapes.text(source[key]) for key in ("url", "path", "editable", "directory") if shapes.text(source.get(key))), "")


def _roots(packages: list[Package], members: list[str]) -> list[Package]:
    """Return the packages that `uv sync` starts from: the project at the lock, else every member of its workspace."""
    own = [package for package in packages if any(key in shapes.table(package.source) for key in _OWN)]
    here = [package for package in own if any(shapes.table(package.source).get(key) == "." for key in _OWN)]
    if here:
        return here
    names = {normalise(member) for member in members}
    return [package for package in own if package.requirement.name in names] or (own if not members else [])
