"""Configurations that take what their bases take, wherever a release keeps the class that they stand for."""

from __future__ import annotations

import pytest

from envdoctor.engine.calls import Judge
from envdoctor.knowledge.atlas.load import open_atlas
from envdoctor.knowledge.spellings import open_spellings
from envdoctor.script import read
from tests.conftest import snapshot

OWN = "beta=0.1, desirable_weight=1.0, undesirable_weight=1.0"


def refused(arguments: str, trl: str, transformers: str) -> list[str]:
    patient = snapshot({"trl": trl, "transformers": transformers})
    atlas = open_atlas()
    assert atlas is not None
    script = read(f"from trl import KTOConfig\nKTOConfig('out', {arguments})", "train.py")
    return [misuse.name for misuse in Judge(patient, atlas.beside(patient.distributions, True), open_spellings()).misuses(script)]


@pytest.mark.parametrize(
    ("trl", "transformers"), [("0.25.1", "4.57.1"), ("0.26.0", "4.57.1"), ("1.7.1", "5.10.0"), ("1.8.0", "5.12.0"), ("1.16.0", "5.23.0")]
)
def test_kto_takes_what_is_its_own_also_where_it_stands_for_an_experimental_class(trl: str, transformers: str) -> None:
    assert refused(f"{OWN}, logging_steps=1", trl, transformers) == []
    assert refused("betta=0.1", trl, transformers) == ["betta"]


def test_what_a_base_calls_an_argument_now_its_heir_calls_so_too() -> None:
    patient = snapshot({"transformers": "5.23.0"})
    atlas = open_atlas()
    assert atlas is not None
    script = read("from transformers import Seq2SeqTrainingArguments\nSeq2SeqTrainingArguments('out', warmup_ratio=0.1)", "train.py")
    (misuse,) = Judge(patient, atlas.beside(patient.distributions, True), open_spellings()).misuses(script)
    assert (misuse.name, misuse.new) == ("warmup_ratio", "warmup_steps")


def test_what_it_stood_for_counts_among_the_releases_that_took_an_argument() -> None:
    patient = snapshot({"trl": "1.16.0", "transformers": "5.23.0"})
    atlas = open_atlas()
    assert atlas is not None
    judge = Judge(patient, atlas.beside(patient.distributions, True), open_spellings())
    (misuse,) = judge.misuses(read("from trl import KTOConfig\nKTOConfig('out', max_prompt_length=3)", "train.py"))
    versions = judge.surface.members("trl").versions
    assert versions[misuse.had.bit_length() - 1] == "0.26.2"


@pytest.mark.parametrize("name", ["orpo.ORPOConfig", "cpo.CPOConfig", "online_dpo.OnlineDPOConfig"])
def test_an_experimental_configuration_is_judged_where_it_is_exported(name: str) -> None:
    patient = snapshot({"trl": "1.16.0", "transformers": "5.23.0"})
    atlas = open_atlas()
    assert atlas is not None
    module, _, short = name.rpartition(".")
    text = f"from trl.experimental.{module} import {short}\n{short}('out', beta=0.1, logging_steps=1, evaluation_strategy='no')"
    judge = Judge(patient, atlas.beside(patient.distributions, True), open_spellings())
    assert [misuse.name for misuse in judge.misuses(read(text, "train.py"))] == ["evaluation_strategy"]
