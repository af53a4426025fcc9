"""Runs stages one after the other, each caught on its own, and keeps what each left behind. Imports nothing of the stack by itself."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import signal
import sys
import sysconfig
import tempfile
import time
import traceback
from collections.abc import Callable
from typing import Any

QUIET = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "WANDB_DISABLED": "true",
    "CUDA_VISIBLE_DEVICES": "",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
LIMIT = 120
PATIENCE = "ENVDOCTOR_LAB_PATIENCE"
"""Variable that multiplies the time limits: a busy machine must not make a set look broken."""
SITE = sysconfig.get_paths()["purelib"]


class Slow(BaseException):
    """A stage ran past its time limit."""


class Bench:
    """What the stages of one process share: the results, the installed versions, a folder, and whatever a stage keeps for later ones."""

    def __init__(self, out: str) -> None:
        self.out = out
        self.results: dict[str, dict[str, Any]] = {}
        self.kept: dict[str, Any] = {}
        self.folder = tempfile.mkdtemp(prefix="smoke_")

    def version(self, name: str) -> tuple[int, ...]:
        """Return the first three numbers of an installed version, or an empty tuple."""
        try:
            told = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            return ()
        return tuple(int(part) for part in re.findall(r"\d+", told.split("+")[0])[:3])

    def passed(self, name: str) -> bool:
        """Tell whether a stage ran and passed."""
        return bool(self.results.get(name, {}).get("ok"))

    def save(self) -> None:
        """Write the results down; a crash of the next stage keeps them."""
        with open(self.out + ".part", "w", encoding="utf-8") as file:
            json.dump(self.results, file)
        os.replace(self.out + ".part", self.out)

    def clean(self, text: object) -> str:
        """Return a message without paths, colours and addresses of this run."""
        told = str(text)
        places = (
            (SITE, "<site>"),
            (sys.prefix, "<venv>"),
            (self.folder, "<tmp>"),
            (os.path.dirname(os.__file__), "<stdlib>"),
            (sys.base_prefix, "<python>"),
        )
        for place, name in places:
            told = told.replace(place, name)
        return re.sub(r"0x[0-9a-f]{6,}", "0x..", re.sub(r"\x1b\[[0-9;]*m", "", told))

    def lines(self, text: object) -> list[str]:
        """Return the lines of a cleaned message that say something."""
        return [line.strip() for line in self.clean(text).splitlines() if line.strip()]

    def stage(self, name: str, work: Callable[[Bench], Any], limit: int = LIMIT) -> None:
        """Run one stage, at most so many seconds, and note what became of it."""
        self.results[name] = {"ok": None}
        self.save()
        began = time.time()
        _alarm(limit * int(os.environ.get(PATIENCE, "1")))
        try:
            value = work(self)
            told: dict[str, Any] = {"ok": True}
            if isinstance(value, (str, dict, float, int)):
                told["value"] = value
        except BaseException as error:  # noqa: BLE001 - whatever a library raises is the result
            _alarm(0)
            told = self.failure(error)
        _alarm(0)
        told["s"] = round(time.time() - began, 1)
        self.results[name] = told
        self.save()

    def failure(self, error: BaseException) -> dict[str, Any]:
        """Return what a failed stage tells: the error, the innermost one behind it, where it was raised and whom it is about."""
        chain = [error]
        while True:
            last = chain[-1]
            inner = last.__cause__ or (None if last.__suppress_context__ else last.__context__)
            if inner is None or inner in chain:
                break
            chain.append(inner)
        root = chain[-1]
        lines = self.lines(error)
        told: dict[str, Any] = {"ok": False, "exc_type": type(error).__name__, "message_tail": (lines or [""])[-1][:400]}
        if len(lines) > 1:
            told["message_head"] = " / ".join(lines[:3])[:400]
        if root is not error:
            told.update(root_type=type(root).__name__, root_message_tail=(self.lines(root) or [""])[-1][:400])
        frames = [frame for frame in traceback.extract_tb(root.__traceback__) if SITE in frame.filename]
        if frames:
            told["where"] = _place(frames[-1])
        elif isinstance(root, SyntaxError):
            told["where"] = self.clean(root.filename or "")
        entered = [frame for frame in traceback.extract_tb(error.__traceback__) if SITE in frame.filename]
        if entered:
            told["entered_at"] = _place(entered[0])
        told["through"] = _through(chain)
        about = about_whom(root)
        if about:
            told["about"] = about
        return told


def _alarm(seconds: int) -> None:
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, _ring)
        signal.alarm(seconds)


def _ring(*_: object) -> None:
    raise Slow("stage ran past its time limit")


def _place(frame: traceback.FrameSummary) -> str:
    return f"{frame.filename.split(SITE + os.sep)[-1]}:{frame.lineno}"


def _through(chain: list[BaseException]) -> list[str]:
    """Return the top-level modules that the error passed, outermost first, neighbours once."""
    found: list[str] = []
    for error in chain:
        for frame in traceback.extract_tb(error.__traceback__):
            if SITE in frame.filename:
                top = re.split(r"[/\\.]", frame.filename.split(SITE + os.sep)[-1])[0]
                if found[-1:] != [top]:
                    found.append(top)
    return found[-12:]


def about_whom(error: BaseException) -> str:
    """Return the module that an error complains of: the one that lacks a name, or that owns the callable which was called wrongly."""
    if isinstance(error, ImportError):
        return str(error.name or "")
    if isinstance(error, AttributeError):
        thing = getattr(error, "obj", None)  # Python 3.10 and newer
        if isinstance(thing, type(sys)):
            return thing.__name__
        kind = thing if isinstance(thing, type) else type(thing)
        return "" if thing is None or kind.__module__ == "builtins" else str(kind.__module__)
    called = re.match(r"([\w.<>]+)\(\) (?:got an unexpected|got multiple|missing \d+|takes )", str(error))
    return _owner(called[1], error) if isinstance(error, TypeError) and called else ""


def _owner(name: str, error: BaseException) -> str:
    """Return the module of the callable with this qualified name, looked for where the call was made, then in everything imported."""
    first, *rest = name.split(".")
    spaces: list[Any] = []
    step = error.__traceback__
    while step is not None:
        spaces[:0] = [step.tb_frame.f_locals, step.tb_frame.f_globals]
        step = step.tb_next
    spaces += [vars(module) for module in list(sys.modules.values()) if isinstance(module, type(sys))]
    for space in spaces:
        found = space.get(first)
        if getattr(found, "__qualname__", "") == first and hasattr(found, "__module__"):
            for part in rest:
                found = getattr(found, part, found)
            return str(found.__module__)
    return ""


def installed_modules() -> dict[str, str]:
    """Return which distribution each top-level module belongs to."""
    found: dict[str, str] = {}
    for one in importlib.metadata.distributions():
        name = one.metadata["Name"]
        for file in one.files or ():
            top = file.parts[0]
            if name and not top.endswith((".dist-info", ".data", ".pth")) and top not in ("..", "__pycache__", "bin"):
                found.setdefault(top.split(".")[0], name)
    return found
