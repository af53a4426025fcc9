"""pylock.toml (PEP 751): every package with its marker; extras and groups that are not on by default stay in the markers."""

from __future__ import annotations

from envdoctor.formats import _shapes as shapes
from envdoctor.formats._toml import header_lines, parse
from envdoctor.model.errors import InputError
from envdoctor.model.listing import Listing, Requirement
from envdoctor.model.markers import choose
from envdoctor.model.names import normalise
from envdoctor.model.script import Location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from envdoctor.model.listing import Load

KIND = "pylock.toml"


def recognises(name: str, text: str) -> bool:
    """Tell the lock by the names that PEP 751 allows, `pylock.toml` and `pylock.NAME.toml`, or by its headers."""
    if not text:
        return name == "pylock.toml" or (name.startswith("pylock.") and name.endswith(".toml") and name.count(".") == 2)
    return name.endswith((".toml", ".lock")) and "\nlock-version = " in "\n" + text[:2000] and "\n[[packages]]" in text


def read(text: str, path: str, load: Load) -> Listing:
    """Return what the lock installs. Raises InputError, also for a major version of the format that is not known."""
    data = parse(text, path, "the lock", without=("wheels",))
    version = shapes.text(data.get("lock-version"))
    if not version.startswith("1."):
        raise InputError(f"{path}: lock-version is {version or 'missing'!r}; only 1.x of PEP 751 is understood; write the lock again")
    rows = shapes.tables(data.get("packages"))
    lines = header_lines(text, "[[packages]]")
    lines += [1] * (len(rows) - len(lines))
    groups = shapes.texts(data.get("default-groups"))
    found, problems = [], []
    for row, line in zip(rows, lines):
        if not shapes.text(row.get("name")):
            problems.append(f"{path} line {line}: a package without a name; it is left out")
            continue
        found.append(_requirement(row, groups, Location(path=path, line=line)))
    python = shapes.text(data.get("requires-python")).replace(" ", "")
    return Listing(kind=KIND, requirements=tuple(found), complete=True, python=python, problems=tuple(problems), path=path)


def _requirement(row: dict[str, Any], groups: list[str], location: Location) -> Requirement:
    version = shapes.text(row.get("version"))
    directory = shapes.table(row.get("directory"))
    vcs, archive = shapes.table(row.get("vcs")), shapes.table(row.get("archive"))
    url = next((shapes.text(part[key]) for part in (archive, directory) for key in ("url", "path") if shapes.text(part.get(key))), "")
    if vcs:
        url = f"{shapes.text(vcs.get('type')) or 'git'}+{shapes.text(vcs.get('url')) or shapes.text(vcs.get('path'))}"
        commit = shapes.text(vcs.get("commit-id")) or shapes.text(vcs.get("requested-revision"))
        url += f"@{commit}" if commit else ""
    return Requirement(
        name=normalise(row["name"]),
        specifier=f"=={version}" if version else "",
        marker=choose(shapes.text(row.get("marker")), (), groups),
        url=url,
        editable=directory.get("editable") is True,
        location=location,
    )
