"""Trace the runs of fixtures/memory and hold what comes out against what they really took, and against tier A.

    python benchmarks/traced.py [--python PATH] [--jobs N] [--into ROWS.jsonl] fixtures/memory/given-h200.jsonl ...

`--python` is the interpreter whose packages are traced (default: the one that runs this). A row of ROWS says which run it is, what the
trace found, with which versions, and how long it took beside importing. Runs that ROWS already holds are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from measure_memory import FIELDS, MODELS

from envdoctor.memory.allocator import MIB
from envdoctor.memory.arguments import Wishes, resolve
from envdoctor.memory.forecast import forecast, needs_for
from envdoctor.memory.model import Model
from envdoctor.memory.shape import shape_of
from envdoctor.model.errors import EnvdoctorError
from envdoctor.tracing.answer import request
from envdoctor.tracing.answer import traced as ask_for
from envdoctor.tracing.child import NotTraced, trace
from envdoctor.tracing.deepen import Uneven
from envdoctor.tracing.replay import replay

MEASURED = {"torch": "2.11.0", "transformers": "5.17.0", "trl": "1.16.0", "peft": "0.21.0"}
NAMED = ("model", "method", "batch", "seq", "gc", "optim", "r", "targets", "dtype", "attn", "trainer", "layers", "liger", "left_over")
CONTEXT = 767 * MIB


def one(row: dict[str, Any], python: str) -> dict[str, Any]:
    """Trace a run and return what was found beside what was measured; all but `seconds` are bytes."""
    sizes, more = MODELS[row["model"]]
    configuration = dict(zip(FIELDS, sizes, strict=True)) | more
    configuration["num_hidden_layers"] = row.get("layers", configuration["num_hidden_layers"])
    shape = shape_of(configuration, row["model"])
    trainer = row.get("trainer", "transformers")
    wishes = Wishes(
        method=row["method"],
        rank=row["r"],
        targets="attention" if row["targets"] == 4 else "all-linear",
        batch=row["batch"],
        seq=row["seq"],
        dtype=row["dtype"],
        optimizer=row["optim"],
        attention=row["attn"],
        checkpointing=row["gc"],
        trainer=trainer,
    )
    run = resolve(wishes, shape, MEASURED)[0]
    found: dict[str, Any] = {name: row[name] for name in NAMED if name in row}
    found["measured"] = {"allocated": row["peak_allocated"] - (0 if "left_over" in row else 64 * MIB), "reserved": row["peak_reserved"]}
    calculated = forecast(shape, run)
    found["tier_a"] = {"allocated": calculated.allocated, "reserved": calculated.reserved}
    try:
        asked = request(configuration, run, trainer, everything=False)
        traced = ask_for(lambda words: trace(python, words, lambda _: None), asked)
    except (EnvdoctorError, NotTraced, Uneven) as error:
        return found | {"error": f"{type(error).__name__}: {error}"[:400]}
    seen = replay(traced, run, needs_for(Model(shape, run, shape.layers), run))
    found["traced"] = {"allocated": seen.allocated, "reserved": seen.reserved}
    return found | {"trained": seen.trained == row["trainable"], "seconds": traced.seconds, "versions": dict(traced.versions)}


def line(name: str, off: list[float]) -> str:
    """Say how far figures are off."""
    off = sorted(abs(each) for each in off)
    return f"{name:24} {statistics.median(off):.3%} median  {off[int(0.9 * len(off))]:.3%} of 90 %  {off[-1]:.3%} worst"


def main() -> None:
    """Trace what is asked for and not traced yet, and print how right it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="+")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--into", default="")
    parser.add_argument("--only", default="", help="numbers of runs, with commas between them")
    chosen = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for path in chosen.rows:
        with open(path, encoding="utf-8") as file:
            rows += [row for row in map(json.loads, file) if not row.get("liger")]
    if chosen.only:
        rows = [rows[int(number)] for number in chosen.only.split(",")]
    done: list[dict[str, Any]] = []
    if chosen.into and os.path.exists(chosen.into):
        with open(chosen.into, encoding="utf-8") as file:
            done = [json.loads(told) for told in file]
    rows = [row for row in rows if not any(all(row.get(name) == told.get(name) for name in NAMED) for told in done)]

    def each(row: dict[str, Any]) -> None:
        found = one(row, chosen.python)
        done.append(found)
        if chosen.into:
            with open(chosen.into, "a", encoding="utf-8") as file:
                file.write(json.dumps(found) + "\n")
        off = "" if "error" in found else f"{found['traced']['allocated'] / found['measured']['allocated'] - 1:+.4%} {found['seconds']} s"
        print({name: found[name] for name in NAMED if name in found}, found.get("error") or off, flush=True)

    with ThreadPoolExecutor(chosen.jobs) as pool:
        list(pool.map(each, rows))
    right = [told for told in done if "error" not in told]
    for kind in ("traced", "tier_a"):
        print(line(f"{kind}: allocated", [told[kind]["allocated"] / told["measured"]["allocated"] - 1 for told in right]))
        measured = [told["measured"]["reserved"] + CONTEXT for told in right]
        print(line(f"{kind}: device", [(t[kind]["reserved"] + CONTEXT) / m - 1 for t, m in zip(right, measured, strict=True)]))
    seconds = sorted(told["seconds"] for told in right)
    print(f"{len(right)} runs traced, {len(done) - len(right)} not; {statistics.median(seconds)} s in the median, {seconds[-1]} s at most")


if __name__ == "__main__":
    main()
