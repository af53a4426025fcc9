"""The explanation of a log for programs: the document of a check, whose findings are those that the log shows, and `errors` beside them."""

from __future__ import annotations

import json

from envdoctor.report import json_v1
from envdoctor.report.explanation import onward

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from envdoctor.model.explanation import Explanation
    from envdoctor.model.finding import Report


def written(told: Sequence[Explanation], name: str, report: Report) -> str:
    """Tell the explanations of a log, called `name`, as JSON with sorted keys, in plain ASCII."""
    return json.dumps(document(told, name, report), indent=2, sort_keys=True, ensure_ascii=True, default=str) + "\n"


def document(told: Sequence[Explanation], name: str, report: Report) -> dict[str, Any]:
    """Return the explanations as plain data."""
    known = {one.finding.key: one.finding for one in told if one.is_known}
    found = json_v1.document(report.replace(findings=tuple(known.values()), suppressed=()))
    return {**found, "log": name, "errors": [_error(one) for one in told], "next": onward(told)}


def _error(one: Explanation) -> dict[str, Any]:
    return {
        "text": one.headline,
        "line": one.line,
        "count": one.count,
        "ranks": list(one.ranks),
        "raised_by": one.raised_by,
        "raised_in": one.raised_in,
        "called_from": one.called_from,
        "known": one.is_known,
        "rule": one.finding.rule if one.is_known else "",
        "here": one.standing,
        "also": list(one.others),
        "message": one.finding.message,
        "facts": [{"what": reason.what, "value": reason.value, "origin": reason.origin} for reason in one.finding.because],
        "numbers": dict(one.numbers),
    }
