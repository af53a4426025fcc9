"""uv.lock: of all that it locks, what the project (or the workspace, or the script) reaches without extras and groups."""

from __future__ import annotations

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
    for row, line in zip(rows, lines):
        name = shapes.text(row.get("name"))
        if name:
            packages.append(_package(row, name, Location(path=path, line=line), often[name] > 1))
        else:
            problems.append(f"{path} line {line}: a package without a name; it is left out")
    roots = _roots(packages, shapes.texts(manifest.get("members")))
    needed = [_need(row) for row in shapes.tables(manifest.get("requirements"))]
    for root in roots:
        needed.extend(root.needs)
        if "virtual" not in shapes.table(root.source):
            needed.append(Need(root.requirement.name, fits=lambda package, root=root: package is root))  # type: ignore[misc]
    found, lacking = reachable(packages, needed)
    problems.extend(f"{path}: {name} is needed but not locked; write the lock again with `uv lock`" for name in lacking)
    python = shapes.text(data.get("requires-python"))
    return Listing(kind=KIND, requirements=found, complete=True, python=python, problems=tuple(problems), path=path)


def _package(row: dict[str, Any], name: str, location: Location, forked: bool) -> Package:
    version, source = shapes.text(row.get("version")), shapes.table(row.get("source"))
    requirement = Requirement(
        name=normalise(name),
        specifier=f"=={version}" if version else "",
        marker=any_of(*shapes.texts(row["resolution-markers"])) if forked and row.get("resolution-markers") else "",
        url=_url(source),
        editable="editable" in source,
        location=location,
    )
    extras = {
        normalise(extra): [_need(need) for need in shapes.tables(needs)]
        for extra, needs in shapes.table(row.get("optional-dependencies")).items()
    }
    return Package(requirement, version, [_need(need) for need in shapes.tables(row.get("dependencies"))], extras, source)


def _need(row: dict[str, Any]) -> Need:
    version, source = row.get("version"), row.get("source")
    extras = tuple(normalise(extra) for extra in shapes.texts(row.get("extra")))
    fits = None
    if version is not None or source is not None:

        def fits(package: Package) -> bool:
            return version in (None, package.version) and source in (None, package.source)

    return Need(normalise(shapes.text(row.get("name"))), shapes.text(row.get("marker")), extras, fits)


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
