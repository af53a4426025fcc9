"""The fast reading of command lines agrees with argparse wherever it answers, and leaves the rest to it."""

from __future__ import annotations

import pytest

from envdoctor.cli.check import OPERAND, OPTIONS
from envdoctor.cli.options import explain, scan

RIGHT = [
    [],
    ["--freeze", "box.txt", "--python-version", "3.11", "--platform=linux-x86_64", "--gpus", "0", "--for", "sft", "--format", "json"],
    ["a.txt", "b.txt", "-q"],
    ["--select", "a,b", "--select=c"],
    ["--", "-odd-name.txt"],
    ["-o", "out.json", "--strict", "--verbose"],
]
LEFT_TO_ARGPARSE = [
    ["--help"],
    ["--frmat"],
    ["--for", "nothing"],
    ["--gpus", "x"],
    ["--freeze"],
    ["--freeze", "--strict"],
    ["--strict=1"],
    ["-x"],
]


@pytest.mark.parametrize("words", RIGHT, ids=" ".join)
def test_both_read_the_same(words: list[str]) -> None:
    fast = scan(words, OPTIONS, OPERAND)
    assert fast is not None
    assert fast == explain(words, "envdoctor check", "", OPTIONS, OPERAND)


@pytest.mark.parametrize("words", LEFT_TO_ARGPARSE, ids=" ".join)
def test_what_is_not_plainly_right_is_left_to_argparse(words: list[str]) -> None:
    assert scan(words, OPTIONS, OPERAND) is None
