"""The forecast of one run: peaks and categories, from the tape, the optimizer and the allocator together."""

from __future__ import annotations

from itertools import accumulate

from envdoctor.memory.allocator import MIB, Allocator
from envdoctor.memory.model import Model, forget, step
from envdoctor.memory.optimizers import needs_of
from envdoctor.memory.tape import Tape
from envdoctor.memory.unroll import Unrolled, depth_of
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.memory.allocator import Block
    from envdoctor.memory.ops import Weight
    from envdoctor.memory.optimizers import Needs
    from envdoctor.memory.run import Run
    from envdoctor.memory.shape import Shape

TURNS = 4  # steps that are replayed at most; by then what is reserved no longer grows


class Forecast(Record):
    """What a run will take on one card, in bytes."""

    allocated: int  # tensors, at the peak
    reserved: int  # what the caching allocator takes from the device, workspaces included
    workspaces: int  # of cuBLAS, in the pool beside the tensors
    outside: int  # managed memory of paged optimizers
    weights: int
    adapters: int
    states: int  # of the optimizer
    gradients: int  # at the peak, as are all below
    activations: int  # kept by the layers for the way back
    logits: int  # the last norm, the head and the loss
    passing: int  # of the layers on the way back, or of the optimizer's step
    parameters: int
    trained: int
    later: int = 0  # what the allocator reserves besides for what comes between two steps


def bytes_of(weight: Weight, run: Run) -> list[int]:
    """Return the blocks that hold a weight: one, or an NF4 matrix with its scales (`QuantState`, blocks of 64, nested blocks of 256)."""
    elements = weight.tensor.elements
    if not weight.four_bit:
        return [elements * weight.tensor.width]
    scales = (elements + 63) // 64
    if run.double_quantised:
        return [elements // 2, scales, (scales + 255) // 256 * 4, 1024, 64]
    return [elements // 2, scales * 4, 64]


def needs_for(model: Model, run: Run) -> Needs:
    """Return what the optimizer of a run needs."""
    return needs_of(run.optimizer, model.trained(), model.embedding, projected(model))


def projected(model: Model) -> set[int]:
    """Return the ids of the weights that GaLore projects: the matrices of attention and MLP."""
    return {id(linear.base) for layer in model.layers for linear in (*layer.qkv, layer.o, *layer.mlp)}


def forecast(shape: Shape, run: Run, between: list[int] | None = None) -> Forecast:
    """Replay loading and some steps, and then what comes `between` two. The workspaces are in the pool, but not among the tensors."""
    model = Model(shape, run, shape.layers)
    whole = followed(shape, run)
    events, end, once = whole.events, whole.end, whole.workspaces
    needs = needs_for(model, run)
    pool = Allocator()
    weights = [size for weight in model.weights() for size in bytes_of(weight, run)]
    adapters = [size for weight in model.adapters() for size in bytes_of(weight, run)]
    for size in (*weights, *adapters):
        pool.take(size)
    pool.empty()
    pool.forget_peaks()
    segments = 0
    for turn in range(TURNS):
        skip = once if turn else set()
        if turn == 1:
            pool.peak_allocated = pool.allocated  # from here on both workspaces are among what is counted
        held: list[Block | None] = [None] * len(events)
        _replay(pool, events, range(end), held, skip)
        if turn == 0:
            for size in needs.states:
                pool.take(size)
        pool.replay(needs.passing)
        _replay(pool, events, range(end, len(events)), held, skip)
        if turn and pool.segments == segments:
            break  # everything lies as it did before, so the next step would be the same
        segments = pool.segments
    allocated, reserved = pool.peak_allocated, pool.peak_reserved
    if between:
        _replay(pool, between, range(len(between)), [None] * len(between), set())
    peak = _parts(whole, needs.passing)
    return Forecast(
        allocated=allocated - len(once) * run.workspace,
        reserved=reserved,
        workspaces=len(once) * run.workspace,
        outside=needs.paged,
        weights=sum(weights),
        adapters=sum(adapters),
        states=sum(needs.states),
        gradients=peak["gradients"],
        activations=peak["layers"],
        logits=peak["loss"],
        passing=peak["back"],
        parameters=sum(weight.tensor.elements for weight in model.weights()),
        trained=sum(weight.tensor.elements for weight in model.trained()),
        later=pool.peak_reserved - reserved,
    )


def _replay(pool: Allocator, events: list[int], stretch: range, held: list[Block | None], skip: set[int]) -> None:
    """Replay a stretch of events; what `skip` names was taken in the first turn and stays. Blocks up to 1 MiB are only counted."""
    take, give, count = pool.take_large, pool.give, pool.count
    small = 0
    for at in stretch:
        event = events[at]
        if event > MIB:
            if at not in skip:
                if small:
                    count(small)
                    small = 0
                held[at] = take(event)
        elif event >= 0:
            small += (event + 511) & ~511
        else:
            block = held[~event]
            if block is not None:
                give(block)
                held[~event] = None
            else:
                small -= (events[~event] + 511) & ~511
    count(small)


def _parts(whole: Unrolled, passing: list[int]) -> dict[str, int]:
    """Say what of a step is live at its peak: in the middle of it, or while the optimizer takes what it needs for a moment."""
    events, end = whole.events, whole.end
    lives = list(accumulate([event if event >= 0 else -events[~event] for event in events[:end]]))
    most, live = max(lives), lives[-1]
    at_most, before = lives.index(most), live
    for event in passing:
        live += event if event >= 0 else -passing[~event]
        if live > most:
            most, at_most = live, end
    freed = {~event for event in events[: min(end, at_most + 1)] if event < 0} | whole.workspaces
    parts = {"layers": 0, "loss": 0, "back": most - before if at_most == end else 0, "gradients": 0}
    for at, size in enumerate(events[: min(end, at_most + 1)]):
        if size > 0 and at not in freed:
            name = "gradients" if at in whole.gradients else "layers" if at < whole.loss else "loss" if at < whole.back else "back"
            parts[name] += size
    return parts


def followed(shape: Shape, run: Run) -> Unrolled:
    """Follow one step of a shallow model, and return the events of the whole."""
    tape = Tape(half=2, autocast=run.autocast, workspace=run.workspace)
    model = Model(shape, run, shape.layers if run.method == "inference" else depth_of(shape, run.seq))
    step(tape, model)
    end = len(tape.events)
    forget(model)
    return Unrolled(tape, end, shape, run.seq)
