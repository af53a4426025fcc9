"""Time `envdoctor check` against `uv pip check` and `pip check` on one environment, in turns within the same run.

    python benchmarks/check_speed.py ENVIRONMENT [--rounds 15]

ENVIRONMENT is a virtual environment with a few hundred distributions, envdoctor (installed as a wheel, not editable) and pip; uv is
on the PATH. Prints wall and CPU time of the whole process (min / median / max, ms) and ratios of the medians to `uv pip check`.
Byte code is compiled first, and PYTHONDONTWRITEBYTECODE is taken out of the environment.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("environment")
    parser.add_argument("--rounds", type=int, default=15)
    asked = parser.parse_args()
    programs = os.path.join(os.path.abspath(asked.environment), "bin")
    python = os.path.join(programs, "python")
    clean = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "VIRTUAL_ENV")
    }
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"], capture_output=True, text=True, check=True
    ).stdout.strip()
    subprocess.run([python, "-m", "compileall", "-q", site], env=clean, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    count = sum(name.endswith(".dist-info") for name in os.listdir(site))
    commands = {
        "python -c pass": [python, "-c", "pass"],
        "uv pip check": ["uv", "pip", "check", "--python", python],
        "envdoctor check": [os.path.join(programs, "envdoctor"), "check", "--no-config"],
        "envdoctor check --format json": [os.path.join(programs, "envdoctor"), "check", "--no-config", "--format", "json"],
        "pip check": [python, "-m", "pip", "check"],
    }
    wall: dict[str, list[float]] = {name: [] for name in commands}
    spent: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(asked.rounds + 1):
        for name, command in commands.items():
            if name == "pip check" and number > 5:
                continue
            start = time.perf_counter()
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean)
            _, process.returncode, used = os.wait4(process.pid, 0)
            if number:  # the first round warms the page cache
                wall[name].append((time.perf_counter() - start) * 1000)
                spent[name].append((used.ru_utime + used.ru_stime) * 1000)
    print(f"{count} distributions, {asked.rounds} rounds, Python {sys.version.split()[0]}, {time.strftime('%Y-%m-%d')}\n")
    print("| command | wall ms min / median / max | CPU ms min / median / max | wall x uv | CPU x uv |")
    print("|---|---|---|---|---|")
    base_wall, base_spent = statistics.median(wall["uv pip check"]), statistics.median(spent["uv pip check"])
    for name in commands:
        shown = [" / ".join(f"{value:.1f}" for value in (min(v), statistics.median(v), max(v))) for v in (wall[name], spent[name])]
        print(
            f"| `{name}` | {shown[0]} | {shown[1]} | {statistics.median(wall[name]) / base_wall:.2f} | {statistics.median(spent[name]) / base_spent:.2f} |"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
