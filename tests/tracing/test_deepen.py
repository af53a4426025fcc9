"""What was traced of a few layers, made into many: held against an invented model that can have any number of them."""

from __future__ import annotations

import pytest

from envdoctor.tracing.deepen import Group, Step, Uneven, deepen, repeated, settled


class Book:
    """Writes a step down as the traced process does."""

    def __init__(self) -> None:
        self.events: list[int] = []
        self.marks: list[tuple[int, str]] = []
        self.products: list[int] = []
        self.gradients: list[int] = []

    def mark(self, name: str) -> None:
        self.marks.append((len(self.events), name))

    def take(self, size: int) -> int:
        self.events.append(size)
        return len(self.events) - 1

    def give(self, at: int) -> None:
        self.events.append(~at)

    def step(self) -> Step:
        products, gradients = frozenset(self.products), frozenset(self.gradients)
        return Step(events=tuple(self.events), marks=tuple(self.marks), products=products, gradients=gradients)


def invented(layers: int, *, wide_every: int = 0) -> Step:
    """Run a model whose layers keep something, hand something on, and leave a gradient; each `wide_every`th has a mask of its own."""
    book = Book()
    book.mark("start")
    mask = book.take(1000)
    wide_mask = book.take(3000)
    book.products.append(len(book.events))
    x = book.take(64)
    kept, wide = [], [bool(wide_every) and (number + 1) % wide_every == 0 for number in range(layers)]
    for number in range(layers):
        book.mark(f"f{number}")
        passing = book.take(50)
        kept.append(book.take(500 if wide[number] else 200))
        more = book.take(64)
        book.give(passing)
        book.give(x)
        x = more
    book.mark("loss")
    logits = book.take(9000)
    book.give(x)
    book.products.append(len(book.events))
    back = book.take(64)
    book.give(logits)
    left = [] if wide_every else [mask]
    last_wide, last_narrow = wide.index(True) if any(wide) else -1, wide.index(False)
    for number in reversed(range(layers)):
        book.mark(f"b{number}")
        gradient = book.take(77)
        book.gradients.append(gradient)
        left.append(gradient)
        more = book.take(64)
        book.give(back)
        book.give(kept[number])
        back = more
        if number == last_wide:
            book.give(wide_mask)
        if wide_every and number == last_narrow:
            book.give(mask)
    book.mark("end")
    book.give(back)
    for at in left:
        book.give(at)
    return book.step()


@pytest.mark.parametrize("layers", [5, 6, 9, 32])
def test_a_shallow_step_becomes_the_step_of_the_whole(layers: int) -> None:
    found = deepen(invented(5), Group(first=2, period=1, copies=layers - 5))
    wanted = invented(layers)
    assert settled(found.events) == settled(wanted.events)
    assert found.marks == wanted.marks
    assert found.products == wanted.products
    assert found.gradients == wanted.gradients


def test_layers_of_two_kinds_are_repeated_by_their_pattern() -> None:
    found = deepen(invented(8, wide_every=3), Group(first=1, period=3, copies=4))
    wanted = invented(20, wide_every=3)
    assert settled(found.events) == settled(wanted.events)
    assert found.gradients == wanted.gradients


def test_what_all_layers_share_ends_once() -> None:
    found = deepen(invented(8, wide_every=3), Group(first=1, period=3, copies=4))
    ends = [~event for event in found.events if event < 0]
    assert len(ends) == len(set(ends))


def test_a_pattern_that_is_none_is_told() -> None:
    step = invented(5)
    starts = {name: at for at, name in step.marks}
    wider = tuple(65 if event == 64 and starts["b3"] <= at < starts["b2"] else event for at, event in enumerate(step.events))
    with pytest.raises(Uneven, match="65 bytes that b6 should leave to b5 is not there"):
        deepen(step.replace(events=wider), Group(first=2, period=1, copies=4))


def test_a_layer_that_was_passed_twice_or_never_is_told() -> None:
    step = invented(5)
    with pytest.raises(Uneven, match="twice"):
        deepen(step.replace(marks=(*step.marks, (len(step.events), "f2"))), Group(first=2, period=1, copies=1))
    with pytest.raises(Uneven, match="never"):
        deepen(step.replace(marks=tuple(mark for mark in step.marks if mark[1] != "b3")), Group(first=2, period=1, copies=1))


def test_weights_of_a_group_are_repeated_behind_it() -> None:
    sizes = [(-1, 9), (0, 1), (0, 2), (1, 3), (1, 4), (2, 5), (-1, 9)]
    assert repeated(sizes, Group(first=1, period=1, copies=2)) == [9, 1, 2, 3, 4, 3, 4, 3, 4, 5, 9]
    assert repeated(sizes, Group(first=0, period=1, copies=0)) == [size for _, size in sizes]
