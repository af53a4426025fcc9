"""Solves with uv: one `uv pip compile` for a question, in a folder of its own, with lessons as `dependency-metadata`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile

from envdoctor.model.errors import RepairError
from envdoctor.model.names import normalise
from envdoctor.model.record import Record
from envdoctor.repair.question import Conflict, Solution
from envdoctor.repair.sources import Sources, environment_for_uv
from envdoctor.repair.toml_text import Written, inline, written

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Union

    from envdoctor.repair.lessons import Lessons
    from envdoctor.repair.metadata import Metadata
    from envdoctor.repair.question import Question

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)")
_AT = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])? @ (\S+)")
_NEEDS_NETWORK = ("network was disabled", "offline", "not found in the cache", "Failed to fetch", "error sending request")
_UNSOLVED = "No solution found"
_SECONDS = 600.0
PLATFORMS: dict[str, str] = {
    "linux-x86_64": "x86_64-unknown-linux-gnu",
    "linux-aarch64": "aarch64-unknown-linux-gnu",
    "macos-arm64": "aarch64-apple-darwin",
    "macos-x86_64": "x86_64-apple-darwin",
    "windows-x86_64": "x86_64-pc-windows-msvc",
    "windows-arm64": "aarch64-pc-windows-msvc",
}
"""uv's names of the platforms that the doctor knows."""


class Target(Record):
    """For whom is resolved: an interpreter of this machine, or a version of Python and a platform of another."""

    python: str = ""
    python_version: str = ""
    platform: str = ""


def find_uv(environ: Mapping[str, str]) -> str:
    """Return the uv to use: the one beside this interpreter, or the first on PATH; "" for none."""
    beside = os.path.join(os.path.dirname(sys.executable), "uv.exe" if os.name == "nt" else "uv")
    return beside if os.path.isfile(beside) else shutil.which("uv", path=environ.get("PATH")) or ""


