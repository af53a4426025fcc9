"""Weights, gradients and states shared out among the cards: ZeRO stage 3 of DeepSpeed, as accelerate starts it.

Sources, of 0.19.8: `runtime/zero/stage3.py` (the fp32 part, made in sub-groups; one block for all gradient parts, and the bucket, both held
from the beginning to the end; the norm in fp64; the fp32 gradient of one sub-group at a time), `partition_parameters.py` and
`partitioned_param_coordinator.py` (parameters are gathered as modules are reached, and more at each, until a thousand million elements
are there). Which are there at a moment is followed by the layer, not by the module; what `record_stream` holds back is not followed.
"""

from __future__ import annotations

from functools import partial

from envdoctor.memory.ops import Weight, passage
from envdoctor.memory.optimizers import needs_of
from envdoctor.memory.ways import EMPTY, Way
from envdoctor.memory.zero import in_bf16

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.memory.decoder import Layer, Pass
    from envdoctor.memory.optimizers import Needs
    from envdoctor.memory.run import Run
    from envdoctor.memory.shape import Shape
    from envdoctor.memory.tape import Leaf, Tensor

_GATHERING, _REDUCING = 1, 2  # streams beside the one that computes
_AHEAD = 50_000_000  # elements (stage3_prefetch_bucket_size)
_PERSISTENT = 100_000  # elements; smaller ones are never let go of (stage3_param_persistence_threshold)


