"""Proves the ledger on a step whose bytes are known, before it is believed."""

from __future__ import annotations

import torch
from ledger import Ledger
from torch._subclasses.fake_tensor import FakeTensorMode

_ROWS, _IN, _OUT = 64, 128, 256


def wrong() -> str:
    """Return what is wrong with this torch for the method, or "" when all is well."""
    small, wide, weight = _ROWS * _IN * 4, _ROWS * _OUT * 4, _IN * _OUT * 4
    with FakeTensorMode(allow_non_fake_inputs=True):
        x, w = torch.empty(_ROWS, _IN), torch.nn.Parameter(torch.empty(_IN, _OUT))
        book = Ledger()
        book.know([x, w])
        with book:
            y = x @ w
            y = y.relu()
            loss = (y + y * y).sum()
            del y
            book.backward = True
            loss.backward()
            del loss
            kept = book.position(w.grad)
    live, most = 0, 0
    for event in book.events:
        live += event if event >= 0 else -book.events[~event]
        most = max(most, live)
    sizes = sorted(event for event in book.events if event > 16)
    # the product, relu (which keeps its output), the square and the sum; going back, two factors of the square, of which the second is
    # added in place of a third, the way through relu, and the gradient
    if kept < 0 or book.events[kept] != weight or live != weight:
        return f"the gradient of a step with known bytes is not where it should be ({live:,} bytes left, {weight:,} expected)"
    if small in sizes or set(sizes) != {wide, weight} or sizes.count(weight) != 1:
        return f"a step with known bytes took blocks of {sorted(set(sizes))}"
    if not 4 * wide <= most <= 4 * wide + weight:
        return f"a step with known bytes had {most:,} of them alive at once, and {4 * wide:,} were expected"
    return ""
