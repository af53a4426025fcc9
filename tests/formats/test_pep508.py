"""The pattern that reads requirements agrees with `packaging` wherever that accepts a text."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement as Reference
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from envdoctor.formats._pep508 import NotARequirement, requirement

TEXTS = [
    "torch",
    "torch==2.5.1",
    "torch == 2.5.1",
    "torch==2.5.1+cu124",
    "Torch_Audio.X>=2,<3",
    "transformers[torch,sentencepiece]>=4.46,!=4.47.*,<5",
    "transformers [ torch , Sentence_Piece ] ~=4.46",
    "numpy<2; python_version < '3.12'",
    "numpy<2 ;python_version < '3.12' and (sys_platform == 'linux' or extra == 'x')",
    "tokenizers (>=0.20, <0.22)",
    "tokenizers(>=0.20)",
    "peft @ https://host.example/peft-0.14.0-py3-none-any.whl",
    "peft@https://host.example/peft.zip",
    "peft[x] @ git+https://host.example/peft.git@v0.14.0 ; python_version > '3'",
    "thing===2020a",
    "x>=1.0rc1,<2.dev0",
]


@pytest.mark.parametrize("text", TEXTS)
def test_agrees_with_packaging(text: str) -> None:
    ours, reference = requirement(text), Reference(text)
    assert ours.name == canonicalize_name(reference.name)
    assert SpecifierSet(ours.specifier) == reference.specifier
    assert set(ours.extras) == {canonicalize_name(extra) for extra in reference.extras}
    assert ours.url == (reference.url or "")
    assert bool(ours.marker) == (reference.marker is not None)


@pytest.mark.parametrize("text", ["", "==2.0", "two words", "torch 2.5.1", "torch=2.5.1", "torch>=2 <3", "torch @", "torch @ x y", "-x"])
def test_refuses_what_is_no_requirement(text: str) -> None:
    with pytest.raises(NotARequirement):
        requirement(text)


def test_keeps_a_version_that_is_no_pep_440() -> None:
    assert requirement("weird==1.0-custom_x").specifier == "==1.0-custom_x"
