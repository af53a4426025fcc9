"""The table counts what was said against what happened."""

from __future__ import annotations

from typing import Any

from envdoctor.lab.tally import Judgement, count, tell

UNFIT = Judgement(verdict="unfit", errors=(("a-rule", frozenset({"peft", "transformers"}), "message"),), unfit=("trl.DPOTrainer",))
FIT = Judgement(verdict="fit")


def record(name: str, verdict: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "verdict": verdict, "packages": {}, "pair": None, "first_failure": "s4_peft", "cause": "cannot import", **more}


def test_every_kind_is_counted_and_listed() -> None:
    tally = count(
        [
            (record("found", "breaks", pair=["peft", "transformers"]), UNFIT),
            (record("wrong-pair", "breaks", pair=["numpy", "torch"]), UNFIT),
            (record("unjudged", "breaks"), UNFIT),
            (record("missed", "breaks", cause_where="peft/x.py:1"), FIT),
            (record("not-known", "breaks"), Judgement(verdict="unknown")),
            (record("alarm", "works"), UNFIT),
            (record("clear", "works", works_but_other_trainers_broken=True), FIT),
            (record("told", "works", works_but_other_trainers_broken=True), FIT.replace(unfit=("trl.GRPOTrainer",))),
            (record("refused", "uninstallable"), None),
        ]
    )
    assert [len(part) for part in (tally.found, tally.missed, tally.alarmed, tally.clear)] == [3, 2, 1, 2]
    assert (tally.named, tally.unjudged, tally.uninstallable, tally.others_told, tally.others) == (1, 1, 1, 1, 2)
    told = tell(tally)
    assert "found 3/5 (60 %), false alarms 1/3 (33 %), right pair named 1/2 (1 unjudged)" in told
    assert "missed:\n  missed  unjudged  s4_peft: cannot import (peft/x.py:1)" in told
    assert "false alarms:\n  alarm\n      said: a-rule: message" in told
    assert "another pair was named:\n  wrong-pair  numpy+torch" in told


def test_nothing_tried_is_no_division_by_zero() -> None:
    assert "found 0/0, false alarms 0/0" in tell(count([]))
