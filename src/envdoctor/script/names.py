"""One public name for each path under which a library's class can be imported."""

from __future__ import annotations

_TRAINER_TOOLS = (
    "Trainer", "Seq2SeqTrainer", "TrainingArguments", "Seq2SeqTrainingArguments", "BitsAndBytesConfig", "HfArgumentParser",
    "TrainerCallback", "TorchAoConfig", "Mxfp4Config", "AutoConfig", "AutoTokenizer", "AutoProcessor", "PreTrainedModel",
    "PreTrainedTokenizerFast", "set_seed",
)  # fmt: skip

# root: (whole names, beginnings, endings) of what the root itself exports
_PUBLIC: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "transformers": (_TRAINER_TOOLS, ("AutoModel", "DataCollator"), ("ForCausalLM", "ForConditionalGeneration")),
    "trl": ((), (), ("Trainer", "Config")),
    "peft": (
        ("get_peft_model", "prepare_model_for_kbit_training", "TaskType", "LoraConfig"),
        ("PeftModel", "AutoPeftModel"),
        (),
    ),
    "unsloth": (("FastLanguageModel", "FastModel", "FastVisionModel", "is_bfloat16_supported"), (), ()),
    "accelerate": (("Accelerator",), (), ()),
    "datasets": (("load_dataset", "Dataset", "DatasetDict"), (), ()),
}
_APART = ("trl.experimental.", "trl.extras.", "trl.models.", "transformers.models.deprecated.")
"""Modules whose names are no aliases of what the root exports."""


def is_class(name: str) -> bool:
    """Tell by its spelling whether the last part of a dotted name is a class: CapWords, not CONSTANT."""
    last = name.rpartition(".")[2].lstrip("_")
    return last[:1].isupper() and (any(letter.islower() for letter in last) or len(last) == 1)


def public(name: str) -> tuple[str, ...]:
    """Return the names that a dotted path stands for, the public one first.

    One name where the path is public already, belongs to a library not known here, or is surely an alias
    (`transformers.training_args.TrainingArguments`); two where the library's root may export the class, but need not.

    >>> public("trl.trainer.sft_trainer.SFTTrainer.train")
    ('trl.SFTTrainer.train',)
    >>> public("transformers.models.llama.modeling_llama.LlamaAttention")
    ('transformers.LlamaAttention', 'transformers.models.llama.modeling_llama.LlamaAttention')
    """
    parts = name.split(".")
    known = _PUBLIC.get(parts[0])
    if known is None or len(parts) < 3 or name.startswith(_APART):
        return (name,)
    whole, starts, ends = known
    for place in range(1, len(parts)):
        part = parts[place]
        sure = part in whole or (is_class(part) and (part.startswith(starts) or part.endswith(ends)))
        if sure or is_class(part):
            short = ".".join((parts[0], *parts[place:]))
            return (short,) if sure or short == name else (short, name)
    return (name,)
