"""Edits of pyproject.toml: lists of requirements, groups, Poetry's tables, uv's settings."""

from __future__ import annotations

import os

import pytest
import tomlkit

from envdoctor.formats import edited, pyproject_toml
from envdoctor.formats._poetry_edits import spelled
from envdoctor.model.errors import InputError
from envdoctor.model.plan import Change
from tests.conftest import FIXTURES

CASES = os.path.join(FIXTURES, "formats", "pyproject_toml")


def no_load(path: str) -> str:
    raise InputError(f"{path} does not exist")


def fixture(case: str) -> str:
    with open(os.path.join(CASES, case, "pyproject.toml"), encoding="utf-8") as file:
        return file.read()


def changed(text: str, name: str, specifier: str = "", *, at: int = 0, remove: bool = False) -> str:
    """Return the text with one requirement changed: the `at`-th of that name."""
    listing = pyproject_toml.read(text, "pyproject.toml", no_load)
    found = [one for one in listing.requirements if one.name == name][at]
    change = Change(name=name, requirement=found, specifier=specifier, remove=remove)
    after = edited(text, pyproject_toml.edits(text, "pyproject.toml", [change]))
    assert tomlkit.dumps(tomlkit.parse(after.removeprefix("\ufeff"))) == after.removeprefix("\ufeff")
    return after


def with_new(text: str, *wanted: tuple[str, str]) -> str:
    changes = [Change(name=name, specifier=specifier) for name, specifier in wanted]
    return edited(text, pyproject_toml.edits(text, "pyproject.toml", changes))


PEP621 = [
    ("torch", "==2.6.0", '"torch==2.5.1"', '"torch==2.6.0"', 0),
    ("transformers", ">=4.44,<5", "", "", 0),  # an override replaces it
    ("numpy", "<2.3", "'numpy<2 ;", "'numpy<2.3 ;", 0),
    ("peft", "==0.14.0", '"peft",\n', '"peft==0.14.0",\n', 0),
    ("flash-attn", "==2.8", "flash-attn==2.7.4", "flash-attn==2.8", 0),
    ("bitsandbytes", ">=0.45,<0.46", "bitsandbytes==0.45.0", "bitsandbytes>=0.45,<0.46", 0),
    ("wandb", "==0.18", '"wandb"]', '"wandb==0.18"]', 0),
    ("pytest", ">=8.1", "pytest>=8", "pytest>=8.1", 0),
    ("ruff", "==0.6", '"ruff"]', '"ruff==0.6"]', 0),
    ("ruff", "==0.6", '"ruff"]', '"ruff==0.6"]', 1),  # by the group that includes the other
    ("accelerate", "<1.3", "accelerate<1.2", "accelerate<1.3", 0),
    ("peft", "<0.16", "peft<0.15", "peft<0.16", 2),
]


@pytest.mark.parametrize(("name", "specifier", "old", "new", "at"), PEP621)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_only_the_version_changes(name: str, specifier: str, old: str, new: str, at: int, end: str) -> None:
    text = fixture("pep621").replace("\n", end)
    if not old:
        old, new = '"transformers==4.46.3"', f'"transformers{specifier}"'
    old, new = old.replace("\n", end), new.replace("\n", end)
    assert text.count(old) == 1
    assert changed(text, name, specifier, at=at) == text.replace(old, new)


POETRY = [
    ("torch", "==2.6.0", 'torch = "2.5.1"', 'torch = "2.6.0"', 0),
    ("transformers", ">=4.44,<5", '"^4.46"', '"^4.44"', 0),
    ("transformers", "==4.44.2", '"^4.46"', '"4.44.2"', 0),
    ("transformers", ">=4.44,<4.50", '"^4.46"', '">=4.44,<4.50"', 0),
    ("transformers", "", '"^4.46"', '"*"', 0),
    ("numpy", ">=1.25,<1.26", '"~1.26"', '"~1.25"', 0),
    ("accelerate", ">=1.1,<1.3", '">=1.0 <1.2"', '">=1.1 <1.3"', 0),
    ("accelerate", "==1.1.0", '">=1.0 <1.2"', '"1.1.0"', 0),
    ("trl", "==0.12.1", '{ git = "https://host.example/trl.git", tag = "v0.12.0" }', '"0.12.1"', 0),
    ("peft", "==0.13.1", '"0.13.2"', '"0.13.1"', 0),
    ("peft", "==0.15.0", '"0.14.0"', '"0.15.0"', 1),
    ("xformers", "==0.0.29", '"0.0.28"', '"0.0.29"', 0),
    ("datasets", "==3.1", '"^2.0 || ^3.0"', '"3.1"', 0),
    ("pytest", ">=8.3,<9", '"^8"', '"^8.3"', 0),
]


