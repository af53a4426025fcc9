"""Starts what installs: uv, or where there is none the environment's own pip. Knows how each is told, not what is wanted."""

from __future__ import annotations

import os
import signal
import subprocess

from envdoctor.model.errors import RepairError
from envdoctor.repair.sources import environment_for_uv
from envdoctor.repair.uv import find_uv

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envdoctor.repair.lock import Lock

_IN_PIP = {"--default-index": "--index-url", "--index": "--extra-index-url"}
"""uv's words for which pip has others."""
_ONLY_UV = ("--torch-backend", "--index-strategy", "--exclude-newer")
_PATHS = ("--find-links", "-f", "--index-url", "-i", "--extra-index-url", "--index", "--default-index")
_PRIVATE = ("PYTHONPATH", "PYTHONHOME")
"""Variables of this process that would put other packages before those of the environment."""
_GRACE = 10.0
"""Seconds that an installer has to end after it was interrupted."""


class Installer:
    """Installs exact requirements into the environment of an interpreter, and nothing else.

    `--no-deps`, for a plan names everything that moves: an installer that resolved once more might move a package nobody was shown, or
    refuse a set that only lessons about wrong metadata allow. What is declared is compared afterwards, with `complaints`.
    `folder` is where it is started, so that settings of a project (old constraints, say) have no say; `lock` is held by the child too.
    """

    def __init__(self, python: str, environ: Mapping[str, str], folder: str, lock: Lock, *, quiet: bool = False) -> None:
        uv = find_uv(environ)
        self.name = "uv" if uv else "pip"
        self._python, self._folder, self._lock = python, folder, lock
        self._start = [uv, "pip"] if uv else [python, "-m", "pip"]
        self._more = ["-q"] if quiet else []
        self._environ = environment_for_uv(environ, python) if uv else {name: environ[name] for name in environ if name not in _PRIVATE}
        if "UV_NO_PROGRESS" not in environ:
            self._environ.pop("UV_NO_PROGRESS", None)
        if not uv and self._run(["--version"], aloud=False)[0]:
            raise RepairError(f"there is neither uv nor, in the environment of {python}, pip; install one of them: pip install uv")

    def install(self, wanted: Sequence[str], options: Sequence[str], anew: Sequence[str] = ()) -> None:
        """Install requirements in one go, those named in `anew` even where the version is there. Raises RepairError."""
        if wanted:
            self._must("install", *self._words(wanted, options, anew))

    def could_install(self, wanted: Sequence[str], options: Sequence[str], anew: Sequence[str] = ()) -> str:
        """Return why these could not be installed, "" if all are found; nothing is changed."""
        if not wanted:
            return ""
        code, said = self._run(["install", *self._at(), "-q", "--dry-run", *self._words(wanted, options, anew)], aloud=False)
        if code == 0 or "no such option: --dry-run" in said:  # a pip before 22.2, which cannot say
            return ""
        return "\n".join(said.strip().splitlines()[-8:]) or f"{self.name} ended with exit code {code}"

    def uninstall(self, names: Sequence[str]) -> None:
        """Remove packages. Raises RepairError."""
        if names:
            self._must("uninstall", *(() if self.name == "uv" else ("-y",)), *names)

    def complaints(self) -> frozenset[str]:
        """Return what the installer's own `check` finds wrong in what packages declare of each other."""
        code, said = self._run(["check", *self._at()], aloud=False)
        if code == 0:
            return frozenset()
        lines = (line.strip() for line in said.splitlines())
        return frozenset(line for line in lines if line and not line.startswith(("Using ", "Checked ", "Found ", "warning:")))

    def _at(self) -> list[str]:
        return ["--python", self._python] if self.name == "uv" else []

    def _words(self, wanted: Sequence[str], options: Sequence[str], anew: Sequence[str]) -> list[str]:
        if self.name == "uv":
            told, forced = list(options), [word for name in anew for word in ("--reinstall-package", name)]
        else:
            told, forced = _for_pip(options), ["--force-reinstall"] if anew else []  # all of them move anyway
        parts = [word for one in wanted for word in (("-e", one[3:]) if one.startswith("-e ") else (one,))]
        return ["--no-deps", *forced, *told, *parts]

    def _must(self, action: str, *words: str) -> None:
        code, _ = self._run([action, *self._at(), *self._more, *words], aloud=True)
        if code:
            raise RepairError(
                f"{self.name} could not {action} ({'stopped by a signal' if code < 0 else f'exit code {code}'}); it says above why"
            )

    def _run(self, words: Sequence[str], *, aloud: bool) -> tuple[int, str]:
        """Run it to its end, however long that takes; what it prints goes to stderr, or is returned."""
        try:
            child = subprocess.Popen(  # noqa: S603 - the installer itself, with words of our own
                [*self._start, *words],
                stdin=subprocess.DEVNULL,
                stdout=2 if aloud else subprocess.PIPE,
                stderr=None if aloud else subprocess.STDOUT,
                cwd=self._folder,
                env=self._environ,
                pass_fds=(self._lock.handle,) if os.name == "posix" else (),
            )
        except OSError as error:
            raise RepairError(f"{self._start[0]} cannot be started ({error.strerror or error}); install uv anew: pip install uv") from None
        if aloud:
            self._lock.share(child.pid)
        try:
            said, _ = child.communicate()
        except BaseException:
            _end(child)
            raise
        return child.returncode, (said or b"").decode("utf-8", "replace")


def _end(child: subprocess.Popen[bytes]) -> None:
    """End an installer that need not have heard of the interruption itself, gently first."""
    try:
        child.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
        child.wait(_GRACE)
    except subprocess.TimeoutExpired:
        pass
    finally:
        child.kill()
        child.wait()


def absolute(options: Sequence[str], folder: str) -> tuple[str, ...]:
    """Return an installer's options with folders of wheels named from anywhere."""
    told = []
    takes_path = False
    for word in options:
        option, equals, value = word.partition("=")
        if takes_path:
            word = _placed(word, folder)
        elif equals and option in _PATHS:
            word = f"{option}={_placed(value, folder)}"
        takes_path = word in _PATHS
        told.append(word)
    return tuple(told)


def _placed(word: str, folder: str) -> str:
    path = os.path.join(folder, word)
    return path if "://" not in word and os.path.exists(path) else word


def _for_pip(options: Sequence[str]) -> list[str]:
    """Return uv's options in pip's words. Raises RepairError for one that pip has no word for."""
    told = []
    for word in options:
        option, equals, value = word.partition("=")
        if option in _ONLY_UV:
            raise RepairError(f"{option} is an option of uv, and there is none; install it: pip install uv")
        told.append(_IN_PIP.get(option, option) + equals + value)
    return told
