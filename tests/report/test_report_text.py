"""The screen: said in the right order, readable at any width, and instant where there is nothing to say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from envdoctor.model.facts import Absent
from envdoctor.model.finding import Finding, Report, Unknown
from envdoctor.model.rule import Remedy
from envdoctor.model.script import Location
from envdoctor.model.snapshot import Snapshot
from envdoctor.report import breakage, remedies, screen, text
from envdoctor.report.options import Options
from envdoctor.report.plain import NO_BREAK, paint, wrap

SOURCE = Path(text.__file__).parents[2]
CLEAN = ("healthy", "healthy-but-untold", "undecided")
HEAVY = {
    "rich",
    "re",
    "json",
    "textwrap",
    "typing",
    "dataclasses",
    "enum",
    "functools",
    "packaging",
    "importlib",
    "envdoctor.report.screen",
}
PASTED = ("http", "pip ", "uv pip", "envdoctor rules", "export ", "unset ")


def plain(told: Report, **options: object) -> str:
    return text.render(told, options=Options(**options))


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("name", CLEAN)
def test_the_fast_path_and_rich_write_the_same_bytes(reports_by_name: dict[str, Report], name: str, width: int, colour: bool) -> None:
    options = Options(width=width, colour=colour)
    fast = text.render(reports_by_name[name], options=options)
    assert fast == screen.draw(reports_by_name[name].replace(uses=dict.fromkeys(reports_by_name[name].uses, "fit")), options)
    assert ("\x1b[" in fast) is colour


def test_a_clean_report_is_told_without_a_heavy_import() -> None:
    program = f"""
