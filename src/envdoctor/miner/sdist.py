"""A source distribution as a Source: its files where a build would put them. Nothing is unpacked to disk, built or run."""

from __future__ import annotations

from envdoctor.miner.members import LARGEST, Members, is_text, too_large
from envdoctor.miner.unbuilt import declared, places, unseen_modules
from envdoctor.model.errors import ReleaseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

    from envdoctor.miner.members import Label

_MOST = 1 << 30
"""Bytes of all texts together; an archive with more is no source distribution."""


def open_sdist(file: IO[bytes], filename: str, told: Label) -> Members:
    """Return the Source of a source distribution (.tar.gz, .zip and their like), from an open binary file. Raises ReleaseError."""
    import tarfile
    import zlib
    from lzma import LZMAError
    from zipfile import BadZipFile

    try:
        paths, texts = _read_zip(file, told) if filename.endswith(".zip") else _read_tar(file, told)
    except (tarfile.TarError, BadZipFile, zlib.error, LZMAError, EOFError, OSError, NotImplementedError) as error:
        raise ReleaseError(
            f"{told.package} {told.version}: {filename} cannot be read ({error}); run this again, or report it to the index"
        ) from None
    return arrange(paths, texts, told)


def arrange(paths: list[str], texts: dict[str, bytes], told: Label) -> Members:
    """Return the Source of a tree given as its paths and the contents of its texts, PKG-INFO and *.egg-info among them."""
    egg = next((path.rpartition("/")[0] + "/" for path in sorted(paths) if path.endswith(".egg-info/top_level.txt")), "")
    top_level = texts.get(egg + "top_level.txt", b"").decode("utf-8", "replace").split()
    pkg_info = texts.get("PKG-INFO", texts.get(egg + "PKG-INFO", b"") if egg else b"")
    inside = [path for path in paths if not egg or not path.startswith(egg)]
    found = places(inside, told.package, top_level) or places(inside, told.package)
    contents = {place: texts[path] for path, place in found.items() if path in texts}
    info = f"{told.package.replace('-', '_')}-{told.version}.dist-info"
    contents[f"{info}/METADATA"] = pkg_info
    if top_level:
        contents[f"{info}/top_level.txt"] = "\n".join(top_level).encode()
    every = [*found.values(), *contents, *unseen_modules(found.values(), top_level)]
    return Members(told, every, contents.__getitem__, declared(pkg_info, texts.get(egg + "requires.txt") if egg else None))


def is_wanted(path: str) -> bool:
    """Tell whether a file of a source tree holds what `arrange` reads."""
    return is_text(path) or path == "PKG-INFO" or path.endswith(".egg-info/requires.txt")


def _below_top(name: str) -> str:
    """Return a member's path below the one folder that a source distribution holds; "" for what lies elsewhere."""
    parts = name.removeprefix("./").split("/")
    return "" if ".." in parts or len(parts) < 2 or name.startswith("/") else "/".join(parts[1:])


def _read_tar(file: IO[bytes], told: Label) -> tuple[list[str], dict[str, bytes]]:
    import tarfile

    paths, texts, total = [], {}, 0
    with tarfile.open(fileobj=file, mode="r|*") as archive:
        for member in archive:
            path = _below_top(member.name)
            if not path or not member.isfile():
                continue
            paths.append(path)
            if not is_wanted(path):
                continue
            total += member.size
            if member.size > LARGEST or total > _MOST:
                raise too_large(told, path)
            part = archive.extractfile(member)
            texts[path] = part.read() if part is not None else b""
    return paths, texts


def _read_zip(file: IO[bytes], told: Label) -> tuple[list[str], dict[str, bytes]]:
    from zipfile import ZipFile

    paths, texts, total = [], {}, 0
    with ZipFile(file) as archive:
        for info in archive.infolist():
            path = _below_top(info.filename)
            if not path or info.is_dir():
                continue
            paths.append(path)
            if not is_wanted(path):
                continue
            total += info.file_size
            if info.file_size > LARGEST or total > _MOST:
                raise too_large(told, path)
            texts[path] = archive.read(info)
    return paths, texts
