"""How cards share a run, from words to a `Run`: a DeepSpeed configuration, the Trainer's fsdp arguments, `device_map` and `max_memory`.

Sources: `deepspeed/runtime/zero/config.py` of 0.19.8 for the defaults, `integrations/deepspeed.py` of transformers 5.17 for what "auto"
means, `TrainingArguments._process_fsdp_args` for fsdp, and `convert_file_size_to_int` of accelerate for sizes.
"""

from __future__ import annotations

from envdoctor.model.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from envdoctor.memory.run import Run

_UNITS = {"GIB": 1 << 30, "MIB": 1 << 20, "KIB": 1 << 10, "TIB": 1 << 40, "GB": 10**9, "MB": 10**6, "KB": 10**3, "TB": 10**12}
_LARGEST = 10**13


def of_deepspeed(run: Run, configuration: Mapping[str, Any], hidden: int, where: str) -> Run:
    """Return a run as a DeepSpeed configuration shares it; `hidden` is what "auto" is computed from. Raises UsageError."""
    zero = configuration.get("zero_optimization")
    if not isinstance(zero, dict):
        raise UsageError(f"{where}: has no zero_optimization, so every card holds everything; ask for --sharing ddp")
    stage = zero.get("stage", 0)
    if stage not in (1, 2, 3) or isinstance(stage, bool):
        raise UsageError(f"{where}: zero_optimization.stage is {stage!r}; followed are 1, 2 and 3")
    bf16 = configuration.get("bf16")
    if isinstance(bf16, dict) and bf16.get("enabled") is False:
        raise UsageError(f"{where}: bf16 is off; followed is DeepSpeed with bf16 only")

    def whole(name: str, default: int) -> int:
        value = zero.get(name, default)
        if value == "auto":
            return hidden * hidden
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < _LARGEST:
            raise UsageError(f'{where}: zero_optimization.{name} is {value!r}, and must be a number of elements, or "auto"')
        return int(value)

    overlap = zero.get("overlap_comm")
    return run.replace(
        sharing=f"zero{stage}",
        offload=_leaves_the_card(zero, "offload_optimizer"),
        offloaded_weights=stage == 3 and _leaves_the_card(zero, "offload_param"),
        bucket=whole("reduce_bucket_size", run.bucket),
        overlap=overlap if isinstance(overlap, bool) else None,
        sub_group=whole("sub_group_size", run.sub_group),
        most_live=whole("stage3_max_live_parameters", run.most_live),
    )


def _leaves_the_card(zero: Mapping[str, Any], name: str) -> bool:
    value = zero.get(name)
    return isinstance(value, dict) and value.get("device", "none") not in ("none", None)


def is_fsdp(value: object) -> bool:
    """Tell whether the Trainer's `fsdp` argument switches it on.

    >>> is_fsdp(True), is_fsdp("full_shard auto_wrap"), is_fsdp(""), is_fsdp(("no_shard",))
    (True, True, False, False)
    """
    words = value.split() if isinstance(value, str) else [str(each) for each in value] if isinstance(value, tuple) else []
    return value is True or (bool(words) and "no_shard" not in words)


def size_of(text: str, where: str) -> int:
    """Return the bytes that a size such as 20GiB or 20GB names, as accelerate reads `max_memory`. Raises UsageError.

    >>> size_of("20GiB", ""), size_of("500MB", ""), size_of("1000", "")
    (21474836480, 500000000, 1000)
    """
    spoken = text.strip().upper()
    unit = next((known for known in _UNITS if spoken.endswith(known)), "")
    number = spoken[: len(spoken) - len(unit)].strip()
    if not number.replace(".", "", 1).isdecimal() or len(number) > 15:
        raise UsageError(f"{where} {text}: is no size; say it as accelerate's max_memory does, such as 20GiB")
    return int(float(number) * _UNITS.get(unit, 1))
