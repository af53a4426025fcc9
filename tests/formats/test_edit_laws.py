"""The four laws that every editor keeps, on texts made at random.

Nothing to change leaves every byte; what lies outside the edits stays; done twice is done once; reading again shows just the change.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envdoctor import formats
from envdoctor.formats._respelled import clauses
from envdoctor.model.errors import InputError
from envdoctor.model.listing import Requirement
from envdoctor.model.plan import Change
from tests.formats.test_property import TEXTS

NAMES = ["torch", "Peft", "huggingface_hub", "zope.interface", "trl", "numpy"]
VERSIONS = ["1", "2.5.1", "0.14.0", "2.0rc1", "2.5.*"]
SPECIFIERS = ["==2.5.1", ">=2,<3", "", "==2.5.*", "~=1.4", "!=2.0,>=1", "<2"]
Told = Counter[tuple[object, ...]]


def no_load(path: str) -> str:
    raise InputError(f"{path} does not exist")


names = st.sampled_from(NAMES)
gaps = st.sampled_from(["", "", " ", "  "])
operators = st.sampled_from(["==", ">=", "<", "<=", "!="])


@st.composite
def requirements(draw: st.DrawFn, breaks: tuple[str, ...] = ()) -> str:
    gap = st.sampled_from(["", "", " ", *breaks])
    name = draw(names) + draw(st.sampled_from(["", "", "[opt]", " [a, B_c]"]))
    parts = [draw(operators) + draw(gaps) + draw(st.sampled_from(VERSIONS[:4])) for _ in range(draw(st.integers(0, 2)))]
    body = name + draw(gap) + f",{draw(gap)}".join(parts)
    if draw(st.integers(0, 5)) == 0:
        body = f"{name} @ https://host.example/x-1.0-py3-none-any.whl "
    return body + draw(st.sampled_from(["", "", " ; os_name == 'nt'", ";python_version<'3.12'"]))


@st.composite
def requirement_files(draw: st.DrawFn) -> str:
    end = draw(st.sampled_from(["\n", "\r\n"]))
    other = st.sampled_from(
        ["", "# note == 1", "--pre", "-e git+https://host.example/x.git#egg=x", "    # via x", "-i https://host.example"]
    )
    comments = st.sampled_from(["", "", "  # why==1", " \t#x"])
    lines = draw(st.lists(st.one_of(other, st.tuples(requirements((" \\" + end + "  ",)), comments).map("".join)), max_size=7))
    return draw(st.sampled_from(["", "", "\ufeff"])) + end.join(lines) + draw(st.sampled_from(["", end, end + end, " \\", " \\" + end]))


@st.composite
def toml_lists(draw: st.DrawFn) -> str:
    rows = [draw(st.sampled_from(['"{}"', "{!r}"])).format(row.replace("'", "")) for row in draw(st.lists(requirements(), max_size=4))]
    if draw(st.booleans()):
        return "[ " + ", ".join(rows) + draw(st.sampled_from([" ]", "]", ", ]" if rows else "]"]))
    comment = draw(st.sampled_from(["", " # note"]))
    return "[\n" + f",{comment}\n".join("  " + row for row in rows) + draw(st.sampled_from(["", ",", " # x"] if rows else [""])) + "\n]"


@st.composite
def projects(draw: st.DrawFn) -> str:
    text = '# "torch"\n[project]\nname = "x"\n'
    text += f"dependencies = {draw(toml_lists())} # main\n" if draw(st.booleans()) else ""
    text += f"[project.optional-dependencies]\na = {draw(toml_lists())}\nb = {draw(toml_lists())}\n" if draw(st.booleans()) else ""
    text += f"[dependency-groups]\nc = {draw(toml_lists())}\n" if draw(st.booleans()) else ""
    text += f"[tool.uv]\nconstraint-dependencies = {draw(toml_lists())}\n" if draw(st.booleans()) else ""
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))


@st.composite
def poetry(draw: st.DrawFn) -> str:
    constraint = st.sampled_from(
        ['"^2.5"', "'~1.4'", '"2.5.1"', '">=1, <2"', '"*"', '{version = "^2", optional = true} # x', '{ git = "https://host.example/x" }']
    )
    rows = draw(st.dictionaries(st.sampled_from(["torch", "Peft", "huggingface_hub", "trl"]), constraint, max_size=4))
    text = "[tool.poetry]\n[tool.poetry.dependencies]\npython = '^3.10'\n" + "".join(f"{name} = {value}\n" for name, value in rows.items())
    return (text + draw(st.sampled_from(["", "\n[tool.x]\na = 1\n"]))).replace("\n", draw(st.sampled_from(["\n", "\r\n"])))


@st.composite
def scripts(draw: st.DrawFn) -> str:
    text = f"requires-python = '>=3.10'\ndependencies = {draw(toml_lists())}\n\n[tool.uv]\nconstraint-dependencies = {draw(toml_lists())}\n"
    block = "".join(f"# {line}\n" if line else "#\n" for line in text.splitlines())
    return f"#!/bin/x\n# /// script\n{block}# ///\nimport torch\n".replace("\n", draw(st.sampled_from(["\n", "\r\n"])))


@st.composite
def environments(draw: st.DrawFn) -> str:
    specs = st.sampled_from(
        [
            "numpy=1.26",
            "numpy>=1.25,<2",
            "pytorch=2.5.1=py3_cuda",
            '"scipy 1.14.*"',
            "conda-forge::pandas==2.2",
            "peft",
            "'xxhash[version=\">=3\"]'",
        ]
    )
    rows = draw(st.lists(specs, min_size=1, max_size=4))
    pip = [row.replace("\\", "") for row in draw(st.lists(requirements(), max_size=4))]
    text = "name: x\ndependencies:\n" + "".join(f"  - {row}  # note\n" for row in rows)
    text += "  - pip:\n" + "".join(f"    - {row}\n" for row in pip) if pip or draw(st.booleans()) else ""
    return (text + draw(st.sampled_from(["", "prefix: /x\n"]))).replace("\n", draw(st.sampled_from(["\n", "\r\n"])))


def told(found: Requirement) -> tuple[object, ...]:
    return found.name, tuple(sorted(clauses(found.specifier))), found.extras, found.marker, found.url, found.constraint, found.editable


def seen(kind: str, text: str) -> Told:
    return Counter(told(one) for one in formats.reader(kind).read(text, "file", no_load).requirements)


def again(kind: str, text: str, change: Change, old: tuple[Requirement, ...]) -> Change | None:
    """Return the change with the requirement as it is read after it; the place in the list is the old one."""
    found = formats.reader(kind).read(text, "file", no_load).requirements
    if change.requirement is None:
        return change
    return None if change.remove else change.replace(requirement=found[[id(one) for one in old].index(id(change.requirement))])


def hold(kind: str, text: str, pick: int, specifier: str, way: str) -> None:
    """Make one change, and see that the laws hold; an editor may refuse."""
    editor = formats.editor(kind)
    try:
        listing = editor.read(text, "file", no_load)
    except InputError:
        return
    assert editor.edits(text, "file", ()) == ()
    if way == "add" or not listing.requirements:
        wanted, was = Change(name="New-One", specifier=specifier, because="why"), None
    else:
        was = listing.requirements[pick % len(listing.requirements)]
        wanted = Change(
            name=was.name, requirement=was, specifier="" if way == "remove" else specifier, remove=way == "remove", because="why"
        )
        if not was.url:
            try:
                assert editor.edits(text, "file", [wanted.replace(specifier=was.specifier, remove=False)]) == ()
            except InputError as error:
                assert any(words in str(error) for words in ("cannot be set to", "stand there any more", "there is no list", "pip list"))
    try:
        edits = editor.edits(text, "file", [wanted])
    except InputError as error:
        assert str(error).startswith("file")
        assert ";" in str(error)
        return
    after = formats.edited(text, edits)
    expected = seen(kind, text)
    place = was.location if was else None
    same_place = [one for one in listing.requirements if one is was or (place and one.location == place)]
    for one in same_place:
        expected[told(one)] -= 1
        if way == "change":
            expected[told(one.replace(specifier=specifier, url="", editable=False))] += 1
    if was is None:
        fresh = Requirement(name="new-one", specifier=specifier)
        expected[told(fresh)] += 1
        if kind == "environment.yml" and after.count("pip:") > text.count("pip:"):
            expected[told(Requirement(name="pip"))] += 1
    assert +seen(kind, after) == +expected
    repeated = again(kind, after, wanted, listing.requirements)
    if repeated is not None:
        assert editor.edits(after, "file", [repeated]) == ()
    assert all(edit.because == "why" and edit.document == "file" for edit in edits)
    assert list(edits) == sorted(edits, key=lambda edit: (edit.start, edit.end))


DOCUMENTS = {
    "requirements.txt": requirement_files(),
    "pip freeze": requirement_files(),
    "pyproject.toml": st.one_of(projects(), poetry()),
    "script metadata": scripts(),
    "environment.yml": environments(),
}
CHANGES = (st.integers(0, 9), st.sampled_from(SPECIFIERS), st.sampled_from(["change", "change", "remove", "add"]))


def test_the_laws_are_held_for_every_editor() -> None:
    assert set(DOCUMENTS) == set(formats.EDITED)


@pytest.mark.parametrize("kind", DOCUMENTS)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_the_four_laws(kind: str, data: st.DataObject) -> None:
    text = data.draw(DOCUMENTS[kind])
    hold(kind, text, *(data.draw(one) for one in CHANGES))


@pytest.mark.parametrize("kind", DOCUMENTS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=TEXTS, pick=CHANGES[0], specifier=CHANGES[1], way=CHANGES[2])
def test_the_laws_hold_for_texts_that_are_no_documents(kind: str, text: str, pick: int, specifier: str, way: str) -> None:
    hold(kind, text, pick, specifier, way)


@pytest.mark.parametrize("kind", DOCUMENTS)
@pytest.mark.parametrize(
    "text",
    ["", "\0", "[[[[", "a = " + "[" * 100_000, "<<<<<<< ours\n", "- " * 20_000, "torch \\\n" * 10_000, "\\", "# \\", "dependencies:\n- *x", "[project]\ndependencies = [" + " " * 100_000 + "]",
     "[project]\ndependencies = [\"a\"" + "#,\n" * 10_000 + "]", "[project]\ndependencies = [\"a\" # " + "# " * 50_000 + "\n]", "# /// script\n# dependencies = 3\n# ///", "\t" * 100_000 + "torch\t==\t1"],
    ids=lambda text: repr(text[:30]),
)  # fmt: skip
def test_hostile_texts_are_edited_or_refused_at_once(kind: str, text: str) -> None:
    for way in ("add", "change", "remove"):
        hold(kind, text, 0, "==2.5.1", way)
        try:
            formats.editor(kind).edits(text, "file", [Change(name="torch", specifier="==2")])
        except InputError as error:
            assert str(error).startswith("file")


@pytest.mark.parametrize("kind", ["requirements.txt", "pyproject.toml", "script metadata"])
def test_ten_megabytes_in_one_line_are_no_trouble(kind: str) -> None:
    long = "x" * 10_000_000
    text = {"requirements.txt": f"torch==1 # {long}\n", "pyproject.toml": f'[project]\ndependencies = ["torch==1", "{long[:200_000]}"] # {long}\n'}.get(kind, f"# /// script\n# dependencies = ['torch==1'] # {long}\n# ///\n")  # fmt: skip
    hold(kind, text, 0, "==2.5.1", "change")
    hold(kind, text, 0, "==2.5.1", "add")
