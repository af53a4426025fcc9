"""What of a run lies on one of several cards, or in the computer's own memory. Bounds by arithmetic: nothing of it was measured.

Sources: the stages of ZeRO (Rajbhandari et al. 2020, figure 1) and FSDP's full shard, which is stage 3: states, gradients and weights
are shared among the cards, and a layer's weights are gathered whole while it runs, with the next one's; `device_map="auto"` puts layers
on cards in turn, and the head and the loss on the last.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.memory.forecast import Forecast
    from envdoctor.memory.run import Run
    from envdoctor.memory.shape import Shape

SHARINGS = ("layers", "zero1", "zero2", "zero3", "fsdp")
_BUCKET = 500_000_000  # elements; DeepSpeed's default reduce_bucket_size


def shared(whole: Forecast, shape: Shape, run: Run) -> Forecast:
    """Return what the fullest card holds."""
    cards, ways = run.cards, run.sharing
    states = 0 if run.offload else whole.states
    if cards == 1:
        return _with(whole, states=states)
    if ways == "layers":
        outer = shape.vocab * shape.hidden * run.other_width
        head = outer if shape.tied else 2 * outer
        inner = max(0, whole.weights - head)
        own = -(-shape.layers // cards) / shape.layers
        return _with(
            whole,
            weights=int(inner * own) + outer,
            adapters=int(whole.adapters * own),
            states=int(states * own),
            gradients=int(whole.gradients * own),
            activations=int(whole.activations * own),
        )
    stage = {"zero1": 1, "zero2": 2, "zero3": 3, "fsdp": 3}[ways]
    bucket = min(whole.trained, _BUCKET) * run.width
    gathered = 2 * whole.weights // shape.layers if stage == 3 else 0
    return _with(
        whole,
        weights=whole.weights // cards + gathered if stage == 3 else whole.weights,
        states=states // cards,
        gradients=whole.gradients // cards if stage >= 2 else whole.gradients,
        passing=whole.passing + bucket,
    )


def _with(whole: Forecast, **parts: int) -> Forecast:
    less = sum(getattr(whole, name) - value for name, value in parts.items())
    allocated = whole.allocated - less
    reserved = whole.workspaces + int(allocated * (whole.reserved - whole.workspaces) / max(1, whole.allocated))
    return whole.replace(**parts, allocated=allocated, reserved=reserved)
