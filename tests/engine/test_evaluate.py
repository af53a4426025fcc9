"""Verdicts: faults spread to what rests on them, and severities follow what was asked for."""

from __future__ import annotations

from typing import Any

import pytest

from envdoctor.engine.evaluate import evaluate
from envdoctor.knowledge.compiled import CompiledBook, compile_book
from envdoctor.knowledge.parse import parse_rule
from envdoctor.model.finding import PACKAGE_NEEDED, Clear, Crashed, Fired, Skipped, Unknown
from envdoctor.model.rule import Rule
from tests.conftest import snapshot

RULE = """
id = "{id}"
title = "a fault"
since = "0.1.0"
status = "stable"
severity = "{severity}"
impact = "{impact}"
confidence = "certain"
subject = "trl"
uses = ["{use}"]
message = "trl {{trl}} is at fault"
why = "because"
[match]
{match}
[[remedy]]
title = "move"
safety = "unsafe"
require = {{ trl = ">=1" }}
[[evidence]]
url = "https://example.org"
says = "so"
checked = 2026-11-20
[repro]
cannot = "invented"
"""


def rule(
    name: str, use: str, match: str = 'dist = "trl"\nversion = "<1"', severity: str = "error", impact: str = "crash-at-import"
) -> Rule:
    return parse_rule(RULE.format(id=name, use=use, match=match, severity=severity, impact=impact), name + ".toml", "test")


def book(*rules: Rule) -> CompiledBook:
    return CompiledBook(compile_book(rules, "test"))


STACK: dict[str, str | None] = {"torch": "2.9", "transformers": "5.0", "accelerate": "1.0", "datasets": "5.0", "trl": "0.9", "peft": "0.20"}


def test_a_healthy_set_is_fit() -> None:
    report = evaluate(snapshot({**STACK, "trl": "1.0"}), book(rule("trl-fault", "import trl")))
    assert report.verdict == "fit"
    assert isinstance(report.outcomes["trl-fault"], Clear)
    assert set(report.uses.values()) == {"fit"}


def test_a_broken_import_breaks_what_rests_on_it() -> None:
    report = evaluate(snapshot(STACK), book(rule("trl-fault", "import trl")))
    assert report.verdict == "unfit"
    assert report.uses["trl.SFTTrainer"] == "unfit"
    assert report.uses["transformers.Trainer"] == "fit"
    finding = report.findings[0]
    assert finding.message == "trl 0.9 is at fault"
    assert finding.packages == ("trl",)
    assert finding.uses[0] == "import trl"
    assert "unsloth training" not in finding.uses  # unsloth is not installed


def test_a_fault_in_a_use_nobody_asked_for_is_a_warning() -> None:
    faulty = book(rule("dpo-fault", "trl.DPOTrainer"))
    default = evaluate(snapshot(STACK), faulty)
    assert (default.verdict, default.findings[0].severity, default.uses["trl.DPOTrainer"]) == ("fit", "warning", "unfit")
    assert evaluate(snapshot(STACK), faulty, "dpo").verdict == "unfit"
    assert evaluate(snapshot(STACK), faulty, "sft").verdict == "fit"


def test_the_most_expensive_finding_comes_first() -> None:
    rules = [
        rule("a-import", "import trl"),
        rule("b-wrong", "trl.SFTTrainer", impact="wrong-results"),
        rule("c-note", "import trl", severity="note"),
    ]
    assert [finding.rule for finding in evaluate(snapshot(STACK), book(*rules)).findings] == ["b-wrong", "a-import", "c-note"]


def test_unknown_is_counted_and_names_the_fact() -> None:
    unsure = rule("gpu-fault", "GPU compute", 'all = [{ dist = "trl" }, { fact = "gpu.count", at_least = 2 }]')
    report = evaluate(snapshot(STACK), book(unsure))
    assert report.verdict == "fit"
    assert report.outcomes["gpu-fault"] == Unknown(missing=("gpu.count",))
    assert report.missing() == {"gpu.count": 1}


def test_a_needed_version_that_is_not_known_makes_the_verdict_unknown() -> None:
    report = evaluate(snapshot({**STACK, "trl": None}), book(rule("trl-fault", "import trl")))
    assert report.verdict == "unknown"
    assert report.uses["trl.SFTTrainer"] == "unknown"


def test_an_incomplete_list_is_unknown_unless_a_fault_is_certain() -> None:
    part: dict[str, Any] = {"environment.complete": False}
    assert evaluate(snapshot({"trl": "1.0"}, part), book(rule("trl-fault", "import trl"))).verdict == "unknown"
    assert evaluate(snapshot(STACK, part), book(rule("trl-fault", "import trl"))).verdict == "unfit"


def test_a_purpose_needs_its_packages() -> None:
    bare = {name: version for name, version in STACK.items() if name != "trl"}
    report = evaluate(snapshot(bare), book(), "grpo")
    assert (report.verdict, report.findings[0].rule) == ("unfit", PACKAGE_NEEDED)
    assert evaluate(snapshot(bare), book(), "sft").verdict == "fit"


def test_a_defective_rule_is_an_outcome_not_the_end() -> None:
    broken = rule("sick-rule", "import trl").replace(match=("all", (("dist", "trl", None), ("predicate", "no-such", ()))))
    report = evaluate(snapshot(STACK), book(broken, rule("trl-fault", "import trl")))
    assert isinstance(report.outcomes["sick-rule"], Crashed)
    assert isinstance(report.outcomes["trl-fault"], Fired)


def test_skipped_rules_say_why() -> None:
    report = evaluate(snapshot(STACK), book(rule("trl-fault", "import trl")), skip=lambda name: "not selected")
    assert report.outcomes["trl-fault"] == Skipped(reason="not selected")
    assert report.verdict == "fit"


def test_ignored_findings_do_not_count_but_are_kept() -> None:
    report = evaluate(snapshot(STACK), book(rule("trl-fault", "import trl")), ignore=lambda finding: "we never import it")
    assert report.verdict == "fit"
    assert report.findings == ()
    assert report.suppressed[0].suppressed == "we never import it"


@pytest.mark.parametrize("count", [10, 200])
def test_only_rules_whose_gate_opens_are_judged(count: int) -> None:
    many = [rule(f"rule-{number}-off", "import trl", f'dist = "trl"\nversion = ">={number + 1}"') for number in range(count)]
    opened = list(book(*many).candidates(snapshot({"trl": "0.9"}).distributions))
    assert opened == []
    assert len(list(book(*many).candidates(snapshot({"trl": None}).distributions))) == count


@pytest.mark.parametrize(("transformers", "state"), [("4.44.2", "fit"), ("4.46.3", "unfit"), ("4.48.3", "fit"), ("4.56.2", "unfit")])
def test_an_optional_package_carries_its_fault_where_it_is_imported(transformers: str, state: str) -> None:
    fault = rule("torchao-fault", "import torchao", 'dist = "torchao"')
    report = evaluate(snapshot({**STACK, "torchao": "0.14.1", "transformers": transformers}), book(fault))
    assert report.uses["import torchao"] == "unfit"
    assert report.uses["load model"] == report.uses["transformers.Trainer"] == state


@pytest.mark.parametrize(("trl", "state"), [("1.15.0", "fit"), ("1.16.0", "unfit")])
def test_trl_falls_with_the_triton_that_it_imports(trl: str, state: str) -> None:
    fault = rule("triton-fault", "import triton", 'dist = "triton"')
    report = evaluate(snapshot({**STACK, "triton": "3.1.0", "trl": trl}), book(fault))
    assert report.uses["trl.SFTTrainer"] == report.uses["trl.KTOTrainer"] == state
