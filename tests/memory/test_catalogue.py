"""The shipped shapes: as many parameters as their publishers state, and found by the names people use."""

from __future__ import annotations

import json
import os
import random
from typing import Any

import pytest

from envdoctor.memory.catalogue import ROWS, configuration, near
from envdoctor.memory.forecast import forecast
from envdoctor.memory.model import Model
from envdoctor.memory.run import Run
from envdoctor.memory.shape import shape_of
from envdoctor.model.errors import InputError
from tests.conftest import FIXTURES

# the totals that the model cards and safetensors indexes state
STATED = {
    "meta-llama/Llama-2-7b-hf": 6738415616,
    "meta-llama/Llama-2-13b-hf": 13015864320,
    "meta-llama/Llama-2-70b-hf": 68976648192,
    "meta-llama/Llama-3.1-8B": 8030261248,
    "meta-llama/Llama-3.1-70B": 70553706496,
    "meta-llama/Llama-3.1-405B": 405853388800,
    "meta-llama/Llama-3.2-1B": 1235814400,
    "meta-llama/Llama-3.2-3B": 3212749824,
    "TinyLlama/TinyLlama-1.1B-Chat-v1.0": 1100048384,
    "01-ai/Yi-6B": 6061035520,
    "01-ai/Yi-34B": 34388917248,
    "HuggingFaceTB/SmolLM2-135M": 134515008,
    "HuggingFaceTB/SmolLM2-1.7B": 1711376384,
    "HuggingFaceTB/SmolLM3-3B": 3075098624,
    "Qwen/Qwen2.5-0.5B": 494032768,
    "Qwen/Qwen2.5-3B": 3085938688,
    "Qwen/Qwen2.5-7B": 7615616512,
    "Qwen/Qwen2.5-14B": 14770033664,
    "Qwen/Qwen2.5-32B": 32763876352,
    "Qwen/Qwen2.5-72B": 72706203648,
    "Qwen/Qwen3-0.6B": 596049920,
    "Qwen/Qwen3-4B": 4022468096,
    "Qwen/Qwen3-8B": 8190735360,
    "Qwen/Qwen3-30B-A3B": 30532122624,
    "Qwen/Qwen3-235B-A22B": 235093634560,
    "mistralai/Mistral-7B-v0.1": 7241732096,
    "mistralai/Mistral-7B-v0.3": 7248023552,
    "mistralai/Mistral-Nemo-Base-2407": 12247782400,
    "mistralai/Ministral-8B-Instruct-2410": 8019808256,
    "mistralai/Mixtral-8x7B-v0.1": 46702792704,
    "google/gemma-2b": 2506172416,
    "google/gemma-7b": 8537680896,
    "google/gemma-2-9b": 9241705984,
    "google/gemma-2-27b": 27227128320,
    "google/gemma-3-1b-pt": 999885952,
    "google/gemma-3-270m": 268098176,
    "microsoft/phi-2": 2779683840,
    "microsoft/Phi-3-mini-4k-instruct": 3821079552,
    "microsoft/phi-4": 14659507200,
    "microsoft/Phi-4-mini-instruct": 3836021760,
    "openai/gpt-oss-20b": 20914757184,
    "openai/gpt-oss-120b": 116829156672,
    "tiiuae/falcon-7b": 6921720704,
    "allenai/OLMo-1B-hf": 1176764416,
    "allenai/OLMo-2-0425-1B": 1484916736,
    "CohereLabs/c4ai-command-r-v01": 34980831232,
    "deepseek-ai/DeepSeek-V2-Lite": 15706484224,
    "zai-org/GLM-4-9B-0414": 9400279040,
    "bigcode/starcoder2-3b": 3030371328,
    "bigcode/starcoder2-15b": 15957889024,
    "stabilityai/stablelm-2-1_6b": 1644515328,
    "openai-community/gpt2": 124439808,
    "openai-community/gpt2-medium": 354823168,
    "openai-community/gpt2-large": 774030080,
    "openai-community/gpt2-xl": 1557611200,
    "facebook/opt-125m": 125239296,
    "facebook/opt-1.3b": 1315758080,
    "facebook/opt-2.7b": 2651596800,
    "facebook/opt-6.7b": 6658473984,
    "facebook/opt-13b": 12853473280,
    "EleutherAI/pythia-70m": 70426624,
    "EleutherAI/pythia-160m": 162322944,
    "EleutherAI/pythia-410m": 405334016,
    "EleutherAI/pythia-1b": 1011781632,
    "EleutherAI/pythia-1.4b": 1414647808,
    "EleutherAI/pythia-2.8b": 2775208960,
    "EleutherAI/pythia-6.9b": 6857302016,
    "EleutherAI/pythia-12b": 11846072320,
    "bigscience/bloom-560m": 559214592,
    "bigscience/bloom-1b7": 1722408960,
    "bigscience/bloom-7b1": 7069016064,
    "allenai/OLMoE-1B-7B-0924": 6919161856,
    "internlm/internlm2-7b": 7737708544,
    "baichuan-inc/Baichuan2-7B-Base": 7505973248,
}


