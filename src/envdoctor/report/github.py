"""The report as workflow commands of GitHub Actions: one annotation per finding, the summary as a plain last line."""

from __future__ import annotations

from envdoctor.report import breakage, remedies, summary
from envdoctor.report.plain import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.model.finding import Finding, Report
    from envdoctor.report.options import Options

_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def render(report: Report, *, options: Options) -> str:
    """Tell a report as annotations; a finding without a place annotates the run."""
    findings = [finding for finding in breakage.ordered(report.findings) if finding.severity == "error" or not options.quiet]
    lines = [_annotation(finding, report) for finding in findings]
    lines.append(summary.sentence(report))
    return "\n".join(lines) + "\n"


def _annotation(finding: Finding, report: Report) -> str:
    properties: dict[str, str] = {}
    if finding.locations:
        place = finding.locations[0]
        properties = {"file": place.file.replace("\\", "/")}
        if not place.cell:  # lines of a cell are not those of the notebook's JSON
            properties |= {"line": str(place.line), "col": str(place.column)}
    properties["title"] = finding.title
    told = ",".join(f"{name}={_escape_property(value)}" for name, value in properties.items())
    return f"::{_COMMANDS.get(finding.severity, 'notice')} {told}::{_body(finding, report)}"


def _body(finding: Finding, report: Report) -> str:
    broken = breakage.broken_uses(finding, report.purpose)
    cost = breakage.cost(finding, report.purpose)
    place = finding.locations[0] if finding.locations else None
    lines = [finding.message, f"in: {place.cell}, line {place.line}" if place is not None and place.cell else ""]
    lines += [f"breaks: {broken}: {cost}" if broken else f"cost: {cost}"]
    lines += [f"{'or' if number else 'do'}: {remedies.line(remedy, report.snapshot)}" for number, remedy in enumerate(finding.remedies)]
    lines += [f"more: {link}" for link in finding.links[:1]]
    lines.append(f"rule: {finding.rule}")
    return "%0A".join(_escape(line) for line in lines if line)


def _escape(text: str) -> str:
    """Escape as the runner's toolkit does; line breaks are gone, so that no file name can start a command of its own."""
    return clean(text).replace("%", "%25")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
