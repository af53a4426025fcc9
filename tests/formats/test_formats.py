"""Every format: the table is the folder, names and texts are recognised, broken input gives one clear error."""

from __future__ import annotations

import os

import pytest

from envdoctor import formats
from envdoctor.facts.documents import distributions, marker_environment, read_listing
from envdoctor.model.errors import InputError
from envdoctor.model.markers import PLATFORMS
from tests.conftest import FIXTURES, ROOT

FOLDER = os.path.join(ROOT, "src", "envdoctor", "formats")
CASES = os.path.join(FIXTURES, "formats")
EXPORTED = [
    ("uv_lock/forks/uv.lock", "exported.txt", ()),
    ("uv_lock/forks/uv.lock", "exported-gpu.txt", ("gpu",)),
    ("pylock_toml/forks/pylock.toml", "exported.txt", ()),
    ("poetry_lock/one/poetry.lock", "exported.txt", ()),
    ("poetry_lock/two/poetry.lock", "exported.txt", ()),
]


def no_load(path: str) -> str:
    raise InputError(f"{path} does not exist")


def versions(path: str, platform: str = "linux-x86_64", python: str = "3.11", extras: tuple[str, ...] = ()) -> dict[str, str]:
    found = distributions(read_listing(path), marker_environment(platform, python), extras)
    return {name: one.version if one.version is not None else one.specifier for name, one in found.items()}


def test_the_table_names_exactly_the_modules_of_the_folder() -> None:
    modules = {name[:-3] for name in os.listdir(FOLDER) if name.endswith(".py") and not name.startswith("_")}
    assert set(formats.FORMATS.values()) == modules
    assert {formats.reader(kind).KIND for kind in formats.FORMATS} == set(formats.FORMATS)


def test_every_format_is_edited_or_made_again_by_its_tool() -> None:
    assert {kind for kind in formats.FORMATS if hasattr(formats.reader(kind), "edits")} == set(formats.EDITED)
    with pytest.raises(KeyError):
        formats.editor("uv.lock")


@pytest.mark.parametrize(
    ("kind", "name", "source", "command"),
    [
        ("uv.lock", "uv.lock", "pyproject.toml", "uv lock"),
        ("uv.lock", "train.py.lock", "train.py", "uv lock --script train.py"),
        ("poetry.lock", "poetry.lock", "pyproject.toml", "poetry lock"),
        ("pdm.lock", "pdm.lock", "pyproject.toml", "pdm lock"),
        (
            "pylock.toml",
            "pylock.gpu.toml",
            "pyproject.toml",
            "uv pip compile --format pylock.toml pyproject.toml --output-file pylock.gpu.toml",
        ),
        ("pip inspect", "box.json", "", ""),
    ],
)
def test_what_a_tool_writes_names_its_source_and_its_command(kind: str, name: str, source: str, command: str) -> None:
    found = formats.remade(kind, name)
    assert (found.source, " ".join(found.command)) == (source, command)


def test_every_format_has_fixtures() -> None:
    assert set(os.listdir(CASES)) - {"real-requirements"} == set(formats.FORMATS.values())


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("requirements.txt", "requirements.txt"),
        ("requirements-gpu.in", "requirements.txt"),
        ("constraints.txt", "requirements.txt"),
        ("pip-freeze.txt", "pip freeze"),
        ("uv.lock", "uv.lock"),
        ("train.py.lock", "uv.lock"),
        ("poetry.lock", "poetry.lock"),
        ("pdm.lock", "pdm.lock"),
        ("pylock.toml", "pylock.toml"),
        ("pylock.gpu.toml", "pylock.toml"),
        ("pyproject.toml", "pyproject.toml"),
        ("environment.yml", "environment.yml"),
        ("environment-gpu.yaml", "environment.yml"),
        ("pip-inspect.json", "pip inspect"),
    ],
)
def test_the_name_alone_tells_the_format(name: str, kind: str) -> None:
    assert formats.recognise(name, "") == kind


