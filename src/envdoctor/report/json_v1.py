"""The report for programs, first edition. `report.schema.json` is its contract: keys may be added, none changes its meaning.

A change that breaks readers is a second module beside this one, never an edit of it.
"""

from __future__ import annotations

import json

from envdoctor.model.finding import Crashed
from envdoctor.report.breakage import ordered
from envdoctor.report.remedies import action
from envdoctor.report.summary import counts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from envdoctor.model.finding import Finding, Report
    from envdoctor.model.rule import Remedy
    from envdoctor.report.options import Options

SCHEMA = 1
_PLATFORM = ("os.", "python.", "gpu.", "driver.", "rocm.", "torch.", "cuda.")
_PRIVATE = ("python.prefix",)  # a folder's name says nothing about the fault, and may say who the user is


def render(report: Report, *, options: Options) -> str:
    """Tell a report as JSON with sorted keys; the same report gives the same bytes, in plain ASCII."""
    del options
    # ASCII, because names read from a damaged file may hold what no output encoding accepts.
    return json.dumps(document(report), indent=2, sort_keys=True, ensure_ascii=True, default=str) + "\n"


def document(report: Report) -> dict[str, Any]:
    """Return the report as plain data."""
    from envdoctor import __version__

    return {
        "schema": SCHEMA,
        "version": __version__,
        "book_version": report.book_version,
        "verdict": report.verdict,
        "purpose": report.purpose,
        "uses": dict(report.uses),
        "findings": [_finding(finding) for finding in ordered(report.findings)],
        "suppressed": [{**_finding(finding), "reason": finding.suppressed} for finding in ordered(report.suppressed)],
        "counts": counts(report),
        "unknown": report.missing(),
        "crashed": {rule: outcome.error for rule, outcome in report.outcomes.items() if isinstance(outcome, Crashed)},
        "environment": _environment(report),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "title": finding.title,
        "subject": finding.subject,
        "severity": finding.severity,
        "declared_severity": finding.declared_severity,
        "impact": finding.impact,
        "confidence": finding.confidence,
        "silent": finding.silent,
        "message": finding.message,
        "why": finding.why.strip(),
        "uses": list(finding.uses),
        "packages": list(finding.packages),
        "because": [{"what": reason.what, "value": reason.value, "origin": reason.origin} for reason in finding.because],
        "remedies": [_remedy(remedy) for remedy in finding.remedies],
        "links": list(finding.links),
        "locations": [{"path": place.path, "line": place.line, "column": place.column} for place in finding.locations],
    }


def _remedy(remedy: Remedy) -> dict[str, Any]:
    return {"title": remedy.title, "safety": remedy.safety, **action(remedy)}


def _environment(report: Report) -> dict[str, Any]:
    patient = report.snapshot
    python = patient.facts.get("python.version")
    return {
        "distributions": {name: distribution.version for name, distribution in patient.distributions.items()},
        "python": None if python is None else str(python.value),
        "platform": {
            path: list(fact.value) if isinstance(fact.value, tuple) else fact.value
            for path, fact in patient.facts.items()
            if path.startswith(_PLATFORM) and path not in _PRIVATE
        },
    }
