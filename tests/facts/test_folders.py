"""Scripts below a folder: which files those are, which of them run together, and what is passed by."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from envdoctor.facts.companions import reached, starts
from envdoctor.facts.documents import asks_for_packages
from envdoctor.facts.folders import holds_scripts, scripts_below
from envdoctor.facts.scripts import Readings, read_each
from envdoctor.model.errors import InputError

TRAIN = "from trl import SFTTrainer\nSFTTrainer(model='m')\n"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lay(folder: Path, **texts: str) -> None:
    """Write files; two underscores stand for a folder, the last one for the dot of a suffix."""
    for name, text in texts.items():
        path = folder / (name.replace("__", "/")[::-1].replace("_", ".", 1)[::-1])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def groups(read: Readings) -> list[tuple[str, ...]]:
    return [script.paths for script, _ in read.scripts]


def test_a_folder_is_walked_as_a_linter_does(desk: Path) -> None:
    lay(desk, p__b_py="", p__a_ipynb="", p__deep__er__c_py="", p__notes_txt="", p__A_PY="")
    for name in (".git", ".hidden", "__pycache__", "node_modules", "site-packages", "venv", "x.egg-info", "dist"):
        (desk / "p" / name).mkdir()
        (desk / "p" / name / "no.py").write_text("")
    for name in ("mine", "conda"):
        (desk / "p" / name).mkdir()
        (desk / "p" / name / "no.py").write_text("")
    (desk / "p" / "mine" / "pyvenv.cfg").write_text("")
    (desk / "p" / "conda" / "conda-meta").mkdir()
    os.symlink("..", desk / "p" / "deep" / "loop")
    expected = ["p/A.PY", "p/a.ipynb", "p/b.py", "p/deep/er/c.py"]
    assert list(scripts_below("p")) == expected
    assert list(scripts_below("./p/")) == expected
    os.chdir("p")
    assert list(scripts_below(".")) == ["A.PY", "a.ipynb", "b.py", "deep/er/c.py"]


def test_a_folder_without_scripts_holds_none(desk: Path) -> None:
    lay(desk, p___x__a_py="", q__notes_txt="")
    assert not holds_scripts("q")
    assert not holds_scripts("nowhere")


def test_a_pyproject_for_tools_alone_is_no_list_of_packages(desk: Path) -> None:
    lay(desk, p__pyproject_toml="[tool.ruff]\nline-length = 100\n", q__pyproject_toml="[project]\nname = 'q'\ndependencies = ['trl']\n")
    assert not asks_for_packages("p")
    assert asks_for_packages("q")


@pytest.mark.parametrize(
    ("line", "beside"),
    [
        ("import config", ["config.py"]),
        ("from config import args", ["config.py"]),
        ("from .config import args", ["config.py"]),
        ("from . import config", ["config.py"]),
        ("from .parts.lora import *", ["parts/lora.py"]),
        ("import parts.lora as lora", ["parts/lora.py"]),
        ("from parts import lora", ["parts/lora.py"]),
        ("from parts import rank", ["parts/__init__.py"]),
        ("from transformers import Trainer", []),
        ("import json", []),
        ("from .. import elsewhere", []),
    ],
)
def test_the_files_that_a_script_imports_are_part_of_it(desk: Path, line: str, beside: list[str]) -> None:
    lay(desk, config_py="args = 1\n", parts__lora_py="", train_py=f"{line}\n{TRAIN}")
    (desk / "parts" / "__init__.py").write_text("rank = 8\n")
    assert groups(read_each(["train.py"])) == [("train.py", *beside)]


def test_what_is_imported_is_told_with_its_own_place(desk: Path) -> None:
    lay(
        desk,
        config_py="from trl import SFTConfig\nargs = SFTConfig(output_dir='o', packing=True)\n",
        train_py=f"from config import args\n{TRAIN}",
    )
    ((script, facts),) = read_each(["train.py"]).scripts
    assert [(call.target, call.location.path) for call in script.calls] == [("trl.SFTConfig", "config.py"), ("trl.SFTTrainer", "train.py")]
    assert ("training.packing", "train.py") in [(fact.path, fact.origin) for fact in facts]


def test_of_a_folder_count_the_files_that_a_run_starts_with(desk: Path) -> None:
    lay(
        desk,
        p__config_py="",
        p__train_py="import config",
        p__other_py="import config",
        p__tool_py="if __name__ == '__main__':\n  pass",
        p__z_py="import tool",
    )
    expected = [("p/other.py", "p/config.py"), ("p/tool.py",), ("p/train.py", "p/config.py"), ("p/z.py", "p/tool.py")]
    assert groups(read_each(["p"])) == expected


def test_what_is_named_counts_by_itself_too(desk: Path) -> None:
    lay(desk, config_py="", train_py="import config")
    assert groups(read_each(["train.py", "config.py"])) == [("train.py", "config.py"), ("config.py",)]
    assert groups(read_each(["train.py", "train.py"])) == [("train.py", "config.py")]


def test_modules_are_found_from_the_folder_that_is_named(desk: Path) -> None:
    lay(desk, p__pkg__config_py="", p__pkg__train_py="from pkg.config import x")
    assert groups(read_each(["p"])) == [("p/pkg/train.py", "p/pkg/config.py")]


def test_what_cannot_be_read_in_a_folder_is_told_apart(desk: Path) -> None:
    lay(desk, p__good_py=TRAIN, p__bad_py="x = 1\ndef (:\n", p__bad_ipynb="{", p__binary_py="a\0b")
    read = read_each(["p"])
    assert groups(read) == [("p/good.py",)]
    assert [(one.location.path, one.location.line) for one in read.unread] == [("p/bad.ipynb", 1), ("p/bad.py", 2), ("p/binary.py", 1)]
    assert read.unread[1].reason.startswith("invalid syntax; Python 3.")
    with pytest.raises(InputError, match=r"p/bad\.py, line 2"):
        read_each(["p/bad.py"])


def test_a_cell_that_cannot_be_read_is_told_with_its_place(desk: Path) -> None:
    lay(desk, p__n_ipynb='{"cells": [{"cell_type": "code", "source": "x = 1\\ny = ("}]}')
    assert [(one.location.path, one.location.line) for one in read_each(["p"]).unread] == [("p/n.ipynb:cell 1", 2)]


def test_it_says_how_far_it_is(desk: Path) -> None:
    lay(desk, p__a_py="", p__b_py="")
    said: list[str] = []
    read_each(["p"], said.append)
    assert said == ["reading p/a.py (1 of 2)", "reading p/b.py (2 of 2)"]


def test_a_ring_of_imports_starts_somewhere() -> None:
    ring = {"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"]}
    assert reached("a", ring) == ["a", "b", "c"]
    assert starts(["a", "b", "c"], ring) == ["a"]
    assert starts(["a", "b", "c", "d"], ring) == ["d"]


def test_a_long_chain_of_imports_takes_no_time() -> None:
    chain = {str(number): [str(number + 1)] for number in range(20_000)}
    assert starts(list(chain), chain) == ["0"]


@pytest.mark.parametrize(
    ("module", "line", "argument", "value"),
    [
        ("NAME = 'm'", "from config import NAME", "NAME", "m"),
        ("NAME = 'm'", "from config import NAME as OTHER", "OTHER", "m"),
        ("SIZE = 4 * 1024", "from .config import SIZE", "SIZE", 4096),
        ("NAMES = ['a', 'b']", "from config import NAMES", "NAMES", ("a", "b")),
        ("NAME = 'm'\nNAME = 'n'", "from config import NAME", "NAME", None),
        ("import os\nNAME = os.environ['M']", "from config import NAME", "NAME", None),
        ("def NAME(): ...", "from config import NAME", "NAME", None),
        ("NAMES = []\nNAMES.append('x')", "from config import NAMES", "NAMES", None),
        ("NAME = 'm'", "if here:\n    from config import NAME", "NAME", None),
        ("NAME = 'm'", "from config import NAME\nNAME = input()", "NAME", None),
    ],
)
def test_constants_of_another_file_are_followed(desk: Path, module: str, line: str, argument: str, value: object) -> None:
    lay(desk, config_py=module, train_py=f"{line}\nimport trl\ntrl.SFTConfig(x={argument})\n")
    ((script, _),) = read_each(["train.py"]).scripts
    (call,) = [call for call in script.calls if call.target == "trl.SFTConfig"]
    assert [(one.value, one.literal) for one in call.arguments] == [(value, value is not None)]


def test_a_dictionary_of_another_file_is_unpacked(desk: Path) -> None:
    lay(
        desk,
        config_py="COMMON = {'packing': True, 'n': 1}\n",
        train_py="from config import COMMON, other\nimport trl\ntrl.SFTConfig(**COMMON)\n",
    )
    ((script, facts),) = read_each(["train.py"]).scripts
    (call,) = [call for call in script.calls if call.target == "trl.SFTConfig"]
    assert [(one.name, one.value, one.location.path, one.location.line) for one in call.arguments] == [
        ("packing", True, "train.py", 1),
        ("n", 1, "train.py", 1),
    ]
    assert [(fact.path, fact.value) for fact in facts] == [("training.packing", True)]


def test_a_module_of_the_project_is_not_taken_for_a_library(desk: Path) -> None:
    text = "import evaluate\nfrom datasets import load_dataset\nfrom peft import LoraConfig\nevaluate.load('x', y=1)\nload_dataset('d')\nLoraConfig(r=1)\n"
    lay(desk, train_py=text, evaluate_py="def load(): ...", data__x_py="", peft__notes_txt="")
    (desk / "datasets").mkdir()
    (desk / "datasets" / "__init__.py").write_text("")
    ((script, _),) = read_each(["train.py"]).scripts
    assert [call.target for call in script.calls] == ["peft.LoraConfig"]
    assert [one.name for one in script.imports] == ["peft.LoraConfig"]
    assert script.paths == ("train.py", "evaluate.py", "datasets/__init__.py")


def test_a_script_does_not_bring_a_whole_library(desk: Path) -> None:
    for number in range(300):
        (desk / f"m{number}.py").write_text(f"import m{number + 1}\n")
    (desk / "train.py").write_text("import m0\n")
    ((script, _),) = read_each(["train.py"]).scripts
    assert script.paths[:3] == ("train.py", "m0.py", "m1.py")
    assert len(script.paths) == 101
    ((whole, _),) = read_each(["."]).scripts
    assert len(whole.paths) == 302 - 1
