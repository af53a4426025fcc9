"""The judge on real sets of versions: which spelling of a script each of them really accepted or refused."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from typing import Any

import pytest

from envdoctor.engine.calls import Judge, Misuse
from envdoctor.engine.evaluate import evaluate
from envdoctor.knowledge.atlas.load import open_atlas
from envdoctor.knowledge.compiled import CompiledBook
from envdoctor.knowledge.spellings import open_spellings
from envdoctor.model.script import Script
from envdoctor.script import read
from tests.conftest import FIXTURES, snapshot

FOLDER = os.path.join(FIXTURES, "scripts")
ACCEPTS = "s8c_SFTTrainer_accepts"
WITH_TOKENIZER = "s9_SFT_B_SFTConfig_max_seq_length_tokenizer"
REFUSED = "got an unexpected keyword argument"


def cases() -> list[dict[str, Any]]:
    with open(os.path.join(FOLDER, "drift.jsonl"), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@lru_cache
def text_of(spelling: str) -> str:
    with open(os.path.join(FOLDER, "spellings", spelling + ".py"), encoding="utf-8") as file:
        return file.read()


@lru_cache
def script_of(spelling: str) -> Script:
    return read(text_of(spelling), f"{spelling}.py")


def judge(packages: dict[str, str]) -> Judge:
    patient = snapshot(dict(packages))
    atlas = open_atlas()
    assert atlas is not None
    return Judge(patient, atlas.beside(patient.distributions, True), open_spellings())


def misuses(packages: dict[str, str], text: str) -> list[Misuse]:
    return judge(packages).misuses(read(text, "train.py"))


def is_refused(spelling: str, error: str) -> bool | None:
    """Tell whether a set refused a spelling as such; None where it failed for another reason."""
    if not error:
        return False
    called = {call.target.rpartition(".")[2] for call in script_of(spelling).calls}
    owner = error.partition(": ")[2].partition(".__init__() " + REFUSED)
    return True if owner[1] and owner[0] in called else None


def cells() -> list[tuple[str, str, bool, bool]]:
    """Return set, spelling, whether it was refused, and whether the judge refuses it."""
    found = []
    for case in cases():
        judged = judge(case["packages"])
        for spelling, error in case["stages"].items():
            if spelling == ACCEPTS:
                for name, takes in error.items():
                    script = read(f"from trl import SFTTrainer\nSFTTrainer(model, {name}=x)", "train.py")
                    # a decorator takes `tokenizer` for some releases, which their signature does not show and a run does
                    refused = not takes and not (name == "tokenizer" and case["stages"].get(WITH_TOKENIZER) == "")
                    found.append((case["id"], f"SFTTrainer({name})", refused, bool(judged.misuses(script))))
                continue
            refused = is_refused(spelling, error)
            if refused is not None:
                found.append((case["id"], spelling, refused, bool(judged.misuses(script_of(spelling)))))
    return found


def test_the_judge_says_what_real_sets_did() -> None:
    told = cells()
    both = sum(refused and says for _, _, refused, says in told)
    missed = [cell[:2] for cell in told if cell[2] and not cell[3]]
    false = [cell[:2] for cell in told if cell[3] and not cell[2]]
    recall, precision = both / (both + len(missed)), both / (both + len(false))
    print(f"{len(told)} pairs of a spelling and a set: recall {recall:.3f}, precision {precision:.3f}")
    assert len(told) > 300
    assert recall >= 0.97, missed
    assert precision >= 0.97, false


def test_the_check_as_a_whole_says_which_spellings_a_set_rejected(book: CompiledBook) -> None:
    """Where the set itself is broken every spelling fails, and the check says so of the packages."""
    missed, told = [], 0
    for case in cases():
        for spelling in case["rejected"]:
            patient = snapshot(dict(case["packages"])).replace(script=script_of(spelling))
            findings = evaluate(patient, book, atlas=open_atlas(), spellings=open_spellings()).findings
            needed = {"script", "trl.SFTTrainer"} if "SFT" in spelling else {"script", "transformers.Trainer"}
            says = any(finding.declared_severity == "error" and not needed.isdisjoint(finding.uses) for finding in findings)
            told += says
            missed += [] if says else [(case["id"], spelling, case["stages"][spelling])]
    print(f"{told + len(missed)} rejected spellings: recall {told / (told + len(missed)):.3f}")
    assert told / (told + len(missed)) >= 0.97, missed


@pytest.mark.parametrize("spelling", sorted({s for case in cases() for s in case["stages"]} - {ACCEPTS}))
def test_every_spelling_is_a_script_that_can_be_read(spelling: str) -> None:
    assert script_of(spelling).calls
