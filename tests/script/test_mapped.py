"""What a function is seen to do that a data set is mapped with."""

from __future__ import annotations

import json
from typing import Any

import pytest

from envdoctor.script import read
from envdoctor.script.mapped import MAP

MASKING = """
def f(example):
    enc = tokenizer(example["a"], truncation=True)
    labels = [-100] * 3 + enc["input_ids"][3:]
    return {{"input_ids": enc["input_ids"], "labels": {labels}}}
"""


def seen(text: str, call: str = "ds.map(f, batched=True)") -> dict[str, Any]:
    calls = [call for call in read(f"{text}\n{call}", "train.py").calls if call.target == MAP]
    return {argument.name: argument.value for call in calls for argument in call.arguments}


@pytest.mark.parametrize(
    "text",
    [
        "def f(batch):\n    return {'x': [build(item) for item in batch]}",
        "def f(batch):\n    for item in batch:\n        keep(item)\n    return {}",
        "f = lambda batch: {'x': [item for item in batch]}",
    ],
)
def test_a_loop_over_the_batch_itself_reads_names(text: str) -> None:
    assert seen(text) == {"reads": "names"}


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("def f(batch):\n    return {k: batch[k] for k in batch}", "ds.map(f, batched=True)"),
        ("def f(batch):\n    return {'x': [item for item in batch['a']]}", "ds.map(f, batched=True)"),
        ("def f(batch):\n    for k in batch:\n        keep(k)\n    return use(batch)", "ds.map(f, batched=True)"),
        ("def f(batch):\n    return {'x': [item for item in batch.values()]}", "ds.map(f, batched=True)"),
        ("def f(row):\n    return {'x': [k for k in row]}", "ds.map(f, remove_columns=['a'])"),
        ("def f(items):\n    return [item for item in items]", "pool.map(f, jobs)"),
        ("from tools import f", "ds.map(f, batched=True)"),
    ],
)
def test_anything_else_is_no_loop_over_names(text: str, call: str) -> None:
    assert "reads" not in seen(text, call)


def test_in_a_notebook_the_place_is_in_the_cell_of_the_function() -> None:
    cells = ["import datasets", "def f(batch):\n    return {'x': [item for item in batch]}", "ds.map(f, batched=True)"]
    book = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code", "source": cell} for cell in cells]}
    (call,) = (call for call in read(json.dumps(book), "train.ipynb").calls if call.target == MAP)
    assert call.arguments[0].location.path == "train.ipynb:cell 2"


def test_masked_labels_that_are_not_padded_are_seen() -> None:
    assert seen(MASKING.format(labels="labels"), "ds.map(f, remove_columns=names)") == {"unpadded": ("labels",)}


@pytest.mark.parametrize(
    "text",
    [
        MASKING.format(labels="labels").replace("truncation=True", "truncation=True, padding='max_length'"),
        MASKING.format(labels="labels + [tokenizer.pad_token_id] * rest"),
        MASKING.format(labels="pad(labels)"),
        MASKING.format(labels="labels").replace("-100", "100"),
        MASKING.format(labels="labels").replace('"labels"', '"marks"'),
        MASKING.format(labels="labels").replace("truncation=True", ""),
    ],
)
def test_labels_that_may_be_of_one_length_are_not(text: str) -> None:
    assert "unpadded" not in seen(text, "ds.map(f, remove_columns=names)")
