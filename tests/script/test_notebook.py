"""Notebooks are read cell by cell: magics skipped, names shared, places as cell and line."""

from __future__ import annotations

import json

import pytest

from envdoctor.model.errors import InputError
from envdoctor.script import read


def notebook(*cells: str) -> str:
    made = [{"cell_type": "code", "source": cell.splitlines(keepends=True), "outputs": [], "metadata": {}} for cell in cells]
    made.insert(0, {"cell_type": "markdown", "source": ["# Train"], "metadata": {}})
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made})


def test_cells_share_names_and_places_are_cells_and_lines() -> None:
    text = notebook("!pip install trl\nfrom trl import SFTConfig\nLENGTH = 512", "%matplotlib inline\n\nSFTConfig(max_length=LENGTH)")
    (call,) = read(text, "train.ipynb").calls
    assert (call.target, call.location.path, call.location.line) == ("trl.SFTConfig", "train.ipynb:cell 2", 3)
    assert [argument.value for argument in call.arguments] == [512]


@pytest.mark.parametrize(
    "cell",
    [
        "%pip install -U trl",
        "!pip install \\\n  trl \\\n  peft",
        "if True:\n    !pip install trl's (\n",
        "files = !ls\nuser = %env USER",
        "%%time\nx = 1",
        "%%bash\necho it's (not python",
        "trl?\n?trl",
        "await thing()",
        'text = """\n%d of %s?\n!\n"""',
    ],
)
def test_magic_and_shell_lines_are_skipped(cell: str) -> None:
    assert [call.target for call in read(notebook(cell, "import trl", "trl.SFTConfig()"), "train.ipynb").calls] == ["trl.SFTConfig"]


def test_a_line_of_a_long_text_that_looks_like_a_magic_stays() -> None:
    text = notebook('import trl\n!pip install x\ntrl.SFTConfig(x="""\n%s\n!""")')
    (call,) = read(text, "train.ipynb").calls
    assert call.arguments[0].value == "\n%s\n!"


def test_shell_output_is_no_known_value() -> None:
    (call,) = read(notebook("import trl\nfiles = !ls\ntrl.SFTConfig(x=files)"), "train.ipynb").calls
    assert not call.arguments[0].literal


def test_an_older_notebook_format_is_read() -> None:
    text = json.dumps({"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": "import trl\ntrl.SFTConfig()"}]}]})
    assert [call.target for call in read(text, "old.ipynb").calls] == ["trl.SFTConfig"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "train.ipynb, line 1: not a notebook"),
        ('{"cells": [', "train.ipynb, line 1: not a notebook"),
        ("[]", "no list of cells"),
        ('{"cells": 3}', "no list of cells"),
        ("[" * 200_000, "not a notebook"),
        (notebook("x = 1", "x = = 1"), "train.ipynb:cell 2, line 1"),
    ],
)
def test_what_is_no_notebook_is_refused_with_its_place(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read(text, "train.ipynb")


def test_cells_of_any_shape_do_no_harm() -> None:
    cells = [None, 3, {"cell_type": "code"}, {"cell_type": "code", "source": 3}, {"cell_type": "code", "source": [1, "import trl"]}]
    assert [found.name for found in read(json.dumps({"cells": cells}), "a.ipynb").imports] == ["trl"]
