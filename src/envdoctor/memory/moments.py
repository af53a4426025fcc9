"""Peaks beside the training step: what an evaluation between two steps takes. By the same code without a way back."""

from __future__ import annotations

from envdoctor.memory.changes import Change, cheapest
from envdoctor.memory.forecast import forecast
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


def evaluating(shape: Shape, run: Run, found: Forecast, batch: int) -> tuple[int, Forecast]:
    """Return the bytes of tensors at the peak of an evaluation with batches of this size, and what the run takes with it.

    `Trainer.prediction_step` computes the loss under `no_grad` and asks for nothing else where there is no `compute_metrics`; gradients are
    gone by then (`zero_grad`). Until transformers 5 the model's cache of keys and values is filled on the way (`use_cache`). What the
    allocator holds from the training is used again where it is large enough, and all of it is kept afterwards.
    """
    evaluated = run.replace(batch=batch, checkpointing=False)
    tape = Unwatched(half=2, autocast=run.autocast, workspace=0)
    cache = 2 * evaluated.tokens * shape.keys * shape.layers * (2 if run.autocast else run.width) if run.cached_evaluation else 0
    if cache:
        held = tape.new(cache, 1)
    step(tape, Model(shape, evaluated, shape.layers))
    if cache:
        del held
    live = most = 0
    for event in tape.events:
        live += event if event >= 0 else -tape.events[~event]
        most = max(most, live)
    most += found.weights + found.adapters + found.states
    later = forecast(shape, run, tape.events).later
    return most, found.replace(allocated=max(most, found.allocated), reserved=found.reserved + later)


def remedies(shape: Shape, run: Run, found: Forecast, evaluated: int, room: Room) -> list[Change]:
    """Return what makes a run fit: the largest smaller batch of its evaluation where the training fits, else the cheapest changes."""

    def judged(forecast: Forecast) -> Judgement:
        return judge(shape, run, forecast, room.capacity, room.capability)

    if not evaluated or judged(found).verdict != FITS:
        return cheapest(shape, run, found, room)
    while evaluated > 1:
        evaluated //= 2
        after = judged(evaluating(shape, run, found, evaluated)[1])
        if after.verdict == FITS:
            return [Change(says=f"--eval-batch {evaluated}", costs="time of evaluations", device=after.device, fits=True)]
    return []