@pytest.mark.parametrize(("name", "specifier", "old", "new", "at"), POETRY)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_poetry_row_keeps_its_manner(name: str, specifier: str, old: str, new: str, at: int, end: str) -> None:
    text = fixture("poetry").replace("\n", end)
    assert text.count(old) == 1
    assert changed(text, name, specifier, at=at) == text.replace(old, new)


@pytest.mark.parametrize(
    ("like", "specifier", "expected"),
    [("==1.0", "==1.2", "==1.2"), ("= 1.0", "==1.2", "= 1.2"), ("~1.2", ">=1.3,<1.4", "~1.3"), ("~=1.2", "==1.3", "1.3"), (">=1, <2", ">=1.1,<3,!=2.5", ">=1.1, <3, !=2.5"), ("^1", "~=1.4", "~=1.4")],
)  # fmt: skip
def test_constraints_in_the_manner_of_another(like: str, specifier: str, expected: str) -> None:
    assert spelled(specifier, like) == expected


def test_what_else_a_poetry_table_says_stays() -> None:
    text = '[tool.poetry.dependencies]\ntrl = {git = "https://host.example/x.git", extras = ["peft"], markers = "os_name == \'nt\'"} # from the trunk\n'
    after = '[tool.poetry.dependencies]\ntrl = { version = "0.12", extras = ["peft"], markers = "os_name == \'nt\'" } # from the trunk\n'
    assert changed(text, "trl", "==0.12") == after
    text = '[tool.poetry.dependencies.trl]\nversion = "^0.11" # why\nextras = ["peft"]\n'
    assert changed(text, "trl", "==0.12") == text.replace("^0.11", "0.12")


@pytest.mark.parametrize("row", ['{path = "../trl"}', '{path = "../trl", develop = true}'])
def test_what_poetry_takes_from_a_folder_is_refused(row: str) -> None:
    with pytest.raises(InputError, match=r"^pyproject.toml: trl comes from a place of its own"):
        changed(f"[tool.poetry.dependencies]\ntrl = {row}\n", "trl", "==0.12")


def test_groups_of_pdm_and_uv_are_edited() -> None:
    text = '[tool.pdm.dev-dependencies]\ntest = ["pytest>=8"]\n[tool.uv]\ndev-dependencies = ["ruff==0.6"]\n'
    assert changed(text, "pytest", ">=8.3") == text.replace(">=8", ">=8.3")
    assert changed(text, "ruff", "==0.7") == text.replace("0.6", "0.7")


def test_one_name_in_many_places_changes_where_it_was_read() -> None:
    text = '[project]\nname = "x"\ndependencies = ["torch>=2"] # torch>=2\n[project.optional-dependencies]\na = ["torch>=2", "torch>=2 ; os_name == \'nt\'"]\n[dependency-groups]\nb = ["torch>=2"]\n'
    pieces = text.split("torch>=2")
    for at, place in enumerate([0, 2, 3, 4]):
        expected = (
            "".join(piece + ("torch>=2.6" if number == place else "torch>=2") for number, piece in enumerate(pieces[:-1])) + pieces[-1]
        )
        assert changed(text, "torch", ">=2.6", at=at) == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"torch>=2 ; os_name == \\"nt\\""', '"torch==2.6 ; os_name == \\"nt\\""'),
        ("'''torch>=2'''", "'''torch==2.6'''"),
        ('"""torch>=2"""', '"""torch==2.6"""'),
        ('"torch\\u003e=2"', '"torch==2.6"'),
        ("\"torch @ git+https://host.example/x.git ; os_name == 'nt'\"", "\"torch==2.6 ; os_name == 'nt'\""),
    ],
)
def test_every_kind_of_string(old: str, new: str) -> None:
    text = f"[project]\ndependencies = [ {old}, 'peft' ]\n"
    assert changed(text, "torch", "==2.6") == text.replace(old, new)


LONG = """\
[project]
dependencies = [
    # the models
    "torch>=2",  # the driver's
    'peft',
    "numpy"
]
"""


