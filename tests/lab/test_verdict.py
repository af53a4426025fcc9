"""What stages mean: held to the verdicts and the pairs that were judged by hand in fixtures/realruns."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from envdoctor.lab.verdict import blame, core, judge, judge_again, own_spellings
from tests.conftest import FIXTURES

PACKAGES = {"torch": "2.6.0", "transformers": "4.56.2", "trl": "0.23.1", "peft": "0.17.1", "accelerate": "1.10.1", "datasets": "4.1.1"}
PASSED = {"ok": True}
FAILED = {"ok": False, "exc_type": "ImportError", "message_tail": "cannot import name 'X' from 'transformers'", "where": "peft/model.py:37"}


def breaking() -> list[dict[str, Any]]:
    found = []
    for name in ("cases.jsonl", "more.jsonl"):
        with open(os.path.join(FIXTURES, "realruns", name), encoding="utf-8") as file:
            found += [case for case in map(json.loads, file) if case["verdict"] == "breaks"]
    return found


@pytest.mark.parametrize(
    ("transformers", "trl", "trainer", "sft"),
    [
        ("4.45.2", "0.8.6", "s9_Trainer_tokenizer", "s9_SFT_A_TrainingArguments_tokenizer_max_seq_length"),
        ("4.45.2", "0.9.0", "s9_Trainer_tokenizer", "s9_SFT_B_SFTConfig_max_seq_length_tokenizer"),
        ("4.46.0", "0.12.0", "s9_Trainer_processing_class", "s9_SFT_C_SFTConfig_max_seq_length_processing_class"),
        ("5.0.0", "0.16.0", "s9_Trainer_processing_class", "s9_SFT_D_SFTConfig_max_length_processing_class"),
        ("5.23.0", "1.16.0", "s9_Trainer_processing_class", "s9_SFT_D_SFTConfig_max_length_processing_class"),
    ],
)
def test_each_release_is_judged_by_its_own_spelling(transformers: str, trl: str, trainer: str, sft: str) -> None:
    packages = {"transformers": transformers, "trl": trl}
    assert own_spellings(packages) == {"trainer": trainer, "sft": sft}
    assert {trainer, sft} <= core(packages)
    assert len(core(packages) & {f"s9_Trainer_{word}" for word in ("tokenizer", "processing_class")}) == 1


def test_a_set_works_when_all_core_stages_pass_and_others_do_not_count() -> None:
    own = own_spellings(PACKAGES)
    stages = {
        "s1_torch": PASSED,
        own["trainer"]: PASSED,
        own["sft"]: PASSED,
        "s9_Trainer_tokenizer": FAILED,
        "s8a_TrainingArguments_evaluation_strategy": FAILED,
        "x9_bnb_nf4_load_cpu": FAILED,
    }
    told = judge(stages, PACKAGES)
    assert (told["verdict"], told["first_failure"], told["cause"], told["pair"]) == ("works", None, None, None)
    assert told["idioms_rejected"] == ["s9_Trainer_tokenizer", "s8a_TrainingArguments_evaluation_strategy"]
    assert told["extra_failures"] == ["x9_bnb_nf4_load_cpu"]
    assert not told["works_but_other_trainers_broken"]
    assert judge({**stages, "x7_import_GRPOTrainer": FAILED}, PACKAGES)["works_but_other_trainers_broken"]


def test_the_first_core_failure_is_the_cause() -> None:
    told = judge(
        {"s1_torch": PASSED, "x7_import_DPOTrainer": FAILED, "s4_peft": FAILED, "s7_trl": {**FAILED, "message_tail": "later"}}, PACKAGES
    )
    assert (told["verdict"], told["first_failure"], told["core_failures"]) == ("breaks", "s4_peft", ["s4_peft", "s7_trl"])
    assert told["cause_where"] == "peft/model.py:37"
    assert told["pair"] == ["peft", "transformers"]
    assert not told["works_but_other_trainers_broken"]


def test_a_message_that_ends_in_advice_is_told_from_its_beginning() -> None:
    told = {
        "ok": False,
        "message_tail": "Please note that you may need to restart.",
        "message_head": "requires peft>=0.9 / Please note that",
    }
    assert judge({"s4_peft": told}, PACKAGES)["cause"] == "requires peft>=0.9 / Please note that"


def test_a_lazy_import_that_hides_its_error_is_explained_by_the_next_failure() -> None:
    hidden = {"ok": False, "exc_type": "ImportError", "message_tail": "cannot import name 'Trainer' from 'transformers'", "through": []}
    told = {"ok": False, "where": "datasets/features.py:634", "message_tail": "module 'pyarrow' has no attribute 'PyExtensionType'"}
    record = judge({"s3_transformers": hidden, "s5_datasets": told}, PACKAGES)
    assert (record["cause"], record["pair"]) == (hidden["message_tail"], ["datasets", "pyarrow"])
    kept = {**record, "pair": None, "stages": {"s3_transformers": hidden, "s5_datasets": told}, "packages": PACKAGES}
    assert judge_again(kept)["pair"] == ["datasets", "pyarrow"]
    assert judge_again({**kept, "pair": ["by", "hand"]})["pair"] == ["by", "hand"]
    assert judge_again({"verdict": "works"}) == {"verdict": "works"}


def test_a_stage_that_was_open_when_the_child_died_has_failed() -> None:
    assert judge({"s1_torch": {"ok": None}}, PACKAGES)["first_failure"] == "s1_torch"


def test_an_error_of_a_machine_without_a_gpu_is_flagged() -> None:
    assert judge({"s6_bitsandbytes": {"ok": False, "message_tail": "0 active drivers ([]). There should only be one."}}, PACKAGES)["flags"]


@pytest.mark.parametrize(
    ("told", "pair"),
    [
        ({"where": "torch/__init__.py:2562", "message_tail": "module 'torch' has no attribute 'int1'", "through": ["torchao", "torch"]}, ["torch", "torchao"]),
        ({"where": "transformers/trainer.py:9", "message_tail": "Accelerator.__init__() got an unexpected keyword argument", "about": "accelerate.accelerator"}, ["accelerate", "transformers"]),
        ({"where": "sklearn/utils/__init__.py:27", "message_tail": "numpy.dtype size changed, may indicate"}, ["numpy", "scikit-learn"]),
        ({"where": "accelerate/utils/x.py:1", "message_tail": "No module named 'pkg_resources'"}, ["accelerate", "setuptools"]),
        ({"where": "trl/trainer/utils.py:967", "message_tail": "name 'Table' is not defined"}, None),
        ({"where": "torch/library.py:493", "message_tail": "operator torchvision::nms does not exist"}, ["torch", "torchvision"]),
        ({"message_tail": "Numpy is not available"}, ["numpy", "torch"]),
        ({"message_tail": "killed"}, None),
    ],
)  # fmt: skip
def test_the_pair_is_named_where_the_error_tells(told: dict[str, Any], pair: list[str] | None) -> None:
    installed = {**PACKAGES, "torchao": "0.14.1", "torchvision": "0.21.0", "numpy": "2.1.0", "scikit-learn": "1.3.2"}
    assert blame(told, installed, {"sklearn": "scikit-learn"})[0] == pair


def test_the_program_agrees_with_the_hand_where_it_judges() -> None:
    """What `about` and `through` add is not in these records, so much stays unjudged; an absent partner is named by its own name."""
    agreed, unjudged, other = 0, 0, []
    for case in breaking():
        pair, because = blame({"where": case["cause_where"], "message_tail": case["cause"]}, case["packages"])
        if pair is None:
            unjudged += 1
            assert because.startswith("unjudged")
        elif pair == case["pair"]:
            agreed += 1
        else:
            other.append((case["id"], pair))
    assert agreed >= 30
    assert {tuple(pair) for _, pair in other} == {("tf-keras", "transformers"), ("liger-kernel", "trl")}
