"""Time `envdoctor check` with a training script of 300 lines beside one without, and with a folder of many; and what a pip line costs.

    ENVIRONMENT/bin/python benchmarks/scripts.py

Runs in the environment that is measured, where envdoctor is installed as a wheel. The sets and scripts are made in a folder of their own. Commands
take turns; CPU milliseconds of the whole process, as wall time says more of the machine's other work.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

CLEAN = {name: value for name, value in os.environ.items() if name not in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONPATH")}
COMMAND = str(Path(sys.executable).parent / "envdoctor")
BOX = "torch==2.13.0\ntransformers==5.23.0\ntrl==1.16.0\npeft==0.21.2\naccelerate==1.15.0\ndatasets==5.2.0\nnumpy==2.4.6\n"
ROUNDS = 15
MANY = (250, 500, 1000)
HEAD = '''"""Fine-tune a small causal model."""

from datasets import load_dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

tokenizer = AutoTokenizer.from_pretrained("tiny")
model = AutoModelForCausalLM.from_pretrained("tiny")
dataset = load_dataset("json", data_files="train.jsonl", split="train")
args = SFTConfig(output_dir="out", max_steps=2, report_to="none", bf16=False, dataset_text_field="text", max_length=32)
peft_config = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
trainer = SFTTrainer(model=model, args=args, train_dataset=dataset, processing_class=tokenizer, peft_config=peft_config)
trainer.train()
'''
PART = '''

def step_{number}(batch, scale=1.0):
    """Compute something."""
    values = [row["text"].strip() for row in batch if row.get("text")]
    total = sum(len(value) for value in values) * scale
    result = {{"total": total, "mean": total / max(len(values), 1)}}
    if total > 10:
        print(f"step {number}: {{total}}", result.get("mean"))
    return tokenizer(values, truncation=True, max_length=32)
'''


def notebook(*cells: str) -> str:
    """Return a notebook of these code cells."""
    return json.dumps({"cells": [{"cell_type": "code", "source": cell} for cell in cells], "nbformat": 4})


def spent(*words: str) -> float:
    """Return the CPU milliseconds of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([COMMAND, "check", "--freeze", "box.txt", "--no-config", *words], env=CLEAN, stdout=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def main() -> None:
    healthy = HEAD + "".join(PART.format(number=number) for number in range(28))
    sick = healthy.replace("max_length=32)\npeft", "max_seq_length=32)\npeft").replace("processing_class", "tokenizer")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("box.txt").write_text(BOX)
        Path("healthy.py").write_text(healthy)
        Path("sick.py").write_text(sick)
        Path("plain.ipynb").write_text(notebook(healthy))
        Path("pinned.ipynb").write_text(notebook("!pip install trl==1.15.0", healthy))
        kinds: dict[str, tuple[str, ...]] = {
            "no script": (), "a healthy script": ("healthy.py",), "one with two faults": ("sick.py",), "a notebook": ("plain.ipynb",),
            "a notebook with a pip line": ("pinned.ipynb",),
        }  # fmt: skip
        times: dict[str, list[float]] = {kind: [] for kind in kinds}
        for _ in range(ROUNDS):
            for kind, words in kinds.items():
                times[kind].append(spent(*words))
        print(f"{len(healthy.splitlines())} lines, {ROUNDS} rounds; CPU ms min / median / max")
        for kind, found in times.items():
            print(f"{kind}: {min(found):.0f} / {statistics.median(found):.0f} / {max(found):.0f}")
        for count in MANY:
            os.mkdir(str(count))
            for number in range(count):
                Path(str(count), f"s{number}.py").write_text(healthy)
            print(f"a folder of {count} scripts: {spent(str(count)) / 1000:.1f} CPU s")


if __name__ == "__main__":
    main()
