"""Which parameters are trained beside a base model: as peft 0.21.2 made them under transformers 5.17.0, counted on 2026-11-25."""

from __future__ import annotations

from typing import Any

import pytest

from envdoctor.memory.arguments import Wishes, resolve
from envdoctor.memory.catalogue import configuration
from envdoctor.memory.forecast import followed, forecast
from envdoctor.memory.model import Model
from envdoctor.memory.run import Run
from envdoctor.memory.shape import shape_of
from envdoctor.model.errors import UsageError

NEWEST = {"torch": "2.11.0", "transformers": "5.17.0", "trl": "1.16.0", "peft": "0.21.0"}
SIZES: dict[str, Any] = {
    "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 1000,
}  # fmt: skip
FEW = {"num_experts_per_tok": 2, "moe_intermediate_size": 48}
LATENT = {"kv_lora_rank": 32, "q_lora_rank": None, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 16}
MODELS: dict[str, dict[str, Any]] = {
    "qwen3_moe": {"head_dim": 32, "num_experts": 8, **FEW},
    "mixtral": {"head_dim": 32, "num_local_experts": 8, "num_experts_per_tok": 2, "intermediate_size": 48},
    "qwen2_moe": {"num_experts": 8, "shared_expert_intermediate_size": 96, **FEW},
    "deepseek_v2": {
        "num_hidden_layers": 3, "num_key_value_heads": 4, "n_routed_experts": 8, "n_shared_experts": 2, "first_k_dense_replace": 1, **LATENT, **FEW,
    },
    "olmoe": {"num_experts": 8, "num_experts_per_tok": 2, "intermediate_size": 48},
    "minimax_m2": {"head_dim": 32, "num_local_experts": 8, "num_experts_per_tok": 2, "intermediate_size": 48},
    "gpt_oss": {"head_dim": 32, "num_local_experts": 8, "num_experts_per_tok": 2, "intermediate_size": 48},
}  # fmt: skip
NAMES = "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj"


def trained(family: str, targets: str, versions: dict[str, str]) -> int:
    shape = shape_of({"model_type": family, **SIZES, **MODELS[family]}, family)
    run, _ = resolve(Wishes(rank=4, targets=targets), shape, versions)
    return sum(weight.tensor.elements for weight in Model(shape, run, shape.layers).adapters())


@pytest.mark.parametrize(
    ("family", "targets", "number"),
    [
        ("qwen3_moe", "all-linear", 33344),  # experts and router too: they are parameters, and peft knows their old names
        ("qwen3_moe", NAMES, 32768),
        ("qwen3_moe", "q_proj,v_proj", 2560),
        ("mixtral", "all-linear", 33344),
        ("mixtral", NAMES, 5120),  # its experts were called w1, w2 and w3
        ("mixtral", "w1,w2,w3", 27648),
        ("qwen2_moe", NAMES, 7424),  # not among those that peft converts: the shared expert only
        ("deepseek_v2", "all-linear", 34848),
        ("deepseek_v2", NAMES, 31104),
        ("gpt_oss", "all-linear", 5120),
        ("olmoe", "all-linear", 31808),
        ("minimax_m2", "all-linear", 33344),
    ],
)
def test_what_adapters_train_is_what_peft_made(family: str, targets: str, number: int) -> None:
    assert trained(family, targets, NEWEST) == number


def test_older_releases_leave_the_experts_alone() -> None:
    assert trained("qwen3_moe", "all-linear", {**NEWEST, "peft": "0.19.1"}) == 5120
    assert trained("qwen3_moe", NAMES, {**NEWEST, "peft": "0.19.1"}) == 32768
    assert trained("qwen3_moe", NAMES, {**NEWEST, "peft": "0.18.1"}) == 5120


def test_half_of_a_fused_parameter_is_refused_as_peft_does() -> None:
    with pytest.raises(UsageError, match="peft refuses gate_proj without up_proj"):
        trained("qwen3_moe", "gate_proj", NEWEST)


