"""What an index answers, in both of its forms, and which index is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from envdoctor.miner import index as index_module
from envdoctor.miner.index import Index, index_url
from envdoctor.miner.listing import read_listing, version_of
from envdoctor.miner.web import Client
from envdoctor.model.errors import ReleaseError, UsageError
from tests.served import build_sdist, build_wheel, served


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(pause=0.001) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for version in ("0.9", "0.10", "1.0rc1", "1.0"):
        build_wheel(tmp_path, "some_thing", version, {"some_thing/__init__.py": ""})
    build_sdist(tmp_path, "some_thing", "0.10", {"setup.py": ""})
    build_wheel(tmp_path, "other", "3.0", {"other.py": ""})
    return tmp_path


@pytest.mark.parametrize("form", ["json", "html"])
def test_both_forms_tell_the_same_releases(client: Client, folder: Path, form: str) -> None:
    with served(folder) as place:
        place.form = form
        place.yanked = {"0.9"}
        place.dates = {"0.10": "2024-05-06"}
        found = Index(client, place.url).releases("Some.Thing")
    assert [(one.version, one.yanked, len(one.files)) for one in found] == [("0.9", True, 1), ("0.10", False, 2), ("1.0", False, 1)]
    assert {one.requires_python for one in found} == {">=3.9"}
    assert found[1].date == ("2024-05-06" if form == "json" else "")
    assert all(len(file.sha256) == 64 and file.url.startswith("http://127.0.0.1") for one in found for file in one.files)


def test_an_unknown_project_is_said_to_be_unknown(client: Client, folder: Path) -> None:
    with served(folder) as place, pytest.raises(ReleaseError, match=r"^nothing: the index has no such project; check the spelling"):
        Index(client, place.url).releases("nothing")


@pytest.mark.parametrize(
    "text", ["", "[]", '{"files": 3}', '{"files": [{}]}', '{"files": [null]}', '{"files": [{"filename": "x", "url": 3}]}']
)
def test_a_page_that_is_none_is_no_traceback(text: str) -> None:
    with pytest.raises(ReleaseError, match=r"^x: the index answers with JSON that is no project page"):
        read_listing("x", text, "application/json", "http://127.0.0.1/")


@pytest.mark.parametrize(
    ("filename", "version"),
    [
        ("x_y-1.0-1-py3-none-any.whl", "1.0"),
        ("x-y-1.0.tar.gz", "1.0"),
        ("x-y-1.0-1.zip", ""),
        ("X.Y-2.0.tar.bz2", "2.0"),
        ("x_y-1.0.win32.exe", ""),
        ("z-1.0.tar.gz", ""),
        ("x_y-1.0-py3.whl", ""),
    ],
)
def test_versions_come_from_file_names(filename: str, version: str) -> None:
    assert version_of("x-y", filename) == version


def test_the_named_index_comes_first_then_the_variables_of_uv_and_pip() -> None:
    known = {"PIP_INDEX_URL": "https://pip.example/simple", "UV_INDEX_URL": "https://uv.example/simple"}
    assert index_url("https://mine.example/", known) == "https://mine.example/"
    assert index_url(None, known) == "https://uv.example/simple"
    assert index_url(None, {**known, "UV_DEFAULT_INDEX": "work=https://named.example/simple"}) == "https://named.example/simple"
    assert index_url(None, {"UV_DEFAULT_INDEX": "https://plain.example/a?b=c"}) == "https://plain.example/a?b=c"


def test_pip_is_asked_where_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"-m": "global.timeout='3'\nglobal.index-url='https://conf.example/simple'\n", "-c": "https://default.example/simple\n"}
    monkeypatch.setattr(index_module, "_pip", lambda *words: answers[words[0]])
    assert index_url(None, {}) == "https://conf.example/simple"
    answers["-m"] = "global.timeout='3'\n"
    assert index_url(None, {}) == "https://default.example/simple"
    answers["-c"] = ""
    with pytest.raises(UsageError, match="give --index-url URL"):
        index_url(None, {})


def test_pip_itself_knows_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in index_module.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert index_url(None, {}).startswith("http")
