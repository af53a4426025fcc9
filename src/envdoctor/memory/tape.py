"""A tape of sizes: what autograd allocates, keeps and frees during a step, without a tensor and without torch.

A `Buffer` is a block of device memory that lives as long as something holds it, exactly as in PyTorch: the code in `ops.py` and
`layers.py` follows the modelling code line by line, so Python's own reference counts free each block at the moment it is freed there.
The result is `Tape.events`, which `allocator.py` replays. No figure is fitted: what is kept for the backward pass is what
`derivatives.yaml` of PyTorch says an operation saves.
"""

from __future__ import annotations

from heapq import heappop, heappush

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Gradients = tuple["Tensor | None", ...]
    Backward = Callable[["Tensor", "list[Tensor]"], "Gradients"]


class Buffer:
    """A block on the device; told to the tape when it is made, and again when nobody holds it any more."""

    __slots__ = ("at", "events")

    def __init__(self, events: list[int], size: int) -> None:
        self.events = events
        self.at = len(events)
        events.append(size)

    def __del__(self) -> None:
        self.events.append(~self.at)


class Tensor:
    """A view of a buffer: how many elements, how many bytes each, and which node gave it."""

    __slots__ = ("buffer", "elements", "node", "viewed", "width")

    def __init__(self, buffer: Buffer | None, elements: int, width: int, node: Node | None = None, *, viewed: bool = False) -> None:
        self.buffer = buffer
        self.viewed = viewed  # a view keeps its base, so that nothing is added to it in place
        self.elements = elements
        self.width = width
        self.node = node

    def view(self, elements: int = 0, node: Node | None = None) -> Tensor:
        """Share the buffer, as reshape or transpose does."""
        return Tensor(self.buffer, elements or self.elements, self.width, node or self.node, viewed=True)


class Node:
    """One step back: what it saved, and what it allocates to hand gradients on."""

    __slots__ = ("backward", "frame", "inputs", "order", "place", "saved", "slots")

    def __init__(self, order: int, inputs: tuple[Node | None, ...], backward: Backward | None, place: int = 0) -> None:
        self.order = order
        self.place = place
        self.inputs = inputs
        self.backward = backward
        self.saved: list[Tensor] = []
        self.slots: list[int] = []
        self.frame: Frame | None = None


class Leaf(Node):
    """A parameter that is trained: the end of the way back, where its gradient stays."""

    __slots__ = ("gradient", "missing", "uses")

    def __init__(self) -> None:
        super().__init__(0, (), None)
        self.gradient: Tensor | None = None
        self.uses = 1  # how often a step uses it: twice, where the head is the embedding
        self.missing = 0  # gradients still to come before it is whole


class Frame:
    """A checkpointed stretch: what it would have saved is counted going forward, and computed again going back."""

    __slots__ = ("again", "count", "saved")

    def __init__(self, again: Callable[[], object]) -> None:
        self.again = again
        self.count = 0
        self.saved: list[Tensor | None] = []


class Enough(Exception):
    """Stop a recomputation at the last tensor that is needed, as `torch.utils.checkpoint` does (`early_stop`)."""


