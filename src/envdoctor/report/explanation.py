"""The explanation of a log for people: one block an error, in the gutter and the words of the check's report, and what to do next."""

from __future__ import annotations

from envdoctor.model.explanation import ELSEWHERE, FIRES, LOG_ONLY, UNTOLD
from envdoctor.model.finding import ARGUMENT_MISSING, BUILT_IN, NAME_MISSING
from envdoctor.report import page, remedies
from envdoctor.report.missing import some
from envdoctor.report.plain import ERROR_STYLE, FIT_STYLE, NO_BREAK, NOTE_STYLE, QUIET_STYLE, WARNING_STYLE, clean, wrap
from envdoctor.report.reasons import seen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from envdoctor.model.explanation import Explanation
    from envdoctor.model.snapshot import Snapshot
    from envdoctor.report.options import Options
    from envdoctor.report.page import Page
    from envdoctor.report.plain import Run

_HERE = {
    FIRES: "it is so in this environment",
    ELSEWHERE: "it is not so in this environment: the log comes from another one, or this one has changed since",
    UNTOLD: "whether it is so in this environment cannot be told",
}
_STYLES = {"error": ERROR_STYLE, "warning": WARNING_STYLE, "note": NOTE_STYLE}
_MOST = 12  # errors that are told at length
_MOST_PARAGRAPHS = 2
_OF_SCRIPTS = (ARGUMENT_MISSING, NAME_MISSING)
"""What a script may be rewritten for, where it is the script that asks."""
_SCRIPTS = (".py", ".ipynb")
_OFTEN = 100
"""From here on a log's lines are no longer counted."""


def drawn(told: Sequence[Explanation], name: str, patient: Snapshot, *, options: Options) -> str:
    """Tell the explanations of a log, called `name`."""
    sheet = page.Page(options)
    shown = list(told) if options.verbose else list(told[:_MOST])
    for one in shown:
        sheet.gap()
        _draw(sheet, one, name, patient, options)
    sheet.gap()
    for line in wrap(_summary(told, name, len(shown)), options.width):
        sheet.line(line)
    command = onward(told)
    if command:
        sheet.line([("next: ", QUIET_STYLE), (command, "bold")])
    return sheet.text()


def onward(told: Sequence[Explanation]) -> str:
    """Return the one command to go on with, "" where none helps."""
    script = next((one.raised_in for one in told if one.standing == FIRES and one.finding.rule in _OF_SCRIPTS and not one.raised_by), "")
    path = script.rpartition(":")[0]
    if path.endswith(_SCRIPTS):  # not a cell, nor a text given to Python
        return f"envdoctor fix {clean(path)}"
    if any(one.standing == FIRES and any(remedy.require or remedy.remove for remedy in one.finding.remedies) for one in told):
        return "envdoctor fix"
    known = [one.finding.rule for one in told if one.is_known and one.finding.rule not in LOG_ONLY and one.finding.rule not in BUILT_IN]
    if known:
        return f"envdoctor rules show {clean(known[0])}"
    return "envdoctor check --verbose" if any(not one.is_known for one in told) else ""


