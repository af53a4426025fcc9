"""Peaks beside the training step: what an evaluation between two steps takes. By the same code without a way back; none was measured."""

from __future__ import annotations

from envdoctor.memory.changes import Change, cheapest
from envdoctor.memory.forecast import at_least
from envdoctor.memory.model import Model, step
from envdoctor.memory.tape import Tape
from envdoctor.memory.verdict import FITS, judge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.memory.changes import Room
    from envdoctor.memory.forecast import Forecast
    from envdoctor.memory.run import Run
    from envdoctor.memory.shape import Shape
    from envdoctor.memory.tape import Backward, Tensor
    from envdoctor.memory.verdict import Judgement


class Unwatched(Tape):
    """A tape under `torch.no_grad()`: operations allocate, and keep nothing for a way back."""

    def node(self, inputs: tuple[Tensor | None, ...], saved: list[Tensor], backward: Backward) -> None:
        """Record nothing."""


def evaluating(shape: Shape, run: Run, found: Forecast, batch: int) -> int:
    """Return the bytes of tensors at the peak of an evaluation with batches of this size: weights and states, and a step forward.

    `Trainer.prediction_step` computes the loss under `no_grad` and asks for nothing else where there is no `compute_metrics`; gradients are
    gone by then (`zero_grad`). Until transformers 5 the model's cache of keys and values is filled on the way (`use_cache`).
    """
    run = run.replace(batch=batch, checkpointing=False)
    tape = Unwatched(half=2, autocast=run.autocast, workspace=0)
    step(tape, Model(shape, run, shape.layers))
    live = most = 0
    for event in tape.events:
        live += event if event >= 0 else -tape.events[~event]
        most = max(most, live)
    cache = 2 * run.tokens * shape.keys * shape.layers * (2 if run.autocast else run.width) if run.cached_evaluation else 0
    return found.weights + found.adapters + found.states + most + cache


def remedies(shape: Shape, run: Run, found: Forecast, evaluated: tuple[int, int] | None, room: Room) -> list[Change]:
    """Return what makes a run fit: the largest smaller batch of its evaluation where the training fits, else the cheapest changes."""

    def judged(forecast: Forecast) -> Judgement:
        return judge(shape, run, forecast, room.capacity, room.capability)

    if evaluated is None or judged(found).verdict != FITS:
        return cheapest(shape, run, found, room)
    batch = evaluated[0]
    while batch > 1:
        batch //= 2
        after = judged(at_least(found, evaluating(shape, run, found, batch)))
        if after.verdict == FITS:
            return [Change(says=f"--eval-batch {batch}", costs="time of evaluations", device=after.device, fits=True)]
    return []
