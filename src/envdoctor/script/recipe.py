"""What a script says of the memory that its training takes, as facts. Each only where the script leaves no doubt.

Apart from `intent`, because nobody asks for these facts before a model is named.
"""

from __future__ import annotations

from envdoctor.script.intent import DTYPES, LORA, NO_MODELS, SETTINGS
from envdoctor.script.names import is_class

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.model.facts import Value
    from envdoctor.model.script import Call, Script

FOLLOWED = {"trl.SFTTrainer": "trl", "transformers.Trainer": "transformers"}
"""Trainers whose step is followed, and whose defaults count."""
UNFOLLOWED = (
    "deepspeed", "fsdp", "offload", "requires_grad", "freeze", "lomo", "layerwise", "max_memory", "dataparallel", "auto_find_batch_size",
    "resize_token_embeddings", "load_in_8bit", "gptqconfig", "awqconfig", "hqqconfig", "torchaoconfig", "quantize_", "optimum.quanto",
    "tensor_parallel", "tp_plan", "target_parameters", "layers_to_transform", "rank_pattern", "torch_compile",
    "use_dora", "modules_to_save", "from_config", "num_hidden_layers", "layers[", "use_cpu", "no_cuda", '"cpu"', "'cpu'",
)  # fmt: skip
"""Words of a script, in lower case, that change what training takes in ways that are not followed."""
DEFAULT_BATCH, DEFAULT_RANK, UNSLOTH_RANK = 8, 8, 16  # TrainingArguments, LoraConfig, FastLanguageModel.get_peft_model

_LANGUAGE = ("ForCausalLM", "FastLanguageModel", "FastModel")
_PACKED = ("load_in_4bit", "load_in_8bit")
_ELSEWHERE = (*_PACKED, "quantization_config", "model_init_kwargs")
"""Arguments of a loader with which it may be anything but plain weights that are trained."""


def recipe_of(script: Script) -> dict[str, Value]:
    """Return the facts that a script settles, by path. `training.defaults` names what it certainly leaves to its libraries."""
    calls = script.calls
    settings = [call for call in calls if call.target in SETTINGS]
    trainers = [call for call in calls if call.target.rpartition(".")[2].endswith("Trainer") and is_class(call.target)]
    loads = [call for call in calls if _loads_model(call)]
    adapters = [call for call in calls if call.target in LORA]
    unsloth = any(found.name.split(".")[0] == "unsloth" for found in script.imports)
    # trl loads a model that is given by its name, with the arguments of its settings
    named = [*trainers, *settings] if trainers and not loads and all(_is_named(call) for call in trainers) else []
    found: dict[str, Value] = {}
    left: list[str] = []
    # a trainer that is given no arguments at all takes the defaults of all
    told = settings or [call for call in trainers if call.complete and call.argument("args") is None and call.argument("1") is None]

    def settle(path: str, where: list[Call], names: tuple[str, ...], kinds: tuple[type, ...], default: Value | None = None) -> None:
        value, known = _one(where, names)
        if not known:
            return
        if value is None and default is None:
            left.append(path)
        elif value is None or type(value) in kinds:
            found["training." + path] = default if value is None and default is not None else value  # type: ignore[assignment]

    settle("batch", told, ("per_device_train_batch_size",), (int,), DEFAULT_BATCH)
    settle("max_length", [*told, *(call for call in trainers if call not in told)], ("max_length", "max_seq_length"), (int,))
    settle("optimizer", told, ("optim",), (str,))
    settle("liger", told, ("use_liger_kernel", "use_liger"), (bool,), default=False)
    settle("attention", loads or named, ("attn_implementation", "use_flash_attention_2", "model_init_kwargs"), (str,))
    if unsloth:
        settle("checkpointing", adapters, ("use_gradient_checkpointing",), (bool, str))
    else:
        settle("checkpointing", told, ("activation_checkpointing", "gradient_checkpointing"), (bool,))
    if adapters:
        settle("rank", adapters, ("r",), (int,), UNSLOTH_RANK if unsloth else DEFAULT_RANK)
        settle("targets", adapters, ("target_modules",), (str, tuple))
    value, known = _one(loads or named, ("dtype", "torch_dtype", "model_init_kwargs"))
    if known and (value in (None, "auto")):
        left.append("weights")
    elif isinstance(value, str) and value in DTYPES:
        found["training.weights"] = DTYPES[value]
    kinds = {"unsloth"} if unsloth else {FOLLOWED.get(call.target, "") for call in trainers}
    if len(kinds) == 1 and "" not in kinds:
        found["training.trainer"] = kinds.pop()
    found.update(_method(script, trainers, loads, named, settings))
    found["training.named"] = bool(named)
    odd = [call.target.split(".")[-2] for call in loads if not call.target.split(".")[-2].endswith(_LANGUAGE)]
    if odd:
        found["training.unfollowed"] = odd[0]
    if left:
        found["training.defaults"] = tuple(left)
    return found


