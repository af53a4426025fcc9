"""Several scripts are judged one by one: no rule is satisfied half by one and half by another, and what is the same is told once."""

from __future__ import annotations

from typing import Any

import pytest

from envdoctor.engine.evaluate import evaluate
from envdoctor.engine.scripts import joined, rests_on_scripts
from envdoctor.knowledge.atlas.load import open_atlas
from envdoctor.knowledge.compiled import CompiledBook
from envdoctor.knowledge.spellings import open_spellings
from envdoctor.model.facts import Fact
from envdoctor.model.finding import FIT, UNFIT, Clear, Fired, Report, Unknown
from envdoctor.model.script import Location, Script, Unread
from envdoctor.model.snapshot import Snapshot
from envdoctor.script import facts_of, read
from tests.conftest import snapshot
from tests.engine.test_evaluate import book, rule

PACKED = "from trl import SFTConfig\nSFTConfig(output_dir='out', packing=True)\n"
TRAINED = "from trl import DPOTrainer\nDPOTrainer(model='m')\n"
BOTH = 'all = [{ dist = "trl" }, { call = "trl.SFTConfig", argument = "packing", equals = true }, { call = "trl.DPOTrainer" }]'


def scripts(**texts: str) -> tuple[Script, ...]:
    found = []
    for name, text in texts.items():
        script = read(text, f"{name}.py")
        facts = tuple(Fact(path=path, value=value, origin=f"{name}.py") for path, value in facts_of(script).items())
        found.append(script.replace(facts=facts))
    return tuple(found)


def patient(version: str = "0.9.6", **texts: str) -> Snapshot:
    return snapshot({"trl": version}).replace(scripts=scripts(**texts))


def judged(match: str, **texts: str) -> Report:
    return evaluate(patient(**texts), book(rule("mixed", "script", match)))


def test_conditions_are_not_met_by_two_scripts_together() -> None:
    report = judged(BOTH, packed=PACKED, trained=TRAINED)
    assert report.findings == ()
    assert isinstance(report.outcomes["mixed"], Clear)


def test_the_finding_of_one_script_points_to_it() -> None:
    report = judged(BOTH, packed=PACKED, whole=PACKED + TRAINED)
    assert [{place.path for place in finding.locations} for finding in report.findings] == [{"whole.py"}]


def test_what_two_scripts_have_in_common_is_told_once_with_both_places() -> None:
    report = judged('all = [{ dist = "trl" }, { call = "trl.DPOTrainer" }]', one=TRAINED, two=TRAINED)
    assert [[place.path for place in finding.locations] for finding in report.findings] == [["one.py", "two.py"]]
    assert [reason.origin for reason in report.findings[0].because] == ["test", "one.py:2", "two.py:2"]


def test_what_the_environment_alone_does_is_told_once() -> None:
    report = judged('dist = "trl"', one=TRAINED, two=PACKED)
    assert len(report.findings) == 1
    assert report.uses["script"] == UNFIT


def test_facts_of_one_script_are_not_those_of_another() -> None:
    match = 'all = [{ dist = "trl" }, { fact = "training.packing", equals = true }, { call = "trl.DPOTrainer" }]'
    assert judged(match, packed=PACKED, trained=TRAINED).findings == ()
    assert len(judged(match, packed=PACKED + TRAINED, trained=TRAINED).findings) == 1


def test_what_is_open_for_one_script_is_open() -> None:
    hidden = "from trl import DPOTrainer\nDPOTrainer(**unknown)\n"
    match = 'all = [{ dist = "trl" }, { call = "trl.DPOTrainer", argument = "beta" }]'
    outcome = judged(match, one=TRAINED, two=hidden).outcomes["mixed"]
    assert isinstance(outcome, Unknown)
    assert outcome.missing == ("script",)


