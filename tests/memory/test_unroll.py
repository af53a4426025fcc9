"""The fast path of a deep model: the repeated events of a shallow one are those of the whole, one by one."""

from __future__ import annotations

from typing import Any

import pytest

from envdoctor.memory.catalogue import configuration
from envdoctor.memory.forecast import followed
from envdoctor.memory.model import Model, forget, step
from envdoctor.memory.run import Run
from envdoctor.memory.shape import shape_of
from envdoctor.memory.tape import Tape

RUNS: list[dict[str, Any]] = [
    {},
    {"checkpointing": False},
    {"method": "full", "width": 4},
    {"method": "full", "checkpointing": False, "autocast": False},
    {"method": "qlora", "outer_width": 4},
    {"method": "dora"},
    {"method": "dora", "checkpointing": False},
    {"attention": "eager", "checkpointing": False},
    {"loss": "chunked"},
    {"loss": "liger", "fused": True},
    {"method": "inference"},
    {"adapted_experts": ("gate_up", "down", "router"), "targets": ("q", "o")},
    {"adapted_experts": ("gate_up", "down"), "checkpointing": False},
    {"saved_modules": ("embed_tokens", "lm_head")},
    {"targets": ("q", "embed_tokens", "lm_head")},
]
MODELS = (
    "meta-llama/Llama-3.2-1B",
    "Qwen/Qwen2.5-7B",
    "google/gemma-3-1b-pt",
    "google/gemma-2-2b",
    "microsoft/Phi-4-mini-instruct",
    "allenai/OLMo-2-0425-1B",
    "openai/gpt-oss-20b",
    "Qwen/Qwen3-30B-A3B",
    "deepseek-ai/DeepSeek-V2-Lite",
    "bigcode/starcoder2-3b",
    "tiiuae/falcon-7b",
)


@pytest.mark.parametrize("changes", RUNS, ids=str)
@pytest.mark.parametrize("name", MODELS)
def test_repeated_layers_are_the_whole_model(name: str, changes: dict[str, Any]) -> None:
    shape, run = shape_of(configuration(name) or {}, name), Run(**{"seq": 1024, **changes})
    tape = Tape(half=2, autocast=run.autocast)
    model = Model(shape, run, shape.layers)
    step(tape, model)
    end = len(tape.events)
    forget(model)
    found = followed(shape, run)
    assert found.events == tape.events
    assert found.end == end
    assert found.workspaces == {buffer.at for buffer in tape.workspaces}
    assert found.gradients == tape.gradients


def test_every_block_is_freed_again() -> None:
    shape = shape_of(configuration("Qwen/Qwen3-0.6B") or {}, "qwen3")
    found = followed(shape, Run(method="full"))
    freed = {~event for event in found.events if event < 0}
    assert {at for at, event in enumerate(found.events) if event >= 0} - freed == found.workspaces
