"""Installed distributions for `check --deep`: the mark by which what was mined of one is found again, and its surface.

The mark is of RECORD, which holds the hash of every installed file, so environments with the same release share one. Files that are not
as RECORD says, and those of an editable installation, count by size and time.
"""

from __future__ import annotations

import os

from envdoctor.miner.journal import miner_mark
from envdoctor.miner.members import is_text
from envdoctor.miner.tree import direct_url, find_files, find_info, open_tree
from envdoctor.model.errors import ReleaseError
from envdoctor.model.record import Record
from envdoctor.model.versions import InvalidVersion, key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from envdoctor.model.surface import Surface

_TOLD = ("RECORD", "METADATA", "PKG-INFO", "direct_url.json")


class Installed(Record):
    """A distribution in a folder of distributions."""

    package: str
    version: str
    site_packages: str


def mark_of(found: Installed) -> str:
    """Return a mark that changes with the files of a distribution, and with the miner. Raises ReleaseError."""
    import csv
    from hashlib import blake2b

    info = find_info(found.site_packages, found.package)
    if info is None:
        raise ReleaseError(f"{found.package}: is not installed in {found.site_packages}; name a folder that holds it")
    told = blake2b(digest_size=12)
    told.update(f"{miner_mark()} {found.package} {found.version}".encode())
    record = b""
    for name in _TOLD:
        data = _content(os.path.join(found.site_packages, info, name))
        record = record or data if name == "RECORD" else record
        told.update(b"\0" + name.encode() + b"\0" + data)
    rows = [row for row in csv.reader(record.decode("utf-8", "replace").splitlines()) if row]
    elsewhere = bool(direct_url(found.site_packages, info).get("dir_info")) or any(row[0].endswith(".pth") for row in rows)
    if not rows or elsewhere:
        files = find_files(found.site_packages, info, found.package)
        told.update(_states((path, place, "") for path, place in sorted(files.items()) if is_text(path)))
    else:
        listed = ((row[0], os.path.join(found.site_packages, row[0]), row[2] if len(row) > 2 else "") for row in rows)
        told.update(_states((path, place, size) for path, place, size in listed if path.endswith((".py", ".pyi"))))
    return told.hexdigest()


def _states(files: Iterable[tuple[str, str, str]]) -> bytes:
    """Return the state of every file that is not known to be as it was installed: of no known size, or of another."""
    lines = []
    for path, place, size in files:
        try:
            stat = os.stat(place)
        except OSError:
            lines.append(f"{path} gone")
            continue
        if str(stat.st_size) != size:
            lines.append(f"{path} {stat.st_size} {stat.st_mtime_ns}")
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def _content(path: str) -> bytes:
    if not os.path.isfile(path):  # a named pipe would never end
        return b""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def mine_installed(found: Installed) -> Surface:
    """Read the files of a distribution; the surface has the version without its local label, as releases have. Raises ReleaseError."""
    from packaging.version import Version

    from envdoctor.miner.mining import mine

    source = open_tree(found.site_packages, found.package)
    try:
        same = key(source.version) == key(found.version)
    except InvalidVersion:
        same = False
    if not same:
        raise ReleaseError(
            f"{found.package} {found.version}: {found.site_packages} holds {source.version or 'no version'} too; install the package anew"
        )
    return mine(source).replace(version=Version(found.version).public)
