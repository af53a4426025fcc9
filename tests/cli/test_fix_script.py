"""`envdoctor fix SCRIPT`: shows, writes, puts back, and says what is left."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from envdoctor.cli import fix, fix_script, undo
from envdoctor.cli.options import scan
from envdoctor.model.errors import EnvdoctorError
from tests.conftest import FIXTURES

BOX = "torch==2.13.0\ntransformers==5.23.0\ntrl==1.16.0\npeft==0.21.2\naccelerate==1.15.0\ndatasets==5.2.0\nnumpy==2.4.6\n"
SICK = os.path.join(FIXTURES, "scripts", "spellings", "s9_SFT_A_TrainingArguments_tokenizer_max_seq_length.py")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "box.txt").write_text(BOX)
    (tmp_path / "train.py").write_bytes(Path(SICK).read_bytes())
    return tmp_path


def run(*words: str) -> int:
    told = (*words, "--freeze", "box.txt", "--no-config")
    options = [*fix.OPTIONS, *(option for option in fix_script.OPTIONS if option not in fix.OPTIONS)]
    values = scan(told, options, fix.OPERAND)
    assert values is not None
    return fix_script.run_script(values, told)


def test_it_shows_the_change_and_writes_nothing(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (desk / "train.py").read_bytes()
    assert run("train.py") == 1
    told = capsys.readouterr().out
    assert "max_seq_length moves to SFTConfig(max_length)" in told and "+    processing_class=tokenizer," in told
    assert "keep the script, and move trl 1.16.0 to 0.12.2" in told
    assert "envdoctor fix --write train.py --freeze box.txt" in told
    assert (desk / "train.py").read_bytes() == before


def test_what_it_writes_can_be_put_back(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (desk / "train.py").read_bytes()
    assert run("--write", "train.py") == 0
    assert b"max_length=32,  # tokens, not words" in (desk / "train.py").read_bytes()
    assert run("train.py") == 0
    assert "stays as it is" in capsys.readouterr().out
    assert undo.run([]) == 0
    assert (desk / "train.py").read_bytes() == before


def test_a_target_counts_instead_of_what_is_installed(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train.py", "--target", "trl==0.8.6", "--target", "transformers==4.40.2", "--plan", "diff") == 0
    assert capsys.readouterr().out == ""


def test_the_diff_alone_can_be_had_and_applied_by_others(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("train.py", "--plan", "diff")
    assert capsys.readouterr().out.startswith("--- ")


def test_programs_are_told_every_step_and_edit(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("train.py", "--plan", "json")
    told = json.loads(capsys.readouterr().out)
    (script,) = told["scripts"]
    assert [step["safety"] for step in script["steps"]] == ["safe"] * 3 and script["left"] == []
    text = Path(SICK).read_text()
    assert all(text[edit["start"] : edit["end"]] == edit["old"] for edit in script["edits"])
    assert told["for"]["trl"] == "1.16.0" and told["other_way"]["moves"] == [{"name": "trl", "from": "1.16.0", "to": "0.12.2"}]


def test_it_can_write_elsewhere(desk: Path) -> None:
    before = (desk / "train.py").read_bytes()
    assert run("train.py", "--output", "new.py") == 0
    assert (desk / "train.py").read_bytes() == before and b"SFTConfig(" in (desk / "new.py").read_bytes()


def test_a_script_of_which_nothing_is_known_is_not_called_fit(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (desk / "box.txt").write_text("numpy==2.4.6\n")
    assert run("train.py") == 1
    assert "nothing is known of what it imports" in " ".join(capsys.readouterr().out.split())
    (desk / "train.py").write_text("import os\nprint(os.name)\n")
    assert run("train.py") == 0


def test_what_is_left_makes_it_fail(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (desk / "train.py").write_text("from transformers import TrainingArguments\nTrainingArguments('out', warmup_ratio=1.0, no_cuda=True)\n")
    assert run("--write", "train.py") == 1
    assert "must be counted out" in " ".join(capsys.readouterr().out.split())
    assert "use_cpu=True" in (desk / "train.py").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train.py", "--target", "trl"], "is not NAME==VERSION"),
        (["train.py", "--target", "trl==99.0"], "does not know this release"),
        (["train.py", "--target", "nobody==1.0"], "does not know this release"),
        (["train.py", "--apply"], "is about environments"),
        (["missing.py"], "does not exist"),
    ],
)
def test_what_cannot_be_done_is_said(desk: Path, words: list[str], message: str) -> None:
    with pytest.raises(EnvdoctorError, match=message):
        run(*words)