def _draw(sheet: Page, one: Explanation, name: str, patient: Snapshot, options: Options) -> None:
    finding = one.finding
    severity = _severity(one)
    mark = (severity, _STYLES.get(severity, "")) if one.is_known else ("unknown", WARNING_STYLE)
    sheet.block(mark, [[(clean(one.headline), "bold")]])
    if one.is_known:
        sheet.block(_label("cause"), [[(_flat(finding.message or finding.title), "")]])
    else:
        sheet.block(_label("known"), [[(_flat(finding.message), "")]])
    if one.standing in _HERE and one.is_known:
        sheet.block(_label("here"), [[(_HERE[one.standing], "")]])
    sheet.block(_label("log"), [[(_where(one, name), "")]])
    if one.raised_in and not options.quiet:
        sheet.block(_label("raised"), [[(_raised(one, patient), "")]])
    if finding.why and not options.quiet:
        kept = finding.why.split("\n\n")
        paragraphs = [" ".join(part.split()) for part in (kept if options.verbose else kept[:_MOST_PARAGRAPHS])]
        sheet.block(_label("why"), [[(clean(paragraph), "")] for paragraph in paragraphs if paragraph])
    rows = seen(finding.replace(because=tuple(reason for reason in finding.because if reason.what != "log"), locations=()))
    if rows and not options.quiet:
        sheet.pairs(_label("seen"), rows)
    if one.numbers and not options.quiet:
        sheet.pairs(_label("memory"), [(clean(what), clean(size)) for what, size in one.numbers])
    for number, remedy in enumerate(finding.remedies):
        content = [(remedies.line(remedy, patient), "" if number else "bold")]
        sheet.block(_label("or" if number else "do"), [content], whole=remedies.is_command(remedy))
    if one.others and not options.quiet:
        sheet.block(_label("also"), [[(f"known to {some([clean(rule) for rule in one.others], 2)}", QUIET_STYLE)]])
    if one.is_known and finding.rule not in LOG_ONLY:
        links = [[(clean(link), QUIET_STYLE)] for link in (finding.links if options.verbose else finding.links[:1])]
        sheet.block(_label("more"), [*links, [(f"envdoctor rules show {clean(finding.rule)}", QUIET_STYLE)]], whole=True)


def _where(one: Explanation, name: str) -> str:
    told = f"{clean(name)}:{one.line}" if one.line else clean(name)
    if one.count > 1:
        told += f", {one.count} times or more" if one.count >= _OFTEN else f", {one.count} times"
    if one.ranks:
        ranks = [clean(rank) for rank in one.ranks]
        told += f", in rank {ranks[0]}" if len(ranks) == 1 else f", in {len(ranks)} ranks ({some(ranks, 4)})"
    return told


def _raised(one: Explanation, patient: Snapshot) -> str:
    found = patient.distribution(one.raised_by) if one.raised_by else None
    by = f", by {clean(one.raised_by)}{f' {clean(found.version)}' if found is not None and found.version else ''}" if one.raised_by else ""
    return clean(one.raised_in) + by + (f", called from {clean(one.called_from)}" if one.called_from else "")


def _summary(told: Sequence[Explanation], name: str, shown: int) -> list[Run]:
    if not told:
        return [("nothing wrong", FIT_STYLE), (f": {clean(name)} holds no error that can be read", "")]
    known = sum(one.is_known for one in told)
    here = sum(one.standing == FIRES for one in told)
    runs: list[Run] = [("explained" if known else "not explained", ERROR_STYLE if known else WARNING_STYLE)]
    runs.append((f": {_counted(told)} in {clean(name)}", ""))
    if known:
        runs.append((f", {here or 'none'}{NO_BREAK}of them so in this environment" if len(told) > 1 else "", ""))
    if known < len(told):
        unknown = f"{len(told) - known}{NO_BREAK}of them" if known else "it" if len(told) == 1 else "them"
        runs.append((f"; no rule knows {unknown}", ""))
    if shown < len(told):
        runs.append((f" ({len(told) - shown} more with --verbose)", QUIET_STYLE))
    return runs


def _severity(one: Explanation) -> str:
    """Return how bad it is: whatever was raised is an error, and what was only printed is what its rule says."""
    return "error" if one.crashed or not one.is_known else one.finding.severity


def _counted(told: Sequence[Explanation]) -> str:
    """Return how many errors and warnings there are."""
    counts = [(sum(_severity(one) == severity for one in told), severity) for severity in ("error", "warning", "note")]
    return ", ".join(f"{count}{NO_BREAK}{severity}{'s' if count > 1 else ''}" for count, severity in counts if count)


def _label(name: str) -> tuple[str, str]:
    return f"  {name}", QUIET_STYLE


def _flat(text: str) -> str:
    return clean(" ".join(text.split()))
