"""`envdoctor fit --trace`: the forecast of what is installed, from a step of it that is followed in a process of its own."""

from __future__ import annotations

import os
import sys

from envdoctor.model.errors import InputError, UsageError
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from envdoctor.cli.options import Values
    from envdoctor.memory.arguments import Wishes
    from envdoctor.memory.forecast import Forecast
    from envdoctor.memory.run import Run
    from envdoctor.memory.shape import Shape

_MEASURED = (("torch", "2.11"), ("transformers", "5.17"), ("peft", "0.21"), ("trl", "1.16"))
"""Releases whose traces were held against real runs."""
_UNMEASURED = 0.08  # share of reserved memory that is left for releases and families that were not


class Trace(Record):
    """What tracing gave, and what it is judged by; `found` is None where it gave nothing, and `says` why."""

    shape: Shape
    run: Run
    says: str
    found: Forecast | None = None
    versions: Mapping[str, str] | None = None


def interpreter(path: str | None) -> str:
    """Return the interpreter of an environment; without one named, of the environment in use. Raises InputError."""
    from envdoctor.facts.locate import active_place

    if path and not os.path.isdir(path):
        return os.path.abspath(path)
    prefix = os.path.abspath(path) if path else active_place(os.environ).prefix
    if not path and os.path.realpath(prefix) == os.path.realpath(sys.prefix):
        return sys.executable
    for name in ("bin/python", "bin/python3", "Scripts/python.exe", "python.exe"):
        found = os.path.join(prefix, *name.split("/"))
        if os.path.isfile(found):
            return found
    raise InputError(f"{prefix}: holds no Python to be started; give --python the path of a Python, a venv or a conda prefix")


def refuse(values: Values, run: Run, trainer: str) -> None:
    """Refuse what cannot be traced, each with what to do instead. Raises UsageError."""
    if values["with"]:
        raise UsageError(f"--trace: follows what is installed, so --with {values['with'][0]} can mean nothing; leave one of them out")
    for told, is_asked, instead in (
        ("--trainer unsloth", trainer == "unsloth", "its own kernels need a GPU"),
        ("--method inference", run.method == "inference", "only steps of training are followed"),
        (f"--gpus {run.cards}", run.cards > 1, "one card is followed"),
        ("--offload", run.offload, "what lies elsewhere is not followed"),
        ("--attention flash_attention_2", run.attention == "flash", "its kernels need a GPU; sdpa takes the same"),
        (f"--loss {run.loss}", bool(values["loss"]) or run.loss == "liger", "the loss is the installed trainer's own"),
    ):
        if is_asked:
            raise UsageError(f"--trace: cannot follow {told}: {instead}; leave --trace out")


def traced_of(values: Values, configuration: Mapping[str, Any], shape: Shape, run: Run, wishes: Wishes) -> Trace:
    """Trace a run. Raises UsageError for what cannot be, and InputError where what is traced is missing, broken or silent."""
    from envdoctor.cli.terminal import Patience
    from envdoctor.memory.forecast import needs_for
    from envdoctor.memory.model import Model
    from envdoctor.tracing.answer import Garbled, request
    from envdoctor.tracing.answer import traced as ask_for
    from envdoctor.tracing.child import NotTraced, trace
    from envdoctor.tracing.deepen import Uneven
    from envdoctor.tracing.replay import replay

    refuse(values, run, wishes.trainer)
    python = interpreter(values["python"])
    asked = request(configuration, run, wishes.trainer, everything=wishes.targets == "all-linear")
    try:
        with Patience("starting the environment's Python") as patience:
            traced = ask_for(lambda words: trace(python, words, patience.say), asked)
    except (NotTraced, Uneven) as error:
        return Trace(shape=shape, run=run, says=f"not traced, but computed from the shape: {error}")
    except Garbled as error:
        raise InputError(f"{python}: the traced process gave no whole answer: {error}; leave --trace out") from None
    there = [(name, release) for name, release in _MEASURED if name in traced.versions]
    known = shape.calibrated and all(traced.versions[name].startswith(f"{release}.") for name, release in there)
    some = traced.depths[0]
    layers = f"{some} layers, repeated to {traced.layers}" if len(traced.depths) > 1 else f"all {some} layers"
    shown = ", ".join(f"{name} {traced.versions[name]}" for name, _ in there)
    return Trace(
        # the step itself was followed, so nothing hangs on whether the arithmetic knows the family, or its release
        shape=shape.replace(calibrated=True),
        run=run.replace(margin=0.0 if known else _UNMEASURED, adapted_experts=()),
        says=f"two steps of {layers}, in {shown} ({traced.seconds:.1f} s)",
        found=replay(traced, run, needs_for(Model(shape, run, shape.layers), run)),
        versions=traced.versions,
    )
