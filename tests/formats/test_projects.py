"""Declared requirements: pyproject.toml, script blocks, Poetry's constraints, PDM's and uv's locks, conda environments."""

from __future__ import annotations

import os
from typing import Any

import pytest

from envdoctor.facts.documents import distributions, marker_environment, read_listing
from envdoctor.formats import conda_environment, pdm_lock, pyproject_toml, script_metadata, uv_lock
from envdoctor.formats._poetry import Inexpressible, specifier
from envdoctor.model.errors import InputError
from envdoctor.model.listing import Listing
from tests.conftest import FIXTURES

CASES = os.path.join(FIXTURES, "formats")


def no_load(path: str) -> str:
    raise InputError(f"{path} does not exist")


def told(listing: Listing, platform: str = "linux-x86_64", python: str = "3.11", **chosen: Any) -> dict[str, str | None]:
    found = distributions(listing, marker_environment(platform, python), **chosen)
    return {name: one.version or one.specifier or (one.direct_url and "url") or None for name, one in found.items()}


def case(*path: str) -> Listing:
    return read_listing(os.path.join(CASES, *path))


def test_pep_621_leaves_extras_and_groups_off() -> None:
    listing = case("pyproject_toml", "pep621")
    assert told(listing) == {"torch": "2.5.1", "transformers": "4.46.3", "numpy": "<2", "peft": "<0.15", "trl": "url"}
    assert (listing.complete, listing.python) == (False, ">=3.10,<3.13")
    assert "line 11: 'not a requirement'" in listing.problems[0]


def test_extras_and_groups_can_be_asked_for() -> None:
    listing = case("pyproject_toml", "pep621")
    base = set(told(listing))
    assert set(told(listing, extras=("gpu",))) - base == {"flash-attn", "xformers"}
    assert set(told(listing, extras=("all",))) - base == {"flash-attn", "xformers", "bitsandbytes", "wandb"}
    assert set(told(listing, groups=("dev",))) - base == {"pytest", "ruff"}
    assert told(listing, extras=("gpu",))["xformers"] == "0.0.28"


def test_places_are_exact_and_not_those_of_a_comment() -> None:
    text = '# torch==2.5 was bad\n[project]\nname = "x"\ndependencies = ["peft", "torch==2.6"] # torch\n[dependency-groups]\na = ["torch==2.6"]\n'
    listing = pyproject_toml.read(text, "pyproject.toml", no_load)
    places = [(one.name, one.location.line, one.location.column) for one in listing.requirements if one.location]
    assert places == [("peft", 4, 17), ("torch", 4, 25), ("torch", 6, 6)]


def test_groups_as_pdm_and_uv_had_them_before() -> None:
    text = '[tool.pdm.dev-dependencies]\ntest = ["pytest>=8", "-e file:///srv/x#egg=x"]\n[tool.uv]\ndev-dependencies = ["ruff==0.6"]\n'
    listing = pyproject_toml.read(text, "pyproject.toml", no_load)
    assert told(listing) == {}
    assert told(listing, groups=("dev", "test")) == {"pytest": ">=8", "ruff": "0.6"}
    assert listing.problems == ()


def test_of_a_poetry_list_one_version_that_cannot_be_told_leaves_the_others() -> None:
    text = (
        '[tool.poetry.dependencies]\npeft = [{version = "^0.13 || ^0.14", python = "<3.11"},\n {version = "0.14.0", python = ">=3.11"}]\n'
    )
    listing = pyproject_toml.read(text, "pyproject.toml", no_load)
    assert told(listing, python="3.12") == {"peft": "0.14.0"}
    assert told(listing, python="3.10") == {"peft": None}
    assert "line 2" in listing.problems[0]


def test_a_source_with_a_marker_counts_where_it_holds() -> None:
    listing = case("pyproject_toml", "pep621")
    assert distributions(listing, marker_environment("macos-arm64", "3.11"))["peft"].direct_url == "../peft"
    assert distributions(listing, marker_environment("linux-x86_64", "3.11"))["peft"].direct_url == ""


def test_groups_in_a_circle_are_told() -> None:
    text = '[dependency-groups]\na = ["torch", {include-group = "b"}]\nb = [{include-group = "a"}]\n'
    listing = pyproject_toml.read(text, "pyproject.toml", no_load)
    assert any("in a circle" in problem for problem in listing.problems)
    assert told(listing, groups=("b",)) == {"torch": None}


