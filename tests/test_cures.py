"""Real cures: a file whose set breaks when it is installed is repaired, installed as its user would, and runs.

Marked `install`: needs uv and the package index. These sets install in seconds (no torch); `benchmarks/cures.py` does the same with whole
training stacks.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from envdoctor.cli import main

pytestmark = pytest.mark.install

SETS = {
    "datasets that derives from a class pyarrow has dropped": ("datasets==2.13.0\npyarrow==21.0.0\n", "import datasets"),
    "pandas that was compiled for numpy 1": ("datasets==2.14.0\npandas==2.0.3  # as in the paper\nnumpy==2.1.0\n", "import datasets"),
    "transformers that refuses the hub beside it": (
        "transformers==4.46.3\nnumpy==1.26.4\nhuggingface-hub==1.0.0\n",
        "import transformers; transformers.AutoTokenizer",
    ),
}


def uv(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "uv", *words], capture_output=True, text=True, check=False, timeout=600)


def ran(environment: Path, file: Path, code: str) -> str:
    """Install a file into a fresh environment and run a line of code; return what failed, "" for nothing."""
    assert uv("venv", "-q", "-p", "3.11", str(environment)).returncode == 0
    installed = uv("pip", "install", "-q", "-p", str(environment), "-r", str(file))
    if installed.returncode:
        return installed.stderr
    done = subprocess.run([str(environment / "bin" / "python"), "-c", code], capture_output=True, text=True, check=False, timeout=300)
    return done.stderr if done.returncode else ""


@pytest.mark.parametrize("name", SETS)
def test_a_repaired_file_installs_and_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text, code = SETS[name]
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "requirements.txt"
    file.write_text(text)
    assert ran(tmp_path / "before", file, code), "the set runs as it is, and cures nothing"
    assert main(["fix", "--no-config", "--python-version", "3.11", "--write", "requirements.txt"]) == 0, capsys.readouterr().err
    assert ran(tmp_path / "after", file, code) == ""
    before, after = text.splitlines(), file.read_text().splitlines()
    assert len(set(before) - set(after)) == 1, "more than one line of the user's was changed"
    assert main(["fix", "--no-config", "--python-version", "3.11", "requirements.txt"]) == 0
    assert os.path.isdir(tmp_path / "state"), "what was there can be put back"
