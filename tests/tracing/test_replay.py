"""A traced step as a forecast: held against the arithmetic by giving it the arithmetic's own step, and against real runs."""

from __future__ import annotations

import json
import os
import statistics
from typing import Any

import pytest

from envdoctor.memory.allocator import MIB
from envdoctor.memory.arguments import Wishes, resolve
from envdoctor.memory.catalogue import configuration
from envdoctor.memory.forecast import bytes_of, followed, forecast, needs_for
from envdoctor.memory.model import Model
from envdoctor.memory.run import Run
from envdoctor.memory.shape import Shape, shape_of
from envdoctor.memory.verdict import FITS, TOO_MUCH, judge
from envdoctor.tracing.answer import Traced
from envdoctor.tracing.deepen import Step
from envdoctor.tracing.replay import replay
from tests.conftest import FIXTURES

NAMES = {"olmo2-1b": "allenai/OLMo-2-0425-1B", "granite-3.3-2b": "ibm-granite/granite-3.3-2b-base"}
SMALL = shape_of({**(configuration("meta-llama/Llama-3.2-1B") or {}), "num_hidden_layers": 4}, "llama")


def as_traced(shape: Shape, run: Run) -> Traced:
    """Put the arithmetic's step into a trace's form."""
    step, model = followed(shape, run), Model(shape, run, shape.layers)
    marks = ((0, "start"), (step.loss, "loss"), (step.back, "b0"), (step.end, "end"))
    # a workspace is an allocation there, and told by its place here
    size = run.workspace
    events, places, moved = [], [], {}
    for at, event in enumerate(step.events):
        if at in step.workspaces:
            places.append(len(events))
        elif event >= 0 or ~event not in step.workspaces:
            moved[at] = len(events)
            events.append(event if event >= 0 else ~moved[~event])
    shifted = tuple((next(moved[here] for here in range(at, len(step.events)) if here in moved) if at else 0, name) for at, name in marks)
    assert size
    return Traced(
        step=Step(
            events=tuple(events),
            marks=shifted,
            products=frozenset(places),
            gradients=frozenset(moved[at] for at in step.gradients if at in moved),
        ),
        weights=tuple(size for weight in model.weights() for size in bytes_of(weight, run)),
        adapters=tuple(size for weight in model.adapters() for size in bytes_of(weight, run)),
        optimizer=(),
        parameters=sum(weight.tensor.elements for weight in model.weights()),
        trained=sum(weight.tensor.elements for weight in model.trained()),
        depths=(shape.layers,),
        layers=shape.layers,
        versions={},
        seconds=0.0,
    )


@pytest.mark.parametrize(
    "wishes",
    [
        Wishes(batch=2, seq=512, checkpointing=True),
        Wishes(batch=1, seq=512, checkpointing=False, method="full", optimizer="adamw_torch"),
        Wishes(method="qlora", optimizer="paged_adamw_8bit", seq=256, checkpointing=True),
        Wishes(method="full", optimizer="adafactor", seq=256, checkpointing=False),
    ],
)
def test_the_replay_is_the_forecast_s_own(wishes: Wishes) -> None:
    shape = SMALL
    run = resolve(wishes, shape, {"torch": "2.11.0", "transformers": "5.17.0", "trl": "1.16.0", "peft": "0.21.0"})[0]
    wanted = forecast(shape, run)
    found = replay(as_traced(shape, run), run, needs_for(Model(shape, run, shape.layers), run))
    assert (found.allocated, found.workspaces, found.outside) == (wanted.allocated, wanted.workspaces, wanted.outside)
    assert found.reserved == pytest.approx(wanted.reserved, abs=4 * MIB)
    for name in ("weights", "adapters", "states", "parameters", "trained", "gradients", "activations", "logits", "passing"):
        assert getattr(found, name) == getattr(wanted, name), name


def traced_rows() -> list[dict[str, Any]]:
    with open(os.path.join(FIXTURES, "memory", "traces-of-runs.jsonl"), encoding="utf-8") as file:
        found = [json.loads(line) for line in file]
    # two of the given rows do not come out again on a card: see docs/explanation/memory.md
    return [row for row in found if row.get("left_over", 0) < 1 << 30]


def test_traces_say_what_real_runs_took() -> None:
    rows = traced_rows()
    assert len(rows) >= 120
    off = sorted(abs(row["traced"]["allocated"] / row["measured"]["allocated"] - 1) for row in rows)
    assert statistics.median(off) <= 0.003
    assert off[-1] <= 0.02
    context = 767 * MIB
    device = sorted(abs((row["traced"]["reserved"] + context) / (row["measured"]["reserved"] + context) - 1) for row in rows)
    assert statistics.median(device) <= 0.025
    assert device[int(0.9 * len(device))] <= 0.07
    assert device[-1] <= 0.12
    assert all(row["trained"] for row in rows)


def test_traces_of_fixtures_were_made_with_the_versions_of_the_runs() -> None:
    wanted = {"transformers": "5.17.0", "peft": "0.21.0", "trl": "1.16.0"}
    for row in traced_rows():
        assert row["versions"]["torch"].split("+")[0] == "2.11.0"
        assert all(row["versions"].get(name, version) == version for name, version in wanted.items())


@pytest.mark.parametrize(("share", "never"), [(0.90, FITS), (0.97, FITS), (1.03, TOO_MUCH), (1.10, TOO_MUCH)])
def test_no_traced_run_is_judged_wrongly(share: float, never: str) -> None:
    some = forecast(SMALL, Run(seq=8))  # what it takes is told by the rows
    for row in traced_rows():
        sizes = configuration(NAMES.get(row["model"], row["model"])) or {}
        shape = shape_of({**sizes, "num_hidden_layers": row.get("layers", sizes["num_hidden_layers"])}, row["model"])
        run = Run(attention=row["attn"], optimizer=row["optim"])
        found = some.replace(allocated=row["traced"]["allocated"], reserved=row["traced"]["reserved"])
        capacity = int((row["measured"]["reserved"] + 767 * MIB) * share)
        assert judge(shape.replace(calibrated=True), run, found, capacity, 9.0).verdict != never, row


@pytest.mark.parametrize(("checkpointing", "traced"), [(True, 5_125_355_520), (False, 13_108_914_176)])
def test_the_arithmetic_knows_what_a_trace_of_an_older_trl_showed(checkpointing: bool, traced: int) -> None:
    """Traced with transformers 4.57.1, peft 0.18.0 and trl 0.24.0, whose SFTTrainer casts the norms of 4-bit models to fp32."""
    shape = shape_of(configuration("Qwen/Qwen3-4B") or {}, "qwen3")
    versions = {"torch": "2.13.0", "transformers": "4.57.1", "peft": "0.18.0", "trl": "0.24.0"}
    run = resolve(Wishes(method="qlora", trainer="trl", checkpointing=checkpointing), shape, versions)[0]
    assert forecast(shape, run).allocated == pytest.approx(traced, rel=0.005)