import sys
sys.path.insert(0, {str(SOURCE)!r})
from envdoctor.model.finding import CLEAR, Report, Unknown
from envdoctor.model.snapshot import Snapshot
from envdoctor.report import render
from envdoctor.report.options import Options
outcomes = {{"a": CLEAR, "b": Unknown(missing=("gpu.count", "dist:torch", "script"))}}
report = Report(snapshot=Snapshot(distributions={{}}), verdict="unknown", purpose="sft", uses={{}}, findings=(), outcomes=outcomes)
told = render(report, "text", options=Options(colour=True))
assert "GPU not described" in told, told
print(sorted({HEAVY!r} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_nothing_but_what_is_pasted_is_wider_than_the_screen(told: Report, width: int) -> None:
    for line in plain(told, width=width, verbose=True).splitlines():
        assert len(line) <= width or line[10:].startswith(PASTED), line


def test_colour_changes_no_character(told: Report) -> None:
    coloured = plain(told, colour=True)
    for code in ("0", "1", "2", "1;31", "1;32", "1;33", "1;34"):
        coloured = coloured.replace(f"\x1b[{code}m", "")
    assert coloured == plain(told)


def test_text_is_calm(told: Report) -> None:
    written = plain(told, verbose=True)
    assert "!" not in written
    assert written.isascii()
    assert not any(line != line.rstrip() for line in written.splitlines())
    assert "\n\n\n" not in written


def test_a_fault_of_a_hundred_scripts_stays_short(reports_by_name: dict[str, Report]) -> None:
    sick = next(report for report in reports_by_name.values() if report.findings)
    many = sick.findings[0].replace(severity="error", locations=tuple(Location(path=f"s{number}.py", line=1) for number in range(100)))
    told = sick.replace(findings=(many,))
    assert "more; --verbose names them" in plain(told)
    assert "s99.py:1" not in plain(told)
    assert "s99.py:1" in plain(told, verbose=True)


def test_the_most_expensive_error_comes_first_and_notes_last(reports_by_name: dict[str, Report]) -> None:
    marks = [line.split()[0] for line in plain(reports_by_name["many"]).splitlines() if line.startswith(("error", "warning", "note"))]
    assert marks == ["error"] * 5 + ["warning"] * 2 + ["note"]
    assert "MXFP4" in plain(reports_by_name["many"]).splitlines()[0]


def test_quiet_is_one_line_per_error_and_the_summary(reports_by_name: dict[str, Report]) -> None:
    lines = plain(reports_by_name["many"], quiet=True, width=200).splitlines()
    assert len(lines) == 6
    assert all(line.startswith("error ") for line in lines[:5])
    assert lines[5].startswith("unfit for sft: 5 errors, 2 warnings, 1 note; 171 rules clear")


def test_uses_that_rest_on_a_broken_one_are_told_after_it(reports_by_name: dict[str, Report]) -> None:
    trl = next(finding for finding in reports_by_name["many"].findings if finding.rule == "trl-imports-name-transformers-lost")
    assert breakage.broken_uses(trl, "dpo") == "import trl, and with it trl.DPOTrainer, unsloth training, trl.SFTTrainer and 6 more"
    assert breakage.broken_uses(trl, "no such purpose", most=99).count(",") == 9
    assert breakage.split(["a use of tomorrow", "import torch"]) == (["a use of tomorrow", "import torch"], [])


def test_a_silent_fault_is_called_silent(reports_by_name: dict[str, Report]) -> None:
    written = plain(reports_by_name["silent-dequantisation"], width=120)
    assert "MXFP4 load, and with it MXFP4 training: wrong results, silently (likely)" in written


def test_a_fault_in_a_use_nobody_asked_for_says_so(reports_by_name: dict[str, Report]) -> None:
    assert "trl.DPOTrainer: crash at the start; sft does not need it" in plain(reports_by_name["trl-outside-window"])


def test_an_unfit_use_without_a_finding_is_still_told(reports_by_name: dict[str, Report]) -> None:
    told = reports_by_name["healthy"].replace(verdict="unfit", uses={"import torch": "unfit"})
    assert plain(told) == "unfit     import torch\n\nunfit for sft: no findings; 212 rules clear\n"


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (("gpu.count", "gpu.names"), "GPU not described"),
        (("model.type",), "no model named"),
        (("script",), "no training script given"),
        (("env:HF_HOME",), "environment variables not known"),
        (("environment.complete",), "list of packages not known to be complete"),
        (("dist:torch",), "version of torch not known"),
        (("dist:a", "dist:b", "dist:c"), "versions of a, b and 1 more not known"),
        (("driver.cuda",), "GPU driver did not answer in time"),
        (("weather.today",), "weather.today not known"),
    ],
)
def test_missing_facts_are_named_in_words(reports_by_name: dict[str, Report], missing: tuple[str, ...], said: str) -> None:
    patient = reports_by_name["healthy"].snapshot.replace(absent={"driver.cuda": Absent(path="driver.cuda", reason="timed-out")})
    told = reports_by_name["healthy"].replace(snapshot=patient, outcomes={"rule": Unknown(missing=missing)})
    assert plain(told, width=200) == f"fit for sft: no findings; 0 rules clear, 1 unknown ({said})\n"


def test_the_fact_that_most_rules_wait_for_is_named_first(reports_by_name: dict[str, Report]) -> None:
    written = plain(reports_by_name["undecided"], width=200)
    assert "31 unknown (GPU not described, no training script given, no model named and 1 more)" in written


def test_an_unknown_verdict_says_what_would_settle_it(reports_by_name: dict[str, Report]) -> None:
    listed = reports_by_name["undecided"]
    assert (
        plain(listed, width=200).splitlines()[1].startswith("to settle it, name all packages: check the environment itself or a lock file")
    )
    whole = listed.replace(snapshot=reports_by_name["healthy"].snapshot)
    assert plain(whole, width=200).splitlines()[1] == "to settle it, describe the machine with --gpu NAME"
    nothing = whole.replace(uses={}, outcomes={})
    assert plain(nothing, width=200).splitlines()[1] == "to settle it, check an environment that has torch or transformers in it"
    torch = whole.snapshot.distributions["torch"].replace(version=None)
    vague = whole.replace(snapshot=whole.snapshot.replace(distributions={"torch": torch}))
    assert plain(vague, width=200).splitlines()[1] == "to settle it, say which version of torch"
    assert len(plain(whole.replace(outcomes={}), width=200).splitlines()) == 1


