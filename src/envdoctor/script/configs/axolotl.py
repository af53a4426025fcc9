"""axolotl's configuration for `axolotl train`.

Its schema drops keys that it does not know, so no key is refused for being unknown. What it does because of the keys it knows is told
where it is certain, in the releases from 0.5.0 to 0.21.0.
"""

from __future__ import annotations

from envdoctor.script.configs.drafts import (
    ADAPTERS,
    ARGUMENTS,
    MODEL,
    QUANTISATION,
    Implied,
    call,
    flat,
    implied,
    is_on,
    nothing,
    number,
    renamed,
    top,
    unknown,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from envdoctor.model.script import Call
    from envdoctor.model.settings import Setting, Table

SCHEMA = "axolotl.utils.schemas.config.AxolotlInputConfig"
"""The class that checks the keys; its arguments are the file's."""
MARKS = frozenset({"sequence_len", "micro_batch_size", "datasets", "adapter", "val_set_size", "sample_packing", "pretraining_dataset"})
_SAME = (
    "gradient_accumulation_steps", "learning_rate", "weight_decay", "warmup_steps", "max_steps", "logging_steps", "save_steps",
    "eval_steps", "save_total_limit", "output_dir", "seed", "deepspeed", "tf32", "gradient_checkpointing_kwargs", "optim_args",
    "optim_target_modules", "torch_compile", "hub_model_id", "fsdp", "fsdp_config",
)  # fmt: skip
"""Settings that axolotl hands on under their own names."""
_SETTINGS = {
    **{name: name for name in _SAME},
    "micro_batch_size": "per_device_train_batch_size",
    "num_epochs": "num_train_epochs",
    "optimizer": "optim",
    "lr_scheduler": "lr_scheduler_type",
    "liger_fused_linear_cross_entropy": "use_liger_kernel",
}
_PRECISIONS = ("bf16", "fp16")
_ATTENTIONS = {
    "flash_attention": "flash_attention_2",
    "sdp_attention": "sdpa",
    "eager_attention": "eager",
    "flex_attention": "flex_attention",
}
_TRAINERS = {"dpo": "trl.DPOTrainer", "ipo": "trl.DPOTrainer", "kto": "trl.KTOTrainer", "grpo": "trl.GRPOTrainer"}
_QUANTISATION = {"load_in_4bit": "load_in_4bit", "load_in_8bit": "load_in_8bit"}


def recognises(keys: frozenset[str]) -> bool:
    """Tell the file by the model and something of its training."""
    return "base_model" in keys and not MARKS.isdisjoint(keys)


def read(table: Table, path: str) -> tuple[Call, ...]:
    """Return what is loaded, adapted and trained."""
    return tuple(_calls(table, path))


def _calls(table: Table, path: str) -> Iterator[Call]:
    model = table.get("base_model")
    place = model.location if model else top(path)
    quantised = table.get("load_in_4bit") if is_on(table, "load_in_4bit") else table.get("load_in_8bit")
    is_quantised = is_on(table, "load_in_4bit") or is_on(table, "load_in_8bit")
    given: dict[str, Setting | Implied | None] = {
        "0": model,
        "load_in_4bit": nothing(place),
        "attn_implementation": _attention(table),
        "quantization_config": unknown(quantised) if is_quantised else unknown(table.get("model_quantization_config")),
    }
    yield call(MODEL, place, given)
    yield call(SCHEMA, top(path), dict(flat(table)), complete=True)
    yield call(ARGUMENTS, top(path), _settings(table))
    if is_quantised and quantised is not None:
        yield call(QUANTISATION, quantised.location, renamed(table, _QUANTISATION))
    mxfp4 = table.get("model_quantization_config")
    if mxfp4 is not None and isinstance(mxfp4.value, str) and mxfp4.value.endswith("Config"):
        yield call(
            f"transformers.{mxfp4.value}",
            mxfp4.location,
            renamed(table.table("model_quantization_config_kwargs"), {"dequantize": "dequantize"}),
        )
    adapter = table.get("adapter")
    if adapter is not None and adapter.value in ("lora", "qlora"):
        yield call(ADAPTERS, adapter.location, _adapters(table))
    method = str(table.value("rl") or "").lower()
    trainer = _TRAINERS.get(method) if method else "axolotl.core.trainers.base.AxolotlTrainer"
    if trainer is not None:
        yield call(trainer, top(path), {"max_length": table.get("sequence_len")})


def _settings(table: Table) -> dict[str, Setting | Implied | None]:
    given = renamed(table, _SETTINGS)
    for name in _PRECISIONS:
        setting = table.get(name)
        if setting is not None and setting.value is not None:
            # "auto" asks the card; "full" trains in that type without mixing
            given[name] = setting if isinstance(setting.value, bool) else unknown(setting)
    rate = table.get("learning_rate")
    if rate is not None and rate.value is not None:
        given["learning_rate"] = implied(rate, number(rate.value))
    checkpointing = table.get("gradient_checkpointing")
    if checkpointing is not None and checkpointing.value is not None:
        given["gradient_checkpointing"] = implied(checkpointing, checkpointing.value is not False)
    return given


def _attention(table: Table) -> Setting | Implied | None:
    named = table.get("attn_implementation")
    if named is not None and named.value is not None:
        return named
    for key, name in _ATTENTIONS.items():
        if is_on(table, key):
            return implied(table.get(key), name)
    return None


def _adapters(table: Table) -> dict[str, Setting | Implied | None]:
    given = renamed(
        table, {"lora_r": "r", "lora_alpha": "lora_alpha", "peft_use_dora": "use_dora", "lora_target_modules": "target_modules"}
    )
    linear = table.get("lora_target_linear")
    if linear is not None and linear.value is True:
        given["target_modules"] = implied(linear, "all-linear")
    return given
