"""Families first held to the libraries' own code, traced on tensors without values (`traced.jsonl`); most ran later, a few layers deep."""

from __future__ import annotations

import json
import os
import statistics
from typing import Any

import pytest

from envdoctor.memory.arguments import Wishes, resolve
from envdoctor.memory.families import TRAITS
from envdoctor.memory.forecast import followed
from envdoctor.memory.run import Run
from envdoctor.memory.shape import Shape, shape_of
from envdoctor.memory.verdict import band_of, measured
from tests.conftest import FIXTURES


def rows() -> list[dict[str, Any]]:
    with open(os.path.join(FIXTURES, "memory", "traced.jsonl"), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def asked(row: dict[str, Any]) -> tuple[Shape, Run]:
    shape = shape_of(row["config"], row["config"]["model_type"]).replace(layers=row["layers"])
    wishes = Wishes(
        method=row["method"],
        rank=row["r"],
        targets=row["targets"],
        batch=row["batch"],
        seq=row["seq"],
        dtype=row["dtype"],
        optimizer=row["optim"],
        attention=row["attn"],
        checkpointing=row["gc"],
    )
    return shape, resolve(wishes, shape, row["versions"])[0]


def step_peak(shape: Shape, run: Run) -> int:
    """Return the most that a step holds beside weights and states, without cuBLAS's workspaces."""
    whole = followed(shape, run)
    live = most = 0
    for at, event in enumerate(whole.events):
        if at not in whole.workspaces:
            live += event if event >= 0 else -whole.events[~event]
            most = max(most, live)
    return most


def test_steps_take_what_the_libraries_code_takes() -> None:
    off = {(row["config"]["model_type"], row["method"], row["gc"]): abs(step_peak(*asked(row)) / row["step_peak"] - 1) for row in rows()}
    assert statistics.median(off.values()) <= 0.001
    assert max(off.values()) <= 0.012, max(off, key=lambda name: off[name])


def test_only_what_was_traced_is_called_so() -> None:
    assert {row["config"]["model_type"] for row in rows()} - {"llama"} == {name for name, traits in TRAITS.items() if traits.traced}


@pytest.mark.parametrize("row", rows()[3::3], ids=lambda row: row["config"]["model_type"])
def test_they_get_a_wider_margin(row: dict[str, Any]) -> None:
    shape, run = asked(row)
    assert measured(shape)
    assert band_of(shape, run) == 0.08
