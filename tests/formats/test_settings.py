"""Settings keep their places and values, in YAML and in JSON, and broken files are told where they break."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from envdoctor.formats._settings import first_keys, read_settings
from envdoctor.model.errors import InputError
from envdoctor.model.settings import Table


def plain(value: object) -> object:
    if isinstance(value, Table):
        return {setting.key: plain(setting.value) for setting in value.settings}
    return [plain(each) for each in value] if isinstance(value, tuple) else value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1e-4", "1e-4"),  # YAML 1.1 wants a dot
        ("a: 1.0e-4", 1e-4),
        ("a: on", True),
        ("a: no", False),
        ("a: 'no'", "no"),
        ("a:", None),
        ("a: 0x10", 16),
        ("a: 2026-11-25", "2026-11-25"),
        ("a: !!python/object/apply:os.system [x]", ("x",)),
        ("a: !mine x", "x"),
        ("a: [1, [2]]", (1, (2,))),
        ("a: 1\na: 2", 2),
    ],
)
def test_values_are_those_that_pyyaml_makes_and_never_objects(text: str, value: object) -> None:
    assert read_settings(text, "x.yaml").value("a") == value


def test_anchors_and_merged_tables_are_followed() -> None:
    table = read_settings("base: &b {x: 1, y: 2}\nown:\n  <<: *b\n  y: 3\n", "x.yaml").table("own")
    assert plain(table) == {"x": 1, "y": 3}


@pytest.mark.parametrize("text", ["first: 1\nouter:\n    inner: 2\n", '{"first": 1,\n "outer":\n  {\n   "inner": 2}}'])
def test_each_key_has_its_place(text: str) -> None:
    table = read_settings(text, "x")
    place = table.table("outer").get("inner").location  # type: ignore[union-attr]
    assert text.splitlines()[place.line - 1][place.column - 1 :].strip('"').startswith("inner")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [1\nb: 2\n", "line 2: this is not valid YAML"),
        ("- 1\n", "no keys with values"),
        ("a: &a [*a]\n", "contains itself"),
        ("a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
         "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n", "unfolds to more than"),
        ('{"a": 1,\n}', "line 2: this is not valid JSON"),
        ('{"a": 1} x', "more after the last brace"),
        ('{"a" 1}', "line 1: this is not valid JSON"),
        ('{"a": ' * 100_000, "nested too deeply"),
        ('{"a": [1 2]}', "line 1: this is not valid JSON"),
    ],
)  # fmt: skip
def test_broken_files_are_told_where_they_break(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_settings(text, "x")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=30)
@given(st.dictionaries(st.text(max_size=4), json_values, max_size=4), st.sampled_from([None, 1]))
def test_json_reads_as_python_reads_it(found: dict[str, object], indent: int | None) -> None:
    text = json.dumps(found, indent=indent)
    assert plain(read_settings(text, "x.json")) == json.loads(text)
    assert first_keys(text) == frozenset(found)


@settings(max_examples=30)
@given(
    st.dictionaries(
        st.from_regex(r"[a-z][a-z_]{0,5}", fullmatch=True), st.integers() | st.booleans() | st.text("ab ", max_size=4), min_size=1
    )
)
def test_the_first_keys_are_those_that_pyyaml_reads(found: dict[str, object]) -> None:
    text = yaml.safe_dump(found)
    if "true" not in found:
        assert first_keys(text) == {str(key) for key in yaml.safe_load(text)}


@settings(max_examples=30)
@given(st.text(alphabet='{}[]":,ab1\n &*-!', max_size=40))
def test_no_text_ends_in_a_traceback(text: str) -> None:
    first_keys(text)
    try:
        read_settings(text, "x")
    except InputError:
        pass
