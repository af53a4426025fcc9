"""The traced process as it may be: without torch, silent, crashing, talking nonsense."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from envdoctor.memory.run import Run
from envdoctor.model.errors import InputError
from envdoctor.tracing import child
from envdoctor.tracing.answer import request

ASKED = request({"model_type": "llama"}, Run(), "transformers", everything=True)


def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str) -> None:
    (tmp_path / "__main__.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(child, "STEP", str(tmp_path))


def test_an_environment_without_torch_is_told_what_to_install(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    python = str(tmp_path / "bare" / ("Scripts" if os.name == "nt" else "bin") / "python")
    stages: list[str] = []
    with pytest.raises(InputError, match=r"cannot import torch, which --trace runs .*pip install 'envdoctor\[trace\]'"):
        child.trace(python, ASKED, stages.append)
    assert stages[0] == "importing torch"


def test_an_answer_is_returned_with_its_stages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code = "import json, sys\nasked = json.load(sys.stdin)\nprint(json.dumps({'stage': 'one'}))\nprint(json.dumps({'answer': asked}))\n"
    stand_in(monkeypatch, tmp_path, code)
    stages: list[str] = []
    assert child.trace(sys.executable, ASKED, stages.append) == ASKED
    assert stages[0] == "one"


def test_a_hanging_process_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code = 'import sys, time\nprint(\'{"stage": "thinking"}\', flush=True)\ntime.sleep(60)\n'
    stand_in(monkeypatch, tmp_path, code)
    with pytest.raises(InputError, match=r"gave no answer in 0 seconds \(last: thinking\)"):
        child.trace(sys.executable, ASKED, lambda _: None, seconds=0.4)


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_crash_is_told_with_its_last_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code = "import os, sys\nprint('{\"stage\": \"counting\"}', flush=True)\nsys.stderr.write('ran into a wall\\n')\nsys.stderr.flush()\nos.abort()\n"
    stand_in(monkeypatch, tmp_path, code)
    with pytest.raises(InputError, match="was ended by signal 6 while counting: ran into a wall; leave --trace out"):
        child.trace(sys.executable, ASKED, lambda _: None)


def test_an_exception_is_told_in_its_own_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(monkeypatch, tmp_path, 'print(\'{"stage": "counting", "failed": "KeyError: q"}\')\nraise SystemExit(1)\n')
    with pytest.raises(InputError, match="ended with 1 while counting: KeyError: q"):
        child.trace(sys.executable, ASKED, lambda _: None)


def test_a_model_that_is_too_new_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(monkeypatch, tmp_path, 'print(\'{"unknown": "transformers 4.51.3 there knows no model of type gpt_oss"}\')\n')
    with pytest.raises(InputError, match="knows no model of type gpt_oss; upgrade it there"):
        child.trace(sys.executable, ASKED, lambda _: None)


def test_nonsense_is_no_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(monkeypatch, tmp_path, "print('Downloading shards: 100%')\n")
    with pytest.raises(InputError, match="gave no answer: it said 'Downloading shards: 100%"):
        child.trace(sys.executable, ASKED, lambda _: None)


def test_a_failed_proof_is_no_mistake_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(monkeypatch, tmp_path, 'print(\'{"refused": "a step with known bytes took blocks of [4]"}\')\n')
    with pytest.raises(child.NotTraced, match="known bytes"):
        child.trace(sys.executable, ASKED, lambda _: None)


def test_what_is_no_python_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be started .*--python"):
        child.trace(str(tmp_path / "python"), ASKED, lambda _: None)


def test_the_traced_process_reads_nothing_of_envdoctor() -> None:
    for name in sorted(os.listdir(child.STEP)):
        if name.endswith(".py"):
            with open(os.path.join(child.STEP, name), encoding="utf-8") as file:
                assert "envdoctor." not in file.read().replace("nothing of envdoctor.", ""), name
