"""Which values of arguments a release takes, and what is told of those that it does not."""

from __future__ import annotations

import pytest

from tests.engine.test_calls import ARGUMENT, found

LOAD = "from transformers import AutoModelForCausalLM as A\nA.from_pretrained('x', attn_implementation={!r})"


@pytest.mark.parametrize(
    ("text", "versions", "message"),
    [
        (
            ARGUMENT.format("optim='adamw_hf'"), {},
            'the script passes optim="adamw_hf" to transformers.TrainingArguments, which no longer takes it since transformers 4.50.0; '
            "write adamw_torch",
        ),
        (
            "from trl import SFTConfig\nSFTConfig('out', optim='stable_adamw')", {"transformers": "4.53.3", "trl": "0.19.1"},
            'the script passes optim="stable_adamw" to trl.SFTConfig, which takes it only from transformers 4.54.0 on',
        ),
        (
            ARGUMENT.format("save_strategy='best'"), {"transformers": "4.46.3"},
            'the script passes save_strategy="best" to transformers.TrainingArguments, which takes it only from transformers 4.47.0 on',
        ),
        (
            ARGUMENT.format("report_to=['wandb', 'trackio']"), {"transformers": "4.53.3"},
            'the script passes report_to="trackio" to transformers.TrainingArguments, which takes it only from transformers 4.54.0 on',
        ),
        (
            ARGUMENT.format("lr_scheduler_type='cosine_with_restart'"), {},
            'the script passes lr_scheduler_type="cosine_with_restart" to transformers.TrainingArguments, '
            "which takes no such value in transformers 5.23.0; did you mean cosine_with_restarts?",
        ),
        (
            ARGUMENT.format("eval_strategy='step'"), {},
            'the script passes eval_strategy="step" to transformers.TrainingArguments, '
            "which takes no such value in transformers 5.23.0; did you mean steps?",
        ),
        (
            LOAD.format("flash_attention_3"), {"transformers": "4.52.4"},
            'the script passes attn_implementation="flash_attention_3" to transformers.AutoModelForCausalLM.from_pretrained, '
            "which takes it only from transformers 4.53.0 on",
        ),
    ],
)  # fmt: skip
def test_a_value_that_is_not_taken_is_told_with_its_releases(text: str, versions: dict[str, str], message: str) -> None:
    assert [finding.message for finding in found(text, versions)] == [message]


@pytest.mark.parametrize(
    ("text", "versions"),
    [
        (ARGUMENT.format("optim='adamw_torch', report_to='none', lr_scheduler_type='cosine', eval_strategy='epoch'"), {}),
        (ARGUMENT.format("optim='adamw_hf'"), {"transformers": "4.49.0"}),
        (ARGUMENT.format("optim='of_tomorrow'"), {"transformers": "99.0"}),
        (ARGUMENT.format("optim=chosen, report_to=['none'], save_strategy=False"), {}),
        ("from transformers.training_args import OptimizerNames\n" + ARGUMENT.format("optim=OptimizerNames.ADAMW_TORCH"), {}),
        (LOAD.format("kernels-community/flash-attn3"), {}),
        (LOAD.format("my_own_attention"), {}),
        ("import unsloth\n" + ARGUMENT.format("optim='adamw_hf'"), {}),
    ],
)
def test_other_values_are_nobody_s_fault(text: str, versions: dict[str, str]) -> None:
    assert found(text, versions) == []


def test_both_ways_out_of_a_value_are_offered() -> None:
    (finding,) = found(ARGUMENT.format("optim='adamw_hf'"))
    assert [one.title for one in finding.remedies] == ["Write adamw_torch", "Keep the script, move transformers to >=4.25.1,<4.50.0"]