def test_adapted_experts_exist_once_more_for_the_length_of_a_layer() -> None:
    shape = shape_of(configuration("Qwen/Qwen3-30B-A3B") or {}, "qwen3").replace(layers=6)
    plain = Run(targets=("q", "k", "v", "o"))
    both = 128 * 3 * 768 * 2048 * 2  # bytes of the experts of one layer, gate, up and down
    kept = plain.replace(checkpointing=False)
    adapted = {"adapted_experts": ("gate_up", "down")}
    assert forecast(shape, kept.replace(**adapted)).allocated - forecast(shape, kept).allocated > 6 * both
    assert forecast(shape, plain.replace(**adapted)).passing > both


# Qwen3-30B-A3B with fewer layers, LoRA r=8, 1 x 1024 tokens: torch 2.13.0, transformers 5.17.0 and peft 0.21.0 on tensors without values
TRACED = [(3, True, "attention", 1888514060), (3, True, "all-linear", 1934690828), (4, False, "all-linear", 7577593868)]


@pytest.mark.parametrize(("layers", "checkpointing", "targets", "peak"), TRACED)
def test_a_step_takes_what_the_libraries_own_code_takes(layers: int, checkpointing: bool, targets: str, peak: int) -> None:
    shape = shape_of(configuration("Qwen/Qwen3-30B-A3B") or {}, "qwen3").replace(layers=layers)
    run, _ = resolve(Wishes(targets=targets, checkpointing=checkpointing), shape, NEWEST)
    whole = followed(shape, run)
    live = most = 0
    for at, event in enumerate(whole.events):
        if at not in whole.workspaces:
            live += event if event >= 0 else -whole.events[~event]
            most = max(most, live)
    assert most == pytest.approx(peak, rel=0.0005)


@pytest.mark.parametrize(("tied", "base"), [(False, 202048), (True, 138048)])
@pytest.mark.parametrize("saved", [(), ("lm_head",), ("embed_tokens",), ("embed_tokens", "lm_head")])
def test_saved_modules_are_trained_copies(tied: bool, base: int, saved: tuple[str, ...]) -> None:
    shape = shape_of({"model_type": "llama", **SIZES, "tie_word_embeddings": tied}, "llama")
    run, _ = resolve(Wishes(rank=4, saved=saved), shape, NEWEST)
    model = Model(shape, run, shape.layers)
    assert sum(weight.tensor.elements for weight in model.adapters()) == 8192 + 64000 * len(saved)
    assert sum(weight.tensor.elements for weight in model.weights()) == base
    assert forecast(shape, run).allocated > forecast(shape, run.replace(saved_modules=())).allocated or not saved


def test_other_modules_cannot_be_saved() -> None:
    shape = shape_of({"model_type": "llama", **SIZES}, "llama")
    with pytest.raises(UsageError, match="only embed_tokens and lm_head are followed"):
        resolve(Wishes(saved=("score",)), shape, NEWEST)


def test_adapters_wrap_the_embedding_and_the_head_where_they_are_named() -> None:
    shape = shape_of({"model_type": "llama", **SIZES}, "llama")
    run, _ = resolve(Wishes(rank=4, targets="q_proj,embed_tokens,lm_head"), shape, NEWEST)
    ends = 4 * (shape.vocab + shape.hidden)
    queries = 4 * (shape.hidden + shape.queries) * shape.layers
    assert forecast(shape, run).trained == queries + 2 * ends
    unsloth, _ = resolve(Wishes(trainer="unsloth", targets="q_proj,lm_head"), shape, NEWEST)
    assert unsloth.saved_modules == ("lm_head",)


@pytest.mark.parametrize(
    ("wishes", "says"),
    [
        ({"targets": "q_proj,lm_head", "trainer": "trl"}, "trl multiplies by the head's weight itself"),
        ({"targets": "q_proj,lm_head", "loss": "liger"}, "--loss liger multiplies by the head's weight itself"),
        ({"targets": "q_proj,lm_head", "method": "dora"}, "DoRA on lm_head is not followed"),
        ({"targets": "q_proj,lm_head", "saved": ("lm_head",)}, "lm_head is in --modules-to-save too"),
    ],
)
def test_adapters_that_nobody_trains_or_follows_are_refused(wishes: dict[str, Any], says: str) -> None:
    shape = shape_of({"model_type": "llama", **SIZES}, "llama")
    with pytest.raises(UsageError, match=says):
        resolve(Wishes(**wishes), shape, NEWEST)
