"""How a report is told. One format a module; nothing here opens a file, asks the environment or changes a verdict."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.model.finding import Report
    from envdoctor.report.options import Options

FORMATS: dict[str, str] = {
    # `--format` word: module in envdoctor.report with `render(report, *, options)`
    "text": "text",
    "json": "json_v1",
    "sarif": "sarif",
    "junit": "junit",
    "github": "github",
    "markdown": "markdown",
}


def render(report: Report, form: str, *, options: Options) -> str:
    """Write a report in the format of that name, ending in a line break. Raises UsageError for an unknown name."""
    module = FORMATS.get(form)
    if module is None:
        from envdoctor.model.errors import UsageError

        raise UsageError(f"there is no report format {form!r}; choose one of {', '.join(FORMATS)}")
    if module == "text":  # the warm path of every check: no detour over importlib
        from envdoctor.report import text

        return text.render(report, options=options)
    from importlib import import_module

    told: str = import_module(f"envdoctor.report.{module}").render(report, options=options)
    return told
