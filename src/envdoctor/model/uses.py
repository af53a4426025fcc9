"""What an environment is used for: each use, the distributions it takes, and the uses it rests on.

A rule names the uses that break directly. What rests on a broken use is broken too.
"""

from __future__ import annotations

# use: (distributions that must be installed for it to exist, uses it rests on)
USES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "import torch": (("torch",), ()),
    "torch to numpy": (("torch", "numpy"), ("import torch",)),
    "import torchvision": (("torchvision",), ("import torch",)),
    "import torchaudio": (("torchaudio",), ("import torch",)),
    "import torchcodec": (("torchcodec",), ("import torch",)),
    "import torchao": (("torchao",), ("import torch",)),
    "import triton": (("triton",), ()),
    "import xformers": (("xformers",), ("import torch",)),
    "import flash_attn": (("flash-attn",), ("import torch",)),
    "GPU compute": (("torch",), ("import torch",)),
    "torch.compile": (("torch",), ("GPU compute",)),
    "import transformers": (("transformers",), ()),
    "load model": (("transformers", "torch"), ("import transformers", "import torch")),
    "vision model": (("transformers", "torch"), ("load model",)),
    "generate": (("transformers", "torch"), ("load model",)),
    "import accelerate": (("accelerate",), ("import torch",)),
    "import datasets": (("datasets",), ()),
    "load dataset": (("datasets",), ("import datasets",)),
    "audio data": (("datasets",), ("import datasets",)),
    "import peft": (("peft",), ("import torch", "import transformers")),
    "import bitsandbytes": (("bitsandbytes",), ("import torch",)),
    "import sentence_transformers": (("sentence-transformers",), ("load model",)),
    "import liger_kernel": (("liger-kernel",), ("import torch",)),
    "import deepspeed": (("deepspeed",), ("import torch",)),
    "import vllm": (("vllm",), ("import torch", "import transformers")),
    "import trl": (("trl",), ("import transformers", "import accelerate", "import datasets")),
    "import unsloth": (("unsloth",), ("import torch", "import transformers", "import trl", "import peft")),
    "transformers.Trainer": (("transformers", "torch"), ("load model", "import accelerate")),
    "peft LoRA wrap": (("peft", "torch"), ("import peft", "load model")),
    "trl.SFTTrainer": (("trl",), ("import trl", "transformers.Trainer")),
    "trl.DPOTrainer": (("trl",), ("import trl", "transformers.Trainer")),
    "trl.GRPOTrainer": (("trl",), ("import trl", "transformers.Trainer")),
    "trl.RewardTrainer": (("trl",), ("import trl", "transformers.Trainer")),
    "trl.KTOTrainer": (("trl",), ("import trl", "transformers.Trainer")),
    "trl.ORPOTrainer": (("trl",), ("import trl", "transformers.Trainer")),
    "trl.PPOTrainer": (("trl",), ("import trl", "transformers.Trainer")),
    "unsloth training": (("unsloth",), ("import unsloth", "trl.SFTTrainer")),
    "save": (("transformers", "torch"), ("load model",)),
    "resume": (("transformers", "torch"), ("transformers.Trainer",)),
    "load adapter": (("peft", "torch"), ("import peft", "load model")),
    "4-bit load": (("bitsandbytes", "transformers"), ("import bitsandbytes", "load model")),
    "4-bit LoRA": (("bitsandbytes", "peft"), ("4-bit load", "peft LoRA wrap")),
    "8-bit load": (("bitsandbytes", "transformers"), ("import bitsandbytes", "load model")),
    "8-bit optimizer": (("bitsandbytes",), ("import bitsandbytes",)),
    "torchao load": (("torchao", "transformers"), ("import torchao", "load model")),
    "GPTQ load": (("transformers", "torch"), ("load model",)),
    "AWQ load": (("transformers", "torch"), ("load model",)),
    "FP8 load": (("transformers", "torch"), ("load model",)),
    "MXFP4 load": (("transformers", "torch"), ("load model",)),
    "MXFP4 training": (("transformers", "torch"), ("MXFP4 load",)),
    "flash attention": (("flash-attn",), ("import flash_attn",)),
    "bf16": (("torch",), ("GPU compute",)),
    "fp16": (("torch",), ("GPU compute",)),
    "distributed": (("torch",), ("GPU compute",)),
    "DeepSpeed": (("deepspeed",), ("import deepspeed", "distributed")),
    "FSDP": (("torch",), ("distributed",)),
    "vLLM generation": (("vllm",), ("import vllm",)),
    "download": (("huggingface-hub",), ()),
    "GaLore": (("galore-torch",), ("transformers.Trainer",)),
    "script": ((), ()),
    "declared requirements": ((), ()),
}

