"""What a script says of the training it starts, as facts. Each fact only where the script leaves no doubt."""

from __future__ import annotations

from envdoctor.script.names import is_class

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envdoctor.model.facts import Value
    from envdoctor.model.script import Argument, Call, Script

ARGUMENTS = "transformers.TrainingArguments"
SETTINGS = (
    ARGUMENTS, "transformers.Seq2SeqTrainingArguments", "trl.SFTConfig", "trl.DPOConfig", "trl.GRPOConfig", "trl.RewardConfig",
    "trl.KTOConfig", "trl.ORPOConfig", "trl.CPOConfig", "trl.RLOOConfig", "unsloth.UnslothTrainingArguments",
)  # fmt: skip
UNSLOTH = ("unsloth.FastLanguageModel", "unsloth.FastModel", "unsloth.FastVisionModel")
LORA = ("peft.LoraConfig", *(f"{loader}.get_peft_model" for loader in UNSLOTH))
LAUNCH = "accelerate.commands.config.config_args.ClusterConfig"
USES = {"trl.SFTTrainer": "sft", "trl.DPOTrainer": "dpo", "trl.GRPOTrainer": "grpo", "trl.RewardTrainer": "reward"}
MODEL_NAMES = ("0", "pretrained_model_name_or_path", "model_name")
NO_MODELS = ("Tokenizer", "TokenizerFast", "Processor", "Config", "Extractor", "ImageProcessor", "Dataset")
DTYPES = {
    "bfloat16": "bf16", "torch.bfloat16": "bf16",
    "float16": "fp16", "torch.float16": "fp16", "half": "fp16", "torch.half": "fp16",
    "float32": "fp32", "torch.float32": "fp32", "float": "fp32", "torch.float": "fp32",
}  # fmt: skip


def facts_of(script: Script) -> dict[str, Value]:
    """Return the facts that a script settles, by path: `model.name` and what `training.*` its literal arguments decide.

    Where two calls disagree, or one of them cannot be read, the fact is left out. What a script loads after `train()` does not count.
    """
    found: dict[str, Value] = {}
    loads = list(_loads(script.calls))
    settings = [call for call in script.calls if call.target in SETTINGS]
    trainers = [call for call in script.calls if call.target.startswith(("trl.", "transformers.")) and call.target.endswith("Trainer")]
    for path, value in (
        ("model.name", _text(_agreed(_given(load, MODEL_NAMES) for load in loads) or _named(loads, trainers))),
        ("training.dtype", _dtype(settings, loads)),
        ("training.optimizer", _text(_agreed(_stated(settings, "optim")))),
        ("training.attention", _attention(loads)),
        ("training.device_map", _text(_agreed(_stated(loads, "device_map")))),
        ("training.packing", _agreed(_stated([*settings, *trainers], "packing"))),
        ("training.method", _method(script.calls, settings, loads)),
        ("training.use", _use(trainers)),
        ("training.world_size", _processes(script.calls)),
        ("training.launcher", "accelerate" if any(call.target == LAUNCH for call in script.calls) else None),
    ):
        if isinstance(value, (str, bool, int)):
            found[path] = value
    return found


class _Unsure:
    """Stands for an argument that is there and cannot be read."""


UNSURE = _Unsure()


def _loads(calls: tuple[Call, ...]) -> Iterator[Call]:
    for call in calls:
        owner, _, method = call.target.rpartition(".")
        if method == "train" and owner.endswith("Trainer"):
            return
        if method == "from_pretrained" and is_class(owner) and not owner.endswith(NO_MODELS) and not owner.startswith("peft."):
            yield call


def _given(call: Call, names: tuple[str, ...]) -> object:
    """Return the value of the first argument of those names, None where there is none and UNSURE where it cannot be read."""
    for name in names:
        argument = call.argument(name)
        if argument is not None:
            return _value(argument)
    return None if call.complete else UNSURE


