"""Facts about the training follow from a script only where it leaves no doubt."""

from __future__ import annotations

import textwrap

import pytest

from envdoctor.script import facts_of, read

HEAD = """
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, Trainer, TrainingArguments
from trl import DPOTrainer, SFTConfig, SFTTrainer
from peft import LoraConfig, PeftModel, get_peft_model
from unsloth import FastLanguageModel
"""


def facts(text: str) -> dict[str, object]:
    return dict(facts_of(read(HEAD + textwrap.dedent(text), "train.py")))


def test_a_qlora_script_says_what_it_does() -> None:
    text = """
        tokenizer = AutoTokenizer.from_pretrained("other/tokenizer")
        bnb = BitsAndBytesConfig(load_in_4bit=True)
        model = AutoModelForCausalLM.from_pretrained(
            "Qwen/Qwen2.5-7B", quantization_config=bnb, device_map="auto", attn_implementation="sdpa"
        )
        trainer = SFTTrainer(model=model, args=SFTConfig(bf16=True, optim="paged_adamw_8bit", packing=True), peft_config=LoraConfig(r=8))
        trainer.train()
        AutoModelForCausalLM.from_pretrained(output)
    """
    assert facts(text) == {
        "model.name": "Qwen/Qwen2.5-7B",
        "training.attention": "sdpa",
        "training.device_map": "auto",
        "training.dtype": "bf16",
        "training.method": "qlora",
        "training.optimizer": "paged_adamw_8bit",
        "training.packing": True,
        "training.use": "sft",
    }


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("AutoModelForCausalLM.from_pretrained(name)", "model.name", None),
        ("AutoModelForCausalLM.from_pretrained('a'); AutoModelForCausalLM.from_pretrained('b')", "model.name", None),
        ("AutoModelForCausalLM.from_pretrained('a'); AutoModelForCausalLM.from_pretrained('a')", "model.name", "a"),
        ("FastLanguageModel.from_pretrained(model_name='unsloth/gpt-oss-20b')", "model.name", "unsloth/gpt-oss-20b"),
        ("PeftModel.from_pretrained(model, 'adapter')", "model.name", None),
        ("TrainingArguments('out', fp16=True)", "training.dtype", "fp16"),
        ("TrainingArguments('out', fp16=flag)", "training.dtype", None),
        ("TrainingArguments('out', bf16=True, fp16=True)", "training.dtype", None),
        ("TrainingArguments('out', bf16=True); SFTConfig(fp16=True)", "training.dtype", None),
        ("AutoModelForCausalLM.from_pretrained('a', torch_dtype=torch.float16); TrainingArguments('o')", "training.dtype", "fp16"),
        ("AutoModelForCausalLM.from_pretrained('a', dtype='bfloat16'); TrainingArguments('o')", "training.dtype", "bf16"),
        ("AutoModelForCausalLM.from_pretrained('a', dtype='auto'); TrainingArguments('o')", "training.dtype", None),
        ("AutoModelForCausalLM.from_pretrained('a', dtype=torch.float16); SFTConfig()", "training.dtype", None),
        ("AutoModelForCausalLM.from_pretrained('a', **kw); TrainingArguments('o', **kw)", "training.dtype", None),
        ("TrainingArguments('o', optim='galore_adamw_8bit')", "training.method", "galore"),
        ("TrainingArguments('o', optim='galore_adamw_8bit')", "training.optimizer", "galore_adamw_8bit"),
        ("AutoModelForCausalLM.from_pretrained('a'); get_peft_model(m, LoraConfig())", "training.method", "lora"),
        ("AutoModelForCausalLM.from_pretrained('a', load_in_4bit=True); LoraConfig()", "training.method", "qlora"),
        ("AutoModelForCausalLM.from_pretrained('a', load_in_4bit=flag); LoraConfig()", "training.method", None),
        ("AutoModelForCausalLM.from_pretrained('a', quantization_config=made()); LoraConfig()", "training.method", None),
        ("FastLanguageModel.from_pretrained('a'); FastLanguageModel.get_peft_model(m)", "training.method", None),
        ("FastLanguageModel.from_pretrained('a', load_in_4bit=True); FastLanguageModel.get_peft_model(m)", "training.method", "qlora"),
        ("FastLanguageModel.from_pretrained('a', load_in_4bit=False); FastLanguageModel.get_peft_model(m)", "training.method", "lora"),
        ("AutoModelForCausalLM.from_pretrained('a'); Trainer(model)", "training.method", None),
        ("AutoModelForCausalLM.from_pretrained('a', use_flash_attention_2=True)", "training.attention", "flash_attention_2"),
        ("AutoModelForCausalLM.from_pretrained('a', attn_implementation=chosen)", "training.attention", None),
        ("AutoModelForCausalLM.from_pretrained('a', device_map={'': 0})", "training.device_map", None),
        ("SFTTrainer(model, packing=False)", "training.packing", False),
        ("DPOTrainer(model)", "training.use", "dpo"),
        ("Trainer(model)", "training.use", None),
        ("SFTTrainer(model); DPOTrainer(model)", "training.use", None),
    ],
)
def test_a_fact_is_told_only_where_it_is_certain(text: str, path: str, value: object) -> None:
    assert facts(text).get(path) == value


def test_an_empty_script_says_nothing() -> None:
    assert facts_of(read("", "train.py")) == {}
