"""Peaks beside the training step: what an evaluation between two steps takes. By the same code without a way back; none was measured."""

from __future__ import annotations

from envdoctor.memory.model import Model, step
from envdoctor.memory.tape import Tape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.memory.forecast import Forecast
    from envdoctor.memory.run import Run
    from envdoctor.memory.shape import Shape
    from envdoctor.memory.tape import Backward, Tensor


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
