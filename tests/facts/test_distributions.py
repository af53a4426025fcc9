"""Distributions are read from disk as `importlib.metadata` reads them, and damage is data."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from pathlib import Path

import pytest

from envdoctor.facts.distributions import installed
from envdoctor.model.names import normalise


def make(folder: Path, name: str, version: str, metadata: str | bytes | None = None) -> Path:
    place = folder / f"{name}-{version}.dist-info"
    place.mkdir(parents=True)
    if metadata is None:
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Dist: numpy>=1\nRequires-Python: >=3.9\n\nA description.\nRequires-Dist: not-this\n"
    (place / "METADATA").write_bytes(metadata.encode() if isinstance(metadata, str) else metadata)
    return place


def test_agrees_with_importlib_metadata_on_this_interpreter() -> None:
    folders = [path for path in sys.path if path and os.path.isdir(path)]
    ours = installed(folders).distributions
    theirs: dict[str, importlib.metadata.Distribution] = {}
    for found in importlib.metadata.distributions():
        theirs.setdefault(normalise(found.metadata["Name"]), found)
    assert set(ours) == set(theirs)
    for name, found in theirs.items():
        assert ours[name].version == found.version
        assert list(found.requires or ()) == list(ours[name].requires or ())


def test_headers_only(tmp_path: Path) -> None:
    make(tmp_path, "trl", "1.0.0")
    found = installed([str(tmp_path)]).distributions["trl"]
    assert (found.version, found.requires, found.requires_python, found.problems) == ("1.0.0", ("numpy>=1",), ">=3.9", ())


def test_the_first_folder_on_the_path_wins(tmp_path: Path) -> None:
    make(tmp_path / "a", "trl", "1.0.0")
    make(tmp_path / "b", "trl", "2.0.0")
    found = installed([str(tmp_path / "a"), str(tmp_path / "b")])
    assert found.distributions["trl"].version == "1.0.0"
    assert found.duplicates == []


def test_two_versions_in_one_folder_are_a_fact(tmp_path: Path) -> None:
    make(tmp_path, "peft", "0.17.1")
    make(tmp_path, "peft", "0.19.1")
    found = installed([str(tmp_path)])
    assert found.duplicates == ["peft"]
    assert "installed twice: 0.17.1 and 0.19.1" in found.distributions["peft"].problems


def test_a_half_upgraded_distribution_is_named(tmp_path: Path) -> None:
    make(tmp_path, "peft", "0.19.1", "Metadata-Version: 2.1\nName: peft\nVersion: 0.17.1\n\n")
    found = installed([str(tmp_path)])
    assert found.broken == ["peft"]
    assert "0.17.1" in found.distributions["peft"].problems[0]


@pytest.mark.parametrize(
    "data",
    [b"", b"Metad", b"\xff\xfe\x00garbage", b"Name: x\nVersion: 1.0\n\n", b"\x00" * 100],
    ids=["empty", "truncated", "binary", "headless", "zeros"],
)
def test_damaged_metadata_is_data(tmp_path: Path, data: bytes) -> None:
    make(tmp_path, "x", "1.0", data)
    found = installed([str(tmp_path)])
    assert found.broken == ["x"]
    assert found.distributions["x"].version == "1.0"


def test_missing_metadata_is_data(tmp_path: Path) -> None:
    (tmp_path / "x-1.0.dist-info").mkdir()
    assert installed([str(tmp_path)]).distributions["x"].problems == ("METADATA is missing or empty",)


def test_text_that_is_not_utf8_is_read(tmp_path: Path) -> None:
    make(tmp_path, "x", "1.0", "Metadata-Version: 2.1\nName: x\nVersion: 1.0\nAuthor: J\xfcrgen\n\n".encode("latin-1"))
    assert installed([str(tmp_path)]).distributions["x"].problems == ()


def test_windows_line_ends(tmp_path: Path) -> None:
    make(tmp_path, "x", "1.0", b"Metadata-Version: 2.1\r\nName: x\r\nVersion: 1.0\r\nRequires-Dist: torch\r\n\r\ntext")
    assert installed([str(tmp_path)]).distributions["x"].requires == ("torch",)


def test_local_labels_and_escaped_names(tmp_path: Path) -> None:
    make(tmp_path, "torch", "2.13.0+cpu", "Metadata-Version: 2.1\nName: torch\nVersion: 2.13.0+cpu\n\n")
    make(tmp_path, "huggingface_hub", "1.0", "Metadata-Version: 2.1\nName: huggingface-hub\nVersion: 1.0\n\n")
    found = installed([str(tmp_path)]).distributions
    assert found["torch"].version == "2.13.0+cpu"
    assert found["huggingface-hub"].version == "1.0"


def test_leftovers_of_an_interrupted_uninstall_are_no_distribution(tmp_path: Path) -> None:
    make(tmp_path, "~orch", "2.5.1")
    assert installed([str(tmp_path)]).distributions == {}


def test_loops_and_missing_folders_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "loop-1.0.dist-info").symlink_to(tmp_path / "loop-1.0.dist-info")
    os.mkfifo(tmp_path / "pipe-1.0.egg-info")
    found = installed([str(tmp_path), str(tmp_path / "nowhere")])
    assert set(found.distributions) == {"loop", "pipe"}
    assert sorted(found.broken) == ["loop", "pipe"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_folder_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0)
    try:
        assert installed([str(tmp_path)]).unreadable
    finally:
        tmp_path.chmod(0o700)


def test_egg_info(tmp_path: Path) -> None:
    place = tmp_path / "old_style-0.3-py3.11.egg-info"
    place.mkdir()
    (place / "PKG-INFO").write_text("Metadata-Version: 1.1\nName: old-style\nVersion: 0.3\n")
    (place / "requires.txt").write_text("torch>=1\n\n[dev]\npytest\n")
    found = installed([str(tmp_path)]).distributions["old-style"]
    assert (found.version, found.requires) == ("0.3", ("torch>=1",))
