"""`envdoctor run`: checks first, then is not there, and explains what went wrong. Real commands, real exit codes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest

from tests.conftest import ROOT

RUN = import_module("envdoctor.cli.run")
FIT = "torch==2.9.1\ntransformers==4.57.1\npeft==0.18.0\ntrl==0.25.0\naccelerate==1.11.0\ndatasets==4.3.0\n"
SICK = "torch==2.5.1\ntorchao==0.14.1\ntransformers==4.56.2\npeft==0.17.1\ntrl==0.23.1\naccelerate==1.10.1\ndatasets==4.1.1\n"
FAILS = "raise AttributeError(\"module 'torch' has no attribute 'int1'\")"
MACHINE = ("--gpus", "0", "--platform", "linux-x86_64", "--python-version", "3.11")


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "FORCE_COLOR", "CLICOLOR_FORCE", "ENVDOCTOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("PYTHONPATH", os.path.join(ROOT, "src"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fit.txt").write_text(FIT)
    (tmp_path / "sick.txt").write_text(SICK)
    return tmp_path


def run(*words: str, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "envdoctor", "run", *words], capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload,no-any-return]


def test_nothing_is_said_when_all_is_well(box: Path) -> None:
    done = run("--freeze", "fit.txt", *MACHINE, "--", sys.executable, "-c", "import sys; print(sys.stdin.read())", input="data")
    assert (done.returncode, done.stdout, done.stderr) == (0, "data\n", "")


def test_an_environment_that_cannot_work_stops_the_command(box: Path) -> None:
    done = run("--freeze", "sick.txt", *MACHINE, "--", "touch", "started")
    assert (done.returncode, done.stdout) == (1, "")
    assert "torchao 0.14.1 reads torch.int1 at import" in done.stderr
    assert done.stderr.endswith("envdoctor: the command was not started; repair this, or give --ignore-check\n")
    assert not (box / "started").exists()


@pytest.mark.parametrize(("words", "mode"), [(("--ignore-check",), ""), ((), "off"), ((), "warn")])
def test_a_check_can_be_ignored(box: Path, words: tuple[str, ...], mode: str) -> None:
    done = run("--freeze", "sick.txt", *MACHINE, *words, "--", "touch", "started", env={**os.environ, "ENVDOCTOR": mode})
    assert done.returncode == 0
    assert (box / "started").exists()
    assert ("torchao 0.14.1" in done.stderr) == (mode == "warn")


def test_a_failure_is_explained_after_the_command_s_own_words(box: Path) -> None:
    done = run("--freeze", "sick.txt", *MACHINE, "--ignore-check", "--", sys.executable, "-c", f"print('step 1')\n{FAILS}")
    own, _, said = done.stderr.partition("\n\n")
    assert (done.returncode, done.stdout) == (1, "step 1\n")
    assert own.splitlines()[-1] == "AttributeError: module 'torch' has no attribute 'int1'"
    assert "torchao 0.14.1 reads torch.int1 at import" in said
    assert said.endswith("next: envdoctor fix\n")


def test_a_failure_without_an_error_is_told_in_one_line(box: Path) -> None:
    done = run("--freeze", "fit.txt", *MACHINE, "--", "sh", "-c", "exit 139")
    assert done.returncode == 139
    assert done.stderr == "\nenvdoctor: sh ended with 139, and the output holds no error that can be read\n"


def test_a_command_that_was_killed_is_explained_and_ended_alike(box: Path) -> None:
    done = run("--freeze", "fit.txt", *MACHINE, "--", "sh", "-c", "kill -9 $$")
    assert done.returncode == -signal.SIGKILL
    assert "killed from outside (signal 9)" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_was_asked_to_end_is_not_explained(box: Path, number: signal.Signals) -> None:
    words = [
        sys.executable,
        "-m",
        "envdoctor",
        "run",
        "--ignore-check",
        "--",
        sys.executable,
        "-c",
        "import time; print('ready', flush=True); time.sleep(30)",
    ]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    start = time.monotonic()
    _, errors = process.communicate(timeout=20)
    assert process.returncode == -number
    assert "envdoctor" not in errors
    assert time.monotonic() - start < 10


def test_a_script_is_part_of_the_patient(box: Path) -> None:
    (box / "train.py").write_text("from transformers import TrainingArguments\nTrainingArguments('out', fp16=True, bf16=True)\n")
    done = run("--freeze", "fit.txt", *MACHINE, "--", "python", "train.py")
    assert done.returncode == 1
    assert "train.py:2" in done.stderr
    assert "the command was not started" in done.stderr


def test_a_command_that_is_not_there_is_told(box: Path) -> None:
    done = run("--ignore-check", "--", "no-such-command")
    assert done.returncode == 2
    assert "no-such-command: cannot be started: No such file or directory" in done.stderr


@pytest.mark.parametrize(
    ("words", "own", "command"),
    [
        (["--", "python", "--version"], [], ["python", "--version"]),
        (["--for", "sft", "python", "train.py", "--for", "x"], ["--for", "sft"], ["python", "train.py", "--for", "x"]),
        (["--ignore-check", "--gpus=0", "torchrun", "--", "a"], ["--ignore-check", "--gpus=0"], ["torchrun", "--", "a"]),
        (["--help"], ["--help"], []),
    ],
)
def test_the_command_begins_where_the_options_end(words: list[str], own: list[str], command: list[str]) -> None:
    assert RUN.split(words) == (own, command)


def test_the_environment_is_that_of_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripts = tmp_path / "venv" / "bin"
    scripts.mkdir(parents=True)
    (tmp_path / "venv" / "pyvenv.cfg").write_text("version = 3.11.7\n")
    for name in ("python", "torchrun"):
        (scripts / name).write_bytes(b"\x7fELF" if name == "python" else b"#!/bin/sh\n")
        (scripts / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(scripts))
    assert RUN.interpreter("python") == str(scripts / "python")
    assert RUN.interpreter("torchrun") == str(scripts / "python")
    assert RUN.interpreter("no-such-command") is None


def test_a_python_that_is_a_script_is_asked_which_one_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert RUN.interpreter("python") == sys.executable


def test_launchers_tell_how_many_processes_there_are() -> None:
    assert RUN.launcher(["accelerate", "launch", "--num_processes", "2", "train.py"]) == {
        "training.launcher": "accelerate",
        "training.world_size": 2,
    }
    assert RUN.launcher(["python", "train.py", "--num_processes", "2"]) == {}
