"""First process: import every installed package of the stack, and write arguments the ways that code of different ages does."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

OTHERS = ("DPOTrainer", "GRPOTrainer", "RewardTrainer", "KTOTrainer", "ORPOTrainer", "PPOTrainer")


def always(_: Any) -> bool:
    """Say that a stage is for every environment."""
    return True


def has(name: str) -> Callable[[Any], bool]:
    """Say that a stage is for environments with this distribution."""
    return lambda bench: bool(bench.version(name))


def arguments(bench: Any) -> dict[str, Any]:
    """Return the arguments of two short steps, as every release takes them."""
    return {
        "output_dir": os.path.join(bench.folder, "out"),
        "max_steps": 2,
        "per_device_train_batch_size": 2,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "learning_rate": 1e-3,
    }


def torch_multiplies(_: Any) -> str:
    """Multiply two matrices."""
    import torch

    x = torch.randn(4, 4)
    (x @ x).sum().item()
    return str(torch.__version__)


def torch_meets_numpy(_: Any) -> str:
    """Turn an array into a tensor and back."""
    import numpy
    import torch

    assert torch.from_numpy(numpy.ones(3)).sum().item() == 3
    return str(torch.ones(2).numpy().sum())


def transformers(_: Any) -> None:
    """Import what training takes from transformers."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments

    assert AutoModelForCausalLM.from_config
    assert Trainer.train
    assert AutoTokenizer
    assert TrainingArguments


def peft(_: Any) -> None:
    """Import what LoRA needs."""
    from peft import LoraConfig, get_peft_model

    assert LoraConfig
    assert get_peft_model


def accelerate(_: Any) -> None:
    """Import accelerate."""
    from accelerate import Accelerator

    assert Accelerator


def datasets(_: Any) -> None:
    """Make a data set and map a function over it."""
    from datasets import Dataset

    Dataset.from_dict({"text": ["a b"] * 4}).map(lambda row: {"n": len(row["text"])})[0]


def trl(bench: Any) -> None:
    """Import what SFT needs."""
    from trl import SFTTrainer

    assert SFTTrainer
    if bench.version("trl") >= (0, 9):
        from trl import SFTConfig

        assert SFTConfig


def other_trainer(name: str) -> Callable[[Any], Any]:
    """Return the stage that imports another trainer of trl."""

    def work(_: Any) -> Any:
        import trl

        if name not in dir(trl) and name not in getattr(trl, "__all__", ()):
            return "absent in this trl"
        getattr(trl, name)
        return None

    return work


def spelling(module: str, name: str, **written: Any) -> Callable[[Any], Any]:
    """Return the stage that writes an argument in a certain way."""

    def work(bench: Any) -> None:
        config = getattr(__import__(module), name)
        config(**{**arguments(bench), **written})

    return work


def sft_trainer_accepts(_: Any) -> dict[str, bool]:
    """Return which arguments SFTTrainer itself takes."""
    import inspect

    from trl import SFTTrainer

    taken = inspect.signature(SFTTrainer.__init__).parameters
    open_end = any(one.kind == one.VAR_KEYWORD for one in taken.values())
    names = ("max_seq_length", "dataset_text_field", "tokenizer", "processing_class", "peft_config", "packing")
    return {name: name in taken or open_end for name in names}


def torchao(_: Any) -> None:
    """Import what quantising takes from torchao."""
    from torchao.quantization import quantize_

    assert quantize_


def bitsandbytes(_: Any) -> None:
    """Import the layers and optimizers that training takes from bitsandbytes."""
    import bitsandbytes as bnb

    assert bnb.nn.Linear4bit
    assert bnb.optim.AdamW8bit


def torchvision(_: Any) -> None:
    """Import what transformers takes from torchvision."""
    from torchvision.transforms import InterpolationMode

    assert InterpolationMode


def _transformers_came(bench: Any) -> bool:
    return bool(bench.passed("s3_transformers"))


def _trl_came(bench: Any) -> bool:
    return bool(bench.passed("s7_trl"))


def _config_came(bench: Any) -> bool:
    return _trl_came(bench) and bench.version("trl") >= (0, 9)


STAGES: list[tuple[str, Callable[[Any], bool], Callable[[Any], Any]]] = [
    # name of the stage, when it is run, what it does
    ("s1_torch", always, torch_multiplies),
    ("s1_torch_numpy", has("numpy"), torch_meets_numpy),
    ("s3_transformers", always, transformers),
    ("s4_peft", has("peft"), peft),
    ("s5_accelerate", has("accelerate"), accelerate),
    ("s5_datasets", has("datasets"), datasets),
    ("s7_trl", has("trl"), trl),
    *[(f"x7_import_{name}", has("trl"), other_trainer(name)) for name in OTHERS],
    (
        "s8a_TrainingArguments_evaluation_strategy",
        _transformers_came,
        spelling("transformers", "TrainingArguments", evaluation_strategy="no"),
    ),
    ("s8b_TrainingArguments_eval_strategy", _transformers_came, spelling("transformers", "TrainingArguments", eval_strategy="no")),
    ("s8f_TrainingArguments_no_cuda", _transformers_came, spelling("transformers", "TrainingArguments", no_cuda=True)),
    ("s8g_TrainingArguments_use_cpu", _transformers_came, spelling("transformers", "TrainingArguments", use_cpu=True)),
    ("s8h_TrainingArguments_warmup_ratio", _transformers_came, spelling("transformers", "TrainingArguments", warmup_ratio=0.1)),
    ("s8i_TrainingArguments_group_by_length", _transformers_came, spelling("transformers", "TrainingArguments", group_by_length=False)),
    ("s8_SFTConfig_plain", _config_came, spelling("trl", "SFTConfig", bf16=False)),
    ("s8d_SFTConfig_max_seq_length", _config_came, spelling("trl", "SFTConfig", bf16=False, max_seq_length=32)),
    ("s8e_SFTConfig_max_length", _config_came, spelling("trl", "SFTConfig", bf16=False, max_length=32)),
    ("s8c_SFTTrainer_accepts", _trl_came, sft_trainer_accepts),
    ("s2_torchao", has("torchao"), torchao),
    ("s6_bitsandbytes", has("bitsandbytes"), bitsandbytes),
    ("s2_torchvision", has("torchvision"), torchvision),
]
