"""The texts of the atlas that an update reads and writes: those of a given folder, or those that checks use."""

from __future__ import annotations

import os
from itertools import islice

from envdoctor.knowledge.atlas.text import AtlasText, read_text, write_text
from envdoctor.model.errors import AtlasError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from envdoctor.model.surface import Surface

_AT_ONCE = 12
"""Surfaces that are in memory together while a text is put together; a large one takes some 30 MB."""


class Texts:
    """Where texts are. Without a folder they are where checks look for them, and what is shipped counts as known."""

    def __init__(self, folder: str = "") -> None:
        self._folder = folder

    def packages(self) -> list[str]:
        """Return the packages that have a text, sorted."""
        if not self._folder:
            from envdoctor.knowledge.atlas.load import known_packages

            return known_packages()
        return sorted(name[:-4] for name in os.listdir(self._folder) if name.endswith(".txt")) if os.path.isdir(self._folder) else []

    def known(self, package: str) -> AtlasText:
        """Return what is known of a package. Raises AtlasError, which names the file."""
        if not self._folder:
            from envdoctor.knowledge.atlas.load import known_text

            return known_text(package)
        path = os.path.join(self._folder, f"{package}.txt")
        try:
            with open(path, encoding="utf-8") as file:
                return read_text(file.read())
        except FileNotFoundError:
            return AtlasText(package=package)
        except (OSError, UnicodeDecodeError, AtlasError) as error:
            raise AtlasError(f"{path}: {error}; restore the file, or remove it and mine the package anew") from None

    def write(self, package: str, surfaces: Iterable[Surface], yanked: Mapping[str, bool]) -> str:
        """Add releases to the text of a package and return its path; `yanked` says what the index now tells of some of them."""
        atlas = self.known(package)
        rest = iter(surfaces)
        while part := list(islice(rest, _AT_ONCE)):
            atlas = atlas.with_surfaces(part)
        releases = tuple(release.replace(yanked=yanked.get(release.version, release.yanked)) for release in atlas.releases)
        return self._put(atlas.replace(releases=releases))

    def finish(self) -> None:
        """Let checks see what was written."""
        if not self._folder:
            from envdoctor.knowledge.atlas.load import refresh

            refresh()

    def _put(self, atlas: AtlasText) -> str:
        if not self._folder:
            from envdoctor.knowledge.atlas.load import write

            return write(atlas)
        os.makedirs(self._folder, exist_ok=True)
        path = os.path.join(self._folder, f"{atlas.package}.txt")
        fresh = f"{path}.{os.getpid()}.part"
        with open(fresh, "w", encoding="utf-8", newline="\n") as file:
            file.write(write_text(atlas))
        os.replace(fresh, path)
        return path