@pytest.mark.parametrize("case", [path for path, export, _ in EXPORTED if export == "exported.txt"])
def test_the_text_tells_the_format_under_any_name(case: str) -> None:
    with open(os.path.join(CASES, case), encoding="utf-8") as file:
        text = file.read()
    suffix = os.path.splitext(case)[1]
    assert formats.recognise("renamed" + suffix, text) == os.path.basename(case)


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("deps.txt", "torch>=2.5\n# note\n-e .\nnumpy\n", "requirements.txt"),
        ("box.txt", "\n".join(f"package{letter}==1.0" for letter in "abcdefgh"), "pip freeze"),
        ("box.txt", "torch==2.5.1\npeft==0.14.0\n", "requirements.txt"),
        ("box.txt", "Package Version\n------- -------\ntorch   2.5.1\n", "pip freeze"),
        ("box.json", '[{"name": "torch", "version": "2.5.1"}]', "pip inspect"),
        ("box.json", '{"schema": 1}', ""),
        ("deps.toml", "[project]\nname = 'x'\n", "pyproject.toml"),
        ("stack.yaml", "name: x\ndependencies:\n  - torch\n", "environment.yml"),
        ("train.py", "# /// script\n# dependencies = []\n# ///\n", "script metadata"),
        ("train.py", "import torch\n", ""),
        ("notes.txt", "Remember to buy milk.\nAnd call mum tomorrow.\n", ""),
    ],
)
def test_the_text_decides_where_the_name_does_not(name: str, text: str, kind: str) -> None:
    assert formats.recognise(name, text) == kind


@pytest.mark.parametrize(("case", "export", "extras"), EXPORTED)
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12"])
def test_a_lock_installs_what_its_own_tool_exports(case: str, export: str, extras: tuple[str, ...], platform: str, python: str) -> None:
    path = os.path.join(CASES, case)
    found = versions(path, platform, python, extras)
    found.pop("finetune", None)  # the project itself
    assert found == versions(os.path.join(os.path.dirname(path), export), platform, python)


@pytest.mark.parametrize("kind", formats.FORMATS)
@pytest.mark.parametrize(
    "text", ["[[[[", "{" * 100_000, "a = " + "[" * 100_000, "\n<<<<<<< ours\nx = 1\n", "- " * 50_000, "a: *b\n", '{"a": ']
)
def test_broken_text_is_an_input_error_that_names_the_file_or_a_listing(kind: str, text: str) -> None:
    try:
        listing = formats.reader(kind).read(text, "some/file", no_load)
    except InputError as error:
        assert str(error).startswith("some/file")
        assert ";" in str(error)  # what is wrong; what to do
    else:
        assert all("some/file" in problem for problem in listing.problems)


@pytest.mark.parametrize("kind", [kind for kind in formats.FORMATS if kind.endswith((".lock", ".toml"))])
def test_a_wrong_shape_is_read_as_far_as_it_goes(kind: str) -> None:
    text = """
package = 3
packages = "x"
dependencies = { a = 1 }
lock-version = "1.0"
version = 1
project = { dependencies = [1, "torch==2.5.1", {}], optional-dependencies = [] }
dependency-groups = { dev = "x", test = [{ include-group = "test" }, 3] }
tool = { poetry = { dependencies = [], group = 3 }, uv = { sources = 1 } }
metadata = { lock_version = "4" }
"""
    formats.reader(kind).read(text, "some/file", no_load)


def test_a_truncated_lock_says_where_it_breaks_off() -> None:
    with open(os.path.join(CASES, "uv_lock/forks/uv.lock"), encoding="utf-8") as file:
        text = file.read()
    cut = text[: text.rindex("hash = ")]
    with pytest.raises(InputError, match=r"^some/uv.lock: this is not valid TOML: .*line \d+: it may be cut off.*uv lock"):
        formats.reader("uv.lock").read(cut, "some/uv.lock", no_load)


def test_an_unfinished_merge_is_named() -> None:
    with pytest.raises(InputError, match="finish the merge"):
        formats.reader("uv.lock").read("version = 1\n<<<<<<< ours\n", "uv.lock", no_load)
