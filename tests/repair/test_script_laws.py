"""The laws of rewriting, on scripts laid out at random: it is Python still, once is enough, what is left is told, and comments stay."""

from __future__ import annotations

import ast
from random import Random

import pytest

from envdoctor.repair.script_edits import rewrite
from envdoctor.script import read
from tests.script.test_drift import judge

NEW = {"torch": "2.13.0", "transformers": "5.23.0", "trl": "1.16.0", "peft": "0.21.2", "accelerate": "1.15.0", "datasets": "5.2.0"}
OLD = {"torch": "2.3.0", "transformers": "4.40.2", "trl": "0.8.6", "peft": "0.10.0", "accelerate": "0.30.0", "datasets": "2.19.0"}
SETTINGS = (
    "no_cuda=True", "seed=1", "warmup_ratio=0.1", "group_by_length=True", "save_safetensors=True", "overwrite_output_dir=True", "bf16=False",
    "adafactor=False",
)  # fmt: skip
OF_SFT = ("max_seq_length=5", "dataset_text_field='t'", "packing=False", "max_length=(7)")
OF_TRAINER = ("tokenizer=tok", "train_dataset=ds", "max_seq_length=n", "dataset_text_field='text'", "packing=True", "peft_config=None")


def call(chance: Random, name: str, arguments: list[str]) -> str:
    style = chance.randrange(5)
    if style < 2:
        return f"{name}({', '.join(arguments)}{',' if style else ''})"
    if style == 2:
        return f"{name}(\n" + "".join(f"    {one},{chance.choice(['', '  # note', '  # é'])}\n" for one in arguments) + ")"
    return f"{name}(\n    " + ",\n    ".join(arguments) + "\n)" if style == 3 else f"{name}({f',{chr(10)}     '.join(arguments)})"


def imported(chance: Random, module: str, names: list[str]) -> str:
    chance.shuffle(names)
    style = chance.randrange(4)
    if style == 0:
        return f"from {module} import {', '.join(names)}\n"
    if style == 1:
        return f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")\n"
    return f"from {module} import ({', '.join(names)})\n" if style == 2 else "".join(f"from {module} import {name}\n" for name in names)


def script(chance: Random) -> str:
    kind = chance.choice(["TrainingArguments", "SFTConfig"])
    settings = [
        chance.choice(["evaluation_strategy='no'", "eval_strategy='no'"]),
        "output_dir='out'",
        *chance.sample(SETTINGS, chance.randrange(5)),
    ]
    settings += chance.sample(OF_SFT, chance.randrange(3)) if kind == "SFTConfig" else []
    chance.shuffle(settings)
    text = chance.choice(["", '"""Train."""\n', "# Train\n"])
    text += imported(chance, "trl", ["SFTTrainer", *(["SFTConfig"] if kind == "SFTConfig" else [])])
    text += imported(chance, "transformers", ["TrainingArguments", "AutoTokenizer"]) if kind != "SFTConfig" else "import os\n"
    made, given = call(chance, kind, settings), chance.sample(OF_TRAINER, chance.randrange(1, 6))
    if "#" not in made and chance.random() < 0.3:
        text += "n = 5\nt = " + call(chance, "SFTTrainer", ["model", "args=" + made.replace("\n", "\n    "), *given]) + "\n"
    else:
        text += f"n = 5\nargs = {made}\nt = " + call(chance, "SFTTrainer", ["model", chance.choice(["args", "args=args"]), *given]) + "\n"
    return text.replace("\n", "\r\n") if chance.random() < 0.3 else text


def comments(text: str) -> int:
    return text.count("# note") + text.count("# é")


@pytest.mark.parametrize("versions", [NEW, OLD], ids=["newest", "of early 2024"])
@pytest.mark.parametrize("seed", range(12))
def test_the_laws_hold(seed: int, versions: dict[str, str]) -> None:
    chance, judged = Random(seed), judge(versions)
    for _ in range(10):
        text = script(chance)
        told = rewrite(text, "train.py", judged, unsafe=True)
        ast.parse(told.text)
        assert rewrite(told.text, "train.py", judged, unsafe=True).text == told.text
        found = {(one.callable, one.name) for one in judged.misuses(read(told.text, "train.py"))}
        assert found == {(left.misuse.callable, left.misuse.name) for left in told.left}
        assert "\r\n" not in text or "\n" not in told.text.replace("\r\n", "")
        gone = sum(step.said.endswith(" goes") for step in told.steps)
        assert comments(text) - comments(told.text) <= gone, (text, told.text)