@pytest.mark.parametrize(
    ("text", "name", "after"),
    [
        (LONG, "torch", LONG.replace('    "torch>=2",  # the driver\'s\n', "")),
        (LONG, "peft", LONG.replace("    'peft',\n", "")),
        (LONG, "numpy", LONG.replace('    "numpy"\n', "")),
        ('[project]\ndependencies = ["a", "b", "c"]\n', "a", '[project]\ndependencies = ["b", "c"]\n'),
        ('[project]\ndependencies = ["a", "b", "c"]\n', "b", '[project]\ndependencies = ["a", "c"]\n'),
        ('[project]\ndependencies = ["a", "b", "c"]\n', "c", '[project]\ndependencies = ["a", "b"]\n'),
        ('[project]\ndependencies = [ "a" ]\n', "a", "[project]\ndependencies = [  ]\n"),
        ('[project]\ndependencies = [\n  "a"\n  , "b"\n  , "c"\n]', "b", '[project]\ndependencies = [\n  "a"\n  , "c"\n]'),
        ('[tool.poetry.dependencies]\na = "1" # x\nb = "2"', "a", '[tool.poetry.dependencies]\nb = "2"'),
        (
            '[tool.poetry.dependencies]\na = [\n {version = "1", python = "<3"},\n {version = "2"},\n]\n',
            "a",
            '[tool.poetry.dependencies]\na = [\n {version = "2"},\n]\n',
        ),
    ],
)
def test_an_item_is_taken_away_with_its_line_or_its_comma(text: str, name: str, after: str) -> None:
    assert changed(text, name, remove=True) == after


def test_two_neighbours_may_go_and_another_come() -> None:
    text = '[project]\ndependencies = ["torch", "xformers", "trl"]\n'
    found = pyproject_toml.read(text, "pyproject.toml", no_load).requirements
    gone = [Change(name=one.name, requirement=one, remove=True) for one in found]
    for which, after in [((1, 2), '["torch", "peft"]'), ((0, 1), '["trl", "peft"]'), ((0, 1, 2), '["peft"]')]:
        changes = [gone[number] for number in which] + [Change(name="peft")]
        assert edited(text, pyproject_toml.edits(text, "pyproject.toml", changes)) == f"[project]\ndependencies = {after}\n"


@pytest.mark.parametrize(
    ("text", "after"),
    [
        (LONG, LONG.replace('"numpy"\n', '"numpy",\n    "trl>=1"\n')),
        (LONG.replace('"numpy"', '"numpy",'), LONG.replace('"numpy"\n', '"numpy",\n    "trl>=1",\n')),
        (LONG.replace('"numpy"', '"numpy" # last'), LONG.replace('"numpy"\n', '"numpy", # last\n    "trl>=1"\n')),
        (LONG.replace('"numpy"\n', "'numpy']").replace("]]", "]"), LONG.replace('"numpy"\n', "'numpy', 'trl>=1']").replace("]]", "]")),
        ('[project]\ndependencies = ["torch >= 2"]', '[project]\ndependencies = ["torch >= 2", "trl >= 1"]'),
        ("[project]\ndependencies = []", '[project]\ndependencies = ["trl>=1"]'),
        ("[project]\ndependencies = [\n]\n", '[project]\ndependencies = ["trl>=1"\n]\n'),
        ('[project]\ndependencies = ["a", "b", "zz"]\n', '[project]\ndependencies = ["a", "b", "trl>=1", "zz"]\n'),
        ('[project]\ndependencies = ["u", "v", "w"]\n', '[project]\ndependencies = ["trl>=1", "u", "v", "w"]\n'),
        ('[project]\ndependencies = [\n  "u",\n  "v",\n  "w",\n]\n', '[project]\ndependencies = [\n  "trl>=1",\n  "u",\n  "v",\n  "w",\n]\n'),
        ('[project]\nname = "x" # y\n\n[tool.a]\n', '[project]\nname = "x" # y\ndependencies = ["trl>=1"]\n\n[tool.a]\n'),
        ("[project]", '[project]\ndependencies = ["trl>=1"]'),
        ('project.dependencies = ["a"]\n', 'project.dependencies = ["a", "trl>=1"]\n'),
        ('[tool.poetry.dependencies]\npython = "^3.10"\ntorch = "^2"\n\n[x]\n', '[tool.poetry.dependencies]\npython = "^3.10"\ntorch = "^2"\ntrl = ">=1"\n\n[x]\n'),
        ('[tool.poetry.dependencies]\npython = "^3.10"\na = "1"\nb = "1"\nz = "1"', '[tool.poetry.dependencies]\npython = "^3.10"\na = "1"\nb = "1"\ntrl = ">=1"\nz = "1"'),
        ("[tool.poetry.dependencies]\r\n", '[tool.poetry.dependencies]\r\ntrl = ">=1"\r\n'),
        ('[project]\ndependencies = ["TRL >= 1"]\n', '[project]\ndependencies = ["TRL >= 1"]\n'),
        ('[tool.poetry.dependencies]\nTRL = ">= 1"\n', '[tool.poetry.dependencies]\nTRL = ">= 1"\n'),
    ],
)  # fmt: skip
def test_a_new_requirement_goes_where_one_would_write_it(text: str, after: str) -> None:
    assert with_new(text, ("trl", ">=1")) == after
    assert with_new(after, ("trl", ">=1")) == after


