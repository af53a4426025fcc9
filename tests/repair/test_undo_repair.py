"""A repair is put back whole, also one that was killed; what somebody else changed since is left alone unless that is asked for."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from envdoctor.model.errors import EditRefused, RepairError
from envdoctor.model.plan import Edit, Move, Plan
from envdoctor.repair import journal
from envdoctor.repair.apply import apply
from envdoctor.repair.documents import read
from envdoctor.repair.installed import is_whole, survey
from envdoctor.repair.journal import DONE, FAILED, UNDONE, WRITING, Repair
from envdoctor.repair.prospect import prospect
from envdoctor.repair.undo import undo
from tests.repair.tiny import environment, project, sdist, told, uv, versions, wheel

UTF16 = "one==1.0\r\n# größer\r\n".encode("utf-16")


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    for name, version in (("one", "1.0"), ("one", "2.0"), ("one", "3.0"), ("two", "1.0"), ("old", "1.0")):
        wheel(folder, name, version)
    return folder


@pytest.fixture
def options(wheels: Path) -> list[str]:
    return ["--no-index", "--find-links", str(wheels)]


@pytest.fixture
def python(tmp_path: Path, wheels: Path) -> str:
    return environment(tmp_path / "venv", wheels, "one==1.0", "old==1.0")


def repaired(tmp_path: Path, python: str, options: list[str]) -> Repair:
    """Repair a file and an environment together."""
    path = tmp_path / "r.txt"
    path.write_bytes(UTF16)
    path.chmod(0o640)
    found = read(str(path))
    plan = Plan(
        moves=(Move(name="one", old="1.0", new="2.0"), Move(name="two", old=None, new="1.0"), Move(name="old", old="1.0", new=None)),
        edits=(Edit(document=found.path, start=5, end=8, old="1.0", new="2.0"),),
    )
    done = apply(plan, [found], python, options=options).repair
    assert done
    return done


def now(repair: Repair) -> Repair:
    return journal.find(os.path.dirname(repair.folder), repair.id)


def states(repair: Repair) -> list[str]:
    found = prospect(now(repair), {})
    return [one.state for one in found.files] + [one.state for one in found.packages]


def test_files_and_packages_come_back_as_they_were(tmp_path: Path, python: str, options: list[str]) -> None:
    repair = repaired(tmp_path, python, options)
    assert (tmp_path / "r.txt").read_bytes() == UTF16.replace("1".encode("utf-16-le"), "2".encode("utf-16-le"))
    assert versions(python) == {"one": "2.0", "two": "1.0"}
    assert states(repair) == ["as repaired"] * 4
    undo(repair)
    assert (tmp_path / "r.txt").read_bytes() == UTF16
    assert (tmp_path / "r.txt").stat().st_mode & 0o777 == 0o640
    assert (versions(python), told(python, "one"), told(python, "old")) == ({"one": "1.0", "old": "1.0"}, "1.0", "1.0")
    assert now(repair).status == UNDONE
    assert prospect(now(repair), {}).is_empty
    assert undo(repair).repair.status == UNDONE


def test_what_changed_since_is_left_alone_unless_that_is_asked_for(tmp_path: Path, python: str, options: list[str]) -> None:
    repair = repaired(tmp_path, python, options)
    (tmp_path / "r.txt").write_text("mine\n")
    uv("pip", "install", "-q", "--python", python, *options, "one==3.0")
    with pytest.raises(EditRefused, match=r"r\.txt was changed; one is 3\.0 now; nothing was put back\. --force"):
        undo(repair)
    assert ((tmp_path / "r.txt").read_text(), versions(python)["one"], now(repair).status) == ("mine\n", "3.0", DONE)
    undo(repair, force=True)
    assert ((tmp_path / "r.txt").read_bytes(), versions(python)) == (UTF16, {"one": "1.0", "old": "1.0"})
    assert Path(repair.folder, "1-r.txt.changed").read_text() == "mine\n"


def test_a_file_that_was_deleted_comes_back_only_by_force(tmp_path: Path, python: str, options: list[str]) -> None:
    repair = repaired(tmp_path, python, options)
    (tmp_path / "r.txt").unlink()
    with pytest.raises(EditRefused, match=r"r\.txt was deleted"):
        undo(repair)
    undo(repair, force=True)
    assert ((tmp_path / "r.txt").read_bytes(), (tmp_path / "r.txt").stat().st_mode & 0o777) == (UTF16, 0o640)


def test_an_environment_that_is_gone_is_told(tmp_path: Path, python: str, options: list[str]) -> None:
    repair = repaired(tmp_path, python, options)
    shutil.rmtree(tmp_path / "venv")
    with pytest.raises(EditRefused, match="its environment is gone"):
        undo(repair)
    undo(repair, force=True)
    assert ((tmp_path / "r.txt").read_bytes(), now(repair).status) == (UTF16, UNDONE)


def test_what_was_kept_is_looked_at_before_it_is_put_back(tmp_path: Path, python: str, options: list[str]) -> None:
    repair = repaired(tmp_path, python, options)
    kept = Path(repair.folder, repair.documents[0].backup)
    kept.write_bytes(b"other")
    with pytest.raises(RepairError, match="is damaged, so"):
        undo(repair)
    kept.unlink()
    with pytest.raises(RepairError, match=r"cannot be read \(No such file or directory\), so"):
        undo(repair)
    assert (now(repair).status, versions(python)["one"]) == (DONE, "2.0")


def test_an_earlier_repair_does_not_undo_a_later_one(tmp_path: Path, python: str, options: list[str]) -> None:
    first = repaired(tmp_path, python, options)
    second = apply(Plan(moves=(Move(name="one", old="2.0", new="3.0"),)), python=python, options=options).repair
    assert second
    with pytest.raises(EditRefused, match="one is 3\\.0 now"):
        undo(first)
    undo(second)
    undo(first)
    assert versions(python) == {"one": "1.0", "old": "1.0"}


# Ways back


def test_packages_of_other_indexes_find_their_own_way(tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other"
    wheel(other, "one", "2.0")
    wheel(other, "one", "1.0+gpu")  # a build of the same release, which must not come instead
    wheel(other, "old", "1.5")
    (wheels / "old-1.0-py3-none-any.whl").rename(tmp_path / "old-1.0-py3-none-any.whl")
    monkeypatch.setenv("UV_NO_INDEX", "1")
    python = environment(tmp_path / "venv", wheels, "one==1.0", str(tmp_path / "old-1.0-py3-none-any.whl"))
    plan = Plan(moves=(Move(name="one", old="1.0", new="2.0"), Move(name="old", old="1.0", new="1.5")))
    repair = apply(plan, python=python, options=["--find-links", str(other)]).repair
    assert repair
    monkeypatch.setenv("UV_FIND_LINKS", str(wheels))  # what the user's own settings name
    undo(repair)
    assert versions(python) == {"one": "1.0", "old": "1.0"}


def test_a_checkout_comes_back_as_a_checkout(tmp_path: Path, wheels: Path, options: list[str]) -> None:
    python = environment(tmp_path / "venv", wheels)
    (tmp_path / "checkout").mkdir()
    for name, text in project(tmp_path / "built", "one", "1.5", tmp_path / "sign").items():
        (tmp_path / "checkout" / name).write_text(text)
    uv("pip", "install", "-q", "--python", python, "-e", str(tmp_path / "checkout"))
    repair = apply(Plan(moves=(Move(name="one", old="1.5", new="2.0"),)), python=python, options=options).repair
    assert repair
    assert not Path(survey(python, {}).own["one"].location, "direct_url.json").exists()
    undo(repair)
    assert Path(survey(python, {}).own["one"].location, "direct_url.json").exists()


def test_what_cannot_come_back_is_named_and_left_out_only_by_force(tmp_path: Path, wheels: Path, python: str, options: list[str]) -> None:
    repair = repaired(tmp_path, python, options)
    (wheels / "old-1.0-py3-none-any.whl").unlink()
    with pytest.raises(RepairError, match=r"(?s)^old 1\.0: .*the packages stay as they are\. --force puts back the others"):
        undo(repair, environ={**os.environ, "UV_OFFLINE": "1"})
    assert (versions(python), now(repair).status) == ({"one": "2.0", "two": "1.0"}, FAILED)
    said: list[str] = []
    undo(repair, force=True, say=said.append, environ={**os.environ, "UV_OFFLINE": "1"})
    assert (versions(python), said) == ({"one": "1.0"}, ["old 1.0 cannot come back, and is left as it is"])


# Repairs that stopped half-way

APPLY = """
import sys
from envdoctor.model.plan import Edit, Move, Plan
from envdoctor.repair.apply import apply
from envdoctor.repair.documents import read
found = read(sys.argv[3])
plan = Plan(moves=(Move(name="old", old="1.0", new=None), Move(name="slow", old=None, new="1.0")),
            edits=(Edit(document=found.path, start=0, end=3, old="one", new="two"),))
