"""A release as paths and texts, whatever it was read from; which members are texts, and what its metadata declares. No I/O here."""

from __future__ import annotations

from envdoctor.miner.release import Release
from envdoctor.model.errors import ReleaseError
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

METADATA = frozenset({"METADATA", "PKG-INFO", "top_level.txt"})
LARGEST = 32 << 20
"""Bytes of the largest text that is read; no module written by people comes near."""


class Label(Record):
    """What is known of a release before its files are read."""

    package: str
    version: str
    date: str = ""
    yanked: bool = False
    requires_python: str = ""
    tags: tuple[str, ...] = ()


def label(release: Release) -> Label:
    """Return what an index tells of a release."""
    return Label(
        package=release.package,
        version=release.version,
        date=release.date,
        yanked=release.yanked,
        requires_python=release.requires_python,
        tags=release.tags,
    )


class Members:
    """The files of one release: the `Source` that the miner reads. `read` is asked for members that `is_text` accepts only."""

    def __init__(self, told: Label, paths: Iterable[str], read: Callable[[str], bytes], requires: Sequence[str] | None = None) -> None:
        self.package = told.package
        self.version = told.version
        self.date = told.date
        self.yanked = told.yanked
        self.tags = told.tags
        self._paths = tuple(sorted(set(paths)))
        self._known = frozenset(self._paths)
        self._read = read
        declared = self._metadata()
        self.requires_python = declared[1] or told.requires_python
        self.requires = tuple(dict.fromkeys(map(spell, declared[0] if requires is None else requires)))

    def _metadata(self) -> tuple[tuple[str, ...], str]:
        for name in ("METADATA", "PKG-INFO"):
            for path in self._paths:
                if path.endswith("-info/" + name) and path.count("/") == 1:
                    return read_metadata(self.read(path))
        return (), ""

    def paths(self) -> Sequence[str]:
        """Return every member's path relative to site-packages, sorted."""
        return self._paths

    def read(self, path: str) -> bytes:
        """Return the content of a .py, .pyi or metadata member. Raises KeyError for others, ReleaseError where it cannot be had."""
        if path not in self._known or not is_text(path):
            raise KeyError(path)
        return self._read(path)


def is_text(path: str) -> bool:
    """Tell whether a member is one that the miner reads."""
    if path.endswith((".py", ".pyi")):
        return True
    folder, _, name = path.rpartition("/")
    return name in METADATA and folder.endswith((".dist-info", ".egg-info"))


def read_metadata(data: bytes) -> tuple[tuple[str, ...], str]:
    """Return the requirements that a METADATA or PKG-INFO declares, and what it says of Python ("" where it does not)."""
    from email.parser import HeaderParser

    head = HeaderParser().parsestr(data.decode("utf-8", "replace"))
    lines = tuple(" ".join(str(line).split()) for line in head.get_all("Requires-Dist") or ())
    return lines, " ".join(str(head.get("Requires-Python") or "").split())


def spell(requirement: str) -> str:
    """Return a declared requirement in the one spelling of `packaging`: builds of one release differ in blanks, brackets and quotes.

    >>> spell("torch (>=2.1,<3) ; extra == 'gpu'"), spell("not a requirement at all")
    ('torch<3,>=2.1; extra == "gpu"', 'not a requirement at all')
    """
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return str(Requirement(requirement))
    except InvalidRequirement:
        return " ".join(requirement.split())


def too_large(told: Label, path: str) -> ReleaseError:
    """Return the error for a text that no person wrote."""
    return ReleaseError(f"{told.package} {told.version}: {path} is larger than {LARGEST >> 20} MiB; the archive is not what it should be")
