"""The whole model on every card, with gradients averaged: `DistributedDataParallel`, as accelerate and the Trainer wrap a model in it.

Sources: `torch/nn/parallel/distributed.py` and `reducer.cpp` of torch 2.11 (buckets of 25 MiB after a first one of 1 MiB, held from the
beginning to the end, beside the gradients, because `gradient_as_bucket_view` is off by default; built anew in the order in which
gradients arrive, before the second step, unless unused parameters are looked for), `comm.cpp` (`broadcast_coalesced`: flat copies of
250 MiB, three at a time), and `Trainer._build_accelerator_args` of transformers 5 (unused parameters are looked for where a model is
wrapped by peft, or not checkpointed).
"""

from __future__ import annotations

from envdoctor.memory.ways import Way

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.memory.run import Run
    from envdoctor.memory.shape import Shape
    from envdoctor.memory.tape import Leaf

_FIRST, _BUCKET, _BROADCAST = 1 << 20, 25 << 20, 250 << 20
_WITHOUT_LIMIT = 1 << 62
_IN_FLIGHT = 2


def looks_for_unused(run: Run) -> bool:
    """Tell whether the Trainer asks DDP to look for unused parameters."""
    return run.method != "full" or not run.checkpointing


def buckets(sizes: list[tuple[int, int]], limits: tuple[int, ...]) -> list[int]:
    """Return the bytes of the buckets that blocks of a width and so many bytes fall into (`compute_bucket_assignment_by_size`).

    A bucket is closed by the block with which it reaches its limit; widths have buckets of their own.

    >>> buckets([(2, 600), (2, 600), (2, 5000), (2, 100)], (1000, 4000))
    [1200, 5000, 100]
    """
    found: list[int] = []
    filling: dict[int, int] = {}
    closed: dict[int, int] = {}
    for width, size in sizes:
        filling[width] = filling.get(width, 0) + size
        if filling[width] >= limits[min(closed.get(width, 0), len(limits) - 1)]:
            found.append(filling.pop(width))
            closed[width] = closed.get(width, 0) + 1
    return [*found, *filling.values()]


class Replicas(Way):
    """DDP."""

    def __init__(self, shape: Shape, run: Run, rank: int = 0) -> None:
        super().__init__(shape, run.replace(cloned_outputs=looks_for_unused(run)), rank)
        self._sizes = {
            id(weight.leaf): (weight.tensor.width, weight.tensor.elements * weight.tensor.width) for weight in self.model.trained()
        }
        self._order: list[tuple[int, int]] = []
        self.tape.arrived = self._arrived

    def _arrived(self, leaf: Leaf) -> None:
        if id(leaf) in self._sizes:  # a norm without weights is none
            self._order.append(self._sizes[id(leaf)])

    def _buckets(self) -> list[int]:
        """Return the buckets of the first step: where they are built anew later, one of all gradients of a width."""
        limits = (_FIRST, _BUCKET) if looks_for_unused(self.run) else (_WITHOUT_LIMIT,)
        return buckets(list(self._sizes.values()), limits)[::-1]

    def prepared(self) -> list[int]:
        """Broadcast all weights in flat copies, and take the buckets."""
        # of a matrix in 4 bit, its scales are no parameter
        weights = [(weight.tensor.width, self.bytes_of([weight])[0]) for weight in (*self.model.weights(), *self.model.adapters())]
        offset = len(self.held())
        events: list[int] = []
        flying: list[int] = []
        for size in buckets(weights, (_BROADCAST,)):
            flying.append(offset + len(events))
            events.append(size)
            if len(flying) > _IN_FLIGHT:
                events.append(~flying.pop(0))
        events += [~at for at in flying]
        return events + self._buckets()

    def rebuilt(self) -> list[int]:
        """Build the buckets anew, in the order in which gradients arrived."""
        if looks_for_unused(self.run):
            return []
        first = len(self.held()) + len(self.prepared()) - len(self._buckets())
        return [*[~at for at in range(first, first + len(self._buckets()))], *buckets(self._order, (_FIRST, _BUCKET))]

    def kept(self) -> dict[str, int]:
        """Count the buckets among the gradients."""
        return super().kept() | {"gradients": sum(self._buckets())}
