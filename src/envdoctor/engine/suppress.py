"""Ignores: findings that somebody decided, with a reason, to live with; and a note on every ignore that does nothing."""

from __future__ import annotations

from envdoctor.model.finding import IGNORE_EXPIRED, IGNORE_UNUSED, Finding
from envdoctor.model.rule import Remedy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from envdoctor.model.finding import Report
    from envdoctor.model.request import Ignore


def reason_to_ignore(finding: Finding, ignores: Sequence[Ignore], today: str) -> str:
    """Return why a finding is to be left out, or "". `today` is an ISO date; an expired ignore does not count."""
    for ignore in ignores:
        if _matches(ignore, finding) and not _expired(ignore, today):
            return ignore.reason
    return ""


def account(report: Report, ignores: Sequence[Ignore], today: str) -> Report:
    """Add a note for every ignore that matched nothing or has expired."""
    notes = []
    for ignore in ignores:
        if _expired(ignore, today):
            notes.append(_note(IGNORE_EXPIRED, ignore, f"the ignore of {ignore.rule} expired on {ignore.expires}"))
        elif not any(_matches(ignore, finding) for finding in report.suppressed):
            notes.append(_note(IGNORE_UNUSED, ignore, f"the ignore of {ignore.rule} matches no finding"))
    return report.replace(findings=(*report.findings, *notes)) if notes else report


def _matches(ignore: Ignore, finding: Finding) -> bool:
    return ignore.rule == finding.rule and ignore.subject in ("", finding.subject)


def _expired(ignore: Ignore, today: str) -> bool:
    return "" < ignore.expires < today


def _note(rule: str, ignore: Ignore, message: str) -> Finding:
    return Finding(
        rule=rule, title=message, subject=ignore.rule, severity="note", declared_severity="note", impact="unreproducible",
        confidence="certain", message=f"{message} ({ignore.where})",
        remedies=(Remedy(title="Delete the ignore or renew it", safety="manual", advice=f"edit {ignore.where}"),),
    )  # fmt: skip
