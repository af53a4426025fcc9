"""Each kind of condition, on small invented patients."""

from __future__ import annotations

from typing import Any

import pytest

from envdoctor.engine.conditions import CONDITIONS, OPERATIONS, judge
from envdoctor.knowledge import document
from envdoctor.knowledge.vocabulary import FACT_OPERATORS, KINDS, VALUE_OPERATORS, compile_condition
from envdoctor.model.facts import FAILED, NOT_APPLICABLE, Absent
from envdoctor.model.script import Argument, Call, Import, Location, Script
from envdoctor.model.snapshot import Distribution, Snapshot
from tests.conftest import snapshot

HERE = Location(path="train.py", line=1)


def node(table: dict[str, Any]) -> Any:
    said: list[str] = []
    made = compile_condition(table, "match", lambda path, what: said.append(f"{path}: {what}"))
    assert said == []
    return made


def truth(table: dict[str, Any], patient: Snapshot) -> Any:
    return judge(node(table), patient)


@pytest.mark.parametrize(
    ("table", "answer"),
    [
        ({"dist": "torch"}, True),
        ({"dist": "torch", "version": ">=2.5,<2.6"}, True),
        ({"dist": "torch", "version": ">=2.6"}, False),
        ({"dist": "rich"}, False),
        ({"dist": "rich", "absent": True}, True),
        ({"dist": "torch", "absent": True}, False),
        ({"all": [{"dist": "torch"}, {"dist": "rich"}]}, False),
        ({"any": [{"dist": "torch"}, {"dist": "rich"}]}, True),
        ({"none": [{"dist": "rich"}]}, True),
        ({"fact": "os.name", "equals": "linux"}, True),
        ({"fact": "os.name", "one_of": ["macos", "windows"]}, False),
        ({"fact": "python.version", "older_than": "3.12"}, True),
        ({"fact": "python.version", "at_least_version": "3.11"}, True),
        ({"env": "HF_HOME", "set": True}, True),
        ({"env": "HF_HOME", "contains": "cache"}, True),
        ({"env": "OTHER", "set": False}, True),
        ({"env": "OTHER", "equals": "x"}, False),
    ],
)
def test_known_answers(table: dict[str, Any], answer: bool) -> None:
    assert truth(table, snapshot({"torch": "2.5.1+cu124"}, environment={"HF_HOME": "/cache"})) is answer


def test_a_fact_nobody_knows_is_unknown_and_named() -> None:
    assert truth({"fact": "gpu.capability.min", "below": 8.0}, snapshot({})) == frozenset({"gpu.capability.min"})


def test_a_fact_that_does_not_apply_is_false() -> None:
    patient = snapshot({}).replace(absent={"gpu.capability.min": Absent(path="gpu.capability.min", reason=NOT_APPLICABLE)})
    assert truth({"fact": "gpu.capability.min", "below": 8.0}, patient) is False
    assert truth({"fact": "gpu.capability.min", "set": False}, patient) is True


def test_a_fact_that_failed_stays_unknown() -> None:
    patient = snapshot({}).replace(absent={"driver.cuda": Absent(path="driver.cuda", reason=FAILED)})
    assert truth({"fact": "driver.cuda", "older_than": "12"}, patient) == frozenset({"driver.cuda"})


def test_two_facts_are_compared_as_versions() -> None:
    patient = snapshot({}, {"torch.cuda": "12.10", "driver.cuda": "12.4"})
    assert truth({"fact": "torch.cuda", "newer_than_fact": "driver.cuda"}, patient) is True
    assert truth({"fact": "torch.cuda", "older_than_fact": "driver.cuda"}, patient) is False


def test_an_unknown_version_is_unknown_unless_its_range_decides() -> None:
    def ranged(specifier: str) -> Snapshot:
        return snapshot({}).replace(distributions={"trl": Distribution(name="trl", specifier=specifier)})

    wanted = {"dist": "trl", "version": ">=0.13"}
    assert truth(wanted, snapshot({"trl": None})) == frozenset({"dist:trl"})
    assert truth(wanted, ranged(">=0.20,<0.24")) is True
    assert truth(wanted, ranged("<0.12")) is False
    assert truth(wanted, ranged(">=0.9")) == frozenset({"dist:trl"})


def test_an_invalid_version_is_unknown_not_a_crash() -> None:
    assert truth({"dist": "trl", "version": ">=0.13"}, snapshot({"trl": "from-somewhere"})) == frozenset({"dist:trl"})


def test_absence_is_unknown_in_an_incomplete_list() -> None:
    assert truth({"dist": "rich", "absent": True}, snapshot({}, {"environment.complete": False})) == frozenset({"environment.complete"})


