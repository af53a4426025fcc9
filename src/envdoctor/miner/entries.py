"""From where a release is used: for each use, what a program imports and calls. One table; the rest of a package is its plain import.

A call stands here where the use reaches it for certain: `peft.get_peft_model` on a plain linear layer asks every dispatcher before the
default one. What is not in a release is left out; an entry whose first step is missing does not exist there.
"""

from __future__ import annotations

IMPORT, TAKE, CALL, MAKE = "import", "take", "call", "make"

TYPE_CHECKING = False
if TYPE_CHECKING:
    Step = tuple[str, ...]
    """(import, module), (take, module, name), (make, module, class) or (call, module, function)."""

_LLAMA = (
    (IMPORT, "transformers.models.llama.modeling_llama"),
    (IMPORT, "transformers.models.llama.configuration_llama"),
)


def _trainer(name: str, module: str) -> tuple[Step, ...]:
    return (
        (TAKE, "trl", f"{name}Trainer"),
        (TAKE, "trl", f"{name}Config"),
        (CALL, f"trl.trainer.{module}_trainer", f"{name}Trainer.__init__"),
        (CALL, f"trl.trainer.{module}_trainer", f"{name}Trainer._prepare_dataset"),
        (CALL, f"trl.trainer.{module}_trainer", f"{name}Trainer.compute_loss"),
        (CALL, f"trl.trainer.{module}_trainer", f"{name}Trainer.log"),
    )


