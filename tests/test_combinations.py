"""What a script and an environment must not be together: each pair is found in a case of its rule, and its neighbour is not."""

from __future__ import annotations

import os

import pytest

from tests.conftest import FIXTURES

COMBINATIONS = {
    "an MXFP4 model is trained": ("mxfp4-weights-not-trainable", "mxfp4-turned-into-bf16-while-loading", "mxfp4-wants-newer-gpu"),
    "a 4-bit model under several processes": (
        "device-map-auto-under-many-processes", "quantised-model-on-one-gpu-under-many-processes", "kbit-device-map-under-zero3",
    ),
    "device_map beside DeepSpeed": ("device-map-auto-with-deepspeed",),
    "an adapter's folder as base model": ("adapter-folder-given-as-model",),
    "weights quantised anew at each start": ("weights-quantised-anew-each-start",),
    "flash_attention_2 without attention sinks": ("gpt-oss-loses-sinks-under-flash-attention-2",),
    "bf16 on a card without it": ("bf16-refused-before-ampere", "bf16-emulated-before-ampere"),
    "fp16 training of fp16 or bf16 weights": ("fp16-training-of-fp16-weights", "fp16-training-of-bf16-weights", "fp16-and-bf16-together"),
    "a collator that overwrites masked labels": ("collator-replaces-labels", "collator-cannot-pad-labels"),
    "max_memory that counts weights only": ("max-memory-counts-weights-only",),
    "variables that do nothing": (
        "transformers-cache-variable-ignored", "hf-transfer-variable-ignored", "wandb-disabled-variable-ignored",
        "hub-token-variable-unread", "hub-variable-after-import", "allocator-setting-after-cuda-started",
    ),
    "use_fast=False without a slow tokenizer": ("slow-tokenizer-switch-ignored",),
    "a padding token that ends texts": ("end-token-masked-as-padding",),
}  # fmt: skip


@pytest.mark.parametrize("rule", [rule for rules in COMBINATIONS.values() for rule in rules])
def test_a_combination_has_a_case_and_a_neighbour(rule: str) -> None:
    """That the case fires and the neighbour is clear, the test of the whole rule book says."""
    for kind in ("bad", "good"):
        cases = os.listdir(os.path.join(FIXTURES, "rules", rule, kind))
        assert cases
        assert kind == "good" or all(os.path.exists(os.path.join(FIXTURES, "rules", rule, kind, case, "env.toml")) for case in cases)
