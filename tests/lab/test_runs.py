"""Whole runs with a pretended uv: environments come and go, crashes and hangs are results, and a stop leaves nothing behind."""

from __future__ import annotations

import json
import os
import stat
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from envdoctor.cli import lab, main
from envdoctor.lab import children, environment, workers
from envdoctor.lab.bounds import Side
from envdoctor.lab.case import Wanted, attempt
from envdoctor.lab.environment import PREFIX, Environment, LabError, Limits, Settings, find_uv, local_cpu_torch, surroundings, sweep
from envdoctor.lab.index import Index
from envdoctor.lab.prove import ANOTHER, AS_EXPECTED, NOT_RUN, OTHERWISE, date_reproduced, observe, shows
from envdoctor.model.rule import Reproduction
from tests.conftest import RULES

PRETENDED = """#!{python}
import json, os, sys
words = [word for word in sys.argv[1:] if not word.startswith("-q")]
here = {here!r}
if words[0] == "venv":
    os.makedirs(os.path.join(words[-1], "bin"))
    os.symlink({python!r}, os.path.join(words[-1], "bin", "python"))
elif words[:2] == ["pip", "install"]:
    open(os.path.join(here, "calls"), "a").write(" ".join(words[4:]) + "\\n")
    if "impossible==1" in words:
        sys.exit("No solution found")
    with open(os.path.join(words[3], "installed"), "a") as file:
        file.writelines(word + "\\n" for word in words[4:] if "==" in word)
elif words[:2] == ["pip", "list"]:
    with open(os.path.join(words[3], "installed")) as file:
        print(json.dumps([dict(zip(("name", "version"), line.split("=="))) for line in file.read().split()]))
elif words[:2] == ["pip", "check"]:
    sys.stderr.write("Checked 2 packages\\nThe package `a` requires `b`\\n")
    sys.exit(1)
elif words[:2] == ["pip", "compile"]:
    wanted = sys.stdin.read().strip()
    print("" if wanted == "none" else wanted + "==1.2.3")
    sys.exit("No solution found" if wanted == "none" else "the index burns" if wanted == "fire" else 0)
elif words[:2] == ["cache", "dir"]:
    print(here)
elif words[:2] == ["cache", "clean"]:
    open(os.path.join(here, "cleaned"), "a").write(" ".join(words[2:]) + "\\n")
"""


@pytest.fixture
def uv(tmp_path: Path) -> Path:
    folder = tmp_path / "tools"
    folder.mkdir()
    path = folder / "uv"
    path.write_text(PRETENDED.format(python=sys.executable, here=str(folder)))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def settings(uv: Path, tmp_path: Path) -> Settings:
    (tmp_path / "work").mkdir()
    return Settings(uv=str(uv), folder=str(tmp_path / "work"), limits=Limits(install=20, child=20, free=0))


@pytest.fixture(autouse=True)
def going_on() -> Iterator[None]:
    yield
    children.go_on()


def test_a_set_is_installed_step_by_step_run_and_removed(settings: Settings, uv: Path) -> None:
    wanted = Wanted(id="a", install=("numpy==2.0.1", "--no-deps pandas==3.1.1"), venv_seed=environment.SEEDED)
    told = attempt(wanted, settings, os.environ)
    assert (uv.parent / "calls").read_text().splitlines() == ["setuptools==65.5.0", "numpy==2.0.1", "--no-deps pandas==3.1.1"]
    assert told["packages"] == {"setuptools": "65.5.0", "numpy": "2.0.1", "pandas": "3.1.1"}
    assert (told["metadata_ok"], told["metadata_text"]) == (False, "The package `a` requires `b`")
    assert (told["verdict"], told["first_failure"]) == ("breaks", "s1_torch")
    assert told["stages"]["s0_install"] == {"ok": True}
    assert told["stages"]["s9_setup_model_tokenizer_dataset"]["exc_type"] == "ModuleNotFoundError"
    assert "_modules" not in told["stages"]
    assert os.listdir(settings.folder) == []


def test_what_the_resolver_refuses_is_uninstallable(settings: Settings) -> None:
    told = attempt(Wanted(id="a", install=("numpy==2", "impossible==1")), settings, os.environ)
    assert (told["verdict"], told["packages"]) == ("uninstallable", {})
    assert "No solution found" in told["cause"]


