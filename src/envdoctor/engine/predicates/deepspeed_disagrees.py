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
    "scheduler.params.warmup_num_steps": "warmup_steps",
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
    "warmup_steps": 0,
    "fp16": False,
    "bf16": False,
}
"""What TrainingArguments takes where nothing is said, in every release from 4.25.1 to 5.24.0."""
_WHOLE = ("transformers.TrainingArguments", "transformers.Seq2SeqTrainingArguments")
_FULL = {"fp16": "fp16_full_eval", "bf16": "bf16_full_eval"}
_FREE = {"per_device_train_batch_size": "auto_find_batch_size", "warmup_steps": "warmup_ratio", **_FULL}
"""Argument -> another one under which it is not what counts."""
_SAMPLES = ("per_device_train_batch_size", "gradient_accumulation_steps")


class Pair(Record):
    """Two values that should be one; `stated` is None where the arguments are silent, and `value` is what they then mean."""

    key: Argument
    name: str
    value: float
    stated: Argument | None

    @property
    def is_apart(self) -> bool:
        """Tell whether the two differ; no warm-up is one step to newer releases and none to older ones."""
        if self.name == "warmup_steps" and self.value < 1:
            return self.value == 0 and self.key.value > 1
        return bool(self.key.value != self.value)


def prove(patient: Snapshot) -> tuple[Truth, Proof]:
    """Fire for values that disagree; false where the script has no DeepSpeed configuration or no training arguments."""
    calls = patient.script.calls if patient.script is not None else ()
    # accelerate's own file is no JSON: what stands there is compared elsewhere
    configurations = [call for call in calls if call.target == DEEPSPEED and call.location.path.lower().endswith(".json")]
    settings = [call for call in calls if _is_settings(call)]
    if len(configurations) != 1 or len(settings) != 1:
        return False, NO_PROOF
    apart = [pair for pair in _pairs(configurations[0], settings[0]) if pair.is_apart]
    whole = _batch(configurations[0], settings[0])
    if not apart and whole is None:
        return False, NO_PROOF
    told = [_told(pair) for pair in apart]
    reasons, places = [], []
    for pair in apart:
        place = pair.key.location
        places.append(place)
        reasons.append(Reason(what="DeepSpeed", value=f"{pair.key.name}={pair.key.value!r}", origin=f"{place.path}:{place.line}"))
        if pair.stated is not None:
            place = pair.stated.location
            places.append(place)
            reasons.append(Reason(what=settings[0].target, value=f"{pair.name}={pair.value!r}", origin=f"{place.path}:{place.line}"))
    if whole is not None:
        key, size = whole
        told.append(f"train_batch_size is {key.value} there, and no multiple of the {size} samples of one process")
        places.append(key.location)
        origin = f"{key.location.path}:{key.location.line}"
        reasons.append(Reason(what="DeepSpeed", value=f"train_batch_size={key.value}", origin=origin))
    return True, Proof(words={"disagreement": "; ".join(told)}, reasons=tuple(reasons), locations=tuple(places))


def _is_settings(call: Call) -> bool:
    if not call.target.startswith(("transformers.", "trl.", "unsloth.")) or not call.target.endswith(("TrainingArguments", "Config")):
        return False
    return any(call.argument(name) is not None for name in ("output_dir", "deepspeed", *PAIRS.values()))


def _pairs(configuration: Call, settings: Call) -> Iterator[Pair]:
    for key, name in PAIRS.items():
        found = _number(configuration, key)
        value = _value(settings, name)
        if found is not None and value is not None:
            yield Pair(key=found, name=name, value=value, stated=settings.argument(name))


def _number(configuration: Call, key: str) -> Argument | None:
    """Return a key with a number or a truth; "auto" is none."""
    found = configuration.argument(key)
    return found if found is not None and found.literal and isinstance(found.value, (int, float)) else None


def _value(settings: Call, name: str) -> float | None:
    """Return what the arguments say, or mean where they are silent; None where that is not certain."""
    if name in _FREE and settings.argument(_FREE[name]) is not None:
        return None
    stated = settings.argument(name)
    if stated is None:
        return DEFAULTS[name] if settings.complete and settings.target in _WHOLE and settings.keys is None else None
    return stated.value if stated.literal and isinstance(stated.value, (int, float)) else None


def _batch(configuration: Call, settings: Call) -> tuple[Argument, int] | None:
    """Return the batch of all processes, and the samples of one, where no number of processes makes the two fit."""
    found = _number(configuration, "train_batch_size")
    samples = [_value(settings, name) for name in _SAMPLES]
    if found is None or isinstance(found.value, float) or not all(isinstance(each, int) and each > 0 for each in samples):
        return None
    size = int(samples[0] or 1) * int(samples[1] or 1)
    return (found, size) if found.value % size else None


def _told(pair: Pair) -> str:
    said = "say" if pair.stated is not None else "mean without a word"
    return f"{pair.key.name} is {pair.key.value} there, and the training arguments {said} {pair.name}={pair.value}"
