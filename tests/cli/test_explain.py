"""`envdoctor explain` end to end: logs of every kind in, a cause, its evidence here and a way out; and facts, never guesses, for the rest."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest

from envdoctor.cli import main
from tests.conftest import FIXTURES

LOGS = Path(FIXTURES) / "logs"
SICK = "torch==2.5.1\ntorchao==0.14.1\ntransformers==5.23.0\npeft==0.17.1\ntrl==0.19.1\naccelerate==1.15.0\ndatasets==5.2.0\nhuggingface-hub==0.36.0\n"
FIT = SICK.replace("torch==2.5.1", "torch==2.9.1").replace("torchao==0.14.1", "torchao==0.16.0")
INT1 = "AttributeError: module 'torch' has no attribute 'int1'"
STRANGE = """Traceback (most recent call last):
  File "/workspace/train.py", line 3, in <module>
    go()
  File "/venv/lib/python3.11/site-packages/transformers/trainer.py", line 2052, in train
    return inner()
  File "/venv/lib/python3.11/site-packages/peft/tuners/lora/model.py", line 348, in _replace
    x = y
KeyError: 'base_model.model.lm_head'
"""


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "FORCE_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "box.txt").write_text(SICK)
    (tmp_path / "fit.txt").write_text(FIT)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int = 1) -> str:
    assert main(["explain", *words]) == code
    return capsys.readouterr().out


def document(capsys: pytest.CaptureFixture[str], *words: str, code: int = 1) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(told(capsys, *words, "--format", "json", code=code))
    return found


def test_a_rule_that_fires_here_is_told_with_its_evidence_and_repair(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = told(capsys, INT1, "--freeze", "box.txt")
    assert "torchao 0.14.1 reads torch.int1 at import; torch 2.5.1 has no such dtype" in said
    assert "it is so in this environment" in said
    assert 'pip install "torch>=2.6"' in said
    assert said.endswith("next: envdoctor fix\n")


def test_a_rule_that_is_clear_here_says_so(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = told(capsys, INT1, "--freeze", "fit.txt")
    assert "not so in this environment" in said
    assert "torchao 0.16.0" in said
    assert "next: envdoctor rules show torchao-uses-int1-dtypes-torch-lacks" in said


@pytest.mark.parametrize("form", ["chained", "coloured", "notebook", "rich"])
def test_what_no_rule_tells_is_derived(box: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    found = document(capsys, str(LOGS / f"{form}.log"), "--freeze", "box.txt")
    (finding,) = found["findings"]
    (error,) = found["errors"]
    assert finding["rule"] == "needed-name-missing"
    assert finding["packages"] == ["peft", "transformers"]
    assert [remedy["require"] for remedy in finding["remedies"]] == [{"peft": ">=0.18.0"}, {"transformers": ">=4.44.0,<5.0.0"}]
    assert (error["here"], error["raised_by"], error["raised_in"]) == ("fires", "peft", "peft/peft_model.py:37")


def test_findings_have_the_keys_of_a_check(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, INT1, "--freeze", "box.txt")
    main(["check", "--freeze", "box.txt", "--format", "json"])
    checked = json.loads(capsys.readouterr().out)
    assert set(checked) < set(found)
    assert set(found["findings"][0]) == set(checked["findings"][0])
    assert found["findings"][0]["locations"][-1] == {"path": "the text given", "line": 1, "column": 1}


def test_an_unknown_error_gets_facts_and_no_guess(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (box / "run.log").write_text(STRANGE)
    said = told(capsys, "run.log", "--freeze", "box.txt")
    assert "No rule knows this error; peft 0.17.1 raised it" in said
    assert "peft/tuners/lora/model.py:348" in said
    assert "transformers 5.23.0" in said
    found = document(capsys, "run.log", "--freeze", "box.txt")
    assert found["findings"] == []
    assert (found["errors"][0]["known"], found["errors"][0]["rule"]) == (False, "")


def test_what_neighbours_declare_is_told_of_an_unknown_error(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (box / "run.log").write_text(STRANGE)
    place = box / "env" / "lib" / "python3.11" / "site-packages"
    for name, version, requires in (("peft", "0.17.1", "Requires-Dist: transformers<5\n"), ("transformers", "5.23.0", "")):
        (place / f"{name}-{version}.dist-info").mkdir(parents=True)
        (place / f"{name}-{version}.dist-info" / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}"
        )
    (box / "env" / "pyvenv.cfg").write_text("version = 3.11.7\n")
    said = told(capsys, "run.log", "--python", str(box / "env"))
    assert "peft declares transformers<5; this environment has 5.23.0, which is outside" in said


def test_an_error_of_the_script_itself_is_told_as_such(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (box / "run.log").write_text(
        'Traceback (most recent call last):\n  File "/workspace/train.py", line 3, in <module>\n    1 / 0\nZeroDivisionError: division by zero\n'
    )
    assert "raised in the script itself" in " ".join(told(capsys, "run.log", "--freeze", "box.txt").split())


def test_a_module_of_nobody_is_not_to_be_installed(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = told(capsys, "ModuleNotFoundError: No module named 'my_own_thing'", "--freeze", "box.txt")
    assert "no package that is known brings the module my_own_thing" in " ".join(said.split())
    assert "pip install" not in said


def test_a_memory_error_is_explained_by_its_numbers(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 14.00 GiB of which 0.50 GiB is free. Of the allocated memory 13.00 GiB is allocated by PyTorch, and 0.10 GiB is reserved by PyTorch but unallocated."
    said = told(capsys, text, "--freeze", "box.txt")
    assert "The run needs at least 15.0 GiB, and the card has 14.0 GiB" in said
    assert document(capsys, text, "--freeze", "box.txt")["errors"][0]["numbers"]["allocated by PyTorch"] == "13.0 GiB"


def test_every_error_text_of_the_seeds_is_known(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path, rules in {
        "gpt-oss-on-unsloth.md": {"torchao-uses-int1-dtypes-torch-lacks", "unsloth-does-not-know-gpt-oss", "unsloth-refuses-trl-at-import"},
        "gpt-oss-inference.md": {"adapter-folder-given-as-model"},
        "gemma-on-mac-and-colab.md": {
            "evaluation-strategy-spelled-the-old-way", "trl-sft-trainer-refuses-max-seq-length", "trl-formatting-func-must-return-list",
            "bitsandbytes-lacks-metal-backend", "eight-bit-optimizer-on-apple-gpu", "memory-short",
        },
    }.items():  # fmt: skip
        found = document(capsys, str(LOGS / "seeds" / path), "--freeze", "box.txt")
        assert {error["rule"] for error in found["errors"]} == rules
        assert all(error["known"] for error in found["errors"])


def test_a_log_without_an_error_is_told_to_have_none(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (box / "good.log").write_text("{'loss': 1.0}\n" * 100)
    assert told(capsys, "good.log", "--freeze", "box.txt", code=0).startswith("nothing wrong: good.log")


def test_logs_come_from_pipes_archives_notebooks_and_windows(
    box: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Piped(io.TextIOWrapper):
        def __init__(self) -> None:
            super().__init__(io.BytesIO(INT1.encode()))

    monkeypatch.setattr("sys.stdin", Piped())
    assert "standard input:1" in told(capsys, "--freeze", "box.txt")
    (box / "run.log.gz").write_bytes(gzip.compress(INT1.encode()))
    (box / "run.txt").write_bytes(INT1.encode("utf-16"))
    cells = [
        {
            "outputs": [
                {
                    "output_type": "error",
                    "ename": "AttributeError",
                    "evalue": "x",
                    "traceback": [f"\x1b[31mAttributeError\x1b[0m: {INT1[16:]}"],
                }
            ]
        }
    ]
    (box / "run.ipynb").write_text(json.dumps({"cells": cells}))
    (box / "run.json").write_text(json.dumps({"cells": cells}, indent=1))
    for name in ("run.log.gz", "run.txt", "run.ipynb", "run.json"):
        assert "torchao 0.14.1 reads torch.int1" in told(capsys, name, "--freeze", "box.txt")


def test_a_rule_is_shown_as_rules_show_does(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = told(capsys, "torchao-uses-int1-dtypes-torch-lacks", code=0)
    main(["rules", "show", "torchao-uses-int1-dtypes-torch-lacks"])
    assert said == capsys.readouterr().out
    assert "numbers" in told(capsys, "memory-short", code=0)


def test_a_word_that_is_nothing_is_refused_with_what_is_near(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "torchao-uses-int1-dtypes-torch-lack"]) == 2
    assert "did you mean torchao-uses-int1-dtypes-torch-lacks" in capsys.readouterr().err


def test_files_that_cannot_be_read_are_told(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (box / "broken.log.gz").write_bytes(b"no archive")
    (box / "broken.ipynb").write_text("no notebook")
    for name in ("broken.log.gz", "broken.ipynb", "."):
        assert main(["explain", name, "--freeze", "box.txt"]) == 3
        assert name in capsys.readouterr().err


def test_of_a_launcher_s_end_the_workers_error_is_told(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    end = "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n====\ntrain.py FAILED\n  exitcode  : {}  (pid: 4)\n"
    (box / "both.log").write_text(f"[rank0]: {INT1}\n[rank1]: {INT1}\nTraceback (most recent call last):\n{end.format(1)}")
    found = document(capsys, "both.log", "--freeze", "box.txt")
    assert [(error["rule"], error["ranks"], error["count"]) for error in found["errors"]] == [
        ("torchao-uses-int1-dtypes-torch-lacks", ["0", "1"], 2)
    ]
    (box / "killed.log").write_text("Traceback (most recent call last):\n" + end.format(-9))
    assert [error["rule"] for error in document(capsys, "killed.log", "--freeze", "box.txt")["errors"]] == ["process-killed"]
    (box / "alone.log").write_text("Traceback (most recent call last):\n" + end.format(1))
    assert "that one's own error is not in this log" in " ".join(told(capsys, "alone.log", "--freeze", "box.txt").split())


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("TypeError: Trainer.__init__() got an unexpected keyword argument 'tokenizer'", "Write processing_class= instead of tokenizer="),
        (
            "TypeError: SFTTrainer.__init__() got an unexpected keyword argument 'packing'",
            "Pass packing to SFTConfig, and that to SFTTrainer as args=",
        ),
        ("ImportError: cannot import name 'AdamW' from 'transformers' (x)", "Write torch.optim.AdamW instead of transformers.AdamW"),
    ],
)
def test_what_a_script_has_to_say_instead_is_told(box: Path, capsys: pytest.CaptureFixture[str], text: str, advice: str) -> None:
    (box / "run.log").write_text(f'Traceback (most recent call last):\n  File "train.py", line 3, in <module>\n    go()\n{text}\n')
    said = told(capsys, "run.log", "--freeze", "box.txt")
    assert advice in " ".join(said.split())
    assert said.endswith("next: envdoctor fix train.py\n")


@pytest.mark.parametrize(
    ("name", "raised"),
    [
        ("json-broken.log", "pyarrow/error.pxi:92, by pyarrow, called from /home/user/train.py:2"),
        ("port-taken.log", "torch/distributed/rendezvous.py:199, by torch 2.5.1, called from /home/user/train.py:4"),
        ("column-missing.log", "datasets/formatting/formatting.py:299, by datasets 5.2.0, called from /home/user/train.py:15"),
        ("exception-group-of-two.log", "/home/user/train.py:4"),
    ],
)  # fmt: skip
def test_where_an_error_was_raised_and_who_called_is_told(box: Path, capsys: pytest.CaptureFixture[str], name: str, raised: str) -> None:
    said = told(capsys, str(LOGS / "forms" / name), "--freeze", "box.txt")
    assert f"raised {raised}" in " ".join(said.split())
    assert "<string>" not in said.splitlines()[-1]


def test_what_a_compiler_says_is_told_in_place_of_its_command(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = " ".join(told(capsys, str(LOGS / "forms" / "build-failed.log"), "--freeze", "box.txt").split())
    assert "RuntimeError: Error building extension 'fused_adam': fatal error: cusparse.h: No such file or directory known" in said


def test_a_text_that_was_only_printed_is_counted_by_its_weight(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = " ".join(told(capsys, str(LOGS / "real" / "packing-attention.log"), "--freeze", "box.txt").split())
    assert "explained: 1 error, 1 warning in" in said.replace("\u00a0", " ")
    said = " ".join(told(capsys, str(LOGS / "real" / "trust-remote-code.log"), "--freeze", "box.txt").split())
    assert "explained: 1 warning in" in said.replace("\u00a0", " ")
