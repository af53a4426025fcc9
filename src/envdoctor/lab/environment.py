"""A throw-away environment: made with uv from exact versions or requirements, used, and removed whatever happens.

uv links files from its cache into an environment, so all environments with one torch share one copy of it on the disk.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile

from envdoctor.lab.bytecode import share
from envdoctor.lab.children import Ran, run
from envdoctor.model.errors import EnvdoctorError
from envdoctor.model.names import normalise
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from typing_extensions import Self

PREFIX = "envdoctor-lab-"
SEEDED = "setuptools 65.5.0 (as python3.11 -m venv does)"
"""How a record tells an environment that held setuptools before, as `python -m venv` on Python 3.11 leaves it."""
BARE = "none (bare uv venv)"
_PASSED_ON = {
    # what a user told pip, under the name that uv reads; uv's own variables win
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_CERT": "SSL_CERT_FILE",
    "PIP_TRUSTED_HOST": "UV_INSECURE_HOST",
    "PIP_DEFAULT_TIMEOUT": "UV_HTTP_TIMEOUT",
}
_PRIVATE = ("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "PYTHONWARNINGS", "PYTHONSTARTUP", "VIRTUAL_ENV", "CONDA_PREFIX")
"""Variables of the caller that would leak into the environment under test, or make every start slow."""


class LabError(EnvdoctorError):
    """The lab cannot work here: says what is missing and what to do."""


class Limits(Record):
    """How long and how much. Seconds for one installation and one child; bytes of disk to leave free, and of uv's cache at most."""

    install: float = 900.0
    child: float = 420.0
    free: int = 12 << 30
    cache: int = 30 << 30


class Settings(Record):
    """What every environment of a run has in common."""

    uv: str
    folder: str = ""
    bytecode: str = ""
    python: str = "3.11"
    find_links: tuple[str, ...] = ()
    limits: Limits = Limits()


def find_uv(environ: Mapping[str, str]) -> str:
    """Return the uv to use: the one beside this interpreter, or the first on PATH. Raises LabError."""
    beside = os.path.join(os.path.dirname(sys.executable), "uv.exe" if os.name == "nt" else "uv")
    found = beside if os.path.isfile(beside) else shutil.which("uv", path=environ.get("PATH"))
    if found is None:
        raise LabError("the lab installs with uv, and there is none beside this Python or on PATH; install it: pip install uv")
    return found


def surroundings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for uv and for children: the caller's, without those that leak, and with pip's index settings told to uv."""
    told = {name: value for name, value in environ.items() if name not in _PRIVATE}
    for theirs, ours in _PASSED_ON.items():
        if environ.get(theirs) and not told.get(ours):
            told[ours] = environ[theirs]
    told.update(UV_LINK_MODE=environ.get("UV_LINK_MODE", "hardlink"), UV_NO_PROGRESS="1")
    return told


def local_cpu_torch(environ: Mapping[str, str], find_links: Sequence[str] = ()) -> str:
    """Return `torch==VERSION+cpu` for the newest CPU build of torch in the user's own wheel folders, or an empty text."""
    from envdoctor.model.versions import key

    told = [*find_links, *environ.get("UV_FIND_LINKS", "").split(","), *environ.get("PIP_FIND_LINKS", "").split()]
    found = set()
    for folder in told:
        if folder and os.path.isdir(folder):
            for name in os.listdir(folder):
                parts = name.split("-")
                if name.endswith(".whl") and parts[0] == "torch" and parts[1].endswith("+cpu"):
                    found.add(parts[1])
    return f"torch=={max(found, key=key)}" if found else ""


def free_bytes(folder: str) -> int:
    """Return how many bytes are free where a folder lies."""
    return shutil.disk_usage(folder).free


def sweep(folder: str) -> None:
    """Remove environments that a killed lab left in a folder."""
    for name in os.listdir(folder):
        if not name.startswith(PREFIX):
            continue
        number = name[len(PREFIX) :].partition("-")[0]
        if number.isdecimal() and not _alive(int(number)):
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)


def _alive(number: int) -> bool:
    if os.name != "posix":
        return True  # a signal of 0 would end the process there
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


