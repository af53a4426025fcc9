"""The report for people. Without findings, or with short notes only, it is printed by hand; `screen` draws every other one with rich.

The fast path is here, the slow one it must agree with in `screen`; tests/report/test_report_text.py holds them together.
"""

from __future__ import annotations

from envdoctor.model.finding import UNFIT, UNKNOWN
from envdoctor.report import summary
from envdoctor.report.plain import NOTE_STYLE, QUIET_STYLE, paint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.model.finding import Report
    from envdoctor.report.options import Options
    from envdoctor.report.plain import Run

_GUTTER = 10


def render(report: Report, *, options: Options) -> str:
    """Tell a report in plain words, in colour if asked."""
    notes = _plain_notes(report, options)
    if notes is not None:
        told: list[list[Run]] = [*notes, *([[]] if notes else []), *summary.lines(report, options.width)]
        return "".join(paint(line, colour=options.colour) + "\n" for line in told)
    from envdoctor.report import screen

    return screen.draw(report, options)


def _plain_notes(report: Report, options: Options) -> list[list[Run]] | None:
    """Return the lines before the summary if they are so plain that no library is needed for them, else None."""
    verdicts = report.uses.values()
    if (options.verbose and not options.quiet) or UNFIT in verdicts or any(finding.severity != "note" for finding in report.findings):
        return None
    if options.quiet or not report.findings:
        return []
    if UNKNOWN in verdicts:
        return None
    from envdoctor.report.breakage import ordered

    lines: list[list[Run]] = []
    room = max(options.width - _GUTTER, 20)
    for finding in ordered(report.findings):
        title = " ".join(finding.title.split())
        words = [*title.split(" "), finding.rule]
        if not (title + finding.rule).isascii() or not (title + finding.rule).isprintable() or max(map(len, words)) > room:
            return None
        lines += _note(title, finding.rule, room)
    return lines


def _note(title: str, rule: str, room: int) -> list[list[Run]]:
    """Break a note's line at spaces, beside its mark."""
    rows, row = [], ""
    for word in title.split(" "):
        if row and len(row) + 1 + len(word) > room:
            rows.append(row)
            row = word
        else:
            row = f"{row} {word}" if row else word
    fits = len(row) + 2 + len(rule) <= room
    lines: list[list[Run]] = [[(" " * _GUTTER, ""), (text, "")] for text in [*rows, row]]
    if fits:
        lines[-1] += [("  ", ""), (rule, QUIET_STYLE)]
    else:
        lines.append([(" " * _GUTTER, ""), (rule, QUIET_STYLE)])
    lines[0][0:1] = [("note", NOTE_STYLE), (" " * (_GUTTER - len("note")), "")]
    return lines
