"""`envdoctor fit --trace`: what cannot be traced, and what is told where tracing gives nothing."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from envdoctor.cli import main
from envdoctor.cli.fit_trace import interpreter
from envdoctor.model.errors import InputError
from envdoctor.tracing import child
from tests.tracing.test_answer import answer

RUN = ["fit", "--model", "meta-llama/Llama-3.2-1B", "--trace"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--with", "torch==2.11.0"], "follows what is installed, so --with torch==2.11.0 can mean nothing"),
        (["--trainer", "unsloth"], "cannot follow --trainer unsloth: its own kernels need a GPU"),
        (["--method", "inference"], "cannot follow --method inference"),
        (["--gpus", "2"], "cannot follow --gpus 2"),
        (["--attention", "flash_attention_2"], "sdpa takes the same"),
        (["--loss", "liger"], "cannot follow --loss liger"),
        (["--loss", "full"], "the loss is the installed trainer's own"),
        (["--offload"], "cannot follow --offload"),
    ],
)
def test_what_cannot_be_traced_is_refused(capsys: pytest.CaptureFixture[str], words: list[str], told: str) -> None:
    assert main([*RUN, *words]) == 2
    assert told in capsys.readouterr().err


def test_an_interpreter_is_found_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").touch()
    assert interpreter(str(tmp_path)) == str(tmp_path / "bin" / "python3")
    assert interpreter(str(tmp_path / "bin" / "python3")) == str(tmp_path / "bin" / "python3")
    with pytest.raises(InputError, match="holds no Python"):
        interpreter(str(tmp_path / "bin"))


def test_without_a_name_the_environment_in_use_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    assert interpreter(None) == sys.executable


def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, told: dict[str, Any]) -> None:
    (tmp_path / "__main__.py").write_text(f"print({json.dumps(told)!r})\n", encoding="utf-8")
    monkeypatch.setattr(child, "STEP", str(tmp_path))


def test_a_trace_is_told_as_tier_b(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stand_in(monkeypatch, tmp_path, {"answer": answer(versions={"torch": "2.13.0", "transformers": "5.17.0"})})
    assert main([*RUN, "--gpu", "T4", "--python", sys.executable, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["tier"], found["versions"]["torch"]) == ("B", "2.13.0")
    assert found["traced"] == "two steps of 5 layers, repeated to 12, in torch 2.13.0, transformers 5.17.0 (1.5 s)"
    assert found["shape"]["trained"] == 84
    assert found["error_band"] == 0.08  # torch 2.13 was never held against a card
    assert main([*RUN, "--gpu", "T4", "--python", sys.executable]) == 0
    assert "  traced: two steps of 5 layers" in capsys.readouterr().out


def test_where_the_method_fails_the_shape_answers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(monkeypatch, tmp_path, {"refused": "a step with known bytes took blocks of [4]"})
    assert main([*RUN, "--gpu", "T4", "--python", sys.executable, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["tier"], found["traced"]) == ("A", "not traced, but computed from the shape: a step with known bytes took blocks of [4]")


def test_versions_are_those_of_the_environment_that_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = tmp_path / "lib" / "python3.12" / "site-packages"
    for name in ("trl-0.24.0.dist-info", "transformers-4.57.1.dist-info"):
        (site / name).mkdir(parents=True)
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.12.3\n")
    main(["fit", "--model", "meta-llama/Llama-3.2-1B", "--python", str(tmp_path), "--format", "json"])
    versions = json.loads(capsys.readouterr().out)["versions"]
    assert (versions["trl"], versions["transformers"]) == ("0.24.0", "4.57.1")
    assert os.path.isdir(site)