def unfollowed(text: str) -> str:
    """Return the first word of a script's text that makes its memory unknown, or "".

    >>> unfollowed("TrainingArguments(deepspeed='zero3.json')"), unfollowed("model.train()")
    ('deepspeed', '')
    """
    lower = text.lower()
    return next((word for word in UNFOLLOWED if word in lower), "")


def _loads_model(call: Call) -> bool:
    owner, _, method = call.target.rpartition(".")
    if method != "from_pretrained" or not is_class(owner):
        return False
    return not owner.endswith(NO_MODELS) and not owner.startswith("peft.")


def _method(script: Script, trainers: list[Call], loads: list[Call], named: list[Call], settings: list[Call]) -> dict[str, Value]:
    """Return how the weights are trained, where `intent` leaves it open but the loader does not."""
    if _is_full(script, trainers, loads or named, settings):
        return {"training.method": "full"}
    calls = script.calls
    adapters, four = any(call.target in LORA for call in calls), any(call.target.endswith("BitsAndBytesConfig") for call in calls)
    if named and adapters and not four and _is_plain(named):
        return {"training.method": "lora"}
    if not any(call.target == "transformers.Mxfp4Config" and _one([call], ("dequantize",)) == (True, True) for call in calls):
        return {}
    found: dict[str, Value] = {"training.dequantized": True}
    if adapters and loads and not four and not any(call.argument(name) is not None for call in loads for name in _PACKED):
        found["training.method"] = "lora"
    return found


def _is_plain(loads: list[Call]) -> bool:
    """Tell whether weights are certainly loaded as they are, or in a type that is named."""
    return all(call.complete and all(call.argument(name) is None for name in _ELSEWHERE) for call in loads)


def _is_named(call: Call) -> bool:
    model = call.argument("model") or call.argument("0")
    return model is not None and model.literal and isinstance(model.value, str)


def _one(calls: list[Call], names: tuple[str, ...]) -> tuple[object, bool]:
    """Return the value that all calls give to an argument of these names, None where none gives one; and whether that is certain."""
    given: list[object] = []
    for call in calls:
        arguments = [argument for argument in [call.argument(name) for name in names] if argument is not None]
        if len(arguments) > 1 or any(not argument.literal for argument in arguments):
            return None, False
        if arguments:
            given.append(arguments[0].value)
        elif not call.complete:
            return None, False
    values = [value for value in given if value is not None]
    if any(value != values[0] for value in values):
        return None, False
    return (values[0] if values else None), bool(calls)


def _is_full(script: Script, trainers: list[Call], loads: list[Call], settings: list[Call]) -> bool:
    """Tell whether a script certainly trains all weights: nothing of peft or unsloth, and nothing quantised."""
    if not trainers or not loads or any(call.target not in FOLLOWED for call in trainers):
        return False
    if any(found.name.split(".")[0] in ("peft", "unsloth", "bitsandbytes") for found in script.imports):
        return False
    if any(call.argument("peft_config") is not None or not call.complete for call in trainers):
        return False
    if not _is_plain(loads):
        return False
    return all(call.argument("optim") is None or "galore" not in str(getattr(call.argument("optim"), "value", "")) for call in settings)
