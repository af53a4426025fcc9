"""Lists of what is installed: freezes, tables and JSON of pip."""

from __future__ import annotations

import os

import pytest

from envdoctor.facts.documents import distributions, marker_environment, read_listing
from envdoctor.formats import pip_freeze, pip_inspect
from envdoctor.model.errors import InputError
from tests.conftest import FIXTURES

LINUX = marker_environment("linux-x86_64", "3.11")
CASES = os.path.join(FIXTURES, "formats")


def no_load(path: str) -> str:
    raise InputError(f"{path} does not exist")


def test_a_freeze_names_all_that_is_installed() -> None:
    listing = read_listing(os.path.join(CASES, "pip_freeze", "box", "box.txt"))
    found = distributions(listing, LINUX)
    assert listing.complete
    assert listing.kind == "pip freeze"
    assert {name: one.version for name, one in found.items()} == {
        "accelerate": "1.1.1",
        "anyio": "4.6.2",
        "certifi": "2024.8.30",
        "datasets": "3.1.0",
        "mytrainer": "0.3.0",
        "numpy": "1.26.4",
        "packaging": None,
        "peft": "0.13.2",
        "torch": "2.5.1+cu124",
        "torchao": "0.14.1",
        "transformers": None,
        "trl": None,
    }
    assert found["transformers"].problems == ("git reference: version not known",)
    assert found["torch"].build == "cuda"


def test_the_table_of_pip_list_is_a_freeze() -> None:
    text = "Package       Version      Editable project location\n------------- ------------ ----\ntorch         2.5.1+cpu\nmytrainer 0.1 /srv/x\n"
    listing = pip_freeze.read(text, "list.txt", no_load)
    assert [(one.name, one.specifier) for one in listing.requirements] == [("torch", "==2.5.1+cpu"), ("mytrainer", "==0.1")]
    assert listing.complete


def test_pip_inspect_brings_requirements_and_python() -> None:
    listing = read_listing(os.path.join(CASES, "pip_inspect", "report", "inspect.json"))
    found = distributions(listing, LINUX)
    assert (listing.complete, listing.python) == (True, "==3.11.9")
    assert found["torch"].requires == ("filelock", "jinja2")
    assert found["huggingface-hub"].version == "0.26.2"
    assert (found["peft"].version, found["peft"].direct_url) == ("0.14.0", "git+https://host.example/peft.git@0123456789abcdef")
    assert "broken-1.0.dist-info has no name" in listing.problems[0]


def test_what_is_installed_twice_keeps_the_first_and_says_so() -> None:
    numpy = distributions(read_listing(os.path.join(CASES, "pip_inspect", "report", "inspect.json")), LINUX)["numpy"]
    assert numpy.version == "2.1.3"
    assert numpy.problems == ("several versions are named: 2.1.3 (inspect.json line 15), 1.26.4 (inspect.json line 19)",)


def test_pip_list_as_json() -> None:
    text = '[{"name": "torch", "version": "2.5.1"}, {"name": "x", "version": "0.1", "editable_project_location": "/srv/x"}, 3]'
    listing = pip_inspect.read(text, "list.json", no_load)
    assert [(one.name, one.specifier, one.editable) for one in listing.requirements] == [("torch", "==2.5.1", False), ("x", "==0.1", True)]


@pytest.mark.parametrize("text", ['{"installed": 3}', "3", "null", '"text"'])
def test_json_that_lists_nothing_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^x.json: .*pip inspect"):
        pip_inspect.read(text, "x.json", no_load)


def test_broken_json_names_the_line() -> None:
    with pytest.raises(InputError, match=r"^x.json line 2: "):
        pip_inspect.read('[\n{"name" "torch"}]', "x.json", no_load)
