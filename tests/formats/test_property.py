"""Whatever a text holds, a reader answers with a listing or an InputError, and judging the listing never fails."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envdoctor import formats
from envdoctor.facts.documents import distributions, marker_environment
from envdoctor.model.errors import InputError

LINUX = marker_environment("linux-x86_64", "3.11")
PIECES = st.sampled_from(
    ["torch", "==", "2.5.1", ">=", "<", "~=", "^", "*", ".*", "+cu124", "[", "]", "[[package]]", "[[packages]]", "[project]", "[tool.uv]",
     "[tool.poetry.dependencies]", "[manifest]", "name", "version", "dependencies", "source", "marker", "groups", "extras", "pip", "sources",
     " = ", '"', "'", "{", "}", "(", ")", ",", ";", "@", "#", "-", "-e ", "-r ", "-c ", "--hash=", "git+https://x/y", "file:///a b",
     "\n", "\r\n", "\\\n", " ", ":", "- ", "&a", "*a", "|", "!!python/object:x", "extra == 'x'", "python_version", "lock-version = \"1.0\"",
     "# /// script\n", "# ///\n", "# ", "\0", "\ufeff", "é", "Package Version", "{\"installed\": [", "\"name\": ", "null", "1", "true"]
)  # fmt: skip
TEXTS = st.one_of(st.lists(PIECES, max_size=40).map("".join), st.text(max_size=200))


def load(path: str) -> str:
    if path.endswith("pyproject.toml"):
        return '[project]\nname = "x"\ndependencies = ["torch==2.5.1"]\n'
    raise InputError(f"{path} does not exist")


@pytest.mark.parametrize("kind", formats.FORMATS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=TEXTS)
def test_no_text_breaks_a_reader(kind: str, text: str) -> None:
    formats.recognise("file.txt", text)
    try:
        listing = formats.reader(kind).read(text, "file", load)
    except InputError:
        return
    distributions(listing, LINUX)


@settings(max_examples=300, deadline=None)
@given(head=st.sampled_from(["", "version = 1\n[[package]]\n", "lock-version = \"1.0\"\n[[packages]]\n", "[project]\n", "[tool.poetry]\n"]),
       key=st.sampled_from(["name", "version", "dependencies", "source", "groups", "markers", "marker", "extras", "files", "optional", "vcs",
                            "optional-dependencies", "resolution-markers", "dev-dependencies", "python-versions", "group", "requires-python"]),
       value=st.sampled_from(['"x"', "1", "[]", "{}", "[1]", '["x"]', "[[]]", "[{}]", "{ a = 1 }", '{ a = "^1" }', '{ git = 1 }',
                              '{ x = [{ version = "^1 || ^2" }] }', "true", "1979-05-27", '{ "" = "" }', '[{ name = "x", extra = ["y"] }]']))  # fmt: skip
def test_no_value_in_place_of_another_breaks_a_reader(head: str, key: str, value: str) -> None:
    text = head + ("" if key == "name" else 'name = "x"\n') + f"{key} = {value}\n"
    for kind in formats.FORMATS:
        try:
            listing = formats.reader(kind).read(text, "file", load)
        except InputError:
            continue
        distributions(listing, LINUX, extras=("x",), groups=("y",))
