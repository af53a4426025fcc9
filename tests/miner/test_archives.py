"""Wheels and source distributions as Sources: each file where an installer would put it."""

from __future__ import annotations

from pathlib import Path

import pytest

from envdoctor.miner.members import Label
from envdoctor.miner.sdist import open_sdist
from envdoctor.miner.unbuilt import declared, places
from envdoctor.miner.wheel import open_wheel
from envdoctor.model.errors import ReleaseError
from tests.served import build_sdist, build_wheel, metadata

TOLD = Label(package="some-thing", version="1.0", date="2024-01-02", tags=("py3-none-any",))


def test_a_wheel_is_read_where_it_would_be_installed(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "some_thing/__init__.py": "x = 1\n",
        "some_thing/_C.cpython-311-x86_64-linux-gnu.so": b"\x7fELF",
        "some_thing/_C.pyi": "y: int\n",
        "some_thing/data.json": "{}",
        "some_thing-1.0.data/purelib/beside/__init__.py": "z = 2\n",
        "some_thing-1.0.data/scripts/run": "#!python",
    }
    source = open_wheel(str(build_wheel(tmp_path, "some_thing", "1.0", files, requires=("torch>=2", "rich ;  extra == 'x'"))), TOLD)
    assert [path for path in source.paths() if "dist-info" not in path] == [
        "beside/__init__.py",
        "some_thing/_C.cpython-311-x86_64-linux-gnu.so",
        "some_thing/_C.pyi",
        "some_thing/__init__.py",
        "some_thing/data.json",
    ]
    assert (source.read("beside/__init__.py"), source.read("some_thing/_C.pyi")) == (b"z = 2\n", b"y: int\n")
    assert (source.requires, source.requires_python) == (("torch>=2", 'rich; extra == "x"'), ">=3.9")
    assert (source.package, source.version, source.date, source.yanked, source.tags) == (
        "some-thing",
        "1.0",
        "2024-01-02",
        False,
        TOLD.tags,
    )
    for path in ("some_thing/data.json", "some_thing/_C.cpython-311-x86_64-linux-gnu.so", "some_thing/missing.py", "run"):
        with pytest.raises(KeyError):
            source.read(path)


@pytest.mark.parametrize("ending", [".tar.gz", ".zip"])
@pytest.mark.parametrize("base", ["", "src/", "python/"])
def test_a_source_distribution_is_read_where_it_would_be_installed(tmp_path: Path, base: str, ending: str) -> None:
    files = {
        "PKG-INFO": metadata("some-thing", "1.0", "torch"),
        "setup.py": "raise SystemExit('never run')",
        f"{base}some_thing/__init__.py": "x = 1",
        f"{base}some_thing/deep/mod.py": "",
        "tests/__init__.py": "",
        "docs/conf.py": "",
    }
    path = build_sdist(tmp_path, "some_thing", "1.0", files, ending)
    with path.open("rb") as file:
        source = open_sdist(file, path.name, TOLD)
    assert [name for name in source.paths() if "dist-info" not in name] == ["some_thing/__init__.py", "some_thing/deep/mod.py"]
    assert (source.read("some_thing/__init__.py"), source.requires, source.requires_python) == (b"x = 1", ("torch",), ">=3.9")


def test_top_level_names_are_believed(tmp_path: Path) -> None:
    files = {
        "PKG-INFO": "Metadata-Version: 2.1\nName: some-thing\nVersion: 1.0\n",
        "some_thing.egg-info/top_level.txt": "some_thing\nmod\nsome_thing_cuda\n",
        "some_thing.egg-info/requires.txt": "torch\neinops\n\n[dev]\npytest>=7\n\n[:python_version < '3.8']\nolder\n",
        "some_thing/ops/x.py": "",
        "mod.py": "",
        "extras/__init__.py": "",
        "hopper/setup.py": "",
    }
    path = build_sdist(tmp_path, "some_thing", "1.0", files)
    with path.open("rb") as file:
        source = open_sdist(file, path.name, TOLD)
    assert [name for name in source.paths() if "dist-info" not in name] == ["mod.py", "some_thing/ops/x.py", "some_thing_cuda.so"]
    assert source.requires == ("torch", "einops", 'pytest>=7; extra == "dev"', 'older; python_version < "3.8"')


def test_packages_beside_the_named_one_are_its_kin_only() -> None:
    paths = ["trl/__init__.py", "trl_tools/__init__.py", "experiments/__init__.py", "tests/__init__.py", "setup.py"]
    assert places(paths, "trl") == {"trl/__init__.py": "trl/__init__.py", "trl_tools/__init__.py": "trl_tools/__init__.py"}
    assert places(["setup.py", "six.py"], "six") == {"six.py": "six.py"}
    assert places(["readme.md"], "x") == {}


def test_an_extra_with_a_choice_keeps_its_sense() -> None:
    told = declared(b"Name: x\n", b"[gpu:os_name == 'a' or os_name == 'b']\ntriton\n")
    assert told == ("triton ; (os_name == 'a' or os_name == 'b') and extra == \"gpu\"",)


@pytest.mark.parametrize("name", ["x-1.0.tar.gz", "x-1.0.zip"])
@pytest.mark.parametrize("data", [b"", b"no archive", b"PK\x03\x04broken", b"\x1f\x8b\x08\x00broken"])
def test_a_broken_archive_is_told_as_one(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with path.open("rb") as file, pytest.raises(ReleaseError, match=r"^some-thing 1.0: .* cannot be read"):
        open_sdist(file, name, TOLD)
    with pytest.raises(ReleaseError, match=r"^some-thing 1.0: the wheel cannot be read"):
        open_wheel(str(path), TOLD)


def test_members_that_point_out_of_the_archive_are_no_files_of_it(tmp_path: Path) -> None:
    source = open_wheel(str(build_wheel(tmp_path, "x", "1.0", {"../evil.py": "", "/evil.py": "", "x/../../e.py": "", "x.py": ""})), TOLD)
    assert [path for path in source.paths() if path.endswith(".py")] == ["x.py"]
