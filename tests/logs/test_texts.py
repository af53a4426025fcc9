"""Every text that rules know is held against a log: a real one where there is one, else what the rule's own evidence or the sources say.

`pytest tests/logs/test_texts.py -s` prints how many are real.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from envdoctor.knowledge.parse import parse_toml
from envdoctor.logs.log import Log, read
from envdoctor.logs.symptoms import Symptoms, pieces
from tests.conftest import FIXTURES

LOGS = Path(FIXTURES) / "logs"
REAL = sorted((LOGS / "real").glob("*.log"))
EXPECTED = parse_toml((LOGS / "real" / "expected.toml").read_text("utf-8"), "expected.toml")
RUNS = [json.loads(line) for line in (LOGS / "realruns.jsonl").read_text("utf-8").splitlines()]
WITHOUT = {
    # symptoms for which there is neither a log nor a quoted source yet; a new rule has to bring one
}  # fmt: skip


@pytest.fixture(scope="module")
def symptoms(rules: list[Any]) -> Symptoms:
    return Symptoms((rule.id, rule.symptoms) for rule in rules)


def told(text: str, symptoms: Symptoms) -> Log:
    return read([text.encode()], symptoms)


def unquoted(text: str) -> str:
    return text.replace("[^`]", "[^ ]").replace("`", "")


def spoken(row: dict[str, Any]) -> str:
    """Return what a stage of a real run raised, as Python tells it."""
    last = f"{row['kind']}: {row['message']}" if row["kind"] else row["message"]
    root = row.get("root")
    return (
        last
        if root is None
        else f"{root['kind']}: {root['message']}\n\nThe above exception was the direct cause of the following exception:\n\n{last}"
    )


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_a_real_log_is_known_by_its_rules(path: Path, symptoms: Symptoms) -> None:
    faults = told(path.read_text("utf-8"), symptoms).faults
    first = next((fault for fault in faults if not fault.follows), faults[0])
    assert [hit.rule for hit in first.hits] == EXPECTED[path.stem]


def test_every_real_log_is_expected() -> None:
    assert {path.stem for path in REAL} == set(EXPECTED)


def test_every_symptom_has_a_text_that_it_matches(rules: list[Any]) -> None:
    real = [path.read_text("utf-8") for path in [*REAL, *(LOGS / "seeds").glob("*.md")]] + [spoken(row) for row in RUNS]
    real = [unquoted(text) for text in real]
    quoted = parse_toml((LOGS / "quoted.toml").read_text("utf-8"), "quoted.toml")
    count = {"real": 0, "quoted": 0, "none": 0}
    missing: dict[str, int] = {}
    for rule in rules:
        own = [rule.repro.error, *(evidence.says for evidence in rule.evidence), *(text for text, _ in quoted.get(rule.id, ()))]
        own += [log.read_text("utf-8") for log in (Path(FIXTURES) / "rules" / rule.id).glob("*/*/log.txt")]
        for symptom in rule.symptoms:
            pattern = re.compile(unquoted(symptom))
            if any(map(pattern.search, real)) or (rule.repro.reproduced and pattern.search(unquoted(rule.repro.error))):
                count["real"] += 1
            elif any(pattern.search(unquoted(text)) for text in own):
                count["quoted"] += 1
            else:
                count["none"] += 1
                missing[rule.id] = missing.get(rule.id, 0) + 1
    print(f"\n{sum(count.values())} symptoms: {count}")
    assert {rule: number for rule, number in missing.items() if number > WITHOUT.get(rule, 0)} == {}


def test_quoted_texts_are_those_of_rules_that_know_them(rules: list[Any]) -> None:
    known = {rule.id: rule for rule in rules}
    for name, rows in parse_toml((LOGS / "quoted.toml").read_text("utf-8"), "quoted.toml").items():
        for text, source in rows:
            assert any(re.search(unquoted(symptom), unquoted(text)) for symptom in known[name].symptoms), (name, text)
            assert source


@pytest.mark.parametrize("row", RUNS, ids=[f"{row['set']}-{row['stage']}" for row in RUNS])
def test_what_real_runs_raised_is_read(row: dict[str, Any], symptoms: Symptoms) -> None:
    if not row["kind"] or not row["message"]:
        return
    faults = told(spoken(row), symptoms).faults
    assert faults
    root = row.get("root") or row
    first = faults[0]
    assert (first.raised.kind in (root["kind"], row["kind"])) or first.hits


def test_a_pattern_s_pieces_stand_in_whatever_it_matches(rules: list[Any]) -> None:
    texts = [path.read_text("utf-8") for path in REAL] + [spoken(row) for row in RUNS]
    for rule in rules:
        for symptom in rule.symptoms:
            for text in texts:
                found = re.search(symptom, text)
                if found is not None:
                    assert all(piece in found.group() for piece in pieces(symptom)), symptom
