"""Optimizer states shared out among the cards, and gradients too: ZeRO stage 1 and 2 of DeepSpeed, as accelerate starts it.

Source: `deepspeed/runtime/zero/stage_1_and_2.py` of 0.19.8, followed method by method. With `bf16` on, the module is cast to bf16 whole,
adapters too, and there is no autocast; what is trained is flattened into one block, and each card keeps an fp32 copy of its part, with its
states; gradients are reduced in buckets of `reduce_bucket_size` elements. accelerate names none of these sizes, so DeepSpeed's own count.
"""

from __future__ import annotations

from envdoctor.memory.forecast import bytes_of
from envdoctor.memory.model import Model
from envdoctor.memory.ops import Weight
from envdoctor.memory.optimizers import needs_of
from envdoctor.memory.ways import EMPTY, Way

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.memory.optimizers import Needs
    from envdoctor.memory.run import Run
    from envdoctor.memory.shape import Shape
    from envdoctor.memory.tape import Leaf, Tensor

_REDUCING = 2  # the stream of overlap_comm
_ALIGNED = 2  # elements of 16 bit that NCCL starts at (nccl_start_alignment_factor)


def in_bf16(run: Run) -> Run:
    """Return a run as DeepSpeed's bf16 makes it: all weights in 16 bit, and no autocast."""
    return run.replace(width=2, adapter_width=2, outer_width=0, autocast=False, fp32_logits_out=False)


