"""A repair for programs: the JSON of `envdoctor fix --plan json`. `fix.schema.json` is its contract: keys may be added, none changes its
meaning.
"""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from envdoctor.model.finding import Finding
    from envdoctor.model.plan import Plan
    from envdoctor.repair.documents import Document
    from envdoctor.repair.planning import Outcome

SCHEMA = 1


def told(outcome: Outcome, plan: Plan | None, documents: Sequence[Document]) -> str:
    """Return the document as text. `plan` is the way out that was chosen; `alternatives` are the others, in order."""
    others = [other for other in outcome.plans if plan is None or other.solution != plan.solution]
    whole = {
        "schema": SCHEMA,
        "verdict": "fit" if outcome.is_fit and outcome.report.verdict != "unfit" else "impossible" if outcome.conflict else "unfit",
        "findings": [_finding(finding) for finding in outcome.report.findings if finding.severity == "error"],
        "plan": None if plan is None else {**_plan(plan), "edits": _edits(plan), "documents": [document.path for document in documents]},
        "alternatives": [_plan(other) for other in others],
        "conflict": outcome.conflict or None,
        "core": [wish.text() for wish in outcome.core.wishes] if outcome.core is not None else None,
        "possible_without": sorted(outcome.core.without) if outcome.core is not None else None,
        "resolver": outcome.resolver,
        "rounds": outcome.rounds,
        "remarks": list(outcome.remarks),
        "next": outcome.ill.locked or None,
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _finding(finding: Finding) -> dict[str, Any]:
    return {"rule": finding.rule, "subject": finding.subject, "message": finding.message, "packages": list(finding.packages)}


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "cost": plan.cost,
        "verified": plan.verified,
        "moves": [
            {
                "name": move.name,
                "from": move.old,
                "to": move.new,
                "because": list(move.because),
                "rules": list(move.rules),
                "named": move.named,
            }
            for move in plan.moves
        ],
        "changes": [
            {
                "name": change.name,
                "from": None if change.requirement is None else change.requirement.specifier,
                "to": change.specifier,
                "file": change.requirement.location.path if change.requirement is not None and change.requirement.location else None,
                "line": change.requirement.location.line if change.requirement is not None and change.requirement.location else None,
                "remove": change.remove,
            }
            for change in plan.changes
        ],
        "solution": dict(plan.solution),
        "resolves": [_finding(finding) for finding in plan.resolves],
        "leaves": [{**_finding(left.finding), "why": left.why} for left in plan.leaves],
        "remarks": list(plan.remarks),
    }


def _edits(plan: Plan) -> list[dict[str, Any]]:
    return [
        {"document": edit.document, "start": edit.start, "end": edit.end, "old": edit.old, "new": edit.new, "because": edit.because}
        for edit in plan.edits
    ]
