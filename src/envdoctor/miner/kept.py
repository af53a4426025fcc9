"""A folder of mined surfaces in the user's cache, so that installed files are read once. What cannot be read there is mined again.

A surface is kept under the mark of what it was mined from (see `installed`), so nothing here grows old: it is found, or it is not.
"""

from __future__ import annotations

import os

from envdoctor.miner.packed import pack, unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.model.surface import Surface

MOST = 64 << 20
"""Bytes that all kept surfaces may take; the largest, of torch and transformers, take a third of a megabyte each."""
_ENDING = ".json.gz"


class Kept:
    """The surfaces in a folder, which is made when the first is kept. Without a folder that can be written to, nothing is kept."""

    def __init__(self, folder: str, most: int = MOST) -> None:
        self._folder = folder
        self._most = most

    def get(self, package: str, mark: str) -> Surface | None:
        """Return the surface that was kept under a mark; a damaged one is removed."""
        path = self._path(package, mark)
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError:
            return None
        try:
            surface = unpack(data)
            if surface.package != package:
                raise ValueError("it is of another package")
        except ValueError:
            _remove(path)
            return None
        try:
            os.utime(path)  # what is used stays
        except OSError:
            pass
        return surface

    def put(self, surface: Surface, mark: str) -> None:
        """Keep a surface in one step, and drop what was not used for longest where there is too much."""
        path = self._path(surface.package, mark)
        fresh = f"{path}.{os.getpid()}.part"
        try:
            os.makedirs(self._folder, exist_ok=True)
            with open(fresh, "wb") as file:
                file.write(pack(surface))
            os.replace(fresh, path)
        except OSError:  # a cache that cannot be written to: mined at every check, correct all the same
            _remove(fresh)
            return
        self._trim(path)

    def _trim(self, newest: str) -> None:
        found = []
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    stat = entry.stat()
                    found.append((stat.st_mtime, stat.st_size, entry.path))
        except OSError:
            return
        size = sum(bytes_of for _, bytes_of, _ in found)
        for _, bytes_of, path in sorted(found):
            if size <= self._most:
                return
            if path != newest:
                _remove(path)
                size -= bytes_of

    def _path(self, package: str, mark: str) -> str:
        return os.path.join(self._folder, f"{package}-{mark}{_ENDING}")


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