@pytest.mark.parametrize(
    ("version", "facts", "wanted", "answer"),
    [
        ("2.13.0+cpu", {}, "cpu", True),
        ("2.6.0+cu126", {}, "cuda", True),
        ("2.6.0+cu126", {}, "cu126", True),
        ("2.6.0+cu126", {}, "cu124", False),
        ("2.6.0+rocm6.2", {}, "rocm", True),
        ("0.28.0", {}, "cuda", True),
        ("0.28.0", {"os.name": "macos"}, "cuda", False),
        ("0.28.0", {"os.name": "windows"}, "cpu", True),
    ],
)
def test_builds(version: str, facts: dict[str, Any], wanted: str, answer: bool) -> None:
    assert truth({"dist": "torchvision", "build": wanted}, snapshot({"torchvision": version}, facts)) is answer


WINDOW = {"window": "trl", "of": "unsloth", "table": [["==2025.10.12", "<=0.23.1"], [">=2026,<2026.10", "<=0.24.0,!=0.19.0"]]}


@pytest.mark.parametrize(
    ("unsloth", "trl", "answer"),
    [
        ("2025.10.12", "0.24.0", True),
        ("2025.10.12", "0.23.1", False),
        ("2026.9.4", "0.19.0", True),
        ("2026.9.4", "0.24.0", False),
        ("2024.1", "0.30", False),
        ("2025.10.12", None, frozenset({"dist:trl"})),
    ],
)
def test_window_tables(unsloth: str, trl: str | None, answer: object) -> None:
    assert truth(WINDOW, snapshot({"unsloth": unsloth, "trl": trl})) == answer


def test_a_window_without_its_partner_is_clear() -> None:
    assert truth(WINDOW, snapshot({"unsloth": "2025.10.12"})) is False


def script(*arguments: Argument, complete: bool = True) -> Snapshot:
    call = Call(target="trl.SFTConfig", arguments=arguments, location=HERE, complete=complete)
    return snapshot({}).replace(script=Script(calls=(call,), imports=(Import(name="trl.SFTConfig", location=HERE),)))


MAX = Argument(name="max_seq_length", value=512, literal=True, location=HERE)
COMPUTED = Argument(name="max_seq_length", value=None, literal=False, location=HERE)


def test_calls() -> None:
    asked = {"call": "trl.SFTConfig", "argument": "max_seq_length"}
    assert truth(asked, script(MAX)) is True
    assert truth(asked, script()) is False
    assert truth(asked, script(complete=False)) == frozenset({"script"})
    assert truth(asked, snapshot({})) == frozenset({"script"})
    assert truth({**asked, "equals": 512}, script(MAX)) is True
    assert truth({**asked, "at_least": 1024}, script(MAX)) is False
    assert truth({**asked, "equals": 512}, script(COMPUTED)) == frozenset({"script"})
    assert truth({"call": "trl.SFTConfig", "without": "max_length"}, script(MAX)) is True
    assert truth({"call": "trl.SFTConfig", "without": "max_seq_length"}, script(MAX)) is False
    assert truth({"import": "trl.SFTConfig"}, script()) is True
    assert truth({"import": "trl.DPOConfig"}, script()) is False


def test_a_variable_set_inside_the_script_counts() -> None:
    call = Call(target="os.environ", location=HERE, arguments=(Argument(name="HF_HOME", value="/big", literal=True, location=HERE),))
    patient = snapshot({}, environment={}).replace(script=Script(calls=(call,)))
    assert truth({"env": "HF_HOME", "equals": "/big"}, patient) is True


def test_an_unknown_environment_is_unknown() -> None:
    assert truth({"env": "HF_HOME", "set": True}, snapshot({})) == frozenset({"env.HF_HOME"})


def test_an_exception_that_only_a_script_could_tell_is_none_without_one() -> None:
    asked = {"none": [{"call": "trl.SFTConfig", "argument": "max_seq_length", "unseen": False}]}
    assert truth(asked, snapshot({})) is True
    assert truth(asked, script(MAX)) is False


def test_rule_files_engine_and_pages_speak_one_language() -> None:
    assert set(OPERATIONS) == set(VALUE_OPERATORS)
    assert {name.removesuffix("_fact") for name in FACT_OPERATORS} <= set(OPERATIONS)
    assert set(document._OPERATORS) == {*VALUE_OPERATORS, *FACT_OPERATORS} - {"set"}
    # `version`, `build` and `absent` of a dist and `unseen` are kinds of their own once compiled; `rule` is replaced by what it names.
    assert set(CONDITIONS) == {*KINDS, "build", "absent", "seen"} - {"rule"}
