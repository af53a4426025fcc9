"""Documents that a repair edits: their bytes beside their text, so that what no edit touches stays as it was, byte for byte.

Files are read here, and never written.
"""

from __future__ import annotations

import codecs
import os
from hashlib import sha256

from envdoctor.formats import edited
from envdoctor.model.errors import EditRefused, InputError
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from envdoctor.model.plan import Edit

_MARKS = (
    # the longer first: a UTF-32 mark begins with a UTF-16 one
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
LIMIT = 256 << 20
"""Largest file that is edited, in bytes; as for files that are read."""


class Document(Record):
    """A file as it was read. `path` is how it was named, `place` where it lies once links are followed, `mark` its byte order mark."""

    path: str
    place: str
    data: bytes
    mark: bytes = b""
    encoding: str = "utf-8"

    @property
    def text(self) -> str:
        """The text that positions of edits count in: without the mark, line endings as they are."""
        return self.data[len(self.mark) :].decode(self.encoding)

    @property
    def digest(self) -> str:
        """The mark of what the file held when it was read."""
        return digest(self.data)


def digest(data: bytes) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    return sha256(data).hexdigest()


def read(path: str) -> Document:
    """Read a file that is to be edited. Raises InputError where it cannot be read, EditRefused where it could not be written back."""
    place = os.path.realpath(path)
    try:
        if not os.path.isfile(place):
            what = "is no regular file" if os.path.exists(place) else "does not exist"
            raise InputError(f"{path} {what}; name a file to be edited")
        with open(place, "rb") as file:
            data = file.read(LIMIT + 1)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read ({getattr(error, 'strerror', None) or error}); check the path and its permissions"
        ) from None
    if len(data) > LIMIT:
        raise InputError(f"{path} is too large: files above {LIMIT >> 20} MB are not edited; name the right file")
    mark, encoding = encoding_of(data)
    try:
        exact = mark + data[len(mark) :].decode(encoding).encode(encoding) == data
    except UnicodeError:
        exact = False
    if not exact:
        raise EditRefused(f"{path} holds bytes that are no {encoding.upper()}, and would not survive an edit; write the file again")
    return Document(path=path, place=place, data=data, mark=mark, encoding=encoding)


def encoding_of(data: bytes) -> tuple[bytes, str]:
    """Return the byte order mark and the encoding of a file, told as `envdoctor.facts.documents` does when it reads one."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return mark, encoding
    if data[1:2] == b"\0" and data[3:4] == b"\0" and data[:1] != b"\0":
        return b"", "utf-16-le"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return b"", "latin-1"
    return b"", "utf-8"


def rewritten(document: Document, edits: Iterable[Edit]) -> bytes:
    """Return the bytes of a document with edits made. Raises EditRefused for one that does not fit the text, or meets another one."""
    text = document.text
    wanted = sorted(edits, key=lambda edit: (edit.start, edit.end))
    if any(not 0 <= edit.start <= edit.end <= len(text) for edit in wanted):
        raise EditRefused(f"{document.path}: an edit lies outside the text; plan the repair again")
    try:
        fresh = edited(text, wanted)
    except InputError as error:
        raise EditRefused(str(error)) from None
    try:
        return document.mark + fresh.encode(document.encoding)
    except UnicodeEncodeError as error:
        letter = error.object[error.start : error.end]
        raise EditRefused(f"{document.path}: {letter!r} cannot be written in {document.encoding.upper()}; make the file UTF-8") from None
