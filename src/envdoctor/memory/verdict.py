"""Fits, tight or does not fit: a forecast held against a card."""

from __future__ import annotations

from envdoctor.memory.allocator import MIB
from envdoctor.memory.sharing import OFFLOADING, is_followed
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.memory.forecast import Forecast
    from envdoctor.memory.run import Run
    from envdoctor.memory.shape import Shape

FITS, TIGHT, TOO_MUCH = "fits", "tight", "does not fit"
# What a process takes of the device beside the allocator's segments, in MiB: read from `mem_get_info` of H100 and H200 under driver 580
# with torch 2.11; of a T4 by the fitcheck project. Elsewhere it is not known, and taken for the middle.
_CONTEXT = {9.0: 767, 7.5: 141}
_ELSEWHERE = 500
LEAST_CONTEXT = min(_CONTEXT.values()) * MIB
"""The least that was seen of any card."""


# What NCCL takes besides where each card has a process of its own, in MiB: of two H100 with torch 2.11.0, and with DeepSpeed 0.19.8, which
# makes more communicators. More cards, and other links between them, were not measured.
_TALKING = {"ddp": 1375, "fsdp": 1371, "zero1": 1863, "zero2": 1863, "zero3": 1573}


class Judgement(Record):
    """What a run means for a card. All figures are bytes, but `band`, a share of the forecast that it may be wrong by."""

    verdict: str
    device: int  # all that the device would show in use
    safe: int  # with the band on top: a card of this size surely does
    context: int
    capacity: int
    band: float


def context_of(capability: float | None, run: Run | None = None) -> int:
    """Return the bytes of CUDA's context and the driver's own on a card of this compute capability, and of NCCL's where cards talk."""
    talking = _TALKING.get(run.sharing, 0) if run is not None and run.cards > 1 else 0
    return (_CONTEXT.get(capability or 0.0, _ELSEWHERE) + talking) * MIB


def workspace_of(capability: float | None) -> int:
    """Return the bytes of cuBLAS's workspace: 32 MiB on sm_90, 8.125 MiB before (`parseChosenWorkspaceSize` in CUDABlas.cpp).

    Where the card is not known, the larger is meant.
    """
    return 4096 * 2048 + 16 * 8192 if capability is not None and capability < 9 else 32 * MIB


def measured(shape: Shape) -> bool:
    """Tell whether runs of this kind were held against real ones, or their libraries' own code: else bounds only are told."""
    return shape.calibrated or shape.traced


def followed(run: Run) -> bool:
    """Tell whether the way in which cards, or the computer's memory, share a run was followed and measured."""
    if not run.sharing:
        return not run.offload
    whole = run.sharing in ("layers", "ddp")
    if not whole and not run.autocast:
        return False  # fp16
    if run.sharing in ("fsdp", "zero3") and (run.loss != "full" or run.margin):
        return False  # a head that trl or Liger runs is gathered otherwise, and transformers 4 has FSDP1
    return is_followed(run) and not run.offloaded_weights and run.method in ("full", "lora", "qlora")


def band_of(shape: Shape, run: Run) -> float:
    """Return how far reserved memory may lie from the forecast: by what was measured of runs like it (docs/explanation/memory.md).

    Paged optimizers have more room because the same run took 10 % more in a process that had run others before.
    """
    if not measured(shape) or not followed(run) or run.loss == "rows":
        return 0.2
    if run.optimizer.startswith("galore"):  # 7 % more was reserved once than foreseen: what cuSOLVER takes meanwhile is known roughly
        return max(run.margin, 0.12)
    if run.sharing == "zero3" or (run.method == "qlora" and run.sharing in OFFLOADING) or run.cards > 2:
        return max(run.margin, 0.12)
    if run.margin or run.sharing or shape.traced or shape.spread_keys:
        return max(run.margin, 0.08)
    if run.attention == "eager" or run.fused or run.optimizer.startswith("paged") or shape.capped_scores:
        return 0.08
    return 0.04


def judge(shape: Shape, run: Run, forecast: Forecast, capacity: int, capability: float | None) -> Judgement:
    """Hold a forecast against the bytes of a card.

    Less than tensors, workspaces and context can never do; reserved memory and context, with the band on top, always will.
    """
    context, band = context_of(capability, run), band_of(shape, run)
    least = forecast.allocated + forecast.workspaces + context
    device = forecast.reserved + forecast.outside + context
    safe = device + int(forecast.reserved * band)
    if not measured(shape):
        least -= int(forecast.allocated * band)
    verdict = TOO_MUCH if least > capacity else FITS if safe <= capacity else TIGHT
    return Judgement(verdict=verdict, device=device, safe=safe, context=context, capacity=capacity, band=band)
