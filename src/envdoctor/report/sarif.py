"""The report as SARIF 2.1.0, for code scanning. Only rules that fired are described."""

from __future__ import annotations

import json
from urllib.parse import quote

from envdoctor.model.finding import Crashed
from envdoctor.report.breakage import ordered
from envdoctor.report.plain import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from envdoctor.model.finding import Finding, Report
    from envdoctor.model.script import Location
    from envdoctor.report.options import Options

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_PRECISIONS = {"certain": "very-high", "likely": "high", "possible": "medium"}
_PLACES = ("machine", "model", "script", "environment")  # subjects that are no distribution


def render(report: Report, *, options: Options) -> str:
    """Tell a report as one SARIF run."""
    del options
    return json.dumps(document(report), indent=2, sort_keys=True, ensure_ascii=True, default=str) + "\n"


def document(report: Report) -> dict[str, Any]:
    """Return the SARIF log as plain data."""
    from envdoctor import __version__

    findings = ordered((*report.findings, *report.suppressed))
    rules = {finding.rule: finding for finding in reversed(findings)}
    places = {rule: index for index, rule in enumerate(sorted(rules))}
    crashed = {rule: outcome.error for rule, outcome in report.outcomes.items() if isinstance(outcome, Crashed)}
    driver = {"name": "envdoctor", "version": __version__, "rules": [_rule(rules[rule]) for rule in sorted(rules)]}
    invocation = {
        "executionSuccessful": True,
        "toolExecutionNotifications": [
            {"level": "error", "message": {"text": clean(f"rule {rule} failed to run: {error}")}} for rule, error in sorted(crashed.items())
        ],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [invocation],
        "results": [_result(finding, places[finding.rule]) for finding in findings],
        "properties": {"verdict": report.verdict, "purpose": report.purpose, "uses": dict(report.uses), "bookVersion": report.book_version},
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(finding: Finding) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": finding.rule,
        "shortDescription": {"text": clean(finding.title)},
        "fullDescription": {"text": clean(" ".join(finding.why.split()) or finding.title)},
        "defaultConfiguration": {"level": _level(finding.declared_severity)},
        "properties": {
            "precision": _PRECISIONS.get(finding.confidence, "medium"),
            "tags": [finding.impact, "silent"] if finding.silent else [finding.impact],
        },
    }
    if finding.links:
        told["helpUri"] = finding.links[0]
    return told


def _result(finding: Finding, index: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": _level(finding.severity),
        "message": {"text": clean(finding.message or finding.title)},
        "partialFingerprints": {"envdoctorFinding/v1": finding.key},
        "locations": _locations(finding),
        "properties": {
            "uses": list(finding.uses),
            "packages": list(finding.packages),
            "impact": finding.impact,
            "confidence": finding.confidence,
        },
    }
    if finding.suppressed:
        told["suppressions"] = [{"kind": "external", "justification": clean(finding.suppressed)}]
    return told


def _locations(finding: Finding) -> list[dict[str, Any]]:
    if finding.locations:
        return [_location(place) for place in finding.locations]
    kind = "resource" if finding.subject in _PLACES else "module"
    return [{"logicalLocations": [{"name": clean(finding.subject), "fullyQualifiedName": clean(finding.subject), "kind": kind}]}]


def _location(place: Location) -> dict[str, Any]:
    """Return a place in a file; of one in a notebook's cell the cell is told, for its lines are not those of the file."""
    artifact = {"artifactLocation": {"uri": _uri(place.file)}}
    line, column = max(place.line, 1), max(place.column, 1)
    if place.cell:
        name = f"{place.cell}, line {line}"
        return {"physicalLocation": artifact, "logicalLocations": [{"name": name, "fullyQualifiedName": name, "kind": "member"}]}
    return {"physicalLocation": {**artifact, "region": {"startLine": line, "startColumn": column}}}


def _uri(path: str) -> str:
    """Return a path as a URI reference: relative ones stay relative."""
    path = path.replace("\\", "/")
    quoted = quote(path, safe="/:@!$&'()*+,;=~", errors="replace")
    if path[1:3] == ":/":
        return f"file:///{quoted}"
    if path.startswith("/"):
        return f"file://{quoted}"
    return quote(path, safe="/@!$&'()*+,;=~", errors="replace")


def _level(severity: str) -> str:
    return severity if severity in ("error", "warning", "note") else "none"
