"""Configuration files run together with what names them and with what is launched by them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from envdoctor.cli import main
from envdoctor.facts.scripts import read_each
from envdoctor.facts.training_files import files_named_in, read
from envdoctor.model.exchange import from_mapping, to_mapping
from envdoctor.model.snapshot import Snapshot

SCRIPT = "from transformers import TrainingArguments\nTrainingArguments('out', deepspeed='configs/ds.json')\n"
DEEPSPEED = '{"zero_optimization": {"stage": 3}, "gradient_accumulation_steps": 4}'
LAUNCH = "distributed_type: MULTI_GPU\nnum_processes: 4\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "ds.json").write_text(DEEPSPEED)
    (tmp_path / "launch.yaml").write_text(LAUNCH)
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "freeze.txt").write_text("transformers==5.17.0\naccelerate==1.15.0\ndeepspeed==0.19.8\ntorch==2.13.0\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def targets(path: str, *more: str) -> set[str]:
    (reading,) = read_each((path, *more)).scripts
    return {call.target for call in reading[0].calls}


@pytest.mark.usefixtures("folder")
def test_a_file_that_a_script_names_is_read_with_it() -> None:
    assert targets("train.py") == {"transformers.TrainingArguments", "deepspeed.initialize"}


def test_a_file_is_also_looked_for_beside_what_names_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "configs")
    assert "deepspeed.initialize" in targets(str(folder / "train.py"))


@pytest.mark.usefixtures("folder")
def test_what_says_how_to_launch_belongs_to_every_script_that_is_named_with_it() -> None:
    Path("other.py").write_text("from transformers import Trainer\nTrainer()\n")
    read = read_each(("train.py", "launch.yaml", "other.py")).scripts
    assert [script.paths[0] for script, _ in read] == ["train.py", "other.py"]
    assert [{fact.path: fact.value for fact in facts}["training.world_size"] for _, facts in read] == [4, 4]


@pytest.mark.usefixtures("folder")
def test_alone_it_is_judged_by_itself() -> None:
    assert targets("launch.yaml") == {"accelerate.commands.config.config_args.ClusterConfig"}


@pytest.mark.usefixtures("folder")
def test_a_name_that_leads_nowhere_is_passed_over() -> None:
    os.unlink("configs/ds.json")
    (reading,) = read_each(("train.py",)).scripts
    assert files_named_in(reading[0]) == []


@pytest.mark.usefixtures("folder")
def test_a_file_of_no_kind_that_is_read_is_passed_over() -> None:
    Path("fsdp.json").write_text('{"transformer_layer_cls_to_wrap": ["LlamaDecoderLayer"]}')
    Path("train.py").write_text(SCRIPT.replace("deepspeed='configs/ds.json'", "fsdp_config='fsdp.json'"))
    read = read_each(("train.py",))
    assert (len(read.scripts), read.unread) == (1, ())


@pytest.mark.usefixtures("folder")
def test_a_check_names_both_places(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "train.py", "--freeze", "freeze.txt", "--select", "deepspeed-disagrees*", "--no-config"]) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert "gradient_accumulation_steps is 4 there, and the training arguments mean without a word gradient_accumulation_steps=1" in told
    assert "configs/ds.json:1" in told


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.yaml", "name: ci\n", "the training configurations of axolotl, accelerate, DeepSpeed, LLaMA-Factory, trl"),
        ("a.yaml", "base_model: x\nsequence_len: [\n", "a.yaml line 3: this is not valid YAML"),
        ("ds.json", '{"zero_optimization": {},}', "ds.json line 1: this is not valid JSON"),
    ],
)
def test_what_cannot_be_read_is_told_why(folder: Path, name: str, text: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / name).write_text(text)
    assert main(["check", name, "--freeze", "freeze.txt"] if "line" in says else ["check", name]) == 3
    assert says in capsys.readouterr().err


def test_a_configuration_is_not_rewritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "sft.yaml").write_text("model_name_or_path: a/b\noutput_dir: out\n")
    assert main(["fix", "sft.yaml", "--freeze", "freeze.txt"]) == 2
    assert "`envdoctor check sft.yaml` says what to write instead" in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_a_saved_snapshot_keeps_which_classes_share_the_keys() -> None:
    text = "model_name_or_path: a/b\noutput_dir: out\n"
    script = read(text, "sft.yaml").replace(facts=())
    saved = to_mapping(Snapshot(distributions={}, facts={}, absent={}, script=script))
    assert from_mapping(json.loads(json.dumps(saved)), "saved").script == script


def test_without_pyyaml_it_is_told_how_to_get_it(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "sft.yaml").write_text("model_name_or_path: a/b\noutput_dir: out\n")
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert main(["check", "sft.yaml", "--freeze", "freeze.txt"]) == 3
    assert "reading YAML needs PyYAML; install it with: pip install 'envdoctor[conda]'" in capsys.readouterr().err
