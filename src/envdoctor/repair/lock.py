"""A lock that one process holds on a file, and that the system takes back whatever becomes of the process."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager

from envdoctor.model.errors import RepairError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = ".envdoctor-lock"
"""The lock of an environment, in its folder."""
_FAR = 1 << 20  # Windows locks bytes against reading too; this one is behind those that tell the holder


class Lock:
    """A lock that is held. On POSIX, a child that inherits `handle` goes on holding it, should this process be killed."""

    def __init__(self, handle: int) -> None:
        self.handle = handle
        self._holders = [os.getpid()]
        self._tell()

    def share(self, child: int) -> None:
        """Note the process that inherited the lock."""
        self._holders.append(child)
        self._tell()

    def _tell(self) -> None:
        os.lseek(self.handle, 0, os.SEEK_SET)
        os.write(self.handle, (" ".join(map(str, self._holders)) + "\n").encode())
        os.ftruncate(self.handle, os.lseek(self.handle, 0, os.SEEK_CUR))


@contextmanager
def hold(path: str, what: str) -> Iterator[Lock]:
    """Hold a lock while the block runs. Raises RepairError when another process has it, naming that, or when it cannot be made."""
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise RepairError(
                f"{path} cannot be made ({error.strerror or error}), so {what} cannot be changed; check its permissions"
            ) from None
        try:
            _lock(handle)
        except OSError:
            holder = _holder(handle)
            os.close(handle)
            raise RepairError(f"{what} is being changed by {holder}; wait until that has ended, and try again") from None
        if _is_there(path, handle):
            break
        os.close(handle)  # its last holder has just removed it
    try:
        yield Lock(handle)
    finally:
        _remove(path)
        os.close(handle)


def _holder(handle: int) -> str:
    try:
        os.lseek(handle, 0, os.SEEK_SET)
        pids = [int(word) for word in os.read(handle, 100).split()]
    except (OSError, ValueError):
        pids = []
    if not pids:
        return "another process"
    if _lives(pids[0]):
        return f"process {pids[0]}"
    # What it started goes on, or at least what that has started, such as a build.
    left = f"process {pids[-1]}" if _lives(pids[-1]) else f"what process {pids[-1]} has left running"
    return f"{left}, which an envdoctor that was killed has started"


def _lives(pid: int) -> bool:
    if os.name != "posix":
        return True  # a signal of 0 would end the process there
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _is_there(path: str, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except OSError:
        return False


def _remove(path: str) -> None:
    """Leave no lock file behind; Windows keeps one that is open, and it does no harm."""
    try:
        os.unlink(path)
    except OSError:
        pass


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        os.lseek(handle, _FAR, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