class Tape:
    """The events of a step: an allocation of n bytes is n, the end of the allocation at position p is ~p."""

    def __init__(self, *, half: int, autocast: bool, workspace: int = 32 << 20) -> None:
        self.events: list[int] = []
        self.half = half  # bytes of the 16-bit type that autocast computes in
        self.autocast = autocast
        self.casts: dict[int, Tensor] = {}  # autocast keeps the cast of a trained parameter until its region ends
        self.marks: list[tuple[int, str]] = []
        self.one_key_head = False
        self.detached = False  # what is made now ends in a detach: a checkpoint that is computed again keeps nothing of it
        self.workspaces: list[Buffer] = []
        self.place = 0  # the card, or the stream, that allocates now
        self.places: dict[int, int] = {}  # positions of what was allocated elsewhere than in place 0
        self.arrived: Callable[[Leaf], None] | None = None  # told of each gradient that is whole, as hooks of parameters are
        self.watched: Callable[[Tensor], Tensor] | None = None  # handed the logits
        self.sent: Callable[[Tensor], Tensor] | None = None  # handed what the model returns besides its loss
        self._worked: set[tuple[int, int]] = set()
        self._workspace = workspace
        self.gradients: set[int] = set()  # positions of what was kept as a gradient
        self.borders: list[int] = []  # order of the last node before each layer, and before the loss
        self._order = 0
        self._frame: Frame | None = None
        self._again: Frame | None = None

    def new(self, elements: int, width: int, node: Node | None = None) -> Tensor:
        """Allocate a tensor."""
        if self.place:
            self.places[len(self.events)] = self.place
        return Tensor(Buffer(self.events, elements * width), elements, width, node)

    def mark(self, name: str) -> None:
        """Say what begins here, for whoever reads the events."""
        self.marks.append((len(self.events), name))
        self.borders.append(self._order)

    def work(self, number: int) -> None:
        """Take cuBLAS's workspace, once on each card in each thread that multiplies: 0 is the main thread, 1 is autograd's."""
        if (self.place, number) not in self._worked:
            self._worked.add((self.place, number))
            if self.place:
                self.places[len(self.events)] = self.place
            self.workspaces.append(Buffer(self.events, self._workspace))

    def node(self, inputs: tuple[Tensor | None, ...], saved: list[Tensor], backward: Backward) -> Node | None:
        """Record an operation; None when no input needs a gradient."""
        nodes = tuple([value.node if value is not None else None for value in inputs])
        if not any(nodes):
            return None
        self._order += 1
        node = Node(self._order, nodes, backward, self.place)
        if saved:
            self.save(node, saved)
        return node

    def save(self, node: Node | None, values: list[Tensor]) -> None:
        """Keep tensors for the way back; in a checkpoint they are only counted."""
        if node is None:
            return
        if self._frame is not None:
            node.frame = self._frame
            for _ in values:
                node.slots.append(self._frame.count)
                self._frame.count += 1
            return
        if self._again is None:
            node.saved.extend(values)
            return
        if self.detached:  # nothing is left of the node going forward, so that its holder is gone (`_recomputation_hook`)
            node.saved.extend(values)
            self._again.saved.extend([None] * len(values))
        else:
            self._again.saved.extend([Tensor(value.buffer, value.elements, value.width) for value in values])
        if len(self._again.saved) >= self._again.count:
            raise Enough

    def checkpoint(self, call: Callable[[Tensor], Tensor], value: Tensor) -> Tensor:
        """Run a stretch without keeping anything but its input; non-reentrant, as `use_reentrant=False`."""
        self._frame = Frame(lambda: call(value))
        try:
            return call(value)
        finally:
            self._frame = None

    def _recompute(self, frame: Frame) -> None:
        self._again = frame
        try:
            frame.again()
        except Enough:
            pass
        finally:
            self._again = None
            self.casts.clear()

    def backward(self, root: Tensor) -> None:
        """Walk back from a loss. The root is let go of by the caller's own reference only."""
        node = root.node
        if node is None:
            return
        pending: dict[int, tuple[Node, Tensor]] = {node.order: (node, self.new(1, 4))}
        heap = [-node.order]
        waiting: dict[int, int] = {}  # how many nodes hold a block that comes to them as a gradient
        borders = self.borders[:]
        while heap:
            order = -heappop(heap)
            if borders and order <= borders[-1]:
                borders.pop()
                self.marks.append((len(self.events), "back"))
            node, gradient = pending.pop(order)
            if gradient.buffer is not None and gradient.buffer.at in waiting:
                waiting[gradient.buffer.at] -= 1
            saved = self._saved(node)
            assert node.backward is not None
            gradients = node.backward(gradient, saved)
            inputs = node.inputs
            node.saved, node.frame, node.backward = [], None, None
            del gradient, saved, node
            left = list(gradients)
            del gradients
            left.reverse()
            for target in inputs:
                handed = left.pop()
                if target is None or handed is None:
                    continue
                at = handed.buffer.at if handed.buffer is not None else -1
                if isinstance(target, Leaf):
                    self.gradients.add(at)
                    target.gradient = handed if target.gradient is None else self._accumulate(target.gradient, handed, 0, waiting)
                    handed = None
                    self._arrive(target)
                elif target.order in pending:
                    kept = pending.pop(target.order)[1]
                    pending[target.order] = (target, self._accumulate(kept, handed, 1, waiting))
                    del kept
                else:
                    pending[target.order] = (target, handed)
                    waiting[at] = waiting.get(at, 0) + 1
                    heappush(heap, -target.order)
                del handed
        self.place = 0

    def _saved(self, node: Node) -> list[Tensor]:
        """Return what a node saved, computed again where it was checkpointed."""
        self.place = node.place
        frame = node.frame
        if frame is None:
            return node.saved
        if not frame.saved:
            self._recompute(frame)
            self.place = node.place
        saved = []
        for slot in node.slots:
            value = frame.saved[slot]
            if value is not None:
                saved.append(value)
                frame.saved[slot] = None
        return saved

    def _arrive(self, leaf: Leaf) -> None:
        """Tell of a gradient when it is whole."""
        if self.arrived is not None:
            leaf.missing = (leaf.missing or leaf.uses) - 1
            if not leaf.missing:
                self.arrived(leaf)

    def _accumulate(self, kept: Tensor, more: Tensor, own: int, waiting: dict[int, int]) -> Tensor:
        """Add a second gradient: in place when nobody else holds the first (`can_accumulate_inplace`), else into a new block."""
        at = kept.buffer.at if kept.buffer is not None else -1
        if not kept.viewed and waiting.get(at, 0) <= own and kept.buffer is not more.buffer:
            return kept
        if own:
            waiting[at] -= 1
        made = self.new(more.elements, more.width)
        if own and made.buffer is not None:
            waiting[made.buffer.at] = 1
        return made
