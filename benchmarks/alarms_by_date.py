"""Judge what a resolver chose, month by month: an error there is a real fault or a false alarm, and wants to be looked at.

    python benchmarks/alarms_by_date.py [--from 2024-01] [--to 2026-11]

Needs uv on the PATH and the package index. Nothing is installed: `uv pip compile --exclude-newer` gives the versions.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile

TORCH = (
    ("2023-12", "2.1.2"), ("2024-02", "2.2.1"), ("2024-05", "2.3.0"), ("2024-08", "2.4.0"), ("2024-11", "2.5.1"), ("2025-02", "2.6.0"), ("2025-05", "2.7.0"),
    ("2025-08", "2.8.0"), ("2025-11", "2.9.1"), ("2026-02", "2.10.0"), ("2026-04", "2.11.0"), ("2026-06", "2.12.0"), ("2026-08", "2.13.0"),
    ("2026-09", "2.14.0"), ("2026-11", "2.15.0"),
)  # fmt: skip
# Packages of torch's own are chosen by torch's version, not by date: the index tells no upload date for some of them.
WITH_TORCH = (
    "torch",
    "triton",
    "torchvision",
    "nvidia-nccl-cu12",
    "nvidia-cudnn-cu12",
    "nvidia-nvshmem-cu12",
    "nvidia-cusparselt-cu12",
    "nvidia-cufile-cu12",
)
SETS = {
    "core": "transformers trl peft accelerate datasets",
    "full": "transformers trl peft accelerate datasets bitsandbytes torchao torchvision sentence-transformers deepspeed wandb",
}


def months(first: str, last: str) -> list[str]:
    found = [f"{year}-{month:02d}" for year in range(2023, 2031) for month in range(1, 13)]
    return [month for month in found if first <= month <= last]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--from", dest="first", default="2024-01")
    parser.add_argument("--to", dest="last", default="2026-11")
    asked = parser.parse_args()
    loud = 0
    for name, wanted in SETS.items():
        for month in months(asked.first, asked.last):
            torch = [version for since, version in TORCH if since <= month][-1]
            with tempfile.TemporaryDirectory() as folder:
                box = os.path.join(folder, "box.txt")
                command = ["uv", "pip", "compile", "-", "-q", "--no-header", "--no-annotate", "--python-version", "3.11", "-o", box]
                command += ["--python-platform", "x86_64-manylinux_2_31", "--exclude-newer", f"{month}-15"]
                for package in WITH_TORCH:
                    command += ["--exclude-newer-package", f"{package}=2030-01-01"]
                lines = "\n".join([f"torch=={torch}", "setuptools", *wanted.split()])
                done = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
                if done.returncode:
                    print(f"{name} {month} torch {torch}: the resolver refuses")
                    continue
                check = [
                    sys.executable,
                    "-m",
                    "envdoctor",
                    "check",
                    "--freeze",
                    box,
                    "--python-version",
                    "3.11",
                    "--platform",
                    "linux-x86_64",
                ]
                done = subprocess.run(
                    [*check, "--gpus", "0", "--for", "sft", "--format", "json", "--no-config"], capture_output=True, text=True, check=False
                )
                told = json.loads(done.stdout)
            errors = [finding for finding in told["findings"] if finding["severity"] == "error"]
            loud += bool(errors)
            print(f"{name} {month} torch {torch}: {told['verdict']}" + "".join(f"\n    {error['message']}" for error in errors))
    print(f"{loud} sets with an error")
    return 0


if __name__ == "__main__":
    sys.exit(main())