def test_several_new_ones_share_a_place() -> None:
    assert (
        with_new('[project]\ndependencies = [\n  "a"\n]\n', ("c", ""), ("b", "==1"))
        == '[project]\ndependencies = [\n  "a",\n  "b==1",\n  "c"\n]\n'
    )
    assert with_new("[project]\ndependencies = []\n", ("c", ""), ("b", "==1")) == '[project]\ndependencies = ["b==1", "c"]\n'
    assert with_new('[project]\nname = "x"\n', ("c", ""), ("b", "==1")) == '[project]\nname = "x"\ndependencies = ["b==1", "c"]\n'
    assert (
        with_new('[tool.poetry.dependencies]\na = "1"\n', ("b.c", ""), ("d", "==1"))
        == '[tool.poetry.dependencies]\na = "1"\n"b.c" = "*"\nd = "1"\n'
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[project]\ndynamic = ["dependencies"]\n', "put together when the project is built"),
        ("[dependency-groups]\na = []\n", r"there is no \[project\] table"),
        ('[project]\ndependencies = ["trl<1"]\n', "trl is asked for already"),
        ('[tool.poetry.dependencies]\ntrl = "<1"\n', "trl is asked for already"),
        ('[project]\ndependencies = "trl<1"\n', "project.dependencies is no list"),
    ],
)
def test_what_cannot_be_added_says_what_to_do(text: str, says: str) -> None:
    with pytest.raises(InputError, match=rf"^pyproject.toml: .*{says}"):
        with_new(text, ("trl", ">=1"))


def test_a_name_that_uv_takes_from_a_source_is_refused() -> None:
    text = fixture("pep621")
    with pytest.raises(InputError, match=r"^pyproject.toml line 10: \[tool.uv.sources\] says where trl comes from; remove it there first"):
        changed(text, "trl", "==0.12")


def test_a_row_that_two_groups_include_is_edited_once() -> None:
    text = '[dependency-groups]\na = ["ruff", {include-group = "b"}]\nb = ["mypy"]\n'
    twice = [one for one in pyproject_toml.read(text, "pyproject.toml", no_load).requirements if one.name == "mypy"]
    assert len(twice) == 2
    changes = [Change(name="mypy", requirement=one, specifier="==1") for one in twice]
    assert edited(text, pyproject_toml.edits(text, "pyproject.toml", changes)) == text.replace("mypy", "mypy==1")
    gone = [change.replace(specifier="", remove=True) for change in changes]
    assert edited(text, pyproject_toml.edits(text, "pyproject.toml", gone)) == text.replace('"mypy"', "")
    with pytest.raises(InputError, match=r"^pyproject.toml line 3: two changes want different versions here; decide for one"):
        pyproject_toml.edits(text, "pyproject.toml", [changes[0], changes[1].replace(specifier="==2")])


def test_a_row_that_an_extra_of_poetry_names_is_not_removed() -> None:
    with pytest.raises(InputError, match="the extra gpu names xformers"):
        changed(fixture("poetry"), "xformers", remove=True)


def test_what_was_changed_since_is_refused() -> None:
    text = fixture("pep621")
    found = pyproject_toml.read(text, "pyproject.toml", no_load).requirements[0]
    change = Change(name="torch", requirement=found, specifier="==2.6")
    for moved in (text.replace('  "torch', ' "torch'), text.replace('"torch', '"numpy'), "\n" + text, "[project]\n"):
        with pytest.raises(InputError, match=r"^pyproject.toml line 6: torch does not stand there any more; read the file again"):
            pyproject_toml.edits(moved, "pyproject.toml", [change])


def test_a_byte_order_mark_stays() -> None:
    assert changed('\ufeff[project]\ndependencies = ["a"]\n', "a", "==1") == '\ufeff[project]\ndependencies = ["a==1"]\n'


def test_ten_megabytes_of_one_line_are_edited() -> None:
    text = "[project]\ndependencies = [" + '"a", ' * 200 + '"torch==2.5"] # ' + "x" * 10_000_000 + "\n"
    found = pyproject_toml.read(text, "pyproject.toml", no_load).requirements[-1]
    edits = pyproject_toml.edits(text, "pyproject.toml", [Change(name="torch", requirement=found, specifier="==2.6")])
    assert edited(text, edits) == text.replace("2.5", "2.6")