ENTRIES: dict[str, dict[str, tuple[Step, ...]]] = {
    "torch": {"import torch": ((IMPORT, "torch"),), "torch.compile": ((IMPORT, "torch._dynamo"), (IMPORT, "torch._inductor"))},
    "torchvision": {"import torchvision": ((IMPORT, "torchvision"), (IMPORT, "torchvision.transforms"))},
    "torchao": {"import torchao": ((IMPORT, "torchao"), (IMPORT, "torchao.quantization"))},
    "transformers": {
        "import transformers": ((IMPORT, "transformers"),),
        "load model": (
            (TAKE, "transformers", "AutoModelForCausalLM"), (TAKE, "transformers", "AutoTokenizer"),
            (TAKE, "transformers", "PreTrainedModel"), (TAKE, "transformers", "PreTrainedTokenizerFast"),
            (TAKE, "transformers", "GenerationMixin"), *_LLAMA,
        ),
        "generate": (
            (TAKE, "transformers", "GenerationMixin"), (TAKE, "transformers", "GenerationConfig"),
            (IMPORT, "transformers.generation.utils"),
        ),
        "transformers.Trainer": (
            (TAKE, "transformers", "Trainer"), (TAKE, "transformers", "TrainingArguments"),
            (TAKE, "transformers", "DataCollatorForLanguageModeling"), (MAKE, "transformers.training_args", "TrainingArguments"),
            (CALL, "transformers.training_args", "TrainingArguments.device"), (CALL, "transformers.trainer", "Trainer.__init__"),
            (CALL, "transformers.trainer", "Trainer.create_accelerator_and_postprocess"),
            (CALL, "transformers.trainer", "Trainer.get_train_dataloader"), (CALL, "transformers.trainer", "Trainer.create_optimizer"),
            (CALL, "transformers.trainer", "Trainer.train"), (CALL, "transformers.trainer", "Trainer._inner_training_loop"),
            (CALL, "transformers.trainer", "Trainer.training_step"), (CALL, "transformers.trainer", "Trainer.log"),
        ),
        "save": ((CALL, "transformers.modeling_utils", "PreTrainedModel.save_pretrained"), (CALL, "transformers.trainer", "Trainer._save")),
        "4-bit load": (
            (TAKE, "transformers", "BitsAndBytesConfig"), (IMPORT, "transformers.integrations.bitsandbytes"),
            (CALL, "transformers.quantizers.quantizer_bnb_4bit", "Bnb4BitHfQuantizer.validate_environment"),
        ),
        "8-bit load": (
            (TAKE, "transformers", "BitsAndBytesConfig"), (IMPORT, "transformers.integrations.bitsandbytes"),
            (CALL, "transformers.quantizers.quantizer_bnb_8bit", "Bnb8BitHfQuantizer.validate_environment"),
        ),
        "torchao load": (
            (TAKE, "transformers", "TorchAoConfig"), (IMPORT, "transformers.quantizers.quantizer_torchao"),
            (CALL, "transformers.quantizers.quantizer_torchao", "TorchAoHfQuantizer.validate_environment"),
        ),
    },
    "accelerate": {"import accelerate": ((IMPORT, "accelerate"), (TAKE, "accelerate", "Accelerator"))},
    "datasets": {"import datasets": ((IMPORT, "datasets"),)},
    "peft": {
        "import peft": ((IMPORT, "peft"),),
        "peft LoRA wrap": (
            (TAKE, "peft", "LoraConfig"), (TAKE, "peft", "get_peft_model"),
            (CALL, "peft.tuners.lora.model", "LoraModel._create_new_module"),
            (CALL, "peft.tuners.lora.torchao", "dispatch_torchao"), (CALL, "peft.tuners.lora.awq", "dispatch_awq"),
            (CALL, "peft.tuners.lora.gptq", "dispatch_gptq"), (CALL, "peft.tuners.lora.aqlm", "dispatch_aqlm"),
            (CALL, "peft.tuners.lora.eetq", "dispatch_eetq"), (CALL, "peft.tuners.lora.hqq", "dispatch_hqq"),
            (CALL, "peft.tuners.lora.inc", "dispatch_inc"), (CALL, "peft.tuners.lora.tp_layer", "dispatch_megatron"),
            (CALL, "peft.tuners.lora.layer", "dispatch_default"),
        ),
        "load adapter": ((TAKE, "peft", "PeftModel"),),
        "4-bit LoRA": ((TAKE, "peft", "prepare_model_for_kbit_training"), (IMPORT, "peft.tuners.lora.bnb")),
    },
    "trl": {
        "import trl": ((IMPORT, "trl"),),
        "trl.SFTTrainer": _trainer("SFT", "sft"),
        "trl.DPOTrainer": _trainer("DPO", "dpo"),
        "trl.GRPOTrainer": _trainer("GRPO", "grpo"),
        "trl.RewardTrainer": _trainer("Reward", "reward"),
        "trl.KTOTrainer": _trainer("KTO", "kto"),
        "trl.ORPOTrainer": _trainer("ORPO", "orpo"),
        "trl.PPOTrainer": _trainer("PPO", "ppo"),
    },
    "bitsandbytes": {
        "import bitsandbytes": ((IMPORT, "bitsandbytes"), (IMPORT, "bitsandbytes.nn")),
        "8-bit optimizer": ((IMPORT, "bitsandbytes.optim"),),
    },
    "unsloth": {"import unsloth": ((IMPORT, "unsloth"),), "unsloth training": ((TAKE, "unsloth", "FastLanguageModel"),)},
    "liger-kernel": {
        "import liger_kernel": ((IMPORT, "liger_kernel"),), "import liger_kernel.transformers": ((IMPORT, "liger_kernel.transformers"),),
    },
    "galore-torch": {"GaLore": ((IMPORT, "galore_torch"),)},
    "vllm": {"import vllm": ((IMPORT, "vllm"),), "vLLM generation": ((TAKE, "vllm", "LLM"), (TAKE, "vllm", "SamplingParams"))},
    "huggingface-hub": {
        # lazy: its root imports nothing, and everybody takes these
        "import huggingface_hub": (
            (IMPORT, "huggingface_hub"), (TAKE, "huggingface_hub", "hf_hub_download"), (TAKE, "huggingface_hub", "HfApi"),
            (TAKE, "huggingface_hub", "snapshot_download"), (IMPORT, "huggingface_hub.utils"), (IMPORT, "huggingface_hub.errors"),
        ),
        "download": ((TAKE, "huggingface_hub", "hf_hub_download"), (TAKE, "huggingface_hub", "snapshot_download")),
    },
    "pyarrow": {
        name: ((IMPORT, name.removeprefix("import ")),) for name in ("import pyarrow", "import pyarrow.parquet", "import pyarrow.dataset")
    },
    "scikit-learn": {"import sklearn": ((IMPORT, "sklearn"),), "import sklearn.metrics": ((IMPORT, "sklearn.metrics"),)},
    "scipy": {
        f"import {name}": ((IMPORT, name),)
        for name in ("scipy", "scipy.linalg", "scipy.optimize", "scipy.special", "scipy.stats", "scipy.sparse")
    },
    "sentence-transformers": {"import sentence_transformers": ((IMPORT, "sentence_transformers"),)},
}  # fmt: skip


def entries_of(package: str, tops: tuple[str, ...]) -> dict[str, tuple[Step, ...]]:
    """Return the entries of a package; by default the import of each of its public top-level modules."""
    known = ENTRIES.get(package)
    if known is not None:
        return known
    return {f"import {top}": ((IMPORT, top),) for top in tops if not top.startswith("_")}
