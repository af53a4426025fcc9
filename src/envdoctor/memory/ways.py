"""How several cards share a step: what each way does at which moment, as seen from one card, and the replay of it.

A `Way` is told by `model.step` what comes next, and puts on the tape what the library behind it allocates then. Here stands the way that
does nothing, on which the others are built.
"""

from __future__ import annotations

from functools import partial

from envdoctor.memory.allocator import MIB, Allocator
from envdoctor.memory.decoder import forward
from envdoctor.memory.forecast import TURNS, Forecast, bytes_of, needs_for
from envdoctor.memory.model import Model, forget, step
from envdoctor.memory.optimizers import Needs
from envdoctor.memory.tape import Tape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from envdoctor.memory.allocator import Block
    from envdoctor.memory.decoder import Layer, Pass
    from envdoctor.memory.ops import Weight
    from envdoctor.memory.run import Run
    from envdoctor.memory.shape import Shape
    from envdoctor.memory.tape import Tensor

    Events = list[int]
    Blocks = dict[int, Block | int]


EMPTY = -(1 << 62)
"""An event of preparing: the allocator gives back what it holds without need (`empty_cache`)."""


class Way:
    """What happens beside the step itself, on the card `rank` of `run.cards`."""

    def __init__(self, shape: Shape, run: Run, rank: int = 0) -> None:
        self.shape = shape
        self.run = run
        self.rank = rank
        self.model = Model(shape, run, shape.layers)
        self.tape = Tape(half=2, autocast=run.autocast, workspace=run.workspace)
        self.named: dict[int, str] = {}  # positions whose category is not told by the moment they were taken at

    def own(self, at: int) -> bool:
        """Tell whether what was allocated at this position lies on this card."""
        return True

    def held(self) -> list[int]:
        """Return the blocks of weights and adapters that lie on the card before the trainer prepares the model."""
        return self.bytes_of([*self.model.weights(), *self.model.adapters()])

    def prepared(self) -> Events:
        """Return the events of preparing it; `~(position)` frees, counted from the first of `held`."""
        return []

    def rebuilt(self) -> Events:
        """Return the events before the second step, whose positions go on where `prepared` ends."""
        return []

    def needs(self) -> Needs:
        """Return what the optimizer needs on this card."""
        return needs_for(self.model, self.run)

    def kept(self) -> dict[str, int]:
        """Return the bytes that stay on this card, by category."""
        return {"weights": sum(self.bytes_of(self.model.weights())), "adapters": sum(self.bytes_of(self.model.adapters()))}

    def embed(self) -> None:
        """Be told that tokens are looked up next."""

    def embedded(self, x: Tensor) -> Tensor:
        """Be told that they were, and angles are next."""
        return x

    def turned(self) -> None:
        """Be told that the angles are there, and masks are next."""

    def layer(self, number: int, over: Pass, layer: Layer, x: Tensor) -> Tensor:
        """Run a layer, checkpointed or not."""
        call = partial(forward, over, layer)
        return self.tape.checkpoint(call, x) if self.run.checkpointing and self.run.method != "inference" else call(x)

    def last(self, x: Tensor) -> Tensor:
        """Be told that the last norm is next."""
        return x

    def head(self, x: Tensor) -> Tensor:
        """Be told that the head and the loss are next."""
        return x

    def forwarded(self) -> None:
        """Be told that the loss is there, and the way back is next."""

    def update(self) -> None:
        """Put on the tape what follows the way back, up to where the optimizer takes its states."""

    def finish(self) -> None:
        """Let go of what the optimizer's step needed."""
        forget(self.model)

    def bytes_of(self, weights: Iterable[Weight]) -> list[int]:
        """Return the blocks that hold these weights."""
        return [size for weight in weights for size in bytes_of(weight, self.run)]

    def category(self, at: int, loss: int, back: int) -> str:
        """Say what a block of the step is for; the loss and the way back begin at these positions."""
        found = self.named.get(at)
        if found is not None:
            return found
        if at in self.tape.gradients:
            return "gradients"
        return "activations" if at < loss else "logits" if at < back else "passing"


