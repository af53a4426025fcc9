"""Time what happens inside a process: importing envdoctor, `preflight()`, loading the rule book, and growth with rules and distributions.

    ENVIRONMENT/bin/python benchmarks/inside.py

Runs in the environment that is measured; each figure is a fresh interpreter's, median of 15, in ms.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

CLEAN = {name: value for name, value in os.environ.items() if name not in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")}
CLEAN["PYTHONPATH"] = ""

IMPORT = "import time; a = time.perf_counter(); import envdoctor; print((time.perf_counter() - a) * 1000)"
PREFLIGHT = """
import time, {loaded}
import envdoctor
a = time.perf_counter()
envdoctor.preflight(use="sft", fail_on="error", environ=dict(__import__("os").environ, ENVDOCTOR="warn"))
print((time.perf_counter() - a) * 1000)
"""
BOOK = "import time, envdoctor.knowledge.load as load; a = time.perf_counter(); book = load.open_book(); print((time.perf_counter() - a) * 1000)"
RULES = """
import time, sys
from envdoctor.knowledge import load
from envdoctor.knowledge.compiled import CompiledBook, compile_book
from envdoctor.model.versions import window
book = load.open_book()
rules = [book.rule(name) for name in book.ids]
def moved(node):  # the same condition on versions that nobody has installed, as for releases long past
    if node[0] in ("all", "any", "none"):
        return (node[0], tuple(moved(part) for part in node[1]))
    return (node[0], node[1], window(">=9999")) if node[0] == "dist" and node[2] is not None else node
copies = [rule.replace(id=f"{{rule.id}}-{{n}}", match=moved(rule.match) if {elsewhere} else rule.match) for n in range(1, {times}) for rule in rules]
data = compile_book([*rules, *copies], "x")
from envdoctor.facts.locate import own_place
from envdoctor.facts.patient import Live
from envdoctor.diagnosis import diagnose
from envdoctor.model.request import Request
import os
from envdoctor.engine.evaluate import evaluate
a = time.perf_counter()
load._OPENED[:] = [CompiledBook(data)]
patient = Live(own_place(), os.environ)
diagnose(Request(), patient, patient.first())
print((time.perf_counter() - a) * 1000)
"""
GROWTH = """
import time, os
from envdoctor.facts.locate import Place
from envdoctor.facts.patient import Live
from envdoctor.diagnosis import diagnose
from envdoctor.model.request import Request
a = time.perf_counter()
patient = Live(Place(prefix="/", site_packages=({folder!r},), python_version="3.11.7"), os.environ)
diagnose(Request(), patient, patient.first())
print((time.perf_counter() - a) * 1000)
"""


def median(code: str, times: int = 15) -> float:
    found = []
    for _ in range(times + 1):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=CLEAN, cwd=tempfile.gettempdir()
        )
        found.append(float(done.stdout.split()[-1]))
    return statistics.median(found[1:])


def main() -> int:
    print("| what | median ms |\n|---|---|")
    print(f"| `import envdoctor` | {median(IMPORT):.2f} |")
    print(f"| `preflight()` in a bare interpreter | {median(PREFLIGHT.format(loaded='sys')):.1f} |")
    loaded = "re, json, typing, dataclasses, importlib.metadata, subprocess, logging, pathlib"
    print(f"| `preflight()` in an interpreter that has loaded the usual modules | {median(PREFLIGHT.format(loaded=loaded)):.1f} |")
    print(f"| opening the rule book | {median(BOOK):.2f} |")
    once = median(RULES.format(times=1, elsewhere=False))
    print(f"| check inside a process | {once:.1f} |")
    for elsewhere, words in ((True, "about other versions"), (False, "all copies of these, their gates as open")):
        tenfold = median(RULES.format(times=10, elsewhere=elsewhere))
        print(f"| the same with ten times the rules, {words} | {tenfold:.1f} ({tenfold / once:.2f}x) |")
    for count in (100, 300, 900):
        with tempfile.TemporaryDirectory() as folder:
            for number in range(count):
                place = os.path.join(folder, f"package_{number}-1.{number}.dist-info")
                os.mkdir(place)
                with open(os.path.join(place, "METADATA"), "w", encoding="utf-8") as file:
                    lines = "".join(f"Requires-Dist: package-{(number * 7 + k) % count}>=1\n" for k in range(8))
                    file.write(f"Metadata-Version: 2.1\nName: package-{number}\nVersion: 1.{number}\n{lines}\n" + "text " * 800)
            print(f"| check of {count} invented distributions | {median(GROWTH.format(folder=folder), 7):.1f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
