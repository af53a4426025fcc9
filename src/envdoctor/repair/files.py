"""Writes files whole or not at all: several together, each in one step, each put back when another one fails.

What is written comes from elsewhere, and so does the record of it; here is only how.
"""

from __future__ import annotations

import os
import shutil
import sys

from envdoctor.model.errors import EditRefused
from envdoctor.model.record import Record
from envdoctor.repair.documents import digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_EXACTLY = getattr(os, "O_BINARY", 0)


class Replacement(Record):
    """What a file is to hold. `before` is the digest of what it must hold until then, "" where there must be none; `mode` is for that case.

    `tag` names the files that lie beside it while it is written, so that those of a killed repair can be found.
    """

    place: str
    data: bytes
    before: str
    tag: str
    mode: int = 0o644

    @property
    def part(self) -> str:
        """Where the new bytes wait."""
        return _beside(self.place, self.tag, "part")

    @property
    def old(self) -> str:
        """Where the old file waits until all the others are written too."""
        return _beside(self.place, self.tag, "old")


def _beside(place: str, tag: str, what: str) -> str:
    folder, name = os.path.split(place)
    return os.path.join(folder, f".{name[:100]}.{tag}.{what}")


def forget_parts(place: str, tag: str) -> None:
    """Remove what a repair that was killed has left beside a file."""
    for what in ("part", "old"):
        _remove(_beside(place, tag, what))


class Replacing:
    """Several replacements as one: `prepare` takes all the room they need, `commit` does no more than rename, `abandon` cleans up."""

    def __init__(self, replacements: Sequence[Replacement]) -> None:
        self._all = replacements

    def prepare(self) -> None:
        """Check every file, and write the new bytes beside it. Raises EditRefused with nothing changed and nothing left."""
        for one in self._all:
            check(one.place, one.before)
        try:
            for one in self._all:
                self._prepare(one)
        except OSError as error:
            self.abandon()
            raise EditRefused(f"{one.place} cannot be written ({error.strerror or error}); no file was changed") from None
        except BaseException:
            self.abandon()
            raise

    @staticmethod
    def _prepare(one: Replacement) -> None:
        forget_parts(one.place, one.tag)
        handle = os.open(one.part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _EXACTLY, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(one.data)
            file.flush()
            os.fsync(file.fileno())
        if not one.before:
            os.chmod(one.part, one.mode)
            return
        state = os.stat(one.place)
        _give(one.part, state)
        os.chmod(one.part, state.st_mode & 0o7777)  # after the owner, which takes set-id bits away
        try:
            os.link(one.place, one.old)
        except OSError:  # a file system without hard links
            shutil.copy2(one.place, one.old)

    def commit(self) -> None:
        """Put every file in place. Raises EditRefused when one changed underneath or cannot be replaced; then all are as they were."""
        done: list[Replacement] = []
        try:
            for one in self._all:
                check(one.place, one.before)
                done.append(one)
                os.replace(one.part, one.place)
        except BaseException as error:
            lost = [two.place for two in reversed(done) if not _put_back(two)]
            self.abandon(but=lost)
            if lost:
                raise EditRefused(f"{', '.join(lost)}: could not be put back; `envdoctor undo` does it") from error
            if isinstance(error, OSError):
                raise EditRefused(f"{one.place} cannot be replaced ({error.strerror or error}); no file was changed") from None
            raise
        for folder in {os.path.dirname(one.place) for one in self._all}:
            _settle(folder)
        self.abandon()

    def abandon(self, but: Iterable[str] = ()) -> None:
        """Remove what waits beside the files."""
        for one in self._all:
            if one.place not in but:
                forget_parts(one.place, one.tag)


def check(place: str, before: str) -> None:
    """Make sure that a file holds what it held, and may be written. Raises EditRefused."""
    try:
        now = digest_of(place)
    except OSError as error:
        raise EditRefused(f"{place} cannot be read ({error.strerror or error}); no file was changed") from None
    if now != before:
        what = "was deleted" if not now else "changed" if before else "was made"
        raise EditRefused(f"{place} {what} since it was read; no file was changed, so plan the repair again")
    folder = os.path.dirname(place)
    if before and not _is_allowed(place, os.W_OK):
        raise EditRefused(f"{place} is read-only; no file was changed. Allow writing to it, and try again")
    if not _is_allowed(folder, os.W_OK | os.X_OK):
        raise EditRefused(f"{folder} is read-only, and a file is replaced from beside it; no file was changed. Allow writing to the folder")


def _is_allowed(path: str, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def digest_of(place: str) -> str:
    """Return the digest of what a file holds now, "" where there is none. Raises OSError for what is no file or cannot be read."""
    try:
        with open(place, "rb") as file:
            return digest(file.read())
    except FileNotFoundError:
        return ""


def write_durably(place: str, data: bytes) -> None:
    """Write a file in one step, readable by its owner alone, and see it on the disk. Raises OSError."""
    part = f"{place}.part"
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _EXACTLY, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, place)
        _settle(os.path.dirname(place))
    except BaseException:
        _remove(part)
        raise


def _put_back(one: Replacement) -> bool:
    try:
        if one.before:
            if digest_of(one.place) != one.before:
                os.replace(one.old, one.place)
        else:
            _remove(one.place)
    except OSError:
        return False
    return True


def _give(part: str, state: os.stat_result) -> None:
    """Give a new file the owner and group of the old one, as far as this user may."""
    if sys.platform == "win32":
        return
    for owner in (state.st_uid, -1):  # the group alone, where the owner is another user
        try:
            os.chown(part, owner, state.st_gid)
            return
        except OSError:
            continue


def _settle(folder: str) -> None:
    """See the names of a folder on the disk, where the system can."""
    if os.name != "posix":
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:  # some network file systems cannot
        pass
    finally:
        os.close(handle)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