def _named(loads: list[Call], trainers: list[Call]) -> object:
    """Return the model that trainers are given by its name, which they load themselves."""
    return None if loads else _agreed(_given(call, ("model", "0")) for call in trainers if call.target.startswith("trl."))


def _value(argument: Argument) -> object:
    return argument.value if argument.literal else UNSURE


def _stated(calls: Iterable[Call], name: str) -> Iterator[object]:
    """Yield the values of an argument, of the calls that have it."""
    for call in calls:
        argument = call.argument(name)
        if argument is not None:
            yield _value(argument)


def _agreed(values: Iterable[object]) -> object:
    """Return the one value that all have, or None."""
    first: object = None
    for value in values:
        if value is UNSURE or value is None or (first is not None and first != value):
            return None
        first = value
    return first


def _text(value: object) -> str | None:
    """Return a text that is a value itself, not the dotted name of an imported class or enumeration."""
    if not isinstance(value, str) or not value or value.startswith(("transformers.", "accelerate.", "torch.")):
        return None
    return value


def _dtype(settings: list[Call], loads: list[Call]) -> str | None:
    chosen = {_precision(call) for call in settings}
    if len(chosen) > 1:
        return None
    precision = chosen.pop() if chosen else None
    if precision != "model":
        return precision
    dtypes = []
    for load in loads:
        values = [*_stated([load], "dtype"), *_stated([load], "torch_dtype")]
        dtypes.append(values[0] if values else None)
    agreed = _agreed(dtypes)
    return DTYPES.get(agreed) if isinstance(agreed, str) else None


def _precision(call: Call) -> str | None:
    """Return the mixed precision that a configuration asks for, "model" where it leaves the model's own, None where unsure."""
    bf16, fp16 = _given(call, ("bf16",)), _given(call, ("fp16",))
    if bf16 is True:
        return "bf16" if fp16 is not True else None
    if fp16 is True:
        return "fp16" if bf16 is None or bf16 is False else None
    # trl's own configurations turn bf16 on by themselves in some releases, so there only False is False.
    off = (False, None) if call.target == ARGUMENTS else (False,)
    return "model" if bf16 in off and fp16 in (False, None) else None


def _attention(loads: list[Call]) -> str | None:
    values = []
    for load in loads:
        old = _given(load, ("use_flash_attention_2",))
        values.append("flash_attention_2" if old is True else _given(load, ("attn_implementation",)))
    return _text(_agreed(values))


def _method(calls: tuple[Call, ...], settings: list[Call], loads: list[Call]) -> str | None:
    adapters = any(call.target in LORA for call in calls)
    optimizer = _agreed(_stated(settings, "optim"))
    galore = isinstance(optimizer, str) and optimizer.startswith("galore")
    if galore or not adapters:
        return "galore" if galore and not adapters else None
    four: list[object] = [
        _given(call, ("load_in_4bit",)) for call in calls if call.target in ("transformers.BitsAndBytesConfig",) or call in loads
    ]
    configured = [call for call in loads if call.argument("quantization_config") is not None]
    seen = any(call.target == "transformers.BitsAndBytesConfig" for call in calls)
    if any(value is True for value in four):
        return "qlora" if all(value is True or value is None for value in four) else None
    own_default = any(call.target.startswith(UNSLOTH) and _given(call, ("load_in_4bit",)) is None for call in loads)
    if UNSURE in four or own_default or (configured and not seen) or not loads:
        return None
    return "lora"


def _use(trainers: list[Call]) -> str | None:
    uses = {USES.get(call.target, "") for call in trainers}
    return uses.pop() or None if len(uses) == 1 else None


def _processes(calls: tuple[Call, ...]) -> int | None:
    """Return how many processes accelerate's configuration starts."""
    count = _agreed(_stated((call for call in calls if call.target == LAUNCH), "num_processes"))
    return count if isinstance(count, int) and not isinstance(count, bool) and count > 0 else None