@pytest.mark.parametrize(
    ("action", "line", "pasted"),
    [
        ({"require": {"torch": ">=2.6", "rich": ""}}, 'pip install "torch>=2.6" rich', True),
        ({"remove": ("torchao", "xformers")}, "pip uninstall -y torchao xformers", True),
        ({"set_env": {"A": "1", "B": "two words"}}, "export A=1 B='two words'", True),
        ({"unset_env": ("A", "B")}, "unset A B", True),
        (
            {"set_argument": {"trl.SFTConfig": {"max_length": 8, "dtype": "bf16"}}},
            "pass max_length=8, dtype='bf16' to trl.SFTConfig",
            False,
        ),
        ({"replace_model": "unsloth/gpt-oss-20b"}, "use the model unsloth/gpt-oss-20b", False),
        ({"advice": "Update the\n driver."}, "Update the driver.", False),
        ({}, "Only a title", False),
    ],
)
def test_a_remedy_is_one_line(reports_by_name: dict[str, Report], action: dict[str, object], line: str, pasted: bool) -> None:
    remedy = Remedy(title="Only a title", safety="safe", **action)
    assert remedies.line(remedy, reports_by_name["healthy"].snapshot) == line
    assert remedies.is_command(remedy) is pasted


def test_commands_are_those_of_the_patient_s_shell_and_installer(reports_by_name: dict[str, Report]) -> None:
    healthy = reports_by_name["healthy"].snapshot
    windows = healthy.replace(facts={"os.name": healthy.facts["os.name"].replace(value="windows")})
    assert remedies.line(Remedy(title="", safety="safe", set_env={"A": "it's"}), windows) == "$env:A = 'it''s'"
    assert remedies.line(Remedy(title="", safety="safe", unset_env=("A",)), windows) == "Remove-Item Env:A"
    by_uv = healthy.replace(distributions={"torch": healthy.distributions["torch"].replace(installer="uv")})
    assert remedies.line(Remedy(title="", safety="safe", require={"torch": "==2.8"}), by_uv) == 'uv pip install "torch==2.8"'
    assert remedies.line(Remedy(title="", safety="safe", remove=("torchao",)), by_uv) == "uv pip uninstall torchao"


def test_wrapping_keeps_styles_and_never_breaks_bound_words() -> None:
    runs = [("fit", "bold green"), (f": 12{NO_BREAK}rules clear", ""), (" (no model)", "dim")]
    lines = [paint(line, colour=False) for line in wrap(runs, 14)]
    assert lines == ["fit: 12 rules", "  clear (no", "  model)"]
    assert paint(wrap(runs, 80)[0], colour=True) == "\x1b[1;32mfit\x1b[0m: 12 rules clear \x1b[2m(no model)\x1b[0m"


@pytest.mark.parametrize("width", [40, 60, 80, 100])
@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("words", [1, 7, 12, 25])
def test_notes_alone_are_printed_by_hand_as_rich_would(words: int, colour: bool, width: int) -> None:
    def note(title: str, rule: str) -> Finding:
        return Finding(
            rule=rule,
            title=title,
            subject="x",
            severity="note",
            declared_severity="note",
            impact="slow",
            confidence="certain",
            message=title,
        )

    findings = (note("some words " * words + "end", "a-rule-with-a-name"), note("short", "b-rule"))
    report = Report(
        snapshot=Snapshot(distributions={}), verdict="fit", purpose="", uses={"import torch": "fit"}, findings=findings, outcomes={}
    )
    options = Options(width=width, colour=colour)
    assert text.render(report, options=options) == screen.draw(report, options)