@pytest.mark.parametrize(
    ("code", "kind"), [("import os; os.abort()", "Crash"), ("import sys; sys.exit(3)", "Crash"), ("import time; time.sleep(60)", "Hang")]
)
def test_a_crash_or_a_hang_of_the_child_is_a_result(
    code: str, kind: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "smoke.py"
    stages = "{'s1_torch': {'ok': True}, 's4_peft': {'ok': None}}"
    program.write_text(f"import json, sys\nwith open(sys.argv[2], 'w') as file:\n    json.dump({stages}, file)\n{code}\n")
    monkeypatch.setattr("envdoctor.lab.case.SMOKE", str(program))
    told = attempt(Wanted(id="a", install=("numpy==2",)), settings.replace(limits=Limits(child=0.4, free=0)), os.environ)
    assert (told["first_failure"], told["stages"]["s4_peft"]["exc_type"]) == ("s4_peft", kind)


def test_a_stage_that_was_only_slow_is_tried_again_with_patience(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "smoke.py"
    told = "{'s1_torch': {'ok': patience == '4', 'exc_type': 'Slow'}, '_done': {'ok': True}}"
    code = f"import json, os, sys\npatience = os.environ['ENVDOCTOR_LAB_PATIENCE']\nwith open(sys.argv[2], 'w') as file:\n    json.dump({told}, file)\n"
    program.write_text(code)
    monkeypatch.setattr("envdoctor.lab.case.SMOKE", str(program))
    assert attempt(Wanted(id="a", install=("numpy==2",)), settings, os.environ)["verdict"] == "works"


def test_a_child_that_never_starts_its_first_stage_has_failed_there(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("envdoctor.lab.case.SMOKE", str(tmp_path / "nowhere"))
    assert attempt(Wanted(id="a", install=("numpy==2",)), settings, os.environ)["first_failure"] == "s1_torch"


def test_time_is_up_for_a_child_and_for_what_it_started(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    inner = f"import time; time.sleep(1.4); open({str(mark)!r}, 'w')"
    outer = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {inner!r}]); time.sleep(60)"
    told = children.run([sys.executable, "-c", outer], 0.8)
    assert told.code is None
    time.sleep(1.4)
    assert not mark.exists()


def test_a_stop_ends_running_children_and_lets_none_start() -> None:
    seen: list[BaseException] = []

    def work() -> None:
        try:
            children.run([sys.executable, "-c", "import time; time.sleep(60)"], 60)
        except BaseException as error:
            seen.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    while not children._RUNNING:
        time.sleep(0.01)
    children.stop_all()
    thread.join(10)
    assert isinstance(seen[0], children.Stopped)
    with pytest.raises(children.Stopped):
        children.run([sys.executable, "-c", ""], 5)


def test_a_run_that_is_left_early_removes_its_environments(settings: Settings) -> None:
    sets = [Wanted(id=name, install=("numpy==2",)) for name in "abc"]
    results = workers.try_all(sets, settings, os.environ, 2)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert os.listdir(settings.folder) == []


def test_sets_of_one_torch_are_tried_together_and_its_files_leave_the_cache(settings: Settings, uv: Path) -> None:
    tried = []

    def trial(wanted: Wanted, _: Settings, __: Any) -> dict[str, Any]:
        tried.append(wanted.id)
        return {"id": wanted.id, "packages": {"torch": "2", "nvidia-cublas-cu12": "1", "numpy": "2"}}

    sets = [Wanted(id=name, install=(f"torch=={torch} x",)) for name, torch in (("a", "2.6.0"), ("b", "2.5.1"), ("c", "2.6.0"))]
    full = settings.replace(limits=Limits(free=0, cache=0))
    assert [record["id"] for _, record in workers.try_all(sets, full, os.environ, 1, trial)] == ["b", "a", "c"] == tried
    assert (uv.parent / "cleaned").read_text() == "nvidia-cublas-cu12 torch\n"


def test_a_disk_that_is_full_stops_the_lab(settings: Settings) -> None:
    with pytest.raises(LabError, match="GB of the disk are free"), Environment(settings.replace(limits=Limits(free=1 << 60)), os.environ):
        pass
    assert os.listdir(settings.folder) == []


def test_what_a_child_leaves_behind_goes_with_its_environment(settings: Settings) -> None:
    with Environment(settings, os.environ) as made:
        told = made.run(["-c", "import os, tempfile; print(tempfile.mkdtemp()); print(os.getcwd())"])
        places = told.out.split()
        assert all(place.startswith(made.root) and os.path.isdir(place) for place in places)
    assert not any(map(os.path.exists, places))


def test_what_a_killed_lab_left_is_swept_and_a_living_one_kept(tmp_path: Path) -> None:
    for name in (f"{PREFIX}999999999-x", f"{PREFIX}{os.getpid()}-x", "other"):
        (tmp_path / name).mkdir()
    sweep(str(tmp_path))
    assert sorted(os.listdir(tmp_path)) == sorted([f"{PREFIX}{os.getpid()}-x", "other"])


def test_without_uv_the_lab_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(LabError, match="pip install uv"):
        find_uv({"PATH": str(tmp_path)})


def test_what_a_user_told_pip_reaches_uv_and_what_would_leak_does_not() -> None:
    told = surroundings({"PIP_FIND_LINKS": "/wheels", "PIP_INDEX_URL": "a", "UV_DEFAULT_INDEX": "b", "PYTHONPATH": "/x", "HOME": "/h"})
    assert (told["UV_FIND_LINKS"], told["UV_DEFAULT_INDEX"], told["UV_LINK_MODE"], told["HOME"]) == ("/wheels", "b", "hardlink", "/h")
    assert "PYTHONPATH" not in told


def test_the_newest_cpu_torch_of_the_wheel_folders(tmp_path: Path) -> None:
    assert local_cpu_torch({"PIP_FIND_LINKS": str(tmp_path)}) == ""
    for version in ("2.9.1+cpu", "2.13.0+cpu", "2.14.0"):
        (tmp_path / f"torch-{version}-cp311-cp311-linux_x86_64.whl").touch()
    assert local_cpu_torch({"PIP_FIND_LINKS": f"/nowhere {tmp_path}"}) == local_cpu_torch({}, [str(tmp_path)]) == "torch==2.13.0+cpu"


def test_the_index_is_asked_once_and_none_is_an_answer(settings: Settings, uv: Path) -> None:
    index = Index(settings, os.environ)
    assert (index.newest("torch", "2025-01-01"), index.oldest("torch"), index.newest("none")) == ("1.2.3", "1.2.3", "")
    with pytest.raises(LabError, match="the index burns"):
        index.newest("fire")
    uv.unlink()
    assert index.newest("torch", "2025-01-01") == "1.2.3"


class Prove:
    """A rule as far as `observe` looks at it."""

    id = "a-rule"

    def __init__(self, run: str, error: str) -> None:
        self.repro = Reproduction(install=("numpy==2",), run=run, error=error)


@pytest.mark.parametrize(
    ("run", "error", "faulty", "outcome"),
    [
        ("raise ValueError('it breaks')", "it breaks", True, AS_EXPECTED),
        ("raise ValueError('it breaks')", "it b.*s", False, OTHERWISE),
        ("raise ValueError('of another kind')", "it breaks", False, ANOTHER),
        ("assert False", "no error: all is well", False, AS_EXPECTED),
        ("pass", "it breaks", True, OTHERWISE),
        ("pass", "it breaks", False, AS_EXPECTED),
        ("import sys; print('careful', file=sys.stderr)", "careful", True, AS_EXPECTED),
        ("print('bf16')", "no error: prints bf16", True, AS_EXPECTED),
        ("print('fp32')", "no error: prints bf16", True, OTHERWISE),
        ("something_unheard_of.train()", "it breaks", True, NOT_RUN),
    ],
)
def test_a_reproduction_is_seen_or_not(run: str, error: str, faulty: bool, outcome: str, settings: Settings) -> None:
    side = Side(label="as written", install=("numpy==2",), faulty=faulty)
    seen = observe(Prove(run, error), side, settings, os.environ)  # type: ignore[arg-type]
    assert seen.outcome == outcome, seen.said
    assert seen.packages == {"numpy": "2", "setuptools": "65.5.0"}
    assert os.listdir(settings.folder) == []


def test_a_side_that_is_another_set_than_asked_for_was_not_run(settings: Settings) -> None:
    side = Side(label="x", install=("numpy==2", "impossible==1"), faulty=True)
    assert observe(Prove("pass", "x"), side, settings, os.environ).outcome == NOT_RUN  # type: ignore[arg-type]


def test_an_error_in_the_words_of_a_run_that_ended_well_is_none() -> None:
    assert not shows("breaks", children.Ran(code=0, out="breaks", err="", seconds=0.0))
    assert not shows("br(eaks", children.Ran(code=1, out="", err="other", seconds=0.0))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('id = "a"\n\n[repro]\nrun = "x"\nreproduced = 2025-01-01  # seen\n', 'id = "a"\n\n[repro]\nrun = "x"\nreproduced = 2026-11-25  # seen\n'),
        ('id = "a"\n\n[repro]\nrun = "x"\n\n[[evidence]]\nurl = ""\n', 'id = "a"\n\n[repro]\nrun = "x"\nreproduced = 2026-11-25\n\n[[evidence]]\nurl = ""\n'),
        ('id = "a"\n', 'id = "a"\n'),
    ],
)  # fmt: skip
def test_a_date_is_written_and_nothing_else_changes(text: str, wanted: str) -> None:
    assert date_reproduced(text, "2026-11-25") == wanted


