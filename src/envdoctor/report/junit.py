"""The report as JUnit XML, for build servers: one test case per use, one failure per finding that breaks it."""

from __future__ import annotations

from xml.etree import ElementTree

from envdoctor.model.finding import FIT, UNFIT
from envdoctor.report import breakage, remedies, summary
from envdoctor.report.missing import phrases, some
from envdoctor.report.plain import clean
from envdoctor.report.reasons import seen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.model.finding import Finding, Report
    from envdoctor.report.options import Options


def render(report: Report, *, options: Options) -> str:
    """Tell a report as JUnit XML: a use that is unfit has failed, one that cannot be judged was skipped.

    A finding that breaks none of the uses listed is a test case of its own, so that no finding is lost; a note never fails.
    """
    del options
    suite = ElementTree.Element("testsuite", name=clean(f"envdoctor check --for {report.purpose}" if report.purpose else "envdoctor check"))
    findings = [finding for finding in breakage.ordered(report.findings) if finding.severity != "note"]
    told: set[str] = set()
    for use, verdict in sorted(report.uses.items()):
        case = ElementTree.SubElement(suite, "testcase", classname="envdoctor.uses", name=clean(use))
        if verdict == UNFIT:
            causes = [finding for finding in findings if use in finding.uses]
            told.update(finding.key for finding in causes)
            _fail(case, use, causes, report)
        elif verdict != FIT:
            ElementTree.SubElement(case, "skipped", message=f"cannot be judged: {some(phrases(report), 3) or 'facts are missing'}")
    for finding in findings:
        if finding.key not in told:
            case = ElementTree.SubElement(suite, "testcase", classname="envdoctor.findings", name=clean(finding.key))
            _fail(case, finding.subject, [finding], report)
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    suite.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    suite.set("errors", "0")
    suite.set("skipped", str(sum(case.find("skipped") is not None for case in cases)))
    ElementTree.SubElement(suite, "system-out").text = summary.sentence(report)
    suites = ElementTree.Element("testsuites", {name: suite.get(name, "0") for name in ("tests", "failures", "errors", "skipped")})
    suites.append(suite)
    ElementTree.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(suites, encoding="unicode")}\n'


def _fail(case: ElementTree.Element, name: str, causes: list[Finding], report: Report) -> None:
    """Many readers know one failure per case: it carries all findings."""
    message = clean(causes[0].message) if causes else clean(f"{name} is unfit")
    kind = causes[0].severity if causes else "error"
    failure = ElementTree.SubElement(case, "failure", message=message, type=kind)
    failure.text = "\n\n".join(_describe(finding, report) for finding in causes) or message


def _describe(finding: Finding, report: Report) -> str:
    lines = [f"{finding.severity}: {finding.message} [{finding.rule}]", f"cost: {breakage.cost(finding, report.purpose)}"]
    lines += [f"seen: {what}{f' ({origin})' if origin else ''}" for what, origin in seen(finding)]
    lines += [f"{'or' if number else 'do'}: {remedies.line(remedy, report.snapshot)}" for number, remedy in enumerate(finding.remedies)]
    lines += [f"more: {link}" for link in finding.links[:1]]
    return "\n".join(map(clean, lines))
