"""What is asked of the traced process, and what its lines mean. Text in, data out."""

from __future__ import annotations

import json

from envdoctor.model.record import Record
from envdoctor.tracing.deepen import Group, Step, Uneven, deepen, repeated, settled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from envdoctor.memory.run import Run

TRACED = ("torch", "transformers", "peft", "trl", "accelerate")


class Garbled(Exception):
    """The traced process said something that is no answer."""


class Traced(Record):
    """A step of the whole model, with what lies in memory before it and what the optimizer does after it. Sizes are bytes."""

    step: Step
    weights: tuple[int, ...]
    adapters: tuple[int, ...]
    optimizer: tuple[tuple[int, ...], ...]  # the events of its first step and of a later one; nothing where it was not run
    parameters: int
    trained: int
    depths: tuple[int, ...]
    layers: int
    versions: Mapping[str, str]
    seconds: float  # beside importing


def request(configuration: Mapping[str, Any], run: Run, trainer: str, *, everything: bool) -> dict[str, Any]:
    """Return what the traced process is asked; `everything` says that all linear layers get adapters, however they are called."""
    return {
        "configuration": dict(configuration),
        "method": run.method,
        "rank": run.rank,
        "targets": list(run.targets),
        "everything": everything,
        "batch": run.batch,
        "seq": run.seq,
        "dtype": "fp32" if run.width == 4 else "bf16" if run.autocast else "fp16",
        "optimizer": run.optimizer,
        "attention": run.attention,
        "checkpointing": run.checkpointing,
        "trainer": trainer,
        "double_quantised": run.double_quantised,
        "saved": list(run.saved_modules),
        "further": 0,
    }


def read(line: str) -> dict[str, Any]:
    """Read one line. Raises Garbled."""
    try:
        found = json.loads(line)
    except ValueError:
        raise Garbled(f"it said {line[:200]!r}") from None
    if not isinstance(found, dict):
        raise Garbled(f"it said {line[:200]!r}")
    return found


def traced(ask: Callable[[dict[str, Any]], Mapping[str, Any]], asked: dict[str, Any]) -> Traced:
    """Ask, and once more with more layers at both ends left as they are where those turn out to be another kind.

    Raises Uneven, Garbled, and what `ask` raises.
    """
    try:
        return whole(ask(asked))
    except Uneven:
        return whole(ask({**asked, "further": 1}))


def whole(told: Mapping[str, Any]) -> Traced:
    """Make the whole model's step of what was traced, and hold it against a deeper trace. Raises Uneven and Garbled."""
    try:
        group = Group(**told["group"])
        steps = [_step(each) for each in told["steps"]]
        shallow = steps[0]
        if len(steps) > 1:
            again = deepen(shallow, group.replace(copies=1))
            if settled(again.events) != settled(steps[1].events):
                raise Uneven(f"{told['depths'][1]} layers do something else than {told['depths'][0]} with some repeated")
        return Traced(
            step=deepen(shallow, group),
            weights=(*repeated(told["weights"], group), *told["buffers"]),
            adapters=tuple(repeated(told["adapters"], group)),
            optimizer=tuple(tuple(events) for events in told["optimizer"]),
            parameters=sum(repeated(told["parameters"], group)),
            trained=sum(repeated(told["trained"], group)),
            depths=tuple(told["depths"]),
            layers=told["layers"],
            versions=dict(told["versions"]),
            seconds=float(told["seconds"]),
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise Garbled(f"its answer lacks something ({type(error).__name__}: {error})") from None


def _step(told: Mapping[str, Any]) -> Step:
    return Step(
        events=tuple(told["events"]),
        marks=tuple((int(at), str(name)) for at, name in told["marks"]),
        products=frozenset(told["products"]),
        gradients=frozenset(told["gradients"]),
    )
