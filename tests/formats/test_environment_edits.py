"""Edits of environment.yml: conda's rows in conda's spelling, pip's rows in pip's, everything else as it was."""

from __future__ import annotations

import os
from typing import Any

import pytest
from ruamel.yaml import YAML

from envdoctor.formats import conda_environment, edited
from envdoctor.formats._conda_respelled import Inexpressible, respelled
from envdoctor.formats._yaml_nodes import compose, outline
from envdoctor.model.errors import InputError
from envdoctor.model.plan import Change
from tests.conftest import FIXTURES

CASES = os.path.join(FIXTURES, "formats", "conda_environment")


def load(path: str) -> str:
    return "datasets==3.1.0\n"


def fixture(case: str) -> str:
    with open(os.path.join(CASES, case, "environment.yml"), encoding="utf-8") as file:
        return file.read()


def made(text: str, changes: dict[str, str | None], new: dict[str, str] | None = None) -> str:
    """Return the text with requirements changed (None takes them away) and others added."""
    found = {one.name: one for one in conda_environment.read(text, "environment.yml", load).requirements}
    wanted = [
        Change(name=name, requirement=found[name], specifier=version or "", remove=version is None) for name, version in changes.items()
    ]
    wanted += [Change(name=name, specifier=version) for name, version in (new or {}).items()]
    return edited(text, conda_environment.edits(text, "environment.yml", wanted))


def data(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


ROWS = [
    ("written", "torch", "==2.6.0", "pytorch=2.5 ", "pytorch=2.6.0 "),
    ("written", "numpy", ">=1.25,<2.1", "numpy>=1.26,<2", "numpy>=1.25,<2.1"),
    ("written", "numpy", "==1.25.2", "numpy>=1.26,<2", "numpy==1.25.2"),
    ("written", "scipy", "==1.13.*", '"scipy 1.14.*"', '"scipy 1.13.*"'),
    ("written", "pandas", "==2.2.2", "conda-forge::pandas==2.2.3", "conda-forge::pandas==2.2.2"),
    ("written", "pyarrow", ">=16,<18", "version='>=17,<18'", "version='>=16,<18'"),
    ("written", "pyarrow", "==17.0", "version='>=17,<18'", "version='==17.0'"),
    ("written", "scikit-learn", ">=1.4", "scikit-learn=1.5.2", "scikit-learn>=1.4"),
    ("written", "xxhash", "==3.5.0", "xxhash=3.4|3.5", "xxhash=3.5.0"),
    ("written", "trl", ">=0.11", "trl>=0.12 ;", "trl>=0.11 ;"),
    ("exported", "torch", "==2.6.0", "=2.5.1=py3.11_cuda12.4_cudnn9.1.0_0", "=2.6.0=*cuda*"),
    ("exported", "numpy", "==1.26.3", "numpy=1.26.4=py311h08b1b3b_0", "numpy=1.26.3"),
    ("exported", "accelerate", "==1.2", "accelerate==1.1.1", "accelerate==1.2"),
    ("exported", "peft", "==0.14.0", "peft @ git+https://host.example/peft.git@v0.14.0", "peft==0.14.0"),
]


@pytest.mark.parametrize(("case", "name", "specifier", "old", "new"), ROWS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_only_the_version_changes(case: str, name: str, specifier: str, old: str, new: str, end: str) -> None:
    text = fixture(case).replace("\n", end)
    assert text.count(old) == 1
    after = made(text, {name: specifier})
    assert after == text.replace(old, new)
    again = {one.name: one for one in conda_environment.read(after, "environment.yml", load).requirements}
    assert again[name].specifier == specifier


def test_the_build_for_cuda_stays_one() -> None:
    found = {one.name: one for one in conda_environment.read(made(fixture("exported"), {"torch": "==2.6.0"}), "e.yml", load).requirements}
    assert (found["torch"].specifier, found["torch"].build) == ("==2.6.0", "cuda")


@pytest.mark.parametrize(
    ("row", "specifier", "after"),
    [
        ("numpy", "==1.25.2", "numpy=1.25.2"),
        ("numpy", ">=1.25", "numpy>=1.25"),
        ("numpy", "==1.25.*", "numpy=1.25"),
        ("numpy=1.26", "==1.25", "numpy==1.25"),
        ("numpy=1.26", "==1.25.*", "numpy=1.25"),
        ("numpy 1.26", "==1.25", "numpy 1.25"),
        ("numpy 1.26 py3_0", "==1.25", "numpy 1.25"),
        ("numpy 1.26 cuda_0", "==1.25", "numpy 1.25 *cuda*"),
        ("numpy >=1.26, <2", ">=1.25,<2", "numpy >=1.25, <2"),
        ("numpy=1.26", "", "numpy"),
        ("numpy=1.26.4=py3_0", "", "numpy"),
        ("numpy[version=1.26]", "", "numpy[version=*]"),
    ],
)
def test_a_spec_keeps_its_manner(row: str, specifier: str, after: str) -> None:
    text = row
    for start, end, new in sorted(respelled(row, specifier), reverse=True):
        text = text[:start] + new + text[end:]
    assert text == after


def test_what_conda_cannot_say_is_refused() -> None:
    with pytest.raises(InputError, match=r"^environment.yml line 5: conda has no version ==2.6.0\+cu124; move torch below `pip:`"):
        made(fixture("written"), {"torch": "==2.6.0+cu124"})
    with pytest.raises(Inexpressible):
        respelled("pytorch=2.5.1=cuda_0", ">=2.5,<3")  # the build cannot be kept beside a range


QUOTED = """\
dependencies:
  - &np "numpy=1.26" # first
  - 'scipy=1.14'
  - pip:
    - "trl==0.12"
    - 'peft==0.13 ; python_version < "3.13"'
"""


def test_quotes_anchors_and_comments_stay() -> None:
    after = made(QUOTED, {"numpy": "==1.25.2", "scipy": ">=1.13,<2", "trl": ">=0.11,<0.12", "peft": "==0.14"})
    assert after == QUOTED.replace("=1.26", "=1.25.2").replace("=1.14", ">=1.13,<2").replace("==0.12", ">=0.11,<0.12").replace(
        "==0.13", "==0.14"
    )


def test_flow_lists_get_quotes_where_a_comma_would_part_them() -> None:
    text = "dependencies: [python=3.11, numpy=1.26, {pip: [trl==0.12]}] # all\n"
    assert made(text, {"numpy": "==1.25.2"}) == text.replace("1.26", "1.25.2")
    assert made(text, {"numpy": ">=1.25,<2"}) == text.replace("numpy=1.26", '"numpy>=1.25,<2"')
    assert made(text, {"trl": ">=0.11,<0.12"}, {"peft": ">=1,<2"}) == text.replace("trl==0.12", '"trl>=0.11,<0.12", "peft>=1,<2"')
    assert made(text, {"numpy": None}) == text.replace("numpy=1.26, ", "")
    assert made("dependencies: [python]\n", {}, {"peft": ""}) == 'dependencies: [python, pip, {pip: ["peft"]}]\n'


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("numpy", "  - numpy>=1.26,<2\n"),
        ("torch", "  - pytorch=2.5          # any 2.5\n"),
        ("trl", '      - trl>=0.12 ; python_version >= "3.10"\n'),
    ],
)
def test_a_row_is_taken_away_with_its_line(name: str, gone: str) -> None:
    text = fixture("written")
    assert gone in text
    assert made(text, {name: None}) == text.replace(gone, "")


