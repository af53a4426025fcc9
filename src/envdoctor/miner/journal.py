"""What an update has mined and not written yet: one compressed JSON file a release, so that a run that was stopped goes on where it was.

The folder belongs to one state of the miner: what another one mined is not taken, and removed.
"""

from __future__ import annotations

import os
import shutil
from functools import cache

from envdoctor.miner.packed import pack, unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envdoctor.model.surface import Surface


class Journal:
    """The mined releases in a folder."""

    def __init__(self, folder: str, mark: str | None = None) -> None:
        self._top = folder
        self._mark = mark or miner_mark()
        self._folder = os.path.join(folder, self._mark)

    @property
    def mark(self) -> str:
        """The state of the miner that these releases were mined with."""
        return self._mark

    def forget_others(self) -> None:
        """Remove what other states of the miner have left."""
        for name in os.listdir(self._top) if os.path.isdir(self._top) else ():
            if name != self._mark:
                shutil.rmtree(os.path.join(self._top, name), ignore_errors=True)

    def versions(self, package: str) -> set[str]:
        """Return the versions of a package that are mined already."""
        try:
            return {name[:-8] for name in os.listdir(os.path.join(self._folder, package)) if name.endswith(".json.gz")}
        except OSError:
            return set()

    def keep(self, surface: Surface) -> None:
        """Write down a release, in one step."""
        path = self._path(surface.package, surface.version)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        fresh = f"{path}.{os.getpid()}.part"
        with open(fresh, "wb") as file:
            file.write(pack(surface))
        os.replace(fresh, path)

    def read(self, package: str, versions: Iterable[str]) -> Iterator[Surface]:
        """Return mined releases; what cannot be read is removed and left out, to be mined again by the next run."""
        for version in versions:
            path = self._path(package, version)
            try:
                with open(path, "rb") as file:
                    yield unpack(file.read())
            except (OSError, ValueError):
                if os.path.exists(path):
                    os.remove(path)

    def forget(self, package: str) -> None:
        """Remove what is kept of a package, once its text holds it."""
        shutil.rmtree(os.path.join(self._folder, package), ignore_errors=True)

    def _path(self, package: str, version: str) -> str:
        return os.path.join(self._folder, package, f"{version}.json.gz")


@cache
def miner_mark() -> str:
    """Return a mark that changes with the miner: of its files in this installation, all of which may change what is mined."""
    from hashlib import blake2b

    here = os.path.dirname(os.path.abspath(__file__))
    told = blake2b(digest_size=8)
    for folder in (here, os.path.join(os.path.dirname(here), "model")):
        for name in sorted(os.listdir(folder)):
            if name.endswith(".py"):
                with open(os.path.join(folder, name), "rb") as file:
                    told.update(name.encode() + b"\0" + file.read())
    return told.hexdigest()
