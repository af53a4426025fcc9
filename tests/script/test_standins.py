"""What a script puts in the place of a library's code is told with the parameters it has."""

from __future__ import annotations

import textwrap

import pytest

from envdoctor.script import read

HEAD = "from transformers import Trainer\nfrom trl import GRPOTrainer, SFTTrainer\n"


def told(body: str) -> list[tuple[str, list[str], bool]]:
    calls = read(HEAD + textwrap.dedent(body), "train.py").calls
    replaced = [call for call in calls if call.target.endswith(".replaced")]
    return [(call.target, [one.name for one in call.arguments], call.complete) for call in replaced]


def test_a_method_of_a_derived_trainer_is_told_with_names_and_places() -> None:
    body = "class A(Trainer):\n    def log(self, logs, /, start_time=None, *, more=1): ..."
    assert told(body) == [("transformers.Trainer.log.replaced", ["start_time", "more", "0", "1"], True)]


@pytest.mark.parametrize("parameters", ["*args", "logs, **kwargs"])
def test_a_method_that_takes_whatever_comes_is_incomplete(parameters: str) -> None:
    ((_, _, complete),) = told(f"class A(Trainer):\n    def log(self, {parameters}): ...")
    assert not complete


def test_trainers_of_trl_and_classes_in_between_are_trainers() -> None:
    body = "class A(SFTTrainer): ...\nclass B(A):\n    def log(self, logs): ...\n"
    assert [target for target, _, _ in told(body)] == ["transformers.Trainer.log.replaced"]


@pytest.mark.parametrize(
    "body",
    [
        "class A:\n    def log(self, logs): ...",
        "class A(Trainer):\n    @deco\n    def log(self, logs): ...",
        "class A(Trainer):\n    def __init__(self, model): ...",
        "class Trainer: ...\nclass A(Trainer):\n    def log(self, logs): ...",
        "def reward(completions): ...\nGRPOTrainer(model, reward_processing_classes=reward)",
        "GRPOTrainer(model, reward_funcs=make())",
        "GRPOTrainer(model, reward_funcs='reward-model')",
    ],
)
def test_what_is_no_such_thing_is_not_told(body: str) -> None:
    assert told(body) == []


@pytest.mark.parametrize(
    "call",
    ["GRPOTrainer(m, reward_funcs=f)", "GRPOTrainer(m, [f])", "fs = [f]\nGRPOTrainer(m, reward_funcs=fs)", "g = f\nGRPOTrainer(m, (g,))"],
)
def test_a_reward_function_is_told_wherever_it_is_handed_over(call: str) -> None:
    body = f"def f(prompts, completions): ...\n{call}"
    assert told(body) == [("trl.GRPOTrainer.reward_funcs.replaced", ["prompts", "completions", "0", "1"], True)]


def test_a_lambda_is_a_function_too() -> None:
    ((target, names, complete),) = told("GRPOTrainer(m, reward_funcs=[lambda completions, **rest: 1])")
    assert (target, names, complete) == ("trl.GRPOTrainer.reward_funcs.replaced", ["completions", "0"], False)
