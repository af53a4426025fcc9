"""`envdoctor fix FOLDER`: its scripts, each for itself, or the list in it; and `envdoctor check FOLDER` as people call it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from envdoctor.cli import main
from tests.cli.test_fix_script import BOX

OLD = "from trl import SFTTrainer\nSFTTrainer(model='m', tokenizer=None)\n"
NEW = OLD.replace("tokenizer=", "processing_class=")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    for variable in ("XDG_STATE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "state"))
    (tmp_path / "box.txt").write_text(BOX)
    (tmp_path / "p" / "deep").mkdir(parents=True)
    (tmp_path / "p" / "old.py").write_text(OLD)
    (tmp_path / "p" / "new.py").write_text(NEW)
    (tmp_path / "p" / "deep" / "broken.py").write_text("def (:\n")
    return tmp_path


def notebook(path: Path, *cells: str) -> None:
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": cell} for cell in cells], "nbformat": 4}, indent=1))


def test_what_changes_is_shown_and_the_rest_counted(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fix", "p", "--freeze", "box.txt", "--no-config"]) == 1
    told = capsys.readouterr()
    assert "p/old.py: 1 change for trl 1.16.0" in told.out
    assert "new.py" not in told.out
    assert "1 script of the folder stays as it is" in told.out
    assert "envdoctor fix --write p/old.py --freeze box.txt" in told.out
    assert "left out: p/deep/broken.py, line 1" in told.err


def test_it_is_written_and_put_back(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fix", "--write", "p", "--freeze", "box.txt", "--no-config"]) == 0
    assert [(desk / "p" / name).read_text() for name in ("old.py", "new.py")] == [NEW, NEW]
    assert main(["fix", "p", "--freeze", "box.txt", "--no-config"]) == 0
    assert "2 scripts of the folder stay as they are" in capsys.readouterr().out
    assert main(["undo"]) == 0
    assert (desk / "p" / "old.py").read_text() == OLD


def test_a_notebook_is_written_for_what_it_installs(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notebook(desk / "n.ipynb", "!pip install trl==0.9.6", NEW)
    before = (desk / "n.ipynb").read_bytes()
    assert main(["fix", "n.ipynb", "--freeze", "box.txt", "--no-config", "--plan", "json"]) == 1
    (script,) = json.loads(capsys.readouterr().out)["scripts"]
    assert [step["does"] for step in script["steps"]] == ["processing_class becomes tokenizer"]
    assert script["for"]["trl"] == "0.9.6"
    notebook(desk / "m.ipynb", "!pip install trl==0.9.6", OLD)
    assert main(["fix", "--write", "m.ipynb", "--freeze", "box.txt", "--no-config"]) == 0
    assert b"tokenizer=None" in (desk / "m.ipynb").read_bytes()
    assert (desk / "n.ipynb").read_bytes() == before


def test_a_list_in_the_folder_is_what_is_repaired_unless_more_is_said(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (desk / "p" / "requirements.txt").write_text("torch==2.5.1\ntorchao==0.14.1\n")
    assert main(["fix", "p", "--offline", "--plan", "diff", "--no-config", "--platform", "linux-x86_64", "--python-version", "3.11"]) == 1
    assert "+++ p/requirements.txt" in capsys.readouterr().out
    assert main(["fix", "p", "--plan", "diff", "--freeze", "box.txt", "--no-config"]) == 1
    assert "+++ p/old.py" in capsys.readouterr().out


def test_a_module_of_the_project_is_left_alone(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (desk / "p" / "trl.py").write_text("class SFTTrainer: ...\n")
    assert main(["fix", "p/old.py", "--freeze", "box.txt", "--no-config", "--plan", "diff"]) == 0
    assert capsys.readouterr().out == ""


def test_a_check_of_a_folder_names_each_file_and_notes_what_it_cannot_read(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "p", "--freeze", "box.txt", "--no-config"]) == 1
    told = capsys.readouterr().out
    assert "p/old.py:2" in told
    assert "p/deep/broken.py:1 is no script that can be read  script-unreadable" in told
    assert "Traceback" not in told


def test_an_empty_folder_says_what_was_looked_for(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (desk / "q").mkdir()
    assert main(["check", "q", "--no-config"]) == 3
    assert "q holds no script and none of uv.lock" in capsys.readouterr().err
