"""What is known of a model from its folder, from the cache, and from its name."""

from __future__ import annotations

import json

import pytest

from envdoctor.facts.model import describe
from envdoctor.facts.recorded import RecordedHost
from envdoctor.model.facts import Fact

HUB = "/home/ann/.cache/huggingface/hub"
PATHS = ["hf.download_needed", "model.head_dim", "model.is_adapter", "model.name", "model.quantization", "model.type"]
LLAMA = {"model_type": "llama", "hidden_size": 4096, "num_attention_heads": 32}


def of(name, files=None, loader=""):
    texts = {path: text if isinstance(text, (str, bytes)) else json.dumps(text) for path, text in (files or {}).items()}
    answers = list(describe(name, RecordedHost(texts, {"HOME": "/home/ann"}), loader))
    assert sorted(answer.path for answer in answers) == PATHS
    return {answer.path.removeprefix("model."): answer.value if isinstance(answer, Fact) else answer.reason for answer in answers}


def cached(name, revision="abc", **files):
    folder = f"{HUB}/models--{name.replace('/', '--')}"
    return {f"{folder}/snapshots/{revision}/{file.replace('__', '.')}": text for file, text in files.items()}


def test_a_local_folder():
    found = of("./out", {"/project/./out/config.json": LLAMA})
    assert (found["type"], found["quantization"], found["is_adapter"], found["head_dim"], found["hf.download_needed"]) == (
        "llama",
        "none",
        False,
        128,
        0,
    )


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"quant_method": "mxfp4"}, "mxfp4"), ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "bnb-4bit"),
        ({"quant_method": "bitsandbytes", "_load_in_4bit": True, "load_in_8bit": False}, "bnb-4bit"), ({"load_in_4bit": False}, "bnb-8bit"),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "bnb-8bit"), ({"quant_method": "gptq", "bits": 4}, "gptq"),
        ({"quant_method": "awq"}, "awq"), ({"quant_method": "fp8"}, "fp8"), ({"quant_method": "fbgemm_fp8"}, "fp8"),
        ({"quant_method": "compressed-tensors"}, "compressed-tensors"), ({}, "none"), (None, "none"), ("broken", "none"),
    ],
)  # fmt: skip
def test_the_format_of_the_weights(told, expected):
    assert of("/m", {"/m/config.json": {**LLAMA, "quantization_config": told}})["quantization"] == expected


def test_a_model_of_text_and_images_tells_its_head_size_below():
    config = {"model_type": "gemma3", "text_config": {"head_dim": 256, "hidden_size": 2560, "num_attention_heads": 8}}
    assert of("/m", {"/m/config.json": config})["head_dim"] == 256


def test_the_cache_tells_of_the_revision_that_main_names():
    files = {**cached("org/it", "old", config__json={"model_type": "gpt2"}), **cached("org/it", "new", config__json=LLAMA)}
    files[f"{HUB}/models--org--it/refs/main"] = "new"
    assert of("org/it", files)["type"] == "llama"


def test_what_is_left_to_download():
    index = {"metadata": {"total_size": 1000}, "weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    files = cached("org/it", config__json=LLAMA, model__safetensors__index__json=index)
    files[f"{HUB}/models--org--it/snapshots/abc/one.safetensors"] = "x" * 400
    assert of("org/it", files)["hf.download_needed"] == 600
    files[f"{HUB}/models--org--it/snapshots/abc/two.safetensors"] = "x" * 590
    assert of("org/it", files)["hf.download_needed"] == 0
    assert of("org/it", cached("org/it", config__json=LLAMA))["hf.download_needed"] == "not-collected"


def test_an_adapter_tells_of_its_base():
    found = of("/a", {"/a/adapter_config.json": {"base_model_name_or_path": "openai/gpt-oss-20b"}, "/a/adapter_model.safetensors": ""})
    assert (found["is_adapter"], found["type"], found["quantization"]) == (True, "gpt_oss", "mxfp4")


def test_an_adapter_of_itself_does_not_loop():
    found = of("/a", {"/a/adapter_config.json": {"base_model_name_or_path": "/a"}})
    assert (found["is_adapter"], found["type"]) == (True, "not-collected")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", b"\xff\xfe{}", '{"model_type"', "[" * 100_000, '"text"'])
def test_a_damaged_configuration_is_a_failure(text):
    assert of("/m", {"/m/config.json": text})["type"] == "failed"


@pytest.mark.parametrize(
    "config", [{}, {"model_type": 3}, {"model_type": "x", "hidden_size": "big", "num_attention_heads": 0, "text_config": 7}]
)
def test_a_poor_configuration_leaves_open_what_it_lacks(config):
    assert of("/m", {"/m/config.json": config})["head_dim"] == "failed"


@pytest.mark.parametrize(
    ("name", "kind", "quantization"),
    [
        ("openai/gpt-oss-20b", "gpt_oss", "mxfp4"), ("unsloth/gpt-oss-20b-BF16", "gpt_oss", "none"),
        ("unsloth/gpt-oss-20b-unsloth-bnb-4bit", "gpt_oss", "bnb-4bit"), ("unsloth/gpt-oss-20b", "gpt_oss", "not-collected"),
        ("unsloth/Meta-Llama-3.1-8B-bnb-4bit", "llama", "bnb-4bit"), ("TheBloke/Mistral-7B-v0.1-AWQ", "mistral", "awq"),
        ("Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4", "qwen2", "gptq"), ("Qwen/Qwen3-8B-FP8", "qwen3", "fp8"), ("Qwen/Qwen3-30B-A3B", "qwen3_moe", "none"),
        ("Qwen/Qwen3-0.6B", "qwen3", "none"), ("Qwen/Qwen2.5-VL-7B-Instruct", "qwen2_5_vl", "none"), ("google/gemma-2-9b-it", "gemma2", "none"),
        ("google/gemma-3-1b-it", "gemma3_text", "none"), ("google/gemma-3-4b-it", "gemma3", "none"), ("google/gemma-3n-E4B-it", "gemma3n", "none"),
        ("meta-llama/Llama-3.2-11B-Vision-Instruct", "mllama", "none"), ("mistralai/Mixtral-8x7B-v0.1", "mixtral", "none"),
        ("deepseek-ai/DeepSeek-V3", "deepseek_v3", "fp8"), ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "qwen2", "none"),
        ("someone/llama-3-8b-exl2", "llama", "not-collected"), ("someone/own", "not-collected", "not-collected"),
        ("Qwen/Qwen3.5-35B-A3B", "not-collected", "not-collected"), ("gpt2", "gpt2", "none"),
    ],
)  # fmt: skip
def test_well_known_names(name, kind, quantization):
    found = of(name)
    assert (found["type"], found["quantization"]) == (kind, quantization)


def test_the_loader_decides_what_a_mapped_name_stands_for():
    assert of("unsloth/gpt-oss-20b", loader="unsloth")["quantization"] == "bnb-4bit"
    assert of("openai/gpt-oss-20b", loader="unsloth")["quantization"] == "bnb-4bit"
    assert of("unsloth/gpt-oss-20b", loader="transformers")["quantization"] == "mxfp4"


def test_names_of_adapters_are_not_called_whole_models():
    assert of("me/llama-3-8b-lora")["is_adapter"] == "not-collected"
    assert of("meta-llama/Llama-3.1-8B")["is_adapter"] is False


@pytest.mark.parametrize("name", ["", "/", "..", "a/b/c", "~", "$HOME", "x" * 5000, "\0"])
def test_odd_names_are_answered(name):
    assert of(name)["name"] == name
