"""What is said between envdoctor and the traced process."""

from __future__ import annotations

import json
from typing import Any

import pytest

from envdoctor.memory.run import Run
from envdoctor.tracing.answer import Garbled, read, request, traced, whole
from envdoctor.tracing.deepen import Step, Uneven
from tests.tracing.test_deepen import invented


def told(step: Step) -> dict[str, Any]:
    parts = {"events": step.events, "marks": step.marks, "products": sorted(step.products), "gradients": sorted(step.gradients)}
    read_again: dict[str, Any] = json.loads(json.dumps(parts))
    return read_again


def answer(**other: Any) -> dict[str, Any]:
    return {
        "depths": [5, 6],
        "group": {"first": 2, "period": 1, "copies": 7},
        "layers": 12,
        "steps": [told(invented(5)), told(invented(6))],
        "weights": [[-1, 900], *[[layer, 100] for layer in range(5)]],
        "adapters": [[layer, 7] for layer in range(5)],
        "buffers": [3],
        "parameters": [[-1, 450], *[[layer, 50] for layer in range(5)]],
        "trained": [[layer, 7] for layer in range(5)],
        "optimizer": [[14, 14], [5, -1]],
        "versions": {"torch": "2.13.0"},
        "seconds": 1.5,
    } | other


def test_an_answer_becomes_the_step_of_the_whole_model() -> None:
    found = whole(answer())
    assert found.step.marks == invented(12).marks
    assert (sum(found.weights), sum(found.adapters), found.parameters, found.trained) == (900 + 1200 + 3, 84, 450 + 600, 84)
    assert found.optimizer == ((14, 14), (5, -1))


def test_a_deeper_trace_that_does_something_else_is_told() -> None:
    with pytest.raises(Uneven, match="6 layers do something else than 5"):
        whole(answer(steps=[told(invented(5)), told(invented(6, wide_every=6))]))


def test_a_model_that_was_traced_whole_needs_no_second_trace() -> None:
    group = {"first": 0, "period": 1, "copies": 0}
    assert whole(answer(depths=[5], layers=5, group=group, steps=[told(invented(5))])).step.events == invented(5).events


@pytest.mark.parametrize("less", ["steps", "group", "weights", "optimizer", "versions", "seconds"])
def test_an_answer_that_lacks_something_is_none(less: str) -> None:
    with pytest.raises(Garbled, match="lacks something"):
        whole({key: value for key, value in answer().items() if key != less})


@pytest.mark.parametrize("line", ["", "Downloading shards: 100%", "[1, 2]", "null", "{"])
def test_a_line_that_is_no_answer_is_told(line: str) -> None:
    with pytest.raises(Garbled, match="it said"):
        read(line)


def test_what_is_asked_can_be_sent() -> None:
    asked = request({"model_type": "llama"}, Run(rank=16, autocast=False), "trl", everything=True)
    assert json.loads(json.dumps(asked)) == asked
    assert (asked["dtype"], asked["trainer"], asked["rank"], asked["everything"]) == ("fp16", "trl", 16, True)


def test_where_the_ends_are_another_kind_more_of_them_are_left_alone() -> None:
    asked: list[int] = []

    def ask(words: dict[str, Any]) -> dict[str, Any]:
        asked.append(words["further"])
        return answer() if words["further"] else answer(steps=[told(invented(5)), told(invented(6, wide_every=6))])

    assert traced(ask, {"further": 0}).layers == 12
    assert asked == [0, 1]
    with pytest.raises(Uneven):
        traced(lambda _: answer(steps=[told(invented(5)), told(invented(6, wide_every=6))]), {"further": 0})
