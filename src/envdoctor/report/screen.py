"""The report for people, drawn with rich: one gutter of labels, one column of text, no frames. `text` decides when it is needed."""

from __future__ import annotations

from envdoctor.model.facts import NOT_COLLECTED
from envdoctor.model.finding import FIT, UNFIT, Crashed
from envdoctor.report import breakage, page, remedies, summary
from envdoctor.report.missing import some
from envdoctor.report.plain import ERROR_STYLE, NOTE_STYLE, QUIET_STYLE, WARNING_STYLE, clean
from envdoctor.report.reasons import seen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.model.finding import Finding, Report
    from envdoctor.report.options import Options
    from envdoctor.report.page import Page

SEVERITY_STYLES = {"error": ERROR_STYLE, "warning": WARNING_STYLE, "note": NOTE_STYLE}
_MOST_USES = 6  # rows of the table of uses before it is cut
_MOST_SEEN = 10  # observations and places, of which a folder of scripts may give hundreds


def draw(report: Report, options: Options) -> str:
    """Draw a whole report."""
    sheet = page.Page(options)
    findings = breakage.ordered(report.findings)
    if options.quiet:
        findings = [finding for finding in findings if finding.severity == "error"]
    for finding in findings:
        if options.quiet or (finding.severity == "note" and not options.verbose):
            _draw_line(sheet, finding, whole=options.quiet)
        else:
            sheet.gap()
            _draw_finding(sheet, finding, report, verbose=options.verbose)
            sheet.gap()
    if not options.quiet:
        sheet.gap()
        _draw_uses(sheet, report, verbose=options.verbose)
        if options.verbose:
            _draw_outcomes(sheet, report)
        sheet.gap()
    for line in summary.lines(report, options.width):
        sheet.line(line)
    return sheet.text()


def _draw_line(sheet: Page, finding: Finding, *, whole: bool) -> None:
    told = finding.title
    if finding.locations:
        place = finding.locations[0]
        told = f"{place.path}:{place.line}: {finding.message if whole else finding.title}"
    sheet.block(_mark(finding), [[(_flat(told), ""), ("  ", ""), (clean(finding.rule), QUIET_STYLE)]], whole=whole)


def _draw_finding(sheet: Page, finding: Finding, report: Report, *, verbose: bool) -> None:
    sheet.block(_mark(finding), [[(_flat(finding.message or finding.title), "bold")]])
    broken = breakage.broken_uses(finding, report.purpose, most=999 if verbose else 3)
    cost = breakage.cost(finding, report.purpose)
    sheet.block(_label("breaks"), [[(f"{broken}: {cost}" if broken else cost, "")]])
    if finding.why:
        sheet.block(_label("why"), [[(paragraph, "")] for paragraph in _paragraphs(finding.why)])
    told = seen(finding)
    if len(told) > _MOST_SEEN + 1 and not verbose:
        told = [*told[:_MOST_SEEN], (f"and {len(told) - _MOST_SEEN} more; --verbose names them", "")]
    if told:
        sheet.pairs(_label("seen"), told)
    for number, remedy in enumerate(finding.remedies):
        content = [(remedies.line(remedy, report.snapshot), "" if number else "bold")]
        if verbose and remedy.title and not remedy.advice:
            sheet.block(_label("or" if number else "do"), [[(f"{_flat(remedy.title)} ({remedy.safety})", "")]])
            sheet.block(_label(""), [content], whole=remedies.is_command(remedy))
        else:
            sheet.block(_label("or" if number else "do"), [content], whole=remedies.is_command(remedy))
    links = [[(clean(link), QUIET_STYLE)] for link in (finding.links if verbose else finding.links[:1])]
    sheet.block(_label("more"), [*links, [(f"envdoctor rules show {clean(finding.rule)}", QUIET_STYLE)]], whole=True)


def _draw_uses(sheet: Page, report: Report, *, verbose: bool) -> None:
    """Tell which uses do not work and by which rule; those that cannot be judged in one line."""
    broken = [use for use, verdict in report.uses.items() if verdict == UNFIT]
    roots, resting = breakage.split(broken, report.purpose)
    rules: dict[str, list[str]] = {}
    lighter = set(broken)
    for finding in report.findings:
        if finding.severity == "note":
            continue
        for use in breakage.split(finding.uses)[0]:
            rules.setdefault(use, []).append(clean(finding.rule))
        if finding.severity == "error":
            lighter.difference_update(finding.uses)
    tables: list[list[tuple[str, str]]] = []
    for wanted in (set(broken) - lighter, lighter):
        rows = []
        for use in (use for use in (*roots, *resting) if use in wanted):
            below = [root for root in roots if root in breakage.below(use)]
            named = list(dict.fromkeys(rules.get(use, ())))
            rows.append((clean(use), some(named, 2) if named or not below else f"rests on {clean(some(below, 1))}"))
        if len(rows) > _MOST_USES + 1 and not verbose:
            rows = [*rows[:_MOST_USES], (f"and {len(rows) - _MOST_USES} more", "")]
        tables.append(rows)
    column = max(map(sheet.column, tables))
    for style, rows in zip((ERROR_STYLE, WARNING_STYLE), tables):
        sheet.pairs(("unfit", style), rows, column)
    unknown = [clean(use) for use, verdict in report.uses.items() if verdict not in (FIT, UNFIT)]
    if unknown:
        sheet.block(("unknown", WARNING_STYLE), [[(some(unknown, len(unknown) if verbose else 4), "")]])


def _draw_outcomes(sheet: Page, report: Report) -> None:
    """Tell what is missing and why, which rules failed, and what was ignored."""
    missing = report.missing()
    rows = []
    for path in sorted(missing, key=lambda path: (-missing[path], path)):
        absent = report.snapshot.absent.get(path)
        reason = absent.detail or absent.reason if absent is not None else NOT_COLLECTED
        rows.append((clean(path), clean(f"{reason}; {missing[path]} {'rule waits' if missing[path] == 1 else 'rules wait'}")))
    if rows:
        sheet.gap()
        sheet.pairs(_plain("missing"), rows)
    failed = [(clean(rule), _flat(outcome.error)) for rule, outcome in report.outcomes.items() if isinstance(outcome, Crashed)]
    if failed:
        sheet.gap()
        sheet.pairs(_plain("failed"), failed)
    if report.suppressed:
        sheet.gap()
        sheet.pairs(_plain("ignored"), [(clean(finding.rule), _flat(finding.suppressed)) for finding in report.suppressed])


def _mark(finding: Finding) -> tuple[str, str]:
    return finding.severity, SEVERITY_STYLES.get(finding.severity, "")


def _label(name: str) -> tuple[str, str]:
    return f"  {name}", QUIET_STYLE


def _plain(name: str) -> tuple[str, str]:
    return name, QUIET_STYLE


def _flat(text: str) -> str:
    return clean(" ".join(text.split()))


def _paragraphs(text: str) -> list[str]:
    """Undo the line breaks of a rule file; empty lines and list items still part."""
    found: list[str] = []
    open_paragraph = False
    for raw in text.splitlines():
        stripped = clean(raw).strip()
        if not stripped:
            open_paragraph = False
        elif open_paragraph and not stripped.startswith(("- ", "* ")):
            found[-1] += f" {stripped}"
        else:
            found.append(stripped)
            open_paragraph = True
    return found
