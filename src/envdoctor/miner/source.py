"""What the miner reads of a release: paths and texts, wherever they come from. No I/O here."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    class Source(Protocol):
        """The files of one release, as they would lie in site-packages."""

        package: str
        """Normalised name of the distribution."""
        version: str
        date: str
        """ISO day of the first upload, "" where it is not known."""
        yanked: bool
        requires: tuple[str, ...]
        """Declared requirements."""
        requires_python: str
        tags: tuple[str, ...]
        """Wheel tags that the release offers, sorted."""

        def paths(self) -> Sequence[str]:
            """Return every member's path relative to site-packages, with "/", native libraries included."""

        def read(self, path: str) -> bytes:
            """Return the content of a .py, .pyi or metadata member. Raises KeyError where it is not there."""
