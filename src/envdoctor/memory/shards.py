"""Every weight shared out among the cards, and gathered when its layer runs: `fully_shard` (FSDP2), as accelerate prepares a model for it.

Sources: `torch/distributed/fsdp/_fully_shard` of torch 2.11 (`_fsdp_collectives.py`, `_fsdp_param_group.py`: which stream takes which
buffer, and until when it is kept) and `fsdp2_prepare_model` of accelerate 1.15: what is trained is held in fp32 and computed with in
16 bit (`MixedPrecisionPolicy`), without autocast; each layer is a unit, so is the embedding, and so are the last norm and the head, which
stay gathered from the first use to the end of the way back. With tied weights the embedding belongs to these; peft hides the last norm.
"""

from __future__ import annotations

from functools import partial

from envdoctor.memory.forecast import needs_for
from envdoctor.memory.model import Model
from envdoctor.memory.ops import passage
from envdoctor.memory.ways import Way

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.memory.decoder import Layer, Pass
    from envdoctor.memory.ops import Weight
    from envdoctor.memory.optimizers import Needs
    from envdoctor.memory.run import Run
    from envdoctor.memory.shape import Shape
    from envdoctor.memory.tape import Leaf, Tensor

_GATHERING, _REDUCING = 1, 2  # streams beside the one that computes, each with a pool of its own
_EMBEDDING = -1