class Uv:
    """A resolver. The index is asked once, then uv's cache answers, unless it lacks something."""

    name = "uv"

    def __init__(
        self, uv: str, environ: Mapping[str, str], metadata: Metadata, sources: Sources, target: Target, *, offline: bool = False
    ) -> None:
        self._uv, self._metadata, self._sources, self._target = uv, metadata, sources, target
        self._environ = environment_for_uv(environ, target.python)
        self._offline = offline
        self._has_asked = False
        self._known: frozenset[str] = frozenset()
        self.calls = 0

    def solve(self, question: Question, lessons: Lessons | None = None) -> Union[Solution, Conflict]:
        """Return a set that keeps the question, declared metadata and lessons, or why there is none. Raises RepairError."""
        with tempfile.TemporaryDirectory(prefix="envdoctor-plan-") as folder:
            self._write(folder, question, lessons)
            words = [self._uv, "pip", "compile", "in.txt", "--no-header", "--no-annotate", "--quiet", "-o", "out.txt", *self._words()]
            if os.path.exists(os.path.join(folder, "pyproject.toml")):
                words.append("pyproject.toml")
            if question.newest:
                words.append("--upgrade")
            done = None
            if self._offline or self._has_asked:
                done = self._run([*words, "--offline"], folder)
                if not self._offline and done.returncode and any(word in done.stderr for word in _NEEDS_NETWORK):
                    self._write(folder, question, lessons)
                    done = None
            if done is None:
                done = self._run(words, folder)
                self._has_asked = True
            return self._answer(done, folder, question)

    def hashes(self, pins: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
        """Return the hashes of the files of some releases, as pip's `--hash` takes them. Raises RepairError."""
        with tempfile.TemporaryDirectory(prefix="envdoctor-plan-") as folder:
            lines = [*self._sources.lines, *(f"{name}=={version}" for name, version in pins.items())]
            _put(folder, "in.txt", "\n".join([*lines, ""]))
            if self._sources.settings:
                _put(folder, "uv.toml", written(self._sources.settings))
            words = [self._uv, "pip", "compile", "in.txt", "--no-header", "--no-annotate", "--quiet", "--no-deps", "--generate-hashes"]
            done = self._run([*words, "-o", "out.txt", *self._words()[2:]], folder)
            if done.returncode:
                raise RepairError(_failure(done.stderr.strip()))
            with open(os.path.join(folder, "out.txt"), encoding="utf-8") as file:
                text = file.read().replace("\\\n", " ")
        found = {}
        for line in text.splitlines():
            pin = _PIN.match(line)
            if pin:
                found[normalise(pin[1])] = tuple(word.removeprefix("--hash=") for word in line.split() if word.startswith("--hash="))
        return found

    def _write(self, folder: str, question: Question, lessons: Lessons | None) -> None:
        own = [wish for wish in question.wishes if wish.name in self._sources.named]
        plain = [wish for wish in question.wishes if wish not in own]
        labels = {
            name: version.partition("+")[2]
            for name, version in [*question.prefer.items(), *((wish.name, wish.specifier or "") for wish in question.wishes)]
            if "+" in version
        }
        names = {*question.prefer, *(wish.name for wish in question.wishes), *self._known}
        settings = dict(self._sources.settings)
        entries = self._metadata.entries(names, lessons, labels, _extras(question, self._metadata))
        theirs = settings.pop("dependency-metadata", [])
        kept = [one for one in theirs if (normalise(str(one.get("name", ""))), one.get("version")) not in entries]
        rows = [*(inline(one) for one in kept), *entries.values()]
        joined = ",\n".join(rows)
        if rows:
            settings["dependency-metadata"] = Written(f"[\n{joined}\n]")
        lines = [*self._sources.lines, *(wish.text(question.specifiers.get(wish.name)) for wish in plain)]
        if own:
            project = {
                "project": {
                    "name": "envdoctor-plan", "version": "0",
                    "dependencies": [wish.text(question.specifiers.get(wish.name)) for wish in own],
                },
                "tool": {"uv": {**settings, "sources": {wish.name: self._sources.named[wish.name] for wish in own}}},
            }  # fmt: skip
            _put(folder, "pyproject.toml", written(project))
        elif settings:
            _put(folder, "uv.toml", written(settings))
        _put(folder, "in.txt", "\n".join([*lines, ""]))
        _put(folder, "limits.txt", "\n".join([f"{name}{specifier}" for name, specifier in question.limits] + [""]))
        _put(folder, "out.txt", "\n".join([f"{name}=={version}" for name, version in sorted(question.prefer.items())] + [""]))

    def _words(self) -> list[str]:
        target = self._target
        words = ["-c", "limits.txt"]
        if target.python:
            words += ["--python", target.python]
        if target.python_version:
            words += ["--python-version", target.python_version]
        if target.platform:
            words += ["--python-platform", PLATFORMS.get(target.platform, target.platform)]
        return words

    def _run(self, words: Sequence[str], folder: str) -> subprocess.CompletedProcess[str]:
        self.calls += 1
        try:
            return subprocess.run(  # noqa: S603 - uv itself, with words of our own
                words, cwd=folder, env=self._environ, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise RepairError(f"uv has not found a set within {_SECONDS:.0f} s; try again, or with --offline") from None
        except OSError as error:
            raise RepairError(f"{self._uv} cannot be started: {error.strerror or error}; install uv anew: pip install uv") from None

    def _answer(self, done: subprocess.CompletedProcess[str], folder: str, question: Question) -> Union[Solution, Conflict]:
        if done.returncode == 0:
            with open(os.path.join(folder, "out.txt"), encoding="utf-8") as file:
                found = _read(file.read())
            self._known |= frozenset(found.versions)
            return found
        text = done.stderr.strip()
        if _UNSOLVED not in text:
            raise (Unreachable if any(word in text for word in _NEEDS_NETWORK) else RepairError)(_failure(text))
        flat = " ".join(line.strip() for line in text.splitlines())
        known = {wish.name for wish in question.wishes} | set(question.prefer) | {name for name, _ in question.limits}
        told = {normalise(word.rstrip(".-_,")) for word in _NAME.findall(flat)}
        return Conflict(names=frozenset(known & told), text=text)


class Unreachable(RepairError):
    """No index answers."""


def _failure(text: str) -> str:
    last = text.splitlines()[-12:]
    return "uv cannot resolve: " + "\n".join(line.removeprefix("error: ") for line in last)


def _read(text: str) -> Solution:
    versions: dict[str, str] = {}
    lines: dict[str, str] = {}
    for line in text.splitlines():
        pin = _PIN.match(line)
        if pin:
            versions[normalise(pin[1])] = pin[2]
            continue
        direct = _AT.match(line)
        if direct:
            lines[normalise(direct[1])] = line
    return Solution(versions=versions, lines=lines)


def _extras(question: Question, metadata: Metadata) -> frozenset[str]:
    """Return every extra that somebody may ask for: those of the wishes, and those inside brackets of what packages declare."""
    asked = {extra for wish in question.wishes for extra in wish.extras}
    for name, version in question.prefer.items():
        for line in metadata.requires(name, version) or ():
            inside = line.partition(";")[0].partition("[")[2].partition("]")[0]
            asked.update(extra.strip() for extra in inside.split(",") if extra.strip())
    return frozenset(asked)


def _put(folder: str, name: str, text: str) -> None:
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text)
