"""A folder that keeps what was fetched of releases, so that they can be mined again without the network.

One zip file a release: its texts, and beside them `release.json` with what the index told and the paths of all members.
"""

from __future__ import annotations

import json
import os
import sys

from envdoctor.miner.members import Label, Members, is_text
from envdoctor.miner.release import File, Release
from envdoctor.model.errors import ReleaseError
from envdoctor.model.names import normalise
from envdoctor.model.versions import is_version, key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any
    from zipfile import ZipFile

    from envdoctor.miner.source import Source

FORM = 1
_TOLD = "release.json"
_LABEL = ("package", "version", "date", "yanked", "requires_python", "tags")


class Store:
    """The kept releases of a folder, which is made when something is first kept."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def path(self, package: str, version: str) -> str:
        """Return where a release is kept, or would be."""
        return os.path.join(self.folder, normalise(package), f"{version}.zip")

    def has(self, package: str, version: str) -> bool:
        """Tell whether a release is kept."""
        return os.path.exists(self.path(package, version))

    def versions(self, package: str) -> list[str]:
        """Return the kept versions of a package in their order."""
        try:
            names = os.listdir(os.path.join(self.folder, normalise(package)))
        except OSError:
            return []
        return sorted((name[:-4] for name in names if name.endswith(".zip") and is_version(name[:-4])), key=key)

    def packages(self) -> list[str]:
        """Return the packages of which a release is kept, sorted."""
        try:
            return sorted(name for name in os.listdir(self.folder) if self.versions(name))
        except OSError:
            return []

    def open(self, package: str, version: str) -> Members:
        """Return the Source of a kept release. Raises ReleaseError where it is not there or damaged."""
        archive, told = self._told(package, version)
        try:
            paths, requires = tuple(told["paths"]), tuple(told["requires"])
            label = Label(**{**{name: told[name] for name in _LABEL}, "tags": tuple(told["tags"])})
        except (KeyError, TypeError) as error:
            raise self._damaged(package, version, error) from None
        return Members(label, paths, archive.read, requires)

    def _told(self, package: str, version: str) -> tuple[ZipFile, dict[str, Any]]:
        from zipfile import BadZipFile, ZipFile

        try:
            archive = ZipFile(self.path(package, version))
            told: dict[str, Any] = json.loads(archive.read(_TOLD))
        except FileNotFoundError:
            raise ReleaseError(f"{package} {version}: is not in the store {self.folder}; run this without --offline") from None
        except (OSError, BadZipFile, ValueError, KeyError) as error:
            raise self._damaged(package, version, error) from None
        return archive, told

    def _damaged(self, package: str, version: str, error: Exception) -> ReleaseError:
        return ReleaseError(f"{package} {version}: {self.path(package, version)} is damaged ({error}); remove it and run this again")

    def releases(self, package: str) -> tuple[Release, ...]:
        """Return the kept releases of a package as an index would list them, in the order of their versions. Raises ReleaseError."""
        found = []
        for version in self.versions(package):
            told = self._told(package, version)[1]
            file = File(filename="", url="", uploaded=str(told.get("date", "")), yanked=bool(told.get("yanked")))
            found.append(Release(package=normalise(package), version=version, files=(file,)))
        return tuple(found)

    def keep(self, source: Source) -> str:
        """Keep the texts of a release and return the path of its file; an older one of the same version is replaced."""
        from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

        path = self.path(source.package, source.version)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        fresh = f"{path}.{os.getpid()}.part"
        try:
            with ZipFile(fresh, "w", ZIP_DEFLATED, compresslevel=3) as archive:
                told = json.dumps(_head(source), ensure_ascii=False, separators=(",", ":"))
                archive.writestr(ZipInfo(_TOLD), told.encode(), ZIP_DEFLATED)
                for member in sorted(filter(is_text, source.paths())):
                    archive.writestr(ZipInfo(member), source.read(member), ZIP_DEFLATED)
            os.replace(fresh, path)
        finally:
            if os.path.exists(fresh):
                os.remove(fresh)
        return path

    def size(self) -> int:
        """Return the bytes that all kept releases take."""
        return sum(
            entry.stat().st_size for name in self.packages() for entry in os.scandir(os.path.join(self.folder, name)) if entry.is_file()
        )


def _head(source: Source) -> Mapping[str, object]:
    return {"form": FORM, **{name: getattr(source, name) for name in (*_LABEL, "requires")}, "paths": list(source.paths())}


def default_folder(environment: Mapping[str, str] | None = None) -> str:
    """Return the folder of the store where none is named: `envdoctor/sources` in the user's cache folder."""
    return os.path.join(cache_folder(environment), "sources")


def cache_folder(environment: Mapping[str, str] | None = None) -> str:
    """Return envdoctor's folder in the user's cache folder: XDG_CACHE_HOME, LOCALAPPDATA on Windows, ~/Library/Caches on macOS."""
    known = os.environ if environment is None else environment
    for name in ("XDG_CACHE_HOME", *(("LOCALAPPDATA",) if sys.platform == "win32" else ())):
        if os.path.isabs(known.get(name, "")):
            return os.path.join(known[name], "envdoctor")
    usual = ("Library", "Caches") if sys.platform == "darwin" else (".cache",)
    return os.path.join(os.path.expanduser("~"), *usual, "envdoctor")