class Zero(Way):
    """ZeRO stage 1 or 2."""

    def __init__(self, shape: Shape, run: Run, rank: int = 0) -> None:
        super().__init__(shape, in_bf16(run), rank)
        loaded = Model(shape, run, shape.layers)
        self._loaded = [bytes_of(weight, run) for weight in (*loaded.weights(), *loaded.adapters())]
        self._two = run.sharing == "zero2"
        weights = self.model.trained()
        # Trainer's two groups: weight decay is not for norms and biases
        groups = [[weight for weight in weights if weight.rows > 1], [weight for weight in weights if weight.rows == 1]]
        self._groups = [group for group in groups if group]
        self._part = [self._aligned(group) // run.cards for group in self._groups]
        self._slices: dict[int, list[tuple[int, int]]] = {}  # by leaf: the cards that a gradient goes to, and how much of it
        for group, part in zip(self._groups, self._part, strict=True):
            at = 0
            for weight in group:
                stop = at + weight.tensor.elements
                cut = [(card, min(stop, (card + 1) * part) - max(at, card * part)) for card in range(at // part, (stop - 1) // part + 1)]
                self._slices[id(weight.leaf)] = cut
                at = stop
        self._bucket: list[Leaf] = []
        self._filled = 0
        self._buffers: list[Tensor] = []
        self._mine: Tensor | None = None
        self._left: list[Tensor] = []
        self._overlaps = bool(run.overlap)
        self._waiting: list[Leaf] = []
        self.tape.arrived = self._arrived

    def _aligned(self, group: list[Weight]) -> int:
        grain = _ALIGNED * self.run.cards
        return -(-sum(weight.tensor.elements for weight in group) // grain) * grain

    def held(self) -> list[int]:
        """Return weights and adapters as they were loaded."""
        return [size for blocks in self._loaded for size in blocks]

    def prepared(self) -> list[int]:
        """Cast to bf16 what is not, flatten each group, and copy this card's part of it in fp32; then the buffer of offloading."""
        weights = [*self.model.weights(), *self.model.adapters()]
        starts: dict[int, int] = {}
        at = 0
        for weight, blocks in zip(weights, self._loaded, strict=True):
            starts[id(weight)] = at
            at += len(blocks)
        events: list[int] = []
        for weight, blocks in zip(weights, self._loaded, strict=True):
            size = self.bytes_of([weight])[0]
            if size != blocks[0]:
                events += [size, ~starts[id(weight)]]
                starts[id(weight)] = at + len(events) - 2
        for group, part in zip(self._groups, self._part, strict=True):
            events += [EMPTY, self._aligned(group) * 2]
            events += [~starts[id(weight)] for weight in group]
            copy = at + len(events)
            if self.run.offload:
                events += [part * 2, ~copy]
            else:
                events += [part * 2, part * 4, ~copy]
        if self.run.offload:
            events.append(max(weight.tensor.elements for group in self._groups for weight in group) * 2)
        else:
            first = at + len(events)
            events += [*[part * 4 for part in self._part], *[~(first + number) for number in range(len(self._part))]]
        return events

    def kept(self) -> dict[str, int]:
        """Count the fp32 copies among the states, as the optimizer's own."""
        found = super().kept()
        return found if self.run.offload else found | {"states": 4 * sum(self._part)}

    def needs(self) -> Needs:
        """Return what the optimizer needs for this card's parts, flat and in fp32."""
        flat = [Weight(1, part, 4, trained=True) for part in self._part]
        return needs_of(self.run.optimizer, flat, self.model.embedding, set())

    def _arrived(self, leaf: Leaf) -> None:
        if id(leaf) not in self._slices:
            return  # a norm without weights
        if not self._buffers:
            for _ in range(1 + self._overlaps):
                self.named[len(self.tape.events)] = "passing"
                self._buffers.append(self.tape.new(self.run.bucket, 2))
        if self._two or self._overlaps:
            self._take_in(leaf)
        else:
            self._waiting.append(leaf)

    def _take_in(self, leaf: Leaf) -> None:
        """Copy a gradient into the bucket, after emptying it where it would not fit (`reduce_independent_p_g_buckets_and_remove_grads`)."""
        assert leaf.gradient is not None
        elements = sum(size for _, size in self._slices[id(leaf)])
        if self._filled + elements > self.run.bucket:
            self._reduce()
        if elements > self.run.bucket:
            if self.run.offload:
                leaf.gradient = self.tape.new(elements, 2)  # a copy of its own
        else:
            leaf.gradient = self._buffers[0].view(elements)
        self._filled += elements
        self._bucket.append(leaf)

    def _reduce(self) -> None:
        """Average what the bucket holds, and keep this card's part of it (`average_tensor`, `copy_grads_in_partition`)."""
        slices: list[tuple[int, int]] = []
        for leaf in self._bucket:
            for card, size in self._slices[id(leaf)]:
                if slices and slices[-1][0] == card:
                    slices[-1] = (card, slices[-1][1] + size)
                else:
                    slices.append((card, size))
        together: list[int] = []
        self.tape.place = _REDUCING if self._overlaps else 0
        for _, size in slices:
            together.append(size)
            if sum(together) > self.run.bucket:
                self._average(together)
                together = []
        self._average(together)
        for leaf in self._bucket:
            mine = sum(size for card, size in self._slices[id(leaf)] if card == self.rank)
            if not mine:
                if self._two:
                    leaf.gradient = None
            elif self.run.offload:
                for width in (8, 4):  # the norm, in fp64; then fp32 to be copied
                    _ = self.tape.new(mine, width)
                    del _
                leaf.gradient = None
            else:
                if self._mine is None:
                    self.tape.gradients.add(len(self.tape.events))
                    self._mine = self.tape.new(sum(self._whole()), 2)
                leaf.gradient = self._mine.view(self._mine.elements)
        self.tape.place = 0
        self._bucket, self._filled = [], 0

    def _average(self, sizes: list[int]) -> None:
        """Flatten slices into a copy, unless there is one alone."""
        if len(sizes) > 1:
            copy = self.tape.new(sum(sizes), 2)
            del copy

    def _whole(self) -> list[int]:
        """Return the elements of each parameter that this card has a part of."""
        cut = [self._slices[id(weight.leaf)] for group in self._groups for weight in group]
        return [sum(size for _, size in each) for each in cut if any(card == self.rank for card, _ in each)]

    def update(self) -> None:
        """Reduce what is left, take the norm in fp64, and make the fp32 gradient of this card's part (`step`)."""
        tape = self.tape
        order = {id(weight.leaf): at for at, weight in enumerate(weight for group in self._groups for weight in group)}
        for leaf in sorted(self._waiting, key=lambda leaf: order[id(leaf)]):
            self._take_in(leaf)
        self._waiting = []
        self._reduce()
        for weight in self.model.trained():
            assert weight.leaf is not None
            weight.leaf.gradient = None
        self._buffers.clear()
        kept, self._mine = self._mine, None
        if kept is None:
            return
        for group in self._groups:
            for weight in group:
                mine = sum(size for card, size in self._slices[id(weight.leaf)] if card == self.rank)
                if mine:
                    norm = tape.new(mine, 8)
                    del norm
        # one group after the other; the parts of all lie in one block, which the last one frees
        flat = tape.new(self._part[0], 2)
        tape.gradients.add(len(tape.events))
        self._left.append(tape.new(self._part[0], 4))
        del flat
        if len(self._part) > 1:
            self._left.append(kept)
        del kept

    def finish(self) -> None:
        """Let go of the gradient."""
        self._left.clear()
        super().finish()
