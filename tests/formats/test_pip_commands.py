"""What shell commands ask pip and uv for: pins, names, what is hidden in a variable, and what may not happen at all."""

from __future__ import annotations

import pytest

from envdoctor.formats._pip_commands import installations, leaves_folder
from envdoctor.model.errors import InputError
from envdoctor.model.listing import Installation
from envdoctor.model.script import Command, Location

PLACE = Location(path="train.ipynb:cell 1", line=2)


def load(path: str) -> str:
    if path == "requirements.txt":
        return "trl==0.9.6\n# a comment\npeft\n"
    raise InputError(f"{path} does not exist")


def asked(text: str) -> list[Installation]:
    return installations(Command(location=PLACE, text=text), load)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pip install trl==0.9.6", ["trl==0.9.6"]),
        ("pip install -q --upgrade-strategy only-if-needed 'peft>=0.9,<1' trl", ["peft>=0.9,<1", "trl"]),
        ("pip3.11 install trl", ["trl"]),
        ("pip -q install --no-cache-dir \\\n  trl \\\n  peft  # and more", ["trl", "peft"]),
        ("python -m pip install trl", ["trl"]),
        ("/usr/bin/python3 -u -m pip install trl", ["trl"]),
        ("{sys.executable} -m pip install trl", ["trl"]),
        ("uv pip install --system trl", ["trl"]),
        ("sudo CUDA_HOME=/usr/local/cuda pip install flash-attn --no-build-isolation", ["flash-attn"]),
        ("pip install trl>=0.9.6", ["trl"]),  # a shell writes the output into the file "=0.9.6"
        ("pip install trl==0.9.6 > /dev/null 2>&1", ["trl==0.9.6"]),
        ("pip install trl==0.9.6 | tail -1", ["trl==0.9.6"]),
        ("apt-get update; pip install trl && echo 'a && b'", ["trl"]),
        ("pip install -r requirements.txt peft", ["trl==0.9.6", "peft", "peft"]),
        ("pip install 'unsloth[colab] @ git+https://example.org/unsloth.git'", ["unsloth @ git+https://example.org/unsloth.git"]),
        ("pip install git+https://example.org/trl.git", ["trl @ git+https://example.org/trl.git"]),
        ("pip install \"torch==2.5.1; sys_platform == 'linux'\"", ["torch==2.5.1"]),
        ("pip install -e 'git+https://example.org/x.git#egg=trl'", ["trl @ git+https://example.org/x.git#egg=trl"]),
        ("echo a\npip install trl # comment\npip install peft", ["trl", "peft"]),
        ("pip list", []),
        ("pip download trl", []),
        ("pip install --dry-run trl", []),
        ("pip install --target lib trl", []),
        ("echo pip install trl", []),
        ("pip install 'trl", []),  # an open quote
        ("", []),
    ],
)
def test_what_a_command_installs(text: str, expected: list[str]) -> None:
    found = [one for installation in asked(text) for one in installation.takes]
    assert [f"{one.name}{f' @ {one.url}' if one.url else one.specifier}" for one in found] == expected


@pytest.mark.parametrize(
    ("text", "upgrade", "follows", "sure", "whole", "label"),
    [
        ("pip install trl", False, True, True, True, ""),
        ("pip install -U trl", True, True, True, True, ""),
        ("pip install -qU trl", True, True, True, True, ""),
        ("uv pip install --reinstall trl", True, True, True, True, ""),
        ("pip install --no-deps trl", False, False, True, True, ""),
        ("pip show trl || pip install trl", False, True, False, True, ""),
        ("pip install trl<0.9", False, True, False, True, ""),  # a shell looks for a file "0.9"
        ("pip install $PACKAGES", False, True, True, False, ""),
        ("pip install {package}", False, True, True, False, ""),
        ("pip install trl=={version}", False, True, True, True, ""),
        ("pip install -r missing.txt", False, True, True, False, ""),
        ("pip install -e .", False, True, True, False, ""),
        ("conda install -y pytorch", False, True, True, False, ""),
        ("uv sync", False, True, True, False, ""),
        ("pip install --upgrade-strategy eager -U trl", True, True, True, False, ""),
        ("pip install torch --index-url https://example.org/whl/cu121", False, True, True, True, "cu121"),
        ("pip install torch --extra-index-url=https://example.org/whl/cpu/", False, True, True, True, "cpu"),
        ("uv pip install torch --torch-backend cu128", False, True, True, True, "cu128"),
        ("uv pip install torch --torch-backend=auto", False, True, True, True, ""),
        ("pip install torch -i https://example.org/simple", False, True, True, True, ""),
    ],
)  # fmt: skip
def test_how_it_installs(text: str, upgrade: bool, follows: bool, sure: bool, whole: bool, label: str) -> None:
    one = asked(text)[-1]
    assert (one.upgrade, one.follows, one.sure, one.whole, one.label) == (upgrade, follows, sure, whole, label)


def test_a_version_that_is_filled_in_later_is_not_known() -> None:
    (one,) = asked("pip install trl=={version} peft")
    assert [(line.name, line.specifier) for line in one.takes] == [("trl", ""), ("peft", "")]
    assert one.takes[0].url


def test_what_goes() -> None:
    (one,) = asked("pip uninstall -y torchao Flash_Attn")
    assert one.leaves == ("torchao", "flash-attn")


def test_words_are_taken_as_they_are() -> None:
    words = ("sys.executable", "-m", "pip", "install", "trl>=0.9; python_version > '3'")
    (one,) = installations(Command(location=PLACE, words=words, sure=False), load)
    assert [(line.name, line.specifier) for line in one.takes] == [("trl", ">=0.9")]
    assert not one.sure


def test_places_are_those_of_the_command_or_of_the_file_that_it_names() -> None:
    (one,) = asked("pip install peft -r requirements.txt")
    told = [(line.location.path, line.location.line) for line in one.takes if line.location is not None]
    assert told == [("train.ipynb:cell 1", 2), ("requirements.txt", 1), ("requirements.txt", 3)]


def test_a_change_of_folder_is_seen() -> None:
    assert leaves_folder(Command(location=PLACE, text="git clone x && cd x"))
    assert not leaves_folder(Command(location=PLACE, text="pip install cd"))
