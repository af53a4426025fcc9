"""The store gives back what was kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from envdoctor.miner.members import Label, Members
from envdoctor.miner.store import Store, cache_folder, default_folder
from envdoctor.model.errors import ReleaseError

TEXTS = {"x/__init__.py": b"a = 1\n", "x/_C.pyi": b"b: int\n", "x-1.0.dist-info/METADATA": b"Name: x\nRequires-Dist: y\n"}
TOLD = Label(package="x", version="1.0", date="2024-01-02", yanked=True, requires_python=">=3.9", tags=("py3-none-any",))


def source(version: str = "1.0", requires: tuple[str, ...] | None = None) -> Members:
    return Members(TOLD.replace(version=version), [*TEXTS, "x/_C.so"], TEXTS.__getitem__, requires)


@pytest.mark.parametrize("requires", [None, ('z; extra == "q"',)])
def test_a_kept_release_is_the_same_release(tmp_path: Path, requires: tuple[str, ...] | None) -> None:
    store, given = Store(str(tmp_path)), source(requires=requires)
    store.keep(given)
    found = store.open("X", "1.0")
    for name in ("package", "version", "date", "yanked", "requires_python", "tags", "requires"):
        assert getattr(found, name) == getattr(given, name), name
    assert found.paths() == given.paths()
    assert {path: found.read(path) for path in TEXTS} == TEXTS
    with pytest.raises(KeyError):
        found.read("x/_C.so")


def test_keeping_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (Path(Store(str(tmp_path / name)).keep(source())).read_bytes() for name in "ab")
    assert first == second


def test_a_store_knows_what_it_keeps(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "new"))
    assert (store.packages(), store.versions("x"), store.size()) == ([], [], 0)
    for version in ("0.10", "0.9", "1.0.post1"):
        store.keep(source(version))
    (tmp_path / "new" / "x" / "1.1.zip.123.part").write_bytes(b"half")
    assert (store.packages(), store.versions("x")) == (["x"], ["0.9", "0.10", "1.0.post1"])
    assert store.has("x", "0.9")
    assert not store.has("x", "1.1")
    assert store.size() > 0


def test_what_is_missing_or_damaged_is_told(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with pytest.raises(ReleaseError, match=r"^x 9: is not in the store .*; run this without --offline"):
        store.open("x", "9")
    Path(store.keep(source())).write_bytes(b"PK")
    with pytest.raises(ReleaseError, match=r"^x 1.0: .* is damaged .*; remove it and run this again"):
        store.open("x", "1.0")


def test_a_source_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def read(path: str) -> bytes:
        if path.endswith("METADATA"):
            return b""
        raise ReleaseError("gone")

    with pytest.raises(ReleaseError):
        Store(str(tmp_path)).keep(Members(TOLD, TEXTS, read))
    assert os.listdir(tmp_path / "x") == []


def test_the_folder_follows_the_user(tmp_path: Path) -> None:
    known = {"XDG_CACHE_HOME": str(tmp_path)}
    assert (cache_folder(known), default_folder(known)) == (str(tmp_path / "envdoctor"), str(tmp_path / "envdoctor" / "sources"))
    assert os.path.isabs(cache_folder({"XDG_CACHE_HOME": "relative"}))
