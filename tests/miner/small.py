"""Small releases for tests of the miner: paths and texts in memory, and what is mined of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import dedent

from envdoctor.miner.digest import Digests
from envdoctor.miner.mining import mine
from envdoctor.model.surface import Surface


class Files:
    """A release that lies in memory; what stands for a path is its text, a native library's is not read."""

    def __init__(
        self,
        files: Mapping[str, str],
        package: str = "demo",
        requires: tuple[str, ...] = (),
        requires_python: str = "",
        tags: tuple[str, ...] = (),
    ) -> None:
        self.package = package
        self.version = "1.0"
        self.date = "2025-03-01"
        self.yanked = False
        self.requires = requires
        self.requires_python = requires_python
        self.tags = tags
        self._files = {path: dedent(text).encode() for path, text in files.items()}

    def paths(self) -> Sequence[str]:
        return list(self._files)

    def read(self, path: str) -> bytes:
        assert path.endswith((".py", ".pyi")), f"{path} is no text"
        return self._files[path]


def mined(files: Mapping[str, str], package: str = "demo") -> Surface:
    """Mine a release with a memory of its own."""
    return mine(Files(files, package), Digests())


def offers(files: Mapping[str, str], module: str = "demo") -> set[str]:
    """Return the names that a module of a release offers, "." left out."""
    return set(mined(files).sections["offers"][module]) - {"."}


def offered(text: str, **others: str) -> set[str]:
    """Return the names that a package of one file offers."""
    return offers({"demo/__init__.py": text, **{f"demo/{name}.py": other for name, other in others.items()}})


def section(name: str, files: Mapping[str, str], entry: str = "import demo", package: str = "demo") -> set[str]:
    """Return the items of an entry, or of another subject, in one section."""
    return set(mined(files, package).sections.get(name, {}).get(entry, ()))


def needs(text: str, **others: str) -> set[str]:
    """Return what importing a package of one file needs, without the module that asks."""
    files = {"demo/__init__.py": text, **{f"demo/{name}.py": other for name, other in others.items()}}
    return {item.rpartition(" at ")[0] for item in section("needs", files)}


def refusals(text: str, **others: str) -> set[str]:
    """Return when importing a package of one file is refused, and with which words."""
    files = {"demo/__init__.py": text, **{f"demo/{name}.py": other for name, other in others.items()}}
    return {item.rpartition(" at ")[0] for item in section("refuses", files)}


def passes(text: str, **others: str) -> set[str]:
    """Return the keyword arguments that importing a package of one file passes."""
    files = {"demo/__init__.py": text, **{f"demo/{name}.py": other for name, other in others.items()}}
    return {item.rpartition(" at ")[0] for item in section("passes", files)}
