"""The peak of a run as a formula of its batch and length, so that thousands of them are a matter of milliseconds.

The tape is run on a few layers with a length that is a huge power of two: every size is then a polynomial in it, held in one integer.
What is live at each event grows linearly with the layers below or above it, so two depths give the whole. `tests/memory/test_sketch.py`
holds it to the full replay.
"""

from __future__ import annotations

from itertools import pairwise

from envdoctor.memory.allocator import Allocator
from envdoctor.memory.forecast import bytes_of, needs_for
from envdoctor.memory.model import Model, forget, step
from envdoctor.memory.tape import Tape
from envdoctor.memory.unroll import period_of

TYPE_CHECKING = False
if TYPE_CHECKING:
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

    __slots__ = ("base", "forms", "states")

    def __init__(self, shape: Shape, run: Run) -> None:
        if not (shape.window_layers and run.seq >= shape.window):
            shape = shape.replace(window_layers=0)
        run = run.replace(batch=1, seq=_LENGTH)
        whole = Model(shape, run, shape.layers)
        needs = needs_for(whole, run)
        pool = Allocator()  # for what its blocks take beyond what was asked
        for size in [size for weight in [*whole.weights(), *whole.adapters()] for size in bytes_of(weight, run)]:
            pool.take(size)
        self.base = pool.allocated
        for size in needs.states:
            pool.take(size)
        self.states = pool.allocated - self.base
        gradients = sum(weight.tensor.elements * weight.tensor.width for weight in whole.trained()) if run.method != "inference" else 0
        passing = most = 0
        for event in needs.passing:
            passing += event if event >= 0 else -needs.passing[~event]
            most = max(most, passing)
        self.forms = _front({*_forms(shape, run.replace(optimizer="")), (gradients + most, 0, 0)})

    def peak(self, batch: int, seq: int) -> int:
        """Return the bytes of tensors at the peak."""
        tokens = batch * seq
        cells = tokens * seq
        return self.base + self.states + max([a + b * tokens + c * cells for a, b, c in self.forms])


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
    # the shallow ones end like the whole: in the same place of the pattern of windows
    period = period_of(shape, run.seq)
    low = shape.layers - max(0, (shape.layers - shape.dense_layers - 3) // period) * period
    high = min(shape.layers, low + period)
    first, second = _lives(shape, run, low), _lives(shape, run, high)
    more = (shape.layers - low) / (high - low) if high > low else 0
    forms: set[Form] = set()
    for part, other in zip(first, second, strict=True):
        for one, two in zip(part, other, strict=True):
            forms.add(_form([a + int(more * (b - a)) for a, b in zip(_parts(one), _parts(two), strict=True)]))
    found = _FORMS[shape, run] = _front(forms)
    return found


def _lives(shape: Shape, run: Run, layers: int) -> list[list[int]]:
    """Return what is live after each allocation in the stretches that can hold the peak, which look alike at every depth."""
    tape = Tape(half=2, autocast=run.autocast)
    model = Model(shape, run, layers)
    step(tape, model)
    end = len(tape.events)
    forget(model)
    workspaces = {buffer.at for buffer in tape.workspaces}
    events, live, lives = tape.events, 0, []
    for at, event in enumerate(events[:end]):
        if at not in workspaces:
            live += event if event >= 0 else -events[~event]
        lives.append(live)
    forward = [at for at, name in tape.marks if name == "layers"]
    loss = next(at for at, name in tape.marks if name == "loss")
    back = [at for at, name in tape.marks if name == "back"]
    borders = [forward[-1], loss, back[0], back[1] if len(back) > 1 else end] if back else [forward[-1], loss, end]
    stretches = [range(a, b) for a, b in pairwise(borders)]
    if len(back) > 1:
        stretches.append(range(back[-2], end))  # the lowest layer, and what is below it
    return [[lives[at] for at in stretch if events[at] >= 0 > events[at + 1]] for stretch in stretches]


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


def _form(values: list[int]) -> Form:
    return values[0], values[1], values[2]


def _front(forms: set[Form]) -> list[Form]:
    """Leave out what is never the largest because another is larger in everything."""
    front: list[Form] = []
    for form in sorted(forms, reverse=True):
        if not any(a >= form[0] and b >= form[1] and c >= form[2] for a, b, c in front):
            front.append(form)
    return front
