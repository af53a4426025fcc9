"""The pre-train hook: stops what would break, lets everything else through, and never costs a run by its own fault."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

import envdoctor
from envdoctor import EnvironmentRejected, preflight
from envdoctor.facts import locate
from envdoctor.facts.locate import Place
from envdoctor.model.errors import UsageError
from tests.conftest import ROOT
from tests.facts.test_distributions import make

SICK = {"torch": "2.5.1", "torchao": "0.14.1", "transformers": "4.56.2", "accelerate": "1.10.1", "numpy": "2.1.0"}


@pytest.fixture
def sick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, version in SICK.items():
        make(tmp_path, name, version, f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n")
    place = Place(prefix=str(tmp_path), site_packages=(str(tmp_path),), python_version="3.11.7", own=True)
    monkeypatch.setattr(locate, "own_place", lambda: place)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_sick_environment_stops_the_run_and_says_why(sick: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(EnvironmentRejected) as error:
        preflight(use="sft", environ={})
    report = error.value.report
    assert report.verdict == "unfit"
    assert any({"torch", "torchao"} <= set(finding.packages) for finding in report.findings)
    told = capsys.readouterr()
    assert told.out == ""
    assert "torchao 0.14.1" in told.err


def test_off_looks_at_nothing(sick: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert preflight(use="sft", environ={"ENVDOCTOR": "off"}) is None
    assert capsys.readouterr().err == ""


def test_warn_prints_and_trains(sick: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = preflight(use="sft", environ={"ENVDOCTOR": "warn"})
    assert report is not None
    assert report.verdict == "unfit"
    assert "torchao 0.14.1" in capsys.readouterr().err


@pytest.mark.parametrize("variable", ["LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID"])
def test_all_ranks_stop_and_only_the_first_prints(variable: str, sick: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for rank in ("0", "1", "7"):
        with pytest.raises(EnvironmentRejected):
            preflight(use="sft", environ={variable: rank, "WORLD_SIZE": "8"})
        assert bool(capsys.readouterr().err) == (rank == "0")


def test_its_own_defects_let_training_start(sick: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> Place:
        raise RuntimeError("a defect")

    monkeypatch.setattr(locate, "own_place", fails)
    with caplog.at_level(logging.WARNING):
        assert preflight(use="sft", environ={}) is None
    assert "training goes on" in caplog.text


def test_what_cannot_be_read_is_left_out_and_the_rest_examined(sick: Path, caplog: pytest.LogCaptureFixture) -> None:
    (sick / "envdoctor.toml").write_text("foor = 1\n")
    (sick / "train.py").write_text("def (\n")
    with caplog.at_level(logging.WARNING), pytest.raises(EnvironmentRejected):
        preflight(use="sft", script=str(sick / "train.py"), environ={})
    assert "the configuration is not used" in caplog.text
    assert "examined without the script" in caplog.text


def test_a_wrong_argument_is_told() -> None:
    with pytest.raises(UsageError, match="choose one of sft"):
        preflight(use="poetry", environ={})


def test_it_starts_no_program_and_writes_nothing(sick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "run", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    before = sorted(os.walk(sick))
    with pytest.raises(EnvironmentRejected):
        preflight(use="sft", model="unsloth/gpt-oss-20b", environ={})
    assert sorted(os.walk(sick)) == before


def test_what_is_given_becomes_facts(sick: Path) -> None:
    report = preflight(
        use="lora", model="openai/gpt-oss-20b", dtype="bf16", optimizer="adamw_8bit", environ={"ENVDOCTOR": "warn", "WORLD_SIZE": "4"}
    )
    assert report is not None
    facts = {path: fact.value for path, fact in report.snapshot.facts.items()}
    assert (facts["training.dtype"], facts["training.optimizer"], facts["training.world_size"]) == ("bf16", "adamw_8bit", 4)
    assert (facts["model.name"], facts["model.quantization"]) == ("openai/gpt-oss-20b", "mxfp4")


def run(script: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in ("ENVDOCTOR", "LOCAL_RANK")}
    clean.update(environ, PYTHONPATH=os.path.join(ROOT, "src"))
    return subprocess.run(
        [sys.executable, "-m", "envdoctor.run", *words, str(script), "--epochs", "3"],
        capture_output=True,
        text=True,
        check=False,
        env=clean,
        cwd=script.parent,
    )


def test_running_a_script_that_nobody_may_edit(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("import sys\nif __name__ == '__main__':\n    print('trained', sys.argv[1:])\n    sys.exit(7)\n")
    done = run(script)
    assert (done.returncode, done.stdout) == (7, "trained ['--epochs', '3']\n"), done.stderr


def test_a_script_is_not_run_when_a_purpose_lacks_its_packages(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("print('trained')\n")
    done = run(script, "--for", "grpo")
    assert (done.returncode, done.stdout) == (1, "")
    assert "trl" in done.stderr
    assert run(script, "--for", "grpo", ENVDOCTOR="warn").stdout == "trained\n"


def test_a_missing_script_is_told(tmp_path: Path) -> None:
    done = run(tmp_path / "nowhere.py")
    assert done.returncode == 2
    assert "there is no such script" in done.stderr


def test_the_public_names_are_there() -> None:
    assert set(envdoctor.__all__) <= set(dir(envdoctor))
    for name in envdoctor.__all__:
        assert getattr(envdoctor, name) is not None
    with pytest.raises(AttributeError):
        envdoctor.nothing  # noqa: B018


class SFTConfig:
    """What of trl's own is read."""

    __module__ = "trl.trainer.sft_config"

    def __init__(self, **fields: object) -> None:
        self.__dict__.update(fields)


class LoraConfig:
    """What of peft's own is read."""

    r = 16
    target_modules = frozenset({"q_proj", "v_proj"})
    modules_to_save = None


def test_the_trainers_own_arguments_become_facts(sick: Path) -> None:
    args = SFTConfig(per_device_train_batch_size=4, gradient_checkpointing=True, max_length=2048, optim="adamw_torch_fused", bf16=True)
    report = preflight(model="Qwen/Qwen2.5-7B", args=args, peft_config=LoraConfig(), environ={"ENVDOCTOR": "warn"})
    assert report is not None
    facts = {path: fact.value for path, fact in report.snapshot.facts.items()}
    assert (facts["training.batch"], facts["training.max_length"], facts["training.checkpointing"]) == (4, 2048, True)
    assert (facts["training.trainer"], facts["training.rank"], facts["training.targets"]) == ("trl", 16, ("q_proj", "v_proj"))
    args.deepspeed = "zero3.json"  # type: ignore[attr-defined]
    report = preflight(model="Qwen/Qwen2.5-7B", args=args, environ={"ENVDOCTOR": "warn"})
    assert report is not None
    assert report.snapshot.facts["training.unfollowed"].value == "deepspeed"


def test_a_run_that_cannot_fit_is_stopped_before_the_download(sick: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from envdoctor.facts import gpu
    from envdoctor.facts.host import FilesOnlyHost
    from envdoctor.model.facts import Fact

    def one_card(host: FilesOnlyHost) -> list[Fact]:
        return [Fact(path=path, value=value, origin="a test") for path, value in (("gpu.count", 1), ("gpu.memory.total", 24 << 30))]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gpu, "everything", one_card)
        report = preflight(use="full", model="meta-llama/Llama-3.1-70B", environ={"ENVDOCTOR": "warn"})
    assert report is not None
    assert "run-does-not-fit-on-gpu" in {finding.rule for finding in report.findings}
    assert "the GPU has 24.0 GiB" in capsys.readouterr().err