def test_an_emptied_pip_part_goes_too() -> None:
    text = "dependencies:\n  - python\n  - pip:  # pip's\n    - trl\n    - peft\n\nprefix: /x\n"
    assert made(text, {"trl": None, "peft": None}) == "dependencies:\n  - python\n\nprefix: /x\n"
    assert made(text, {"trl": None, "peft": None}, {"datasets": "==3"}) == text.replace("    - trl\n    - peft\n", "    - datasets==3\n")


@pytest.mark.parametrize(
    ("text", "after"),
    [
        (
            "dependencies:\n  - pip\n  - pip:\n      - torch==2\n      - trl\nprefix: x\n",
            "dependencies:\n  - pip\n  - pip:\n      - torch==2\n      - trl\n      - peft>=1\nprefix: x\n",
        ),
        ("dependencies:\n- pip:\n  - trl  # x\n  - -r more.txt", "dependencies:\n- pip:\n  - trl  # x\n  - peft>=1\n  - -r more.txt"),
        ("dependencies:\n- pip:\n  - -r more.txt", "dependencies:\n- pip:\n  - -r more.txt\n  - peft>=1"),
        ("dependencies:\n- pip:\n  - a\n  - b\n  - trl", "dependencies:\n- pip:\n  - a\n  - b\n  - peft>=1\n  - trl"),
        ("dependencies:\n- pip:\n  - t\n  - u\n  - v", "dependencies:\n- pip:\n  - peft>=1\n  - t\n  - u\n  - v"),
        ("dependencies:\n- pip:\n  - 'trl == 1'\n", "dependencies:\n- pip:\n  - 'trl == 1'\n  - 'peft >= 1'\n"),
        (
            "dependencies:\n  - python=3.11  # ours\n# end\n",
            "dependencies:\n  - python=3.11  # ours\n  - pip\n  - pip:\n      - peft>=1\n# end\n",
        ),
        ("dependencies:\r\n- python\r\n- pip=24", "dependencies:\r\n- python\r\n- pip=24\r\n- pip:\r\n    - peft>=1"),
        ("dependencies:\n  - pip:\n", "dependencies:\n  - pip:\n      - peft>=1\n"),
        ("dependencies:\n  - pip: []\n", 'dependencies:\n  - pip: ["peft>=1"]\n'),
        ("dependencies:\n  - peft>=1\n", "dependencies:\n  - peft>=1\n"),
    ],
)
def test_a_new_requirement_goes_to_pip(text: str, after: str) -> None:
    assert made(text, {}, {"peft": ">=1"}) == after
    assert made(after, {}, {"peft": ">=1"}) == after
    assert data(after)["dependencies"]


