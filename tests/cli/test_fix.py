"""`envdoctor fix` as a person meets it: without an index over the shipped atlas, and with a real uv over a folder of tiny wheels."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shlex
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from envdoctor.cli import main
from envdoctor.knowledge.atlas.load import open_atlas
from envdoctor.model.requirements import marker_variables
from envdoctor.repair.metadata import Metadata
from envdoctor.repair.patient import exact
from tests.repair.tiny import UV, environment, versions, wheel

ONLINE = ("--no-config", "--platform", "macos-arm64", "--python-version", "3.11", "--gpus", "0")
jsonschema = pytest.importorskip("jsonschema")
SCHEMA: dict[str, Any] = json.loads(files("envdoctor.cli").joinpath("fix.schema.json").read_text("utf-8"))
MACHINE = ("--offline", "--no-config", "--platform", "linux-x86_64", "--python-version", "3.11", "--gpus", "0")
SICK = "# what we train with\ntorch==2.5.1\ntorchao==0.14.1  # quantised\ntransformers==4.57.1\npeft==0.17.1\n"
needs_uv = pytest.mark.skipif(not UV, reason="needs uv")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_STATE_HOME", "UV_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere" / name))
    for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("COLUMNS", "80")
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    return project


def fix(capsys: pytest.CaptureFixture[str], *words: str, code: int, machine: tuple[str, ...] = MACHINE) -> str:
    found = main(["fix", *machine, *words])
    printed = capsys.readouterr()
    assert found == code, printed.out + printed.err
    return printed.err if code in (2, 3) else printed.out


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int, machine: tuple[str, ...] = MACHINE) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(fix(capsys, "--plan", "json", *words, code=code, machine=machine))
    jsonschema.validate(document, SCHEMA)
    return document


# What is shown


def test_faults_plan_difference_and_command_are_shown_and_nothing_is_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "r.txt").write_text(SICK)
    shown = fix(capsys, "r.txt", code=1)
    assert shown.startswith("error     torchao 0.14.1 reads torch.int1 at import; torch 2.5.1 has no such\n          dtype\n")
    for part in ("plan      1 of your versions changes, torch stays", "torchao 0.14.1 → 0.12.0", "-torchao==0.14.1  # quantised\n",
                 "+torchao==0.12.0  # quantised\n", "or 2 ", "do        envdoctor fix "):  # fmt: skip
        assert part in shown
    assert "\x1b" not in shown
    assert max(len(line) for line in shown.splitlines() if not line.startswith("do ")) <= 80, "a command is to be pasted whole"
    assert (folder / "r.txt").read_text() == SICK
    assert not list(folder.parent.joinpath("elsewhere").rglob("journal.json"))


def test_colour_is_for_who_asks(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "r.txt").write_text(SICK)
    assert "\x1b[" in fix(capsys, "r.txt", "--color", "always", code=1)
    assert "\x1b" not in fix(capsys, "r.txt", "--color", "never", code=1)


def test_quiet_leaves_out_the_faults_and_other_ways(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "r.txt").write_text(SICK)
    shown = fix(capsys, "r.txt", "-q", code=1)
    assert "error" not in shown
    assert "or 2" not in shown
    assert "+torchao==0.12.0" in shown


def test_a_set_that_is_fit_stays(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = SICK.replace("0.14.1", "0.12.0")
    (folder / "r.txt").write_text(text)
    assert fix(capsys, "r.txt", code=0) == "fit       nothing to repair: r.txt stays as it is\n"
    fix(capsys, "--write", "r.txt", code=0)
    assert (folder / "r.txt").read_text() == text
    document = told(capsys, "r.txt", code=0)
    assert (document["verdict"], document["plan"], document["alternatives"]) == ("fit", None, [])
    assert fix(capsys, "--plan", "diff", "r.txt", code=0) == ""


def test_json_holds_what_its_schema_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "r.txt").write_text(SICK)
    document = told(capsys, "r.txt", code=1)
    plan = document["plan"]
    assert document["verdict"] == "unfit"
    assert [finding["rule"] for finding in document["findings"]] == ["torchao-uses-int1-dtypes-torch-lacks"]
    assert plan["resolves"] == document["findings"]
    assert [(move["name"], move["from"], move["to"]) for move in plan["moves"] if move["named"]] == [("torchao", "0.14.1", "0.12.0")]
    assert [(change["from"], change["to"], change["file"], change["line"]) for change in plan["changes"]] == [
        ("==0.14.1", "==0.12.0", "r.txt", 3)
    ]
    (edit,) = plan["edits"]
    assert SICK[edit["start"] : edit["end"]] == edit["old"]
    assert SICK[: edit["start"]] + edit["new"] + SICK[edit["end"] :] == SICK.replace("0.14.1", "0.12.0")
    assert [change["name"] for change in document["alternatives"][0]["changes"]] == ["torch"]
    assert set(document) == set(SCHEMA["properties"])


def test_a_difference_alone_is_a_patch(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "r.txt").write_text(SICK)
    lines = fix(capsys, "--plan", "diff", "r.txt", code=1).splitlines()
    assert [line[:4] for line in lines[:2]] == ["--- ", "+++ "]
    assert [line for line in lines[2:] if line[0] in "+-"] == ["-torchao==0.14.1  # quantised", "+torchao==0.12.0  # quantised"]


def test_the_command_that_is_shown_makes_the_change_that_is_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "r.txt").write_text(SICK)
    asked = ("--freeze", "r.txt", "--choose", "2", "--for", "sft")
    command = fix(capsys, *asked, "-q", code=1).partition("\ndo        ")[2].strip()
    assert fix(capsys, *asked, "--script", code=1) == command + "\n"
    assert shlex.split(command)[:3] == ["envdoctor", "fix", "--write"]
    assert set(shlex.split(command)[3:]) == {*asked, *MACHINE}, "the same machine is asked for"
    assert main(shlex.split(command)[1:]) == 0
    assert "torch==2.6.0" in (folder / "r.txt").read_text()


# What is written


def test_what_is_written_can_be_undone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = SICK.replace("\n", "\r\n").encode()
    (folder / "r.txt").write_bytes(data)
    shown = fix(capsys, "--write", "r.txt", code=0)
    assert "written   r.txt" in shown
    assert "undo      envdoctor undo" in shown
    assert (folder / "r.txt").read_bytes() == data.replace(b"0.14.1", b"0.12.0")
    assert fix(capsys, "r.txt", code=0).startswith("fit ")
    assert main(["undo"]) == 0
    assert (folder / "r.txt").read_bytes() == data


def test_another_way_out_is_chosen_by_its_number(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "r.txt").write_text(SICK)
    fix(capsys, "--choose", "2", "--output", "new.txt", "r.txt", code=0)
    assert (folder / "r.txt").read_text() == SICK
    assert (folder / "new.txt").read_text() == SICK.replace("torch==2.5.1", "torch==2.6.0")
    assert "ways out" in fix(capsys, "--choose", "9", "r.txt", code=2)


def test_what_is_to_be_kept_never_moves(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "r.txt").write_text(SICK)
    plan = told(capsys, "--keep", "TorchAO", "r.txt", code=1)["plan"]
    assert [(change["name"], change["to"]) for change in plan["changes"]] == [("torch", "==2.6.0")]
    assert "is not among the" in fix(capsys, "--keep", "rich-text", "r.txt", code=2)


def test_what_cannot_be_is_impossible_and_says_why(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "r.txt").write_text(SICK)
    document = told(capsys, "--keep", "torch,torchao", "r.txt", code=1)
    assert (document["verdict"], document["plan"]) == ("impossible", None)
    assert "torchao" in document["conflict"]
    assert sorted(document["core"]) == ["torch==2.5.1", "torchao==0.14.1"]
    assert document["possible_without"] == ["torch", "torchao"]
    shown = fix(capsys, "--keep", "torch,torchao", "r.txt", code=1)
    assert "no way " in shown
    assert "drop torch: " in shown


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--apply", "r.txt"), "--apply changes an environment"),
        (("--apply", "--write", "r.txt"), "give one of them"),
        (("--write",), "name it"),
        (("--choose", "0", "r.txt"), "counted from 1"),
        (("--prove", "r.txt"), "--offline forbids"),
        (("--plan", "xml", "r.txt"), "xml"),
    ],
)
def test_contradictions_are_wrong_usage(words: tuple[str, ...], part: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "r.txt").write_text(SICK)
    assert part in fix(capsys, *words, code=2)
    assert (folder / "r.txt").read_text() == SICK


def test_a_file_that_is_not_there_cannot_be_repaired(capsys: pytest.CaptureFixture[str]) -> None:
    assert "none.txt" in fix(capsys, "none.txt", code=3)


# Formats

WAYS: dict[str, str] = {
    "pyproject.toml": (
        '[project]\nname = "x"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = [\n  "torch==2.5.1",  # the build of the cluster\n'
        "  \"torchao==0.14.1 ; sys_platform == 'linux'\",\n]\n"
    ),
    "environment.yml": (
        "name: x\nchannels: [conda-forge]\ndependencies:\n  - python=3.11\n  - pip\n  - pip:\n    - torch==2.5.1\n    - torchao==0.14.1  # kept\n"
    ),
    "requirements.txt": "torch==2.5.1\ntorchao[dev]==0.14.1 \\\n    ; python_version >= '3.8'\n",
}


def is_cured(before: str, after: str) -> bool:
    """Tell whether nothing but the version of torchao differs, and that is one which goes with torch 2.5."""
    found = re.search(r"torchao(?:\[dev\])?==(0\.\d+\.\d+)(?! ; sys_platform == \"darwin\")", after)
    return found is not None and found[1] != "0.14.1" and int(found[1].split(".")[1]) < 13 and after == before.replace("0.14.1", found[1])


@pytest.mark.parametrize("name", WAYS)
def test_only_the_version_changes_in_every_format(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = WAYS[name]
    (folder / name).write_text(text)
    fix(capsys, "--write", name, code=0)
    assert is_cured(text, (folder / name).read_text())
    fix(capsys, name, code=0)


def test_lines_for_other_platforms_stay(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = 'torchao==0.15.0 ; sys_platform == "darwin"\n'
    text = f'torch==2.5.1\n{other}torchao==0.14.1 ; sys_platform == "linux"\n'
    (folder / "r.txt").write_text(text)
    fix(capsys, "--write", "r.txt", code=0)
    after = (folder / "r.txt").read_text()
    assert other in after
    assert is_cured(text.replace(other, ""), after.replace(other, ""))


def test_the_file_is_edited_that_holds_the_version(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "r.txt").write_text("-r more/base.txt\n-c limits.txt\ntorchao\n")
    (folder / "more").mkdir()
    (folder / "more" / "base.txt").write_text("torch==2.5.1\n")
    (folder / "limits.txt").write_text("torchao==0.14.1\nnumpy<3\n")
    fix(capsys, "--write", "r.txt", code=0)
    assert (folder / "r.txt").read_text() == "-r more/base.txt\n-c limits.txt\ntorchao\n"
    assert (folder / "more" / "base.txt").read_text() == "torch==2.5.1\n"
    assert is_cured("torchao==0.14.1\nnumpy<3\n", (folder / "limits.txt").read_text())


def test_a_lock_file_is_repaired_where_it_is_made_from(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = '[project]\nname = "x"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = ["torch==2.5.1", "torchao==0.14.1"]\n'
    packages = "".join(
        f'[[package]]\nname = "{name}"\nversion = "{version}"\nsource = {{ registry = "https://example.org/simple" }}\n\n'
        for name, version in (("torch", "2.5.1"), ("torchao", "0.14.1"))
    )
    lock = f'version = 1\nrequires-python = ">=3.11"\n\n{packages}[[package]]\nname = "x"\nversion = "0"\nsource = {{ virtual = "." }}\n'
    lock += 'dependencies = [\n    { name = "torch" },\n    { name = "torchao" },\n]\n'
    (folder / "pyproject.toml").write_text(text)
    (folder / "uv.lock").write_text(lock)
    shown = fix(capsys, "--write", "uv.lock", code=0)
    assert is_cured(text, (folder / "pyproject.toml").read_text())
    assert (folder / "uv.lock").read_text() == lock
    assert "next      uv lock" in shown


# With uv, over a folder of wheels


def releases(folder: Path, system: str, machine: str) -> list[str]:
    """Make empty releases with the names and versions that rules are about, and all that the real ones declare; return the older set."""
    metadata, made = Metadata(open_atlas()), dict[tuple[str, str], None]()
    pending = [("torch", "2.5.1"), ("torchao", "0.14.1"), ("mine", "1.0"), ("torch", "2.6.0"), ("torchao", "0.12.0")]
    while pending:
        name, version = pending.pop(0)
        if (name, version) in made:
            continue
        made[name, version] = None
        needs = metadata.needs(name, version, marker_variables(system, machine, "3.11"))
        wheel(folder, name.replace("-", "_"), version, *(f"{other}{told}" for other, told in needs.items()))
        pending += [(other, exact(told) or "99") for other, told in needs.items()]
    first: dict[str, str] = {}
    for name, version in made:
        first.setdefault(name, version)
    return [f"{name}=={version}" for name, version in first.items() if name != "mine"]


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    releases(tmp_path / "wheels", "macos", "arm64")
    return tmp_path / "wheels"


def options(wheels: Path) -> str:
    return f"--no-index\n--find-links {wheels}\n"


@needs_uv
def test_uv_takes_the_folder_that_the_file_names(folder: Path, wheels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = options(wheels) + "torch==2.5.1\ntorchao\n"
    (folder / "r.txt").write_text(text)
    document = told(capsys, "r.txt", code=1, machine=ONLINE)
    assert document["resolver"] == "uv"
    assert [(move["name"], move["from"], move["to"]) for move in document["plan"]["moves"]] == [("torchao", "0.14.1", "0.12.0")]
    fix(capsys, "--write", "r.txt", code=0, machine=ONLINE)
    after = (folder / "r.txt").read_text()
    assert after.startswith(options(wheels) + "torch==2.5.1\ntorchao<")
    assert "torchao<0.14.1" in after or "torchao<=0.12.0" in after or "torchao<0.13.0" in after, (
        "what was left open gets a bound, not a pin"
    )
    fix(capsys, "r.txt", code=0, machine=ONLINE)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def index(wheels: Path) -> Iterator[str]:
    """Serve a folder of wheels as a package index, which tells their hashes, and return its address."""
    for path in wheels.glob("*.whl"):
        page = wheels / "simple" / path.name.partition("-")[0].replace("_", "-") / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        with page.open("a") as file:
            file.write(f'<a href="../../{path.name}#sha256={hashlib.sha256(path.read_bytes()).hexdigest()}">{path.name}</a>\n')
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(wheels)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/simple/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@needs_uv
def test_hashes_are_made_again(folder: Path, wheels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def digest(name: str) -> str:
        return "--hash=sha256:" + hashlib.sha256((wheels / f"{name}-py3-none-any.whl").read_bytes()).hexdigest()

    with index(wheels) as address:
        text = f"-i {address}\ntorch==2.5.1 \\\n    {digest('torch-2.5.1')}\ntorchao==0.14.1 \\\n    {digest('torchao-0.14.1')}\n"
        (folder / "r.txt").write_text(text)
        fix(capsys, "--write", "r.txt", code=0, machine=ONLINE)
    wanted = text.replace("0.14.1 ", "0.12.0 ").replace(digest("torchao-0.14.1"), digest("torchao-0.12.0"))
    assert (folder / "r.txt").read_text() == wanted


@needs_uv
def test_a_wheel_at_a_path_stays_where_it_is(folder: Path, wheels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = f"mine @ file://{wheels}/mine-1.0-py3-none-any.whl\n"
    (folder / "r.txt").write_text(options(wheels) + line + "torch==2.5.1\ntorchao==0.14.1\n")
    fix(capsys, "--write", "r.txt", code=0, machine=ONLINE)
    assert (folder / "r.txt").read_text() == options(wheels) + line + "torch==2.5.1\ntorchao==0.12.0\n"


@needs_uv
@pytest.mark.skipif(platform.system() != "Linux" or platform.machine() != "x86_64", reason="the releases are made for this platform")
def test_an_environment_is_repaired_and_comes_back(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = tmp_path / "here"
    python = environment(folder / "env", made, *releases(made, "linux", "x86_64"))
    (folder / "uv.toml").write_text(f'no-index = true\nfind-links = ["{made}"]\n')
    before = versions(python)
    here = ("--no-config", "--python", str(folder / "env"))
    assert "torchao 0.14.1 → 0.12.0" in fix(capsys, code=1, machine=here)
    assert "torchao==0.12.0" in fix(capsys, "--script", code=1, machine=here)
    fix(capsys, "--apply", "-q", code=0, machine=here)
    assert versions(python) == {**before, "torchao": "0.12.0"}
    assert main(["undo", "-q"]) == 0
    assert versions(python) == before
