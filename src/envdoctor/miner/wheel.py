"""A wheel as a Source: the members of its zip file at the places where an installer would put them. Nothing is unpacked or run."""

from __future__ import annotations

from envdoctor.miner.members import LARGEST, Members, is_text, too_large
from envdoctor.model.errors import ReleaseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO
    from zipfile import ZipFile, ZipInfo

    from envdoctor.miner.members import Label


def open_wheel(file: IO[bytes] | str, told: Label) -> Members:
    """Return the Source of a wheel, from its path or an open binary file, which must stay open. Raises ReleaseError."""
    from zipfile import BadZipFile, ZipFile

    try:
        archive = ZipFile(file)
    except (BadZipFile, NotImplementedError) as error:
        raise _broken(told, error) from None
    return read_zip(archive, {info: placed for info in archive.infolist() if (placed := installed_path(info.filename))}, told)


def read_zip(archive: ZipFile, places: dict[ZipInfo, str], told: Label, requires: tuple[str, ...] | None = None) -> Members:
    """Return the Source of an archive, given where each of its members would be installed."""
    import zlib
    from zipfile import BadZipFile

    members = {path: info for info, path in places.items()}

    def read(path: str) -> bytes:
        info = members[path]
        if info.file_size > LARGEST:
            raise too_large(told, path)
        try:
            return archive.read(info)
        except (BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError) as error:
            raise _broken(told, error) from None

    return Members(told, members, read, requires)


def text_members(archive: ZipFile) -> list[ZipInfo]:
    """Return the members of a wheel that the miner reads."""
    return [info for info in archive.infolist() if is_text(installed_path(info.filename))]


def installed_path(name: str) -> str:
    """Return where a member of a wheel is installed, relative to site-packages; "" for folders and what goes elsewhere.

    >>> installed_path("torch-2.5.1.data/purelib/functorch/__init__.py"), installed_path("torch-2.5.1.data/scripts/torchrun")
    ('functorch/__init__.py', '')
    """
    if name.endswith("/") or name.startswith("/") or ".." in name.split("/"):
        return ""
    top, _, rest = name.partition("/")
    if not top.endswith(".data"):
        return name
    kind, _, rest = rest.partition("/")
    return rest if kind in ("purelib", "platlib") else ""


def _broken(told: Label, error: Exception) -> ReleaseError:
    return ReleaseError(f"{told.package} {told.version}: the wheel cannot be read ({error}); try again, or report it to the index")
