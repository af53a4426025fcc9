"""Steps of really installed libraries, traced and held against the arithmetic. Needs uv and the package index."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from envdoctor.cli import main
from envdoctor.lab.environment import Environment, Limits, Settings, find_uv, local_cpu_torch

pytestmark = pytest.mark.install

TINY = {"hidden_size": 512, "intermediate_size": 1536, "num_attention_heads": 8, "num_key_value_heads": 2, "vocab_size": 8000}
LLAMA = {"model_type": "llama", "num_hidden_layers": 12, **TINY}
EXPERTS = {"model_type": "qwen3_moe", "num_hidden_layers": 12, "head_dim": 64, **TINY}
EXPERTS |= {"num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 256}


@pytest.fixture(scope="module")
def python() -> Iterator[str]:
    torch = local_cpu_torch(os.environ)
    if not torch:
        pytest.skip("needs a wheel of torch for the CPU in a folder that PIP_FIND_LINKS or UV_FIND_LINKS names: others take gigabytes")
    settings = Settings(uv=find_uv(os.environ), limits=Limits(free=4 << 30))
    with Environment(settings, os.environ) as environment:
        done = environment.install((torch, "transformers==5.17.0", "peft==0.21.0", "accelerate==1.15.0"))
        assert done.code == 0, done.err
        yield environment.python


def fit(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["fit", "--batch", "2", "--seq", "512", "--dtype", "bf16", "--format", "json", *words]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        (LLAMA, ["--gradient-checkpointing"]),
        (LLAMA, ["--method", "full", "--optimizer", "adamw_torch"]),
        (LLAMA, ["--method", "qlora", "--optimizer", "paged_adamw_8bit", "--gradient-checkpointing"]),
        (EXPERTS, ["--targets", "attention", "--gradient-checkpointing"]),
    ],
    ids=["lora", "full", "qlora", "experts"],
)
def test_a_trace_and_the_arithmetic_agree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], python: str, configuration: dict[str, Any], words: list[str]
) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(configuration))
    asked = ["--model", str(path), *words, "--python", python]
    calculated, traced = fit(capsys, *asked), fit(capsys, *asked, "--trace")
    assert (calculated["tier"], traced["tier"]) == ("A", "B")
    assert traced["peak_allocated_bytes"] == pytest.approx(calculated["peak_allocated_bytes"], rel=0.01)
    assert traced["peak_reserved_bytes"] == pytest.approx(calculated["peak_reserved_bytes"], rel=0.06)
    assert traced["shape"] == calculated["shape"]
    assert traced["versions"]["transformers"] == "5.17.0"


def test_a_package_that_is_missing_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], python: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(LLAMA))
    assert main(["fit", "--model", str(path), "--trainer", "trl", "--trace", "--python", python]) == 3
    said = capsys.readouterr().err
    assert "cannot import" in said
    assert "pip install 'envdoctor[trace]'" in said