def test_poetry_tables() -> None:
    listing = case("pyproject_toml", "poetry")
    assert told(listing) == {
        "torch": "2.5.1",
        "transformers": ">=4.46,<5",
        "numpy": ">=1.26,<1.27",
        "accelerate": ">=1.0,<1.2",
        "trl": "url",
        "peft": "0.14.0",
        "datasets": None,
    }
    assert told(listing, "windows-x86_64", "3.10")["peft"] == "0.13.2"
    assert "colorama" in told(listing, "windows-x86_64")
    assert told(listing, extras=("gpu",))["xformers"] == "0.0.28"
    assert "line 18" in listing.problems[0]


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ("^1.2.3", ">=1.2.3,<2"),
        ("^1.2", ">=1.2,<2"),
        ("^1", ">=1,<2"),
        ("^0.2.3", ">=0.2.3,<0.3"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0.0", ">=0.0,<0.1"),
        ("^0", ">=0,<1"),
        ("~1.2.3", ">=1.2.3,<1.3"),
        ("~1.2", ">=1.2,<1.3"),
        ("~1", ">=1,<2"),
        ("~=1.2", "~=1.2"),
        ("*", ""),
        ("", ""),
        ("1.2.*", "==1.2.*"),
        ("2.5.1", "==2.5.1"),
        ("=2.5.1", "==2.5.1"),
        (">=1.0,<2.0", ">=1.0,<2.0"),
        (">= 1.0 < 2.0", ">=1.0,<2.0"),
        ("!=1.5.0", "!=1.5.0"),
        ("(>=1.0)", ">=1.0"),
    ],
)
def test_poetry_constraints_as_specifiers(constraint: str, expected: str) -> None:
    assert specifier(constraint) == expected


def test_a_union_has_no_specifier() -> None:
    with pytest.raises(Inexpressible):
        specifier("^1.0 || ^2.0")


def test_dynamic_dependencies_come_from_their_files() -> None:
    text = '[project]\nname = "x"\ndynamic = ["dependencies"]\n[tool.setuptools.dynamic]\ndependencies = { file = ["reqs/base.txt"] }\n'
    files = {"reqs/base.txt": "-r more.txt\ntorch==2.5.1", os.path.join("reqs", "more.txt"): "peft==0.14.0"}
    assert told(pyproject_toml.read(text, "pyproject.toml", files.__getitem__)) == {"torch": "2.5.1", "peft": "0.14.0"}


def test_dependencies_that_a_build_computes_are_told() -> None:
    listing = pyproject_toml.read('[project]\nname = "x"\ndynamic = ["dependencies"]\n', "pyproject.toml", no_load)
    assert "computed when the project is built" in listing.problems[0]


