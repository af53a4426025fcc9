"""The report for people. A report without findings is printed by hand, in no time; `screen` draws every other one with rich."""

from __future__ import annotations

from envdoctor.model.finding import UNFIT
from envdoctor.report import summary
from envdoctor.report.plain import paint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.model.finding import Report
    from envdoctor.report.options import Options


def render(report: Report, *, options: Options) -> str:
    """Tell a report in plain words, in colour if asked."""
    if _is_summary_only(report, options):
        told = summary.lines(report, options.width)
        return "".join(paint(line, colour=options.colour) + "\n" for line in told)
    from envdoctor.report import screen

    return screen.draw(report, options)


def _is_summary_only(report: Report, options: Options) -> bool:
    if options.verbose and not options.quiet:
        return False
    return not report.findings and UNFIT not in report.uses.values()
