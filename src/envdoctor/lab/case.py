"""A set of packages to be tried, how to install and run it, and the record of what happened (a line of fixtures/realruns)."""

from __future__ import annotations

import os
import platform
import re
import time

from envdoctor.lab.environment import BARE, Environment, LabError
from envdoctor.lab.verdict import UNINSTALLABLE, judge
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from envdoctor.lab.children import Ran
    from envdoctor.lab.environment import Settings

SMOKE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "smoke")
PROGRAMS = ("imports", "train")
_LATE = ("Slow", "Hang")
"""Failures of time, which a busy machine makes too: they count only when they come again with more patience."""
_SOFT = re.compile(r"version|incompatib|requires|deprecated", re.IGNORECASE)


class Wanted(Record):
    """A set to be tried. Each entry of `install` is one call of `uv pip install`, its words split at blanks."""

    id: str
    install: tuple[str, ...]
    group: str = ""
    intent: str = ""
    venv_seed: str = BARE


def attempt(wanted: Wanted, settings: Settings, environ: Mapping[str, str]) -> dict[str, Any]:
    """Install a set, run it, and return its record. Raises LabError when it is the lab that cannot work, never for a set that breaks."""
    began = time.monotonic()
    record: dict[str, Any] = {
        "id": wanted.id,
        "group": wanted.group,
        "intent": wanted.intent,
        "install": list(wanted.install),
        "venv_seed": wanted.venv_seed,
        "date": time.strftime("%Y-%m-%d"),
        "platform": platform.platform(),
    }
    with Environment(settings, environ, wanted.venv_seed) as environment:
        record["python"] = _python(environment)
        refused = next((told for step in wanted.install if (told := environment.install(step.split())).code != 0), None)
        record["t_install_s"] = round(time.monotonic() - began, 1)
        if refused is not None:
            return {**record, **_refused(refused), "t_total_s": round(time.monotonic() - began, 1)}
        record["packages"] = environment.packages()
        environment.share_bytecode(record["packages"])
        record["metadata_ok"], record["metadata_text"] = environment.metadata()
        stages: dict[str, Any] = {"s0_install": {"ok": True}}
        said = ""
        for program in PROGRAMS:
            results, ran = _exercise(environment, program)
            if any(told.get("exc_type") in _LATE for told in results.values()):
                results, ran = _exercise(environment, program, patience=4)
            stages.update(results)
            said += ran.err
    record.update(judge(stages, record["packages"]))
    record["invisible_to_metadata"] = record["verdict"] == "breaks" and record["metadata_ok"]
    record["soft_warnings"] = _soft(said)
    record["stages"] = {name: told for name, told in stages.items() if not name.startswith("_")}
    record["t_total_s"] = round(time.monotonic() - began, 1)
    return record


def _python(environment: Environment) -> str:
    told = environment.run(["-c", "import platform; print(platform.python_version())"], 60)
    if told.code != 0:
        raise LabError(f"the Python of a fresh environment does not start: {told.err.strip()[-600:]}")
    return told.out.strip()


def _refused(told: Ran) -> dict[str, Any]:
    lines = [line.strip() for line in told.err.splitlines() if line.strip()]
    why = "the installation ran past its time limit" if told.code is None else " ".join(lines)[-1500:]
    return {"verdict": UNINSTALLABLE, "packages": {}, "stages": {"s0_install": {"ok": False, "message_tail": why}}, "cause": why[:400]}


def _exercise(environment: Environment, program: str, patience: int = 1) -> tuple[dict[str, Any], Ran]:
    """Run one program of the smoke test, with its time limits multiplied; the stage that was open when the child crashed or hung failed."""
    import json

    out = os.path.join(environment.root, program + ".json")
    limit = environment.settings.limits.child * patience
    ran = environment.run([SMOKE, program, out], limit, {"ENVDOCTOR_LAB_PATIENCE": str(patience)})
    try:
        with open(out, encoding="utf-8") as file:
            stages: dict[str, Any] = json.load(file)
    except (OSError, ValueError):
        stages = {}
    if not stages:
        stages = {f"s{'1_torch' if program == 'imports' else '9_setup_model_tokenizer_dataset'}": {"ok": None}}
    if "_done" not in stages:
        last = next((name for name, told in reversed(stages.items()) if told.get("ok") is None), f"x_{program}_end")
        lines = [line.strip() for line in ran.err.splitlines() if line.strip()]
        kind = "Hang" if ran.code is None else "Crash"
        how = f"no answer within {ran.seconds:.0f} s" if ran.code is None else f"the process ended with {ran.code}"
        stages[last] = {"ok": False, "exc_type": kind, "message_tail": f"{how}: {lines[-1] if lines else ''}"[:400]}
    return stages, ran


def _soft(text: str) -> list[str]:
    found: list[str] = []
    for line in text.splitlines():
        line = re.sub(r"^\S*/(site-packages/)", r"\1", line.strip())[:200]
        if _SOFT.search(line) and line not in found:
            found.append(line)
    return found[:8]