@pytest.mark.parametrize("name", STATED)
def test_a_shape_has_the_parameters_its_publisher_states(name: str) -> None:
    shape = shape_of(configuration(name) or {}, name)
    assert sum(weight.tensor.elements for weight in Model(shape, Run(), shape.layers).weights()) == STATED[name]


def classes() -> list[Any]:
    """Return small configurations of each family and the parameters that transformers 5.17.0 made of them."""
    with open(os.path.join(FIXTURES, "memory", "classes.jsonl"), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.mark.parametrize("row", classes(), ids=lambda row: row["config"]["model_type"])
def test_a_family_has_the_parameters_of_its_class(row: dict[str, Any]) -> None:
    shape = shape_of(row["config"], "config.json")
    assert sum(weight.tensor.elements for weight in Model(shape, Run(), shape.layers).weights()) == row["parameters"]


@pytest.mark.parametrize("name", ROWS)
def test_every_row_is_a_shape(name: str) -> None:
    shape = shape_of(configuration(name) or {}, name)
    assert shape.queries >= shape.keys > 0


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("Qwen/Qwen2.5-7B-Instruct", "Qwen/Qwen2.5-7B"),
        ("unsloth/gpt-oss-20b-unsloth-bnb-4bit", "openai/gpt-oss-20b"),
        ("unsloth/Meta-Llama-3.1-8B-bnb-4bit", "meta-llama/Llama-3.1-8B"),
        ("google/gemma-3-1b-it", "google/gemma-3-1b-pt"),
        ("mistral-7b", "mistralai/Mistral-7B-v0.3"),
        ("Qwen/Qwen3-4B-Thinking-2507", "Qwen/Qwen3-4B"),
    ],
)
def test_variants_have_the_shape_of_their_row(name: str, row: str) -> None:
    assert configuration(name) == configuration(row)


def test_an_unknown_name_has_no_shape_but_neighbours() -> None:
    assert configuration("me/own-model") is None
    assert "Qwen/Qwen2.5-7B" in near("Qwen/Qwen2.5-7")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"model_type": None}, "has no model_type"),
        ({"model_type": "mamba"}, "is not known here"),
        ({"hidden_size": None}, "says nothing of hidden_size"),
        ({"num_hidden_layers": -1}, "must be a whole number between 1 and"),
    ],
)
def test_a_configuration_without_sizes_says_what_is_missing(changes: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        shape_of({**(configuration("Qwen/Qwen3-4B") or {}), **changes}, "config.json")


def test_the_text_part_of_a_model_of_images_is_what_counts() -> None:
    inner = configuration("google/gemma-3-4b-pt") or {}
    assert shape_of({"model_type": "gemma3", "text_config": inner}, "config.json") == shape_of(inner, "config.json")


@pytest.mark.parametrize("seed", range(60))
def test_no_configuration_however_broken_ends_in_anything_but_an_answer(seed: int) -> None:
    chance = random.Random(seed)
    sizes = dict(configuration(chance.choice([*ROWS])) or {})
    for _ in range(3):
        keys = [*sizes, "layer_types", "sliding_window_pattern", "quantization_config", "text_config", "head_dim", "first_k_dense_replace"]
        sizes[chance.choice(keys)] = chance.choice([None, 0, -1, 1, 3, "x", [], {}, True, 1.5, 10**9])
    if isinstance(sizes.get("num_hidden_layers"), int):
        sizes["num_hidden_layers"] = min(sizes["num_hidden_layers"], 9)
    try:
        shape = shape_of(sizes, "config.json")
    except InputError:
        return
    for method in ("lora", "full", "inference"):
        found = forecast(shape, Run(method=method, seq=64))
        assert 0 < found.allocated <= found.reserved
