"""What recorded users lived through is repaired, without a package index, by what the atlas knows of releases.

Proven here: the set that comes out is one that `check` calls free of errors for the same machine, model and script; it is written into the
file; a second repair changes nothing; and what worked in the end stays as it is, byte for byte. Not proven here: that it trains, which only
installing it can tell.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from envdoctor.knowledge.fixtures import patient
from envdoctor.model.facts import Fact
from envdoctor.model.plan import Plan
from envdoctor.model.request import Request, Target
from envdoctor.model.snapshot import Snapshot
from envdoctor.repair.documents import read
from envdoctor.repair.edits import after, edits
from envdoctor.repair.planning import Outcome, Wanted, repair
from envdoctor.script import read as read_script
from tests.conftest import FIXTURES
from tests.test_patients import expected

STAGES = os.path.join(FIXTURES, "patients")
LISTS = os.path.join(FIXTURES, "repairs")
LINUX = Target(platform="linux-x86_64", python_version="3.11", gpu="A10G")


def planned(path: Path, target: Target, *, frozen: bool = False, script: str = "", snapshot: Snapshot | None = None) -> Outcome:
    facts = snapshot.facts if snapshot is not None else {}
    given = {name: fact.value for name, fact in facts.items() if name.startswith("model.")}
    scripts = (script,) if script else ()
    paths = scripts if frozen else (str(path), *scripts)
    asked = Request(paths=paths, freeze=str(path) if frozen else None, target=target, given=given, deep=False)
    return repair(asked, {}, Wanted(offline=True))


def written(plan: Plan, path: Path) -> str:
    made, _ = edits(plan.changes, str(path))
    return after(read(str(path)), made)


def specifiers(outcome: Outcome) -> list[dict[str, str]]:
    return [{change.name: change.specifier for change in plan.changes} for plan in outcome.plans]


def box(stage: str, folder: Path) -> tuple[Path, Target, str, Snapshot]:
    """Write down all that a stage has installed, and describe its machine."""
    found = patient(os.path.join(STAGES, stage), FIXTURES, read_script)
    path = folder / "box.txt"
    path.write_text("".join(f"{name}=={one.version}\n" for name, one in sorted(found.distributions.items())))
    told = {name: fact.value for name in ("os.name", "os.arch", "python.version") if isinstance(fact := found.fact(name), Fact)}
    python = ".".join(str(told["python.version"]).split(".")[:2])
    card = "A10G" if told["os.name"] == "linux" else None
    target = Target(platform=f"{told['os.name']}-{told['os.arch']}", python_version=python, gpu=card)
    return path, target, os.path.join(STAGES, stage, "train.py"), found


@pytest.mark.parametrize(
    ("stage", "rule", "ways"),
    [
        ("000-gpt-oss-unsloth/3-unsloth-too-old", "unsloth-does-not-know-gpt-oss", [{"unsloth"}]),
        ("000-gpt-oss-unsloth/4-trl-window", "unsloth-refuses-trl-at-import", [{"unsloth"}, {"trl"}]),
    ],
)
def test_a_broken_stage_becomes_one_without_errors(stage: str, rule: str, ways: list[set[str]], tmp_path: Path) -> None:
    path, target, script, found = box(stage, tmp_path)
    outcome = planned(path, target, frozen=True, script=script, snapshot=found)
    assert rule in [finding.rule for finding in outcome.report.findings]
    assert [set(changed) for changed in specifiers(outcome)] == ways
    before = path.read_text()
    for plan in outcome.plans:
        assert rule in [finding.rule for finding in plan.resolves]
        path.write_text(before)
        path.write_text(written(plan, path))
        again = planned(path, target, frozen=True, script=script, snapshot=found)
        assert again.is_fit
        assert [finding.rule for finding in again.report.findings if finding.severity == "error"] == []


ENDS = [f"{log}/{stage}" for log in sorted(os.listdir(STAGES)) if log[0] == "0" for stage in sorted(os.listdir(os.path.join(STAGES, log)))]


@pytest.mark.parametrize("stage", [stage for stage in ENDS if expected(stage).get("clear")])
def test_the_configuration_that_worked_stays_as_it_is(stage: str, tmp_path: Path) -> None:
    path, target, script, found = box(stage, tmp_path)
    outcome = planned(path, target, frozen=True, script=script, snapshot=found)
    assert (outcome.is_fit, outcome.plans) == (True, ())


@pytest.mark.parametrize("stage", ["002-gemma-mac-colab/1-evaluation-strategy", "002-gemma-mac-colab/4-trl-hybrid"])
def test_what_the_script_or_the_machine_breaks_moves_no_version(stage: str, tmp_path: Path) -> None:
    path, target, script, found = box(stage, tmp_path)
    outcome = planned(path, target, frozen=True, script=script, snapshot=found)
    assert {"evaluation-strategy-spelled-the-old-way", "eight-bit-optimizer-on-apple-gpu"} <= {one.rule for one in outcome.report.findings}
    assert outcome.plans == ()


@pytest.mark.parametrize(
    ("name", "ways"),
    [
        ("torchao-on-old-torch.txt", [{"torchao"}, {"torch"}]),
        ("old-trl-new-transformers.txt", [{"trl"}, {"transformers"}]),
    ],
)
def test_each_way_out_of_a_list_is_one_pin_and_fit(name: str, ways: list[set[str]], tmp_path: Path) -> None:
    path = Path(shutil.copy(os.path.join(LISTS, name), tmp_path))
    before = path.read_text()
    outcome = planned(path, LINUX)
    assert [set(changed) for changed in specifiers(outcome)] == ways
    for plan in outcome.plans:
        path.write_text(before)
        path.write_text(written(plan, path))
        differ = [pair for pair in zip(before.splitlines(), path.read_text().splitlines()) if pair[0] != pair[1]]
        assert len(differ) == 1
        assert planned(path, LINUX).is_fit


@pytest.mark.parametrize(("name", "python"), [("lora-on-rtx6000.txt", "3.10"), ("tutorial.txt", "3.11")])
def test_a_list_that_gives_a_working_set_stays_as_it_is(name: str, python: str) -> None:
    outcome = planned(Path(LISTS, name), LINUX.replace(python_version=python))
    assert (outcome.is_fit, [one.rule for one in outcome.report.findings if one.severity == "error"]) == (True, [])
