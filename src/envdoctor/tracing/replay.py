"""A traced step as a forecast: its events, the optimizer's and the weights, replayed through the caching allocator."""

from __future__ import annotations

from envdoctor.memory.allocator import Allocator
from envdoctor.memory.forecast import TURNS, Forecast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from envdoctor.memory.allocator import Block
    from envdoctor.memory.optimizers import Needs
    from envdoctor.memory.run import Run
    from envdoctor.tracing.answer import Traced


def replay(traced: Traced, run: Run, needs: Needs) -> Forecast:
    """Replay loading and some steps; `needs` says what the optimizer takes where it could not be run."""
    events, end = traced.step.events, {name: at for at, name in traced.step.marks}["end"]
    pool = Allocator()
    for size in (*traced.weights, *traced.adapters):
        pool.take(size)
    pool.empty()
    pool.forget_peaks()
    segments = 0
    for turn in range(TURNS):
        if turn == 1:
            pool.peak_allocated = pool.allocated  # from here on both workspaces are among what is counted
        held: dict[int, Block | int] = {}
        for at, event in enumerate(events):
            if turn == 0 and at in traced.step.products:
                pool.take(run.workspace)
            if at == end:
                _optimize(pool, traced, needs, turn)
            if event >= 0:
                held[at] = pool.take(event)
            else:
                pool.give(held.pop(~event))
        for block in held.values():
            pool.give(block)
        if turn and pool.segments == segments:
            break  # everything lies as it did before, so the next step would be the same
        segments = pool.segments
    states, passing = _of_optimizer(traced, needs)
    workspaces = len(traced.step.products) * run.workspace
    parts = _parts(traced, passing)
    return Forecast(
        allocated=pool.peak_allocated - workspaces,
        reserved=pool.peak_reserved,
        workspaces=workspaces,
        outside=needs.paged if not traced.optimizer else 0,
        weights=sum(traced.weights),
        adapters=sum(traced.adapters),
        states=states,
        gradients=parts["gradients"],
        activations=parts["layers"],
        logits=parts["loss"],
        passing=parts["back"],
        parameters=traced.parameters,
        trained=traced.trained,
    )


def _optimize(pool: Allocator, traced: Traced, needs: Needs, turn: int) -> None:
    """Replay the optimizer's step; what it does not let go of stays."""
    if traced.optimizer:
        pool.replay(traced.optimizer[min(turn, len(traced.optimizer) - 1)])
        return
    if turn == 0:
        for size in needs.states:
            pool.take(size)
    pool.replay(needs.passing)


def _of_optimizer(traced: Traced, needs: Needs) -> tuple[int, int]:
    """Return what the optimizer keeps, and what a later step of it takes at most for a moment."""
    if not traced.optimizer:
        return sum(needs.states), _most(needs.passing)[0]
    first = traced.optimizer[0]
    return sum(event if event >= 0 else -first[~event] for event in first), _most(traced.optimizer[-1])[0]


def _most(events: Sequence[int]) -> tuple[int, int]:
    """Return the most that is alive at once, and at which event.

    >>> _most([4, 8, ~1, 2])
    (12, 1)
    """
    live = most = at_most = 0
    for at, event in enumerate(events):
        live += event if event >= 0 else -events[~event]
        if live > most:
            most, at_most = live, at
    return most, at_most


def _parts(traced: Traced, passing: int) -> dict[str, int]:
    """Say what of a step is alive at its peak: in the middle of it, or while the optimizer takes what it needs for a moment."""
    step, starts = traced.step, {name: at for at, name in traced.step.marks}
    end, back = starts["end"], min(at for name, at in starts.items() if name[0] == "b")
    before = step.events[:end]
    most, at_most = _most(before)
    at_end = sum(event if event >= 0 else -before[~event] for event in before)
    if at_end + passing > most:
        at_most = end - 1
    freed = {~event for event in before[: at_most + 1] if event < 0}
    parts = {"layers": 0, "loss": 0, "gradients": 0, "back": passing if at_end + passing > most else 0}
    for at, size in enumerate(before[: at_most + 1]):
        if size > 0 and at not in freed:
            kind = "gradients" if at in step.gradients else "layers" if at < starts["loss"] else "loss" if at < back else "back"
            parts[kind] += size
    return parts
