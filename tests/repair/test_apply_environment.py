"""A plan is carried out in a real environment: exactly what it names moves, one repair at a time, and all of it is written down first."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from envdoctor.model.errors import EditRefused, RepairError
from envdoctor.model.plan import Edit, Move, Plan
from envdoctor.repair import journal
from envdoctor.repair.apply import apply
from envdoctor.repair.documents import read
from envdoctor.repair.installed import again, is_whole, survey
from envdoctor.repair.installer import absolute
from envdoctor.repair.undo import undo
from envdoctor.repair.versions import is_met
from tests.repair.tiny import environment, project, sdist, told, uv, versions, wheel


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    for version in ("1.0", "2.0", "2.0+cpu"):
        wheel(folder, "one", version)
    for version in ("1.0", "2.0"):
        wheel(folder, "two", version, "one>=2" if version == "2.0" else "one")
    wheel(folder, "old", "1.0")
    return folder


@pytest.fixture
def options(wheels: Path) -> list[str]:
    return ["--no-index", "--find-links", str(wheels)]


def moves(**wanted: tuple[str | None, str | None]) -> Plan:
    return Plan(moves=tuple(Move(name=name, old=old, new=new) for name, (old, new) in wanted.items()))


def last(state: Path) -> journal.Repair:
    return journal.find(str(state), journal.identities(str(state))[-1])


def test_exactly_what_is_planned_moves_comes_and_goes(tmp_path: Path, wheels: Path, options: list[str], state: Path) -> None:
    python = environment(tmp_path / "venv", wheels, "one==1.0", "old==1.0")
    done = apply(
        moves(one=("1.0", "2.0+cpu"), two=(None, "2.0"), old=("1.0", None)), python=python, options=options, command=["envdoctor", "fix"]
    )
    assert versions(python) == {"one": "2.0+cpu", "two": "2.0"}
    assert (told(python, "one"), done.remarks) == ("2.0+cpu", ())
    kept = last(state)
    assert (kept.status, kept.command, kept.pid) == (journal.DONE, ("envdoctor", "fix"), os.getpid())
    assert kept.site is not None
    assert [(move.name, move.before, move.after) for move in kept.site.moves] == [
        ("one", "1.0", "2.0+cpu"), ("two", None, "2.0"), ("old", "1.0", None),
    ]  # fmt: skip
    assert kept.site.installed == {"one": "1.0", "old": "1.0"}
    assert not (tmp_path / "venv" / ".envdoctor-lock").exists()


def test_nobody_else_moves_and_what_is_declared_otherwise_is_told(tmp_path: Path, wheels: Path, options: list[str]) -> None:
    python = environment(tmp_path / "venv", wheels, "one==1.0", "two==1.0")
    done = apply(moves(two=("1.0", "2.0")), python=python, options=options)
    assert versions(python) == {"one": "1.0", "two": "2.0"}
    (remark,) = done.remarks
    assert "`two` requires `one>=2`" in remark


def test_a_label_counts_where_it_is_to_go(tmp_path: Path, wheels: Path, options: list[str]) -> None:
    python = environment(tmp_path / "venv", wheels, "one==2.0+cpu")
    apply(moves(one=("2.0+cpu", "2.0")), python=python, options=options)
    assert versions(python) == {"one": "2.0"}
    apply(moves(one=("2.0", "2.0+cpu")), python=python, options=options)
    assert versions(python) == {"one": "2.0+cpu"}


def test_the_same_version_is_installed_anew(tmp_path: Path, wheels: Path, options: list[str]) -> None:
    python = environment(tmp_path / "venv", wheels, "one==1.0")
    module = Path(survey(python, {}).own["one"].location).parent / "one" / "__init__.py"
    module.unlink()
    assert not is_whole(survey(python, {}).own["one"])
    apply(moves(one=("1.0", "1.0")), python=python, options=options)
    assert (told(python, "one"), is_whole(survey(python, {}).own["one"])) == ("1.0", True)


@pytest.mark.install  # pip takes eight seconds for it
def test_where_uv_is_missing_pip_does_it(
    tmp_path: Path, wheels: Path, options: list[str], monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    monkeypatch.setattr("envdoctor.repair.installer.find_uv", lambda environ: "")
    python = environment(tmp_path / "venv", wheels, "one==1.0", "two==1.0")
    with pytest.raises(RepairError, match="there is neither uv nor, in the environment of"):
        apply(moves(two=("1.0", None)), python=python)
    assert journal.identities(str(state)) == []
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "with-pip")], check=True)
    python = str(tmp_path / "with-pip" / "bin" / "python")
    uv("pip", "install", "-q", "--python", python, *options, "one==1.0", "old==1.0")
    words = ["--no-index", f"--find-links={wheels}"]
    done = apply(moves(one=("1.0", "2.0+cpu"), two=(None, "2.0"), old=("1.0", None)), python=python, options=words, quiet=True)
    assert {name: version for name, version in versions(python).items() if name in ("one", "two", "old")} == {
        "one": "2.0+cpu",
        "two": "2.0",
    }
    assert done.remarks == ()
    undo(last(state))
    assert {name: version for name, version in versions(python).items() if name in ("one", "two", "old")} == {"one": "1.0", "old": "1.0"}
    with pytest.raises(RepairError, match="--torch-backend is an option of uv"):
        apply(moves(one=("1.0", "2.0")), python=python, options=["--torch-backend", "cpu"])


# Nothing begins that cannot be right


def test_an_environment_that_is_not_the_planned_one_is_left_alone(tmp_path: Path, wheels: Path, options: list[str], state: Path) -> None:
    python = environment(tmp_path / "venv", wheels, "one==1.0")
    for plan, words in (
        (moves(one=("2.0", "1.0")), "one is 1.0, and the repair was planned for 2.0"),
        (moves(two=("2.0", "1.0")), "two is not installed, and"),
        (moves(one=(None, "2.0")), "one is 1.0, and the repair was planned for not installed"),
    ):
        with pytest.raises(RepairError, match=words):
            apply(plan, python=python, options=options)
    assert (versions(python), journal.identities(str(state))) == ({"one": "1.0"}, [])


def test_nothing_is_removed_when_the_rest_cannot_follow(tmp_path: Path, wheels: Path, options: list[str], state: Path) -> None:
    python = environment(tmp_path / "venv", wheels, "one==1.0", "old==1.0")
    with pytest.raises(RepairError, match=r"(?s)one.*9\.9.*nothing was changed"):
        apply(moves(one=("1.0", "9.9"), old=("1.0", None)), python=python, options=options)
    assert (versions(python), journal.identities(str(state))) == ({"one": "1.0", "old": "1.0"}, [])


def test_a_failed_installation_stays_written_down_and_leaves_the_files(
    tmp_path: Path, wheels: Path, options: list[str], state: Path
) -> None:
    python = environment(tmp_path / "venv", wheels, "one==1.0")
    (tmp_path / "r.txt").write_text("one==1.0\n")
    found = read(str(tmp_path / "r.txt"))
    plan = moves(one=("1.0", "9.9")).replace(edits=(Edit(document=found.path, start=5, end=8, old="1.0", new="9.9"),))
    with pytest.raises(RepairError, match=r"uv could not install \(exit code 1\).*no package has changed. `envdoctor undo`"):
        apply(plan, [found], python, options=options)
    assert (last(state).status, last(state).error[:20]) == (journal.FAILED, "uv could not install")
    assert sorted(os.listdir(tmp_path)) == ["UV_CACHE_DIR", "XDG_STATE_HOME", "r.txt", "venv", "wheels"]
    assert found.data == read(found.path).data


def test_a_repair_that_stopped_half_way_is_told_before_the_next(tmp_path: Path, wheels: Path, options: list[str], state: Path) -> None:
    python = environment(tmp_path / "venv", wheels, "one==1.0")
    for version in ("9.9", "2.0"):
        with pytest.raises(RepairError):
            apply(moves(one=("1.0", version), two=(None, "9.9")), python=python, options=options)
    uv("pip", "install", "-q", "--python", python, *options, "one==2.0")
    said: list[str] = []
    apply(moves(two=(None, "1.0")), python=python, options=options, say=said.append)
    first, second, _ = journal.identities(str(state))
    assert said == [
        f"the repair {name} of this environment stopped half-way; `envdoctor undo {name}` puts it back" for name in (first, second)
    ]


def test_files_and_packages_are_one_repair(tmp_path: Path, wheels: Path, options: list[str], state: Path) -> None:
    python = environment(tmp_path / "venv", wheels, "one==1.0")
    (tmp_path / "r.txt").write_bytes(b"one==1.0\r\n")
    found = read(str(tmp_path / "r.txt"))
    plan = moves(one=("1.0", "2.0")).replace(edits=(Edit(document=found.path, start=5, end=8, old="1.0", new="2.0"),))
    apply(plan, [found], python, options=options)
    assert (tmp_path / "r.txt").read_bytes() == b"one==2.0\r\n"
    (kept,) = last(state).documents
    assert (kept.place, Path(last(state).folder, kept.backup).read_bytes()) == (os.path.realpath(found.path), b"one==1.0\r\n")
    with pytest.raises(EditRefused, match="changed since it was read"):
        apply(Plan(edits=plan.edits), [found])
    assert len(journal.identities(str(state))) == 1


def test_a_plan_without_anything_to_do_leaves_no_trace(tmp_path: Path, state: Path) -> None:
    (tmp_path / "r.txt").write_text("one\n")
    found = read(str(tmp_path / "r.txt"))
    same = Edit(document=found.path, start=0, end=3, old="one", new="one")
    assert apply(moves(one=("1.0", "2.0"))).repair is None
    assert apply(Plan(edits=(same,)), [found]).repair is None
    with pytest.raises(EditRefused, match=r"other\.txt: was not read for this repair"):
        apply(Plan(edits=(same.replace(document="other.txt"),)), [found])
    (tmp_path / "link.txt").symlink_to("r.txt")
    with pytest.raises(EditRefused, match="one file under several names"):
        apply(Plan(edits=(same, same.replace(document=str(tmp_path / "link.txt")))), [found, read(str(tmp_path / "link.txt"))])
    assert not state.exists()


# What cannot be put back is said before it is touched


def test_what_a_version_does_not_bring_back_is_said_first(tmp_path: Path, wheels: Path, options: list[str]) -> None:
    python = environment(tmp_path / "venv", wheels, "one==2.0+cpu")
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name, text in project(tmp_path / "built", "two", "2.0", tmp_path / "sign").items():
        (checkout / name).write_text(text)
    uv("pip", "install", "-q", "--python", python, "--no-deps", "-e", str(checkout), str(wheels / "old-1.0-py3-none-any.whl"))
    (wheels / "old-1.0-py3-none-any.whl").unlink()
    wheel(wheels, "old", "2.0")
    said: list[str] = []
    apply(
        moves(one=("2.0+cpu", "1.0"), two=("2.0", "1.0"), old=("1.0", "2.0")), python=python, options=options,
        say=lambda text: said.append(f"{versions(python)['one']}: {text}"),
    )  # fmt: skip
    assert said == [
        "2.0+cpu: one 2.0+cpu is a build of its own (+cpu); it comes back only from the index or folder that has it",
        f"2.0+cpu: two 2.0 is an editable checkout ({checkout}); it would come back with what the checkout holds then",
        f"2.0+cpu: old 1.0 was installed from {wheels / 'old-1.0-py3-none-any.whl'}, which is gone; it cannot come back",
    ]


GIT = {"url": "https://git.example/x.git", "vcs_info": {"vcs": "git", "commit_id": "a" * 40}, "subdirectory": "python"}


@pytest.mark.parametrize(
    ("told_by", "requirement", "caution"),
    [
        (GIT, f"one @ git+https://git.example/x.git@{'a' * 40}#subdirectory=python", "was built from git commit aaaaaaaaaaaa; it would"),
        ({"url": "https://x.example/one.whl", "archive_info": {}}, "one @ https://x.example/one.whl", "was installed from an address, and"),
        ({"url": "file:///none", "dir_info": {}}, "one @ file:///none", "was built from /none, which is gone; it cannot come back"),
        ({"url": "file:///none", "dir_info": {"editable": True}}, "-e /none", "is an editable checkout of /none, which is gone"),
        ({"archive_info": {}}, "one==1.0", "is not from a package index"),
        ([], "one==1.0", ""),
    ],
)
def test_how_a_package_comes_back(told_by: Any, requirement: str, caution: str, tmp_path: Path, wheels: Path) -> None:
    python = environment(tmp_path / "venv", wheels, "one==1.0")
    found = survey(python, {}).own["one"]
    Path(found.location, "direct_url.json").write_text(json.dumps(told_by))
    line, said = again(found)
    assert (line, said[: len(caution)]) == (requirement, caution)


def test_packages_of_conda_and_of_old_are_told(tmp_path: Path, wheels: Path) -> None:
    python = environment(tmp_path / "venv", wheels, "one==1.0")
    found = survey(python, {}).own["one"]
    Path(found.location, "INSTALLER").write_text("conda\n")
    assert again(found)[1].startswith("was installed by conda")
    Path(found.location, "INSTALLER").write_text("pip\n")
    Path(found.location, "RECORD").unlink()
    assert again(found)[1].startswith("has no list of its files")
    Path(found.location, "METADATA").unlink()
    assert again(survey(python, {}).own["one"])[1].startswith("is damaged")


# Two at once, and one that is killed

APPLY = """
import sys
from envdoctor.model.plan import Move, Plan
from envdoctor.repair.apply import apply
plan = Plan(moves=(Move(name="old", old="1.0", new=None), Move(name="slow", old=None, new="1.0")))
apply(plan, python=sys.argv[1], options=["--no-index", "--find-links", sys.argv[2]])
"""


def started(python: str, wheels: Path, sign: Path) -> subprocess.Popen[bytes]:
    """Start a repair in a process of its own, and wait until it is in the middle: `old` is gone, `slow` is being built."""
    child = subprocess.Popen([sys.executable, "-c", APPLY, python, str(wheels)], start_new_session=True)
    until = time.monotonic() + 60
    while not sign.exists():
        assert child.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    return child


@pytest.fixture
def slow(tmp_path: Path, wheels: Path) -> Path:
    sign = tmp_path / "sign"
    sdist(wheels, "slow", "1.0", project(tmp_path / "built", "slow", "1.0", sign, 60))
    return sign


def test_a_second_repair_is_told_who_has_the_environment(tmp_path: Path, wheels: Path, options: list[str], slow: Path) -> None:
    python = environment(tmp_path / "venv", wheels, "old==1.0", "one==1.0")
    first = started(python, wheels, slow)
    try:
        assert versions(python) == {"one": "1.0"}
        with pytest.raises(RepairError, match=f"the environment {tmp_path}/venv is being changed by process {first.pid}; wait"):
            apply(moves(one=("1.0", "2.0")), python=python, options=options)
        assert versions(python) == {"one": "1.0"}
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()


def test_an_interrupted_repair_ends_its_installer_and_stays_written_down(tmp_path: Path, wheels: Path, slow: Path, state: Path) -> None:
    python = environment(tmp_path / "venv", wheels, "old==1.0")
    child = started(python, wheels, slow)
    os.killpg(child.pid, signal.SIGINT)  # as a terminal does with Ctrl-C
    child.wait(30)
    assert (last(state).status, last(state).error) == (journal.FAILED, "interrupted")
    assert sorted(os.listdir(last(state).folder)) == ["journal.json"]
    assert not (tmp_path / "venv" / ".envdoctor-lock").exists()


def test_a_killed_repair_leaves_its_record_and_its_installer_the_lock(tmp_path: Path, wheels: Path, slow: Path, state: Path) -> None:
    python = environment(tmp_path / "venv", wheels, "old==1.0")
    child = started(python, wheels, slow)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert last(state).status == journal.WRITING
    try:
        with pytest.raises(RepairError, match=r"by process \d+, which an envdoctor that was killed has started"):
            apply(moves(one=(None, "2.0")), python=python)
    finally:
        os.killpg(child.pid, signal.SIGKILL)


# Small parts


def test_folders_of_wheels_are_named_from_anywhere(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    words = ["--find-links", "wheels", "-f=none", "--index-url", "https://x.example/wheels", "--find-links=wheels", "wheels"]
    placed = str(tmp_path / "wheels")
    assert absolute(words, str(tmp_path)) == (
        "--find-links", placed, "-f=none", "--index-url", "https://x.example/wheels", f"--find-links={placed}", "wheels",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("now", "wanted", "before", "met"),
    [
        ("1.0", "1", None, True),
        ("1.0", "1.0+cpu", None, False),
        (None, None, "1.0", True),
        (None, "1.0", "1.0", False),
        ("?", "1.0", None, False),
        ("?", "?", None, True),
    ],
)
def test_when_a_version_is_the_wanted_one(now: str | None, wanted: str | None, before: str | None, met: bool) -> None:
    assert is_met(now, wanted, before) is met
