"""The machine as fact sources see it: files, environment variables and commands, all with limits.

Sources take a Host, never `open` or `os.environ`, so that recorded machines in `fixtures/hosts/` can stand in for it.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence
    from typing import Protocol

    class Host(Protocol):
        """What a source may ask. Paths are absolute texts."""

        platform: str  # as sys.platform: linux, darwin, win32
        prefix: str  # folder of the environment that is checked
        site_packages: tuple[str, ...]  # folders that hold its distributions, first found first
        python_version: str  # full version of its Python, "" where unknown
        memo: dict[str, object]  # what sources share during one collection, so that no tool runs twice

        def read_text(self, path: str, limit: int = 1 << 20) -> str | None:
            """Return at most `limit` bytes of a file as text (undecodable bytes replaced), or None if it cannot be read."""

        def read_bytes(self, path: str, offset: int = 0, limit: int = 1 << 20) -> bytes | None:
            """Return at most `limit` bytes of a file from `offset`, or None."""

        def find_bytes(self, path: str, pattern: bytes, limit: int = 16) -> list[bytes] | None:
            """Return the first matches of a bytes regular expression in a file of any size (memory-mapped), or None."""

        def list_dir(self, path: str) -> list[str] | None:
            """Return the names in a folder, sorted, or None if it cannot be read."""

        def exists(self, path: str) -> bool: ...

        def is_link(self, path: str) -> bool: ...

        def size(self, path: str) -> int | None:
            """Return a file's size in bytes, links followed, or None."""

        def getenv(self, name: str) -> str | None: ...

        def disk_free(self, path: str) -> int | None:
            """Return the free bytes of the file system that holds `path` or its nearest existing parent, or None."""

        def disk_total(self, path: str) -> int | None:
            """Return the size in bytes of the file system mounted at `path`, or None."""

        def real_path(self, path: str) -> str:
            """Return `path` with all links followed as far as they lead."""

        def machine(self) -> str:
            """Return the CPU architecture as the operating system prints it (x86_64, arm64, AMD64), or ""."""

        def kernel(self) -> str:
            """Return the release of the operating system's kernel, or ""."""

        def glibc(self) -> str:
            """Return the version of the GNU C library, or "" where there is none."""

        def memory(self) -> tuple[int | None, int | None]:
            """Return total and available bytes of memory where no file tells them (macOS, Windows)."""

        def which(self, program: str) -> str | None: ...

        def run(self, command: Sequence[str], timeout: float) -> Ran:
            """Run a system tool (never anything from the checked environment) and return what happened."""

        def cwd(self) -> str: ...


class Ran:
    """Result of a command: `status` is "ok", "missing", "failed" or "timed-out"."""

    __slots__ = ("output", "status")

    def __init__(self, status: str, output: str = "") -> None:
        self.status = status
        self.output = output


READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Flags to open any path with: a named pipe in the way must not hang the doctor."""


class LocalHost:
    """This machine, looking at one environment on it."""

    def __init__(
        self, prefix: str = "", site_packages: Sequence[str] = (), python_version: str = "", environ: Mapping[str, str] | None = None
    ) -> None:
        self.platform = sys.platform
        self.prefix = prefix or sys.prefix
        self.site_packages = tuple(site_packages)
        self.python_version = python_version
        self.memo: dict[str, object] = {}
        self._environ = os.environ if environ is None else environ

    def read_text(self, path: str, limit: int = 1 << 20) -> str | None:
        found = self.read_bytes(path, 0, limit)
        return None if found is None else found.decode("utf-8", "replace")

    def read_bytes(self, path: str, offset: int = 0, limit: int = 1 << 20) -> bytes | None:
        try:
            handle = os.open(path, READ)
        except (OSError, ValueError):
            return None
        try:
            if offset:
                os.lseek(handle, offset, os.SEEK_SET)
            chunks = []
            while limit > 0:
                chunk = os.read(handle, min(limit, 1 << 20))
                if not chunk:
                    break
                chunks.append(chunk)
                limit -= len(chunk)
            return b"".join(chunks)
        except OSError:
            return None
        finally:
            os.close(handle)

    def find_bytes(self, path: str, pattern: bytes, limit: int = 16) -> list[bytes] | None:
        import mmap
        import re

        try:
            handle = os.open(path, READ)
        except (OSError, ValueError):
            return None
        try:
            with mmap.mmap(handle, 0, access=mmap.ACCESS_READ) as view:
                found = []
                for match in re.finditer(pattern, view):
                    found.append(bytes(match.group(0)))
                    if len(found) >= limit:
                        break
                return found
        except (OSError, ValueError):
            return None
        finally:
            os.close(handle)

    def list_dir(self, path: str) -> list[str] | None:
        try:
            return sorted(os.listdir(path))
        except (OSError, ValueError):
            return None

    def exists(self, path: str) -> bool:
        return os.path.exists(path)

    def is_link(self, path: str) -> bool:
        return os.path.islink(path)

    def size(self, path: str) -> int | None:
        try:
            return os.stat(path).st_size
        except (OSError, ValueError):
            return None

    def getenv(self, name: str) -> str | None:
        return self._environ.get(name)

    def disk_free(self, path: str) -> int | None:
        while True:
            found = _file_system(path)
            if found is not None:
                return found[1]
            parent = os.path.dirname(path)
            if parent == path:
                return None
            path = parent

    def disk_total(self, path: str) -> int | None:
        found = _file_system(path)
        return None if found is None else found[0]

    def real_path(self, path: str) -> str:
        try:
            return os.path.realpath(path)
        except (OSError, ValueError):
            return path

    def machine(self) -> str:
        if hasattr(os, "uname"):
            return os.uname().machine
        return self._environ.get("PROCESSOR_ARCHITEW6432") or self._environ.get("PROCESSOR_ARCHITECTURE", "")

    def kernel(self) -> str:
        if hasattr(os, "uname"):
            return os.uname().release
        if sys.platform == "win32":
            found = sys.getwindowsversion()
            return f"{found.major}.{found.minor}.{found.build}"
        return ""

    def glibc(self) -> str:
        try:
            name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
        except (AttributeError, OSError, ValueError):
            return ""
        return version if name == "glibc" else ""

    def memory(self) -> tuple[int | None, int | None]:
        if sys.platform == "win32":
            return _windows_memory()
        try:
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), None
        except (AttributeError, OSError, ValueError):
            return None, None

    def which(self, program: str) -> str | None:
        if sys.platform == "win32":
            import shutil

            return shutil.which(program, path=self._environ.get("PATH"))
        # By hand elsewhere: importing shutil (with its compressors) costs more than all other look-ups of a check.
        for folder in self._environ.get("PATH", os.defpath).split(os.pathsep):
            path = os.path.join(folder, program)
            # Not from wherever the user happens to stand: the folder may be anybody's.
            if folder.startswith("/") and os.path.isfile(path) and os.access(path, os.X_OK):
                return path
        return None

    def run(self, command: Sequence[str], timeout: float) -> Ran:
        import subprocess

        if _in_environment(command[0], self.site_packages):
            return Ran("failed", f"{command[0]} belongs to a Python environment, and nothing of one is started")
        try:
            child = subprocess.Popen(  # noqa: S603 - fixed system tools, no shell
                list(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
            )
        except FileNotFoundError:
            return Ran("missing")
        except (OSError, ValueError) as error:
            return Ran("failed", str(error))
        try:
            output, _ = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            _abandon(child)
            return Ran("timed-out", f"no answer within {timeout:g} s")
        except BaseException:
            _abandon(child)
            raise
        return Ran("ok" if child.returncode == 0 else "failed", output.decode("utf-8", "replace"))

    def cwd(self) -> str:
        try:
            return os.getcwd()
        except OSError:
            return ""


def _in_environment(program: str, site_packages: Sequence[str]) -> bool:
    """Tell whether a program lies in a virtual environment, a conda prefix or a site-packages folder, by its path or by its link."""
    for path in {os.path.abspath(program), os.path.realpath(program)}:
        if any(path.startswith(folder.rstrip("/\\") + os.sep) for folder in site_packages if folder.rstrip("/\\")):
            return True
        folder = os.path.dirname(path)
        while folder != os.path.dirname(folder):
            if os.path.isfile(os.path.join(folder, "pyvenv.cfg")) or os.path.isdir(os.path.join(folder, "conda-meta")):
                return True
            folder = os.path.dirname(folder)
    return False


def _abandon(child: subprocess.Popen[bytes]) -> None:
    """Kill a program and all that it started; one that hangs in the driver cannot be killed and is not waited for."""
    import signal
    import subprocess

    try:
        if sys.platform == "win32":
            child.kill()
        else:
            os.killpg(child.pid, signal.SIGKILL)
    except OSError:
        pass
    try:
        child.wait(0.5)
    except subprocess.TimeoutExpired:
        child.returncode = -9  # given up: no warning about it when it is collected
    if child.stdout is not None:
        child.stdout.close()


def _file_system(path: str) -> tuple[int, int] | None:
    """Return total and free bytes of the file system that holds an existing path."""
    try:
        if hasattr(os, "statvfs"):
            found = os.statvfs(path)
            return found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
        import shutil

        usage = shutil.disk_usage(path)
        return usage.total, usage.free
    except (OSError, ValueError):
        return None


def _windows_memory() -> tuple[int | None, int | None]:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong), ("load", ctypes.c_ulong), ("total", ctypes.c_ulonglong), ("available", ctypes.c_ulonglong),
            ("rest", ctypes.c_ulonglong * 5),
        )  # fmt: skip

    status = Status(length=ctypes.sizeof(Status))
    try:
        if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):  # type: ignore[attr-defined,unused-ignore]
            return None, None
    except (AttributeError, OSError):
        return None, None
    return status.total, status.available


class FilesOnlyHost(LocalHost):
    """This machine, for callers that promised to start no program."""

    def run(self, command: Sequence[str], timeout: float) -> Ran:
        return Ran("failed", "not run: only files are read here")
