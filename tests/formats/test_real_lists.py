"""Files of real projects, as their source distributions hold them: nothing changes by itself, and one change changes one span.

They were gathered by benchmarks/real_files.py.
"""

from __future__ import annotations

import json
import os
import re

import pytest

from envdoctor import formats
from envdoctor.formats._respelled import clauses
from envdoctor.model.errors import InputError
from envdoctor.model.listing import Listing, Requirement
from envdoctor.model.plan import Change
from tests.conftest import FIXTURES
from tests.formats.test_edit_laws import Told, told

FOLDER = os.path.join(FIXTURES, "formats", "real-requirements")
KINDS = {"requirements": "requirements.txt", "pyproject": "pyproject.toml", "environment": "environment.yml"}


def files() -> list[tuple[str, str, str]]:
    found = []
    for archive, kind in KINDS.items():
        with open(os.path.join(FOLDER, f"{archive}.jsonl"), encoding="utf-8") as file:
            found += [(kind, f"{row['of']}/{row['path']}", row["text"]) for row in map(json.loads, file)]
    return found


FILES = files()
each_file = pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, _, text in FILES], ids=[name for _, name, _ in FILES])


def read(kind: str, text: str) -> Listing:
    return formats.reader(kind).read(text, "file", lambda path: "")


def seen(kind: str, text: str) -> Told:
    return Told(told(one) for one in read(kind, text).requirements)


def pins(kind: str, text: str) -> list[Requirement]:
    """Return the requirements that stand in the text itself with one exact version."""
    return [one for one in read(kind, text).requirements if re.fullmatch(r"==[^,*]+", one.specifier) and not one.url and not one.editable]


def change(found: Requirement, specifier: str = "==99.1.2") -> Change:
    return Change(name=found.name, requirement=found, specifier=specifier, hashes=("sha256:00", "sha256:11") if found.hashes else ())


def test_there_are_300_requirements_files_of_real_projects() -> None:
    assert sum(kind == "requirements.txt" for kind, _, _ in FILES) >= 300
    assert sum(bool(pins(kind, text)) for kind, _, text in FILES) >= 150


@each_file
def test_nothing_to_change_changes_nothing(kind: str, text: str) -> None:
    editor = formats.editor(kind)
    assert editor.edits(text, "file", ()) == ()
    same = [Change(name=one.name, requirement=one, specifier=one.specifier) for one in read(kind, text).requirements if not one.url]
    edits = editor.edits(text, "file", same)
    assert edits == ()
    assert formats.edited(text, edits) == text


@each_file
def test_one_pin_changes_one_span(kind: str, text: str) -> None:
    editor = formats.editor(kind)
    found = pins(kind, text)
    for pin in found[:1] + found[-1:]:
        edits = editor.edits(text, "file", [change(pin)])
        after = formats.edited(text, edits)
        assert len(edits) == 1 + bool(pin.hashes)
        version = edits[0]
        assert version.old.lstrip("= ").split("=")[0] == pin.specifier[2:]
        assert pin.location is not None
        assert text.count("\n", 0, version.start) + 1 == pin.location.line or "\\\n" in text
        assert after[: version.start] == text[: version.start]
        assert after.endswith(text[edits[-1].end :])
        expected = seen(kind, text)
        for one in read(kind, text).requirements:
            if one.location == pin.location:
                expected[told(one)] -= 1
                expected[told(one.replace(specifier="==99.1.2"))] += 1
        assert +seen(kind, after) == +expected


@each_file
def test_everything_can_change_at_once(kind: str, text: str) -> None:
    editor = formats.editor(kind)
    found = [one for one in read(kind, text).requirements if not one.url and not one.editable]
    after = formats.edited(text, editor.edits(text, "file", [change(one, ">=98.1,<99.1.2") for one in found]))
    again = read(kind, after).requirements
    both = [("<", "99.1.2"), (">=", "98.1")]
    assert [sorted(clauses(one.specifier)) for one in again if not one.url and not one.editable] == [both] * len(found)
    assert editor.edits(after, "file", [change(one, ">=98.1,<99.1.2") for one in again if not one.url and not one.editable]) == ()


@each_file
def test_one_more_is_read_beside_all_others(kind: str, text: str) -> None:
    editor = formats.editor(kind)
    new = Change(name="Zz-New", specifier="==1.2", hashes=("sha256:00",))
    try:
        after = formats.edited(text, editor.edits(text, "file", [new]))
    except InputError as error:
        assert kind == "pyproject.toml"
        assert re.search(r"no \[project\] table|put together when the project is built", str(error))
        return
    assert editor.edits(after, "file", [new]) == ()
    more = {name: count for (name, *_), count in (seen(kind, after) - seen(kind, text)).items()}
    assert more.pop("pip", 1) == 1
    assert more == {"zz-new": 1}
