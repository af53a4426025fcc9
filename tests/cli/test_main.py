"""The command line as a person meets it: answers, errors, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from envdoctor import __version__
from envdoctor.cli import COMMANDS, main
from envdoctor.diagnosis import check
from envdoctor.model.request import Ignore, Request, Target
from tests.conftest import ROOT

SICK = "torch==2.5.1\ntorchao==0.14.1\ntransformers==4.56.2\naccelerate==1.10.1\nnumpy==2.1.0\ndatasets==4.1.1\n"
WELL = SICK.replace("torch==2.5.1", "torch==2.6.0")
MACHINE = ["--python-version", "3.11", "--platform", "linux-x86_64", "--gpus", "0", "--no-config"]


@pytest.fixture
def box(tmp_path: Path) -> Path:
    path = tmp_path / "box.txt"
    path.write_text(SICK)
    return path


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in COMMANDS)
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"envdoctor {__version__}\n"


@pytest.mark.parametrize(
    "name",
    [
        "check",
        "snapshot",
        "fit",
        "undo",
        "completion",
        "rules list",
        "rules show",
        "rules lint",
        "rules new",
        "atlas list",
        "atlas show",
        "atlas diff",
        "atlas who-needs",
        "atlas update",
        "lab prove",
        "lab sample",
        "lab run",
        "lab report",
        "lab add",
    ],
)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*name.split(), "--help"]) == 0
    assert f"usage: envdoctor {name}" in capsys.readouterr().out


def test_findings_exit_with_1_and_a_healthy_set_with_0(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--freeze", str(box), *MACHINE]) == 1
    told = capsys.readouterr().out
    assert "torchao 0.14.1" in told
    assert "unfit" in told
    box.write_text(WELL)
    assert main(["check", "--freeze", str(box), *MACHINE]) == 0


def test_check_is_the_default_command(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--freeze", str(box), *MACHINE]) == 1


def test_json_names_the_pair(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--freeze", str(box), *MACHINE, "--for", "sft", "--format", "json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["schema"], told["verdict"], told["uses"]["import torchao"]) == (1, "unfit", "unfit")
    assert any({"torch", "torchao"} <= set(finding["packages"]) for finding in told["findings"])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["chekc"], 2, "did you mean 'check'?"),
        (["check", "nowhere.txt"], 3, "nowhere.txt"),
        (["check", "--python", "/nowhere/bin/python"], 3, "there is no such interpreter"),
        (["check", "--for", "poetry"], 2, "invalid choice"),
        (["check", "--gpus", "many"], 2, "not a whole number"),
        (["check", "--frmat", "json"], 2, "--frmat"),
        (["check", "--select", "no-such-rule"], 3, "no rule matches 'no-such-rule'"),
        (["check", "--gpu", "H900"], 2, "H900"),
        (["rules", "shwo"], 2, "no such action"),
        (["rules", "show", "no-such-rule"], 2, "no such rule"),
        (["completion", "tcsh"], 2, "no such shell"),
    ],
)
def test_mistakes_are_told_and_coded(words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--no-config"] if words[0] == "check" else words) == code
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""
    assert "Traceback" not in told.err


@pytest.mark.parametrize("platform", ["linux-amd64", "Darwin-arm64", "windows-arm64"])
def test_a_list_is_judged_for_every_platform_that_a_machine_is(platform: str, box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", str(box), "--no-config", "--python-version", "3.11", "--platform", platform, "--format", "json"])
    told = json.loads(capsys.readouterr().out)["environment"]["platform"]
    assert f"{told['os.name']}-{told['os.arch']}" == platform.lower().replace("darwin", "macos").replace("amd64", "x86_64")


def test_two_patients_are_refused(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(box), "--python", sys.executable, "--no-config"]) == 2
    assert "one patient at a time" in capsys.readouterr().err


def test_snapshot_and_check_agree_anywhere(box: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved = tmp_path / "box.json"
    machine = [word for word in MACHINE if word != "--no-config"]
    assert main(["snapshot", "--freeze", str(box), *machine, "--output", str(saved)]) == 0
    assert main(["check", str(saved), "--format", "json", "--no-config"]) == 1
    from_saved = json.loads(capsys.readouterr().out)
    assert main(["check", "--freeze", str(box), *MACHINE, "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out) == from_saved


def test_a_live_snapshot_is_private_and_complete(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home" / "somebody"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("HF_TOKEN", "hf_secretsecret")
    monkeypatch.setenv("HF_HOME", str(home / "hf"))
    assert main(["snapshot"]) == 0
    text = capsys.readouterr().out
    assert "hf_secretsecret" not in text
    assert str(home) not in text
    told = json.loads(text)
    assert told["facts"]["hf.token"]["value"] is True
    assert "pytest" in told["distributions"]


def test_a_damaged_snapshot_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "box.json"
    path.write_text('{"kind": "envdoctor-snapshot", "schema": 1')
    assert main(["check", str(path), "--no-config"]) == 3
    assert "not JSON" in capsys.readouterr().err
    path.write_text('{"kind": "envdoctor-snapshot", "schema": 99}')
    assert main(["check", str(path), "--no-config"]) == 3
    assert "schema 99 is not known" in capsys.readouterr().err
    path.write_text('{"kind": "envdoctor-snapshot", "schema": 1, "distributions": {"torch": 1}}')
    assert main(["check", str(path), "--no-config"]) == 3
    assert "damaged snapshot" in capsys.readouterr().err


def test_output_goes_to_a_file(box: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.sarif"
    assert main(["check", "--freeze", str(box), *MACHINE, "--format", "sarif", "-o", str(path)]) == 1
    assert capsys.readouterr().out == ""
    assert json.loads(path.read_text())["version"] == "2.1.0"
    assert set(os.listdir(tmp_path)) == {"box.txt", "report.sarif"}


def test_strict_counts_what_is_unknown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text("torch\ntransformers\n")
    assert main(["check", str(path), "--no-config"]) == 0
    assert "unknown" in capsys.readouterr().out
    assert main(["check", str(path), "--strict", "--no-config"]) == 1


def test_configuration_and_ignores(box: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["check", "--freeze", str(box), *MACHINE[:-1], "--format", "json"]
    assert main([*asked, "--config", str(tmp_path / "none.toml")]) == 2
    capsys.readouterr()
    main([*asked, "--no-config"])
    errors = [finding["rule"] for finding in json.loads(capsys.readouterr().out)["findings"] if finding["severity"] == "error"]
    config = tmp_path / "envdoctor.toml"
    lines = "".join(f'{{ rule = "{rule}", reason = "known" }},' for rule in errors)
    config.write_text(f'for = "sft"\nignore = [{lines} {{ rule = "no-such-rule", reason = "old" }}]\n')
    assert main([*asked, "--config", str(config)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["purpose"]) == ("fit", "sft")
    assert {finding["rule"] for finding in told["suppressed"]} == set(errors)
    assert [finding["rule"] for finding in told["findings"] if finding["rule"].startswith("ignore-")] == ["ignore-matches-nothing"]
    config.write_text("ignore = [" + "".join(f'{{ rule = "{rule}", reason = "known", expires = 2020-01-01 }},' for rule in errors) + "]\n")
    assert main([*asked, "--config", str(config)]) == 1
    assert "ignore-expired" in capsys.readouterr().out


def test_an_ignore_expires_for_callers_of_the_library_too(box: Path) -> None:
    old = Ignore(rule="no-such-rule", reason="known", expires="2020-01-01", where="here")
    asked = Request(freeze=str(box), target=Target(gpus=0, platform="linux-x86_64", python_version="3.11"), ignores=(old,))
    assert "ignore-expired" in {finding.rule for finding in check(asked).findings}
    assert "ignore-expired" not in {finding.rule for finding in check(asked.replace(today="2019-12-31")).findings}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("foor = 'sft'", "foor: unknown key"),
        ("for = 'poetry'", "for: takes one of"),
        ("ignore = [{ rule = 'x' }]", "ignore[0]: reason: is missing"),
        ("ignore = [{ rule = 'x', reason = 'y', expires = 'soon' }]", "expires: takes a date"),
        ("for = ", "not TOML"),
        ("strict = 1", "strict: takes true or false"),
    ],
)
def test_a_wrong_configuration_names_file_and_key(
    text: str, said: str, box: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "envdoctor.toml"
    config.write_text(text)
    assert main(["check", "--freeze", str(box), *MACHINE[:-1], "--config", str(config)]) == 2
    told = capsys.readouterr().err
    assert str(config) in told
    assert said in told


def test_rules_can_be_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "list", "--format", "json"]) == 0
    first = json.loads(capsys.readouterr().out)[0]
    assert main(["rules", "show", first["id"]]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"# {first['id']}")
    assert "How it is known" in told


def test_a_new_rule_lints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import shutil

    rules, fixtures = tmp_path / "rules", tmp_path / "fixtures"
    rules.mkdir()
    shutil.copytree(os.path.join(ROOT, "fixtures", "environments"), fixtures / "environments")
    places = ["--rules", str(rules), "--fixtures", str(fixtures)]
    assert main(["rules", "new", "torch", "torchao-breaks-something", *places]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert main(["rules", "lint", *places]) == 0
    assert main(["rules", "new", "torch", "torchao-breaks-something", *places]) == 2


def test_a_rule_file_with_a_bad_key_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rules" / "torch").mkdir(parents=True)
    (tmp_path / "rules" / "torch" / "x-y.toml").write_text('id = "x-y"\nsevverity = "error"\n')
    assert main(["rules", "lint", "--rules", str(tmp_path / "rules")]) == 3
    assert "torch/x-y.toml: sevverity: unknown key (did you mean 'severity'?)" in capsys.readouterr().err


def test_a_closed_pipe_is_no_error(box: Path) -> None:
    code = f"import sys; sys.path.insert(0, {os.path.join(ROOT, 'src')!r}); from envdoctor.cli import run; run()"
    done = subprocess.run(
        f"{sys.executable} -c {json.dumps(code)} rules list | head -n 1", shell=True, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_option(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    from envdoctor.cli.check import OPTIONS

    assert main(["completion", shell]) == 0
    told = capsys.readouterr().out
    assert all(option.name in told for option in OPTIONS)


def test_bash_completes(capsys: pytest.CaptureFixture[str]) -> None:
    main(["completion", "bash"])
    script = capsys.readouterr().out
    ask = (
        script
        + '\nCOMP_WORDS=(envdoctor check --fo); COMP_CWORD=2; _envdoctor; echo "${COMPREPLY[@]}"\nCOMP_WORDS=(envdoctor check --for q); COMP_CWORD=3; _envdoctor; echo "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["--for --format", "qlora"]
