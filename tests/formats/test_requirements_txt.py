"""pip's requirements files: includes, constraints, references, options, places."""

from __future__ import annotations

import os

import pytest

from envdoctor.facts.documents import distributions, marker_environment, read_listing
from envdoctor.formats import requirements_txt
from envdoctor.model.errors import InputError
from envdoctor.model.listing import Listing
from tests.conftest import FIXTURES

LINUX = marker_environment("linux-x86_64", "3.11")
CASE = os.path.join(FIXTURES, "formats", "requirements_txt")


def read(text: str, **files: str) -> Listing:
    def load(path: str) -> str:
        try:
            return files[path.replace("/", "__").replace(".", "_")]
        except KeyError:
            raise InputError(f"{path} does not exist") from None

    return requirements_txt.read(text, "requirements.txt", load)


def test_a_whole_file_with_includes_and_constraints() -> None:
    listing = read_listing(os.path.join(CASE, "everything", "requirements.txt"))
    found = distributions(listing, LINUX)
    told = {name: (one.version, one.specifier, one.build) for name, one in found.items()}
    assert told == {
        "datasets": (None, ">=2,<3", ""),
        "accelerate": ("1.1.0", "", ""),
        "torch": ("2.5.1+cu124", "", "cuda"),
        "transformers": (None, ">=4.46,<5", ""),
        "peft": (None, "", ""),
        "trl": (None, "", ""),
        "unsloth": (None, "", ""),
        "flash-attn": ("2.7.4+cu12torch2.5cxx11abiFALSE", "", "cuda"),
        "xformers": ("0.0.28", "", ""),
        "numpy": ("1.26.4", "", ""),
        "weird": (None, "", ""),
        "tokenizers": (None, ">=0.20", ""),
    }
    assert not listing.complete
    assert [problem.partition(": ")[0].rpartition("/")[2] for problem in listing.problems] == ["requirements.txt line 19"]


def test_places_name_the_including_and_the_included_file() -> None:
    found = distributions(read_listing(os.path.join(CASE, "everything", "requirements.txt")), LINUX)
    assert found["torch"].origin == "requirements.txt line 6"
    assert found["numpy"].origin == "requirements.txt line 15"
    assert found["datasets"].origin.replace(os.sep, "/") == "more/datasets.txt line 1, limits/constraints.txt line 1"


def test_the_marker_of_the_target_decides() -> None:
    listing = read_listing(os.path.join(CASE, "everything", "requirements.txt"))
    assert distributions(listing, marker_environment("macos-arm64", "3.11"))["torch"].version == "2.5.1"


def test_an_include_cycle_is_an_error_with_the_chain() -> None:
    with pytest.raises(InputError, match=r"base.txt line 2: .*requirements.txt -> base.txt -> requirements.txt"):
        read_listing(os.path.join(CASE, "cycle"))


def test_a_file_that_includes_itself_is_an_error() -> None:
    with pytest.raises(InputError, match="include each other without end"):
        read("-r requirements.txt")


def test_a_tower_of_double_includes_is_read_once_each() -> None:
    files = {f"a{level}_txt": f"-r a{level + 1}.txt\n-r a{level + 1}.txt\n" for level in range(40)}
    assert [one.name for one in read("-r a0.txt", **files, a40_txt="torch").requirements] == ["torch"]


def test_a_missing_include_names_the_line_that_asks_for_it() -> None:
    with pytest.raises(InputError, match=r"^requirements.txt line 2 includes .*nowhere.txt does not exist"):
        read("torch\n-r nowhere.txt")


@pytest.mark.parametrize("line", ["-r base.txt", "-rbase.txt", "--requirement base.txt", "--requirement=base.txt", '-r "base.txt"'])
def test_every_way_to_write_an_include(line: str) -> None:
    assert [one.name for one in read(line, base_txt="torch").requirements] == ["torch"]


@pytest.mark.parametrize("line", ["-c base.txt", "--constraint=base.txt", "--constraint base.txt"])
def test_constraints_do_not_install(line: str) -> None:
    listing = read(line + "\npeft", base_txt="torch==2.5.1\npeft<0.15")
    found = distributions(listing, LINUX)
    assert {name: one.specifier for name, one in found.items()} == {"peft": "<0.15"}


def test_a_constraint_can_pin() -> None:
    assert distributions(read("-c c.txt\npeft>=0.10", c_txt="peft==0.14.0"), LINUX)["peft"].version == "0.14.0"


