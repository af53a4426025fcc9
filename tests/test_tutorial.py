"""A tutorial of a user, all its code in one script: every mistake it holds is found by its rule and at its line, and nothing else is."""

from __future__ import annotations

import pytest

from envdoctor.engine.evaluate import evaluate
from envdoctor.knowledge.atlas.load import open_atlas
from envdoctor.knowledge.compiled import CompiledBook
from envdoctor.knowledge.spellings import open_spellings
from tests.test_patients import expected, whole

LOG = "004-gpt-oss-120b-h200"
STAGES = ("4-whole-of-its-day", "5-whole-today")


@pytest.mark.parametrize("stage", STAGES)
def test_all_mistakes_of_the_tutorial_are_found_where_they_stand_and_no_others(stage: str, book: CompiledBook) -> None:
    report = evaluate(whole(f"{LOG}/{stage}"), book, atlas=open_atlas(), spellings=open_spellings())
    found = {finding.rule: {place.line for place in finding.locations} for finding in report.findings}
    wanted = {one["rule"]: set(one["lines"]) for one in expected(f"{LOG}/{stage}")["finds"]}
    assert set(found) == set(wanted)
    assert {rule: lines - found[rule] for rule, lines in wanted.items() if lines - found[rule]} == {}


def test_both_days_together_hold_more_than_ten() -> None:
    rules = {one["rule"] for stage in STAGES for one in expected(f"{LOG}/{stage}")["finds"]}
    assert len(rules) == 15


def test_the_repaired_tutorial_is_clean(book: CompiledBook) -> None:
    report = evaluate(whole(f"{LOG}/final"), book, atlas=open_atlas(), spellings=open_spellings())
    assert [finding.rule for finding in report.findings if finding.severity != "note"] == []
