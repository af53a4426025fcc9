"""Time `envdoctor fix`, without an index and with a warm one, against one `uv pip compile` of the same file, in turns within the same run.

    ENVIRONMENT/bin/python benchmarks/fix_speed.py [--rounds 3] [fixtures/realruns/cases.jsonl]

ENVIRONMENT holds envdoctor, installed as a wheel with its extra `fix`. uv is given the indexes of pip's settings, as `fix` gives them to
it. The files are those of all breaking sets among the real runs, as
`benchmarks/cures.py` writes them. The whole process is timed, and a first round, which fills uv's cache, does not count. Prints, over the
files, medians of each file's median: wall and CPU time, its children's included, and wall time as a multiple of `uv pip compile`, over
the files that it resolves.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

from cures import BREAKS, file_of

from envdoctor.lab.environment import find_uv
from envdoctor.lab.store import records
from envdoctor.repair.sources import environment_for_uv

WORDS = ("fix", "--no-config", "--plan", "json", "requirements.txt")


def main() -> int:
    reader = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    reader.add_argument("--rounds", type=int, default=3)
    reader.add_argument("path", nargs="?", default="fixtures/realruns/cases.jsonl")
    asked = reader.parse_args()
    clean = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "VIRTUAL_ENV")
    }
    compiling = [
        find_uv(os.environ),
        "pip",
        "compile",
        "-q",
        "--no-header",
        "--no-annotate",
        "--python",
        sys.executable,
        "requirements.txt",
    ]
    commands = {
        "uv pip compile": compiling,
        "envdoctor fix --offline": [sys.executable, "-m", "envdoctor", WORDS[0], "--offline", *WORDS[1:]],
        "envdoctor fix": [sys.executable, "-m", "envdoctor", *WORDS],
    }
    environs = {name: environment_for_uv(clean, sys.executable) if name.startswith("uv") else clean for name in commands}
    refused: set[str] = set()
    sets = [one for one in records(asked.path) if one["verdict"] == BREAKS]
    wall: dict[str, dict[str, list[float]]] = {name: {} for name in commands}
    spent: dict[str, dict[str, list[float]]] = {name: {} for name in commands}
    for one in sets:
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "requirements.txt"), "w", encoding="utf-8") as file:
                file.write(file_of(one)[0])
            for number in range(asked.rounds + 1):
                for name, command in commands.items():
                    start = time.perf_counter()
                    process = subprocess.Popen(
                        command,
                        cwd=folder,
                        env=environs[name],
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                    )
                    _, process.returncode, used = os.wait4(process.pid, 0)
                    if process.returncode and name.startswith("uv"):
                        refused.add(one["id"])
                    if number:
                        wall[name].setdefault(one["id"], []).append(time.perf_counter() - start)
                        spent[name].setdefault(one["id"], []).append(used.ru_utime + used.ru_stime)
        sys.stderr.write(
            f"{one['id']}: " + ", ".join(f"{name} {statistics.median(wall[name][one['id']]):.2f} s" for name in commands) + "\n"
        )
    print(
        f"{len(sets)} files, of which uv resolves {len(sets) - len(refused)}, {asked.rounds} rounds, Python {sys.version.split()[0]}, {time.strftime('%Y-%m-%d')}\n"
    )
    print("| command | wall s, median file (slowest) | CPU s, median file (slowest) | wall x uv, median file (worst) |")
    print("|---|---|---|---|")
    base = {name: statistics.median(times) for name, times in wall["uv pip compile"].items()}
    for name in commands:
        each = {one: statistics.median(times) for one, times in wall[name].items()}
        used_each = [statistics.median(times) for times in spent[name].values()]
        ratios = [each[one] / base[one] for one in each if one not in refused]
        row = [f"{statistics.median(some):.2f} ({max(some):.2f})" for some in (list(each.values()), used_each, ratios)]
        print(f"| `{name}` | {' | '.join(row)} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
