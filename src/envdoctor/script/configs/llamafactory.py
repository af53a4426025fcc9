"""LLaMA-Factory's configuration for `llamafactory-cli train` and its like (YAML or JSON).

`parse_dict` raises for a key that no class takes, in all releases from 0.7.1 to 0.9.5 (llamafactory/hparams/parser.py), unless the
variable ALLOW_EXTRA_ARGS says otherwise. With USE_MCA the classes are those of mcore_adapter, which has keys of its own.
"""

from __future__ import annotations

from envdoctor.model.script import Keys
from envdoctor.script.configs.drafts import (
    ADAPTERS,
    ARGUMENTS,
    MODEL,
    Implied,
    call,
    implied,
    is_on,
    keys_call,
    nothing,
    top,
    unknown,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from envdoctor.model.script import Call
    from envdoctor.model.settings import Setting, Table

MARKS = frozenset(
    {
        "stage", "finetuning_type", "template", "cutoff_len", "lora_target", "lora_rank", "dataset_dir", "quantization_bit", "flash_attn",
        "infer_backend", "export_dir", "booster",
    }
)  # fmt: skip
_CLASSES = (
    "llamafactory.hparams.ModelArguments", "llamafactory.hparams.DataArguments", "llamafactory.hparams.FinetuningArguments",
    "llamafactory.hparams.GeneratingArguments",
)  # fmt: skip
_TRAINING = (
    "llamafactory.hparams.TrainingArguments", "llamafactory.hparams.RayArguments", "llamafactory.hparams.training_args.Fp8Arguments",
    "llamafactory.hparams.training_args.ProfilerArguments", "transformers.Seq2SeqTrainingArguments",
)  # fmt: skip
"""The first came with 0.9.2, and inherits from the others, as far as the release has them."""
OPENING = "llamafactory.hparams.read_args"
OTHERS = ("packing", "max_length")
"""Keys of LLaMA-Factory's own, in every release, that mean something else to trl and transformers."""
_ATTENTION = {"sdpa": "sdpa", "disabled": "eager"}
"""What flash_attn surely becomes: fa2 is only taken where flash-attn is installed, and passed over elsewhere."""
_TRAINERS = {
    "dpo": "trl.DPOTrainer",
    "kto": "trl.KTOTrainer",
    "sft": "llamafactory.train.sft.trainer.CustomSeq2SeqTrainer",
    "pt": "llamafactory.train.pt.trainer.CustomTrainer",
}
DEQUANTISED = ("transformers.Mxfp4Config", "transformers.FineGrainedFP8Config")
"""Checkpoints of these kinds are turned into 16 bit while they are loaded, in the releases that know them (from 0.9.4 on)."""
_APART = ("use_galore", "use_apollo", "use_badam", "use_adam_mini", "use_muon", "use_llama_pro")
"""Switches under which it is not said how the model is trained."""
_RANK = 8
"""FinetuningArguments.lora_rank where nothing is said."""


def recognises(keys: frozenset[str]) -> bool:
    """Tell the file by a model and a key that trl does not have."""
    return "model_name_or_path" in keys and not MARKS.isdisjoint(keys)


def read(table: Table, path: str) -> tuple[Call, ...]:
    """Return the keys, and what is loaded, adapted and trained because of them."""
    trains = "output_dir" in table.keys or is_on(table, "do_train")
    classes = (*_CLASSES, *_TRAINING) if trains else _CLASSES
    target = "llamafactory.hparams.get_train_args" if trains else "llamafactory.hparams.get_infer_args"
    found = [keys_call(target, table.settings, path, Keys(classes=classes, package="llamafactory", is_shared=True))]
    found.append(call(OPENING, top(path), {"format": Implied(value=path.lower().rpartition(".")[2], location=top(path))}))
    if trains:
        found.append(call(ARGUMENTS, top(path), _settings(table, path), complete=True))
        if not any(is_on(table, switch) for switch in _APART):
            found += _training(table, path)
    return tuple(found)


def _settings(table: Table, path: str) -> dict[str, Setting | Implied | None]:
    given: dict[str, Setting | Implied | None] = {each.key: each for each in table.settings if each.key not in OTHERS}
    # LLaMA-Factory checkpoints by itself, whatever the arguments say
    given["gradient_checkpointing"] = Implied(value=not is_on(table, "disable_gradient_checkpointing"), location=top(path))
    if is_on(table, "enable_liger_kernel"):
        given["use_liger_kernel"] = table.get("enable_liger_kernel")
    return given


def _training(table: Table, path: str) -> Iterator[Call]:
    model, bits, attention = table.get("model_name_or_path"), table.get("quantization_bit"), table.get("flash_attn")
    four = bits is not None and bits.value == 4 and table.value("quantization_method") in (None, "bnb", "bitsandbytes")
    loader, prefix = (MODEL, ADAPTERS)
    if is_on(table, "use_unsloth"):
        loader, prefix = "unsloth.FastLanguageModel.from_pretrained", "unsloth.FastLanguageModel.get_peft_model"
    place = model.location if model else top(path)
    chosen = _ATTENTION.get(str(attention.value)) if attention is not None else None
    yield call(
        loader,
        place,
        {
            "0": model,
            "attn_implementation": implied(attention, chosen) if chosen else unknown(attention),
            "quantization_config": Implied(value=None, location=bits.location, known=False) if bits is not None and bits.value else None,
            "load_in_4bit": implied(bits, True) if four else nothing(place),
        },
    )
    for kind in DEQUANTISED:  # no BitsAndBytesConfig: of a checkpoint that is quantised, quantization_bit changes nothing
        yield call(kind, place, {"dequantize": Implied(value=True, location=place)})
    way = table.value("finetuning_type") or "lora"
    if way == "lora":
        place = (table.get("finetuning_type") or model).location if model else top(path)
        rank = table.get("lora_rank") or Implied(value=_RANK, location=place)
        targets = _targets(table.get("lora_target"), place)
        yield call(prefix, place, {"r": rank, "target_modules": targets, "use_dora": table.get("use_dora")})
    trainer = _TRAINERS.get(str(table.value("stage") or "sft"))
    if trainer is not None and way in ("lora", "full"):
        length = table.get("cutoff_len")
        yield call(trainer, top(path), {"max_length": length})


def _targets(setting: Setting | None, place: Setting | object) -> Implied | None:
    """Return what adapters wrap: "all", which is also meant where nothing is said, or names with commas between them."""
    if setting is None:
        return Implied(value="all-linear", location=place)  # type: ignore[arg-type]
    if not isinstance(setting.value, str):
        return implied(setting, setting.value)
    names = tuple(name.strip() for name in setting.value.split(",") if name.strip())
    return implied(setting, "all-linear" if names == ("all",) else names)
