"""DeepSpeed's JSON configuration: a call of `deepspeed.initialize`, whose arguments are the keys of all levels, joined by dots.

Whether a key of DeepSpeed's own is known is not judged: it passes over keys that it does not read.
"""

from __future__ import annotations

from envdoctor.script.configs.drafts import call, flat, top

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.model.script import Call
    from envdoctor.model.settings import Table

TARGET = "deepspeed.initialize"
MARKS = frozenset({"zero_optimization", "train_micro_batch_size_per_gpu", "zero_allow_untested_optimizer", "bfloat16"})


def recognises(keys: frozenset[str]) -> bool:
    """Tell the file by a key that nobody else has, or by precision and batch together."""
    return not MARKS.isdisjoint(keys) or ("train_batch_size" in keys and not keys.isdisjoint({"fp16", "bf16", "optimizer"}))


def read(table: Table, path: str) -> tuple[Call, ...]:
    """Return the one call."""
    return (call(TARGET, top(path), dict(flat(table)), complete=True),)
