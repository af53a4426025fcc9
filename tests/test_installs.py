"""Real installations: a rule's own reproduction breaks as it says, envdoctor says so beforehand, and the first remedy cures it.

Marked `install`: needs uv and the package index. Only rules whose reproduction installs in seconds (no torch) are run here.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from envdoctor.cli import main
from envdoctor.knowledge.load import read_rules
from envdoctor.model.rule import Rule
from tests.conftest import ROOT, RULES

pytestmark = pytest.mark.install

HEAVY = ("torch", "vllm", "deepspeed", "xformers", "flash-attn", "bitsandbytes", "unsloth", "tensorflow", "keras", "tf-keras")
MOST = 20


def decided_by_versions(node: Any) -> bool:
    """Tell whether a condition asks for nothing but installed packages."""
    if node[0] in ("all", "any", "none"):
        return all(decided_by_versions(part) for part in node[1])
    return node[0] in ("dist", "absent", "window")


def light(rule: Rule) -> bool:
    names = [re.split(r"[<>=!~\[ @]", word)[0].lower() for word in rule.repro.install]
    return (
        decided_by_versions(rule.match)
        and bool(rule.repro.reproduced)
        and bool(names)
        and not any(name.startswith(HEAVY) or name.startswith("-") for name in names)
    )


LIGHT = [rule for rule in read_rules(RULES) if light(rule)][:MOST]


def uv(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "uv", *words], capture_output=True, text=True, check=False, timeout=600)


def install(environment: str, wanted: tuple[str, ...]) -> None:
    """Install a set as its user came by it: in one go, or, where a resolver refuses that, one after the other and then forced."""
    if uv("pip", "install", "-q", "-p", environment, *wanted).returncode == 0:
        return
    for one in wanted:
        done = uv("pip", "install", "-q", "-p", environment, one)
        assert done.returncode == 0, done.stderr
    done = uv("pip", "install", "-q", "--no-deps", "-p", environment, *wanted)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("rule", LIGHT, ids=lambda rule: rule.id)
def test_a_rule_is_true(rule: Rule, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environment = tmp_path / "env"
    assert uv("venv", "-q", "-p", "3.11", str(environment)).returncode == 0
    install(str(environment), rule.repro.install)
    python = str(environment / "bin" / "python")
    ran = subprocess.run([python, "-c", rule.repro.run], capture_output=True, text=True, check=False, timeout=300, cwd=tmp_path)
    assert rule.repro.error in ran.stdout + ran.stderr or re.search(rule.repro.error, ran.stdout + ran.stderr), ran.stderr[-1500:]
    main(["check", "--python", str(environment), "--format", "json", "--no-config"])
    told = json.loads(capsys.readouterr().out)
    assert rule.id in [finding["rule"] for finding in told["findings"]]


def test_the_wheel_carries_the_compiled_book_and_works_alone(tmp_path: Path) -> None:
    built = uv("build", "-q", "--wheel", "--out-dir", str(tmp_path / "dist"), ROOT)
    assert built.returncode == 0, built.stderr
    wheel = next((tmp_path / "dist").glob("*.whl"))
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
    assert "envdoctor/knowledge/book/rules.bin" in names
    assert not any(name.startswith(("rules/", "fixtures/", "tests/")) for name in names)
    environment = tmp_path / "env"
    assert uv("venv", "-q", "-p", "3.11", str(environment)).returncode == 0
    assert uv("pip", "install", "-q", "-p", str(environment), str(wheel)).returncode == 0
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(environment / "bin" / "envdoctor"), "rules", "list"], capture_output=True, text=True, check=True, env=clean, cwd=tmp_path
    )
    assert len(done.stdout.splitlines()) == len(read_rules(RULES))
    done = subprocess.run(
        [str(environment / "bin" / "envdoctor"), "check"], capture_output=True, text=True, check=False, env=clean, cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")