SPECIAL = frozenset({
    "GPTQ load", "AWQ load", "FP8 load", "MXFP4 load", "MXFP4 training", "bf16", "fp16", "distributed", "FSDP", "audio data",
    "vision model", "torch.compile", "download",
})  # fmt: skip
"""Uses that take a certain model, card or file: called broken where a rule says so, never called fit on the strength of versions alone."""
UNTOLD = SPECIAL | {"declared requirements"}
"""Uses that a report names only when they are broken."""

CARRIED: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    # use, the use it also rests on, and with which versions installed: an optional package that is imported because it is there.
    # transformers imports torchao on the way to PreTrainedModel: quantizers/quantizer_torchao.py in 4.45-4.46 and from 4.57 on,
    # modeling_utils.py in 4.51-4.56; 5.0-5.3 only for torchao >= 0.15 (read in the released files).
    ("load model", "import torchao", (("transformers", ">=4.45,<4.47"),)),
    ("load model", "import torchao", (("transformers", ">=4.51,<5.0"),)),
    ("load model", "import torchao", (("transformers", ">=5.0"), ("torchao", ">=0.15"))),
    # trl.trainer.utils imports trl.kernels, and this triton where it is there, without a guard from 1.16 on; 1.14 and 1.15 have one.
    ("trl.SFTTrainer", "import triton", (("trl", ">=1.16"),)),
    ("trl.DPOTrainer", "import triton", (("trl", ">=1.16"),)),
    ("trl.GRPOTrainer", "import triton", (("trl", ">=1.16"),)),
    ("trl.RewardTrainer", "import triton", (("trl", ">=1.16"),)),
    ("trl.KTOTrainer", "import triton", (("trl", ">=1.16"),)),
)

_STACK = (
    "import torch", "torch to numpy", "import torchvision", "import torchao", "import transformers", "load model", "import accelerate",
    "import datasets", "import peft", "import bitsandbytes", "GPU compute", "script",
)  # fmt: skip
_TRAINER = (*_STACK, "transformers.Trainer", "save")
_LORA = (*_TRAINER, "peft LoRA wrap")
_SFT = (*_LORA, "import trl", "trl.SFTTrainer", "import unsloth", "unsloth training")

PURPOSES: dict[str, tuple[str, ...]] = {
    # purpose: uses that must hold, each as far as its distributions are installed
    "sft": _SFT,
    "dpo": (*_LORA, "import trl", "trl.DPOTrainer"),
    "grpo": (*_LORA, "import trl", "trl.GRPOTrainer"),
    "reward": (*_LORA, "import trl", "trl.RewardTrainer"),
    "lora": _LORA,
    "qlora": (*_LORA, "4-bit load", "4-bit LoRA"),
    "full": _TRAINER,
    "inference": (*_STACK, "generate"),
}
DEFAULT_PURPOSE = "sft"
"""Without `--for`, what SFT needs is demanded and every other use of what is installed is watched (warnings)."""

REQUIRED_DISTRIBUTIONS: dict[str, tuple[str, ...]] = {
    # what a purpose cannot do without, whatever else is installed
    "sft": ("torch", "transformers", "accelerate"),
    "dpo": ("torch", "transformers", "accelerate", "trl"),
    "grpo": ("torch", "transformers", "accelerate", "trl"),
    "reward": ("torch", "transformers", "accelerate", "trl"),
    "lora": ("torch", "transformers", "accelerate", "peft"),
    "qlora": ("torch", "transformers", "accelerate", "peft", "bitsandbytes"),
    "full": ("torch", "transformers", "accelerate"),
    "inference": ("torch", "transformers"),
}

_COMPLETE: dict[str, frozenset[str]] = {}


def foundations(use: str) -> frozenset[str]:
    """The use itself and every use it rests on, however deep."""
    known = _COMPLETE.get(use)
    if known is None:
        found = {use}
        for below in USES[use][1]:
            found |= foundations(below)
        known = _COMPLETE[use] = frozenset(found)
    return known