def test_several_new_ones_come_in_order() -> None:
    assert made("dependencies:\n- a\n", {}, {"trl": "", "peft": "==1"}) == "dependencies:\n- a\n- pip\n- pip:\n    - peft==1\n    - trl\n"
    assert made("dependencies:\n- pip:\n  - b\n", {}, {"trl": "", "peft": "==1"}) == "dependencies:\n- pip:\n  - b\n  - peft==1\n  - trl\n"


def test_what_is_asked_for_already_is_not_added() -> None:
    with pytest.raises(InputError, match=r"^environment.yml line 2 asks for peft already; change that line"):
        made("dependencies:\n- peft=0.1\n", {}, {"peft": ">=1"})


def test_what_was_changed_since_is_refused() -> None:
    found = conda_environment.read("dependencies:\n- a\n- numpy=1\n", "environment.yml", load).requirements[1]
    for text in ("dependencies:\n- numpy=1\n", "dependencies:\n- a\n- scipy\n"):
        with pytest.raises(InputError, match=r"^environment.yml line 3: numpy does not stand there any more; read the file again"):
            conda_environment.edits(text, "environment.yml", [Change(name="numpy", requirement=found, specifier="==2")])


def test_one_row_cannot_have_two_versions() -> None:
    text = "dependencies:\n- numpy\n"
    found = conda_environment.read(text, "environment.yml", load).requirements[0]
    change = Change(name="numpy", requirement=found, specifier="==1.25.2")
    assert edited(text, conda_environment.edits(text, "environment.yml", [change, change])) == "dependencies:\n- numpy=1.25.2\n"
    with pytest.raises(InputError, match=r"^environment.yml line 2: two changes want different versions here; decide for one"):
        conda_environment.edits(text, "environment.yml", [change, change.replace(specifier="==1.26.4")])


def test_an_alias_that_would_change_something_else_is_left_alone() -> None:
    text = "other: [&np numpy=1.26]\ndependencies:\n- *np\n- scipy\n"
    with pytest.raises(InputError, match=r"^environment.yml: "):
        made(text, {"numpy": None})
    assert made(text, {"numpy": "==1.25.2"}) == text.replace("1.26", "1.25.2")


@pytest.mark.parametrize("text", ["dependencies: {}\n", "dependencies:\n", "name: x\n", "a: *b\n"])
def test_without_a_list_nothing_is_edited(text: str) -> None:
    with pytest.raises(InputError, match=r"^environment.yml"):
        conda_environment.edits(text, "environment.yml", [Change(name="peft")])


def test_a_block_text_is_refused() -> None:
    with pytest.raises(InputError, match="a requirement in a block text is not edited; write it as trl==2"):
        made("dependencies:\n- pip:\n  - |\n    trl==1\n", {"trl": "==2"})


def test_a_text_over_two_lines_is_written_anew() -> None:
    assert made("dependencies:\n- pip:\n  - trl\n    >=1\n", {"trl": ">=2"}) == 'dependencies:\n- pip:\n  - "trl >=2"\n'


def test_an_outline_stays_short_where_a_text_unfolds_without_end() -> None:
    bomb = "a0: &a0 x\n" + "".join(f"a{at + 1}: &a{at + 1} [*a{at}, *a{at}]\n" for at in range(60))
    assert len(outline(compose(bomb, "x.yml"))) < 500
    circle = compose("a: &a [*a]\n", "x.yml")
    assert outline(circle) == outline(compose("b: &b [*b]\n".replace("b", "a"), "x.yml"))