apply(plan, [found], sys.argv[1], options=["--no-index", "--find-links", sys.argv[2]])
"""


@pytest.fixture
def killed(tmp_path: Path, wheels: Path, python: str, state: Path) -> Iterator[Repair]:
    """A repair that was killed while it installed; its installer and the build that this started live on."""
    sign = tmp_path / "sign"
    sdist(wheels, "slow", "1.0", project(tmp_path / "built", "slow", "1.0", sign, 60))
    (tmp_path / "r.txt").write_text("one\n")
    child = subprocess.Popen([sys.executable, "-c", APPLY, python, str(wheels), str(tmp_path / "r.txt")], start_new_session=True)
    until = time.monotonic() + 60
    while not sign.exists():
        assert child.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    repair = journal.find(str(state), journal.identities(str(state))[-1])
    try:
        with pytest.raises(RepairError, match="which an envdoctor that was killed has started"):
            undo(repair)
        yield repair
    finally:
        _end(child.pid)


def _end(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
    until = time.monotonic() + 20
    while time.monotonic() < until:  # killed is not yet ended, and what has not ended holds the lock
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)


def test_a_killed_repair_is_put_back(tmp_path: Path, killed: Repair, python: str) -> None:
    assert (killed.status, versions(python)) == (WRITING, {"one": "1.0"})
    assert len([name for name in os.listdir(tmp_path) if name.startswith(".r.txt.")]) == 2
    _end(os.getpgid(_holder(tmp_path)))
    assert states(killed) == ["as before", "as repaired", "as before"]
    undo(killed)
    assert (versions(python), (tmp_path / "r.txt").read_text()) == ({"one": "1.0", "old": "1.0"}, "one\n")
    assert [name for name in os.listdir(tmp_path) if name.startswith(".")] == []
    assert now(killed).status == UNDONE


def _holder(tmp_path: Path) -> int:
    return int((tmp_path / "venv" / ".envdoctor-lock").read_text().split()[-1])


def half_way(repair: Repair) -> Repair:
    """Make a record say what it said before the repair had ended."""
    return journal.save(repair, status=WRITING)


def test_packages_whose_files_are_missing_are_installed_anew(tmp_path: Path, python: str, options: list[str]) -> None:
    repair = half_way(repaired(tmp_path, python, options))
    uv("pip", "install", "-q", "--python", python, *options, "one==1.0")
    (Path(survey(python, {}).own["one"].location).parent / "one" / "__init__.py").unlink()
    assert states(repair) == ["as repaired", "half-way", "as repaired", "as repaired"]
    undo(repair)
    assert (told(python, "one"), is_whole(survey(python, {}).own["one"])) == ("1.0", True)


def test_two_versions_side_by_side_become_one(tmp_path: Path, python: str, options: list[str]) -> None:
    repair = half_way(repaired(tmp_path, python, options))
    site = Path(survey(python, {}).own["one"].location).parent
    shutil.copytree(site / "one-2.0.dist-info", site / "one-1.5.dist-info")
    record = site / "one-1.5.dist-info" / "RECORD"
    record.write_text(record.read_text().replace("one-2.0", "one-1.5"))
    undo(repair)
    assert sorted(path.name for path in site.glob("one-*")) == ["one-1.0.dist-info"]


def test_what_a_killed_installer_left_of_a_package_is_swept_away(tmp_path: Path, python: str, options: list[str]) -> None:
    repair = half_way(repaired(tmp_path, python, options))
    site = Path(survey(python, {}).own["one"].location).parent
    uv("pip", "install", "-q", "--python", python, *options, "one==1.0")
    (site / "one-2.0.dist-info").mkdir()  # as uv leaves it before it has written RECORD
    (site / "one-2.0.dist-info" / "REQUESTED").touch()
    for name in ("RECORD", "INSTALLER"):
        (site / "two-1.0.dist-info" / name).unlink()
    for name in ("~ne", "~ne-1.0.dist-info", "~wo-1.0.dist-info", "~ther"):  # as pip puts aside what it is about to replace
        (site / name).mkdir()
    undo(repair)
    assert [path.name for path in site.glob("~*")] == ["~ther"]
    assert sorted(path.name for path in site.glob("*.dist-info")) == ["old-1.0.dist-info", "one-1.0.dist-info"]
    assert is_whole(survey(python, {}).own["one"])


def test_an_environment_that_became_no_environment_is_told(tmp_path: Path, python: str, options: list[str]) -> None:
    repair = half_way(repaired(tmp_path, python, options))
    shutil.rmtree(tmp_path / "venv")
    (tmp_path / "venv").mkdir()
    with pytest.raises(EditRefused, match="its environment is gone"):
        undo(repair)


def test_a_repair_that_changed_nothing_is_only_closed(tmp_path: Path, python: str, options: list[str], state: Path) -> None:
    with pytest.raises(RepairError):
        apply(Plan(moves=(Move(name="one", old="1.0", new="9.9"),)), python=python, options=options)
    repair = journal.find(str(state), journal.identities(str(state))[-1])
    found = undo(repair, environ={"PATH": ""})
    assert (found.is_empty, found.repair.status, now(repair).status) == (True, FAILED, UNDONE)


def test_an_undo_that_failed_is_completed_by_the_next(
    tmp_path: Path, wheels: Path, python: str, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    repair = repaired(tmp_path, python, options)
    monkeypatch.setenv("UV_OFFLINE", "1")
    wheels.rename(tmp_path / "away")
    with pytest.raises(RepairError):
        undo(repair)
    assert ((tmp_path / "r.txt").read_bytes(), now(repair).status, versions(python)["one"]) == (UTF16, FAILED, "2.0")
    assert now(repair).error.startswith("while it was put back: ")
    (tmp_path / "away").rename(wheels)
    undo(repair)
    assert (versions(python), now(repair).status) == ({"one": "1.0", "old": "1.0"}, UNDONE)
