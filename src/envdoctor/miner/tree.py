"""An installed distribution as a Source: the files that its RECORD names, or the folder that an editable installation points to."""

from __future__ import annotations

import os

from envdoctor.miner.members import LARGEST, Label, Members, is_text, read_metadata, too_large
from envdoctor.miner.unbuilt import places
from envdoctor.model.errors import ReleaseError
from envdoctor.model.names import normalise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SKIPPED = frozenset({"__pycache__", ".git", ".hg", "node_modules", ".venv", "venv", ".tox", ".nox"})


def open_tree(site_packages: str, name: str) -> Members:
    """Return the Source of a distribution installed in a folder. Raises ReleaseError where it is not there or cannot be read."""
    info = find_info(site_packages, name)
    if info is None:
        raise ReleaseError(f"{name}: is not installed in {site_packages}; name a folder that holds it")
    metadata = _content(os.path.join(site_packages, info, "METADATA")) or _content(os.path.join(site_packages, info, "PKG-INFO"))
    version = next((line[8:].strip() for line in metadata.decode("utf-8", "replace").splitlines() if line.startswith("Version:")), "")
    told = Label(
        package=normalise(name),
        version=version or info.rpartition("-info")[0].rpartition(".")[0].partition("-")[2],
        requires_python=read_metadata(metadata)[1],
        tags=_tags(_content(os.path.join(site_packages, info, "WHEEL"))),
    )
    found = find_files(site_packages, info, told.package)

    def read(path: str) -> bytes:
        try:
            if os.path.getsize(found[path]) > LARGEST:
                raise too_large(told, path)
            with open(found[path], "rb") as file:
                return file.read()
        except OSError as error:
            raise ReleaseError(
                f"{told.package} {told.version}: {found[path]} cannot be read ({error.strerror or error}); install the package anew"
            ) from None

    return Members(told, found, read)


def find_info(site_packages: str, name: str) -> str | None:
    """Return the name of a distribution's metadata folder; None where it is not installed. Raises ReleaseError."""
    wanted = normalise(name)
    try:
        names = sorted(os.listdir(site_packages))
    except OSError as error:
        raise ReleaseError(f"{site_packages}: cannot be read ({error.strerror or error}); name a site-packages folder") from None
    for ending in (".dist-info", ".egg-info"):
        for folder in names:
            if folder.endswith(ending) and normalise(folder.removesuffix(ending).partition("-")[0]) == wanted:
                return folder
    return None


def find_files(site_packages: str, info: str, package: str) -> dict[str, str]:
    """Return the path relative to site-packages of each file of a distribution, with where it lies."""
    import csv

    record = _content(os.path.join(site_packages, info, "RECORD")).decode("utf-8", "replace")
    listed = [row[0].replace("\\", "/") for row in csv.reader(record.splitlines()) if row]
    inside = [path for path in listed if path and not path.startswith(("/", "../")) and "__pycache__" not in path]
    found = {path: os.path.join(site_packages, *path.split("/")) for path in inside}
    if not record:
        found = _without_record(site_packages, info, package)
    pointed = [path for path in inside if path.endswith(".pth")]
    for root in _pointed_folders(site_packages, pointed) or _checkout(site_packages, info):
        tops = _content(os.path.join(site_packages, info, "top_level.txt")).decode("utf-8", "replace").split()
        found.update({place: os.path.join(root, *path.split("/")) for path, place in places(_walk(root), package, tops).items()})
    # what RECORD names and nobody finds is no file of this installation
    return {path: place for path, place in found.items() if not is_text(path) or os.path.isfile(place)}


def _without_record(site_packages: str, info: str, package: str) -> dict[str, str]:
    names = _content(os.path.join(site_packages, info, "top_level.txt")).decode("utf-8", "replace").split() or [package.replace("-", "_")]
    found = {}
    for name in [*names, info]:
        folder = os.path.join(site_packages, *name.split("/"))
        paths = [f"{name}/{path}" for path in _walk(folder)] if os.path.isdir(folder) else [f"{name}.py"]
        found.update({path: os.path.join(site_packages, *path.split("/")) for path in paths})
    return found


def _pointed_folders(site_packages: str, files: list[str]) -> list[str]:
    found = []
    for path in files:
        for line in _content(os.path.join(site_packages, path)).decode("utf-8", "replace").splitlines():
            folder = os.path.normpath(os.path.join(site_packages, line.strip()))
            if line.strip() and not line.startswith(("import ", "import\t", "#")) and os.path.isdir(folder):
                found.append(folder)
    return found


def direct_url(site_packages: str, info: str) -> dict[str, Any]:
    """Return what an installer wrote down of a distribution that came from no index: a checkout, a Git reference, an archive."""
    import json

    try:
        told = json.loads(_content(os.path.join(site_packages, info, "direct_url.json")) or b"{}")
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _checkout(site_packages: str, info: str) -> list[str]:
    """Return the folder of an editable installation that an import finder leads to instead of a .pth file."""
    told = direct_url(site_packages, info)
    way, url = told.get("dir_info"), str(told.get("url", ""))
    if not isinstance(way, dict) or not way.get("editable") or not url.startswith("file://"):
        return []
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    folder = url2pathname(urlsplit(url).path)
    return [folder] if os.path.isdir(folder) else []


def _walk(root: str) -> list[str]:
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        inside = os.path.relpath(folder, root).replace(os.sep, "/")
        found += [name if inside == "." else f"{inside}/{name}" for name in sorted(names)]
    return found


def _tags(wheel: bytes) -> tuple[str, ...]:
    lines = wheel.decode("utf-8", "replace").splitlines()
    return tuple(sorted({line[4:].strip() for line in lines if line.startswith("Tag:")}))


def _content(path: str) -> bytes:
    if not os.path.isfile(path):  # a named pipe would never end
        return b""
    try:
        with open(path, "rb") as file:
            return file.read(LARGEST)
    except OSError:
        return b""
