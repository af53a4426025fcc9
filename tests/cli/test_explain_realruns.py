"""What broke in sets that were really installed and run is explained from its text and the set alone, and the packages to blame are named.

`pytest tests/cli/test_explain_realruns.py -s` prints how often.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from envdoctor.cli.explain import explained
from envdoctor.model.explanation import FIRES
from envdoctor.model.request import Request, Target
from tests.conftest import FIXTURES

SETS = Path(FIXTURES) / "realruns"
TEXTS = [json.loads(line) for line in (Path(FIXTURES) / "logs" / "realruns.jsonl").read_text("utf-8").splitlines()]


def log(broken: dict[str, Any]) -> str:
    """Return a traceback with the error of a set: its words, and the file and line that raised it."""
    cause, (path, _, line) = broken["cause"], (broken["cause_where"] or "").rpartition(":")
    kind = next((row["root"]["kind"] for row in TEXTS if row.get("root", {}).get("message") == cause), "")
    kind = kind or next((row["kind"] for row in TEXTS if row["message"] == cause), "RuntimeError")
    frame = (
        f'  File "/venv/lib/python3.11/site-packages/{path}", line {line}, in <module>\n'
        if path
        else '  File "/workspace/train.py", line 1, in <module>\n'
    )
    return f"Traceback (most recent call last):\n{frame}    pass\n{kind}: {cause}\n"


def test_what_broke_in_real_sets_is_explained(tmp_path: Path) -> None:
    told = {"sets": 0, "known": 0, "here": 0, "to blame": 0}
    for name in ("cases", "more"):
        for line in (SETS / f"{name}.jsonl").read_text("utf-8").splitlines():
            broken = json.loads(line)
            if broken["verdict"] != "breaks":
                continue
            (tmp_path / "set.txt").write_text("\n".join(f"{package}=={version}" for package, version in broken["packages"].items()))
            asked = Request(freeze=str(tmp_path / "set.txt"), target=Target(gpus=0, platform="linux-x86_64", python_version="3.11"))
            (one, *_), _ = explained([log(broken).encode()], "run.log", asked)
            told["sets"] += 1
            told["known"] += one.is_known
            told["here"] += one.standing == FIRES
            told["to blame"] += set(broken["pair"]) <= set(one.finding.packages)
    print(f"\n{told}")
    assert told["known"] >= 0.96 * told["sets"]
    assert told["here"] >= 0.96 * told["sets"]
    assert told["to blame"] >= 0.9 * told["sets"]
