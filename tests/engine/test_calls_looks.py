"""Attributes that a script reads off what a library made, where the installed release has them no more."""

from __future__ import annotations

import pytest

from envdoctor.repair.script_edits import rewrite
from tests.engine.test_calls import found
from tests.script.test_drift import judge

MADE = "from transformers import AutoTokenizer, Trainer, TrainingArguments\n"
OWN = """
class Mine(Trainer):
    def compute_loss(self, model, inputs):
        {}
        return self.tokenizer.decode(inputs)
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "trainer = Trainer(model)\ntrainer.tokenizer.save_pretrained('x')",
            "the script reads tokenizer of what transformers.Trainer makes, which transformers 5.23.0 does not have; write processing_class",
        ),
        (
            "from trl import SFTTrainer\ntrainer = SFTTrainer(model)\ntrainer.tokenizer.save_pretrained('x')",
            "the script reads tokenizer of what trl.SFTTrainer makes, which transformers 5.23.0 does not have; write processing_class",
        ),
        (
            OWN.format("pass"),
            "the script reads tokenizer of what transformers.Trainer makes, which transformers 5.23.0 does not have; write processing_class",
        ),
        (
            "tok = AutoTokenizer.from_pretrained('x')\nprint(tok.additional_special_tokens)",
            "the script reads additional_special_tokens of what transformers.AutoTokenizer makes, which transformers 5.23.0 does not have; "
            "write extra_special_tokens",
        ),
        (
            "args = TrainingArguments('out')\nif args.no_cuda:\n    pass",
            "the script reads no_cuda of what transformers.TrainingArguments makes, which transformers 5.23.0 does not have",
        ),
    ],
)
def test_an_attribute_that_went_is_told(text: str, message: str) -> None:
    (finding,) = found(MADE + text)
    assert finding.message == message
    assert finding.remedies[-1].require.keys() == {"transformers"}


@pytest.mark.parametrize(
    ("text", "versions"),
    [
        ("trainer = Trainer(model)\ntrainer.tokenizer.save_pretrained('x')", {"transformers": "4.57.6"}),
        ("trainer = Trainer(model)\nprint(trainer.state, trainer.processing_class, trainer.args)", {}),
        ("trainer = Trainer(model)\ntrainer.tokenizer = tok", {}),
        ("trainer = Trainer(model)\nif hasattr(trainer, 'tokenizer'):\n    print(trainer.tokenizer)", {}),
        ("trainer = make()\nprint(trainer.tokenizer)", {}),
        ("import unsloth\nfrom trl import SFTTrainer\ntrainer = SFTTrainer(model)\nprint(trainer.tokenizer)", {}),
        ("from trl import SFTTrainer\ntrainer = SFTTrainer(model)\nprint(trainer.tokenizer)", {"transformers": "4.57.6", "trl": "0.24.0"}),
        (OWN.format("self.tokenizer = model.tokenizer"), {}),
        (OWN.format("setattr(self, 'tokenizer', model)"), {}),
        (OWN.replace("(Trainer)", "(Trainer, Mixin)").format("pass"), {}),
        ("args = TrainingArguments('out')\nprint(args.eval_strategy, args.output_dir)", {}),
    ],
)
def test_what_is_there_or_made_by_the_script_is_nobody_s_fault(text: str, versions: dict[str, str]) -> None:
    assert found(MADE + text, versions) == []


def test_another_attribute_is_written() -> None:
    packages = {"torch": "2.13.0", "transformers": "5.23.0"}
    text = MADE + "trainer = Trainer(model)\ntrainer.tokenizer.save_pretrained(trainer.tokenizer.name)  # tokenizer\n"
    told = rewrite(text, "train.py", judge(packages))
    assert told.text == text.replace("trainer.tokenizer", "trainer.processing_class")
    assert not told.left
