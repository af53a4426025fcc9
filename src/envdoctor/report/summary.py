"""The last line of every report: verdict, counts, and what is missing. Stays free of heavy imports: a clean check prints nothing else."""

from __future__ import annotations

from envdoctor.model.finding import FIT, UNFIT, UNKNOWN, Clear, Crashed, Skipped, Unknown
from envdoctor.report.missing import phrases, settling, some
from envdoctor.report.plain import ERROR_STYLE, FIT_STYLE, NO_BREAK, QUIET_STYLE, WARNING_STYLE, clean, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.model.finding import Report
    from envdoctor.report.plain import Run

VERDICT_STYLES = {FIT: FIT_STYLE, UNFIT: ERROR_STYLE, UNKNOWN: WARNING_STYLE}


def counts(report: Report) -> dict[str, int]:
    """Count findings by severity, and rules by outcome."""
    found = {"error": 0, "warning": 0, "note": 0}
    for finding in report.findings:
        found[finding.severity] = found.get(finding.severity, 0) + 1
    return {
        **found,
        "clear": report.count(Clear),
        "unknown": report.count(Unknown),
        "skipped": report.count(Skipped),
        "crashed": report.count(Crashed),
    }


def summary(report: Report) -> list[Run]:
    """Tell verdict and counts in one sentence."""
    number = counts(report)
    found = ", ".join(_counted(number[word], word) for word in ("error", "warning", "note") if number[word])
    rules = [f"{_counted(number['clear'], 'rule')}{NO_BREAK}clear"]
    if number["skipped"]:
        rules.append(f"{number['skipped']}{NO_BREAK}skipped")
    if report.suppressed:
        rules.append(f"{len(report.suppressed)}{NO_BREAK}ignored")
    runs: list[Run] = [
        (report.verdict, VERDICT_STYLES.get(report.verdict, "")),
        (f" for {clean(report.purpose)}" if report.purpose else "", ""),
        (f": {found or 'no findings'}; {', '.join(rules)}", ""),
    ]
    if number["crashed"]:
        runs.append((f", {number['crashed']}{NO_BREAK}failed to run", ""))
        failed = sorted(clean(rule) for rule, outcome in report.outcomes.items() if isinstance(outcome, Crashed))
        runs.append((f" ({some(failed, 2)})", QUIET_STYLE))
    if number["unknown"]:
        runs.append((f", {number['unknown']}{NO_BREAK}unknown", ""))
        missing = phrases(report)
        if missing:
            runs.append((f" ({some(missing, 3)})", QUIET_STYLE))
    return [run for run in runs if run[0]]


def sentence(report: Report) -> str:
    """Tell verdict and counts in one unstyled line."""
    return "".join(text for text, _ in summary(report)).replace(NO_BREAK, " ")


def lines(report: Report, width: int) -> list[list[Run]]:
    """Tell the summary in lines of at most `width` columns; an unknown verdict adds what would settle it."""
    told = wrap(summary(report), width)
    if report.verdict == UNKNOWN:
        how = settling(report)
        if how:
            told += wrap([(f"to settle it, {how}", QUIET_STYLE)], width)
    return told


def _counted(number: int, word: str) -> str:
    return f"{number}{NO_BREAK}{word}" if number == 1 else f"{number}{NO_BREAK}{word}s"