def test_every_rule_that_can_be_run_takes_the_date(tmp_path: Path) -> None:
    from envdoctor.knowledge.load import read_rules
    from envdoctor.knowledge.parse import parse_rule

    for rule in read_rules(RULES):
        if rule.repro.run:
            path = Path(RULES, rule.family, f"{rule.id}.toml")
            dated = parse_rule(date_reproduced(path.read_text("utf-8"), "2031-01-02"), path.name, rule.family)
            assert dated.repro == rule.repro.replace(reproduced="2031-01-02"), rule.id


# The command line


def test_a_run_is_kept_told_and_gone_on_with(
    uv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("envdoctor.lab.environment.find_uv", lambda _: str(uv))
    sets = tmp_path / "sets.json"
    sets.write_text('[{"id": "a", "install": ["numpy==2.0.1 pandas==3.1.1"]}, {"id": "b", "install": ["impossible==1"]}]')
    words = ["lab", "run", str(sets), "--into", str(tmp_path / "runs"), "--keep-free", "0", "-j", "1"]
    assert main(words) == 0
    first = capsys.readouterr()
    assert "really breaks" in first.out
    assert "uninstallable 1" in first.out
    assert first.err.splitlines() == ["1/2 a breaks s1_torch", "2/2 b uninstallable "]
    assert main(words) == 0
    second = capsys.readouterr()
    assert (second.out, second.err) == (first.out, "")
    assert main(["lab", "report", str(tmp_path / "runs"), "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(one["id"], one["really"]) for one in told["sets"]] == [("a", "breaks"), ("b", "uninstallable")]


def test_a_sample_can_be_looked_at_without_installing(
    uv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("envdoctor.lab.environment.find_uv", lambda _: str(uv))
    monkeypatch.chdir(tmp_path)
    words = ["lab", "sample", "12", "--seed", "4", "--until", "2026-11-25", "--torch", "torch==2.13.0+cpu", "--dry-run"]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert told.startswith("s4-000  i-contemporaneous: the resolver's choice on ")
    assert main(words) == 0
    assert capsys.readouterr().out == told
    assert os.listdir(tmp_path) == ["tools"]


def test_judgements_are_those_of_check(tmp_path: Path) -> None:
    sick = {"torch": "2.5.1", "torchao": "0.14.1", "transformers": "4.56.2", "accelerate": "1.10.1", "numpy": "2.1.0", "datasets": "4.1.1"}
    said = lab.judgement({"python": "3.11.7", "packages": {**sick, "trl": "0.23.1", "peft": "0.17.1"}})
    assert said is not None
    assert said.verdict == "unfit"
    assert any({"torch", "torchao"} <= packages for _, packages, _ in said.errors)
    assert lab.judgement({"python": "3.11.7", "packages": {}}) is None


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["lab", "prov"], 2, "no such action"),
        (["lab", "prove"], 2, "name rules, or give --all"),
        (["lab", "prove", "no-such-rule"], 2, "no such rule"),
        (["lab", "prove", "gpus-hidden-by-variable"], 2, "has no reproduction that can be run"),
        (["lab", "sample", "many"], 2, "no number of sets"),
        (["lab", "sample", "3", "--until", "soon"], 2, "no date such as"),
        (["lab", "report", "nowhere.jsonl"], 3, "nowhere.jsonl"),
        (["lab", "run", "nowhere.json"], 3, "nowhere.json"),
        (["lab", "add", "nowhere.json", "--fixtures", "nowhere"], 2, "no fixtures/realruns here"),
    ],
)
def test_a_mistake_is_told_with_what_to_do(
    words: list[str], code: int, said: str, uv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == code
    assert said in capsys.readouterr().err


def test_a_cluster_without_ray_is_told_so(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(LabError, match="pip install ray"):
        next(workers.try_on_cluster([], settings, os.environ, "auto"))


def test_a_cluster_gets_every_set_and_its_own_uv(settings: Settings, uv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pretended cluster of one machine: what ray itself does is ray's affair."""
    said: dict[str, Any] = {}
    pretended = type(sys)("ray")
    pretended.init = lambda **told: said.update(told)  # type: ignore[attr-defined]
    pretended.shutdown = lambda: said.update(over=True)  # type: ignore[attr-defined]
    pretended.get = lambda reference: reference()  # type: ignore[attr-defined]
    pretended.wait = lambda references, num_returns: (references[:num_returns], references[num_returns:])  # type: ignore[attr-defined]
    pretended.remote = lambda **_: lambda work: type("Distant", (), {"remote": staticmethod(lambda *told: lambda: work(*told))})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ray", pretended)
    monkeypatch.setattr(environment, "find_uv", lambda _: str(uv))
    sets = [Wanted(id=name, install=(step,)) for name, step in (("a", "numpy==2"), ("b", "impossible==1"))]
    results = dict(workers.try_on_cluster(sets, settings, os.environ, "there:6379"))
    assert [results[one]["verdict"] for one in sets] == ["breaks", "uninstallable"]
    assert (said["address"], said["over"]) == ("there:6379", True)
    assert os.path.basename(said["runtime_env"]["py_modules"][0]) == "envdoctor"
