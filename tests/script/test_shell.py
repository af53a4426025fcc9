"""The shell commands of notebooks and scripts: their texts and places, and whether they certainly run."""

from __future__ import annotations

import json

import pytest

from envdoctor.model.script import Command
from envdoctor.script import read


def notebook(*cells: str) -> str:
    return json.dumps({"cells": [{"cell_type": "code", "source": cell} for cell in cells], "nbformat": 4})


def commands(*cells: str) -> list[Command]:
    return list(read(notebook(*cells), "t.ipynb").commands)


@pytest.mark.parametrize(
    ("cell", "line", "text", "sure"),
    [
        ("!pip install trl", 1, "pip install trl", True),
        ("# first\n%pip install trl", 2, "pip install trl", True),
        ("%uv pip install trl", 1, "uv pip install trl", True),
        ("out = !pip install trl", 1, "pip install trl", True),
        ("!!pip install trl", 1, "pip install trl", True),
        ("!pip install \\\n  trl", 1, "pip install \\\n  trl", True),
        ("import os\nif 'COLAB' in os.environ:\n    !pip install trl", 3, "pip install trl", False),
        ("%%capture\n!pip install trl", 2, "pip install trl", True),
        ("%%bash\npip install trl", 2, "pip install trl", True),
        ("\n%%bash --out x\n# a comment\npip install \\\n  trl", 4, "pip install \\\n  trl", True),
        ("%%bash\nif true; then\n  pip install trl\nfi", 3, "pip install trl", False),
        ("import os\nos.system('pip install trl')", 2, "pip install trl", True),
        ("import os\ndef f():\n    os.system('pip install trl')", 3, "pip install trl", False),
    ],
)
def test_a_command_of_a_cell(cell: str, line: int, text: str, sure: bool) -> None:
    found = [one for one in commands(cell) if "pip" in one.text]
    assert [(one.location.path, one.location.line, one.text, one.sure) for one in found] == [("t.ipynb:cell 1", line, text, sure)]


@pytest.mark.parametrize(
    "cell",
    [
        "text = '''\n!pip install trl\n'''",
        "%%writefile x.sh\npip install trl",
        "%%html\n!pip install trl",
        "# !pip install trl",
        "%time pip",
    ],
)
def test_what_is_no_command(cell: str) -> None:
    assert commands(cell) == []


def test_commands_stand_in_the_order_of_the_cells() -> None:
    found = commands(
        "import subprocess\nsubprocess.run(['pip', 'install', 'a'])\n!pip install b", "%%bash\npip install c", "!pip install d"
    )
    assert [one.text or " ".join(one.words) for one in found] == ["pip install a", "pip install b", "pip install c", "pip install d"]


def test_the_interpreter_itself_may_be_the_command() -> None:
    text = "import subprocess, sys\nsubprocess.check_call([sys.executable, '-m', 'pip', 'install', 'trl'])\n"
    (one,) = read(text, "t.py").commands
    assert one.words == ("sys.executable", "-m", "pip", "install", "trl")
    assert read(text.replace("'trl'", "name"), "t.py").commands == ()


def test_a_change_of_folder_is_kept_where_something_is_installed() -> None:
    assert [one.text for one in commands("%cd x\n!pip install -r requirements.txt", "%conda install y")] == [
        "cd x", "pip install -r requirements.txt", "conda install y",
    ]  # fmt: skip


def test_a_block_of_requirements_is_noticed() -> None:
    assert read("# /// script\n# dependencies = []\n# ///\n", "t.py").declares
    assert not read("import trl\n", "t.py").declares