class Shards(Way):
    """FSDP2."""

    def __init__(self, shape: Shape, run: Run, rank: int = 0) -> None:
        self._as_loaded = run
        super().__init__(shape, run.replace(width=2, adapter_width=2, outer_width=0, autocast=False, fp32_logits_out=False), rank)
        model = self.model
        self._tail = len(model.layers)
        self._units = {number: [*layer.weights(), *layer.adapters()] for number, layer in enumerate(model.layers)}
        ends = [model.embedding] if shape.tied else [model.head]
        if shape.norm != "bare" and run.method == "full":
            ends.insert(0, model.norm)
        self._units[self._tail] = ends
        self._units[_EMBEDDING] = [] if shape.tied else [model.embedding]
        self._rest = [] if run.method == "full" else [model.norm]
        self._order = [*([] if shape.tied else [_EMBEDDING]), *range(self._tail + 1)]
        self._open: dict[int, list[Tensor]] = {}  # gathered weights
        self._ahead: dict[int, Tensor] = {}  # gathered, but not copied out
        self._kept: Tensor | None = None  # what the layer before gathered, until this one has
        self._scattering: Tensor | None = None
        self._reduced: list[Tensor] = []
        self._done: set[int] = set()
        self._latest: Leaf | None = None
        self.tape.watched = self._watch
        self.tape.arrived = self._arrived

    def _padded(self, weight: Weight) -> int:
        """Return the elements of a weight, its first dimension filled up to a multiple of the cards."""
        rows, columns = (weight.rows, weight.columns) if weight.rows > 1 else (weight.columns, 1)
        return -(-rows // self.run.cards) * self.run.cards * columns

    def _stored(self, weight: Weight) -> int:
        """Return the bytes an element takes where it lies: what is trained is in fp32."""
        return 4 if weight.leaf is not None or self._as_loaded.width == 4 else 2

    def held(self) -> list[int]:
        """Return nothing: the model comes from the computer's own memory."""
        return []

    def _shards(self) -> list[int]:
        order = [*range(self._tail), _EMBEDDING, self._tail]
        weights = [weight for number in order for weight in self._units[number]] + self._rest
        return [self._padded(weight) // self.run.cards * self._stored(weight) for weight in weights]

    def prepared(self) -> list[int]:
        """Bring one unit after the other to the card, whole, and keep its share."""
        events: list[int] = []
        for number in (*range(self._tail), _EMBEDDING, self._tail):
            first = len(events)
            weights = self._units[number] + (self._rest if number == self._tail else [])
            events += [weight.tensor.elements * self._stored(weight) for weight in weights]
            events += [self._padded(weight) // self.run.cards * self._stored(weight) for weight in weights]
            events += [~at for at in range(first, first + len(weights))]
        return events

    def kept(self) -> dict[str, int]:
        """Return the shares of weights and adapters."""
        cards = self.run.cards
        shares = {id(weight): self._padded(weight) // cards * self._stored(weight) for weight in self.model.weights()}
        adapters = sum(self._padded(weight) // cards * 4 for weight in self.model.adapters())
        return {"weights": sum(shares.values()), "adapters": adapters}

    def needs(self) -> Needs:
        """Return what the optimizer needs for the shares, which are in fp32."""
        return needs_for(_Part(self), self.run)  # type: ignore[arg-type]

    def _gather(self, number: int) -> Tensor:
        tape, unit = self.tape, self._units[number]
        tape.place = _GATHERING
        cast = sum(self._padded(weight) // self.run.cards for weight in unit if self._stored(weight) == 4)
        narrow = tape.new(cast, 2) if cast else None
        gathered = tape.new(sum(self._padded(weight) for weight in unit), 2)
        self.named[len(tape.events) - 1] = "passing"
        del narrow
        tape.place = 0
        return gathered

    def _unshard(self, number: int, *, forward: bool) -> None:
        """Gather a unit and copy it out: parameter by parameter, in the stream that computes."""
        if number in self._open or not self._units[number]:
            return
        gathered = self._ahead.pop(number, None) or self._gather(number)
        if forward:
            self._kept = None
        tape = self.tape
        self._open[number] = []
        for weight in self._units[number]:
            self.named[len(tape.events)] = "passing"
            self._open[number].append(tape.new(self._padded(weight), 2))
        if forward:
            self._kept = gathered

    def _before(self, number: int) -> None:
        """Do what is done when the gradient of a unit's output is there: gather it, and the one before it ahead of time."""
        self._unshard(number, forward=False)
        at = self._order.index(number)
        if at > 0:
            ahead = self._order[at - 1]
            if ahead not in self._open and ahead not in self._ahead and self._units[ahead]:
                self._ahead[ahead] = self._gather(ahead)

    def _after(self, number: int) -> None:
        """Do what is done when a unit's gradients are there: let go of its weights, and reduce each gradient to a share."""
        if number in self._done:
            return
        self._done.add(number)
        unit, tape = self._units[number], self.tape
        arrived = [weight for weight in unit if weight.leaf is not None and weight.leaf.gradient is not None]
        self._open.pop(number, None)
        self._scattering = None
        if not arrived:
            return
        elements = sum(self._padded(weight) for weight in arrived)
        self._scattering = tape.new(elements, 2)
        for weight in arrived:
            assert weight.leaf is not None
            weight.leaf.gradient = None
        tape.place = _REDUCING
        share = tape.new(elements // self.run.cards, 2)
        wide = tape.new(elements // self.run.cards, 4)
        tape.gradients.add(len(tape.events) - 1)
        self._reduced.append(wide)
        del share, wide
        tape.place = 0

    def embed(self) -> None:
        """Gather the embedding."""
        self._unshard(self._tail if self.shape.tied else _EMBEDDING, forward=True)

    def embedded(self, x: Tensor) -> Tensor:
        """Let go of the embedding, unless it is the head too."""
        if self.shape.tied:
            return x
        self._open.pop(_EMBEDDING, None)
        return passage(self.tape, x, partial(self._before, _EMBEDDING))

    def layer(self, number: int, over: Pass, layer: Layer, x: Tensor) -> Tensor:
        """Gather a layer, run it, and let go of it."""
        self._unshard(number, forward=True)
        x = passage(self.tape, x, partial(self._after, number))
        x = super().layer(number, over, layer, x)
        self._open.pop(number, None)
        return passage(self.tape, x, partial(self._before, number))

    def last(self, x: Tensor) -> Tensor:
        """Gather the last norm, and the head with it; their gradients are complete when this is reached again."""
        if self.run.method != "full":
            return x
        self._unshard(self._tail, forward=True)
        return x if self.shape.tied else passage(self.tape, x, partial(self._after, self._tail))

    def head(self, x: Tensor) -> Tensor:
        """Gather the head."""
        self._unshard(self._tail, forward=True)
        if self.run.method == "full" or self.shape.tied:
            return x
        return passage(self.tape, x, partial(self._after, self._tail))

    def _watch(self, logits: Tensor) -> Tensor:
        return passage(self.tape, logits, partial(self._before, self._tail))

    def forwarded(self) -> None:
        """Let go of what the last unit gathered."""
        self._kept = None

    def _arrived(self, leaf: Leaf) -> None:
        self._latest = leaf

    def update(self) -> None:
        """Do what is left at the end of the way back: units whose inputs have no gradient. Autograd still holds the last gradient then."""
        held = self._latest.gradient if self._latest is not None else None
        for number in (_EMBEDDING, self._tail, *range(self._tail)):
            self._after(number)
        self._scattering = None
        del held
        self._ahead.clear()

    def finish(self) -> None:
        """Let go of gradients."""
        super().finish()
        self._reduced.clear()


class _Part:
    """The shares of what is trained, in fp32, as optimizers see them."""

    def __init__(self, way: Shards) -> None:
        whole = Model(way.shape, way.run.replace(width=4, adapter_width=4), way.shape.layers)
        self.embedding, self.layers = whole.embedding, whole.layers
        self._trained = whole.trained()
        for weight in self._trained:
            elements = way._padded(weight) // way.run.cards
            weight.rows, weight.columns = (elements // weight.columns, weight.columns) if weight.rows > 1 else (1, elements)
            weight.tensor.elements = elements

    def trained(self) -> list[Weight]:
        """Return what is trained on this card."""
        return self._trained
