"""Finds the atlas: the compiled one that the wheel carries, that of the user's data folder where it is newer, or the texts of a checkout.

A checkout compiles its texts when they have changed, and keeps the outcome beside the rule book's. The user's folder holds texts that
`envdoctor atlas update` wrote, and what it compiled from them and from the wheel's atlas; it counts when it knows a release of a later day,
or, with the same last day, more releases.
"""

from __future__ import annotations

import os

from envdoctor.knowledge.atlas.artefact import CompiledAtlas, hot_size, mark_of, whole_size
from envdoctor.knowledge.load import Artefact, rules_folder
from envdoctor.model.errors import AtlasError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.knowledge.atlas.text import AtlasText

_HERE = os.path.dirname(os.path.abspath(__file__))
SHIPPED = os.path.normpath(os.path.join(_HERE, "..", "book", "atlas.bin"))
_FIRST_READ = 1 << 17
_OPENED: list[CompiledAtlas | None] = []  # a process judges with one atlas, however often it asks


def open_atlas() -> CompiledAtlas | None:
    """Open the atlas, or return None where there is none; a checkout may compile it first, which takes seconds. Raises AtlasError."""
    if not _OPENED:
        _OPENED.append(_open())
    return _OPENED[0]


def _open() -> CompiledAtlas | None:
    folder = _checkout()
    if folder is not None:
        return _compiled(folder)
    shipped, own = _read(SHIPPED), _read(os.path.join(texts_folder(), "atlas.bin"))
    if own is None or (shipped is not None and (own.newest, own.count) <= (shipped.newest, shipped.count)):
        return shipped
    return own


def _checkout() -> str | None:
    """Return the folder of texts in the checkout that this package runs from, there or not."""
    rules = rules_folder()
    return None if rules is None else os.path.join(rules, "atlas")


def texts_folder() -> str:
    """Return the folder that texts are read from and written to: the checkout's, or the one in the user's data folder."""
    folder = _checkout()
    if folder is None:
        data = os.environ.get("XDG_DATA_HOME", "") or os.path.join(os.path.expanduser("~"), ".local", "share")
        folder = os.path.join(data, "envdoctor", "atlas")
    return folder


def _read(path: str) -> CompiledAtlas | None:
    """Open a compiled atlas; None where there is none, or one that was cut off or is of another edition."""
    try:
        file = Artefact(path)
        beginning = file.read(0, _FIRST_READ)
        size = hot_size(beginning)
        if os.path.getsize(path) != whole_size(beginning):
            return None
        if size > len(beginning):
            beginning += file.read(len(beginning), size - len(beginning))
        return CompiledAtlas(beginning, file.read, file.close)
    except (OSError, ValueError, EOFError, TypeError):
        return None


def _compiled(folder: str) -> CompiledAtlas | None:
    mark = _mark(folder)
    if not mark:
        return None
    if _marked(SHIPPED) == mark:
        found = _read(SHIPPED)
        if found is not None:
            return found
    data = _compile(folder, mark)
    try:
        _put(SHIPPED, data)
    except OSError:  # a checkout that cannot be written to: compiled at every start, correct all the same
        return CompiledAtlas(data)
    return _read(SHIPPED) or CompiledAtlas(data)


def _marked(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return mark_of(file.read(4096))
    except (OSError, ValueError):
        return ""


def _mark(folder: str) -> str:
    """Return one line that changes with the texts and with the code that compiles them; "" where there are no texts."""
    texts = [(entry.name, entry.stat()) for entry in _entries(folder) if entry.name.endswith(".txt")]
    if not texts:
        return ""
    code = [(entry.name, entry.stat()) for entry in _entries(_HERE) if entry.name.endswith(".py")]
    told = "".join(sorted(f"{name} {stat.st_size} {stat.st_mtime_ns};" for name, stat in (*texts, *code)))
    import zlib

    return f"{len(texts)} texts, {zlib.crc32(told.encode()):08x}{zlib.adler32(told.encode()):08x}"


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []


def read_texts(folder: str) -> list[AtlasText]:
    """Read every text of a folder, sorted by package. Raises AtlasError, which names the file and the line."""
    from envdoctor.knowledge.atlas.text import read_text

    found = []
    for name in sorted(entry.name for entry in _entries(folder)):
        if not name.endswith(".txt"):
            continue
        try:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                text = read_text(file.read())
        except (OSError, UnicodeDecodeError, AtlasError) as error:
            raise AtlasError(f"{os.path.join(folder, name)}: {error}") from None
        if text.package + ".txt" != name:
            raise AtlasError(f"{os.path.join(folder, name)}: line 2: tells of {text.package}, which belongs into {text.package}.txt")
        found.append(text)
    return found


def _compile(folder: str, mark: str) -> bytes:
    from envdoctor.knowledge.atlas.compile import compile_atlas

    return compile_atlas(read_texts(folder), mark)


def known_packages() -> list[str]:
    """Return the packages that are known now: from texts, and from the wheel's atlas."""
    named = {entry.name[:-4] for entry in _entries(texts_folder()) if entry.name.endswith(".txt")}
    shipped = _read(SHIPPED) if _checkout() is None else None
    return sorted(named.union(shipped.packages if shipped is not None else ()))


def known_text(package: str) -> AtlasText:
    """Return what is known of a package: its text, else what the wheel's atlas holds, else an empty text. Raises AtlasError."""
    from envdoctor.knowledge.atlas.text import AtlasText, read_text

    path = os.path.join(texts_folder(), f"{package}.txt")
    if os.path.exists(path):
        try:
            with open(path, encoding="utf-8") as file:
                return read_text(file.read())
        except (OSError, UnicodeDecodeError, AtlasError) as error:
            raise AtlasError(f"{path}: {error}") from None
    shipped = _read(SHIPPED) if _checkout() is None else None
    return shipped.text(package) if shipped is not None else AtlasText(package=package)


def write(atlas: AtlasText) -> str:
    """Write the text of a package in one step, and return its path. Raises AtlasError."""
    from envdoctor.knowledge.atlas.text import write_text

    path = os.path.join(texts_folder(), f"{atlas.package}.txt")
    try:
        _put(path, write_text(atlas).encode())
    except OSError as error:
        raise AtlasError(f"{path}: cannot be written: {error.strerror or error}") from None
    return path


def refresh() -> str:
    """Compile everything that is known to the file that checks read, and return its path. Raises AtlasError."""
    folder = _checkout()
    path = SHIPPED if folder is not None else os.path.join(texts_folder(), "atlas.bin")
    if folder is not None:
        data = _compile(folder, _mark(folder))
    else:
        from envdoctor.knowledge.atlas.compile import compile_atlas

        data = compile_atlas(map(known_text, known_packages()))
    try:
        _put(path, data)
    except OSError as error:
        raise AtlasError(f"{path}: cannot be written: {error.strerror or error}") from None
    _OPENED.clear()
    return path


def _put(path: str, data: bytes) -> None:
    """Write a file in one step, so that nobody ever reads half of it."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    part = f"{path}.{os.getpid()}.part"
    with open(part, "wb") as file:
        file.write(data)
    os.replace(part, path)
