"""`atlas update`, from its words to its exit code, on an index of this machine and with a miner that is told what to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from envdoctor.cli.atlas_progress import Bars
from envdoctor.cli.atlas_update import OPERAND, OPTIONS, run
from envdoctor.cli.options import scan
from envdoctor.miner.update import News, Outcome, Settings
from envdoctor.model.errors import UsageError
from tests.served import Served, build_wheel, served


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setitem(Settings._defaults, "miner", "tests.miner.pretended:mine")  # type: ignore[attr-defined]
    folder = tmp_path / "files"
    folder.mkdir()
    build_wheel(folder, "one", "1.0", {"one.py": "a = 1"})
    build_wheel(folder, "two", "2.0", {"two.py": "FAIL = 1"})
    with served(folder) as place:
        yield place


@pytest.fixture
def command(tmp_path: Path, index: Served) -> Callable[..., int]:
    def asked(*words: str) -> int:
        fixed = ("--atlas", str(tmp_path / "atlas"), *(() if "--offline" in words else ("--index-url", index.url)))
        values = scan((*words, *fixed, "--jobs", "1"), OPTIONS, OPERAND)
        assert values is not None
        return run(values)

    return asked


def test_a_run_says_what_it_wrote(tmp_path: Path, command: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert command("--check", "One") == 1
    assert capsys.readouterr().out == "one: 1 release (1.0)\n"
    assert command("One") == 0
    told = capsys.readouterr()
    assert told.out == "one: 1 release (1.0)\n"
    assert told.err == "one: 1 release (1.0) to mine\none: written\n"
    assert (tmp_path / "atlas" / "one.txt").exists()
    assert command("--check", "one") == 0
    assert command("one", "-q") == 0
    assert capsys.readouterr() == ("nothing new\nnothing new\n", "")
    assert command("--offline", "--again", "-q") == 0
    assert capsys.readouterr() == ("one: 1 release (1.0)\n", "")


def test_what_failed_is_named_at_the_end(command: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert command("one", "two", "three", "-q") == 3
    told = capsys.readouterr()
    assert told.out == "one: 1 release (1.0)\n"
    lines = told.err.splitlines()
    assert lines[0] == "not mined:"
    assert sorted(line.split(":")[0] for line in lines[1:]) == ["  three", "  two 2.0"]


def test_json_holds_the_same(command: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert command("one", "--check", "--format", "json", "-q") == 1
    assert json.loads(capsys.readouterr().out)["packages"] == [{"package": "one", "new": ["1.0"], "yanked_or_restored": []}]
    assert command("one", "two", "--format", "json", "-q") == 3
    rows: dict[str, Any] = {row["package"]: row for row in json.loads(capsys.readouterr().out)["packages"]}
    assert (rows["one"]["new"], rows["one"]["path"][-7:], rows["one"]["failures"]) == (["1.0"], "one.txt", [])
    assert (rows["two"]["new"], len(rows["two"]["failures"])) == ([], 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--offline", "--no-store"), "--offline reads the store only"),
        (("--store", "x", "--no-store"), "exclude each other"),
        (("--since", "yesterday"), "is no day; write it as 2024-06-30"),
        (("--since", "20240630"), "is no day"),
        (("--jobs", "0"), "--jobs takes 1 to 256"),
    ],
)
def test_words_that_contradict_each_other_are_refused(words: tuple[str, ...], said: str) -> None:
    values = scan(words, OPTIONS, OPERAND)
    assert values is not None
    with pytest.raises(UsageError, match=said):
        run(values)


def test_a_terminal_gets_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with Bars() as bars:
        bars.listed(News(package="one", versions=("1", "2"), mined=("1",)))
        bars.begun("one", "2")
        bars.failed("one", "2", "one 2: [bold]broken[/bold]")
        bars.written(Outcome(package="one"))
        assert (bars._bars.tasks[1].total, bars._bars.tasks[1].completed) == (1, 1)
    assert "one 2: [bold]broken[/bold]" in capsys.readouterr().err
