"""Installed distributions mined for `check --deep`: their marks, what is kept of them, and the processes that mine them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from envdoctor.miner.apart import mine_apart
from envdoctor.miner.installed import Installed, mark_of, mine_installed
from envdoctor.miner.kept import Kept
from envdoctor.miner.packed import pack, unpack
from envdoctor.model.errors import ReleaseError
from envdoctor.model.surface import Surface
from tests.served import metadata

SURFACE = Surface(
    package="one",
    version="1.0",
    date="2025-01-31",
    yanked=True,
    sections={"offers": {"one": frozenset({".", "b", "a"})}, "takes": {"one:f": frozenset()}},
)


def install(site: Path, name: str, version: str, files: dict[str, str], record: bool = True) -> Installed:
    info = f"{name}-{version}.dist-info"
    for path, text in {**files, f"{info}/METADATA": metadata(name, version)}.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text)
    if record:
        rows = "".join(f"{path},sha256=of{sum(text.encode())},{len(text)}\n" for path, text in files.items())
        (site / info / "RECORD").write_text(f"{rows}{info}/METADATA,,\n")
    return Installed(package=name, version=version, site_packages=str(site))


def test_a_surface_comes_back_as_it_was_and_reads_the_same_whoever_packs_it() -> None:
    assert unpack(pack(SURFACE)) == SURFACE
    other = SURFACE.replace(sections={"takes": SURFACE.sections["takes"], "offers": {"one": frozenset({"a", "b", "."})}})
    assert pack(other) == pack(SURFACE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"package": 1}',
        json.dumps({"package": "a", "version": "1", "date": "", "yanked": 0, "sections": {"x": {"y": "z"}}}),
    ],
)
def test_what_nobody_packed_is_refused(text: str) -> None:
    import gzip

    with pytest.raises(ValueError, match=r"no packed surface|Expecting value"):
        unpack(gzip.compress(text.encode()))
    with pytest.raises(ValueError, match=r"no packed surface|Expecting value"):
        unpack(text.encode())


def test_a_mark_is_that_of_the_files_and_not_of_the_place(tmp_path: Path) -> None:
    one = install(tmp_path / "a", "one", "1.0", {"one/__init__.py": "a = 1\n"})
    two = install(tmp_path / "b", "one", "1.0", {"one/__init__.py": "a = 1\n"})
    os.utime(tmp_path / "b" / "one" / "__init__.py", ns=(1, 1))
    assert mark_of(one) == mark_of(two)
    other = install(tmp_path / "c", "one", "1.0", {"one/__init__.py": "a = 2\n"})
    assert mark_of(other) != mark_of(one)
    before = mark_of(two)
    (tmp_path / "b" / "one" / "__init__.py").write_text("a = 1000\n")
    assert mark_of(two) != before
    (tmp_path / "b" / "one" / "__init__.py").unlink()
    assert mark_of(two) != before


def test_without_a_record_sizes_and_times_make_the_mark(tmp_path: Path) -> None:
    one = install(tmp_path, "one", "1.0", {"one/__init__.py": "a = 1\n"}, record=False)
    before = mark_of(one)
    assert mark_of(one) == before
    os.utime(tmp_path / "one" / "__init__.py", ns=(1, 1))
    assert mark_of(one) != before


def test_another_miner_makes_another_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = install(tmp_path, "one", "1.0", {"one/__init__.py": "a = 1\n"})
    before = mark_of(one)
    monkeypatch.setattr("envdoctor.miner.installed.miner_mark", lambda: "another")
    assert mark_of(one) != before


def test_what_is_not_installed_has_no_mark(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="is not installed"):
        mark_of(Installed(package="one", version="1.0", site_packages=str(tmp_path)))


def test_the_version_of_a_surface_is_that_of_a_release(tmp_path: Path) -> None:
    found = install(tmp_path, "one", "1.0.DEV0+g1a2b3c4", {"one/__init__.py": "a = 1\n"})
    assert mine_installed(found).version == "1.0.dev0"
    with pytest.raises(ReleaseError, match=r"holds 1.0.DEV0.g1a2b3c4 too; install the package anew"):
        mine_installed(found.replace(version="2.0"))


def test_what_is_kept_is_bounded_and_the_longest_unused_goes(tmp_path: Path) -> None:
    size = len(pack(SURFACE))
    kept = Kept(str(tmp_path / "deep"), most=3 * size)
    for at, mark in enumerate("abc"):
        kept.put(SURFACE, mark)
        os.utime(tmp_path / "deep" / f"one-{mark}.json.gz", (at, at))
    assert kept.get("one", "a") == SURFACE
    kept.put(SURFACE, "d")
    assert sorted(path.name[4] for path in (tmp_path / "deep").iterdir()) == ["a", "c", "d"]
    assert kept.get("one", "b") is None
    Kept(str(tmp_path / "deep"), most=1).put(SURFACE, "e")
    assert [path.name[4] for path in (tmp_path / "deep").iterdir()] == ["e"]


def test_what_is_kept_under_a_wrong_name_is_not_taken(tmp_path: Path) -> None:
    kept = Kept(str(tmp_path))
    kept.put(SURFACE, "a")
    (tmp_path / "one-a.json.gz").rename(tmp_path / "two-a.json.gz")
    assert kept.get("two", "a") is None
    assert list(tmp_path.iterdir()) == []


def test_processes_mine_without_running_anything_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site, here = tmp_path / "site", tmp_path / "here"
    here.mkdir()
    for name in ("ast", "json", "gzip", "packaging"):  # a project with files of such names
        (here / f"{name}.py").write_text("raise SystemExit('was imported')\n")
    monkeypatch.chdir(here)
    monkeypatch.setenv("PYTHONPATH", str(here))
    code = "raise SystemExit('was imported')\ndef f(a, b=1): ...\n"
    one = install(site, "one", "1.0", {"one/__init__.py": code})
    two = install(site, "two", "2.0", {"two/__init__.py": "def g(c): ...\n"})
    wrong = one.replace(version="9")
    running: list[tuple[str, ...]] = []
    told = {
        f"{found.package} {found.version}": result
        for found, result in mine_apart([one, two, wrong], lambda now: running.append(tuple(x.package for x in now)), 2)
    }
    assert told["one 1.0"] == mine_installed(one)
    assert told["two 2.0"] == mine_installed(two)
    assert str(told["one 9"]) == f"one 9: {site} holds 1.0 too; install the package anew"
    assert (running[0], running[-1]) == (("one",), ())
    assert max(map(len, running)) <= 2


def test_a_process_that_dies_is_a_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = install(tmp_path, "one", "1.0", {"one/__init__.py": ""})
    monkeypatch.setattr("envdoctor.miner.apart._START", "import os; os._exit(9)")
    ((found, told),) = mine_apart([one], lambda now: None)
    assert found == one
    assert str(told) == (
        "one 1.0: the process that read its files ended with 9, as it does for want of memory; run this again, or leave its files out with --no-deep"
    )
    monkeypatch.setattr("sys.executable", str(tmp_path / "nothing"))
    ((_, told),) = mine_apart([one], lambda now: None)
    assert "no process can be started" in str(told)
