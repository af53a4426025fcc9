"""A surface as bytes, compressed JSON, to be kept or handed from one process to another. No I/O here."""

from __future__ import annotations

import gzip
import json
import zlib

from envdoctor.model.surface import Surface

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def pack(surface: Surface) -> bytes:
    """Return a surface as bytes; the same surface gives the same bytes."""
    told = {
        "package": surface.package,
        "version": surface.version,
        "date": surface.date,
        "yanked": surface.yanked,
        "sections": {
            section: {subject: sorted(items) for subject, items in sorted(subjects.items())}
            for section, subjects in sorted(surface.sections.items())
        },
    }
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    return gzip.compress(text.encode("utf-8", "surrogatepass"), compresslevel=3, mtime=0)


def unpack(data: bytes) -> Surface:
    """Return the surface that bytes hold. Raises ValueError for bytes that `pack` did not write, or that were cut off."""
    try:
        told = json.loads(gzip.decompress(data).decode("utf-8", "surrogatepass"))
        sections = {
            str(section): {str(subject): _items(items) for subject, items in subjects.items()}
            for section, subjects in told["sections"].items()
        }
        return Surface(
            package=_text(told["package"]), version=_text(told["version"]), date=_text(told["date"]), yanked=bool(told["yanked"]),
            sections=sections,
        )  # fmt: skip
    except (OSError, EOFError, zlib.error, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"no packed surface: {error}") from None


def _text(told: Any) -> str:
    if not isinstance(told, str):
        raise TypeError(f"{told!r} is no text")
    return told


def _items(told: Any) -> frozenset[str]:
    if not isinstance(told, list):
        raise TypeError(f"{told!r} is no list")
    return frozenset(map(_text, told))