def test_variables_that_one_script_sets_are_not_set_for_another() -> None:
    sets = "import os\nos.environ['HF_HOME'] = '/cache'\n"
    match = 'all = [{ dist = "trl" }, { env = "HF_HOME", set = true }, { call = "trl.DPOTrainer" }]'
    found = patient(sets=sets, trained=TRAINED).replace(environment={})
    assert evaluate(found, book(rule("mixed", "script", match))).findings == ()
    assert (
        len(evaluate(found.replace(scripts=scripts(both=sets + TRAINED, other=PACKED)), book(rule("mixed", "script", match))).findings) == 1
    )


def test_a_call_refused_in_several_scripts_is_told_once() -> None:
    gone = "from trl import SFTTrainer\nSFTTrainer(model='m', tokenizer=None)\n"
    found = snapshot({"trl": "1.16.0", "transformers": "5.23.0"}).replace(scripts=scripts(one=gone, two="x = 1\n" + gone))
    report = evaluate(found, book(), atlas=open_atlas(), spellings=open_spellings())
    told = [finding for finding in report.findings if finding.locations]
    assert [[(place.path, place.line) for place in finding.locations] for finding in told] == [[("one.py", 2), ("two.py", 3)]]


@pytest.mark.parametrize(
    ("node", "rests"),
    [
        (("dist", "trl", None), False),
        (("call", "trl.SFTConfig", None, None, None, None), True),
        (("import", "unsloth"), True),
        (("env", "HF_HOME", "set", True), True),
        (("fact", "os.name", "equals", "linux"), False),
        (("fact", "training.dtype", "equals", "bf16"), True),
        (("fact", "gpu.memory.total", "below_fact", "run.memory.least"), True),
        (("all", (("dist", "trl", None), ("none", (("seen", ("import", "x")),)))), True),
        (("any", (("dist", "trl", None), ("build", "torch", "cuda"))), False),
        (("predicate", "exceeds", (("amount", "hf.download_needed"), ("limit", "disk.cache.free"))), True),
        (("predicate", "requirement-missing", ()), False),
    ],
)
def test_only_conditions_that_ask_about_scripts_are_judged_for_each(node: Any, rests: bool) -> None:
    assert rests_on_scripts(node) is rests


def test_files_that_cannot_be_read_are_a_note_with_their_places() -> None:
    files = tuple(
        Unread(location=Location(path=f"{name}.py", line=line), reason="invalid syntax") for name, line in (("a", 3), ("b", 1), ("c", 7))
    )
    report = evaluate(snapshot({"trl": "1.0"}).replace(unread=files), book())
    (note,) = report.findings
    assert note.severity == "note"
    assert note.title == "a.py:3, b.py:1 and 1 more are no scripts that can be read"
    assert [(place.path, place.line) for place in note.locations] == [("a.py", 3), ("b.py", 1), ("c.py", 7)]
    assert report.verdict == evaluate(snapshot({"trl": "1.0"}), book()).verdict


def test_reports_on_several_environments_are_one() -> None:
    rules: CompiledBook = book(rule("old", "script", 'all = [{ dist = "trl", version = "<1" }, { call = "trl.DPOTrainer" }]'))
    sick, well = (evaluate(patient(version, one=TRAINED), rules) for version in ("0.9.6", "1.16.0"))
    report = joined([well, sick])
    assert (well.verdict, report.verdict) == (FIT, UNFIT)
    assert isinstance(report.outcomes["old"], Fired)
    assert report.findings == sick.findings
    assert joined([sick, sick]).findings == sick.findings
    assert joined([well]) is well


def test_unsloth_changes_what_the_whole_run_takes() -> None:
    calls = "from trl import SFTConfig\nargs = SFTConfig(output_dir='out', max_seq_length=10)\n"
    alone, imported = read(calls, "config.py"), read("import unsloth\n", "train.py")
    together = Script(calls=alone.calls, imports=(*alone.imports, *imported.imports), paths=("train.py", "config.py"))
    for script, count in ((alone, 1), (together, 0)):
        found = snapshot({"trl": "1.16.0", "transformers": "5.23.0", "unsloth": "2026.1.1"}).replace(script=script)
        report = evaluate(found, book(), atlas=open_atlas(), spellings=open_spellings())
        assert len([finding for finding in report.findings if finding.locations]) == count
