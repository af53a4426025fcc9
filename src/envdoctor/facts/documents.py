"""Requirement and lock files of a project: found, opened with limits, decoded, and judged for the target machine.

What stands in a file is read by `envdoctor.formats`; this module opens the files and turns a `Listing` into distributions.
"""

from __future__ import annotations

import os

from envdoctor.facts.host import READ
from envdoctor.model.errors import InputError
from envdoctor.model.markers import InvalidMarker, holds, marker_environment
from envdoctor.model.snapshot import Distribution

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from envdoctor.model.listing import Listing, Load, Requirement

__all__ = ["asks_for_packages", "distributions", "marker_environment", "read_listing", "read_text"]

LIMIT = 256 << 20
"""Largest file that is read, in bytes; includes count together."""

_PREFERRED = ("uv.lock", "pylock.toml", "poetry.lock", "pdm.lock", "requirements*.txt", "pyproject.toml", "environment.yml")
_OTHER_SUFFIXES = (".lock", ".toml", ".yml", ".yaml", ".json", ".py")


def read_listing(path: str, *, frozen: bool = False) -> Listing:
    """Read a requirement or lock file, or the best one of a folder; `listing.path` says which.

    `frozen`: the file lists all that is installed, whatever its name says. Raises InputError for what cannot be found, read or understood.
    """
    from envdoctor import formats

    if os.path.isdir(path):
        path = _pick(path)
    problems: list[str] = []
    left = [LIMIT]
    text = _read_text(path, left, problems)
    name = os.path.basename(path)
    plain = frozen and not name.endswith(_OTHER_SUFFIXES)
    kind = "pip freeze" if plain else formats.recognise(name, text)
    if not kind and not text.strip():
        raise InputError(f"{path} is empty; name a requirements file, a lock file or a list of what is installed")
    if not kind:
        kinds = ", ".join(formats.FORMATS)
        if name.lower().endswith((".yaml", ".yml", ".json")):
            from envdoctor.script.configs import KINDS

            kinds += f", and the training configurations of {', '.join(KINDS)}"
        raise InputError(f"{path} is no format that envdoctor reads ({kinds}); for a list of pins use --freeze")
    listing = formats.reader(kind).read(text, path, _loader(os.path.dirname(path), left, problems))
    return listing.replace(complete=listing.complete or frozen, problems=(*problems, *listing.problems), path=path)


def asks_for_packages(folder: str) -> bool:
    """Tell whether a folder holds a list of packages; a `pyproject.toml` for tools alone is none. Raises InputError for a broken one."""
    return _listed_in(folder) != "" and bool(read_listing(folder).requirements)


def read_text(path: str) -> str:
    """Read a file as text, whatever it is encoded in. Raises InputError for what is missing, too large, or no text."""
    return _read_text(path, [LIMIT], [])


def distributions(
    listing: Listing, environment: Mapping[str, str], extras: Sequence[str] = (), groups: Sequence[str] = ()
) -> dict[str, Distribution]:
    """Return what a listing puts on the machine that `environment`, a complete marker environment, describes.

    Only exact pins have a version; what cannot be told is a problem of its distribution, never an error. Raises KeyError for an
    environment that leaves a marker variable open.
    """
    judge = _Judge(environment, extras, groups)
    active = _active(listing.requirements, judge)
    folder = os.path.dirname(listing.path)
    lines: dict[str, list[Requirement]] = {}
    limits: dict[str, list[Requirement]] = {}
    for requirement in active:
        (limits if requirement.constraint else lines).setdefault(requirement.name, []).append(requirement)
    from envdoctor.facts.merged_lines import merge

    return {
        name: merge(found, limits.get(name, []), folder, complete=listing.complete, doubts=judge.doubts)
        for name, found in lines.items()
        if name
    }


class _Judge:
    """Evaluates each marker once. What cannot be judged counts as holding, and is noted in `doubts`."""

    def __init__(self, environment: Mapping[str, str], extras: Sequence[str], groups: Sequence[str]) -> None:
        self._asked = (environment, extras, groups)
        self._known: dict[str, bool] = {"": holds("", environment)}
        self.doubts: dict[str, str] = {}

    def holds(self, marker: str) -> bool:
        known = self._known.get(marker)
        if known is None:
            environment, extras, groups = self._asked
            try:
                known = holds(marker, environment, extras, groups)
            except InvalidMarker as error:
                self.doubts[marker] = f"{error}; it is taken to hold"
                known = True
            self._known[marker] = known
        return known


