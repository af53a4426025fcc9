"""Promises of the list of rules not to write: each claim has its proof, and a check of the very versions that disproved it stays silent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from envdoctor.cli import main
from envdoctor.knowledge.load import read_rules
from envdoctor.knowledge.not_rules import Box, NotRule, lint_not_rules, read_not_rules, read_runs
from envdoctor.knowledge.reference import pages
from envdoctor.model.errors import RuleBookError
from envdoctor.model.finding import DERIVED
from tests.conftest import FIXTURES, RULES

CLAIMS = read_not_rules(FIXTURES)
RUNS = read_runs(FIXTURES)


def judge(claim: NotRule, box: Box, folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return what a check says of the versions that a claim is false for."""
    (folder / "box.txt").write_text("".join(f"{name}=={version}\n" for name, version in box.packages.items()))
    words = ["check", "--freeze", str(folder / "box.txt"), "--python-version", ".".join(box.python.split(".")[:2]), "--format", "json"]
    words += ["--no-config", "--gpus", "0", "--platform", claim.platform or "linux-x86_64"]
    words += ["--for", claim.purpose] if claim.purpose else []
    if claim.script:
        (folder / "train.py").write_text(claim.script)
        words.append(str(folder / "train.py"))
    assert main(words) in (0, 1)
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def alarms(told: dict[str, Any], claim: NotRule) -> list[str]:
    """Return what is said against the distributions of a claim, but for what is excused as a warning of something else."""
    return [
        f"{finding['severity']} {finding['rule']}: {finding['message']}"
        for finding in told["findings"]
        if finding["severity"] in ("error", "warning")
        and set(claim.silent) <= set(finding["packages"])
        and not (finding["severity"] == "warning" and finding["rule"] in claim.other_warnings)
    ]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_a_check_does_not_make_the_claim(claim: NotRule, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = {box.name or "own packages": judge(claim, box, tmp_path, capsys) for box in claim.boxes(RUNS)}
    assert {name: heard for name, report in told.items() if (heard := alarms(report, claim))} == {}
    rules = {finding["rule"] for report in told.values() for finding in report["findings"]}
    assert set(claim.other_warnings) - set(DERIVED) <= rules, "other_warnings excuses what nobody says"


def test_the_list_is_as_long_as_promised() -> None:
    assert len(CLAIMS) >= 15


def test_the_claims_of_this_book_have_no_defects() -> None:
    assert lint_not_rules(FIXTURES, {rule.id for rule in read_rules(RULES)}) == []


def finding(**told: Any) -> dict[str, Any]:
    return {"severity": "error", "rule": "some-rule", "message": "", "packages": ["accelerate", "peft", "torch"], **told}


@pytest.mark.parametrize(
    ("told", "heard"),
    [
        (finding(), True),
        (finding(severity="warning"), True),
        (finding(severity="note"), False),
        (finding(packages=["peft", "torch"]), False),
        (finding(severity="warning", rule="other-rule"), False),
        (finding(severity="error", rule="other-rule"), True),
    ],
)
def test_an_error_or_warning_about_the_pair_is_heard(told: dict[str, Any], heard: bool) -> None:
    claim = CLAIMS[0].replace(silent=("accelerate", "peft"), other_warnings=("other-rule",))
    assert bool(alarms({"findings": [told]}, claim)) is heard


# What is refused

GOOD = """
claim     = "peft breaks beside accelerate."
why_false = "It does not."
silent    = ["accelerate", "peft"]

[[proof]]
kind = "run"
set  = "trained"
says = "both"
"""
OWN = '[[proof]]\nkind = "run"\nran = "import peft"\npython = "3.11.7"\ndate = 2026-11-25\nsays = "both"\n[packages]\npeft = "0.18.1"\n'


def linted(folder: Path, text: str, name: str = "peft-breaks-beside-accelerate.toml") -> list[str]:
    """Lint one claim beside two recorded sets, one of which works, and one rule."""
    (folder / "not-rules").mkdir(exist_ok=True)
    (folder / "realruns").mkdir(exist_ok=True)
    runs = [
        {"id": name, "verdict": verdict, "python": "3.11.7", "packages": {"peft": "0.18.1"}}
        for name, verdict in (("trained", "works"), ("fell", "breaks"))
    ]
    (folder / "realruns" / "cases.jsonl").write_text("".join(json.dumps(run) + "\n" for run in runs))
    (folder / "not-rules" / name).write_text(text)
    return lint_not_rules(str(folder), {"peft-below-floor"})


def test_a_good_claim_is_taken_with_a_recorded_set_or_a_run_of_its_own(tmp_path: Path) -> None:
    assert linted(tmp_path, GOOD) == []
    assert linted(tmp_path, GOOD.partition("[[proof]]")[0].replace("breaks beside", "stops beside") + OWN, "peft-stops.toml") == []


@pytest.mark.parametrize(
    ("old", "new", "defect"),
    [
        ("why_false", "why_flase", "why_flase: unknown key (did you mean 'why_false'?)"),
        ("why_false", "why_flase", "why_false: is missing"),
        ("says =", "say =", "proof[0].say: unknown key (did you mean 'says'?)"),
        ('"run"', '"rumour"', "proof[0].kind: is one of run, file"),
        ('"run"', '"file"', "proof[0].url: is missing"),
        ('"run"', '"file"', "proof[0].date: takes a date such as 2026-11-25"),
        ('"trained"', '"trainde"', "proof[0].set: there is no recorded set 'trainde' (did you mean 'trained'?)"),
        ('"trained"', '"fell"', "proof[0].set: fell does not work, so it disproves nothing"),
        ('set  = "trained"', "", "proof[0]: names a recorded `set`, or the file lists the `packages` that it ran with"),
        ('set  = "trained"', "", "packages: is missing, and no proof names a recorded set"),
        ("[[proof]]", "[proof]", "proof: is missing; it is written as [[proof]], once or more"),
        ('"accelerate", "peft"', '"accelerate", "Peft"', "silent: names are written normalised: 'peft'"),
        ('"accelerate", "peft"', '"accelerate", "trl"', "silent: none of accelerate, trl is among the packages of trained"),
        ('"accelerate", "peft"', "", "silent: takes the two distributions that no error or warning may name together, or one"),
        ("silent", 'for = "fun"\nsilent', "for: 'fun' is not one of"),
        ("silent", 'other_warnings = ["peft-below-flor"]\nsilent', "other_warnings: there is no rule 'peft-below-flor' (did you mean 'peft-below-floor'?)"),
        ("claim ", "claim = ", "not TOML"),
    ],
)  # fmt: skip
def test_a_claim_with_a_defect_is_refused(old: str, new: str, defect: str, tmp_path: Path) -> None:
    assert old in GOOD
    told = linted(tmp_path, GOOD.replace(old, new, 1))
    assert any(line.startswith(f"not-rules/peft-breaks-beside-accelerate.toml: {defect}") for line in told), told


def test_reading_a_broken_claim_raises_all_of_its_defects(tmp_path: Path) -> None:
    linted(tmp_path, GOOD.replace("why_false", "why_flase"))
    with pytest.raises(RuleBookError) as caught:
        read_not_rules(str(tmp_path))
    assert len(caught.value.defects) == 2


def test_an_id_or_a_claim_is_used_once(tmp_path: Path) -> None:
    assert linted(tmp_path, GOOD, "peft-below-floor.toml") == ["not-rules/peft-below-floor.toml: is the id of a rule"]
    assert linted(tmp_path, GOOD, "peft-below-roof.toml")[1:] == ["not-rules/peft-below-roof.toml: claim: peft-below-floor says the same"]
    assert "not-rules/Peft.toml: the file's name is the claim in a few words, in kebab-case" in linted(tmp_path, GOOD, "Peft.toml")


def test_the_page_tells_every_claim_with_its_proof() -> None:
    page = pages([], CLAIMS)["not-rules.md"]
    for claim in CLAIMS:
        assert f"\n## {claim.id}\n" in page
        assert claim.claim in page and claim.why_false in page
        assert all(proof.says in page and (proof.set or proof.url or proof.ran) in page for proof in claim.proofs)
