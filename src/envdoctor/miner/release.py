"""The releases of a project as an index lists them, and which of a release's files is read. Data and choice only; no I/O here."""

from __future__ import annotations

from envdoctor.model.record import Record
from envdoctor.model.versions import InvalidVersion, key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class File(Record):
    """One file of a release. `size` is in bytes, 0 where the index does not tell; `uploaded` is an ISO time or empty."""

    filename: str
    url: str
    size: int = 0
    sha256: str = ""
    uploaded: str = ""
    yanked: bool = False
    requires_python: str = ""


class Release(Record):
    """One release with all its files, as the index lists them."""

    package: str
    version: str
    files: tuple[File, ...]

    @property
    def date(self) -> str:
        """Return the ISO day of the first upload, "" where the index does not tell."""
        return min((file.uploaded[:10] for file in self.files if file.uploaded), default="")

    @property
    def yanked(self) -> bool:
        """Tell whether every file of the release was withdrawn."""
        return all(file.yanked for file in self.files)

    @property
    def requires_python(self) -> str:
        """Return what the files declare of Python, "" where none does."""
        return next((file.requires_python for file in self.files if file.requires_python), "")

    @property
    def tags(self) -> tuple[str, ...]:
        """Return the wheel tags of the release, sorted, each as its file spells it."""
        return tuple(sorted({"-".join(parts) for file in self.files if (parts := wheel_tag(file.filename))}))


def wheel_tag(filename: str) -> tuple[str, str, str] | None:
    """Return the Python, ABI and platform part of a wheel's name; None for other files.

    >>> wheel_tag("torch-2.5.1-cp311-cp311-manylinux1_x86_64.whl")
    ('cp311', 'cp311', 'manylinux1_x86_64')
    """
    parts = filename.removesuffix(".whl").split("-")
    if not filename.endswith(".whl") or len(parts) not in (5, 6):
        return None
    return parts[-3], parts[-2], parts[-1]


_SOURCES = (".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz")
_PYTHONS = ("cp311", "cp310", "cp39", "cp312", "cp38", "cp313", "cp314", "cp37")


def choose(release: Release) -> File | None:
    """Return the file that tells most of a release's code; None where it has neither a wheel nor a source distribution.

    A pure wheel is the whole truth. Of compiled ones that for Linux on x86-64 and a Python of the middle: some modules exist on Linux only.
    """
    wheels = [(tag, file) for file in release.files if (tag := wheel_tag(file.filename))]
    if wheels:
        return min(wheels, key=lambda pair: (_distance(pair[0]), pair[1].filename))[1]
    sources = [file for file in release.files if file.filename.endswith(_SOURCES)]
    return min(sources, key=lambda file: (_SOURCES.index(_ending(file.filename)), file.filename), default=None)


def _distance(tag: tuple[str, str, str]) -> tuple[int, int, int]:
    python, abi, platform = tag
    if platform == "any":
        place = 0
    elif "linux" in platform and "x86_64" in platform:
        place = 1
    else:
        place = 2 + ("linux" not in platform) + ("win" in platform and "macosx" not in platform)
    names = ["cp311"] if abi == "abi3" or python.startswith("py3") else python.split(".")
    age = min((_PYTHONS.index(name) if name in _PYTHONS else len(_PYTHONS) for name in names), default=99)
    return place, age, "musllinux" in platform


def _ending(filename: str) -> str:
    return next(ending for ending in _SOURCES if filename.endswith(ending))


def is_final(version: str) -> bool:
    """Tell whether a version is neither a pre-release, a development release nor one build of many (`+cpu`); post-releases count."""
    if "+" in version:
        return False
    try:
        parsed = key(version)
    except InvalidVersion:
        return False
    return bool(parsed[2] == (9, 0) and parsed[4] == float("inf"))


def since(releases: Iterable[Release], day: str) -> tuple[Release, ...]:
    """Return the releases uploaded on or after an ISO day, and the newest before it: people still pin what was current that day.

    Releases without a date are kept.
    """
    ordered = sorted(releases, key=lambda release: key(release.version))
    before = [release for release in ordered if release.date and release.date < day]
    kept = [release for release in ordered if not release.date or release.date >= day]
    return tuple(sorted([*before[-1:], *kept], key=lambda release: key(release.version)))
