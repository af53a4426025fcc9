"""Sets that were trained with: every one of them stands in a record of a real run, and is fit in the eyes of a check."""

from __future__ import annotations

import glob
import json
import os

from envdoctor.knowledge.trained import open_trained, read_trained
from tests.conftest import ROOT


def lines() -> list[dict[str, str]]:
    with open(os.path.join(ROOT, "rules", "trained.txt"), encoding="utf-8") as file:
        told = [line.split() for line in file if not line.startswith("#")]
    return [dict(word.split("=", 1) for word in words[1:]) for words in told]


def test_every_set_was_really_run() -> None:
    run = []
    for path in glob.glob(os.path.join(ROOT, "fixtures", "realruns", "*.jsonl")):
        with open(path, encoding="utf-8") as file:
            records = [json.loads(line) for line in file]
        run += [record["packages"] for record in records if record.get("verdict", "works") == "works"]
    plain = [{name: version.partition("+")[0] for name, version in packages.items()} for packages in run]
    assert lines()
    for told in lines():
        assert any(told.items() <= packages.items() for packages in plain), told


def test_pairs_are_known_by_series_and_both_ways() -> None:
    told = read_trained("# a remark\n2026-01-01 peft=0.17.1 torch=2.8.0 trl=0.23.1\n")
    assert told.beside("peft", "0.17.0", {"torch": "2.8.1+cu128", "trl": "0.23.0"})
    assert told.beside("torch", "2.8.0", {"peft": "0.17.9"})
    assert not told.beside("peft", "0.17.0", {"torch": "2.9.0"})
    assert not told.beside("peft", "0.17.0", {})


def test_the_sets_are_opened() -> None:
    first = lines()[0]
    assert open_trained().beside("torch", first["torch"], {"transformers": first["transformers"]})
