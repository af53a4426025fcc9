"""What an environment holds: versions, whether the files of a package are whole, and what a version alone would not bring back.

Only files are read; no interpreter is started.
"""

from __future__ import annotations

import json
import os
from urllib.parse import unquote, urlsplit

from envdoctor.facts.distributions import installed
from envdoctor.facts.locate import place_of
from envdoctor.model.errors import RepairError
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from envdoctor.facts.locate import Place
    from envdoctor.model.snapshot import Distribution


class Environment(Record):
    """An environment that is repaired. `own` lies in its `folders` and is what an installer changes; `seen` is all that it imports."""

    python: str
    prefix: str
    folders: tuple[str, ...]
    own: Mapping[str, Distribution]
    seen: Mapping[str, Distribution]

    def version(self, name: str) -> str | None:
        """Return the version that an installer would find, None for none."""
        found = self.own.get(name)
        return None if found is None else found.version or "?"

    @property
    def versions(self) -> dict[str, str]:
        """All that an installer would find."""
        return {name: found.version or "?" for name, found in self.own.items()}


def survey(python: str, environ: Mapping[str, str]) -> Environment:
    """Read the environment of an interpreter, a venv or a conda prefix. Raises InputError, and RepairError where no interpreter is."""
    place = place_of(python, environ)
    inside = os.path.join(os.path.realpath(place.prefix), "")
    folders = tuple(folder for folder in place.site_packages if os.path.join(os.path.realpath(folder), "").startswith(inside))
    return Environment(
        python=_interpreter(python, place),
        prefix=place.prefix,
        folders=folders,
        own=installed(folders).distributions,
        seen=installed(place.site_packages).distributions,
    )


def _interpreter(python: str, place: Place) -> str:
    if os.path.isfile(python):
        return os.path.abspath(python)
    for name in ("bin/python", "bin/python3", "Scripts/python.exe", "python.exe"):
        path = os.path.join(place.prefix, *name.split("/"))
        if os.path.isfile(path):
            return path
    raise RepairError(f"{place.prefix} holds no Python interpreter, so nothing can be installed there; give the path of one with --python")


def again(found: Distribution) -> tuple[str, str]:
    """Return the requirement that installs a distribution once more, and what that would not bring back, "" where it brings back all."""
    pin = f"{found.name}=={found.version}"
    told = _json(os.path.join(found.location, "direct_url.json"))
    if told:
        return _from_elsewhere(found.name, told) or (pin, "is not from a package index, and does not say where from; it may not come back")
    if found.version is None or found.problems:
        return pin, f"is damaged ({'; '.join(found.problems) or 'no version'}); only a whole release can come back"
    if _content(os.path.join(found.location, "INSTALLER")).strip() == b"conda":
        return pin, "was installed by conda; its release from the package index would come back, not conda's build"
    if not os.path.isfile(os.path.join(found.location, "RECORD")):
        return pin, "has no list of its files, so the installer may refuse to remove it"
    if "+" in found.version:
        return pin, f"is a build of its own (+{found.version.partition('+')[2]}); it comes back only from the index or folder that has it"
    return pin, ""


def _from_elsewhere(name: str, told: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return requirement and caution for what a `direct_url.json` tells, as PEP 610 has it; None for what it does not say."""
    url = told.get("url")
    if not isinstance(url, str) or not url:
        return None
    below = f"#subdirectory={told['subdirectory']}" if isinstance(told.get("subdirectory"), str) else ""
    path = _path(url)
    if "dir_info" in told:
        if (told.get("dir_info") or {}).get("editable"):
            caution = f"is an editable checkout ({path}); it would come back with what the checkout holds then"
            return f"-e {path}", caution if os.path.isdir(
                path
            ) else f"is an editable checkout of {path}, which is gone; it cannot come back"
        caution = f"was built from the folder {path}; it would be built again from what that holds then"
        return f"{name} @ {url}{below}", caution if os.path.isdir(path) else f"was built from {path}, which is gone; it cannot come back"
    vcs = told.get("vcs_info")
    if isinstance(vcs, dict) and vcs.get("commit_id"):
        kind, commit = vcs.get("vcs", "git"), vcs["commit_id"]
        return (
            f"{name} @ {kind}+{url}@{commit}{below}",
            f"was built from {kind} commit {str(commit)[:12]}; it would be fetched and built again",
        )
    if path and not os.path.exists(path):
        return f"{name} @ {url}{below}", f"was installed from {path}, which is gone; it cannot come back"
    return f"{name} @ {url}{below}", f"was installed from {path or 'an address'}, and would come back from there"


def is_whole(found: Distribution) -> bool:
    """Tell whether every file that a distribution's RECORD lists is there, and as long as it says."""
    rows = _record(found)
    if not rows or found.problems:
        return False
    folder = os.path.dirname(found.location)
    for path, size in rows:
        if path.endswith(".pyc"):
            continue
        try:
            there = os.stat(os.path.join(folder, path)).st_size
        except OSError:
            return False
        if size.isdecimal() and int(size) != there:
            return False
    return True


def folders_of(found: Distribution) -> set[str]:
    """Return the names of the folders that a distribution has beside its own dist-info."""
    tops = {path.partition("/")[0] for path, _ in _record(found) if "/" in path}
    return {top for top in tops if top != ".." and not top.endswith((".dist-info", ".data"))}


def _record(found: Distribution) -> list[tuple[str, str]]:
    """Return path and size in bytes, "" where unknown, of every file that RECORD lists."""
    import csv

    lines = _content(os.path.join(found.location, "RECORD")).decode("utf-8", "replace").splitlines()
    return [(row[0], row[2] if len(row) > 2 else "") for row in csv.reader(lines) if row]


def _path(url: str) -> str:
    """Return the path of a file address, "" for any other."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return ""
    path = unquote(parts.path)
    return path[1:] if os.name == "nt" and path[2:3] == ":" else path


def _json(path: str) -> dict[str, Any]:
    try:
        told = json.loads(_content(path))
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
