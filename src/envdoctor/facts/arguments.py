"""What the objects say that a trainer is given: TrainingArguments or trl's configurations, and peft's LoraConfig.

They are read by the names of their fields; nothing of transformers, trl or peft is imported.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FIELDS = (
    # fact, field; the later one of two goes before
    ("batch", "per_device_train_batch_size"), ("max_length", "max_seq_length"), ("max_length", "max_length"),
    ("checkpointing", "gradient_checkpointing"), ("checkpointing", "activation_checkpointing"),
    ("optimizer", "optim"), ("packing", "packing"), ("liger", "use_liger_kernel"),
)  # fmt: skip
_UNFOLLOWED = ("deepspeed", "fsdp", "auto_find_batch_size", "torch_compile", "use_cpu", "no_cuda")
"""Fields that, when set, change what training takes of the GPU in ways that are not followed."""
_TRAINERS = {
    ("transformers", "TrainingArguments"): "transformers",
    ("transformers", "Seq2SeqTrainingArguments"): "transformers",
    ("trl", "SFTConfig"): "trl",
}
_DTYPES = {"torch.bfloat16": "bf16", "torch.float16": "fp16", "torch.float32": "fp32"}
_ADAPTERS = ("modules_to_save", "target_parameters", "layers_to_transform", "rank_pattern", "use_dora")


def arguments(args: object, adapters: object = None) -> dict[str, Any]:
    """Return what the objects settle, by the names of `training.*` facts."""
    found: dict[str, Any] = {}
    for name, field in _FIELDS:
        value = getattr(args, field, None)
        value = getattr(value, "value", value)  # optim is an enumeration
        if isinstance(value, (bool, int, str)):
            found[name] = value
    if getattr(args, "bf16", None) is True or getattr(args, "fp16", None) is True:
        found["dtype"] = "bf16" if getattr(args, "bf16", None) is True else "fp16"
    kind = type(args)
    trainer = _TRAINERS.get((kind.__module__.split(".")[0], kind.__name__))
    if trainer:
        found["trainer"] = trainer
    if adapters is not None:
        rank, targets = getattr(adapters, "r", None), getattr(adapters, "target_modules", None)
        if type(rank) is int:
            found["rank"] = rank
        if isinstance(targets, (set, frozenset, list, tuple)):
            found["targets"] = tuple(sorted(str(target) for target in targets))
        elif isinstance(targets, str):
            found["targets"] = targets
        else:
            found["defaults"] = ("targets",)
    odd = [field for field in _UNFOLLOWED if getattr(args, field, None)] + [field for field in _ADAPTERS if getattr(adapters, field, None)]
    if odd:
        found["unfollowed"] = odd[0]
    return found


def loaded(model: object) -> dict[str, Any]:
    """Return what a loaded model tells, by the same names: how it is trained, the type of its weights, its attention."""
    found: dict[str, Any] = {}
    config = getattr(model, "config", None)
    attention = getattr(config, "_attn_implementation", None)
    if isinstance(attention, str) and attention:
        found["attention"] = attention
    stored = getattr(config, "quantization_config", None)
    weights = _DTYPES.get(str(getattr(model, "dtype", "")))
    if weights and not stored:
        found["weights"] = weights
    adapters, parameters = getattr(model, "peft_config", None), getattr(model, "parameters", None)
    if isinstance(adapters, dict) and adapters:
        alone = [type(each).__name__ for each in adapters.values()] == ["LoraConfig"]
        four = getattr(model, "is_loaded_in_4bit", False) is True
        if alone and (four or not stored):
            found["method"] = "qlora" if four else "lora"
    elif callable(parameters) and not stored and all(each.requires_grad for each in parameters()):
        found["method"] = "full"
    return found
