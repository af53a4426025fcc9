"""The events of a deep model from those of a shallow one: its middle layers are repeated, and who frees what is counted anew.

A fast path: `tests/memory/test_unroll.py` holds it to the tape of the whole model, event by event.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.memory.shape import Shape
    from envdoctor.memory.tape import Tape

_BELOW, _ABOVE = 2, 2  # layers at the bottom and at the top that stay as they are: they see something else than a layer beside them


def is_patterned(shape: Shape, seq: int) -> bool:
    """Tell whether layers that see a window only do something else than the others at this length."""
    return bool(shape.window_layers) and (seq >= shape.window or shape.rotary == "windowed")


def period_of(shape: Shape, seq: int) -> int:
    """Return after how many layers the pattern of windows repeats; 1 where no mask makes a difference."""
    wide = shape.layers - shape.window_layers
    masked = is_patterned(shape, seq)
    return shape.layers // wide if masked and wide else 1


def depth_of(shape: Shape, seq: int) -> int:
    """Return how many layers a shallow model needs that ends in the same place of the pattern as the whole."""
    period = period_of(shape, seq)
    least = shape.dense_layers + _BELOW + period + _ABOVE
    return shape.layers - max(0, (shape.layers - least) // period) * period


class Unrolled:
    """The events of the whole, where its loss and its way back begin and end, and which positions are workspaces and gradients."""

    __slots__ = (
        "_behind",
        "_down",
        "_early",
        "_loss",
        "_template",
        "_times",
        "_up",
        "back",
        "end",
        "events",
        "gradients",
        "loss",
        "workspaces",
    )

    def __init__(self, tape: Tape, end: int, shape: Shape, seq: int) -> None:
        """Repeat the middle of a tape of `depth_of` layers; `end` is the position at which its gradients are complete."""
        period, template = period_of(shape, seq), tape.events
        forward = [at for at, name in tape.marks if name == "layers"]
        back = [at for at, name in tape.marks if name == "back"]
        depth, loss = len(forward), next(at for at, name in tape.marks if name == "loss")
        self.events = template[:]  # the tape goes on: its workspaces end with it
        self.workspaces = {buffer.at for buffer in tape.workspaces}
        self.gradients, self.loss, self.back, self.end = tape.gradients, loss, back[0] if back else end, end
        self._template, self._times = template, (shape.layers - depth) // period
        if self._times == 0 or not back:
            return
        first = shape.dense_layers + _BELOW
        starts = [*forward, loss]
        self._up, self._down = (starts[first], starts[first + period]), (back[depth - first - period], back[depth - first])
        self._early: dict[int, int] = {}  # what the loss takes, by its position in the template
        self._loss = range(loss, back[0])
        self._behind = self._times * (self._up[1] - self._up[0])
        # a layer that stands where a group's neighbour does, and the layer of a group that stands there in the next one
        below = (starts[first - 1], starts[first + period - 1])
        above = (back[depth - first - period - 1], back[depth - first - 1])
        self.events = template[: self._up[1]]
        for copy in range(1, self._times + 1):
            self._group_up(copy, below)
        self._stretch(self._up[1], loss, up=(self._times,), down=())
        self.loss = len(self.events)
        everyone = tuple(range(self._times + 1))
        self._stretch(loss, back[0], up=everyone, down=())
        self.back = len(self.events)
        self._behind = self.back - back[0]  # the loss frees something of every group, and has grown by that
        self._stretch(back[0], self._down[0], up=(self._times,), down=())
        for copy in reversed(everyone):
            self._group_down(copy, below, above)
        lowest = back[depth - first + 1] if first else end
        self._stretch(self._down[1], lowest, up=(0,), down=(0,))
        self._stretch(lowest, end, up=everyone, down=everyone)
        self.end = len(self.events)
        self._stretch(end, len(template), up=everyone, down=everyone)
        self.workspaces = {self._moved(at) for at in self.workspaces}
        self.gradients = {self._moved(at, copy) for at in tape.gradients for copy in (everyone if self._in_group(at) else (0,))}

    def _in_group(self, at: int) -> bool:
        return self._up[0] <= at < self._up[1] or self._down[0] <= at < self._down[1]

    def _moved(self, at: int, copy: int = 0) -> int:
        """Return where a position of the template has come to; `copy` counts groups from the bottom."""
        up, down = self._up, self._down
        if at < up[0]:
            return at
        if at < up[1]:
            return at + copy * (up[1] - up[0])
        if at < self._loss.start:
            return at + self._times * (up[1] - up[0])
        if at in self._early:
            return self._early[at]
        high = down[1] - down[0]
        if at < down[0]:
            return at + self._behind
        return at + self._behind + (self._times - (copy if at < down[1] else 0)) * high

    def _group_up(self, copy: int, below: tuple[int, int]) -> None:
        """Append one more group on the way forward; what it frees of the layer below it is another group's."""
        start, stop = self._up
        shift, put = copy * (stop - start), self.events.append
        near = below[1] - below[0] + shift - (stop - start)
        for event in self._template[start:stop]:
            at = ~event
            put(event if event >= 0 or at < below[0] else event - shift if at >= start else event - near)

    def _group_down(self, copy: int, below: tuple[int, int], above: tuple[int, int]) -> None:
        """Append one group on the way back; what it frees of its neighbours is another group's, or the outer layers'."""
        start, stop = self._down
        put, up = self.events.append, self._up
        shift = self._behind + (self._times - copy) * (stop - start)
        for event in self._template[start:stop]:
            at = ~event
            if event >= 0:
                put(event)
            elif at >= start:
                put(event - shift)
            elif at >= above[0] and copy < self._times:
                put(~(at - above[0] + above[1] + shift - (stop - start)))
            elif below[0] <= at < up[0] and copy:
                put(~(at - below[0] + below[1] + (copy - 1) * (up[1] - up[0])))
            else:
                put(~self._moved(at, copy))

    def _stretch(self, start: int, stop: int, *, up: tuple[int, ...], down: tuple[int, ...]) -> None:
        """Append what is no group; what it frees of groups, it frees in each of these, one after the other."""
        run: list[int] = []
        for position in range(start, stop):
            event = self._template[position]
            at = ~event
            grouped = event < 0 and self._in_group(at)
            if run and not (grouped and (run[0] < self._up[1]) == (at < self._up[1])):
                self._free(run, up if run[0] < self._up[1] else down)
                run = []
            if grouped:
                run.append(at)
            elif event < 0:
                self.events.append(~self._moved(at))
            else:
                if position in self._loss:
                    self._early[position] = len(self.events)
                self.events.append(event)
        if run:
            self._free(run, up if run[0] < self._up[1] else down)

    def _free(self, run: list[int], copies: tuple[int, ...]) -> None:
        for copy in copies:
            self.events.extend([~self._moved(at, copy) for at in run])
