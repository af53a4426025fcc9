"""Starts programs that may hang or crash, ends them with everything they started, and leaves none behind."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time

from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LONGEST = 200_000
"""Bytes kept of each output of a child; what it says last is what matters."""


class Stopped(BaseException):
    """The lab was told to stop (Ctrl-C); derived from BaseException so that no cell takes it for a result."""


class Ran(Record):
    """What became of a child: `code` is negative for a signal, None when its time ran out."""

    code: int | None
    out: str
    err: str
    seconds: float


_RUNNING: set[subprocess.Popen[bytes]] = set()
_STOPPING = threading.Event()


def run(words: Sequence[str], seconds: float, environ: Mapping[str, str] | None = None, folder: str | None = None, text: str = "") -> Ran:
    """Run a program for at most so many seconds and return what became of it. Raises OSError when it cannot be started, and Stopped."""
    if _STOPPING.is_set():
        raise Stopped
    began = time.monotonic()
    child = subprocess.Popen(  # noqa: S603 - the lab's own words, no shell
        list(words),
        stdin=subprocess.PIPE if text else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=None if environ is None else dict(environ),
        cwd=folder,
        start_new_session=os.name == "posix",
    )
    _RUNNING.add(child)
    code: int | None = None
    try:
        try:
            out, err = child.communicate(text.encode() if text else None, timeout=seconds)
            code = child.returncode
        except subprocess.TimeoutExpired:
            end(child)
            out, err = child.communicate()
    finally:
        end(child)
        _RUNNING.discard(child)
    if _STOPPING.is_set():
        raise Stopped
    return Ran(code=code, out=_read(out), err=_read(err), seconds=round(time.monotonic() - began, 1))


def _read(raw: bytes) -> str:
    return raw[-LONGEST:].decode("utf-8", "replace")


def end(child: subprocess.Popen[bytes]) -> None:
    """End a child and all that it started."""
    try:
        if os.name == "posix":
            os.killpg(child.pid, signal.SIGKILL)
        elif child.poll() is None:
            child.kill()
    except (ProcessLookupError, PermissionError):
        pass


def stop_all() -> None:
    """End every child now, and let no new one start."""
    _STOPPING.set()
    for child in list(_RUNNING):
        end(child)


def go_on() -> None:
    """Let children start again after `stop_all`."""
    _STOPPING.clear()
