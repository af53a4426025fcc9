"""What five users lived through: each stage's faults are found by the rule that knows them, and the configuration that worked is clear."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest

from envdoctor.engine.evaluate import evaluate
from envdoctor.knowledge.atlas.load import open_atlas
from envdoctor.knowledge.compiled import CompiledBook
from envdoctor.knowledge.fixtures import patient
from envdoctor.knowledge.parse import parse_toml
from envdoctor.knowledge.spellings import open_spellings
from envdoctor.model.facts import Fact
from envdoctor.model.snapshot import Snapshot
from envdoctor.script import facts_of, read
from tests.conftest import FIXTURES

FOLDER = os.path.join(FIXTURES, "patients")
STAGES = sorted(
    f"{log}/{stage}"
    for log in os.listdir(FOLDER)
    if os.path.isdir(os.path.join(FOLDER, log))
    for stage in os.listdir(os.path.join(FOLDER, log))
)


def expected(stage: str) -> dict[str, Any]:
    with open(os.path.join(FOLDER, stage, "expect.toml"), encoding="utf-8") as file:
        return parse_toml(file.read(), stage)


def whole(stage: str) -> Snapshot:
    """Return the patient with what its script says of the run, as a check of both would see it."""
    found = patient(os.path.join(FOLDER, stage), FIXTURES, read)
    if found.script is None:
        return found
    told = [Fact(path=path, value=value, origin="train.py") for path, value in facts_of(found.script).items()]
    return found.with_answers([fact for fact in told if fact.path not in found.facts])


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_diagnosed(stage: str, book: CompiledBook) -> None:
    wanted = expected(stage)
    report = evaluate(whole(stage), book, atlas=open_atlas(), spellings=open_spellings())
    found = {finding.rule: finding for finding in report.findings}
    told = [(finding.severity, finding.rule, finding.message) for finding in report.findings]
    if wanted.get("clear"):
        assert [one for one in told if one[0] == "error"] == []
    assert report.verdict == wanted["verdict"], told
    for one in wanted["finds"]:
        if "later" in one or (one.get("optional") and not one["rule"]):
            continue
        assert one["rule"] in found, (one["what"], told)
        assert set(one.get("packages", ())) <= set(found[one["rule"]].packages), one["what"]


@pytest.mark.parametrize("stage", STAGES)
def test_the_error_a_user_saw_leads_to_the_rule(stage: str, rules: list[Any]) -> None:
    path = os.path.join(FOLDER, stage, "log.txt")
    if not os.path.exists(path):
        pytest.skip("this stage left no error text")
    with open(path, encoding="utf-8") as file:
        log = file.read()
    if expected(stage).get("quoted") is False:
        pytest.skip("the log tells it in its own words")
    loud = [rule for rule in rules if rule.id in {one["rule"] for one in expected(stage)["finds"]} and rule.symptoms]
    if not loud:
        pytest.skip("its faults are silent, or come with a later capability")
    assert any(re.search(text, log) for rule in loud for text in rule.symptoms)


def test_every_log_ends_in_a_configuration_that_is_clear() -> None:
    for log in {stage.split("/")[0] for stage in STAGES}:
        assert any(expected(stage).get("clear") for stage in STAGES if stage.startswith(log + "/")), log
