"""What a function answers that a script hands over: seen where every return agrees, and not known otherwise."""

from __future__ import annotations

import json
import textwrap

import pytest

from envdoctor.model.answer import Answer
from envdoctor.model.exchange import from_mapping, to_mapping
from envdoctor.script import read
from tests.conftest import snapshot

LOOP = """
def f(examples):
    texts = []
    for question, answer in zip(examples["q"], examples["a"]):
        texts.append(f"{question} {answer}")
    return texts
"""
ALPACA = """
def f(examples):
    instructions = examples["instruction"]
    texts = []
    for i in range(len(instructions)):
        texts.append(PROMPT.format(instructions[i]) + tokenizer.eos_token)
    return texts
"""
PARTS = """
def f(example):
    parts = []
    for message in example["messages"]:
        parts.append(message["content"])
    return "\\n".join(parts)
"""
ADDED = """
def f(example):
    text = "### "
    if example["input"]:
        text += example["input"]
    text = text.strip()
    return text
"""


def answer(text: str) -> Answer | None:
    script = read(f"from trl import SFTTrainer\n{textwrap.dedent(text)}\nSFTTrainer(formatting_func=f)", "train.py")
    (call,) = (call for call in script.calls if call.target == "trl.SFTTrainer")
    (argument,) = call.arguments
    assert not argument.literal
    return argument.answer


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("def f(e):\n    return f\"{e['a']}\"", "text"),
        ("f = lambda e: '### ' + e['a']", "text"),
        ("def f(e):\n    return '%s' % e['a']", "text"),
        ("def f(e):\n    if e['a']:\n        return 'x'\n    else:\n        return str(e['b'])", "text"),
        (PARTS, "text"),
        (ADDED, "text"),
        ("def g(e):\n    return f'{e}'\ndef f(e):\n    return g(e)", "text"),
        ("def f(e):\n    return [f\"{e['a']}\"]", "one"),
        ("def f(e):\n    return ['x', e['a']]", "several"),
        ("def f(e):\n    return [t for t in TEXTS]", "several"),
        ("def f(e):\n    return [t + EOS for t in e['a']]", "rows"),
        (LOOP, "rows"),
        (ALPACA, "rows"),
        ("def f(e):\n    return {'text': e['a']}", "mapping"),
        ("def g(e):\n    return 'x'\nf = lambda batch: [g(dict(zip(batch, row))) for row in zip(*batch.values())]", "rows"),
        (LOOP.replace("f(", "g(") + "\nf = lambda e: g({key: [value] for key, value in e.items()})[0]", "text"),
    ],
)
def test_the_answer_is_seen(text: str, kind: str) -> None:
    told = answer(text)
    assert told is not None and told.kind == kind


@pytest.mark.parametrize(
    "text",
    [
        "from prompts import f",
        "f = lambda e: e['text']",
        "def f(e):\n    return tokenizer.apply_chat_template(e['messages'], tokenize=False)",
        "def f(e):\n    if e['a']:\n        return 'x'",
        "def f(e):\n    if e['a']:\n        return 'x'\n    return ['x']",
        "@once\ndef f(e):\n    return 'x'",
        "def f(e):\n    yield 'x'",
        "def f(e, more):\n    return 'x'",
        "def f(e):\n    return 'x'\ndef f(e):\n    return ['x']",
        "def f(e):\n    for t in e['a']:\n        t = 'x'\n    return t",
        "def f(e):\n    return f(e)",
        "def f(e):\n    t = t\n    return t",
    ],
)
def test_what_is_not_certain_has_no_answer(text: str) -> None:
    assert answer(text) is None


def test_the_place_and_the_columns_are_told() -> None:
    told = answer(LOOP)
    assert told is not None
    assert (told.location.line, told.location.column, told.reads) == (7, 12, ("q", "a"))


def test_in_a_notebook_the_place_is_in_the_cell_of_the_function() -> None:
    cells = ["from trl import SFTTrainer", LOOP, "trainer = SFTTrainer(formatting_func=f)"]
    book = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code", "source": cell} for cell in cells]}
    call = next(call for call in read(json.dumps(book), "train.ipynb").calls if call.target == "trl.SFTTrainer")
    (argument,) = call.arguments
    assert argument.location.path == "train.ipynb:cell 3"
    assert argument.answer is not None and argument.answer.location.path == "train.ipynb:cell 2"


def test_a_saved_snapshot_keeps_the_answer() -> None:
    script = read(f"from trl import SFTTrainer\n{LOOP}\nSFTTrainer(formatting_func=f)", "train.py")
    saved = snapshot({"trl": "1.16.0"}).replace(script=script)
    assert from_mapping(to_mapping(saved), "box.json").script == script
