"""Arguments of loaders that reach a constructor: which classes refuse them, and which take whatever they are given."""

from __future__ import annotations

import pytest

from envdoctor.engine.calls import Judge
from envdoctor.knowledge.atlas.load import open_atlas
from envdoctor.knowledge.spellings import open_spellings
from envdoctor.script import read
from tests.conftest import snapshot


def refused(loader: str, argument: str, transformers: str = "5.23.0") -> list[str]:
    patient = snapshot({"transformers": transformers, "peft": "0.21.2"})
    atlas = open_atlas()
    assert atlas is not None
    package, _, name = loader.rpartition(".")
    script = read(f"from {package} import {name}\n{name}.from_pretrained('x', {argument})", "train.py")
    return [misuse.name for misuse in Judge(patient, atlas.beside(patient.distributions, True), open_spellings()).misuses(script)]


@pytest.mark.parametrize(
    "loader",
    [
        "transformers.AutoModelForCausalLM", "transformers.LlamaForCausalLM", "transformers.T5ForConditionalGeneration",
        "transformers.LlamaForSequenceClassification", "transformers.BertForTokenClassification", "peft.AutoPeftModelForCausalLM",
    ],
)  # fmt: skip
def test_a_loader_hands_it_to_a_constructor_that_refuses_it(loader: str) -> None:
    for argument in ("load_in_4bit", "load_in_8bit", "use_auth_token"):
        assert refused(loader, f"{argument}=True") == [argument]
        assert refused(loader, f"{argument}=True", "4.57.6") == []


@pytest.mark.parametrize("loader", ["transformers.BartForSequenceClassification", "transformers.MBartForSequenceClassification"])
def test_a_constructor_that_takes_anything_refuses_nothing(loader: str) -> None:
    assert refused(loader, "load_in_4bit=True") == []


def test_a_flax_loader_has_always_taken_dtype() -> None:
    assert refused("transformers.FlaxAutoModelForCausalLM", "dtype='bfloat16'", "4.44.2") == []
    assert refused("transformers.AutoModelForCausalLM", "dtype='bfloat16'", "4.44.2") == ["dtype"]
