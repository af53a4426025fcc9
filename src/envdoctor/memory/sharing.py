"""What the fullest of several cards holds, when they share a run, or when the computer's own memory takes part.

Each way is followed in a module of its own, from the code of the library that does it: `split.py` (`device_map="auto"`), `replicas.py`
(DDP), `shards.py` (FSDP2), `zero.py` and `zero3.py` (DeepSpeed). Weights in 4 bit that are shared out are bounded by arithmetic alone.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.memory.forecast import Forecast
    from envdoctor.memory.run import Run
    from envdoctor.memory.shape import Shape

SHARINGS = ("layers", "ddp", "zero1", "zero2", "zero3", "fsdp")
OFFLOADING = ("zero1", "zero2", "zero3")
"""Ways that can leave the optimizer's states in the computer's own memory."""


def is_followed(run: Run) -> bool:
    """Tell whether a way of sharing is followed through its library's code."""
    return not (run.method == "qlora" and run.sharing in ("fsdp", "zero3"))


def shared(shape: Shape, run: Run) -> Forecast:
    """Return what the fullest card holds."""
    from envdoctor.memory.forecast import forecast

    if not run.sharing:
        whole = forecast(shape, run)
        return _with(whole, states=0) if run.offload else whole
    if not is_followed(run):
        return _bounded(forecast(shape, run), shape, run)
    return max(cards(shape, run), key=lambda found: found.reserved)


def cards(shape: Shape, run: Run) -> list[Forecast]:
    """Return what each card holds, as far as cards differ."""
    from envdoctor.memory.ways import replayed

    if run.sharing == "layers":
        from envdoctor.memory.split import Split

        return [replayed(Split(shape, run, card)) for card in range(run.cards)]
    if run.sharing == "ddp":
        from envdoctor.memory.replicas import Replicas

        return [replayed(Replicas(shape, run))]
    if run.sharing == "fsdp":
        from envdoctor.memory.shards import Shards

        return [replayed(Shards(shape, run))]
    if run.sharing == "zero3":
        from envdoctor.memory.zero3 import Zero3

        return [replayed(Zero3(shape, run))]
    from envdoctor.memory.zero import Zero

    return [replayed(Zero(shape, run, rank)) for rank in sorted({0, run.cards - 1})]


def unplaced(shape: Shape, run: Run) -> int:
    """Return how many modules `device_map="auto"` finds no card for: they would lie in the computer's own memory."""
    from envdoctor.memory.split import Split

    return sum(card >= run.cards for card in Split(shape, run).map)


def _bounded(whole: Forecast, shape: Shape, run: Run) -> Forecast:
    """Divide what is shared out, and add the unit that is gathered with the one before it."""
    gathered = 2 * whole.weights // shape.layers
    return _with(
        whole,
        weights=whole.weights // run.cards + gathered,
        states=0 if run.offload else whole.states // run.cards,
        gradients=whole.gradients // run.cards,
    )


def _with(whole: Forecast, **parts: int) -> Forecast:
    less = sum(getattr(whole, name) - value for name, value in parts.items())
    allocated = whole.allocated - less
    reserved = whole.workspaces + int(allocated * (whole.reserved - whole.workspaces) / max(1, whole.allocated))
    return whole.replace(**parts, allocated=allocated, reserved=reserved)
