"""What a training script says of the memory it will need: its model, method and arguments, as far as they stand there in plain values.

What cannot be read is left out, and the script's libraries decide, as they will.
"""

from __future__ import annotations

from envdoctor.memory.arguments import SAVED
from envdoctor.memory.division import is_fsdp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from envdoctor.model.script import Call, Script

_SETTINGS = ("TrainingArguments", "SFTConfig", "Seq2SeqTrainingArguments", "UnslothTrainingArguments")
_ADAPTERS = ("LoraConfig", "get_peft_model")
_BATCH = 8  # TrainingArguments.per_device_train_batch_size where nothing is said
_LENGTH = 1024  # SFTConfig.max_length where nothing is said
_DTYPES = {"bfloat16": "bf16", "float16": "fp16", "half": "fp16", "float32": "fp32", "float": "fp32"}


def stated(script: Script) -> tuple[dict[str, Any], list[str]]:
    """Return what a script says, by the names of `Wishes` and "model", and what follows from its silence, one sentence each."""
    calls = script.calls
    settings = [call for call in calls if call.target.rpartition(".")[2] in _SETTINGS]
    trainers = [call for call in calls if call.target.endswith("Trainer")]
    loads = [call for call in calls if call.target.endswith(".from_pretrained") and not call.target.startswith("peft.") and _is_model(call)]
    adapters = [call for call in calls if call.target.rpartition(".")[2] in _ADAPTERS]
    found: dict[str, Any] = {}
    silent: list[str] = []
    for name, value in (
        ("model", _text(loads, "0", "pretrained_model_name_or_path", "model_name") or _text(trainers, "model")),
        ("optimizer", _text(settings, "optim")),
        ("attention", _text(loads, "attn_implementation")),
        ("dtype", _DTYPES.get(str(_first(loads, "dtype", "torch_dtype")).rpartition(".")[2])),
        ("rank", _first(adapters, "r")),
        ("targets", _targets(_first(adapters, "target_modules"))),
        ("batch", _first(settings, "per_device_train_batch_size")),
        ("seq", _first([*settings, *trainers, *loads], "max_length", "max_seq_length")),
    ):
        if value and not isinstance(value, bool):
            found[name] = value
    saved = _first(adapters, "modules_to_save")
    if isinstance(saved, tuple):
        found["saved"] = tuple(name for name in saved if name in SAVED)
        others = ", ".join(str(name) for name in saved if name not in SAVED)
        if others:
            silent.append(f"what modules_to_save trains besides embeddings and head is not counted ({others})")
    checkpointing = _first([*settings, *adapters], "activation_checkpointing", "gradient_checkpointing", "use_gradient_checkpointing")
    if checkpointing is not None:
        found["checkpointing"] = bool(checkpointing)
    if _first(settings, "use_liger_kernel", "use_liger") is True:
        found["loss"] = "liger"
    if loads:
        found["named"] = False
    if any(call.target.startswith("unsloth.") for call in calls):
        found["trainer"] = "unsloth"
    elif any(call.target.startswith("trl.") for call in (*trainers, *settings)):
        found["trainer"] = "trl"
    four = [*(call for call in calls if call.target.endswith("BitsAndBytesConfig")), *loads]
    if adapters:
        found["method"] = "qlora" if _first(four, "load_in_4bit") is True else "dora" if _first(adapters, "use_dora") is True else "lora"
    elif trainers:
        found["method"] = "full"
    if adapters and "targets" not in found and found.get("trainer") != "unsloth" and _whole(adapters, "target_modules"):
        found["targets"] = "q_proj,v_proj"
        silent.append("adapters wrap q_proj and v_proj, as peft does by itself for most families")
    if settings and "batch" not in found and _whole(settings, "per_device_train_batch_size"):
        found["batch"] = _BATCH
        silent.append(f"the batch is {_BATCH}, since the script says nothing of per_device_train_batch_size")
    _evaluation(found, silent, settings, trainers)
    if "seq" not in found and found.get("trainer") == "trl" and _whole(settings, "max_length"):
        found["seq"] = _LENGTH
        silent.append(f"samples have {_LENGTH} tokens, where trl cuts them off by itself")
    return found, silent


def _evaluation(found: dict[str, Any], silent: list[str], settings: list[Call], trainers: list[Call]) -> None:
    """Tell the batch of evaluations between two steps, where the script certainly asks for some."""
    when = _first(settings, "eval_strategy", "evaluation_strategy")
    if not isinstance(when, str) or when == "no" or not any(call.argument("eval_dataset") is not None for call in trainers):
        return
    batch = _first(settings, "per_device_eval_batch_size")
    if isinstance(batch, int) and not isinstance(batch, bool):
        found["eval_batch"] = batch
    elif _whole(settings, "per_device_eval_batch_size"):
        found["eval_batch"] = _BATCH
        silent.append(f"evaluations take {_BATCH} samples at a time, since the script says nothing of per_device_eval_batch_size")
    metrics = any(call.argument("compute_metrics") is not None for call in trainers)
    if metrics and _whole(trainers, "preprocess_logits_for_metrics") and _whole(settings, "eval_accumulation_steps"):
        silent.append(
            "compute_metrics without preprocess_logits_for_metrics keeps the logits of all evaluated samples on the GPU: not counted"
        )


def divided(script: Script) -> dict[str, Any]:
    """Return what a script says of several cards: "deepspeed" (a configuration or the name of its file), "fsdp", "layers", "limits".

    "otherwise" are sentences about what is not followed.
    """
    settings = [call for call in script.calls if call.target.rpartition(".")[2] in _SETTINGS]
    loads = [call for call in script.calls if call.target.endswith(".from_pretrained")]
    found: dict[str, Any] = {}
    deepspeed = _first(settings, "deepspeed")
    if isinstance(deepspeed, (str, dict)) and deepspeed:
        found["deepspeed"] = deepspeed
    switch, keys = _first(settings, "fsdp"), _first(settings, "fsdp_config")
    if is_fsdp(switch):
        found["fsdp"] = True
        keys = keys if isinstance(keys, dict) else {}
        found["otherwise"] = [
            *(["FSDP1 is taken for FSDP2"] if str(keys.get("version", keys.get("fsdp_version", 2))) == "1" else []),
            *(["FSDP's offloading is not followed, and would take less"] if keys.get("cpu_offload") or "offload" in str(switch) else []),
        ]
    if _first(loads, "device_map") in ("auto", "balanced"):
        found["layers"] = True
        limits = _first(loads, "max_memory")
        if isinstance(limits, dict):
            found["limits"] = [str(value) for key, value in limits.items() if str(key).isdecimal()]
    return found


def _is_model(call: Call) -> bool:
    owner = call.target.rsplit(".", 2)[-2]
    return not owner.endswith(("Tokenizer", "TokenizerFast", "Processor", "Config", "FeatureExtractor"))


def _first(calls: list[Call], *names: str) -> Any:
    """Return the first plain value of an argument of these names, or None."""
    for call in calls:
        for name in names:
            argument = call.argument(name)
            if argument is not None and argument.literal:
                return argument.value
    return None


def _text(calls: list[Call], *names: str) -> str:
    value = _first(calls, *names)
    return value if isinstance(value, str) else ""


def _targets(value: object) -> str:
    """Return target modules as `--targets` takes them; "" where they are none that are followed."""
    return value if isinstance(value, str) else ",".join(str(each) for each in value) if isinstance(value, tuple) else ""


def _whole(calls: list[Call], name: str) -> bool:
    """Tell whether the reader saw all arguments of these calls, and none of that name."""
    return bool(calls) and all(call.complete and call.argument(name) is None for call in calls)
