"""Edits of the block that a script carries: inside it as in any TOML, outside it nothing."""

from __future__ import annotations

import os

import pytest

from envdoctor.formats import edited, script_metadata
from envdoctor.model.errors import InputError
from envdoctor.model.plan import Change
from tests.conftest import FIXTURES


def no_load(path: str) -> str:
    raise InputError(f"{path} does not exist")


def made(text: str, changes: dict[str, str | None], new: dict[str, str] | None = None) -> str:
    """Return the text with requirements changed (None takes them away) and others added."""
    found = {one.name: one for one in script_metadata.read(text, "train.py", no_load).requirements}
    wanted = [
        Change(name=name, requirement=found[name], specifier=version or "", remove=version is None) for name, version in changes.items()
    ]
    wanted += [Change(name=name, specifier=version) for name, version in (new or {}).items()]
    return edited(text, script_metadata.edits(text, "train.py", wanted))


def fixture(end: str) -> str:
    with open(os.path.join(FIXTURES, "formats", "script_metadata", "train", "train.py"), encoding="utf-8") as file:
        return file.read().replace("\n", end)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_only_the_version_changes(end: str) -> None:
    text = fixture(end)
    assert made(text, {"torch": "==2.6.0"}) == text.replace("2.5.1", "2.6.0")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_come_and_go_with_their_mark(end: str) -> None:
    text = fixture(end)
    assert made(text, {"torch": None}) == text.replace(f'#   "torch==2.5.1",{end}', "")
    row = f'#   "trl>=0.12",{end}'
    assert made(text, {}, {"peft": "==0.14"}) == text.replace(row, f'{row}#   "peft==0.14",{end}')


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# dependencies = []\n", '# dependencies = ["peft"]\n'),
        ('# dependencies = ["a"]\n', '# dependencies = ["a", "peft"]\n'),
        ("#\n", '# dependencies = ["peft"]\n#\n'),
        ('# requires-python = ">=3.10"\n#\n# [tool.uv]\n', '# requires-python = ">=3.10"\n# dependencies = ["peft"]\n#\n# [tool.uv]\n'),
        ('# dependencies = [\n#   "a"\n# ]\n', '# dependencies = [\n#   "a",\n#   "peft"\n# ]\n'),
        ('# dependencies = [\n#   "x", "y",\n#\n#   "z"\n# ]\n', '# dependencies = [\n#   "peft",\n#   "x", "y",\n#\n#   "z"\n# ]\n'),
    ],
)
def test_a_new_requirement_goes_into_the_block(before: str, after: str) -> None:
    head, tail = "#!/usr/bin/env python3\n# /// script\n", "# ///\nimport x\n# dependencies = []\n"
    assert made(head + before + tail, {}, {"peft": ""}) == head + after + tail
    assert made(head + after + tail, {}, {"peft": ""}) == head + after + tail


def test_a_blank_line_of_the_block_keeps_its_bare_mark() -> None:
    text = '# /// script\n# dependencies = [\n#   "a",\n#\n#   "b"\n# ]\n# ///\n'
    assert made(text, {"a": None}) == '# /// script\n# dependencies = [\n#\n#   "b"\n# ]\n# ///\n'


def test_constraints_in_the_block_are_edited() -> None:
    text = '# /// script\n# dependencies = ["a"]\n# [tool.uv]\n# constraint-dependencies = ["b<2"]\n# ///\n'
    assert made(text, {"b": "<3"}) == text.replace("<2", "<3")


def test_a_source_in_the_block_is_named() -> None:
    with pytest.raises(InputError, match=r"^train.py line 6: \[tool.uv.sources\] says where trl comes from"):
        made(fixture("\n"), {"trl": "==0.13"})
