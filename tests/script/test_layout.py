"""An argument is taken out of a call without moving what stays."""

from __future__ import annotations

import pytest

from envdoctor.script.layout import Layout, arguments, edited


def without(text: str, name: str) -> str:
    layout = Layout(text, "train.py")
    call = next(one for one in layout.calls)
    keyword = next(one for one in call.keywords if one.arg == name)
    edit, _ = layout.removed(arguments(call), keyword)
    return edited(text, [edit])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f(a=1, x=2, b=3)\n", "f(a=1, b=3)\n"),
        ("f(x=2, b=3)\n", "f(b=3)\n"),
        ("f(a=1, x=2)\n", "f(a=1)\n"),
        ("f(x=2)\n", "f()\n"),
        ("f(a=1, x=2,\n  b=3)\n", "f(a=1,\n  b=3)\n"),
        ("f(a=1,\n  x=2, b=3)\n", "f(a=1,\n  b=3)\n"),
        ("f(a=1,\n  x=2,\n  b=3)\n", "f(a=1,\n  b=3)\n"),
        ("f(x=2,\n  b=3)\n", "f(b=3)\n"),
        ("f(\n  a=1,\n  x=2,  # why\n)\n", "f(\n  a=1,\n)\n"),
    ],
)
def test_a_removed_argument_leaves_the_others_in_their_lines(before: str, after: str) -> None:
    assert without(before, "x") == after
