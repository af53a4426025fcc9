"""What it costs to explain a log of a million lines, and to run a command under watch.

    python benchmarks/logs.py ENVIRONMENT [ROUNDS]

ENVIRONMENT has envdoctor installed as a wheel. Explaining is measured on two logs made here: one of metrics alone, and one in which six of ten
lines are metrics and the others warnings, messages, progress bars and errors that were got over; both end in a traceback. Running is
measured in turns with a check of the same environment, and with the command alone.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

LINES = 1_000_000
SIZE = 1 << 30
END = """Traceback (most recent call last):
  File "/workspace/train.py", line 3, in <module>
    from peft import PeftModel
  File "/venv/lib/python3.11/site-packages/peft/peft_model.py", line 37, in <module>
    from transformers import HybridCache
ImportError: cannot import name 'HybridCache' from 'transformers' (/venv/lib/python3.11/site-packages/transformers/__init__.py)
"""


def metrics(step: int) -> str:
    """Return what a Trainer prints at a logging step."""
    return f"{{'loss': {2 + step % 97 / 97:.4f}, 'grad_norm': {step % 89 / 89:.6f}, 'learning_rate': {1e-4 / (1 + step):.8e}, 'epoch': {step / 1e5:.2f}}}\n"


def talkative(step: int) -> str:
    """Return a line of a log in which other programs speak, too."""
    bar = "".join(f"\r{done}%|###  | {done}/100 [00:01<00:09, 9.1it/s]" for done in range(0, 100, 25))
    others = {
        0: f"[rank{step % 4}]: checkpoint.py:91: UserWarning: the use_reentrant parameter should be passed explicitly. It is not needed in {step}\n",
        1: f"2025-10-31 12:00:{step % 60:02},123 - INFO - Saving model checkpoint to /out/checkpoint-{step}, which has to be done\n",
        2: bar + "\n",
        3: f"WARNING: retry {step} of upload failed with ConnectionError, will retry: the server does not answer\n",
    }
    return others.get(step % 10) or metrics(step)


def cost(words: list[str]) -> tuple[float, float]:
    """Return wall seconds and CPU seconds of a command."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def explaining(program: str, folder: str, name: str, line: Callable[[int], str]) -> None:
    """Print what it costs to explain a log made of such lines."""
    path = os.path.join(folder, f"{name}.log")
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(map(line, range(LINES)))
        file.write(END)
    told = subprocess.run([program, "explain", path], capture_output=True, text=True, check=False).stdout
    assert f"{name}.log:{LINES + 1}" in told, told
    wall, used = min(cost([program, "explain", path]) for _ in range(3))
    print(f"explain, {LINES} lines, {name} ({os.path.getsize(path) >> 20} MiB): {wall:.2f} s wall, {used:.2f} s CPU")
    os.unlink(path)


def running(program: str, python: str, rounds: int) -> None:
    """Print what `run` adds to a check, in turns with it."""
    commands = {
        "true alone": ["true"],
        "check": [program, "check", "--python", python],
        "run -- true": [program, "run", "--python", python, "--", "true"],
        "run --ignore-check -- true": [program, "run", "--ignore-check", "--", "true"],
    }
    told: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, words in commands.items():
            told[name].append(cost(words))
    for name, found in told.items():
        walls, used = zip(*found)
        print(
            f"{name}: wall ms {min(walls) * 1e3:.1f} / {statistics.median(walls) * 1e3:.1f}, CPU ms {min(used) * 1e3:.1f} / {statistics.median(used) * 1e3:.1f}"
        )


def copying(program: str) -> None:
    """Print how fast output goes through, beside a pipe without envdoctor."""
    for name, front in (("pipe alone", ""), ("through run", f"{program} run --ignore-check -- ")):
        wall, used = min(cost(["sh", "-c", f"{front}head -c {SIZE} /dev/zero | cat > /dev/null"]) for _ in range(3))
        print(f"{name}: {SIZE / wall / 2**20:.0f} MiB/s, {used:.2f} s CPU for {SIZE >> 20} MiB")


def main() -> None:
    """Measure everything."""
    scripts = os.path.join(sys.argv[1], "bin")
    program, python = os.path.join(scripts, "envdoctor"), os.path.join(scripts, "python")
    with tempfile.TemporaryDirectory() as folder:
        explaining(program, folder, "metrics", metrics)
        explaining(program, folder, "talkative", talkative)
    running(program, python, int(sys.argv[2]) if len(sys.argv) > 2 else 20)
    copying(program)


if __name__ == "__main__":
    main()
