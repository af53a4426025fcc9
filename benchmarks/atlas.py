"""Time what the atlas costs a check, and how large it is.

    ENVIRONMENT/bin/python benchmarks/atlas.py [TARGET]

Runs with the envdoctor of ENVIRONMENT, installed as a wheel, and judges TARGET (an environment; default: ENVIRONMENT itself). Prints
whole checks with and without the atlas in turns, medians in ms, the look-ups alone, and the sizes of the compiled file.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

ROUNDS = 25
LOOKUPS = """
import sys, time, os
from envdoctor.diagnosis import choose, prepare
from envdoctor.model.request import Request
asked = Request(python=sys.argv[1])
snapshot = prepare(asked, choose(asked, os.environ), os.environ)
a = time.perf_counter()
from envdoctor.knowledge.atlas.load import open_atlas
atlas = open_atlas()
b = time.perf_counter()
links = atlas.beside(snapshot.distributions, snapshot.is_complete)
faults = links.faults()
c = time.perf_counter()
print((b - a) * 1000, (c - b) * 1000, len(faults), len(snapshot.distributions))
"""


def timed(words: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(words, capture_output=True, check=False)
    return (time.perf_counter() - start) * 1000


def main(arguments: list[str]) -> int:
    target = arguments[0] if arguments else sys.prefix
    check = [sys.executable, "-m", "envdoctor", "check", "--python", target, "--no-config"]
    timed(check)
    both, rules = [], []
    for _ in range(ROUNDS):
        both.append(timed(check))
        rules.append(timed([*check, "--only", "rules"]))
    with_atlas, without = statistics.median(both), statistics.median(rules)
    print("| what | |\n|---|---|")
    print(f"| check with rules and atlas | {with_atlas:.1f} ms |")
    print(f"| check with rules alone | {without:.1f} ms ({with_atlas / without:.2f}x) |")
    found = []
    for _ in range(ROUNDS):
        done = subprocess.run([sys.executable, "-c", LOOKUPS, target], capture_output=True, text=True, check=True)
        found.append([float(word) for word in done.stdout.split()])
    opened, looked, faults, distributions = (statistics.median(column) for column in zip(*found))
    print(f"| opening the atlas | {opened:.2f} ms |")
    print(f"| looking up {distributions:.0f} distributions ({faults:.0f} faults to judge) | {looked:.2f} ms |")
    from envdoctor.knowledge.atlas import load
    from envdoctor.knowledge.atlas.artefact import hot_size

    atlas = load.open_atlas()
    if atlas is not None and os.path.exists(load.SHIPPED):
        with open(load.SHIPPED, "rb") as file:
            data = file.read()
        print(f"| {atlas.count} releases of {len(atlas.packages)} packages, compiled | {len(data) / 1e6:.2f} MB |")
        print(f"| of it read by every check | {hot_size(data) / 1e3:.0f} kB |")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
