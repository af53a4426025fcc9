"""`envdoctor undo` as a person meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from envdoctor.cli import main
from envdoctor.model.plan import Edit, Move, Plan
from envdoctor.repair import journal
from envdoctor.repair.apply import apply
from envdoctor.repair.documents import read
from tests.conftest import ROOT
from tests.repair.tiny import environment, versions, wheel


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_STATE_HOME", "UV_CACHE_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere" / name))
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    return project


def repaired(folder: Path, text: str = "one==1.0\n", **more: Any) -> str:
    (folder / "r.txt").write_text(text)
    found = read("r.txt")
    edit = Edit(document="r.txt", start=5, end=8, old="1.0", new="2.0")
    done = apply(Plan(edits=(edit,), moves=more.pop("moves", ())), [found], command=["envdoctor", "fix", "--write", "r.txt"], **more).repair
    assert done
    return done.id


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(["undo", *words]) == code
    printed = capsys.readouterr()
    return printed.err if code == 2 or (code == 3 and "--dry-run" not in words) else printed.out


def test_once_puts_back_and_twice_says_that_nothing_is_left(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys) == "nothing to undo: no repair is written down\n"
    name = repaired(folder)
    assert said(capsys, "--dry-run") == (
        f"  r.txt  would be put back\nnothing was changed; without --dry-run, this puts back the repair {name}\n"
    )
    assert (folder / "r.txt").read_text() == "one==2.0\n"
    assert said(capsys) == f"  r.txt  put back\nthe repair {name} is put back\n"
    assert (folder / "r.txt").read_text() == "one==1.0\n"
    assert said(capsys) == f"nothing left to undo: the repair {name} was put back already\n"


def test_only_the_last_repair_is_put_back_unless_another_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = repaired(folder), repaired(folder, "two==1.0\n")
    assert said(capsys, "-q") == f"the repair {second} is put back\n"
    assert said(capsys) == (
        f"nothing left to undo: the repair {second} was put back already; `envdoctor undo --list` lists those before it\n"
    )
    assert f"since the repair {first}, " in said(capsys, first, code=3)
    assert said(capsys, first, "--force") == f"  r.txt  put back (changed since)\nthe repair {first} is put back\n"
    assert (folder / "r.txt").read_text() == "one==1.0\n"
    assert said(capsys, first) == f"nothing left to undo: the repair {first} was put back already\n"
    assert "there is no repair '20200101-000000'" in said(capsys, "20200101-000000", code=2)


def test_what_changed_since_is_refused_with_3(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repaired(folder)
    (folder / "r.txt").write_text("mine\n")
    told = f"{folder}/r.txt was changed"
    assert told in said(capsys, "--dry-run", code=3)
    assert told in said(capsys, code=3)
    assert (folder / "r.txt").read_text() == "mine\n"
    assert said(capsys, "--dry-run", "--force").startswith("  r.txt  would be put back (changed since)\n")
    (folder / "r.txt").write_text("one==1.0\n")
    assert "  r.txt  as before already\nall is as it was before the repair" in said(capsys)


def test_packages_are_told_one_by_one(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name, version in (("one", "1.0"), ("one", "2.0"), ("two", "1.0"), ("old", "1.0")):
        wheel(tmp_path / "wheels", name, version)
    python = environment(tmp_path / "venv", tmp_path / "wheels", "one==1.0", "old==1.0")
    moves = (Move(name="one", old="1.0", new="2.0"), Move(name="two", old=None, new="1.0"), Move(name="old", old="1.0", new=None))
    name = repaired(folder, moves=moves, python=python, options=["--no-index", "--find-links", str(tmp_path / "wheels")])
    capfd.readouterr()
    wanted = {
        "schema": 1,
        "repair": name,
        "dry_run": True,
        "environment": str(tmp_path / "venv"),
        "files": [{"path": f"{folder}/r.txt", "state": "as repaired"}],
        "packages": [
            {"name": "one", "now": "2.0", "before": "1.0", "state": "as repaired"},
            {"name": "two", "now": "1.0", "before": None, "state": "as repaired"},
            {"name": "old", "now": None, "before": "1.0", "state": "as repaired"},
        ],
        "changed": [],
        "message": f"nothing was changed; without --dry-run, this puts back the repair {name}",
    }
    assert main(["undo", "--dry-run", "--format", "json"]) == 0
    assert json.loads(capfd.readouterr().out) == wanted
    assert versions(python) == {"one": "2.0", "two": "1.0"}
    assert main(["undo"]) == 0
    printed = capfd.readouterr()
    assert printed.out == (
        f"  r.txt  put back\n  one  2.0 -> 1.0\n  two  1.0 -> not installed\n  old  not installed -> 1.0\nthe repair {name} is put back\n"
    )
    assert " - one==2.0" in printed.err
    assert versions(python) == {"one": "1.0", "old": "1.0"}


def test_an_interrupted_repair_is_put_back_and_may_be_run_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for again in (False, True):
        name = repaired(folder)
        repair = journal.find(journal.repairs_folder(), name)
        journal.save(repair, status=journal.WRITING)
        if again:
            (folder / "r.txt").write_text("one==1.0\n")
        end = (
            f"all is as it was before the repair {name} already; it may be run again"
            if again
            else f"the interrupted repair {name} is put back"
        )
        assert said(capsys, "-q") == end + "\n"


def test_the_list_tells_what_each_repair_was(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "--list") == "no repair is written down\n"
    first = repaired(folder)
    said(capsys)
    second = repaired(folder, options=["--index-url", "https://me:secret@x.example/simple"])
    rows = said(capsys, "--list").splitlines()
    assert rows == [f"{second:<{len(rows[0].split()[0])}}  done    r.txt  envdoctor fix --write r.txt", rows[1]]
    assert rows[1].split() == [first, "undone", "r.txt", "envdoctor", "fix", "--write", "r.txt"]
    told = said(capsys, "--list", "--format", "json")
    assert "secret" not in told
    assert [(one["repair"], one["status"], one["files"]) for one in json.loads(told)] == [
        (second, "done", [f"{folder}/r.txt"]), (first, "undone", [f"{folder}/r.txt"]),
    ]  # fmt: skip
    assert "\x1b[1;32mdone" in said(capsys, "--list", "--color", "always")


def test_a_damaged_record_hides_no_other(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = repaired(folder), repaired(folder)
    Path(journal.repairs_folder(), second, "journal.json").write_text("{")
    assert main(["undo", "--list"]) == 0
    printed = capsys.readouterr()
    assert (printed.out.split()[0], printed.err.count("is damaged")) == (first, 1)
    assert "is damaged" in said(capsys, code=3)


def test_the_guide_tells_every_status() -> None:
    guide = Path(ROOT, "docs", "how-to", "undo-a-repair.md").read_text("utf-8")
    rows = [line.strip("| ").split(" | ") for line in guide.partition("| status | meaning |")[2].partition("\n\n")[0].splitlines()[2:]]
    assert {status.strip("`"): meaning for status, meaning in rows} == journal.STATUSES


def test_json_where_there_is_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(said(capsys, "--format", "json")) == {
        "schema": 1, "repair": None, "message": "nothing to undo: no repair is written down",
    }  # fmt: skip


def test_looking_for_repairs_starts_no_installer_and_loads_little(folder: Path) -> None:
    repaired(folder)
    code = "import sys; from envdoctor.cli import main; main(['undo', '--list']); print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ})
    loaded = done.stdout.splitlines()[-1].split()
    assert not {"subprocess", "rich", "packaging", "argparse", "envdoctor.engine", "envdoctor.repair.undo"} & {*loaded}
