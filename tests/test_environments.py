"""A check of scripts that bring packages of their own: judged beside these, and not beside what is installed here."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from envdoctor.diagnosis import check, take
from envdoctor.model.errors import InputError
from envdoctor.model.facts import Fact
from envdoctor.model.finding import SCRIPT_ARGUMENT, Report
from envdoctor.model.request import Ignore, Request, Target

BOX = (
    "torch==2.5.1\ntransformers==4.46.3\ntokenizers==0.20.3\ntrl==0.12.2\npeft==0.13.2\naccelerate==1.1.1\ndatasets==3.1.0\nnumpy==1.26.4\n"
)
OLD = "from trl import SFTTrainer\nSFTTrainer(model='m', tokenizer=None)\n"
NEW = OLD.replace("tokenizer=", "processing_class=")
BLOCK = "# /// script\n# dependencies = ['trl=={}', 'transformers==4.46.3']\n# ///\n"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "box.txt").write_text(BOX)
    return tmp_path


def notebook(path: Path, *cells: str) -> None:
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": cell} for cell in cells], "nbformat": 4}))


def judged(*paths: str, freeze: str | None = "box.txt", **more: object) -> Report:
    return check(Request(paths=paths, freeze=freeze, **more), dict(os.environ))  # type: ignore[arg-type]


def refused(report: Report) -> list[tuple[str, str, list[str]]]:
    """Return what is refused: the argument, the package with its place, and the places in scripts."""
    return [
        (finding.subject, f"{finding.because[0].value} {finding.because[0].origin}", [f"{at.path}:{at.line}" for at in finding.locations])
        for finding in report.findings
        if finding.rule == SCRIPT_ARGUMENT
    ]


def test_a_pin_of_a_notebook_counts_instead_of_what_is_there(desk: Path) -> None:
    notebook(desk / "n.ipynb", "!pip install -q trl==0.16.0", OLD)
    assert refused(judged("n.ipynb")) == [("trl.SFTTrainer(tokenizer=)", "0.16.0 n.ipynb:cell 1:1", ["n.ipynb:cell 2:2"])]
    notebook(desk / "n.ipynb", "!pip install -q trl", OLD)
    assert refused(judged("n.ipynb")) == []
    notebook(desk / "n.ipynb", OLD)
    assert refused(judged("n.ipynb")) == []


def test_a_line_that_leaves_all_as_it_is_changes_nothing(desk: Path) -> None:
    notebook(desk / "n.ipynb", OLD)
    plain = judged("n.ipynb")
    notebook(desk / "n.ipynb", OLD, "!pip install trl 'peft>=0.10'")
    same = judged("n.ipynb")
    assert (same.findings, same.verdict, same.uses, same.outcomes) == (plain.findings, plain.verdict, plain.uses, plain.outcomes)


def test_a_line_that_may_not_run_makes_a_version_unknown(desk: Path) -> None:
    notebook(desk / "n.ipynb", "import os\nif 'COLAB' in os.environ:\n    !pip install trl==0.16.0", OLD)
    report = judged("n.ipynb")
    assert refused(report) == []
    assert report.snapshot.distributions["trl"].version is None
    assert not report.snapshot.is_complete


def test_another_torch_is_not_taken_for_the_build_that_is_there(desk: Path) -> None:
    notebook(desk / "n.ipynb", "!pip install torch==2.6.0 --index-url https://download.example/whl/cpu", NEW)
    report = judged("n.ipynb", target=Target(platform="linux-x86_64", gpus=0))
    build = report.snapshot.fact("torch.build")
    assert isinstance(build, Fact)
    assert (build.value, report.snapshot.distributions["torch"].version) == ("cpu", "2.6.0+cpu")


def test_scripts_in_several_environments_are_one_report(desk: Path) -> None:
    notebook(desk / "n.ipynb", "!pip install trl==0.16.0", OLD)
    notebook(desk / "m.ipynb", "!pip install trl==0.9.6", NEW)
    (desk / "train.py").write_text(OLD)
    report = judged("n.ipynb", "m.ipynb", "train.py")
    assert refused(report) == [
        ("trl.SFTTrainer(tokenizer=)", "0.16.0 n.ipynb:cell 1:1", ["n.ipynb:cell 2:2"]),
        ("trl.SFTTrainer(processing_class=)", "0.9.6 m.ipynb:cell 1:1", ["m.ipynb:cell 2:2"]),
    ]
    assert report.snapshot.distributions["trl"].version == "0.12.2"
    assert [document.path for document in report.snapshot.documents] == ["box.txt", "n.ipynb", "m.ipynb"]
    once = [finding.key for finding in report.findings if not finding.locations]
    assert len(once) == len(set(once))


def test_what_two_notebooks_have_in_common_is_told_once(desk: Path) -> None:
    for name in ("m.ipynb", "n.ipynb"):
        notebook(desk / name, "!pip install trl==0.16.0", OLD)
    assert [places for _, _, places in refused(judged("m.ipynb", "n.ipynb"))] == [["m.ipynb:cell 2:2", "n.ipynb:cell 2:2"]]


def test_a_fault_of_the_environment_is_told_once_whatever_else_a_notebook_leaves_open(desk: Path) -> None:
    (desk / "box.txt").write_text(BOX + "torchao==0.14.1\n")
    notebook(desk / "m.ipynb", "!pip install trl==1.16.0", "import trl")  # moves transformers to what is not known
    notebook(desk / "n.ipynb", "!pip install trl==0.16.0", "import trl")
    told = [
        finding.message
        for finding in judged("m.ipynb", "n.ipynb").findings
        if "torchao" in finding.packages and finding.severity == "error"
    ]
    assert told
    assert len(told) == len(set(told))


def test_a_block_counts_where_no_environment_is_named(desk: Path) -> None:
    (desk / "train.py").write_text(BLOCK.format("0.9.6") + NEW)
    assert refused(judged("train.py", freeze=None)) == [("trl.SFTTrainer(processing_class=)", "0.9.6 train.py line 2", ["train.py:5"])]
    assert refused(judged("train.py")) == []


def test_each_block_is_an_environment_of_its_own(desk: Path) -> None:
    (desk / "a.py").write_text(BLOCK.format("0.9.6") + NEW)
    (desk / "b.py").write_text(BLOCK.format("0.16.0") + NEW)
    assert [places for _, _, places in refused(judged("a.py", "b.py", freeze=None))] == [["a.py:5"]]


def test_a_broken_block_is_refused_with_its_place(desk: Path) -> None:
    (desk / "train.py").write_text("# /// script\n# dependencies = [\n" + NEW)
    with pytest.raises(InputError, match=r"train\.py line 1: the block is not closed"):
        judged("train.py", freeze=None)


@pytest.mark.parametrize("more", [True, False])
def test_a_broken_block_in_a_folder_is_a_note(desk: Path, more: bool) -> None:
    (desk / "p").mkdir()
    (desk / "p" / "bad.py").write_text("# /// script\n# dependencies = [\n" + NEW)
    if more:
        (desk / "p" / "good.py").write_text(BLOCK.format("0.9.6") + NEW)
    report = judged("p", freeze=None)
    (note,) = [finding for finding in report.findings if finding.rule == "script-unreadable"]
    assert [place.path for place in note.locations] == ["p/bad.py"]
    assert "the block is not closed" in note.because[0].value
    assert [places for _, _, places in refused(report)] == ([["p/good.py:5"]] if more else [])


def test_text_that_only_looks_like_a_block_is_none(desk: Path) -> None:
    (desk / "train.py").write_text("X = 'write # /// script above it'\n" + NEW)
    assert judged("train.py").findings == check(Request(paths=("train.py",), freeze="box.txt"), dict(os.environ)).findings
    judged("train.py", freeze=None)


def test_a_list_in_a_folder_is_judged_with_its_scripts(desk: Path) -> None:
    (desk / "p").mkdir()
    (desk / "p" / "requirements.txt").write_text("trl==0.16.0\ntransformers==4.46.3\n")
    (desk / "p" / "train.py").write_text(OLD)
    assert refused(judged("p", freeze=None)) == [("trl.SFTTrainer(tokenizer=)", "0.16.0 requirements.txt line 1", ["p/train.py:2"])]
    assert refused(judged("p")) == []


def test_an_ignore_that_one_environment_needs_is_used(desk: Path) -> None:
    notebook(desk / "n.ipynb", "!pip install trl==0.16.0", OLD)
    (desk / "train.py").write_text(OLD)
    report = judged("n.ipynb", "train.py", ignores=(Ignore(rule=SCRIPT_ARGUMENT, reason="so"),))
    assert [finding.rule for finding in report.suppressed] == [SCRIPT_ARGUMENT]
    assert refused(report) == []
    assert not [finding for finding in report.findings if finding.rule.startswith("ignore-")]


def test_a_snapshot_is_taken_of_what_is_there_after_the_lines(desk: Path) -> None:
    notebook(desk / "n.ipynb", "!pip install trl==0.16.0", OLD)
    notebook(desk / "m.ipynb", "!pip install trl==0.9.6", OLD)
    found = take(Request(paths=("n.ipynb",), freeze="box.txt"), dict(os.environ))
    assert found.distributions["trl"].version == "0.16.0"
    assert found.script is not None
    assert found.script.commands == ()
    with pytest.raises(InputError, match="one at a time"):
        take(Request(paths=("n.ipynb", "m.ipynb"), freeze="box.txt"), dict(os.environ))


def test_a_finding_about_packages_points_to_the_line_that_installs_them(desk: Path) -> None:
    (desk / "box.txt").write_text(BOX)
    notebook(desk / "n.ipynb", "import os\n!pip install torchao==0.14.1", "import trl")
    (finding,) = [one for one in judged("n.ipynb").findings if "torchao" in one.packages and one.severity == "error"]
    assert [(place.path, place.line) for place in finding.locations] == [("n.ipynb:cell 1", 2)]
    assert "n.ipynb:cell 1:2" in {reason.origin for reason in finding.because}