def test_a_script_block_with_its_lines() -> None:
    listing = case("script_metadata", "train", "train.py")
    assert [(one.name, one.location.line if one.location else 0) for one in listing.requirements] == [("torch", 5), ("trl", 6)]
    assert listing.python == ">=3.11"
    assert listing.requirements[1].url == "git+https://host.example/trl.git@main"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = 1\n# /// script\n# dependencies = []\n", "line 2: the block is not closed"),
        ("# /// script\n# a = 1\n# ///\nx = 1\n# /// script\n# b = 1\n# ///\n", r"2 `# /// script` blocks \(lines 1, 5\)"),
        ("# /// script\n# dependencies = [\n# ///\n", "not valid TOML"),
        ("x = 1\n", "no `# /// script` block"),
    ],
)
def test_a_broken_script_block_says_where(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        script_metadata.read(text, "train.py", no_load)


def test_pdm_groups_and_markers() -> None:
    listing = case("pdm_lock", "groups")
    assert told(listing) == {"httpx": "0.27.2", "numpy": "2.1.3", "peft": "url"} | {"peft": "0.14.0"}
    assert told(listing, "windows-x86_64", "3.10") == {"colorama": "0.4.6", "httpx": "0.27.2", "numpy": "1.26.4", "peft": "0.14.0"}
    assert set(told(listing, groups=("gpu",))) - set(told(listing)) == {"xformers"}


def test_an_old_pdm_lock_is_walked_from_the_project() -> None:
    listing = case("pdm_lock", "old")
    assert told(listing) == {"pandas": "2.2.0", "numpy": "1.26.4"}
    assert told(listing, "windows-x86_64", "3.12") == {"pandas": "2.2.0", "tzdata": "2024.1"}
    with open(os.path.join(CASES, "pdm_lock", "old", "pdm.lock"), encoding="utf-8") as file:
        alone = pdm_lock.read(file.read(), "pdm.lock", no_load)
    assert told(alone) == {"pandas": "2.2.0", "numpy": "1.26.4", "pytest": "8.0.0"}


def test_a_uv_workspace_without_a_project_starts_from_its_members() -> None:
    text = """version = 1
[manifest]
members = ["one", "two"]
[[package]]
name = "one"
version = "0.1"
source = { editable = "packages/one" }
dependencies = [{ name = "torch", extra = ["opt"], marker = "sys_platform == 'linux'" }, { name = "gone" }]
[[package]]
name = "two"
version = "0.2"
source = { virtual = "packages/two" }
dependencies = [{ name = "one" }, { name = "peft" }]
[[package]]
name = "torch"
version = "2.5.1+cu124"
source = { registry = "https://index.example/whl/cu124" }
[package.optional-dependencies]
opt = [{ name = "opt-einsum" }]
[[package]]
name = "opt-einsum"
version = "3.4"
source = { registry = "https://index.example/simple" }
[[package]]
name = "peft"
version = "0.14.0"
source = { git = "https://host.example/peft.git?tag=v0.14.0#0123" }
dependencies = [{ name = "torch" }]
[[package]]
name = "orphan"
version = "1.0"
source = { registry = "https://index.example/simple" }
"""
    listing = uv_lock.read(text, "uv.lock", no_load)
    assert told(listing) == {"one": "0.1", "torch": "2.5.1+cu124", "opt-einsum": "3.4", "peft": "0.14.0"}
    assert set(told(listing, "macos-arm64")) == {"one", "torch", "peft"}
    assert distributions(listing, marker_environment("linux-x86_64", "3.11"))["peft"].direct_url == "git+https://host.example/peft.git@0123"
    assert listing.problems == ("uv.lock: gone is needed but not locked; write the lock again with `uv lock`",)


def test_a_uv_lock_of_a_script_starts_from_its_requirements() -> None:
    text = 'version = 1\n[manifest]\nrequirements = [{ name = "torch" }]\n[[package]]\nname = "torch"\nversion = "2.5.1"\n'
    assert told(uv_lock.read(text, "train.py.lock", no_load)) == {"torch": "2.5.1"}


def test_extras_that_exclude_each_other_choose_their_fork() -> None:
    listing = case("uv_lock", "forks", "uv.lock")
    assert "markupsafe" not in told(listing)
    assert told(listing, extras=("cpu",))["markupsafe"] == "2.1.5"
    assert told(listing, extras=("gpu",))["markupsafe"] == "3.0.2"


def test_an_exported_conda_environment_is_complete() -> None:
    listing = case("conda_environment", "exported", "environment.yml")
    found = distributions(listing, marker_environment("linux-x86_64", "3.11"))
    assert (listing.complete, listing.python) == (True, "==3.11.9")
    assert (found["torch"].version, found["torch"].build) == ("2.5.1", "cuda")
    assert {name: one.version for name, one in found.items() if name != "torch"} == {
        "numpy": "1.26.4",
        "pip": "24.2",
        "accelerate": "1.1.1",
        "transformers": "4.46.3",
        "peft": None,
    }


def test_a_written_conda_environment_keeps_ranges() -> None:
    listing = case("conda_environment", "written", "environment.yml")
    found = told(listing)
    assert (listing.complete, listing.python) == (False, "==3.11.*")
    assert found == {
        "torch": "==2.5.*",
        "pytorch-cuda": "==12.4.*",
        "numpy": ">=1.26,<2",
        "scipy": "==1.14.*",
        "pandas": "2.2.3",
        "pyarrow": ">=17,<18",
        "scikit-learn": "1.5.2",
        "xxhash": None,
        "pip": None,
        "datasets": "3.1.0",
        "trl": ">=0.12",
    }
    assert distributions(listing, marker_environment("linux-x86_64", "3.11"))["torch"].build == "cuda"


def test_yaml_never_builds_objects() -> None:
    text = "dependencies:\n  - !!python/object/apply:os.system ['false']\n  - numpy=1.26.4\n"
    listing = conda_environment.read(text, "environment.yml", no_load)
    assert told(listing) == {"numpy": "1.26.4"}


def test_yaml_that_refers_to_itself_ends() -> None:
    listing = conda_environment.read("dependencies: &a\n  - numpy\n  - *a\n  - pip: *a\n", "environment.yml", no_load)
    assert "numpy" in told(listing)


def test_yaml_without_its_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    with pytest.raises(InputError, match=r"pip install 'envdoctor\[conda\]'"):
        conda_environment.read("dependencies: []\n", "environment.yml", no_load)
