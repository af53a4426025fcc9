"""Releases over the network: large wheels in parts, small ones whole, and what happens when a server does not do its part."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from envdoctor.miner.fetch import fetch
from envdoctor.miner.index import Index
from envdoctor.miner.members import Label
from envdoctor.miner.ranges import RemoteFile
from envdoctor.miner.web import Client
from envdoctor.miner.wheel import open_wheel
from envdoctor.model.errors import ReleaseError
from tests.served import build_sdist, build_wheel, served

BULK = 12 << 20


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(pause=0.001) as made:
        yield made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("index")
    noise = random.Random(1)
    files: dict[str, str | bytes] = {}
    for number in range(200):
        files[f"big/m{number}.py"] = f"x{number} = {noise.random()}\n"
        if number % 50 == 25:
            files[f"big/lib{number}.so"] = noise.randbytes(BULK // 4)
    build_wheel(place, "big", "1.0", files, "cp311-cp311-manylinux1_x86_64", ("numpy",))
    build_wheel(place, "small", "1.0", {"small.py": "a = 1\n"})
    build_sdist(place, "source", "1.0", {"source/__init__.py": "b = 1\n"})
    return place


def test_of_a_large_wheel_only_the_texts_travel(client: Client, folder: Path) -> None:
    with served(folder) as place:
        (release,) = Index(client, place.url).releases("big")
        place.sent, place.asked[:] = 0, []
        source = fetch(client, release)
        told = {path: source.read(path) for path in source.paths() if path.endswith(".py")}
        assert place.sent < 1 << 20
        assert len(place.asked) < 12
    local = open_wheel(str(folder / "big-1.0-cp311-cp311-manylinux1_x86_64.whl"), Label(package="big", version="1.0"))
    assert told == {path: local.read(path) for path in local.paths() if path.endswith(".py")}
    assert (source.paths(), source.requires) == (local.paths(), ("numpy",))
    assert sum(path.endswith(".so") for path in source.paths()) == 4


@pytest.mark.parametrize(("name", "path"), [("small", "small.py"), ("source", "source/__init__.py")])
def test_small_files_come_in_one_request(client: Client, folder: Path, name: str, path: str) -> None:
    with served(folder) as place:
        (release,) = Index(client, place.url).releases(name)
        place.asked[:] = []
        assert fetch(client, release).read(path)
        assert len(place.asked) == 1


def test_a_wheel_of_unknown_size_is_measured_first(client: Client, folder: Path) -> None:
    with served(folder) as place:
        place.form = "html"
        (release,) = Index(client, place.url).releases("big")
        source = fetch(client, release)
        assert source.read("big/m199.py").startswith(b"x199 = ")
        assert place.sent < 2 << 20


def test_a_server_without_ranges_is_named_as_the_cause(client: Client, folder: Path) -> None:
    with served(folder) as place:
        place.ranges = False
        (release,) = Index(client, place.url).releases("big")
        with pytest.raises(
            ReleaseError, match=r"^big 1.0: the server sends whole files only; use an index whose file host answers range requests"
        ):
            fetch(client, release)


def test_broken_answers_are_asked_for_again(client: Client, folder: Path) -> None:
    with served(folder) as place:
        place.broken = 3
        assert Index(client, place.url).releases("small")
        place.broken = 50
        with pytest.raises(ReleaseError, match=r"^127.0.0.1:\d+: no answer after 5 tries \(status 503\)"):
            Index(client, place.url).releases("small")


def test_an_answer_that_was_cut_off_is_no_answer(client: Client, folder: Path) -> None:
    with served(folder) as place:
        place.cut = True
        with pytest.raises(ReleaseError, match=r"no answer after 5 tries \(the answer was cut off"):
            Index(client, place.url).releases("small")


def test_a_file_that_changed_is_refused(client: Client, folder: Path, tmp_path: Path) -> None:
    with served(folder) as place:
        (release,) = Index(client, place.url).releases("small")
        wrong = release.replace(files=tuple(file.replace(sha256="0" * 64) for file in release.files))
        with pytest.raises(ReleaseError, match=r"^small 1.0: .* is not the file that the index promises"):
            fetch(client, wrong)
        gone = release.replace(files=tuple(file.replace(url=file.url + "x") for file in release.files))
        with pytest.raises(ReleaseError, match=r"status 404"):
            fetch(client, gone)
        with pytest.raises(ReleaseError, match="neither a wheel nor a source distribution"):
            fetch(client, release.replace(files=()))


def test_a_remote_file_is_that_file(client: Client, folder: Path) -> None:
    path = folder / "big-1.0-cp311-cp311-manylinux1_x86_64.whl"
    data = path.read_bytes()
    noise = random.Random(7)
    with served(folder) as place:
        remote = RemoteFile(client, place.url.replace("simple/", f"moved/{path.name}"), "big 1.0")
        assert remote.size == len(data)
        for _ in range(80):
            start = noise.randrange(len(data))
            length = noise.choice((0, 1, 10, 1000, 100_000, -1 if start > len(data) - 300_000 else 5))
            remote.seek(start)
            assert remote.read(length) == data[start : None if length < 0 else start + length]
            assert remote.tell() == (len(data) if length < 0 else min(len(data), start + length))
        assert remote.seek(-10, os.SEEK_END) == len(data) - 10
        spans = [(noise.randrange(len(data) - 2000), 0) for _ in range(50)]
        remote.prefetch([(start, start + 2000) for start, _ in spans])
        before = remote.fetched
        for start, _ in spans:
            remote.seek(start)
            assert remote.read(2000) == data[start : start + 2000]
        assert remote.fetched == before


def test_nobody_there_is_told_with_the_host_and_without_the_password(client: Client) -> None:
    with pytest.raises(ReleaseError) as caught:
        client.get("http://me:secret@127.0.0.1:9/simple/x/")
    assert "127.0.0.1:9" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_only_http_is_spoken(client: Client) -> None:
    with pytest.raises(ReleaseError, match="only http and https"):
        client.get("file:///etc/passwd")
