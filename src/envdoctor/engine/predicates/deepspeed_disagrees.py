"""A DeepSpeed configuration and the training arguments beside it give different values for the same thing.

What `trainer_config_process` of transformers compares (transformers/integrations/deepspeed.py), where both values stand in the files.
"""

from __future__ import annotations

from envdoctor.engine.predicates import NO_PROOF, Proof
from envdoctor.model.finding import Reason
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from envdoctor.engine.truth import Truth
    from envdoctor.model.script import Argument, Call
    from envdoctor.model.snapshot import Snapshot

DEEPSPEED = "deepspeed.initialize"
PAIRS = {
    "train_micro_batch_size_per_gpu": "per_device_train_batch_size",
    "gradient_accumulation_steps": "gradient_accumulation_steps",
    "gradient_clipping": "max_grad_norm",
    "optimizer.params.lr": "learning_rate",
    "optimizer.params.eps": "adam_epsilon",
    "optimizer.params.weight_decay": "weight_decay",
    "scheduler.params.warmup_max_lr": "learning_rate",
    "fp16.enabled": "fp16",
    "bf16.enabled": "bf16",
}
"""Key of DeepSpeed -> argument."""
DEFAULTS = {
    "per_device_train_batch_size": 8,
    "gradient_accumulation_steps": 1,
    "max_grad_norm": 1.0,
    "learning_rate": 5e-5,
    "adam_epsilon": 1e-8,
    "weight_decay": 0.0,
    "fp16": False,
    "bf16": False,
}
"""What TrainingArguments takes where nothing is said, in every release from 4.25.1 to 5.24.0."""
_WHOLE = ("transformers.TrainingArguments", "transformers.Seq2SeqTrainingArguments")
_FULL = {"fp16": "fp16_full_eval", "bf16": "bf16_full_eval"}
_FREE = ("auto_find_batch_size",)


class Pair(Record):
    """Two values that should be one; `stated` is None where the arguments are silent, and `value` is what they then mean."""

    key: Argument
    name: str
    value: object
    stated: Argument | None


def prove(patient: Snapshot) -> tuple[Truth, Proof]:
    """Fire for values that disagree; false where the script has no DeepSpeed configuration or no training arguments."""
    calls = patient.script.calls if patient.script is not None else ()
    # accelerate's own file is no JSON: what stands there is compared elsewhere
    configurations = [call for call in calls if call.target == DEEPSPEED and call.location.path.lower().endswith(".json")]
    settings = [call for call in calls if _is_settings(call)]
    if len(configurations) != 1 or len(settings) != 1:
        return False, NO_PROOF
    apart = [pair for pair in _pairs(configurations[0], settings[0]) if pair.key.value != pair.value]
    if not apart:
        return False, NO_PROOF
    reasons, places = [], []
    for pair in apart:
        place = pair.key.location
        places.append(place)
        reasons.append(Reason(what="DeepSpeed", value=f"{pair.key.name}={pair.key.value!r}", origin=f"{place.path}:{place.line}"))
        if pair.stated is not None:
            place = pair.stated.location
            places.append(place)
            reasons.append(Reason(what=settings[0].target, value=f"{pair.name}={pair.value!r}", origin=f"{place.path}:{place.line}"))
    return True, Proof(words={"disagreement": "; ".join(map(_told, apart))}, reasons=tuple(reasons), locations=tuple(places))


def _is_settings(call: Call) -> bool:
    if not call.target.startswith(("transformers.", "trl.", "unsloth.")) or not call.target.endswith(("TrainingArguments", "Config")):
        return False
    return any(call.argument(name) is not None for name in ("output_dir", "deepspeed", *PAIRS.values()))


def _pairs(configuration: Call, settings: Call) -> Iterator[Pair]:
    for key, name in PAIRS.items():
        found = configuration.argument(key)
        if found is None or not found.literal or found.value is None or found.value == "auto":
            continue
        if name == "per_device_train_batch_size" and any(settings.argument(free) is not None for free in _FREE):
            continue
        if name in _FULL and settings.argument(_FULL[name]) is not None:
            continue
        stated = settings.argument(name)
        if stated is None and settings.complete and settings.target in _WHOLE and settings.keys is None:
            yield Pair(key=found, name=name, value=DEFAULTS[name], stated=None)
        elif stated is not None and stated.literal and isinstance(stated.value, (int, float)):
            yield Pair(key=found, name=name, value=stated.value, stated=stated)


def _told(pair: Pair) -> str:
    said = "say" if pair.stated is not None else "mean without a word"
    return f"{pair.key.name} is {pair.key.value} there, and the training arguments {said} {pair.name}={pair.value}"
