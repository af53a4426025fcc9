"""The record of repairs, and the locks that keep two from meeting."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from envdoctor.model.errors import RepairError, UsageError
from envdoctor.repair import journal
from envdoctor.repair.journal import DONE, FAILED, Moved, Site
from envdoctor.repair.lock import hold


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    site = Site(
        python="/venv/bin/python",
        prefix="/venv",
        options=("--find-links", "wheels"),
        moves=(Moved(name="torch", before="2.5.1+cu124", after=None, caution="a build", again="torch==2.5.1+cu124"),),
        installed={"torch": "2.5.1+cu124", "numpy": "2.0"},
    )
    repair = journal.begin(str(tmp_path / "deep" / "repairs"), ["envdoctor", "fix"])
    repair = journal.keep(repair, __file__, b"\xff\0old", "digest")
    repair = journal.save(repair, status=DONE, site=site)
    found = journal.find(str(tmp_path / "deep" / "repairs"), repair.id)
    assert found == repair
    assert Path(found.folder, found.documents[0].backup).read_bytes() == b"\xff\0old"
    assert json.loads(Path(found.folder, "journal.json").read_text())["schema"] == 1
    assert {stat.S_IMODE(os.stat(path).st_mode) for path in (found.folder, *(entry.path for entry in os.scandir(found.folder)))} == {
        0o700,
        0o600,
    }


def test_repairs_of_one_second_keep_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.gmtime(1764000000)
    monkeypatch.setattr(journal.time, "gmtime", lambda: now)
    made = [journal.begin(str(tmp_path), ()).id for _ in range(11)]
    assert made[:2] == ["20251124-160000", "20251124-160000-2"]
    assert journal.identities(str(tmp_path)) == made


def test_only_the_last_repairs_are_kept_and_those_that_stopped_half_way(tmp_path: Path) -> None:
    made = [journal.save(journal.begin(str(tmp_path), ()), status=FAILED if number == 1 else DONE) for number in range(6)]
    (tmp_path / "notes").mkdir()
    (tmp_path / "20200101-000000").mkdir()  # killed before its record was written
    journal.prune(str(tmp_path), 3)
    assert journal.identities(str(tmp_path)) == [made[1].id, *(repair.id for repair in made[3:])]
    assert (tmp_path / "notes").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [("{", "is damaged"), ("[]", "is damaged"), ('{"schema": 1}', "is damaged"), ('{"schema": 7}', r"another edition \(schema 7\)")],
)
def test_a_record_that_cannot_be_read_is_told(text: str, told: str, tmp_path: Path) -> None:
    repair = journal.begin(str(tmp_path), ())
    Path(repair.folder, "journal.json").write_text(text)
    with pytest.raises(RepairError, match=told):
        journal.find(str(tmp_path), repair.id)
    journal.prune(str(tmp_path), 0)
    assert os.path.exists(repair.folder)


def test_an_unknown_repair_is_wrong_usage(tmp_path: Path) -> None:
    repair = journal.begin(str(tmp_path), ())
    with pytest.raises(UsageError, match=f"no repair '{repair.id}0'; did you mean {repair.id}"):
        journal.find(str(tmp_path), repair.id + "0")
    with pytest.raises(UsageError, match=r"no repair '\.\./x'; `envdoctor undo --list`"):
        journal.find(str(tmp_path), "../x")


def test_where_nothing_can_be_kept_nothing_begins(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RepairError, match="set XDG_STATE_HOME"):
        journal.begin(str(tmp_path / "file" / "repairs"), ())
    repair = journal.begin(str(tmp_path / "repairs"), ())
    shutil.rmtree(tmp_path / "repairs")
    with pytest.raises(RepairError, match="cannot be written"):
        journal.save(repair)
    journal.fail(repair, "why")


@pytest.mark.parametrize(
    ("platform", "environ", "told"),
    [
        ("linux", {"XDG_STATE_HOME": "/state"}, "/state/envdoctor/repairs"),
        ("linux", {"XDG_STATE_HOME": "relative"}, "~/.local/state/envdoctor/repairs"),
        ("linux", {"LOCALAPPDATA": "/local"}, "~/.local/state/envdoctor/repairs"),
        ("darwin", {}, "~/Library/Application Support/envdoctor/repairs"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/envdoctor/repairs"),
    ],
)
def test_the_folder_is_the_one_of_the_platform(platform: str, environ: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert journal.repairs_folder(environ) == os.path.expanduser(told)


# Locks

HOLDER = """
import subprocess, sys, time
from envdoctor.repair.lock import hold
with hold(sys.argv[1], "x") as lock:
    if len(sys.argv) > 2:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], pass_fds=(lock.handle,))
        lock.share(child.pid)
        print(child.pid, flush=True)
    else:
        print("", flush=True)
    time.sleep(60)
"""


def test_a_lock_names_its_holder_and_goes_with_it(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    with subprocess.Popen([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        holder.stdout.readline()
        with (
            pytest.raises(RepairError, match=f"the environment is being changed by process {holder.pid}; wait"),
            hold(path, "the environment"),
        ):
            pass
        holder.kill()
    with hold(path, "the environment"):
        pass
    assert not os.path.exists(path)


def test_an_installer_that_outlives_its_envdoctor_holds_the_lock(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    with subprocess.Popen([sys.executable, "-c", HOLDER, path, "child"], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        child = int(holder.stdout.readline())
        holder.kill()
        holder.wait()
        try:
            told = f"by process {child}, which an envdoctor that was killed has started"
            with pytest.raises(RepairError, match=told), hold(path, "the environment"):
                pass
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_lock_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    with pytest.raises(RepairError, match="cannot be made"), hold(str(tmp_path / "none" / "lock"), "x"):
        pass
