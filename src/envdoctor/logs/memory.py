"""Memory errors and their numbers: what was asked for, what the card has, who holds it, and what follows from that alone."""

from __future__ import annotations

import re

from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.logs.raised import Raised

_UNITS = {"B": 1, "bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "KB": 2**10, "MB": 2**20, "GB": 2**30}
_SIZE = r"(\d+(?:\.\d+)?) ?(bytes|[KMGT]i?B|B)\b"
_NUMBERS: tuple[tuple[str, str], ...] = (
    ("asked", rf"[Tt]ried to allocate {_SIZE}"),
    ("total", rf"total capaci?ty of {_SIZE}"),
    ("total", rf"{_SIZE} total capacity"),
    ("total", rf"max allowed: {_SIZE}"),
    ("free", rf"of which {_SIZE} is free"),
    ("free", rf"{_SIZE} free"),
    ("held", rf"this process has {_SIZE} memory in use"),
    ("allocated", rf"{_SIZE} is allocated by PyTorch"),
    ("allocated", rf"{_SIZE} already allocated"),
    ("allocated", rf"MPS allocated: {_SIZE}"),
    ("idle", rf"{_SIZE} is reserved by PyTorch but unallocated"),
    ("reserved", rf"{_SIZE} reserved in total by PyTorch"),
)
"""Wordings of torch 1.x, 2.x and of its MPS backend."""
_OTHERS = re.compile(rf"Process \d+ has {_SIZE} memory in use")
_IS = re.compile(
    r"CUDA out of memory|HIP out of memory|XPU out of memory|MPS backend out of memory|CUDA error: out of memory|can't allocate memory|"
    r"CUBLAS_STATUS_ALLOC_FAILED|^(?:torch\.(?:cuda\.)?)?OutOfMemoryError\b"
)
_DEVICE = re.compile(r"GPU (\d+)")
_SMALL = 64 * 2**20
_PHASES: tuple[tuple[str, tuple[str, ...]], ...] = (
    # what a run does, and the functions in whose midst it does it, the innermost first
    ("while the optimizer took its step", ("_init_group", "optimizer_step")),
    ("in the backward pass", ("backward", "recompute_fn")),
    ("while the model was loaded", ("from_pretrained", "_load_pretrained_model", "load_state_dict", "get_peft_model")),
    ("while the loss was computed", ("cross_entropy", "compute_loss_func", "ForCausalLMLoss", "fixed_cross_entropy")),
    ("while it was evaluated", ("evaluation_loop", "prediction_step")),
    ("while text was generated", ("generate", "_sample")),
    ("in the forward pass", ("compute_loss", "training_step", "forward")),
)


class Shortage(Record):
    """A memory error. Sizes are bytes, None where the log does not tell them; `idle` is reserved by PyTorch and not in use."""

    device: str = ""
    asked: int | None = None
    total: int | None = None
    free: int | None = None
    held: int | None = None
    allocated: int | None = None
    idle: int | None = None
    others: int | None = None
    phase: str = ""
    is_host: bool = False


def shortage_of(raised: Raised) -> Shortage | None:
    """Return the numbers of a memory error; None for another error."""
    text = " ".join(raised.headline.split())
    if not _IS.search(text):
        return None
    sizes: dict[str, int] = {}
    for name, pattern in _NUMBERS:
        found = re.search(pattern, text)
        if found is not None and name not in sizes:
            sizes[name] = _bytes(*found.groups())
    reserved = sizes.pop("reserved", None)
    if reserved is not None and "allocated" in sizes:
        sizes["idle"] = max(reserved - sizes["allocated"], 0)
    others = [_bytes(*found.groups()) for found in _OTHERS.finditer(text)]
    if others and "held" not in sizes and len(others) == 1:
        sizes["held"] = others.pop()  # older wording: the only process is the one that failed
    device = _DEVICE.search(text)
    functions = {frame.function.rpartition(".")[2] for frame in raised.frames}
    phase = next((told for told, names in _PHASES if not functions.isdisjoint(names)), "")
    host = "can't allocate memory" in text
    return Shortage(
        device=f"GPU {device.group(1)}" if device else "", others=sum(others) if others else None, phase=phase, is_host=host, **sizes
    )


def _bytes(number: str, unit: str) -> int:
    return int(float(number) * _UNITS[unit])


def spell(size: int) -> str:
    """Return a size as people write it.

    >>> spell(15900000000), spell(20 * 2**20)
    ('14.8 GiB', '20 MiB')
    """
    if size >= 2**40:
        return f"{size / 2**40:.1f} TiB"
    if size >= 2**30:
        return f"{size / 2**30:.1f} GiB"
    return f"{size / 2**20:.0f} MiB" if size >= 2**20 else f"{size} bytes"


def cause(shortage: Shortage) -> str:
    """Say in one sentence what the numbers tell of the cause."""
    asked, total, allocated = shortage.asked, shortage.total, shortage.allocated
    others = _of_others(shortage)
    if shortage.is_host:
        return f"The machine's own memory is full: {spell(asked)} more could not be had" if asked else "The machine's own memory is full"
    if asked is None:
        return "The GPU's memory is full; the log does not tell the numbers"
    if total is not None and asked > total:
        return f"A single piece of {spell(asked)} was asked for, more than all of the card's {spell(total)}"
    if total is not None and others > total // 10 and others > asked:
        return f"Other processes hold {spell(others)} of the card's {spell(total)}; without them the {spell(asked)} would have been there"
    if shortage.idle is not None and shortage.idle >= asked and shortage.idle > _SMALL:
        return (
            f"{spell(shortage.idle)} were reserved but idle, in pieces smaller than the {spell(asked)} asked for: the memory is fragmented"
        )
    if total is not None and allocated is not None:
        need = allocated + asked
        over = f"at least {spell(need)}" if need > total else f"{spell(need)} at this moment, beside what CUDA itself and others hold"
        return f"The run needs {over}, and the card has {spell(total)}"
    return f"The card had no room for {spell(asked)} more"


def advice(shortage: Shortage) -> list[str]:
    """Return what helps, by the numbers, the most fitting first."""
    told = []
    if shortage.is_host:
        return ["Give the job more memory, or keep less of the data and of the model in it at once."]
    if shortage.total is not None and _of_others(shortage) > shortage.total // 10:
        told.append("End the other processes on this card (`nvidia-smi` names them), or choose another card with CUDA_VISIBLE_DEVICES.")
    if shortage.idle is not None and shortage.asked is not None and shortage.idle >= shortage.asked and shortage.idle > _SMALL:
        told.append("Set PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True, so that the idle pieces can be joined.")
    if shortage.phase == "while the model was loaded":
        told.append("Load the weights in bf16 or in 4 bit: they do not fit as they are, whatever the batch.")
    elif shortage.phase == "while the optimizer took its step":
        told.append("Use an 8-bit optimizer (optim='adamw_8bit'), or train LoRA: the states of the optimizer came on top of the weights.")
    else:
        told.append("Halve the batch and double gradient_accumulation_steps; turn on gradient_checkpointing; shorten the longest sequence.")
    return told


def numbers(shortage: Shortage) -> list[tuple[str, str]]:
    """Return what the log tells, as pairs of a name and a size."""
    rows = [
        ("asked for", shortage.asked), ("card", shortage.total), ("free", shortage.free), ("this process", shortage.held),
        ("allocated by PyTorch", shortage.allocated), ("reserved and idle", shortage.idle), ("other processes", shortage.others),
    ]  # fmt: skip
    return [(name, spell(size)) for name, size in rows if size is not None]


def _of_others(shortage: Shortage) -> int:
    """Return what others than this process hold of the card, as far as the numbers tell."""
    if shortage.others is not None:
        return shortage.others
    if shortage.total is None or shortage.free is None or shortage.held is None:
        return 0
    return max(shortage.total - shortage.free - shortage.held, 0)
