"""What holds for every format: the table is the folder, golden files are met, and hostile text stays text."""

from __future__ import annotations

import ast
import os
from importlib import import_module
from pathlib import Path

import pytest

from envdoctor import report as reports
from envdoctor.model.errors import UsageError
from envdoctor.model.finding import Finding, Reason, Report
from envdoctor.model.script import Location
from envdoctor.report.options import Options

FOLDER = Path(reports.__file__).parent
GOLDEN = Path(__file__).parents[2] / "fixtures" / "reports"
FILES = {
    "text.txt": ("text", Options()),
    "narrow.txt": ("text", Options(width=60)),
    "colour.ansi": ("text", Options(width=100, colour=True)),
    "verbose.txt": ("text", Options(width=100, verbose=True)),
    "quiet.txt": ("text", Options(quiet=True)),
    "report.json": ("json", Options()),
    "report.sarif": ("sarif", Options()),
    "junit.xml": ("junit", Options()),
    "github.txt": ("github", Options()),
    "report.md": ("markdown", Options()),
}


def renders(path: Path) -> bool:
    return any(isinstance(node, ast.FunctionDef) and node.name == "render" for node in ast.parse(path.read_text("utf-8")).body)


def test_the_table_names_exactly_the_modules_that_render() -> None:
    modules = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__" and renders(path))
    assert sorted(reports.FORMATS.values()) == modules


def test_every_format_has_a_golden_file() -> None:
    assert {form for form, _ in FILES.values()} == set(reports.FORMATS)


def test_an_unknown_format_is_a_usage_error_that_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"'yaml'.*text, json, sarif"):
        reports.render(None, "yaml", options=Options())  # type: ignore[arg-type]


@pytest.mark.parametrize("file", FILES)
def test_reports_read_as_their_golden_files(sample: str, told: Report, file: str) -> None:
    form, options = FILES[file]
    rendered = reports.render(told, form, options=options)
    path = GOLDEN / sample / file
    if os.environ.get("ENVDOCTOR_ACCEPT"):  # look at the difference before you commit it
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rendered.encode("utf-8"))
    assert rendered == path.read_bytes().decode("utf-8")


@pytest.mark.parametrize("form", reports.FORMATS)
def test_a_format_is_one_module_with_one_signature_and_ends_in_a_line_break(told: Report, form: str) -> None:
    module = import_module(f"envdoctor.report.{reports.FORMATS[form]}")
    rendered = module.render(told, options=Options())
    assert rendered == reports.render(told, form, options=Options())
    assert rendered.endswith("\n")
    assert not rendered.endswith("\n\n")


@pytest.mark.parametrize("form", reports.FORMATS)
def test_escape_sequences_and_undecodable_bytes_never_reach_the_reader(hostile: Report, form: str) -> None:
    for options in (Options(), Options(verbose=True), Options(quiet=True)):
        rendered = reports.render(hostile, form, options=options)
        rendered.encode("utf-8")
        assert "\x1b" not in rendered
        assert "\u202e" not in rendered
        assert all(char == "\n" or char.isprintable() for char in rendered)
        assert not any(line.startswith("::error::") for line in rendered.splitlines())


@pytest.fixture
def hostile(reports_by_name: dict[str, Report]) -> Report:
    """A report on an environment whose files were written to fool the reader."""
    evil = "1.0\x1b]8;;https://evil.example\x07\x1b[2J\u202e\udcff\n::error::owned\r| a | <b>"
    finding = Finding(
        rule="hostile-metadata", title=evil, subject=evil, severity="error", declared_severity="error", impact="crash-at-import",
        confidence="certain", message=evil, why=evil, uses=("import torch", evil), packages=(evil,),
        because=(Reason(what=evil, value=evil, origin=evil),), links=(evil,), locations=(Location(path=evil, line=1),),
    )  # fmt: skip
    healthy = reports_by_name["healthy"]
    ignored = finding.replace(suppressed=evil)
    return healthy.replace(verdict="unfit", findings=(finding,), uses={"import torch": "unfit", evil: "unfit"}, suppressed=(ignored,))
