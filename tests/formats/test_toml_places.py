"""Places in TOML agree with the parser: same paths, and between its bounds each value reads as parsed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envdoctor.formats._toml import parse
from envdoctor.formats._toml_places import Places

TEXT = """\
# a = "no"
title = "x # y" # "z"
[project]
"name" = 'x'
dependencies = [
  "torch", # "x"
  'numpy<2 ; python_version < "3.12"', \"\"\"
multi "quoted" \\" line\"\"\"\"\",
  [1, 2.5, true, 1979-05-27T07:32:00Z],
  { include-group = "lint", "a.b".c = '''
''x''' } ]
[tool."dotted.key" . sub]
a.b . c = "d"
[[row]]
x = "1"
[row.inner]
y = "2"
[[row]]
x = "3"
[[row.deep]]
z = {}
[[row.deep]]
z = []
"""


def flat(value: Any, path: tuple[str | int, ...] = ()) -> dict[tuple[str | int, ...], Any]:
    """Return what is inside by its path, tables and lists too."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = {path: value}
    for key, item in pairs:
        found.update(flat(item, (*path, key)))
    return found


def hold(text: str) -> None:
    places, known = Places(text), flat(parse(text, "x.toml", "the file"))
    for path, value in places.values.items():
        raw = text[value.start : value.end]
        assert parse(f"x = {raw}", "x.toml", "the file")["x"] == known[path]
        assert value.key < value.start
    for path, value in known.items():
        if not isinstance(value, (dict, list)):
            assert path in places.values
    starts = [value.start for value in places.values.values()]
    assert starts == sorted(starts)


@pytest.mark.parametrize(
    "text", [TEXT, TEXT.replace("\n", "\r\n"), "", "\n# x", "x=1", "x={}#y", "a=[ ]", "a=[[],[\n#c\n1,],]", "[a]\n[b.c]"]
)
def test_they_are_those_of_the_parser(text: str) -> None:
    hold(text)


def test_a_header_ends_where_its_rows_begin() -> None:
    places = Places(TEXT)
    assert TEXT[: places.headers[("project",)]].endswith("\n[project]")
    assert set(places.headers) == {("project",), ("tool", "dotted.key", "sub"), ("row", 0), ("row", 0, "inner"), ("row", 1), ("row", 1, "deep", 0), ("row", 1, "deep", 1)}  # fmt: skip


def test_lines_and_columns_count_from_one() -> None:
    places = Places(TEXT)
    assert places.line(0) == (1, 1)
    assert places.line(places.values[("project", "dependencies", 1)].start) == (7, 3)


STRINGS = st.sampled_from(['"x"', "'x'", '"""x\n"""', "'''x'''", '"\\""', '"a\\\\"', '"é#]}"', "''", '""', '""""x"""""'])
VALUES = st.recursive(
    st.one_of(STRINGS, st.sampled_from(["1", "1.5", "true", "07:32:00", "inf", "0xff"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]"),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: "[ # c\n" + " ,\n ".join(items) + ",\n]"),
        st.lists(inner, max_size=3).map(lambda items: "{ " + ", ".join(f"k{at} = {item}" for at, item in enumerate(items)) + " }"),
    ),
    max_leaves=6,
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "[t{0}]\n", "[[u]]\n", "[ \"v{0}\" . 'w' ]\n"]), st.sampled_from(["k{0}", '"k{0}"', "k{0}.a"]), VALUES
        ),
        max_size=5,
    )
)
def test_they_are_those_of_the_parser_whatever_the_text(rows: list[tuple[str, str, str]]) -> None:
    hold("".join(f"{header.format(at)}{key.format(at)} = {value}  # note\n" for at, (header, key, value) in enumerate(rows)))