class Environment:
    """A virtual environment that exists between `with` and its end. Raises LabError when it cannot be made or the disk is too full."""

    def __init__(self, settings: Settings, environ: Mapping[str, str], seed: str = BARE) -> None:
        self.settings, self.seed = settings, seed
        self.environ = surroundings(environ)

    def __enter__(self) -> Self:
        where = self.settings.folder or tempfile.gettempdir()
        _need_room(where, self.settings.limits.free)
        self.root = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=where)
        try:
            self.folder = os.path.join(self.root, "env")
            made = self._uv("venv", "-q", "-p", self.settings.python, self.folder)
            if made.code != 0:
                raise LabError(f"uv cannot make an environment with Python {self.settings.python}: {made.err.strip()}")
            self.python = os.path.join(self.folder, "Scripts" if os.name == "nt" else "bin", "python")
            if self.seed not in (BARE, ""):
                done = self.install(("setuptools==65.5.0",))
                if done.code != 0:
                    raise LabError(f"setuptools cannot be installed: {done.err.strip()[-600:]}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.root, ignore_errors=True)

    def _uv(self, *words: str, seconds: float = 120.0) -> Ran:
        return run([self.settings.uv, *words], seconds, self.environ, self.root)

    def install(self, words: Sequence[str]) -> Ran:
        """Install what the words ask for, as `uv pip install` takes them (`--no-deps`, `--exclude-newer DATE`, `-P NAME` ...)."""
        _need_room(self.root, self.settings.limits.free)
        links = [word for link in self.settings.find_links for word in ("--find-links", link)]
        return self._uv("pip", "install", "-p", self.folder, *links, *words, seconds=self.settings.limits.install)

    def packages(self) -> dict[str, str]:
        """Return the versions of all that is installed. Raises LabError."""
        told = self._uv("pip", "list", "-q", "-p", self.folder, "--format", "json")
        try:
            return {normalise(str(one["name"])): str(one["version"]) for one in json.loads(told.out)}
        except (ValueError, KeyError, TypeError):
            raise LabError(f"uv does not list the environment: {told.err.strip()[-600:]}") from None

    def share_bytecode(self, packages: Mapping[str, str]) -> None:
        """Let children find and keep bytecode in the store of this run, if it has one."""
        site = self._site()
        if self.settings.bytecode and site:
            self.environ.update(share(self.settings.bytecode, self.root, site, packages))

    def _site(self) -> str:
        for here, folders, _ in os.walk(self.folder):
            if "site-packages" in folders:
                return os.path.join(here, "site-packages")
        return ""

    def metadata(self) -> tuple[bool, str]:
        """Return whether the declared requirements are met, and what `uv pip check` says about it."""
        told = self._uv("pip", "check", "-p", self.folder)
        lines = [line for line in told.err.splitlines() if line and not line.startswith(("Using ", "Checked ", "Found ", "All "))]
        return told.code == 0, "\n".join(lines)

    def run(self, words: Sequence[str], seconds: float | None = None, more: Mapping[str, str] | None = None) -> Ran:
        """Run this environment's Python with the words, in an empty folder of its own."""
        folder = tempfile.mkdtemp(prefix="run-", dir=self.root)
        room = os.path.join(self.root, "t")  # whatever a killed child leaves goes with the environment
        os.makedirs(room, exist_ok=True)
        environ = {**self.environ, "TMPDIR": room, "TEMP": room, "TMP": room, **(more or {})}
        return run([self.python, *words], seconds or self.settings.limits.child, environ, folder)


def _need_room(folder: str, floor: int) -> None:
    free = free_bytes(folder)
    if free < floor:
        raise LabError(
            f"{folder}: {free >> 30} GB of the disk are free, and the lab stops below {floor >> 30}; make room (`uv cache prune`, "
            "`uv cache clean torch`), or lower the floor with --keep-free"
        )


def cache_folder(settings: Settings, environ: Mapping[str, str]) -> str:
    """Return the folder of uv's cache."""
    return run([settings.uv, "cache", "dir"], 60, surroundings(environ)).out.strip()


def biggest(packages: Iterable[str]) -> list[str]:
    """Return the packages of a torch layer that fill a cache."""
    return [name for name in packages if name in ("torch", "triton", "torchvision") or name.startswith(("nvidia-", "cuda-"))]


def cache_size(folder: str) -> int:
    """Return how many bytes a folder takes."""
    total = 0
    for here, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(here, name)).st_size
            except OSError:
                continue
    return total


def trim_cache(settings: Settings, environ: Mapping[str, str], names: Sequence[str]) -> bool:
    """Remove big packages from uv's cache when it is above its ceiling or the disk nears its floor; say whether that was so."""
    folder = cache_folder(settings, environ)
    if not names or not os.path.isdir(folder):
        return False
    if cache_size(folder) < settings.limits.cache and free_bytes(folder) > settings.limits.free + (8 << 30):
        return False
    run([settings.uv, "cache", "clean", *names], 600, surroundings(environ))
    return True