class Zero3(Way):
    """ZeRO stage 3."""

    def __init__(self, shape: Shape, run: Run, rank: int = 0) -> None:
        super().__init__(shape, in_bf16(run), rank)
        model = self.model
        self._tail = len(model.layers)
        self._open: dict[tuple[int, int], Tensor] = {}
        self._bucket: list[Leaf] = []
        self._filled = 0
        self._sizes = {id(weight.leaf): weight.tensor.elements for weight in model.trained()}
        self._left: list[Tensor] = []
        self.tape.arrived = self._arrived

    def _part(self, weight: Weight) -> int:
        return -(-weight.tensor.elements // self.run.cards)

    def _groups(self) -> list[int]:
        """Return the elements of the sub-groups: of what has weight decay, and of what has none."""
        found: list[int] = []
        weights = self.model.trained()
        for group in ([weight for weight in weights if weight.rows > 1], [weight for weight in weights if weight.rows == 1]):
            filled = 0
            for weight in group:
                filled += self._part(weight)
                if filled >= self.run.sub_group:
                    found.append(filled)
                    filled = 0
            if filled:
                found.append(filled)
        return found

    def held(self) -> list[int]:
        """Return this card's part of each parameter, as `zero.Init` leaves it."""
        if self.run.offloaded_weights:
            return []
        return [self._part(weight) * 2 for weight in (*self.model.weights(), *self.model.adapters())]

    def kept(self) -> dict[str, int]:
        """Return what stays: parts of weights and adapters, the fp32 part, the gradient block, and the bucket."""
        trained = sum(map(self._part, self.model.trained()))
        here = 0 if self.run.offloaded_weights else 2
        found = {
            "weights": here * sum(map(self._part, self.model.weights())),
            "adapters": here * sum(map(self._part, self.model.adapters())),
        }
        return found | ({} if self.run.offload else {"states": 4 * trained, "gradients": 2 * trained}) | {"passing": 2 * self.run.bucket}

    def prepared(self) -> list[int]:
        """Put the trained parts into one block, copy them in fp32, and take the blocks that stay."""
        weights = [*self.model.weights(), *self.model.adapters()]
        trained = {id(weight) for weight in self.model.trained()}
        whole = sum(map(self._part, self.model.trained()))
        events: list[int] = []
        if not self.run.offloaded_weights:  # by way of the computer's memory (`defragment`)
            events = [*[~at for at, weight in enumerate(weights) if id(weight) in trained], EMPTY, whole * 2]
        first = len(self.held())
        if not self.run.offload:
            converted = -1
            for size in self._groups():
                events.append(size * 4)
                if converted >= 0:
                    events.append(~converted)
                converted = first + events.index(size * 4, len(events) - 2)
                events.append(size * 4)
            events.append(~converted)
            largest = first + len(events)
            events += [max(self._groups()) * 4, ~largest]
            events.append(whole * 2)
        events.append(self.run.bucket * 2)
        small = sum(weight.tensor.elements for weight in weights if weight.tensor.elements <= _PERSISTENT)
        return [*events, small * 2]

    def needs(self) -> Needs:
        """Return what the optimizer needs for this card's parts; what is there for a moment, for the largest sub-group."""
        flat = [Weight(1, size, 4, trained=True) for size in self._groups()]
        needs = needs_of(self.run.optimizer, flat, self.model.embedding, set())
        largest = max(flat, key=lambda weight: weight.tensor.elements)
        needs.passing = needs_of(self.run.optimizer, [largest], self.model.embedding, set()).passing
        return needs

    def _blocks(self, number: int) -> list[tuple[int, int, int]]:
        """Return a layer's parameters that are let go of: the layer, the place in it, and the elements."""
        weights = [self.model.head] if number == self._tail else self.model.layers[number].weights()
        sizes = [weight.tensor.elements for weight in weights]
        return [(number, at, size) for at, size in enumerate(sizes) if size > _PERSISTENT]

    def _want(self, number: int, step: int) -> None:
        """Gather a layer, and those after it in the direction of `step` until so many are there that none is asked for ahead."""
        wanted = self._blocks(number)
        there = sum(size for _, _, size in wanted)
        following = number + step
        while 0 <= following <= self._tail and there < self.run.most_live:
            for block in self._blocks(following):
                if there >= self.run.most_live:
                    break
                wanted.append(block)
                there += block[2]
            following += step
        keys = {block[:2] for block in wanted}
        for key in [key for key in self._open if key not in keys]:
            del self._open[key]
        self._gather([block for block in wanted if block[:2] not in self._open])

    def _gather(self, blocks: list[tuple[int, int, int]]) -> None:
        """Gather parameters, as many at a time as are asked for ahead: flat from all cards, and then each into a tensor of its own."""
        tape = self.tape
        tape.place = _GATHERING
        while blocks:
            several: list[tuple[int, int, int]] = []
            while blocks and sum(size for _, _, size in several) < _AHEAD:
                several.append(blocks.pop(0))
            flat = tape.new(sum(size for _, _, size in several), 2) if len(several) > 1 else None
            for number, at, size in several:
                self.named[len(tape.events)] = "passing"
                self._open[number, at] = tape.new(size, 2)
            del flat
        tape.place = 0

    def _arrived(self, leaf: Leaf) -> None:
        elements = self._sizes.get(id(leaf), 0)
        if not elements:
            return  # a norm without weights
        if self._filled + elements > self.run.bucket:
            self._reduce()
        if self._filled + elements <= self.run.bucket:
            leaf.gradient = None  # copied into the bucket
        self._filled += elements
        self._bucket.append(leaf)

    def _reduce(self) -> None:
        if len(self._bucket) > 1:
            self.tape.place = _REDUCING
            flat = self.tape.new(self._filled, 2)
            del flat
            self.tape.place = 0
        for leaf in self._bucket:
            leaf.gradient = None
        self._bucket, self._filled = [], 0

    def embed(self) -> None:
        """Gather the embedding."""
        self._gather([(-1, 0, self.model.embedding.tensor.elements)])

    def layer(self, number: int, over: Pass, layer: Layer, x: Tensor) -> Tensor:
        """Gather what a layer needs, and what comes next: layers above on the way forward, and below on the way back."""
        self._want(number, 1)
        x = super().layer(number, over, layer, x)
        return passage(self.tape, x, partial(self._want, number, -1))

    def head(self, x: Tensor) -> Tensor:
        """Gather the head; it stays until its gradient is there."""
        self._want(self._tail, -1)
        return x

    def update(self) -> None:
        """Reduce what is left, take the norm in fp64, and make the fp32 gradient of the largest sub-group."""
        tape = self.tape
        self._reduce()
        self._open.clear()
        if self.run.offload:
            return
        norm = tape.new(max(map(self._part, self.model.trained()), default=0), 8)
        del norm
        size = max(self._groups())
        flat = tape.new(size, 2)
        tape.gradients.add(len(tape.events))
        self._left.append(tape.new(size, 4))
        del flat

    def finish(self) -> None:
        """Let go of the gradient."""
        self._left.clear()
        super().finish()
