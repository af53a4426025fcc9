"""The events of a deep model from those that were traced of a shallow one: a group of middle layers is repeated.

A segment is what happens between two marks: before the layers (`start`), in each layer going forward (`f0`, `f1` ...), in head and loss
(`loss`), in each layer going back (`b1`, `b0`), and once the gradients are complete (`end`).
"""

from __future__ import annotations

from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Uneven(Exception):
    """Layers that should be alike are not, so nothing can be said of more of them. Says what differs."""


class Step(Record):
    """One step: an allocation of n bytes is n, the end of the allocation at position p is ~p. Other figures are positions in it."""

    events: tuple[int, ...]
    marks: tuple[tuple[int, str], ...]
    products: frozenset[int] = frozenset()  # before which cuBLAS takes a workspace, in the first step
    gradients: frozenset[int] = frozenset()  # allocations that hold gradients when the step is complete


class Group(Record):
    """The layers that stand for those that were not traced: where they begin, how many they are, and how many copies are missing."""

    first: int
    period: int
    copies: int


def deepen(step: Step, group: Group) -> Step:
    """Repeat the layers of a group. Raises Uneven."""
    events, names = step.events, [name for _, name in step.marks]
    starts = [at for at, _ in step.marks]
    bounds = dict(zip(names, zip(starts, [*starts[1:], len(events)], strict=True), strict=True))
    if len(bounds) != len(names):
        raise Uneven(f"a layer was passed twice: {' '.join(names)}")
    home = [name for name, (start, stop) in bounds.items() for _ in range(start, stop)]
    out: list[int] = []
    marks: list[tuple[int, str]] = []
    products: list[int] = []
    gradients: list[int] = []
    placed: dict[tuple[str, int], int] = {}
    for name, source in _order(names, group):
        if source not in bounds:
            raise Uneven(f"layer {source[1:]} was never passed")
        marks.append((len(out), name))
        start, stop = bounds[source]
        for at in range(start, stop):
            event = events[at]
            if at in step.products:
                products.append(len(out))
            if event >= 0:
                placed[name, at - start] = len(out)
                if at in step.gradients:
                    gradients.append(len(out))
                out.append(event)
                continue
            origin = home[~event]
            offset = ~event - bounds[origin][0]
            for goal in _goals(name, source, origin, group):
                position = placed.get((goal, offset), -1)
                if position < 0 or out[position] != events[~event]:
                    raise Uneven(f"a tensor of {events[~event]:,} bytes that {goal} should leave to {name} is not there")
                out.append(~position)
    return Step(events=tuple(out), marks=tuple(marks), products=frozenset(products), gradients=frozenset(gradients))


def _layer(name: str) -> int:
    """Return the layer that a segment belongs to, or -1."""
    return int(name[1:]) if name[0] in "fb" and name[1:].isdecimal() else -1


def _order(names: Sequence[str], group: Group) -> Iterable[tuple[str, str]]:
    """Return the segments of the deep model in their order, each with the traced segment that it repeats."""
    depth = sum(name[0] == "f" and _layer(name) >= 0 for name in names)
    more, end = group.period * group.copies, group.first + group.period
    traced = [*range(end), *(group.first + n % group.period for n in range(more)), *range(end, depth)]
    yield "start", "start"
    yield from ((f"f{number}", f"f{layer}") for number, layer in enumerate(traced))
    yield "loss", "loss"
    yield from ((f"b{number}", f"b{traced[number]}") for number in reversed(range(len(traced))))
    yield "end", "end"


def _goals(name: str, source: str, origin: str, group: Group) -> Iterable[str]:
    """Return the segments whose allocations end where, in the traced step, one of `origin` ends."""
    here, there, end = _layer(source), _layer(origin), group.first + group.period
    if there < 0:  # what all layers share ends once: in the last of the copies that is reached
        copy = (_layer(name) - here) // group.period if group.first <= here < end else -1
        return [origin] if copy < 0 or copy == (group.copies if name[0] == "f" else 0) else []
    if here >= 0:
        return [f"{origin[0]}{there + _layer(name) - here}"]
    if group.first <= there < end:
        return [f"{origin[0]}{there + group.period * copy}" for copy in range(group.copies + 1)]
    return [f"{origin[0]}{there + (group.period * group.copies if there >= end else 0)}"]


def settled(events: Sequence[int]) -> list[int]:
    """Return the events with ends that follow each other in one order; hash tables end theirs in any.

    >>> settled([4, 8, ~1, ~0])
    [4, 8, -2, -1]
    >>> settled([4, 8, ~0, ~1])
    [4, 8, -2, -1]
    """
    out: list[int] = []
    run: list[int] = []
    for event in events:
        if event < 0:
            run.append(event)
            continue
        out += sorted(run)
        run = []
        out.append(event)
    return out + sorted(run)


def repeated(sizes: Sequence[tuple[int, int]], group: Group) -> list[int]:
    """Return the bytes of all weights from pairs of layer (-1 for none) and bytes, those of the group as often as they are needed.

    >>> repeated([(-1, 5), (0, 7), (1, 8)], Group(first=0, period=1, copies=2))
    [5, 7, 7, 7, 8]
    """
    inside = [group.first <= layer < group.first + group.period for layer, _ in sizes]
    last = max((at for at, told in enumerate(inside) if told), default=-1)
    own = [size for (_, size), told in zip(sizes, inside, strict=True) if told]
    out: list[int] = []
    for at, (_, size) in enumerate(sizes):
        out.append(size)
        if at == last:
            out += own * group.copies
    return out