@pytest.mark.parametrize(
    "line",
    ["-i https://index.example/simple", "--index-url=https://index.example/simple", "-f ./wheels", "--no-binary :all:", "--pre",
     "--require-hashes", "--extra-index-url https://index.example/whl/cu124", "--trusted-host index.example"],
)  # fmt: skip
def test_options_that_name_no_package_are_kept_out_of_the_way(line: str) -> None:
    listing = read(line + "\ntorch==2.5.1")
    assert [one.name for one in listing.requirements] == ["torch"]
    assert listing.problems == ()


def test_an_unknown_option_is_told() -> None:
    assert "line 1: the option --frobnicate is not known" in read("--frobnicate=3\ntorch").problems[0]


def test_an_include_from_the_net_is_told_and_not_fetched() -> None:
    assert "fetches nothing" in read("-r https://host.example/r.txt").problems[0]


@pytest.mark.parametrize(
    ("line", "name", "extras"),
    [
        ("git+https://host.example/trl.git@v0.12.0#egg=trl", "trl", ()),
        ("git+https://host.example/trl.git@v0.12.0#egg=trl[quantization]&subdirectory=x", "trl", ("quantization",)),
        ("git+https://host.example/unsloth.git", "unsloth", ()),
        ("git+ssh://git@host.example/team/unsloth-zoo.git@main", "unsloth-zoo", ()),
        ("-e git+https://host.example/peft.git#egg=peft", "peft", ()),
        ("trl[peft] @ git+https://host.example/trl.git", "trl", ("peft",)),
    ],
)
def test_references_to_version_control(line: str, name: str, extras: tuple[str, ...]) -> None:
    (found,) = read(line).requirements
    assert (found.name, found.extras) == (name, extras)
    one = distributions(read(line), LINUX)[name]
    assert one.version is None
    assert one.problems == ("git reference: version not known",)


def test_a_name_taken_from_an_address_is_told() -> None:
    assert "taken to be unsloth" in read("git+https://host.example/unsloth.git").problems[0]


def test_problems_show_no_secret() -> None:
    lines = ["git+https://me:secret@host.example/unsloth.git", "-r https://secret@host.example/r.txt", "x @ https://a:secret@h/x y"]
    problems = read("\n".join(lines)).problems
    assert len(problems) == 3
    assert not any("secret" in problem for problem in problems)


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("https://files.example/torch-2.5.1%2Bcu124-cp311-cp311-linux_x86_64.whl", "2.5.1+cu124"),
        ("torch @ https://files.example/torch-2.5.1-cp311-cp311-win_amd64.whl#sha256=00", "2.5.1"),
        ("./torch-2.5.1-cp311-cp311-linux_x86_64.whl", "2.5.1"),
        ("torch-2.5.1-cp311-cp311-linux_x86_64.whl", "2.5.1"),
        ("torch @ file:///wheels/torch-2.5.1.tar.gz", "2.5.1"),
        ("torch @ https://host.example/archive/main.zip", None),
    ],
)
def test_a_file_name_tells_the_version(line: str, version: str | None) -> None:
    assert distributions(read(line), LINUX)["torch"].version == version


def test_a_local_project_brings_what_it_requires() -> None:
    project = '[project]\nname = "finetune"\nversion = "0.3"\ndependencies = ["torch==2.5.1"]\n[project.optional-dependencies]\n'
    project += 'gpu = ["flash-attn==2.7.4"]\ndev = ["pytest"]\n[dependency-groups]\ntest = ["ruff"]\n'
    found = distributions(read("-e .[gpu]", pyproject_toml=project), LINUX)
    assert {name: one.version for name, one in found.items()} == {"finetune": "0.3", "torch": "2.5.1", "flash-attn": "2.7.4"}


def test_a_local_project_that_cannot_be_read_is_told() -> None:
    listing = read("-e ./trainer")
    assert [one.name for one in listing.requirements] == ["trainer"]
    assert "what the project in ./trainer requires is not known" in listing.problems[0]


def test_hashes_are_kept_and_do_not_disturb() -> None:
    (found,) = read("torch==2.5.1 --hash=sha256:aa \\\n  --hash=sha256:bb ; \n").requirements
    assert (found.specifier, found.hashes) == ("==2.5.1", ("sha256:aa", "sha256:bb"))


def test_a_compiled_file_is_complete() -> None:
    assert read("# This file was autogenerated by uv via the following command:\n#    uv pip compile x.in\ntorch==2.5.1").complete


def test_windows_line_endings() -> None:
    assert [one.specifier for one in read("torch==2.5.1\r\ntransformers>=4, \\\r\n <5\r\n").requirements] == ["==2.5.1", ">=4,<5"]


def test_ten_megabytes_of_one_line_are_read() -> None:
    assert len(read("torch==2.5.1" + " --hash=sha256:00" * 500_000).requirements) == 1
