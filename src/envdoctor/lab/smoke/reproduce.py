"""Runs the code of a rule's reproduction: `python reproduce.py CODE.txt`. Names that the code leaves to its reader get small stand-ins."""

from __future__ import annotations

import ast
import builtins
import json
import os
import sys
import tempfile
from collections.abc import Callable
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARIES = ("transformers", "trl", "peft", "datasets", "accelerate")
MISSING = "envdoctor lab: no stand-in for the name"


def open_names(code: str) -> list[str]:
    """Return the names that the code uses and neither defines nor imports.

    >>> open_names("from a import b; [b(c, d) for c in e]")
    ['d', 'e']
    """
    used, bound = [], set(dir(builtins))
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                used.append(node.id)
            else:
                bound.add(node.id)
        elif isinstance(node, ast.alias):
            bound.add(node.asname or node.name.split(".")[0])
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            bound.add(node.name)
    return sorted({name for name in used if name not in bound})


class StandIns:
    """Makes what a reproduction takes as given: a tiny model, its tokenizer, rows that suit the trainer named, a saved folder."""

    def __init__(self, code: str) -> None:
        from stages import Bench

        self.code = code
        self.bench = Bench(os.path.join(tempfile.mkdtemp(), "stages.json"))
        self.made: dict[str, Any] = {}

    def of(self, name: str) -> Any:
        """Return the thing for a name. Raises LookupError where there is none."""
        if name in self.made:
            return self.made[name]
        if name.startswith("folder_with_model_type_"):
            return self._folder_of_type(name.split("_type_")[1])
        maker = MAKERS.get(name)
        if maker is not None:
            self._set_up()
            self.made[name] = maker(self)
            return self.made[name]
        if name == "torch":
            return __import__("torch")
        for library in LIBRARIES:
            try:
                return getattr(__import__(library), name)
            except ImportError:
                continue
            except AttributeError:
                continue
        raise LookupError(f"{MISSING} {name!r}")

    def _set_up(self) -> None:
        import training

        if not self.bench.kept:
            training.make_model(self.bench)

    def _folder_of_type(self, kind: str) -> str:
        place = tempfile.mkdtemp()
        with open(os.path.join(place, "config.json"), "w", encoding="utf-8") as file:
            json.dump({"model_type": kind}, file)
        return place

    def saved(self, dtype: str = "") -> str:
        """Return a folder with the tiny model and its tokenizer."""
        import torch

        place = tempfile.mkdtemp()
        model = self.bench.kept["new"]()
        (model.to(getattr(torch, dtype)) if dtype else model).save_pretrained(place)
        self.bench.kept["tokenizer"].save_pretrained(place)
        return place

    def folder(self) -> str:
        """Return the folder that the code loads: an adapter's, or a model's."""
        if "load_adapter" not in self.code:
            return self.saved()
        from peft import get_peft_model
        from training import adapter

        place = tempfile.mkdtemp()
        get_peft_model(self.bench.kept["new"](), adapter()).save_pretrained(place)
        return place

    def rows(self) -> Any:
        """Return rows for the trainer that the code names."""
        from datasets import Dataset

        pairs: dict[str, Any] = {"chosen": ["the cat sat on the mat"] * 8, "rejected": ["the cat was not here"] * 8}
        if "Reward" in self.code and self.bench.version("trl") < (0, 13):  # took tokens only
            told = {side: self.bench.kept["tokenizer"](texts) for side, texts in pairs.items()}
            return Dataset.from_dict({f"{key}_{side}": told[side][key] for side in told for key in ("input_ids", "attention_mask")})
        if "Reward" in self.code:
            return Dataset.from_dict(pairs)
        if "DPO" in self.code:
            return Dataset.from_dict({"prompt": ["the cat"] * 8, **pairs})
        return self.texts()

    def texts(self) -> Any:
        """Return rows of text."""
        import training

        training.setup(self.bench)
        return self.bench.kept["rows"]

    def model(self) -> Any:
        """Return a model for the trainer that the code names."""
        if "Reward" in self.code:
            from transformers import AutoModelForSequenceClassification

            model = AutoModelForSequenceClassification.from_pretrained(self.saved(), num_labels=1)
            model.config.pad_token_id = 0
            return model
        from transformers import AutoModelForCausalLM

        return AutoModelForCausalLM.from_pretrained(self.saved())

    def trainer(self) -> Any:
        """Return transformers' Trainer over the rows."""
        from importing import arguments
        from transformers import DataCollatorForLanguageModeling, Trainer, TrainingArguments

        tokenizer = self.bench.kept["tokenizer"]
        rows = self.texts().map(lambda row: tokenizer(row["text"], truncation=True, max_length=32), remove_columns=["text"])
        collator = DataCollatorForLanguageModeling(tokenizer, mlm=False)
        args = TrainingArguments(**arguments(self.bench))
        return Trainer(model=self.model(), args=args, train_dataset=rows, data_collator=collator)


MAKERS: dict[str, Callable[[StandIns], Any]] = {
    # name in a reproduction: what stands for it
    "model": StandIns.model,
    "reference": StandIns.model,
    "tokenizer": lambda given: given.bench.kept["tokenizer"],
    "dataset": StandIns.rows,
    "trainer": StandIns.trainer,
    "folder": StandIns.folder,
    "folder_with_bf16_weights": lambda given: given.saved("bfloat16"),
}


def main() -> None:
    """Run the code of a file with stand-ins for its open names."""
    with open(sys.argv[1], encoding="utf-8") as file:
        code = file.read()
    names = open_names(code)
    sys.path.insert(0, HERE)
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    given = {}
    if names:
        import importing  # noqa: F401 - both before the folder leaves the path
        import stages
        import training  # noqa: F401

        for name in ("HF_HUB_OFFLINE", "CUDA_VISIBLE_DEVICES", "TOKENIZERS_PARALLELISM", "OMP_NUM_THREADS"):
            os.environ[name] = stages.QUIET[name]
    sys.dont_write_bytecode = writes
    sys.path[:] = [place for place in sys.path if os.path.abspath(place or ".") != HERE]
    if names:
        stand_ins = StandIns(code)
        given = {name: stand_ins.of(name) for name in names}
    space: dict[str, Any] = {"__name__": "__main__", **given}
    exec(compile(code, "<reproduction>", "exec"), space)  # noqa: S102 - the code is a rule's, and this is its own process


if __name__ == "__main__":
    main()
