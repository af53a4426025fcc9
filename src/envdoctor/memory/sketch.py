"""The peak of a run as a formula of its batch and length, so that thousands of them are a matter of milliseconds.

The tape is run on a few layers with a length that is a huge power of two: every size is then a polynomial in it, held in one integer.
What is live at each event grows by the same with each group of layers below or above it, so a few layers give the whole.
`tests/memory/test_sketch.py` holds it to the full replay.
"""

from __future__ import annotations

from envdoctor.memory.allocator import MIB
from envdoctor.memory.forecast import bytes_of, projected
from envdoctor.memory.model import Model, forget, step
from envdoctor.memory.optimizers import needs_of
from envdoctor.memory.tape import Tape
from envdoctor.memory.unroll import is_patterned, period_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.memory.ops import Weight
    from envdoctor.memory.run import Run
    from envdoctor.memory.shape import Shape

    Form = tuple[int, int, int]  # bytes; bytes a token; bytes a token and token that it may see

_BITS = 64
_LENGTH = 1 << _BITS
_MASK = _LENGTH - 1
_KEPT: dict[tuple[Shape, Run, bool], Sketch] = {}
_FORMS: dict[tuple[Shape, Run], list[Form]] = {}


class Sketch:
    """Peaks of one model under one way of training, for every batch and length."""

    __slots__ = ("_forms", "_key", "base", "gradients", "states")

    def __init__(self, shape: Shape, run: Run) -> None:
        if not is_patterned(shape, run.seq):
            shape = shape.replace(window_layers=0)
        run = run.replace(batch=1, seq=_LENGTH)
        # layers of one kind have the same weights, so one of each kind is made
        model = Model(shape, run, min(shape.layers, shape.dense_layers + 1))
        last, times = model.layers[-1], shape.layers - len(model.layers)
        weights, adapters = model.weights() + last.weights() * times, model.adapters() + last.adapters() * times
        trained = weights if run.method == "full" else [] if run.method == "inference" else adapters
        needs = needs_of(run.optimizer, trained, model.embedding, projected(model))
        once, again = [*model.weights(), *model.adapters()], [*last.weights(), *last.adapters()]
        self.base = _stored(once, run) + times * _stored(again, run)
        rounded = {size: _rounded(size) for size in set(needs.states)}  # thousands of states have a dozen sizes
        self.states = sum([rounded[size] for size in needs.states])
        passing = most = 0
        for event in needs.passing:
            passing += event if event >= 0 else -needs.passing[~event]
            most = max(most, passing)
        self.gradients = sum(weight.tensor.elements * weight.tensor.width for weight in trained) + most
        self._key = shape, run.replace(optimizer="")
        self._forms: list[Form] = []

    @property
    def least(self) -> int:
        """Return the bytes that the longest-lived tensors take, whatever the samples are."""
        return self.base + self.states + self.gradients

    def peak(self, batch: int, seq: int) -> int:
        """Return the bytes of tensors at the peak."""
        if not self._forms:
            self._forms = _front({*_forms(*self._key), (self.gradients, 0, 0)})
        tokens = batch * seq
        cells = tokens * seq
        return self.base + self.states + max([a + b * tokens + c * cells for a, b, c in self._forms])


def sketch(shape: Shape, run: Run) -> Sketch:
    """Return the sketch of a run, made once for all batches and lengths on the same side of a window."""
    key = (shape, run.replace(batch=1, seq=1), bool(shape.window_layers) and run.seq >= shape.window)
    found = _KEPT.get(key)
    if found is None:
        found = _KEPT[key] = Sketch(shape, run)
    return found


def _forms(shape: Shape, run: Run) -> list[Form]:
    """Return what can be the most that a step holds, beside weights and states; no optimizer changes it."""
    found = _FORMS.get((shape, run))
    if found is not None:
        return found
    period = period_of(shape, run.seq)
    # the shallow model ends like the whole: in the same place of the pattern of windows
    depth = shape.layers - max(0, (shape.layers - shape.dense_layers - period - 2) // period) * period
    found = _FORMS[shape, run] = _front({_parts(size) for size in _lives(shape, run, depth, period)})
    return found


def _lives(shape: Shape, run: Run, depth: int, period: int) -> set[int]:
    """Return what is live after each allocation in the stretches that can hold the peak, which look alike at every depth."""
    tape = Tape(half=2, autocast=run.autocast)
    model = Model(shape, run, depth)
    step(tape, model)
    end = len(tape.events)
    forget(model)
    events = tape.events
    forward = [at for at, name in tape.marks if name == "layers"]
    loss = next(at for at, name in tape.marks if name == "loss")
    back = [at for at, name in tape.marks if name == "back"]
    groups = (shape.layers - depth) // period
    # a group of layers that is repeated: what it keeps until the loss, and its gradients on the way back
    repeated = set(range(forward[-1 - period], forward[-1])) - {~event for event in events[:loss] if event < 0} if groups else set()
    if groups and len(back) > 1 + period:
        repeated |= {at for at in tape.gradients if back[1] <= at < back[1 + period]}
    # the highest layer, the loss, the highest layer on the way back; the lowest, and what is below it
    stretches = [range(forward[-1], back[1] if len(back) > 1 else end), range(back[-2] if len(back) > 1 else end, end)]
    once = {buffer.at for buffer in tape.workspaces}
    live, lives = 0, set()
    for at, event in enumerate(events[:end]):
        made = at if event >= 0 else ~event
        if made in once:
            continue
        times = groups + 1 if made in repeated else 1
        if event < 0:
            live -= events[made] * times
        else:
            live += event * times
            if events[at + 1] < 0 and (at in stretches[0] or at in stretches[1]):
                lives.add(live)
    return lives


def _stored(weights: list[Weight], run: Run) -> int:
    """Return the bytes of blocks that hold these weights."""
    return sum([_rounded(size) for weight in weights for size in bytes_of(weight, run)])


def _rounded(size: int) -> int:
    """Return what a block takes that stays: a segment of its own, where less than 1 MiB of that would be left over."""
    size = (size + 511) & ~511
    if size < 10 * MIB:
        return size
    whole = (size + 2 * MIB - 1) // (2 * MIB) * 2 * MIB
    return whole if whole - size <= MIB else size


def _parts(size: int) -> Form:
    """Take a polynomial apart; a coefficient may be negative where a token is left out of each row."""
    found = []
    for _ in range(2):
        low = size & _MASK
        if low >> (_BITS - 1):
            low -= _LENGTH
        found.append(low)
        size = (size - low) >> _BITS
    return found[0], found[1], size


def _front(forms: set[Form]) -> list[Form]:
    """Leave out what is never the largest because another is larger in everything."""
    front: list[Form] = []
    for form in sorted(forms, reverse=True):
        if not any(a >= form[0] and b >= form[1] and c >= form[2] for a, b, c in front):
            front.append(form)
    return front
