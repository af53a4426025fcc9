"""What a training script says of the memory it will need."""

from __future__ import annotations

from envdoctor.memory.stated import divided, stated
from envdoctor.script import read

TRL = """
import torch
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig
from trl import SFTConfig, SFTTrainer

NAME = "Qwen/Qwen2.5-7B-Instruct"
four = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4")
tokenizer = AutoTokenizer.from_pretrained("someone/elses")
model = AutoModelForCausalLM.from_pretrained(NAME, quantization_config=four, dtype=torch.bfloat16, attn_implementation="eager")
lora = LoraConfig(r=64, target_modules=["q_proj", "v_proj"])
args = SFTConfig(per_device_train_batch_size=2, max_length=4096, optim="paged_adamw_8bit", gradient_checkpointing=False)
SFTTrainer(model, args=args, peft_config=lora).train()
"""
UNSLOTH = """
from unsloth import FastLanguageModel
from trl import SFTConfig, SFTTrainer

model, tokenizer = FastLanguageModel.from_pretrained(model_name="unsloth/gpt-oss-20b", max_seq_length=2048, load_in_4bit=True)
model = FastLanguageModel.get_peft_model(model, r=16, use_gradient_checkpointing="unsloth")
SFTTrainer(model=model, args=SFTConfig(per_device_train_batch_size=1, optim="adamw_8bit")).train()
"""
FULL = """
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

model = AutoModelForCausalLM.from_pretrained("google/gemma-3-1b-it")
Trainer(model, TrainingArguments(output_dir="out", gradient_checkpointing=True, use_liger_kernel=True)).train()
"""


def test_a_script_of_trl_is_read() -> None:
    found, silent = stated(read(TRL, "train.py"))
    assert found == {
        "model": "Qwen/Qwen2.5-7B-Instruct",
        "optimizer": "paged_adamw_8bit",
        "attention": "eager",
        "dtype": "bf16",
        "rank": 64,
        "targets": "q_proj,v_proj",
        "batch": 2,
        "seq": 4096,
        "checkpointing": False,
        "named": False,
        "trainer": "trl",
        "method": "qlora",
    }
    assert silent == []


def test_a_script_of_unsloth_is_read() -> None:
    found, _ = stated(read(UNSLOTH, "train.py"))
    assert found["model"] == "unsloth/gpt-oss-20b"
    assert (found["trainer"], found["method"], found["rank"], found["seq"], found["checkpointing"]) == ("unsloth", "qlora", 16, 2048, True)


def test_what_a_script_leaves_out_is_what_its_trainer_takes() -> None:
    found, silent = stated(read(FULL, "train.py"))
    assert (found["method"], found["batch"], found["loss"], found["checkpointing"]) == ("full", 8, "liger", True)
    assert silent == ["the batch is 8, since the script says nothing of per_device_train_batch_size"]


def test_adapters_without_targets_wrap_what_peft_chooses() -> None:
    found, silent = stated(read(TRL.replace(', target_modules=["q_proj", "v_proj"]', ""), "train.py"))
    assert found["targets"] == "q_proj,v_proj"
    assert any("peft does by itself" in text for text in silent)


def test_what_cannot_be_read_is_left_out() -> None:
    source = FULL.replace('"google/gemma-3-1b-it"', "input()").replace('output_dir="out"', "**settings()")
    found, silent = stated(read(source, "train.py"))
    assert "model" not in found
    assert "batch" not in found
    assert silent == []


def test_modules_trained_whole_are_read() -> None:
    found, silent = stated(read(TRL.replace("r=64,", 'r=64, modules_to_save=["lm_head", "score"],'), "train.py"))
    assert found["saved"] == ("lm_head",)
    assert any("(score)" in text for text in silent)


def test_what_a_script_says_of_several_cards_is_read_and_what_is_not_followed_is_said() -> None:
    text = """
from transformers import AutoModelForCausalLM, TrainingArguments

model = AutoModelForCausalLM.from_pretrained("me/mine", device_map="auto", max_memory={0: "20GiB", 1: "22GiB", "cpu": "99GiB"})
args = TrainingArguments("out", fsdp="full_shard offload", fsdp_config={"version": 1})
"""
    found = divided(read(text, "train.py"))
    assert found["layers"] is True
    assert found["limits"] == ["20GiB", "22GiB"]
    assert found["fsdp"] is True
    assert found["otherwise"] == ["FSDP1 is taken for FSDP2", "FSDP's offloading is not followed, and would take less"]
    assert divided(read("from transformers import TrainingArguments\nTrainingArguments('out', fsdp='no_shard')\n", "train.py")) == {}
