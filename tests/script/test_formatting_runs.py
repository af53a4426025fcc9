"""Functions handed over as `formatting_func` that were really run, two steps on a CPU: what each trl took, and that the wrapped ones run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from envdoctor.lab.environment import local_cpu_torch
from envdoctor.repair.script_edits import rewrite
from envdoctor.script import read
from tests.conftest import FIXTURES
from tests.script.test_drift import judge

FOLDER = os.path.join(FIXTURES, "scripts", "runs")
KINDS = ("text", "rows", "one", "mapping")
EXAMPLES = 16


def text_of(name: str) -> str:
    with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
        return file.read()


def runs() -> list[dict[str, Any]]:
    return [json.loads(line) for line in text_of("formatting.jsonl").splitlines()]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("run", runs(), ids=lambda run: str(run["id"]))
def test_what_was_refused_is_judged_so(run: dict[str, Any], kind: str) -> None:
    """An answer was refused where the script failed, and where it trained on other than all examples."""
    before, judged = text_of(f"formatting/{kind}.py"), judge(run["packages"])
    assert bool(judged.misuses(read(before, "train.py"))) == (run["before"][kind] != {"examples": EXAMPLES})
    told = rewrite(before, "train.py", judged, unsafe=True)
    assert bool(told.steps) == (kind in run["after"])
    if told.steps:
        assert run["after"][kind] == {"examples": EXAMPLES}


def test_the_runs_stand_on_both_sides_of_each_bound() -> None:
    windows = {re.sub(r"\..*", "", version.partition(".")[2]) for version in (run["packages"]["trl"] for run in runs())}
    assert {"14", "15", "19"} <= windows and any(run["packages"]["trl"].startswith("1.") for run in runs())


@pytest.mark.install
@pytest.mark.parametrize(("trl", "kind"), [("0.14.0", "text"), ("1.16.0", "rows")])
def test_a_refused_function_runs_once_it_is_wrapped(trl: str, kind: str, tmp_path: Path) -> None:
    run = next(one for one in runs() if one["packages"]["trl"] == trl)
    torch = local_cpu_torch(os.environ) or "torch==2.13.0"
    wanted = [torch, *(f"{name}=={version}" for name, version in run["packages"].items() if name != "torch")]
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "-q", "-p", "3.11", str(tmp_path / "env")], check=True)
    found = [word for folder in os.environ.get("PIP_FIND_LINKS", "").split() for word in ("--find-links", folder)]
    subprocess.run([*uv, "pip", "install", "-q", "-p", str(tmp_path / "env"), *found, *wanted], check=True)
    python = str(tmp_path / "env" / "bin" / "python")
    subprocess.run([python, os.path.join(FOLDER, "make_tiny.py")], cwd=tmp_path, check=True, capture_output=True)
    before = text_of(f"formatting/{kind}.py")
    ended = []
    for text in (before, rewrite(before, "train.py", judge(run["packages"])).text):
        (tmp_path / "train.py").write_text(text, encoding="utf-8")
        done = subprocess.run([python, "train.py"], cwd=tmp_path, check=False, capture_output=True, text=True, timeout=300)
        ended.append((done.returncode == 0, (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()[-1]))
    assert ended == [(False, run["before"][kind]["error"]), (True, f"steps 2 {EXAMPLES}")]
