"""One small set for real: installed, run, judged and removed. Needs uv and the package index."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from envdoctor.cli import main

pytestmark = pytest.mark.install


def test_a_small_set_is_installed_run_told_and_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sets = tmp_path / "sets.jsonl"
    sets.write_text(
        '{"id": "light", "install": ["numpy==2.0.1", "--no-deps pandas==3.1.1"]}\n{"id": "no", "install": ["numpy==0.0.0.1"]}\n'
    )
    assert main(["lab", "run", str(sets), "--into", str(tmp_path / "runs"), "--jobs", "2", "--keep-free", "1"]) == 0
    assert "uninstallable 1" in capsys.readouterr().out
    told = json.loads((tmp_path / "runs" / "light.json").read_text())
    assert (told["verdict"], told["first_failure"], told["cause"]) == ("breaks", "s1_torch", "No module named 'torch'")
    assert told["packages"] == {"numpy": "2.0.1", "pandas": "3.1.1"}
    assert not told["metadata_ok"]
    assert sorted(os.listdir(tmp_path / "runs")) == ["light.json", "no.json"]


def test_a_rule_is_seen_true_and_seen_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "prove", "pandas-refuses-old-numpy", "--keep-free", "1"]) == 0
    told = capsys.readouterr().out
    assert told.count("as expected") >= 4
    assert "first inside numpy 2.0.2: no error expected, as expected" in told


def test_an_interrupted_lab_leaves_no_environment(tmp_path: Path) -> None:
    sets = tmp_path / "sets.json"
    sets.write_text('{"id": "light", "install": ["numpy==2.0.1", "pandas pyarrow scipy scikit-learn"]}')
    words = [sys.executable, "-m", "envdoctor", "lab", "run", str(sets), "--into", str(tmp_path / "runs"), "--keep-free", "1"]
    lab = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    for _ in range(600):
        if (tmp_path / "runs").is_dir() and os.listdir(tmp_path / "runs"):
            break
        pytest.importorskip("time").sleep(0.05)
    lab.terminate()
    _, said = lab.communicate(timeout=60)
    assert (lab.returncode, said.decode().strip()) == (130, "envdoctor: interrupted")
    assert os.listdir(tmp_path / "runs") == []
