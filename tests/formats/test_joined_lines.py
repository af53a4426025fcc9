"""Lines with their places are the lines that readers see, and every character stands where it is said to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envdoctor.formats._joined_lines import block_end, joined_lines
from envdoctor.formats._requirement_lines import logical_lines

PIECES = st.sampled_from(
    ["torch", "==2.5", "\\", "\\\n", "\\\r\n", "\n", "\r\n", "\r", " ", "\t", "#", " # note", "  ", "-r x", "é", "\ufeff", "\0", "\x0c"]
)


@given(st.lists(PIECES, max_size=30).map("".join))
def test_they_are_the_lines_that_the_reader_sees(text: str) -> None:
    assert [(line.number, line.text) for line in joined_lines(text)] == list(logical_lines(text))


@given(st.lists(PIECES, max_size=30).map("".join))
def test_every_character_stands_where_it_is_said_to(text: str) -> None:
    for line in joined_lines(text):
        assert "".join(text[line.place(at)] for at in range(len(line.text))) == line.text
        assert line.start <= line.place(0)
        assert line.place(len(line.text) - 1) < line.end
        assert line.start == 0 or text[: line.start] == "\ufeff" or text[line.start - 1] == "\n"


def test_a_part_may_reach_over_a_continuation() -> None:
    text = "\ntorch>=2.5,\\\r\n  <3 # why\r\npeft"
    line = next(joined_lines(text))
    at = line.text.index(">=")
    start, end = line.span(at, len(line.text))
    assert text[start:end] == ">=2.5,\\\r\n  <3"
    assert text[line.start : line.end] == "torch>=2.5,\\\r\n  <3 # why\r\n"


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    (line,) = joined_lines("\ufefftorch")
    assert (line.text, line.start) == ("torch", 1)


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("a\n    # via\n    #   x\nb\n", "b\n"),
        ("a\n    # via x\n", ""),
        ("a\n    # via x", ""),
        ("a\n# via x\nb", "# via x\nb"),
        ("a\n    # note\nb", "    # note\nb"),
        ("a\n\n    # via x\nb", "\n    # via x\nb"),
    ],
)
def test_what_a_compiler_says_below_a_line_belongs_to_it(text: str, rest: str) -> None:
    assert text[block_end(text, next(joined_lines(text))) :] == rest
