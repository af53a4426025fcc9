"""Mines installed distributions, each in a process of its own: one that dies is a result, and an interrupt ends all of them at once.

A process reads and writes files only. It imports nothing but envdoctor and what that needs: neither the working directory nor the
start-up files of the environment (.pth) are looked at.
"""

from __future__ import annotations

import os
import sys

from envdoctor.miner.installed import Installed, mine_installed
from envdoctor.miner.packed import pack, unpack
from envdoctor.model.errors import EnvdoctorError, ReleaseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from subprocess import Popen
    from typing import Union

    from envdoctor.model.surface import Surface

    Outcome = tuple[Installed, Union[Surface, ReleaseError]]

_PAUSE = 0.02  # seconds between two looks at the children
_MOST_JOBS = 4
"""Children at once at most: each takes up to 2 GB for the largest packages."""
_START = "import sys; sys.path[:] = sys.argv[5:]; from envdoctor.miner.apart import child; child(*sys.argv[1:5])"
_FAILED = ".failed"


def mine_apart(wanted: Sequence[Installed], begun: Callable[[Sequence[Installed]], None], jobs: int = 0) -> Iterator[Outcome]:
    """Mine distributions, some at once, and return each with its surface, or with the reason why it has none.

    `begun` is told which are being mined, whenever that changes; `jobs` is 0 for as many at once as this machine can bear.
    """
    import shutil
    import tempfile
    import time

    most = jobs or min(default_jobs(), _MOST_JOBS)
    waiting = list(wanted)
    running: dict[str, tuple[Popen[bytes], Installed]] = {}
    folder = tempfile.mkdtemp(prefix="envdoctor-")
    try:
        while waiting or running:
            while waiting and len(running) < most:
                found = waiting.pop(0)
                path = os.path.join(folder, str(len(waiting)))
                try:
                    running[path] = _start(found, path), found
                except OSError as error:
                    yield found, _reason(found, f"no process can be started ({error.strerror or error})")
                begun([one for _, one in running.values()])
            ended = [path for path, (process, _) in running.items() if process.poll() is not None]
            for path in ended:
                process, found = running.pop(path)
                _let_go(process)
                begun([one for _, one in running.values()])
                yield found, _outcome(found, path, process.returncode)
            if not ended:
                time.sleep(_PAUSE)
    finally:
        for process, _ in running.values():
            process.kill()
            _let_go(process)
        shutil.rmtree(folder, ignore_errors=True)


def _start(found: Installed, path: str) -> Popen[bytes]:
    from subprocess import DEVNULL, PIPE, Popen

    home = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    here = _working_directory()
    known = [folder for folder in sys.path if os.path.isabs(folder) and folder != here]
    told = (path, found.package, found.version, found.site_packages)
    words = [sys.executable, "-I", "-S", "-W", "ignore", "-c", _START, *told, *known, home]
    return Popen(words, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL)  # noqa: S603 - this very interpreter, no shell


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:  # deleted underneath
        return ""


def _let_go(process: Popen[bytes]) -> None:
    if process.stdin is not None:
        try:
            process.stdin.close()
        except OSError:
            pass
    process.wait()


def _outcome(found: Installed, path: str, code: int) -> Surface | ReleaseError:
    try:
        with open(path, "rb") as file:
            return unpack(file.read())
    except (OSError, ValueError):
        pass
    try:
        with open(path + _FAILED, encoding="utf-8", errors="replace") as file:
            return ReleaseError(file.read())
    except OSError:
        pass
    return _reason(found, f"the process that read its files ended with {code}, as it does for want of memory")


def _reason(found: Installed, text: str) -> ReleaseError:
    return ReleaseError(f"{found.package} {found.version}: {text}; run this again, or leave its files out with --no-deep")


def child(path: str, package: str, version: str, site_packages: str) -> None:
    """Mine one distribution and write what came of it to a file: what a process does, whose parent ended when its stdin ends."""
    import signal
    import threading

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's to handle
    threading.Thread(target=_end_with_parent, daemon=True).start()
    found = Installed(package=package, version=version, site_packages=site_packages)
    try:
        _write(path, pack(mine_installed(found)))
    except EnvdoctorError as error:
        _write(path + _FAILED, str(error).encode("utf-8", "replace"))
    except Exception as error:  # noqa: BLE001 - whatever a package does to the miner, the check goes on without it
        _write(path + _FAILED, _defect(found, error).encode("utf-8", "replace"))
    os._exit(0)  # to free all trees one by one would take as long as a third of the mining


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def _write(path: str, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)


def _defect(found: Installed, error: Exception) -> str:
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    at = f" ({os.path.basename(frames[-1].filename)}, line {frames[-1].lineno})" if frames else ""
    told = " ".join(str(error).split())[:200]
    reason = f"{type(error).__name__}: {told}{at}"
    return f"{found.package} {found.version}: its files cannot be mined ({reason}); please report this as a defect of envdoctor"


def default_jobs() -> int:
    """Return how many releases are mined at once where nobody says: one a processor that this process may use."""
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:
        return max(1, os.cpu_count() or 1)
