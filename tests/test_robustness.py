"""What is promised of bad input and bad surroundings: a clear answer in time, no traceback, nothing run, nothing sent, nothing damaged."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from envdoctor.cli import main
from envdoctor.facts import nvidia
from envdoctor.facts.distributions import installed
from envdoctor.facts.host import LocalHost
from envdoctor.model.facts import TIMED_OUT
from envdoctor.report import FORMATS
from tests.conftest import ROOT
from tests.facts.test_distributions import make

SOURCE = os.path.join(ROOT, "src")
CODES = {0, 1, 2, 3, 130}
PATIENCE = 20  # seconds after which an answer counts as none
SICK = "torch==2.5.1\ntorchao==0.14.1\ntransformers==4.56.2\naccelerate==1.10.1\nnumpy==2.1.0\n"
DIGITS = "9" * 5000  # more than Python converts to a number

posix = pytest.mark.skipif(os.name != "posix", reason="named pipes, links and signals of POSIX")


class Answer:
    """What a command line answered."""

    def __init__(self, code: int, out: str, err: str, most: int = 3) -> None:
        self.code, self.out, self.err = code, out, err
        told = f"exit {code}\n{out[-2000:]}\n{err[-4000:]}"
        assert code in CODES, told
        assert "Traceback" not in out + err, told
        assert "defect of envdoctor" not in err, told
        assert "failed to run" not in out, told  # a rule that crashed
        assert "\x1b" not in out + err, "an escape sequence reached the terminal"
        assert len(err.splitlines()) <= most, told
        if code in (2, 3):
            assert err.startswith("envdoctor: "), told


@contextlib.contextmanager
def in_time() -> Iterator[None]:
    """Fail a test whose body hangs, also in a system call."""

    def late(*_: object) -> None:
        raise AssertionError(f"no answer within {PATIENCE} s")

    if os.name != "posix":
        yield
        return
    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Any:
    def asked(*words: str | Path) -> Answer:
        capsys.readouterr()
        with in_time():
            code = main([str(word) for word in words])
        told = capsys.readouterr()
        return Answer(code, told.out, told.err)

    return asked


def command(*words: str | Path, python: tuple[str, ...] = (), **more: str | None) -> tuple[list[str], dict[str, str]]:
    environ = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "CONDA_PREFIX", "ENVDOCTOR")}
    environ["PYTHONPATH"] = SOURCE
    for name, value in more.items():
        if value is None:
            environ.pop(name, None)
        else:
            environ[name] = value
    return [sys.executable, *python, "-m", "envdoctor", *map(str, words)], environ


def start(*words: str | Path, python: tuple[str, ...] = (), cwd: Path | None = None, **more: str | None) -> Answer:
    """Run a real process; `more` are environment variables, None for one that is not set."""
    line, environ = command(*words, python=python, **more)
    done = subprocess.run(line, capture_output=True, env=environ, cwd=cwd, timeout=PATIENCE, check=False)
    return Answer(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


def write(path: Path, data: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape"))
    return path


def venv(folder: Path, **versions: str) -> Path:
    """Make a virtual environment of files alone and return its site-packages."""
    site = folder / "lib" / "python3.11" / "site-packages"
    site.mkdir(parents=True)
    write(folder / "pyvenv.cfg", "home = /nowhere/bin\nversion = 3.11.4\n")
    for name, version in versions.items():
        make(site, name, version, f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n")
    return site


# What the issue names


@posix
def test_a_damaged_environment_is_judged_all_the_same(tmp_path: Path, ask: Any) -> None:
    site = venv(tmp_path / "env", torch="2.5.1", torchao="0.14.1")
    make(site, "truncated", "1.0", b"Metadata-Ver")
    make(site, "latin", "1.0", "Metadata-Version: 2.1\nName: latin\nVersion: 1.0\nAuthor: J\xfcrgen\n\n".encode("latin-1"))
    make(site, "unversioned", "1.0", "Metadata-Version: 2.1\nName: unversioned\nVersion: not a version\n\n")
    (site / "loop").symlink_to(site)
    (site / "loop-1.0.dist-info").symlink_to(site / "loop-1.0.dist-info")
    told = ask("check", tmp_path / "env", "--no-config", "--format", "json")
    assert told.code == 1
    assert any({"torch", "torchao"} <= set(finding["packages"]) for finding in json.loads(told.out)["findings"])
    saved = json.loads(ask("snapshot", tmp_path / "env").out)
    assert saved["distributions"]["truncated"]["problems"] == ["METADATA is damaged: it does not begin with the headers it must have"]
    assert "problems" not in saved["distributions"]["latin"]
    assert set(saved["facts"]["environment.broken"]["value"]) == {"truncated", "unversioned", "loop"}


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("requirements.txt", "-r requirements.txt\ntorch==2.5.1\n", "include each other without end"),
        ("uv.lock", "version = 1\n[[package", "not valid TOML"),
        ("uv.lock", f"version = {DIGITS}", "cannot be read"),
        ("uv.lock", "x = " + "[" * 20000, "nested too deeply"),
        ("uv.lock", b"\x00\x01\x02\x03" * 100, "binary file"),
        ("poetry.lock", b"x" * (50 << 20), "not valid TOML"),
        ("environment.yml", "dependencies: [", "not valid YAML"),
        ("inspect.json", "[" * 100_000, "nested too deeply"),
        ("inspect.json", f"[{DIGITS}]", "cannot be read"),
        ("requirements.txt", "torch==2.5.1\r\n".encode("utf-16")[:-1], "breaks off"),
    ],
)
def test_a_file_that_cannot_be_understood_is_named_with_a_reason(name: str, data: str | bytes, said: str, tmp_path: Path, ask: Any) -> None:
    path = write(tmp_path / name, data)
    told = ask("check", path, "--no-config")
    assert told.code == 3
    assert str(path) in told.err
    assert said in told.err


def test_a_lock_file_of_50_mb_is_read(tmp_path: Path, ask: Any) -> None:
    wheel = '    { url = "https://index.example/torch.whl", hash = "sha256:' + "0" * 64 + '", size = 1 },\n'
    package = '[[package]]\nname = "{}"\nversion = "{}"\nsource = {{ registry = "https://index.example/simple" }}\nwheels = [\n{}]\n\n'
    rows = wheel * (13 << 20 >> 7)
    needs = "".join(f'    {{ name = "{pin.partition("==")[0]}" }},\n' for pin in SICK.split())
    root = f'[[package]]\nname = "mine"\nversion = "0"\nsource = {{ virtual = "." }}\ndependencies = [\n{needs}]\n\n'
    text = "version = 1\n\n" + root + "".join(package.format(*pin.split("=="), rows) for pin in SICK.split())
    path = write(tmp_path / "uv.lock", text)
    assert path.stat().st_size > 50 << 20
    assert ask("check", path, "--no-config", "--python-version", "3.11", "--platform", "linux-x86_64", "--gpus", "0").code == 1


def test_a_version_that_is_none_is_left_open(tmp_path: Path, ask: Any) -> None:
    for version in ("not.a.version!", "1..2", DIGITS, "2.5.1+\u00fc"):
        told = ask("check", "--freeze", write(tmp_path / "box.txt", f"torch=={version}\ntrl==0.20.0\n"), "--no-config")
        assert told.code == 0
        assert "unknown" in told.out


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="another user is borrowed to be refused, which takes root")
def test_an_unreadable_folder_or_file_is_named(ask: Any) -> None:
    with tempfile.TemporaryDirectory() as name:  # open to others, which pytest's own folder is not
        folder = Path(name)
        folder.chmod(0o755)
        site = venv(folder / "env", torch="2.5.1")
        box = write(folder / "box.txt", SICK)
        ask("check", folder / "env", "--no-config")
        ask("check", "--freeze", box, "--no-config")  # everything is imported now: the borrowed user need not read this checkout
        site.chmod(0)
        box.chmod(0)
        os.seteuid(65534)
        try:
            for words, path in ((("check", folder / "env"), site), (("check", "--freeze", box), box)):
                told = ask(*words, "--no-config")
                assert told.code == 3
                assert str(path) in told.err
                assert "Permission denied" in told.err
        finally:
            os.seteuid(0)


def test_a_rule_file_with_a_bad_key_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text, said in (
        ('id = "x-y"\nsevverity = "error"\n', "did you mean 'severity'"),
        (f"x = {DIGITS}", "not TOML"),
        ("x = " + "[" * 9000, "not TOML"),
    ):
        write(tmp_path / "rules" / "torch" / "x-y.toml", text)
        code = main(["rules", "lint", "--rules", str(tmp_path / "rules")])
        told = Answer(code, "", capsys.readouterr().err, most=99)  # a linter tells all defects at once
        assert told.code == 3
        assert "torch/x-y.toml" in told.err
        assert said in told.err


@posix
def test_a_rule_folder_with_something_else_in_it_is_told(tmp_path: Path, ask: Any) -> None:
    (tmp_path / "rules" / "torch").mkdir(parents=True)
    for text in ("retired = 3", "x = [", b"\x00\xff" * 9):
        write(tmp_path / "rules" / "retired.toml", text)
        told = ask("rules", "lint", "--rules", tmp_path / "rules")
        assert told.code == 3
        assert "retired.toml" in told.err
    os.mkfifo(tmp_path / "rules" / "torch" / "x-y.toml")
    told = ask("rules", "lint", "--rules", tmp_path / "rules")
    assert told.code == 3
    assert "torch/x-y.toml: is no regular file" in told.err


@posix
def test_a_tool_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alive = tmp_path / "alive"
    tool = write(tmp_path / "bin" / "nvidia-smi", f"#!/bin/sh\ntrap '' TERM INT\n(sleep 2; touch {alive}) &\nwhile :; do sleep 1; done\n")
    tool.chmod(0o755)
    monkeypatch.setattr(nvidia, "TIMEOUT", 0.3)
    before = time.monotonic()
    answer = nvidia.ask(LocalHost(environ={"PATH": f"{tool.parent}:/usr/bin:/bin"}))
    assert time.monotonic() - before < 1.5
    assert answer.reason == TIMED_OUT
    assert "no answer within 0.3 s" in answer.detail
    time.sleep(2)
    assert not alive.exists()


# Nothing is executed, nothing is sent

PLANTED = (
    "sitecustomize.py",
    "usercustomize.py",
    "torch/__init__.py",
    "torch/version.py",
    "transformers/__init__.py",
    "setup.py",
    "conftest.py",
)


@posix
def test_nothing_of_the_checked_environment_is_executed(tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    planted = f"open({str(marker)!r}, 'w').close()\n"
    site = venv(tmp_path / "env", torch="2.5.1", torchao="0.14.1", transformers="4.56.2", peft="0.17.1")
    for name in PLANTED:
        write(site / name, planted)
    write(site / "evil.pth", f"import os; open({str(marker)!r}, 'w').close()\n")
    for name in (
        "python",
        "python3",
        "nvidia-smi",
        "nvcc",
        "gcc",
        "cc",
        "ffmpeg",
        "git",
        "uv",
        "pip",
        "uname",
        "ldd",
        "rocm-smi",
        "rocminfo",
    ):
        write(tmp_path / "env" / "bin" / name, f"#!/bin/sh\ntouch {marker}\n").chmod(0o755)
    work = tmp_path / "work"
    for name in ("datasets.py", "setup.py", "train.py", "json.py", "sitecustomize.py"):
        write(work / name, planted + "import trl\ntrl.SFTTrainer(max_seq_length=1)\n")
    path = f"{tmp_path}/env/bin:.::{os.environ.get('PATH', '')}"
    _, environ = command(PATH=path, VIRTUAL_ENV=str(tmp_path / "env"), CUDA_HOME=str(tmp_path / "env"))
    for words in (
        ["check"],
        ["snapshot"],
        ["check", "train.py", "--model", "."],
        ["check", "--python", str(tmp_path / "env" / "bin" / "python")],
    ):
        # -P would do, from Python 3.11 on: the user's folder must not be on envdoctor's own path for this test
        code = f"import sys; sys.path.insert(0, {SOURCE!r}); from envdoctor.cli import run; sys.argv[1:] = {words!r}; run()"
        done = subprocess.run(
            [sys.executable, "-I", "-c", code], cwd=work, env=environ, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        Answer(done.returncode, done.stdout, done.stderr)
        assert not marker.exists(), words
    assert LocalHost(environ=environ).run([str(tmp_path / "env" / "bin" / "nvcc")], 1).status == "failed"
    assert not marker.exists()


def test_no_socket_is_opened(tmp_path: Path) -> None:
    write(
        tmp_path / "sitecustomize.py",
        "import socket\ndef refuse(*a, **k):\n    print('A SOCKET WAS OPENED')\n    raise SystemExit(77)\n"
        "socket.socket.__init__ = socket.create_connection = socket.getaddrinfo = refuse\n"
        "import _socket\n_socket.getaddrinfo = refuse\n",
    )
    write(
        tmp_path / "train.py",
        "import trl\nfrom transformers import AutoModelForCausalLM\nAutoModelForCausalLM.from_pretrained('openai/gpt-oss-20b')\n",
    )
    box = write(tmp_path / "box.txt", SICK)
    for words in (
        ["check"],
        ["snapshot"],
        ["check", "train.py", "--model", "openai/gpt-oss-20b"],
        ["check", "--freeze", str(box), "--format", "sarif"],
    ):
        told = start(*words, cwd=tmp_path, PYTHONPATH=f"{SOURCE}{os.pathsep}{tmp_path}")
        assert "A SOCKET WAS OPENED" not in told.out
        assert told.code in (0, 1)


# Hostile names, sizes and kinds of file


def hostile(site: Path) -> None:
    def told(name: str, version: str, *lines: str) -> str:
        return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(f"Requires-Dist: {line}\n" for line in lines) + "\n"

    make(site, "esc\x1b[31m", "1.0")
    make(site, "line\n::error::forged", "1.0")
    make(site, "surrogate\udcff", "1.0", b"Metadata-Version: 2.1\nName: surrogate\xff\nVersion: 1.0\n\n")
    make(site, "n" * 200, "1.0")
    make(site, "longversion", "1.0", told("longversion", DIGITS))
    make(site, "many", "1.0", told("many", "1.0", *(f"p{number}>=1" for number in range(100_000))))
    deep = "(" * 3000 + "python_version > '3'" + ")" * 3000
    odd = (
        "",
        "x" + "(" * 3000,
        "torch; " + deep,
        "torch; foo == 'x'",
        "torch; python_version ~= 'zz'",
        "torch>=\x1b[31m",
        "torch[" + "a," * 9000 + "]",
    )
    make(site, "requires", "1.0", told("requires", "1.0", *odd, "torch==1.*.*", "torch~=1", f"torch<{DIGITS}", "\0"))
    (site / "nothing.dist-info").mkdir()
    (site / ".dist-info").mkdir()
    (site / "-1.0.dist-info").mkdir()
    for name in ("pipe", "folder", "socket", "device"):
        (site / f"{name}-1.0.dist-info").mkdir()
    os.mkfifo(site / "pipe-1.0.dist-info" / "METADATA")
    (site / "folder-1.0.dist-info" / "METADATA").mkdir()
    (site / "device-1.0.dist-info" / "METADATA").symlink_to("/dev/zero")
    os.mkfifo(site / "old.egg-info")
    os.mkfifo(site / "pipe.pth")
    write(site / "odd.pth", b"\xff\x00\n/\n.\n..\n" + b"a" * 100_000 + b"\nimport os\n")
    os.mkfifo(site / "torch.egg-link")
    (site / "torch" / "lib").mkdir(parents=True)
    for name in ("version.py", "lib/libtorch_cuda.so"):
        os.mkfifo(site / "torch" / name)
    here = os.getcwd()
    os.chdir(site / "socket-1.0.dist-info")  # a socket's path may have 107 bytes only
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind("METADATA")
    finally:
        os.chdir(here)


@posix
def test_hostile_distributions_are_data_in_every_format(tmp_path: Path, ask: Any) -> None:
    site = venv(tmp_path / "env", torch="2.5.1", torchao="0.14.1", transformers="4.56.2")
    hostile(site)
    for form in FORMATS:
        told = ask("check", tmp_path / "env", "--no-config", "--format", form)
        assert told.code == 1
        assert "\n::error::forged" not in told.out
    assert ask("check", tmp_path / "env", "--no-config", "-v").code == 1
    saved = write(tmp_path / "box.json", ask("snapshot", "--python", tmp_path / "env").out)
    assert ask("check", saved, "--no-config", "--verbose").code == 1
    found = installed([str(site)]).distributions
    assert "requirements is not read" in found["many"].problems[0]
    assert found["many"].requires is not None
    assert all(line.startswith("p") and line.endswith(">=1") for line in found["many"].requires)


def test_five_thousand_distributions_take_no_long_time(tmp_path: Path, ask: Any) -> None:
    site = venv(tmp_path / "env")
    for number in range(5000):
        make(
            site, f"p{number}", "1.0", f"Metadata-Version: 2.1\nName: p{number}\nVersion: 1.0\nRequires-Dist: p{(number + 1) % 5000}>=1\n\n"
        )
    before = time.monotonic()
    assert ask("check", tmp_path / "env", "--no-config").code == 0
    assert time.monotonic() - before < 5


@pytest.mark.parametrize(
    "line",
    [
        "torch==\x1b[31m2.5",
        "\x1b]0;owned\x07==1",
        "a" * 10_000 + "==1.0",
        "x\0y==1",
        "torch" + "(" * 5000,
        "-r \x1b[2J",
        "torch @ file:///\x1b",
        "-e \udcff",
    ],
)
def test_hostile_lines_are_told_harmlessly(line: str, tmp_path: Path, ask: Any) -> None:
    box = write(tmp_path / "box.txt", "#\n" * 3000 + line + "\n" + SICK)
    for form in ("text", "github", "json"):
        ask("check", "--freeze", box, "--no-config", "--format", form)
    ask("check", box, "--no-config")


def test_a_freeze_from_powershell_is_read(tmp_path: Path, ask: Any) -> None:
    for encoding in ("utf-16", "utf-16-le", "utf-8-sig"):
        box = write(tmp_path / "box.txt", SICK.replace("\n", "\r\n").encode(encoding))
        assert (
            ask("check", "--freeze", box, "--no-config", "--python-version", "3.11", "--platform", "linux-x86_64", "--gpus", "0").code == 1
        )


@posix
def test_a_pipe_a_socket_and_a_device_are_no_files(tmp_path: Path, ask: Any) -> None:
    for name in ("box.txt", "box.json", "uv.lock", "train.py", "train.ipynb", "python3"):
        os.mkfifo(tmp_path / name)
        assert ask("check", tmp_path / name, "--no-config").code == 3
        assert ask("check", "--freeze", tmp_path / name, "--no-config").code == 3
        assert ask("check", "--python", tmp_path / name, "--no-config").code == 3
        assert ask("check", "--config", tmp_path / name).code == 2
    assert ask("check", "--freeze", "/dev/zero", "--no-config").code == 3
    os.mkdir(tmp_path / "work")
    for name in ("pyproject.toml", "envdoctor.toml", "setup.py", "torch.py"):
        os.mkfifo(tmp_path / "work" / name)
    assert start("check", cwd=tmp_path / "work").code in (0, 1)
    assert start("snapshot", cwd=tmp_path / "work").code == 0


@posix
def test_a_path_that_is_a_loop_is_told(tmp_path: Path, ask: Any) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "again").symlink_to(tmp_path / "folder")
    for path in ("loop", "folder", "folder" + "/again" * 20, "folder" + "/again" * 60, "x" * 3000, "a/" * 1500):
        for words in ([], ["--python"], ["--freeze"], ["--config"]):
            assert ask("check", *words, tmp_path / path, *([] if words == ["--config"] else ["--no-config"])).code in (2, 3)


# The command line and its surroundings


@pytest.mark.parametrize(
    "option", ["--freeze", "--python", "--config", "--output", "--model", "--gpu", "--driver", "--platform", "--python-version", "--gpus"]
)
def test_an_option_without_a_value_never_asks_another_question(option: str, ask: Any) -> None:
    assert ask("check", option, "").code == 2
    if option != "--gpus":
        assert ask("check", f"{option}=").code == 2


@pytest.mark.parametrize(
    "words",
    [
        ["--gpus", DIGITS],
        ["--gpu", DIGITS + "GB"],
        ["--driver", DIGITS],
        ["--python-version", DIGITS],
        ["--driver", "\x1b[31m"],
        ["\udcff"],
        ["--select", "["],
        ["\x1b[31m.txt"],
    ],
)
def test_odd_words_are_told(words: list[str], ask: Any) -> None:
    assert ask("check", *words, "--no-config").code in (2, 3)


@posix
def test_an_output_that_is_no_file_stays_what_it_is(tmp_path: Path, ask: Any) -> None:
    box = write(tmp_path / "box.txt", SICK)
    assert ask("check", "--freeze", box, "--no-config", "-o", os.devnull).code == 1
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    (tmp_path / "link.txt").symlink_to(tmp_path / "report.txt")
    assert ask("check", "--freeze", box, "--no-config", "-o", tmp_path / "link.txt").code == 1
    assert (tmp_path / "link.txt").is_symlink()
    assert "torchao" in (tmp_path / "report.txt").read_text()
    for path in (tmp_path, tmp_path / "nowhere" / "x", box / "x"):
        assert ask("check", "--freeze", box, "--no-config", "-o", path).code == 2
    assert sorted(os.listdir(tmp_path)) == ["box.txt", "link.txt", "report.txt"]
    assert "torchao" in start("check", "--freeze", box, "--no-config", "-o", "/dev/stdout").out


@posix
@pytest.mark.parametrize("words", ["check --freeze box.txt --no-config", "rules list", "snapshot", "--help", "nonsense"])
def test_closed_and_full_streams_change_no_exit_code(words: str, tmp_path: Path) -> None:
    write(tmp_path / "box.txt", SICK)
    line, environ = command()
    plain = " ".join(line) + " " + words

    def through(shell: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", "-c", shell], capture_output=True, text=True, env=environ, cwd=tmp_path, timeout=PATIENCE, check=False
        )

    usual = through(plain).returncode
    for end in (">&-", "2>&-", ">&- 2>&-", "| head -c 1 >/dev/null"):
        done = through(f"{plain} {end}")
        assert "Traceback" not in done.stderr, end
        if "|" not in end:
            assert done.returncode == usual, end
    if os.path.exists("/dev/full"):
        done = through(f"{plain} >/dev/full")
        assert "Traceback" not in done.stderr
        if words.startswith(("check", "rules", "snapshot")):
            assert done.returncode == 2
            assert "standard output: cannot be written" in done.stderr


@posix
def test_findings_count_even_when_the_reader_has_gone(tmp_path: Path) -> None:
    box = write(tmp_path / "box.txt", SICK)
    line, environ = command("check", "--freeze", box, "--no-config", "-v")
    with subprocess.Popen(line, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        assert child.wait(PATIENCE) == 1
        assert child.stderr.read() == b""


@pytest.mark.parametrize(
    "variables",
    [
        {"COLUMNS": "1"}, {"COLUMNS": "junk"}, {"COLUMNS": "-5"}, {"COLUMNS": DIGITS}, {"TERM": "dumb", "LANG": "C", "PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "utf-16"}, {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}, {"HOME": None, "USER": None}, {"HOME": os.devnull},
        {"PYTHONWARNINGS": "error", "PYTHONDEVMODE": "1"}, {"PYTHONWARNINGS": "error", "PYTHONWARNDEFAULTENCODING": "1"}, {"PYTHONOPTIMIZE": "2"},
        {"VIRTUAL_ENV": "/nowhere"}, {"VIRTUAL_ENV": "/dev/null", "CONDA_PREFIX": "/nowhere"}, {"PATH": None}, {"PATH": "\udcff:/dev/null::.:" + "x" * 5000},
        {"WORLD_SIZE": DIGITS, "LOCAL_RANK": DIGITS, "LD_LIBRARY_PATH": "/\x1b[31m\n::error::x:" + "z" * 50_000, "HF_HOME": "\udcff\n", "CUDA_VISIBLE_DEVICES": "\udcff"},
    ],
    ids="-".join,
)  # fmt: skip
def test_odd_surroundings_change_nothing(variables: dict[str, str | None], tmp_path: Path) -> None:
    if os.name == "nt" and "PATH" in variables:
        pytest.skip("Windows finds its libraries by PATH")
    box = write(tmp_path / "box.txt", SICK)
    assert start("check", "--freeze", box, "--no-config", **variables).code == 1
    told = start("snapshot", **variables)
    assert told.code == 0
    if "CUDA_VISIBLE_DEVICES" in variables:
        saved = write(tmp_path / "box.json", told.out)
        for form in ("text", "json"):
            assert start("check", saved, "--no-config", "--format", form).code in (0, 1)
    if "PYTHONIOENCODING" in variables:
        assert start("rules", "show", "torchao-uses-int1-dtypes-torch-lacks", **variables).code == 0


@pytest.mark.parametrize("flags", [("-O",), ("-OO",), ("-s",), ("-B",), ("-X", "utf8=0"), ("-X", "importtime")], ids=" ".join)
def test_the_interpreter_may_be_run_in_any_way(flags: tuple[str, ...], tmp_path: Path) -> None:
    line, environ = command("check", "--freeze", write(tmp_path / "box.txt", SICK), "--no-config", python=flags)
    done = subprocess.run(line, capture_output=True, text=True, env=environ, timeout=PATIENCE, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_a_missing_dependency_is_named(tmp_path: Path) -> None:
    """`-S` leaves site-packages out, as a broken installation would."""
    told = start("check", "--freeze", write(tmp_path / "box.txt", SICK), "--no-config", python=("-S",))
    assert told.code in (1, 3)
    if told.code == 3:
        assert "install envdoctor anew" in told.err


@posix
def test_a_deleted_or_read_only_folder_is_no_obstacle(tmp_path: Path) -> None:
    box = write(tmp_path / "box.txt", SICK)
    for words, code in (
        ("check", {0, 1}),
        ("snapshot", {0}),
        (f"check --freeze {box}", {1}),
        ("check .", {3}),
        ("check --python .", {3}),
        ("check train.py", {3}),
        ("check -o x", {2}),
    ):
        (tmp_path / "gone").mkdir()
        line, environ = command(*words.split())
        done = subprocess.run(
            ["/bin/sh", "-c", 'rmdir "$PWD"; exec "$@"', "sh", *line],
            capture_output=True,
            text=True,
            env=environ,
            cwd=tmp_path / "gone",
            timeout=PATIENCE,
            check=False,
        )
        assert Answer(done.returncode, done.stdout, done.stderr).code in code, words
    if os.path.isdir("/proc/self"):  # nobody can write here, not even root
        assert start("check", "--freeze", box, "--no-config", cwd=Path("/proc")).code == 1
        assert start("snapshot", cwd=Path("/proc")).code == 0
        assert start("check", "-o", "x", "--no-config", cwd=Path("/proc")).code == 2


@posix
def test_an_interrupt_ends_in_one_line_and_130(tmp_path: Path) -> None:
    lock = write(
        tmp_path / "uv.lock",
        "version = 1\n"
        + "".join(f'[[package]]\nname = "p{n}"\nversion = "1.{n}"\nsource = {{ registry = "x" }}\n' for n in range(200_000)),
    )
    line, environ = command("check", lock, "--no-config")

    def heed() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell lets its jobs in the background ignore it

    with subprocess.Popen(line, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed) as child:  # noqa: PLW1509
        time.sleep(0.6)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=PATIENCE)
        assert (child.returncode, out, err) == (130, "", "envdoctor: interrupted\n")


# Configuration, scripts, notebooks


WRONG_CONFIGS = [
    "for = []", "for = {}", "for = 1", "fail-on = [1]", "strict = 'x'", "select = 3", "select = [3]", "ignore = {}", "ignore = [3]",
    "ignore = [{ rule = 3, reason = '' }]", "ignore = [{ rule = 'x', reason = 'y', subject = [1] }]", "ignore = [{ rule = 'x', reason = 'y', expires = 3 }]",
    "ignore = [{ rule = 'x', reason = 'y', expires = 2020-01-01T00:00:00 }]", "x = " + "[" * 9000, "x = " + DIGITS, "\0", "'\x1b[31m' = 3", "'" + "a" * 5000 + "' = 1",
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG_CONFIGS, ids=range(len(WRONG_CONFIGS)))
def test_a_configuration_of_wrong_types_is_named(text: str, tmp_path: Path, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    own = write(tmp_path / "a" / "envdoctor.toml", text)
    project = write(tmp_path / "b" / "pyproject.toml", "[tool.envdoctor]\n" + text)
    for path in (own, project):
        told = ask("check", "--config", path)
        assert told.code == 2
        assert str(path) in told.err
    monkeypatch.chdir(tmp_path / "b")
    assert ask("check").code == 2


@pytest.mark.parametrize("text", ["tool = 3", "tool = [1]", "[[tool.envdoctor]]", "[tool]\nenvdoctor = 3"])
def test_a_project_file_of_wrong_shape_is_named(text: str, tmp_path: Path, ask: Any) -> None:
    assert ask("check", "--config", write(tmp_path / "pyproject.toml", text)).code == 2


def bomb(display: str, step: str, use: str) -> str:
    return f"import trl\na0 = {display}\n" + "".join(f"a{n + 1} = {step.format(f'a{n}')}\n" for n in range(45)) + use.format("a45") + "\n"


SCRIPTS: dict[str, tuple[str | bytes, set[int]]] = {
    "syntax.py": ("def f(:\n", {3}),
    "bom.py": (b"\xef\xbb\xbfimport trl\r\ntrl.SFTTrainer(max_seq_length=3)\r\n", {0, 1}),
    "utf16.py": ("import trl\r\n".encode("utf-16"), {0, 1}),
    "latin.py": ("# J\xfcrgen\nimport trl\n".encode("latin-1"), {0, 1}),
    "cookie.py": ("# -*- coding: nonsense -*-\nimport trl\n", {0, 1, 3}),
    "null.py": ("x = 1\0", {3}),
    "parentheses.py": ("x = " + "(" * 5000 + ")" * 5000, {3}),
    "minus.py": ("x = " + "-" * 100_000 + "1", {3}),
    "plus.py": ("x = " + "+".join("1" * 50_000), {3}),
    "attributes.py": ("a" + ".b" * 50_000, {3}),
    "indents.py": ("".join(" " * n + "if 1:\n" for n in range(99)) + " " * 99 + "pass", {0, 1}),
    "five-megabytes.py": ("x = 1\n" * 900_000, {3}),
    "tuples.py": (bomb("('x', 'x')", "({0}, {0})", "trl.SFTConfig(x={})"), {0, 1}),
    "tables.py": (bomb("{'k': 1}", "dict(x={0}, y={0})", "trl.SFTConfig(**{})"), {0, 1}),
    "branches.py": (
        "import trl\n" + "x = trl\n" * 300 + "".join(f"y{n} = x if x else x\nx = y{n}\n" for n in range(300)) + "x.SFTTrainer(a=x)\n",
        {0, 1},
    ),
    "numbers.py": (f"import trl\ntrl.SFTConfig(x={DIGITS})\n", {3}),
    "odd.py": ("import trl\ntrl.SFTConfig(x='\\ud800', y='\\x1b[31m', z=2**63, w=1e999, v=b'x', u=1j, t=...)\n", {0, 1}),
    "model-null.py": ("from transformers import AutoModelForCausalLM as A\nA.from_pretrained('a\\0b')\n", {0, 1}),
    "model-device.py": ("from transformers import AutoModelForCausalLM as A\nA.from_pretrained('/dev/zero')\n", {0, 1}),
    "model-long.py": (f"from transformers import AutoModelForCausalLM as A\nA.from_pretrained('{'x' * 9000}')\n", {0, 1}),
    "model-escape.py": ("from transformers import AutoModelForCausalLM as A\nA.from_pretrained('\\x1b[31m../../..')\n", {0, 1}),
    "empty.py": ("", {0, 1}),
    "cut.ipynb": ("{", {3}),
    "empty.ipynb": ("", {3}),
    "no-cells.ipynb": ('{"cells": 5}', {3}),
    "deep.ipynb": ("[" * 100_000, {3}),
    "digits.ipynb": ('{"cells": [' + DIGITS + "]}", {3}),
    "mixed.ipynb": (
        '{"cells": [{"cell_type": "code", "source": ["x=1\\n", 5]}, 7, {"cell_type": "code", "source": "%%"}, {"cell_type": "code"}]}',
        {0, 1},
    ),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_damaged_and_hostile_scripts(name: str, tmp_path: Path, ask: Any) -> None:
    text, codes = SCRIPTS[name]
    path = write(tmp_path / name, text)
    told = ask("check", path, "--no-config")
    assert told.code in codes
    if told.code == 3:
        assert str(path) in told.err
    else:
        saved = write(tmp_path / "box.json", ask("snapshot", path).out)
        assert ask("check", saved, "--no-config").code in codes
