"""Formats that programs read: each is valid where its readers look."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator

from envdoctor.model.finding import Report
from envdoctor.model.script import Location
from envdoctor.report import github, json_v1, junit, markdown, sarif
from envdoctor.report.options import Options

SCHEMA: dict[str, Any] = json.loads(files("envdoctor.report").joinpath("report.schema.json").read_text("utf-8"))


def as_json(told: Report) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(json_v1.render(told, options=Options()))
    return read


def as_sarif(told: Report) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(sarif.render(told, options=Options()))
    return read


# JSON


def test_the_published_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_json_obeys_the_published_schema(told: Report) -> None:
    Draft202012Validator(SCHEMA).validate(as_json(told))


def test_the_schema_knows_every_key_that_is_written(told: Report) -> None:
    read = as_json(told)
    assert set(read) == set(SCHEMA["properties"])
    for finding in read["findings"]:
        assert set(finding) == set(SCHEMA["$defs"]["finding"]["properties"])
        assert all(set(remedy) <= set(SCHEMA["$defs"]["remedy"]["properties"]) for remedy in finding["remedies"])


@pytest.mark.parametrize(("key", "value"), [("verdict", "healthy"), ("schema", 2), ("uses", {"import torch": True}), ("findings", [{}])])
def test_the_schema_refuses_what_is_no_report(reports_by_name: dict[str, Report], key: str, value: object) -> None:
    assert not Draft202012Validator(SCHEMA).is_valid({**as_json(reports_by_name["healthy"]), key: value})


def test_a_remedy_shows_only_the_action_it_takes(reports_by_name: dict[str, Report]) -> None:
    first = as_json(reports_by_name["torchao-on-old-torch"])["findings"][0]["remedies"][0]
    assert first == {"title": "Move torch to 2.6 or newer", "safety": "unsafe", "require": {"torch": ">=2.6"}}


def test_json_does_not_name_the_folder_of_the_environment(told: Report) -> None:
    assert "/srv/venv" not in json_v1.render(told, options=Options())


def test_json_counts_and_names_what_is_not_known(reports_by_name: dict[str, Report]) -> None:
    read = as_json(reports_by_name["many"])
    assert read["counts"] == {"error": 5, "warning": 2, "note": 1, "clear": 171, "unknown": 5, "skipped": 1, "crashed": 1}
    assert read["unknown"] == {"driver.cuda": 4, "memory.shm.total": 1}
    assert read["crashed"] == {"broken-rule": "KeyError: 'torch'"}


# SARIF


def test_sarif_results_point_to_their_rules_and_are_fingerprinted(told: Report) -> None:
    log = as_sarif(told)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert len(run["results"]) == len(told.findings) + len(told.suppressed)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
    keys = {result["partialFingerprints"]["envdoctorFinding/v1"] for result in run["results"]}
    assert keys == {finding.key for finding in (*told.findings, *told.suppressed)}


def test_sarif_has_physical_places_only_where_there_are_places(reports_by_name: dict[str, Report]) -> None:
    results = {result["ruleId"]: result for result in as_sarif(reports_by_name["many"])["runs"][0]["results"]}
    assert results["dpo-trainer-lost-beta"]["locations"] == [
        {"physicalLocation": {"artifactLocation": {"uri": "train_dpo.py"}, "region": {"startLine": 40, "startColumn": 17}}}
    ]
    (nowhere,) = results["offline-without-cached-model"]["locations"]
    assert nowhere == {"logicalLocations": [{"name": "environment", "fullyQualifiedName": "environment", "kind": "resource"}]}


def test_sarif_marks_what_is_ignored(reports_by_name: dict[str, Report]) -> None:
    ignored = [result for result in as_sarif(reports_by_name["out-of-memory"])["runs"][0]["results"] if "suppressions" in result]
    assert [result["suppressions"] for result in ignored] == [[{"kind": "external", "justification": "torchao is never imported here"}]]


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("train.py", "train.py"),
        ("my scripts\\train.py", "my%20scripts/train.py"),
        ("a:b.py", "a%3Ab.py"),
        ("/srv/a b.py", "file:///srv/a%20b.py"),
        ("C:\\code\\t.py", "file:///C:/code/t.py"),
    ],
)
def test_sarif_writes_paths_as_uris(reports_by_name: dict[str, Report], path: str, uri: str) -> None:
    finding = reports_by_name["out-of-memory"].findings[0].replace(locations=(Location(path=path, line=1),))
    log = as_sarif(reports_by_name["out-of-memory"].replace(findings=(finding,)))
    assert log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


# JUnit


def test_a_place_in_a_notebook_names_the_file_and_tells_the_cell(reports_by_name: dict[str, Report]) -> None:
    sick = reports_by_name["out-of-memory"]
    finding = sick.findings[0].replace(locations=(Location(path="runs/n.ipynb:cell 3", line=2, column=5),))
    report = sick.replace(findings=(finding,), suppressed=())
    (place,) = sarif.document(report)["runs"][0]["results"][0]["locations"]
    assert place["physicalLocation"] == {"artifactLocation": {"uri": "runs/n.ipynb"}}
    assert place["logicalLocations"][0]["name"] == "cell 3, line 2"
    written = github.render(report, options=Options())
    assert " file=runs/n.ipynb,title=" in written
    assert "%0Ain: cell 3, line 2%0A" in written


def test_junit_has_one_case_per_use_and_its_counts_are_true(told: Report) -> None:
    suites = ElementTree.fromstring(junit.render(told, options=Options()))
    (suite,) = suites.findall("testsuite")
    cases = {case.get("name"): case for case in suite.findall("testcase")}
    for use, verdict in told.uses.items():
        assert [child.tag for child in cases[use]] == {"fit": [], "unfit": ["failure"], "unknown": ["skipped"]}[verdict]
    assert suite.get("tests") == str(len(suite.findall("testcase")))
    assert suite.get("failures") == str(len(suite.findall("testcase/failure")))
    assert suite.get("skipped") == str(len(suite.findall("testcase/skipped")))


def test_junit_failures_carry_every_finding_that_is_more_than_a_note(told: Report) -> None:
    failures = "".join(failure.text or "" for failure in ElementTree.fromstring(junit.render(told, options=Options())).iter("failure"))
    for finding in told.findings:
        assert (f"[{finding.rule}]" in failures) is (finding.severity != "note")


def test_junit_keeps_a_finding_that_breaks_no_use(reports_by_name: dict[str, Report]) -> None:
    lost = reports_by_name["torchao-on-old-torch"].findings[0].replace(uses=())
    suites = ElementTree.fromstring(junit.render(reports_by_name["healthy"].replace(findings=(lost,)), options=Options()))
    assert [case.get("name") for case in suites.iter("testcase") if case.find("failure") is not None] == [lost.key]


# GitHub and Markdown


def test_github_escapes_what_would_end_a_command(reports_by_name: dict[str, Report]) -> None:
    finding = reports_by_name["out-of-memory"].findings[0].replace(
        title="50%: a, b", message="one\n::error::two", why="", remedies=(), locations=(Location(path="a,b:c.py", line=3, column=4),)
    )  # fmt: skip
    told = reports_by_name["out-of-memory"].replace(findings=(finding,))
    first, last = github.render(told, options=Options()).splitlines()
    assert first.startswith("::error file=a%2Cb%3Ac.py,line=3,col=4,title=50%25%3A a%2C b::one ::error::two%0Abreaks: ")
    assert last.startswith("unfit for sft: ")


def test_github_knows_three_levels(reports_by_name: dict[str, Report]) -> None:
    lines = github.render(reports_by_name["many"], options=Options()).splitlines()
    commands = [line.split(" ")[0] for line in lines if line.startswith("::")]
    assert commands == ["::error"] * 5 + ["::warning"] * 2 + ["::notice"]


def test_markdown_tables_have_as_many_cells_as_columns(reports_by_name: dict[str, Report]) -> None:
    finding = reports_by_name["out-of-memory"].findings[0].replace(title="a | b <script> `x` __init__", rule="rule-with")
    written = markdown.render(reports_by_name["out-of-memory"].replace(findings=(finding,)), options=Options())
    row = next(line for line in written.splitlines() if line.startswith("| error"))
    assert row.replace("\\|", "").count("|") == 5
    assert "a \\| b &lt;script&gt; \\`x\\` \\_\\_init\\_\\_" in row


def test_markdown_fences_are_longer_than_any_they_hold(reports_by_name: dict[str, Report]) -> None:
    told = reports_by_name["healthy"].replace(book_version="```")
    assert "````text\n" in markdown.render(told, options=Options())
