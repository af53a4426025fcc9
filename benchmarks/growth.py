"""Time a whole `envdoctor check` with the rule book as it is, and with ten times the rules.

    ENVIRONMENT/bin/python benchmarks/growth.py

Runs in the environment that is measured and puts larger books in place of its installed one for a while; the real one is put back, also after an
interruption. The three books take turns; CPU and wall milliseconds are medians of 15.
"""

from __future__ import annotations

import importlib.resources
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from envdoctor.knowledge import load
from envdoctor.knowledge.compiled import compile_book
from envdoctor.model.versions import window

CLEAN = {name: value for name, value in os.environ.items() if name not in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONPATH")}
TIMES, ROUNDS = 10, 15


def moved(node: Any) -> Any:
    """The same condition on versions that nobody has installed, as for releases long past."""
    if node[0] in ("all", "any", "none"):
        return (node[0], tuple(moved(part) for part in node[1]))
    return (node[0], node[1], window(">=9999")) if node[0] == "dist" and node[2] is not None else node


def books(own: bytes) -> dict[str, bytes]:
    book = load.open_book()
    rules = [book.rule(name) for name in book.ids]

    def grown(change: Any) -> bytes:
        copies = [rule.replace(id=f"{rule.id}-{n}", match=change(rule.match)) for n in range(1, TIMES) for rule in rules]
        return compile_book([*rules, *copies], "x")

    return {
        "the book as it is": own,
        "ten times the rules, about other versions": grown(moved),
        "ten times the rules, all copies of these": grown(lambda match: match),
    }


def spent() -> tuple[float, float]:
    """Wall and CPU milliseconds of one check from start to exit."""
    start = time.perf_counter()
    command = [os.path.join(os.path.dirname(sys.executable), "envdoctor"), "check", "--no-config"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=CLEAN, cwd=tempfile.gettempdir())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise SystemExit(f"`{' '.join(command)}` ended with {process.returncode}")
    return (time.perf_counter() - start) * 1000, (usage.ru_utime + usage.ru_stime) * 1000


def main() -> int:
    place = Path(str(importlib.resources.files("envdoctor"))) / "knowledge" / "book" / "rules.bin"
    own = place.read_bytes()
    made = books(own)
    timed: dict[str, list[tuple[float, float]]] = {}
    try:
        for name, data in made.items():
            timed[name] = []
            place.write_bytes(data)
            spent()
        for _ in range(ROUNDS):
            for name, data in made.items():
                place.write_bytes(data)
                timed[name].append(spent())
    finally:
        place.write_bytes(own)
    print("| rule book | wall ms | CPU ms | CPU x |\n|---|---|---|---|")
    base = 0.0
    for name, found in timed.items():
        wall, cpu = (statistics.median(one[kind] for one in found) for kind in (0, 1))
        base = base or cpu
        print(f"| {name} | {wall:.1f} | {cpu:.1f} | {cpu / base:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
