"""A notebook as one script and back: what is not Python comes back untouched, and so does every byte of what did not change."""

from __future__ import annotations

import json

import pytest

from envdoctor.model.errors import InputError
from envdoctor.repair.script_edits import rewrite
from envdoctor.script.notebook_text import Sheet
from tests.script.test_drift import judge

NEW = {"torch": "2.13.0", "transformers": "5.23.0", "trl": "1.16.0", "peft": "0.21.2", "accelerate": "1.15.0", "datasets": "5.2.0"}
CELLS: list[tuple[str, str]] = [
    ("markdown", "# max_seq_length is explained here"),
    ("code", "!pip install -q trl \\\n    transformers\n%matplotlib inline\nfiles = !ls\nfrom trl import SFTTrainer"),
    ("code", "%%bash\necho max_seq_length=1"),
    ("code", "%%time\nif x:\n    !nvidia-smi\nname = 'é \"quoted\" \\n'"),
    ("code", "this is no Python at all !"),
    ("code", ""),
    ("code", "trainer = SFTTrainer(\n    'm',\n    tokenizer=tok,  # mine\n    max_seq_length=512,\n)\n"),
]


def notebook(indent: int | None = 1, plain: bool = False, lists: bool = True) -> str:
    cells = [
        {
            "cell_type": kind,
            "metadata": {"source": "x"},
            "outputs": [{"text": '"source": ["no"]'}],
            "source": text.splitlines(True) if lists else text,
        }
        for kind, text in CELLS
    ]
    return json.dumps({"nbformat": 4, "cells": cells, "metadata": {}}, indent=indent, ensure_ascii=plain) + "\n"


SHAPES = [(indent, plain, lists) for indent in (None, 1, 2) for plain in (True, False) for lists in (True, False)]


@pytest.mark.parametrize(("indent", "plain", "lists"), SHAPES)
def test_nothing_changed_is_the_same_bytes(indent: int | None, plain: bool, lists: bool) -> None:
    text = notebook(indent, plain, lists)
    sheet = Sheet(text, "a.ipynb")
    assert sheet.notebook(sheet.script) == text


@pytest.mark.parametrize(("indent", "plain", "lists"), SHAPES)
def test_only_cells_that_change_change(indent: int | None, plain: bool, lists: bool) -> None:
    text = notebook(indent, plain, lists)
    told = rewrite(text, "a.ipynb", judge(NEW))
    assert not told.left and [step.said for step in told.steps] == [
        "tokenizer becomes processing_class",
        "max_seq_length moves to SFTConfig(max_length), which is new",
    ]
    old, new = json.loads(text), json.loads(told.text)
    sources = ["".join(cell["source"]) for cell in new["cells"]]
    for number, (_, source) in enumerate(CELLS):
        if number not in (1, 6):
            assert sources[number] == source
    assert sources[1] == CELLS[1][1].replace("import SFTTrainer", "import SFTConfig, SFTTrainer")
    assert sources[6] == (
        "trainer = SFTTrainer(\n    'm',\n    processing_class=tok,  # mine\n"
        '    args=SFTConfig(output_dir="tmp_trainer", max_length=512),\n)\n'
    )
    assert [type(cell["source"]) for cell in new["cells"]] == [type(cell["source"]) for cell in old["cells"]]
    changed = [line for line in told.text.splitlines() if line not in text.splitlines()]
    assert indent is None or len(changed) <= 3
    assert rewrite(told.text, "a.ipynb", judge(NEW)).text == told.text


def test_places_are_those_of_the_cell() -> None:
    told = rewrite(notebook(), "a.ipynb", judge({**NEW, "trl": "0.17.0", "transformers": "4.50.0"}))
    assert [(step.location.path, step.location.line) for step in told.steps] == [("a.ipynb:cell 6", 3), ("a.ipynb:cell 6", 4)]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cells": 3}', '{"cells": [', '{"worksheets": []}', "no json"])
def test_what_is_no_notebook_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not a notebook"):
        Sheet(text, "a.ipynb")
