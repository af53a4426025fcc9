"""Names that a script tries to import and can do without: whether they are there it asks itself, so nothing is told of them."""

from __future__ import annotations

import pytest

from envdoctor.engine.calls import Judge
from envdoctor.engine.calls_told import tell
from envdoctor.knowledge.atlas.load import open_atlas
from envdoctor.knowledge.spellings import open_spellings
from envdoctor.script import read
from tests.conftest import snapshot

NEW = {
    "torch": "2.13.0", "transformers": "5.23.0", "trl": "1.16.0", "peft": "0.21.2", "accelerate": "1.15.0", "datasets": "5.2.0",
}  # fmt: skip
GONE = "DataCollatorForCompletionOnlyLM"
"""A class that trl dropped in 0.20."""


def told(text: str, **versions: str) -> list[str]:
    patient = snapshot({**NEW, **versions})
    atlas = open_atlas()
    assert atlas is not None
    judge = Judge(patient, atlas.beside(patient.distributions, True), open_spellings())
    return [finding.message for finding in tell(judge.misuses(read(text, "train.py")), judge, patient)]


@pytest.mark.parametrize(
    "text",
    [
        f"try:\n    from trl import {GONE}\nexcept ImportError:\n    {GONE} = None\nif {GONE} is not None:\n    {GONE}('x')",
        f"try:\n    from trl import {GONE}\n    HAS = True\nexcept ImportError:\n    HAS = False\nif HAS:\n    {GONE}('x')",
        f"def collate():\n    try:\n        from trl import {GONE}\n    except Exception:\n        return None\n    return {GONE}('x')",
        f"try:\n    from trl import {GONE}\nexcept ImportError:\n    from mine import {GONE}\n{GONE}('x')",
    ],
)
def test_a_call_of_what_was_only_tried_is_no_fault_of_its_name(text: str) -> None:
    assert told(text) == []


def test_what_a_tried_callable_takes_is_judged_all_the_same() -> None:
    (message,) = told("try:\n    from trl import SFTConfig\nexcept ImportError:\n    pass\nSFTConfig(evaluation_strategy='no')")
    assert "passes evaluation_strategy to trl.SFTConfig" in message


def test_a_name_that_the_script_cannot_do_without_is_told() -> None:
    (message,) = told(f"try:\n    from trl import {GONE}\nexcept ImportError:\n    raise SystemExit('install trl')\n{GONE}('x')")
    assert f"imports trl.{GONE}, which trl dropped" in message


TRIED = """
try:
    from unsloth import FastLanguageModel
except ImportError:
    FastLanguageModel = None
from trl import SFTTrainer
SFTTrainer(model, tokenizer=tokenizer)
"""


def test_unsloth_that_is_tried_and_there_stands_between() -> None:
    assert told(TRIED, unsloth="2026.10.4") == []


def test_unsloth_that_is_tried_and_not_there_changes_nothing() -> None:
    (message,) = told(TRIED)
    assert "passes tokenizer to trl.SFTTrainer" in message
