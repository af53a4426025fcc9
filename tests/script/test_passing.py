"""Keywords on their way to a library: through `partial`, and through the script's own functions."""

from __future__ import annotations

import textwrap

import pytest

from envdoctor.script import read

HEAD = "import functools\nfrom functools import partial\nfrom trl import SFTConfig\n"


def passed(body: str) -> list[list[str]]:
    script = read(HEAD + textwrap.dedent(body), "train.py")
    return [[argument.name for argument in call.arguments] for call in script.calls if call.target == "trl.SFTConfig"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("make = partial(SFTConfig, packing=True)", [["packing"]]),
        ("make = functools.partial(SFTConfig, packing=True)\nmake(max_length=1)", [["packing"], ["max_length"]]),
        ("def make(**kw):\n    return SFTConfig('out', **kw)\nmake(packing=True)", [["0"], ["packing"]]),
        ("def make(name, **kw):\n    return SFTConfig(name, **kw)\nmake('out', packing=True, name='x')", [["0"], ["packing"]]),
        ("def make(**kw):\n    return SFTConfig('out', **kw)\nmake('out')", [["0"]]),
    ],
)
def test_a_keyword_is_one_of_the_library_s_call(body: str, expected: list[list[str]]) -> None:
    assert passed(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        "def make(**kw):\n    kw.pop('packing')\n    return SFTConfig('out', **kw)\nmake(packing=True)",
        "def make(**kw):\n    change(kw)\n    return SFTConfig('out', **kw)\nmake(packing=True)",
        "def make(**kw):\n    if x:\n        return SFTConfig('out', **kw)\n    return other(**kw)\nmake(packing=True)",
        "@wrapped\ndef make(**kw):\n    return SFTConfig('out', **kw)\nmake(packing=True)",
        "def make(**kw):\n    return SFTConfig('out', **kw)\ndef make(**kw):\n    return None\nmake(packing=True)",
        "def make(**kw):\n    kw = clean(kw)\n    return SFTConfig('out', **kw)\nmake(packing=True)",
    ],
)
def test_keywords_that_may_change_on_the_way_are_not_followed(body: str) -> None:
    assert not any("packing" in names for names in passed(body))


def test_the_place_is_that_of_the_keyword_as_it_is_written() -> None:
    script = read(HEAD + "def make(**kw):\n    return SFTConfig('out', **kw)\nmake(\n    packing=True,\n)\n", "train.py")
    argument = script.calls[-1].arguments[0]
    assert (argument.name, argument.value, argument.location.line, argument.location.column) == ("packing", True, 7, 5)


def made(body: str, rest: str = "") -> list[list[str]]:
    text = "from transformers import Trainer\nclass Mine(Trainer):\n" + textwrap.indent(textwrap.dedent(body), "    ") + "\n" + rest
    return [[one.name for one in call.arguments] for call in read(text, "train.py").calls if call.target == "transformers.Trainer"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("def __init__(self, weights, *args, **kw):\n    super().__init__(*args, **kw)", [["model", "tokenizer"]]),
        (
            "def __init__(self, model, tokenizer, weights):\n    super().__init__(model=model, tokenizer=tokenizer)",
            [["model", "tokenizer"]],
        ),
        ("def __init__(self, *args, **kw):\n    kw.pop('tokenizer')\n    super().__init__(*args, **kw)", []),
        ("def __init__(self, *args, **kw):\n    if x:\n        super().__init__(*args, **kw)", []),
        ("def __init__(self, **kw):\n    Trainer.__init__(self)\n", []),
        ("def __init__(self, **kw):\n    super(Mine, self).__init__(**kw)", [["model", "tokenizer", "weights"]]),
        ("def __init__(self, **kw):\n    super(Other, self).__init__(**kw)", []),
        ("def __new__(cls, **kw):\n    pass\ndef __init__(self, **kw):\n    super().__init__(**kw)", []),
        ("def other(self, **kw):\n    super().__init__(**kw)", [["model", "tokenizer", "weights"]]),
    ],
)
def test_a_class_hands_what_its_constructor_hands_on_to_that_of_its_base(body: str, expected: list[list[str]]) -> None:
    assert made(body, "Mine(model=1, tokenizer=2, weights=3)") == expected
