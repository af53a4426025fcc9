"""Promises of the whole book: every rule proven by its fixtures, none fires on a healthy machine, every condition matters."""

from __future__ import annotations

import os

import pytest

from envdoctor.cli import main
from envdoctor.engine.conditions import judge
from envdoctor.engine.evaluate import evaluate
from envdoctor.engine.predicates import PREDICATES
from envdoctor.facts.scripts import read_as_script
from envdoctor.knowledge.compiled import CompiledBook
from envdoctor.knowledge.fixtures import Case, cases
from envdoctor.knowledge.load import read_rules
from envdoctor.model.finding import Fired
from envdoctor.model.rule import Rule
from tests.conftest import FIXTURES, ROOT, RULES

BOOK = read_rules(RULES)
BY_ID = {rule.id: rule for rule in BOOK}
CASES = [case for rule in BOOK for case in cases(FIXTURES, rule.id, read_as_script)]


def test_lint_finds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["rules", "lint", "--rules", RULES])
    assert (code, capsys.readouterr().err) == (0, "")


def test_the_book_is_as_large_as_promised() -> None:
    assert len(BOOK) >= 80


@pytest.mark.parametrize("case", [case for case in CASES if case.kind == "bad"], ids=lambda case: f"{case.rule}/{case.name}")
def test_a_bad_case_fires_with_the_whole_book_loaded(case: Case, book: CompiledBook) -> None:
    report = evaluate(case.patient, book)
    assert isinstance(report.outcomes[case.rule], Fired)
    finding = next(found for found in report.findings if found.rule == case.rule)
    assert "{" not in finding.message + finding.title
    assert finding.because


@pytest.mark.parametrize("rule", BOOK, ids=lambda rule: rule.id)
def test_every_condition_of_a_rule_is_held_by_a_fixture(rule: Rule) -> None:
    """Turn each condition round; some bad fixture must then stop firing or some good one start to."""
    own = [case for case in CASES if case.rule == rule.id]
    parts = rule.match[1] if rule.match[0] == "all" else (rule.match,)
    for number, part in enumerate(parts):
        mutant = ("all", (*parts[:number], ("none", (part,)), *parts[number + 1 :]))
        bad_stops = any(case.kind == "bad" and judge(mutant, case.patient) is not True for case in own)
        good_starts = any(case.kind == "good" and judge(mutant, case.patient) is not False for case in own)
        assert bad_stops or good_starts, f"condition {number} of {rule.id} could be turned round and no fixture would notice"


@pytest.mark.parametrize("rule", BOOK, ids=lambda rule: rule.id)
def test_leaving_a_condition_out_would_be_noticed(rule: Rule) -> None:
    """Drop each condition; some good fixture must then fire. A rule that passes could be simpler, or lacks a fixture beside that bound."""
    own = [case for case in CASES if case.rule == rule.id and case.kind == "good"]
    parts = rule.match[1] if rule.match[0] == "all" else ()
    held = sum(any(judge(("all", (*parts[:n], *parts[n + 1 :])), case.patient) is not False for case in own) for n in range(len(parts)))
    assert not parts or held >= 1, f"no condition of {rule.id} stands beside a good fixture that it alone keeps clear"


def healthy() -> list[str]:
    folder = os.path.join(FIXTURES, "environments")
    return sorted(name for name in os.listdir(folder) if name.startswith("healthy-"))


@pytest.mark.parametrize("name", healthy())
def test_healthy_environments_have_no_error_and_no_warning(name: str, book: CompiledBook) -> None:
    from envdoctor.knowledge.fixtures import patient

    report = evaluate(patient(os.path.join(FIXTURES, "environments", name), FIXTURES, read_as_script), book)
    assert [(found.rule, found.message) for found in report.findings if found.severity != "note"] == []


def test_predicates_table_equals_the_folder() -> None:
    folder = os.path.join(ROOT, "src", "envdoctor", "engine", "predicates")
    names = {name[:-3].replace("_", "-") for name in os.listdir(folder) if name.endswith(".py") and name != "__init__.py"}
    assert names == set(PREDICATES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}/{case.kind}/{case.name}")
def test_what_an_open_gate_leaves_to_judge_agrees_with_the_whole_condition(case: Case, book: CompiledBook) -> None:
    left = dict(book.candidates(case.patient.distributions))
    whole = judge(BY_ID[case.rule].match, case.patient)
    assert (judge(left[case.rule], case.patient) if case.rule in left else False) == whole