def replayed(way: Way) -> Forecast:
    """Follow a step, and replay loading, preparing and some steps as one card sees them. Each stream has a pool of its own."""
    tape = way.tape
    step(tape, way.model, way)
    way.update()
    end = len(tape.events)
    way.finish()
    spaces = {buffer.at for buffer in tape.workspaces if way.own(buffer.at)}
    pool = Allocator()
    held, prepared, rebuilt = way.held(), way.prepared(), way.rebuilt()
    needs = Needs() if way.run.offload else way.needs()
    blocks: Blocks = {}
    _apply(pool, held, 0, blocks)
    pool.empty()
    pool.forget_peaks()
    _apply(pool, prepared, len(held), blocks)
    elsewhere = {at for at, event in enumerate(tape.events) if event >= 0 and not way.own(at)}
    segments = 0
    for turn in range(TURNS):
        skip = elsewhere | spaces if turn else elsewhere
        if turn == 1:
            _apply(pool, rebuilt, len(held) + len(prepared), blocks)
        live: dict[int, Block] = {}
        _play(pool, way, range(end), live, skip)
        if turn == 0:
            for size in needs.states:
                pool.take(size)
        pool.replay(needs.passing)
        _play(pool, way, range(end, len(tape.events)), live, skip)
        if turn > 1 and pool.segments == segments:
            break  # everything lies as it did before
        segments = pool.segments
    workspaces = len(spaces) * way.run.workspace
    parts = _parts(way, end, spaces, needs.passing)
    kept = way.kept()
    return Forecast(
        allocated=pool.peak_allocated - workspaces,
        reserved=pool.peak_reserved,
        workspaces=workspaces,
        outside=needs.paged,
        weights=kept["weights"],
        adapters=kept["adapters"],
        states=sum(needs.states) + kept.get("states", 0),
        gradients=parts["gradients"] + kept.get("gradients", 0),
        activations=parts["activations"],
        logits=parts["logits"],
        passing=parts["passing"] + kept.get("passing", 0),
        parameters=sum(weight.tensor.elements for weight in way.model.weights()),
        trained=sum(weight.tensor.elements for weight in way.model.trained()),
    )


def _apply(pool: Allocator, events: Events, offset: int, blocks: Blocks) -> None:
    for at, event in enumerate(events, offset):
        if event == EMPTY:
            pool.empty()
        elif event >= 0:
            blocks[at] = pool.take(event)
        else:
            pool.give(blocks.pop(~event))


def _play(pool: Allocator, way: Way, stretch: range, live: dict[int, Block], skip: set[int]) -> None:
    """Replay a stretch of the step, without what `skip` names. Blocks up to 1 MiB are only counted."""
    events, streams = way.tape.events, way.tape.places
    take, give, count = pool.take_large, pool.give, pool.count
    small = 0
    for at in stretch:
        event = events[at]
        if event >= 0:
            if at in skip:
                continue
            if event > MIB:
                if small:
                    count(small)
                    small = 0
                live[at] = take(event, streams.get(at, 0))
            else:
                small += (event + 511) & ~511
        else:
            block = live.pop(~event, None)
            if block is not None:
                give(block)
            elif ~event not in skip:
                small -= (events[~event] + 511) & ~511
    count(small)


def _parts(way: Way, end: int, spaces: set[int], passing: Events) -> dict[str, int]:
    """Say what of a step is live at its peak, by category: in the middle of it, or while the optimizer runs."""
    events, marks = way.tape.events, way.tape.marks
    own = [event >= 0 and at not in spaces and way.own(at) for at, event in enumerate(events)]
    live = most = 0
    at_most = end
    for at, event in enumerate(events[:end]):
        live += event if own[at] else -events[~event] if event < 0 and own[~event] else 0
        if live > most:
            most, at_most = live, at
    before = more = 0
    for event in passing:
        before += event if event >= 0 else -passing[~event]
        more = max(more, before)
    states = max(more, 0)
    if live + states > most:
        at_most = end
    freed = {~event for event in events[: at_most + 1] if event < 0}
    loss = next((at for at, mark in marks if mark == "loss"), 0)
    back = next((at for at, mark in marks if mark == "back"), end)
    parts = dict.fromkeys(("gradients", "activations", "logits", "passing"), 0)
    parts["passing"] = states if at_most == end else 0
    for at in range(min(end, at_most + 1)):
        if own[at] and at not in freed:
            parts[way.category(at, loss, back)] += events[at]
    return parts
