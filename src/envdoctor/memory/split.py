"""Some layers on each card: `device_map="auto"`, one process, one card at work at a time.

Sources: `integrations/accelerate.py` of transformers 5.17 (`get_balanced_memory`, `infer_auto_device_map`: the first card keeps room for
the largest layer, the last takes what is left) and `accelerate/hooks.py` of 1.15 (`AlignDevicesHook`: what a module is given is moved to
its card, each time; what the whole model returns is moved back to the card of its inputs).
"""

from __future__ import annotations

from functools import partial

from envdoctor.memory.decoder import Pass, forward
from envdoctor.memory.forecast import bytes_of, needs_for
from envdoctor.memory.ways import Way

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.memory.decoder import Layer
    from envdoctor.memory.ops import Weight
    from envdoctor.memory.optimizers import Needs
    from envdoctor.memory.run import Run
    from envdoctor.memory.shape import Shape
    from envdoctor.memory.tape import Gradients, Tensor

_WITHOUT_LIMIT = 1 << 60


def placed(sizes: list[int], head: int, cards: int, limits: tuple[int, ...], used_of: float = 1.0) -> list[int]:
    """Return the card of each module, the number of cards for what fits on none: `infer_auto_device_map` after `get_balanced_memory`.

    `sizes` are bytes of the embedding, the layers, the last norm, and the head where it is a module of its own (`head` says at which
    position, -1 for none). Layers are never split. `used_of` is the share of each limit that a quantiser leaves.

    >>> placed([4, 10, 10, 10, 10, 1, 4], 6, 2, ())
    [0, 0, 0, 1, 1, 1, 1]
    """
    biggest = max(sizes[1 : head if head >= 0 else len(sizes)], default=0)
    share = sum(sizes) // cards + int(1.25 * biggest)
    most = [limits[card] if card < len(limits) else _WITHOUT_LIMIT for card in range(cards)]
    most = [int((min(share, limit) if card < cards - 1 else limit) * used_of) for card, limit in enumerate(most)]
    found: list[int] = []
    card, used = 0, [0] * cards
    for at, size in enumerate(sizes):
        kept_free = max(sizes[at + 1 :], default=0)
        while card < cards and used[card] + size > most[card] - (kept_free if card == 0 else 0):
            card += 1
        if card < cards:
            used[card] += size
        found.append(card)
    return found


class Split(Way):
    """`device_map="auto"`. The card that is looked at is `rank`; everything is on one tape, whose places are cards."""

    def __init__(self, shape: Shape, run: Run, rank: int = 0) -> None:
        super().__init__(shape, run, rank)
        model = self.model
        groups = [[model.embedding], *[layer.weights() for layer in model.layers], [model.norm, *model.others]]
        if not shape.tied:
            groups.append([model.head])
        # a matrix in 4 bit counts without its scales, and bitsandbytes leaves a tenth of each card (`Bnb4BitHfQuantizer`)
        sizes = [sum(bytes_of(weight, run)[0] for weight in group) for group in groups]
        self.map = placed(sizes, -1 if shape.tied else len(sizes) - 1, run.cards, run.limits, 0.9 if run.method == "qlora" else 1.0)
        self._groups = groups
        self._here = 0  # the card that hidden states are on
        self._norm_on = min(self.map[len(model.layers) + 1], run.cards - 1)
        self._head_on = 0 if shape.tied else min(self.map[-1], run.cards - 1)
        self._masks: list[int] = []
        self.tape.sent = self._back

    def own(self, at: int) -> bool:
        """Tell whether what was allocated at this position lies on this card."""
        return self.tape.places.get(at, 0) == self.rank

    def _mine(self) -> tuple[list[Weight], list[Weight]]:
        weights = [weight for card, group in zip(self.map, self._groups, strict=True) if card == self.rank for weight in group]
        layers = [layer for card, layer in zip(self.map[1:], self.model.layers, strict=False) if card == self.rank]
        return weights, [weight for layer in layers for weight in layer.adapters()]

    def held(self) -> list[int]:
        """Return the weights and adapters of this card."""
        weights, adapters = self._mine()
        return self.bytes_of([*weights, *adapters])

    def kept(self) -> dict[str, int]:
        """Return the bytes of weights and adapters on this card."""
        weights, adapters = self._mine()
        return {"weights": sum(self.bytes_of(weights)), "adapters": sum(self.bytes_of(adapters))}

    def needs(self) -> Needs:
        """Return what the optimizer needs for what lies on this card."""
        return needs_for(_Part(self), self.run)  # type: ignore[arg-type]

    def embedded(self, x: Tensor) -> Tensor:
        """Compute the angles where the last norm is; the hidden states are moved there too, for their type."""
        self.tape.place = self._norm_on
        moved = self.tape.new(x.elements, x.width) if self._norm_on else None
        del moved
        return x

    def turned(self) -> None:
        """Make masks where the embedding is."""
        self.tape.place = 0

    def layer(self, number: int, over: Pass, layer: Layer, x: Tensor) -> Tensor:
        """Run a layer on its card; what it is given is moved there."""
        tape, run = self.tape, self.run
        card = min(self.map[number + 1], run.cards - 1)
        came_from, self._here = self._here, card
        tape.place = card
        tape.work(0)

        def there(x: Tensor) -> Tensor:
            x = self._moved(x, came_from, card)
            here = over
            if card != self._norm_on:
                here = Pass(tape, over.shape, run, tape.new(over.cos.elements, x.width), tape.new(over.sin.elements, x.width))
            mask = tape.new(self._mask(layer), x.width) if card and self._mask(layer) else None
            x = forward(here, layer, x)
            del mask
            return x

        return tape.checkpoint(partial(there), x) if run.checkpointing and run.method != "inference" else there(x)

    def _mask(self, layer: Layer) -> int:
        run, shape = self.run, self.shape
        masked = run.attention == "eager" or (run.attention == "sdpa" and layer.windowed and run.seq >= shape.window)
        return run.batch * run.seq * run.seq if masked else 0

    def last(self, x: Tensor) -> Tensor:
        """Move to the card of the last norm."""
        return self._goes(x, self._norm_on)

    def head(self, x: Tensor) -> Tensor:
        """Move to the card of the head."""
        return self._goes(x, self._head_on)

    def _goes(self, x: Tensor, card: int) -> Tensor:
        came_from, self._here = self._here, card
        self.tape.place = card
        self.tape.work(0)
        return self._moved(x, came_from, card)

    def _moved(self, x: Tensor, source: int, target: int) -> Tensor:
        """Run `x.to(card)`; the way back copies the gradient to where x came from."""
        if source == target:
            return x
        tape, elements, width = self.tape, x.elements, x.width

        def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
            return (tape.new(elements, width),)

        tape.place = source
        node = tape.node((x,), [], backward)
        tape.place = target
        return tape.new(elements, width, node)

    def _back(self, logits: Tensor) -> Tensor:
        """Move what the model returns to the card of its inputs."""
        if self._head_on == 0:
            return logits
        self.tape.place = 0
        return self.tape.new(logits.elements, logits.width)

    def finish(self) -> None:
        """Let go of gradients."""
        self.tape.place = 0
        super().finish()


class _Part:
    """The part of a model that lies on one card, as optimizers see it."""

    def __init__(self, way: Split) -> None:
        self.embedding = way.model.embedding
        self.layers = [layer for card, layer in zip(way.map[1:], way.model.layers, strict=False) if card == way.rank]
        self._trained = way._mine()[0 if way.run.method == "full" else 1]

    def trained(self) -> list[Weight]:
        """Return what is trained on this card."""
        return self._trained
