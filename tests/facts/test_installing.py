"""What is there after a notebook's pip lines: pins are known, names leave what is there, and what pip may move is unknown."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from envdoctor.facts.installing import Layer
from envdoctor.formats._pip_commands import installations
from envdoctor.model.errors import InputError
from envdoctor.model.requirements import marker_variables
from envdoctor.model.script import Command, Location
from envdoctor.model.snapshot import Distribution

MARKERS = marker_variables("linux", "x86_64", "3.11.7")
NEEDS: dict[str, dict[str, dict[str, str]]] = {
    # package: version: what it declares
    "trl": {"0.9.6": {"transformers": ">=4.40"}, "1.16.0": {"transformers": ">=4.56", "rich": ""}},
    "transformers": {"4.46.0": {"tokenizers": "<0.21"}, "5.0.0": {"tokenizers": ">=0.22"}},
    "peft": {"0.17.0": {}},
}


def needs(package: str, specifier: str) -> list[Mapping[str, str]]:
    known = NEEDS.get(package, {})
    pin = specifier.removeprefix("==")
    return [known[pin]] if pin in known else list(known.values())


def refuse(path: str) -> str:
    raise InputError(f"{path} does not exist")


def after(there: dict[str, str], *lines: str, sure: bool = True) -> Layer:
    layer = Layer({name: Distribution(name=name, version=version, origin="box") for name, version in there.items()}, MARKERS, needs)
    for number, line in enumerate(lines, 1):
        command = Command(location=Location(path="n.ipynb:cell 1", line=number), text=f"pip install {line}", sure=sure)
        for one in installations(command, refuse):
            layer.put(one)
    return layer


BOX = {"trl": "0.12.0", "transformers": "4.46.0", "tokenizers": "0.20.3", "peft": "0.17.0", "torch": "2.5.1+cu124"}


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("trl", {}),
        ("trl==0.12.0", {}),
        ("'trl>=0.9,<1'", {}),
        ("torch==2.5.1", {}),  # what is there is a build of it
        ("trl==0.9.6", {"trl": "0.9.6"}),
        ("--no-deps trl==1.16.0", {"trl": "1.16.0"}),
        ("trl==1.16.0", {"trl": "1.16.0", "transformers": None, "rich": None, "tokenizers": None}),
        ("-U peft", {"peft": None}),
        ("'peft<0.10'", {"peft": None}),
        ("git+https://example.org/peft.git", {"peft": None}),
        ("peft=={version}", {"peft": None}),
        ("'peft==0.9.0; python_version < \"3.9\"'", {}),
        ("peft==0.9.0 peft==0.17.0", {"peft": "0.17.0"}),
        ("torch==2.6.0 --index-url https://example.org/whl/cpu", {"torch": "2.6.0+cpu"}),
        ("sentencepiece", {"sentencepiece": None}),
        ("{everything}", dict.fromkeys(BOX)),
        ("-r nowhere.txt", dict.fromkeys(BOX)),
        ("-c nowhere.txt peft", dict.fromkeys(BOX)),
    ],
)
def test_what_one_line_changes(line: str, changed: dict[str, str | None]) -> None:
    layer = after(BOX, line)
    assert {name: layer.distributions[name].version for name in layer.changed} == changed
    kept = {name: version for name, version in BOX.items() if name not in changed}
    assert {name: found.version for name, found in layer.distributions.items() if name not in changed} == kept


def test_a_place_is_told_of_what_changes() -> None:
    layer = after(BOX, "peft", "trl==1.16.0")
    assert layer.distributions["trl"].origin == "n.ipynb:cell 1:2"
    assert layer.distributions["transformers"].origin == "n.ipynb:cell 1:2, needed by trl"
    assert layer.distributions["peft"].origin == "box"
    assert (layer.distributions["transformers"].specifier, layer.distributions["rich"].specifier) == (">=4.56", "")


def test_a_line_that_may_not_run_leaves_the_version_open_and_adds_nothing() -> None:
    layer = after(BOX, "trl==0.9.6 unsloth", sure=False)
    assert layer.distributions["trl"].version is None
    assert "unsloth" not in layer.distributions
    assert not layer.is_closed
    assert after(BOX, "trl==0.12.0", sure=False).changed == {}


def test_a_later_line_counts() -> None:
    layer = after(BOX, "trl==1.16.0", "transformers==5.0.0 tokenizers==0.22.1")
    assert {name: layer.distributions[name].version for name in ("trl", "transformers", "tokenizers")} == {
        "trl": "1.16.0", "transformers": "5.0.0", "tokenizers": "0.22.1",
    }  # fmt: skip


def test_what_goes_is_gone() -> None:
    layer = Layer({"torchao": Distribution(name="torchao", version="0.9")}, MARKERS, needs)
    for one in installations(Command(location=Location(path="n", line=1), text="pip uninstall -y torchao peft"), refuse):
        layer.put(one)
    assert layer.distributions == {}


@pytest.mark.parametrize(
    ("line", "closed"), [("trl", True), ("trl==0.9.6", True), ("trl==1.16.0", False), ("sentencepiece", False), ("{x}", False)]
)
def test_the_list_stays_complete_where_nothing_else_comes(line: str, closed: bool) -> None:
    assert after(BOX, line).is_closed is closed


def test_a_version_that_is_none_is_told_and_left_open() -> None:
    layer = after(BOX, "peft==stable")
    assert (layer.distributions["peft"].version, layer.distributions["peft"].specifier) == (None, "")
    assert layer.problems == ["n.ipynb:cell 1 line 1: '==stable' is not a PEP 440 specifier"]


def test_what_is_not_understood_is_a_problem_with_its_place() -> None:
    assert after(BOX, "{x}").problems == ["n.ipynb:cell 1 line 1: what it installs cannot all be seen, so no version is certain after it"]
    assert "nowhere.txt does not exist" in after(BOX, "-r nowhere.txt").problems[0]
