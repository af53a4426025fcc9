"""Scripts that were rewritten and then really run, two steps on a CPU, in a real installation of each pair of trl and transformers."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from envdoctor.repair.script_edits import rewrite
from envdoctor.script import read
from tests.conftest import FIXTURES
from tests.script.test_drift import judge

FOLDER = os.path.join(FIXTURES, "scripts", "runs")
SCRIPTS = ("of-2024", "of-2026")


def runs() -> list[dict[str, Any]]:
    with open(os.path.join(FOLDER, "runs.jsonl"), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def text_of(*parts: str) -> str:
    with open(os.path.join(FOLDER, *parts), encoding="utf-8") as file:
        return file.read()


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("run", runs(), ids=lambda run: str(run["id"]))
def test_what_ran_is_what_is_written_today(run: dict[str, Any], script: str) -> None:
    before = text_of(f"{script}.py")
    judged = judge(run["packages"])
    refused = bool(judged.misuses(read(before, "train.py")))
    assert refused == bool(run["before"][script]), run["before"][script]
    if refused:
        told = rewrite(before, "train.py", judged)
        assert not told.left
        assert told.text == text_of("after", f"{run['id']}.{script}.py")
        assert run["after"][script] == ""


def test_the_pairs_spread_from_2024_to_the_newest() -> None:
    pairs = {(run["packages"]["trl"], run["packages"]["transformers"]) for run in runs()}
    assert len(pairs) >= 10
    assert any(trl.startswith("0.7.") for trl, _ in pairs) and any(trl.startswith("1.") for trl, _ in pairs)