def _active(requirements: Sequence[Requirement], judge: _Judge) -> list[Requirement]:
    """Return the requirements whose markers hold and, in a graph, that something active needs."""
    wanted = [judge.holds(requirement.marker) for requirement in requirements]
    pending = []
    needed_by: dict[int, list[tuple[int, str]]] = {}
    reached = [False] * len(requirements)
    for at, requirement in enumerate(requirements):
        if not wanted[at]:
            continue
        if not requirement.required_by:
            reached[at] = True
            pending.append(at)
        for parent, marker in requirement.required_by:
            needed_by.setdefault(parent, []).append((at, marker))
    pending.append(-1)
    while pending:
        for at, marker in needed_by.get(pending.pop(), ()):
            if not reached[at] and judge.holds(marker):
                reached[at] = True
                pending.append(at)
    return [requirement for requirement, used in zip(requirements, reached) if used]


def _pick(folder: str) -> str:
    """Return the file of a folder that says most exactly what will be installed. Raises InputError."""
    found = _listed_in(folder)
    if found:
        return found
    if os.path.isfile(os.path.join(folder, "pyvenv.cfg")):
        raise InputError(f"{folder} is a virtual environment, not a project; check what is installed in it with --python")
    raise InputError(f"{folder} holds no script and none of {', '.join(_PREFERRED)}; name a script, or the file that lists the packages")


def _listed_in(folder: str) -> str:
    """Return that file, or "". Raises InputError for a folder that cannot be listed."""
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise InputError(f"{folder} cannot be listed ({error.strerror or error}); check its permissions, or name a file in it") from None
    files = [name for name in names if os.path.isfile(os.path.join(folder, name))]
    for wanted in _PREFERRED:
        found = [name for name in files if _is_like(name, wanted)]
        if found:
            # Plain `requirements.txt` before its variants; of those, the ones for developing last.
            return os.path.join(folder, min(found, key=_plainness))
    return ""


def _plainness(name: str) -> tuple[bool, bool, str]:
    return name != "requirements.txt", any(word in name for word in ("dev", "test", "doc")), name


def _is_like(name: str, wanted: str) -> bool:
    if wanted == "requirements*.txt":
        return name.startswith("requirements") and name.endswith(".txt")
    if wanted == "pylock.toml":
        return name.startswith("pylock.") and name.endswith(".toml")
    return name in (wanted, "environment.yaml") if wanted == "environment.yml" else name == wanted


def _loader(folder: str, left: list[int], problems: list[str]) -> Load:
    def load(path: str) -> str:
        return _read_text(os.path.join(folder, path), left, problems)

    return load


def _read_text(path: str, left: list[int], problems: list[str]) -> str:
    """Read a file as text and take its size off `left`. Raises InputError."""
    import stat

    try:
        handle = os.open(path, READ)
    except FileNotFoundError:
        raise InputError(_not_found(path)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be read ({reason}); check the path and its permissions") from None
    told = os.fstat(handle)
    if not stat.S_ISREG(told.st_mode):
        os.close(handle)
        raise InputError(f"{path} is no regular file; name a requirements file, a lock file or a list of what is installed")
    with os.fdopen(handle, "rb") as file:
        try:
            data = file.read(min(told.st_size, left[0]) + 1)  # room for the whole limit costs milliseconds, a thousand times
            if len(data) > told.st_size:  # it grows, or is one of those that tell no size
                data += file.read(max(left[0] + 1 - len(data), 0))
        except OSError as error:
            raise InputError(f"{path} cannot be read ({error.strerror or error}); copy it and try again") from None
    if len(data) > left[0]:
        raise InputError(f"{path} is too large: files above {LIMIT >> 20} MB (includes together) are not read; name the right file")
    left[0] -= len(data)
    return _decode(data, path, problems)


def _decode(data: bytes, path: str, problems: list[str]) -> str:
    import codecs

    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),  # what PowerShell 5 writes for `pip freeze > file`
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError as error:
                raise InputError(f"{path} starts as {encoding} and breaks off at byte {error.start}; write the file again") from None
    if b"\0" in data[:4096]:
        if data[1:2] == b"\0" and data[3:4] == b"\0" and data[:1] != b"\0":
            return data.decode("utf-16-le", "replace")
        raise InputError(f"{path} is a binary file; name a requirements file, a lock file or a list of what is installed")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problems.append(f"{path} line {line}: this is not UTF-8; the file is read as Latin-1")
        return data.decode("latin-1")


def _not_found(path: str) -> str:
    import difflib

    folder, name = os.path.split(path)
    names: Iterable[str] = ()
    try:
        names = os.listdir(folder or ".")
    except OSError:
        return f"{path} does not exist, nor does the folder {folder}; check the path"
    near = difflib.get_close_matches(name, sorted(names), n=3, cutoff=0.6)
    return f"{path} does not exist; did you mean {' or '.join(near)}?" if near else f"{path} does not exist; check the path"
