"""Mines installed distributions, each in a process of its own: one that dies is a result, and an interrupt ends all of them at once.

A process reads files and tells its parent what it found, in a file without a name. It imports nothing but envdoctor and what that needs:
neither the working directory nor the start-up files of the environment (.pth) are looked at.
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
    from typing import IO, Union

    from envdoctor.model.surface import Surface

    Outcome = tuple[Installed, Union[Surface, ReleaseError]]
    Running = tuple[Popen[bytes], IO[bytes], Installed]

_PAUSE = 0.02  # seconds between two looks at the children
_MOST_JOBS = 4
"""Children at once at most: each takes up to 2 GB for the largest packages."""
_START = "import sys; sys.path[:] = sys.argv[4:]; from envdoctor.miner.apart import child; child(*sys.argv[1:4])"
_MINED, _REFUSED = 0, 3
"""Exit codes of a child that has told a surface, or a sentence that says why there is none."""


def mine_apart(wanted: Sequence[Installed], begun: Callable[[Sequence[Installed]], None], jobs: int = 0) -> Iterator[Outcome]:
    """Mine distributions, some at once, and return each with its surface, or with the reason why it has none.

    `begun` is told which are being mined, whenever that changes; `jobs` is 0 for as many at once as this machine can bear.
    """
    import time

    most = jobs or min(default_jobs(), _MOST_JOBS)
    waiting = list(wanted)
    running: list[Running] = []
    try:
        while waiting or running:
            while waiting and len(running) < most:
                found = waiting.pop(0)
                try:
                    running.append(_start(found))
                except OSError as error:
                    yield found, _reason(found, f"no process can be started ({error.strerror or error})")
                begun([one for _, _, one in running])
            ended = [one for one in running if one[0].poll() is not None]
            for process, told, found in ended:
                running.remove((process, told, found))
                begun([one for _, _, one in running])
                yield found, _outcome(process, told, found)
            if not ended:
                time.sleep(_PAUSE)
    finally:
        for process, told, _ in running:
            process.kill()
            _let_go(process, told)


def _start(found: Installed) -> Running:
    from subprocess import DEVNULL, PIPE, Popen
    from tempfile import TemporaryFile

    home = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    here = _working_directory()
    known = [folder for folder in sys.path if os.path.isabs(folder) and folder != here]
    words = [sys.executable, "-I", "-S", "-W", "ignore", "-c", _START, found.package, found.version, found.site_packages, *known, home]
    told = TemporaryFile()  # noqa: SIM115 - closed when the process has ended
    try:
        return Popen(words, stdin=PIPE, stdout=told, stderr=DEVNULL), told, found  # noqa: S603 - this very interpreter, no shell
    except OSError:
        told.close()
        raise


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:  # deleted underneath
        return ""


def _let_go(process: Popen[bytes], told: IO[bytes]) -> None:
    if process.stdin is not None:
        try:
            process.stdin.close()
        except OSError:
            pass
    process.wait()
    told.close()


def _outcome(process: Popen[bytes], told: IO[bytes], found: Installed) -> Surface | ReleaseError:
    try:
        told.seek(0)
        data = told.read()
    finally:
        _let_go(process, told)
    if process.returncode == _MINED:
        try:
            return unpack(data)
        except ValueError:  # cut off, as on a full disk
            return _reason(found, "what was read of its files could not be handed on")
    if process.returncode == _REFUSED:
        return ReleaseError(data.decode("utf-8", "replace"))
    return _reason(found, f"the process that read its files ended with {process.returncode}, as it does for want of memory")


def _reason(found: Installed, text: str) -> ReleaseError:
    return ReleaseError(f"{found.package} {found.version}: {text}; run this again, or leave its files out with --no-deep")


def child(package: str, version: str, site_packages: str) -> None:
    """Mine one distribution and write what came of it to stdout: what a process does, whose parent ended when its stdin ends."""
    import signal
    import threading

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's to handle
    threading.Thread(target=_end_with_parent, daemon=True).start()
    found = Installed(package=package, version=version, site_packages=site_packages)
    code = _REFUSED
    try:
        data = pack(mine_installed(found))
        code = _MINED
    except EnvdoctorError as error:
        data = str(error).encode("utf-8", "replace")
    except Exception as error:  # noqa: BLE001 - whatever a package does to the miner, the check goes on without it
        data = _defect(found, error).encode("utf-8", "replace")
    sys.stdout.buffer.write(data)
    sys.stdout.flush()
    os._exit(code)  # to free all trees one by one would take as long as a third of the mining


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


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
