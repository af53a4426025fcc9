"""A repair for people: what is wrong, what moves and why, the file's diff, other ways out, and the command to go on with."""

from __future__ import annotations

import sys

from envdoctor.cli.fix_again import again
from envdoctor.cli.terminal import put, wants_colour, width
from envdoctor.report.options import Options
from envdoctor.report.page import Page
from envdoctor.report.plain import ERROR_STYLE, FIT_STYLE, NOTE_STYLE, QUIET_STYLE, WARNING_STYLE, clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from envdoctor.cli.options import Values
    from envdoctor.model.plan import Plan
    from envdoctor.repair.documents import Document
    from envdoctor.repair.planning import Outcome

_MOST = 12
"""Moves that are told one by one; what only follows is counted beyond."""


class Screen:
    """Writes about one repair."""

    def __init__(self, values: Values) -> None:
        self._values = values
        colour = wants_colour(values["color"], sys.stdout)
        self._sheet = Page(Options(width=width(sys.stdout), colour=colour, quiet=values["quiet"], verbose=False))

    def show(self, outcome: Outcome, plan: Plan | None, documents: Sequence[Document]) -> None:
        """Print a plan, or that none is needed, or that there is none."""
        sheet = self._sheet
        if not self._values["quiet"]:
            for finding in outcome.report.findings:
                if finding.severity == "error":
                    sheet.block(("error", ERROR_STYLE), [[(clean(finding.message or finding.title), "")]])
            for remark in outcome.remarks:
                sheet.block(("note", NOTE_STYLE), [[(clean(remark), "")]])
            sheet.gap()
        if outcome.conflict:
            self._impossible(outcome)
        elif plan is None:
            self._nothing(outcome)
        else:
            self._plan(outcome, plan, documents)
        put(sheet.text())

    def done(self, plan: Plan, paths: Sequence[str], identity: str, locked: str = "") -> None:
        """Print what was changed, and how to go back."""
        sheet = self._sheet
        self._moves(plan)
        sheet.gap()
        for path in paths:
            sheet.block(("written", FIT_STYLE), [[(clean(path), "bold")]])
        if not paths:
            sheet.block(("applied", FIT_STYLE), [[(clean(plan.cost), "")]])
        if locked:
            sheet.block(("next", QUIET_STYLE), [[(locked, "bold")]], whole=True)
        if identity:
            sheet.block(("undo", QUIET_STYLE), [[("envdoctor undo", "")]], whole=True)
        self._left(plan)
        put(sheet.text())

    def _nothing(self, outcome: Outcome) -> None:
        where = clean(outcome.ill.listing.path) if outcome.ill.listing is not None else "the environment"
        if any(finding.severity == "error" for finding in outcome.report.findings):
            told = "no other version of a package changes that; `envdoctor check` says what does"
            self._sheet.block(("unfit", ERROR_STYLE), [[(told, "")]])
        else:
            self._sheet.block(("fit", FIT_STYLE), [[(f"nothing to repair: {where} stays as it is", "")]])

    def _impossible(self, outcome: Outcome) -> None:
        sheet, found = self._sheet, outcome.core
        if found is None:
            sheet.block(("no way", ERROR_STYLE), [[("no set of versions keeps all of this", "bold")]])
        else:
            count = len(found.wishes)
            told = "this requirement alone" if count == 1 else f"these {count} requirements together"
            sheet.block(("no way", ERROR_STYLE), [[(f"nothing satisfies {told}:", "bold")]])
            for number, wish in enumerate(found.wishes, 1):
                arm = "└─" if number == count else "├─"
                line = next((line for line in outcome.ill.lines.get(wish.name, ()) if line.location is not None), None)
                where = f"{line.location.path} line {line.location.line}" if line is not None and line.location is not None else "installed"
                sheet.block(("", ""), [[(f"{arm} ", QUIET_STYLE), (clean(wish.text()), ""), (f"  {clean(where)}", QUIET_STYLE)]])
        sheet.gap()
        proof = " ".join(line.strip() for line in outcome.conflict.splitlines() if line.strip())
        proof = proof.removeprefix("error: No solution found when resolving dependencies").strip().removeprefix("cause: ")
        if proof:
            sheet.block(("why", QUIET_STYLE), [[(clean(proof), "")]])
        for name, versions in (found.without if found is not None else {}).items():
            moved = {one: version for one, version in versions.items() if outcome.ill.now.get(one) not in (None, version)}
            others = ", ".join(f"{one} {version}" for one, version in sorted(moved.items())[:4])
            sheet.block(("or", QUIET_STYLE), [[(clean(f"drop {name}: then the rest is fit" + (f" with {others}" if others else "")), "")]])

    def _plan(self, outcome: Outcome, plan: Plan, documents: Sequence[Document]) -> None:
        sheet = self._sheet
        sheet.block(("plan", FIT_STYLE), [[(clean(plan.cost), "bold")]])
        self._moves(plan)
        if documents:
            from envdoctor.repair.edits import diff

            for lines in diff(documents, plan.edits).values():
                sheet.gap()
                for line in lines:
                    style = {"+": FIT_STYLE, "-": ERROR_STYLE, "@": QUIET_STYLE}.get(line[:1], "")
                    sheet.line([(clean(line), QUIET_STYLE if line.startswith(("+++", "---")) else style)])
        others = [other for other in outcome.plans if other.solution != plan.solution]
        if others and not self._values["quiet"]:
            sheet.gap()
            for number, other in enumerate(outcome.plans, 1):
                if other.solution != plan.solution:
                    moved = ", ".join(f"{move.name} {_way(move.old, move.new)}" for move in other.moves if move.named or move.because)
                    sheet.block((f"or {number}", QUIET_STYLE), [[(clean(f"{other.cost}: {moved}"), "")]])
        self._left(plan)
        sheet.gap()
        if plan.verified == "proven":
            sheet.block(("proven", FIT_STYLE), [[("installed in an environment of its own, and trained with", "")]])
        for remark in plan.remarks:
            sheet.block(("note", NOTE_STYLE), [[(clean(remark), "")]])
        sheet.block(("do", QUIET_STYLE), [[(clean(again(outcome, self._values)), "bold")]], whole=True)

    def _moves(self, plan: Plan) -> None:
        told = [move for move in plan.moves if move.named or (move.because and move.old is not None) or move.rules]
        told.sort(key=lambda move: (not move.named, move.old is None, move.name))
        rows = [(clean(f"{move.name} {_way(move.old, move.new)}"), clean("; ".join(move.because[:1]))) for move in told[:_MOST]]
        if rows:
            self._sheet.pairs(("", ""), rows)
        left = len(plan.moves) - len(rows)
        if left:
            self._sheet.block(("", ""), [[(f"and {left} more that follow", QUIET_STYLE)]])

    def _left(self, plan: Plan) -> None:
        for left in plan.leaves:
            self._sheet.block(("left", WARNING_STYLE), [[(clean(f"{left.finding.message}: {left.why}"), "")]])


def _way(old: str | None, new: str | None) -> str:
    if old is None:
        return f"{new} comes"
    return f"{old} goes" if new is None else f"{old} → {new}"
