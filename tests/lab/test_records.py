"""Records on disk: a run goes on where it stopped, and only whole, new records become fixtures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from envdoctor.lab import store
from envdoctor.lab.environment import LabError

RECORD: dict[str, Any] = {
    "id": "s1-000", "python": "3.11.7", "platform": "Linux", "venv_seed": "none", "packages": {"torch": "2.6.0"}, "verdict": "breaks",
    "works_but_other_trainers_broken": False, "first_failure": "s1_torch", "cause": "x", "cause_where": None, "core_failures": ["s1_torch"],
    "extra_failures": [], "flags": [], "pair": ["numpy", "torch"], "pair_because": "because", "date": "2026-11-25", "install": ["torch==2.6.0"],
    "intent": "", "group": "", "stages": {"s1_torch": {"ok": False}},
}  # fmt: skip


def test_a_folder_remembers_its_plan_and_refuses_another_seed(tmp_path: Path) -> None:
    folder = str(tmp_path / "work")
    first = {"seed": 1, "until": "2026-11-20", "torch": "", "python": "3.11"}
    assert store.plan(folder, first) == first
    assert store.plan(folder, {**first, "until": "2026-11-25"}) == first  # a later day does not change what was drawn
    with pytest.raises(LabError, match="another seed"):
        store.plan(folder, {**first, "seed": 2})


def test_what_was_tried_is_known_by_its_file(tmp_path: Path) -> None:
    store.plan(str(tmp_path), {"seed": 1})
    store.keep(str(tmp_path), RECORD)
    assert store.done(str(tmp_path)) == {"s1-000"}
    assert store.records(str(tmp_path)) == [RECORD]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"id": "x"}', "[1]"])
def test_what_is_no_record_is_refused_with_its_file(text: str, tmp_path: Path) -> None:
    path = tmp_path / "case.json"
    path.write_text(text)
    with pytest.raises(LabError, match=r"case\.json"):
        store.records(str(path))


def test_a_set_is_given_by_calls_or_by_packages(tmp_path: Path) -> None:
    path = tmp_path / "sets.jsonl"
    path.write_text(
        '{"id": "a", "install": ["torch==2.6.0", "--no-deps trl"], "intent": "why"}\n\n{"id": "b", "packages": {"torch": "2.6.0"}}\n'
    )
    one, two = store.wishes(str(path))
    assert (one.install, one.intent) == (("torch==2.6.0", "--no-deps trl"), "why")
    assert two.install == ("--no-deps torch==2.6.0",)
    path.write_text('{"id": "a", "install": "torch"}\n')
    with pytest.raises(LabError, match="a list of texts"):
        store.wishes(str(path))
    path.write_text("{}\nnot json\n")
    with pytest.raises(LabError, match=r"sets\.jsonl:2"):
        store.wishes(str(path))


def test_a_record_is_added_once_without_its_stages(tmp_path: Path) -> None:
    assert store.add(str(tmp_path), [RECORD]) == ["s1-000"]
    (line,) = (tmp_path / "lab.jsonl").read_text().splitlines()
    assert set(json.loads(line)) == {*store.KEPT, *store.ADDED}
    for again, why in (
        (RECORD, "is there already"),
        ({**RECORD, "id": "other"}, "same set as s1-000"),
        ({**RECORD, "id": "new", "packages": {"torch": "2.7.0"}, "pair": None}, "name the distributions to blame"),
        ({**RECORD, "id": "new", "packages": {}, "verdict": "uninstallable"}, "only sets that were installed"),
        ({"id": "new", "verdict": "works", "packages": {}, "python": "3.11"}, "missing"),
    ):
        with pytest.raises(LabError, match=why):
            store.add(str(tmp_path), [again])
    assert len((tmp_path / "lab.jsonl").read_text().splitlines()) == 1
