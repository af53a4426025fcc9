"""The report as GitHub-flavoured Markdown, for a comment on a pull request or an issue: summary, table, details."""

from __future__ import annotations

from envdoctor.model.uses import USES
from envdoctor.report import breakage, remedies, summary
from envdoctor.report.plain import clean
from envdoctor.report.reasons import seen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.model.finding import Finding, Report
    from envdoctor.report.options import Options

_ENVIRONMENT = ("python.version", "os.name", "os.arch", "os.glibc", "gpu.names", "driver.version", "torch.build", "torch.cuda")
_TRAINING_STACK = frozenset(name for needed, _ in USES.values() for name in needed)
_SPECIAL = {char: f"\\{char}" for char in "\\`*[]|#~"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


def render(report: Report, *, options: Options) -> str:
    """Tell a report in Markdown; `quiet` keeps errors only."""
    findings = [finding for finding in breakage.ordered(report.findings) if finding.severity == "error" or not options.quiet]
    told = summary.sentence(report)
    parts = [f"**envdoctor: {_escape(report.verdict)}**{_escape(told[len(report.verdict) :])}"]
    if findings:
        rows = [(finding.severity, _escape(finding.title), _breaks(finding, report), _code(finding.rule)) for finding in findings]
        parts.append("\n".join(["| | finding | breaks | rule |", "|---|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]))
        parts += [_details(finding, report) for finding in findings]
    parts.append(_environment(report))
    return "\n\n".join(parts) + "\n"


def _breaks(finding: Finding, report: Report) -> str:
    broken = breakage.broken_uses(finding, report.purpose)
    cost = breakage.cost(finding, report.purpose)
    return _escape(f"{broken}: {cost}" if broken else cost)


def _details(finding: Finding, report: Report) -> str:
    lines = ["<details>", f"<summary><b>{finding.severity}</b>: {_escape_html(finding.message or finding.title)}</summary>", ""]
    lines += [f"**Breaks** {_breaks(finding, report)}", ""]
    if finding.why:
        lines += [_escape(" ".join(finding.why.split())), ""]
    told = seen(finding)
    if told:
        lines += ["**Seen**", "", *(f"- {_code(what)}{f' in {_code(origin)}' if origin else ''}" for what, origin in told), ""]
    for number, remedy in enumerate(finding.remedies):
        line = remedies.line(remedy, report.snapshot)
        lines.append(f"**{'Or' if number else 'Do'}** {_escape(remedy.title)} ({remedy.safety})")
        # A new paragraph for text, a block with a copy button for a command.
        lines += ["", *_block(line), ""] if remedies.is_command(remedy) else ["", _escape(line), ""]
    lines += [f"**More** {_link(link)}" for link in finding.links]
    return "\n".join([*lines, "", "</details>"])


def _environment(report: Report) -> str:
    """Show versions of the training stack and of whatever a finding names, not of the hundreds beside them."""
    from envdoctor import __version__

    patient = report.snapshot
    wanted = _TRAINING_STACK | {name for finding in report.findings for name in finding.packages}
    known = [(path, patient.facts[path].value) for path in _ENVIRONMENT if path in patient.facts]
    lines = [f"{path} {', '.join(value) if isinstance(value, tuple) else value}" for path, value in known]
    lines += [f"{name} {one.version or 'unknown'}" for name, one in sorted(patient.distributions.items()) if name in wanted]
    lines.append(f"envdoctor {__version__}" + (f", rule book {report.book_version}" if report.book_version else ""))
    return "\n".join(["<details>", "<summary>Environment</summary>", "", *_block("\n".join(map(clean, lines)), "text"), "", "</details>"])


def _escape(text: str) -> str:
    """Write text so that Markdown shows it as it is, in a table cell too."""
    words = "".join(_SPECIAL.get(char, char) for char in clean(text)).split(" ")
    return " ".join(word.replace("_", "\\_") if _is_emphasised(word) else word for word in words)


def _is_emphasised(word: str) -> bool:
    """Tell whether Markdown would swallow the underscores; it leaves those between letters alone."""
    bare = word.strip("(),.;:'\"")
    return "__" in bare or bare.startswith("_") or bare.endswith("_")


def _escape_html(text: str) -> str:
    return clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _code(text: str) -> str:
    """Write a code span; a longer fence encloses backticks, and a pipe would end a table cell."""
    flat = clean(text).replace("|", "\\|")
    fence = _fence(flat, 1)
    return f"{fence} {flat} {fence}" if "`" in flat else f"{fence}{flat}{fence}"


def _block(text: str, language: str = "sh") -> list[str]:
    fence = _fence(text, 3)
    return [f"{fence}{language}", text, fence]


def _fence(text: str, least: int) -> str:
    longest = run = 0
    for char in text:
        run = run + 1 if char == "`" else 0
        longest = max(longest, run)
    return "`" * (longest + 1 if longest >= least else least)


def _link(link: str) -> str:
    return f"<{clean(link).replace('<', '%3C').replace('>', '%3E').replace(' ', '%20')}>"
