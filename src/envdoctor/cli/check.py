"""`envdoctor check`: the main job."""

from __future__ import annotations

import os
import sys

from envdoctor.cli.options import FLAG, LIST, VALUE, Operand, Option, explain, scan
from envdoctor.model.request import Config, Request, Target
from envdoctor.model.rule import SEVERITIES
from envdoctor.model.uses import PURPOSES
from envdoctor.report import FORMATS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from envdoctor.cli.options import Values
    from envdoctor.model.finding import Report

SUMMARY = (
    "Judge an environment. Without PATH, the environment in use. A PATH is a virtual environment or conda prefix, a requirements file, "
    "pyproject.toml, lock file or environment.yml, a saved snapshot, a training script (.py, .ipynb) or configuration (axolotl, trl ...), "
    "or a folder of scripts."
)
PATIENT: tuple[Option, ...] = (
    Option(name="python", kind=VALUE, metavar="PATH", help="judge the environment of this interpreter, venv or conda prefix"),
    Option(name="freeze", kind=VALUE, metavar="FILE", help="the file lists all that is installed (pip freeze, pip inspect)"),
    Option(name="gpu", kind=VALUE, metavar="CARD", help='judge for this card instead of this machine\'s, such as "H100-80GB", T4 or 24GB'),
    Option(name="gpus", kind=VALUE, metavar="N", number=True, help="judge for this number of cards; 0 for none"),
    Option(name="driver", kind=VALUE, metavar="VERSION", help="judge for this GPU driver, such as 550 or 550.54.14"),
    Option(name="platform", kind=VALUE, metavar="NAME", help="judge for this platform, such as linux-x86_64 or macos-arm64"),
    Option(name="python-version", kind=VALUE, metavar="X.Y", help="judge for this Python"),
    Option(name="model", kind=VALUE, metavar="NAME", help="the model to be trained: a name, or a folder"),
)
OPTIONS: tuple[Option, ...] = (
    *PATIENT,
    Option(name="for", kind=VALUE, choices=tuple(PURPOSES), help="what must work; without it, SFT must, and all else is watched"),
    Option(name="format", kind=VALUE, choices=tuple(FORMATS), default="text", help="output format (default: text)"),
    Option(name="output", short="o", kind=VALUE, metavar="FILE", help="write the report to a file"),
    Option(name="fail-on", kind=VALUE, choices=SEVERITIES, help="exit with 1 from this severity on (default: error)"),
    Option(name="strict", kind=FLAG, help="exit with 1 also when something could not be judged"),
    Option(name="select", kind=LIST, metavar="RULE", help="run only these rules (ids or patterns such as 'torchao-*')"),
    Option(name="only", kind=VALUE, choices=("rules", "atlas"), help="judge with one kind of knowledge: written rules, or mined releases"),
    Option(name="deep", kind=FLAG, help="read the installed files of every package that is not certainly a release the atlas knows"),
    Option(name="no-deep", kind=FLAG, help="read no installed files, also not of releases that the atlas does not know"),
    Option(name="config", kind=VALUE, metavar="FILE", help="read this configuration instead of the nearest"),
    Option(name="no-config", kind=FLAG, help="read no configuration"),
    Option(name="quiet", short="q", kind=FLAG, help="print errors and the summary only"),
    Option(name="verbose", short="v", kind=FLAG, help="print everything known about every finding"),
    Option(name="color", kind=VALUE, choices=("auto", "always", "never"), default="auto", help="colour (default: auto)"),
)
OPERAND = Operand(name="paths", metavar="PATH", help="what to judge")
_MENTIONED = 3
"""Files that are named on stderr, of those that a folder gave."""


def run(words: Sequence[str]) -> int:
    """Run `envdoctor check ...`."""
    values = scan(words, OPTIONS, OPERAND) or explain(words, "envdoctor check", SUMMARY, OPTIONS, OPERAND)
    from envdoctor.cli.deep import Deep
    from envdoctor.cli.terminal import Patience
    from envdoctor.diagnosis import check

    config = configuration(values)
    with Patience("examining", values["quiet"]) as patience:
        deep = Deep(patience)
        report = check(request(values, config), mine=deep, say=patience.say)
    mention(report, values, deep.problems)
    show(report, values)
    return verdict_code(report, values["fail_on"] or config.fail_on or "error", values["strict"] or bool(config.strict))


def configuration(values: Values) -> Config:
    """Return the configuration that counts. Raises ConfigError."""
    if values["no_config"]:
        return Config()
    from envdoctor.facts.configuration import find_config, read_config
    from envdoctor.facts.patient import working_directory

    return read_config(values["config"]) if values["config"] else find_config(working_directory())


def request(values: Values, config: Config) -> Request:
    """Return the question that the command line and the configuration ask."""
    given = {"model.name": values["model"]} if values["model"] else {}
    return Request(
        paths=values["paths"],
        python=values["python"],
        freeze=values["freeze"],
        purpose=values["for"] or config.purpose,
        target=target(values),
        given=given,
        select=values["select"] or config.select,
        ignores=config.ignores,
        only=values["only"] or "",
        deep=depth(values, config),
    )


def depth(values: Values, config: Config) -> bool | None:
    """Return of which packages the installed files are read, as `Request.deep` says it. Raises UsageError."""
    if values["deep"] and values["no_deep"]:
        from envdoctor.model.errors import UsageError

        raise UsageError("--deep and --no-deep exclude each other; give one of them")
    return True if values["deep"] else False if values["no_deep"] else config.deep


def target(values: Values) -> Target:
    """Return the machine that the command line describes."""
    return Target(
        gpu=values["gpu"],
        gpus=values["gpus"],
        driver=values["driver"],
        platform=values["platform"],
        python_version=values["python_version"],
    )


def mention(report: Report, values: Values, problems: Sequence[str] = ()) -> None:
    """Say on stderr which file a folder gave, which script its packages, and what could not be read in it, or of what is installed."""
    named = set(values["paths"]) | {values["freeze"]}
    found = [one for one in report.snapshot.documents if one.path not in named or one.path.endswith((".py", ".ipynb"))]
    for document in found[:_MENTIONED] if not values["quiet"] else ():
        sys.stderr.write(f"envdoctor: judging {document.path} ({document.kind})\n")
    if len(found) > _MENTIONED and not values["quiet"]:
        sys.stderr.write(f"envdoctor: and {len(found) - _MENTIONED} more\n")
    for document in report.snapshot.documents:
        for problem in document.problems:
            sys.stderr.write(f"envdoctor: {problem}\n")
    for problem in problems:
        sys.stderr.write(f"envdoctor: {problem}\n")


def show(report: Report, values: Values) -> None:
    """Print a report, or write it to the file asked for."""
    from envdoctor.cli.terminal import put, wants_colour, width
    from envdoctor.report import render
    from envdoctor.report.options import Options

    to_file = values["output"]
    colour = wants_colour(values["color"], sys.stdout) and (not to_file or values["color"] == "always")
    options = Options(width=width(sys.stdout), colour=colour, quiet=values["quiet"], verbose=values["verbose"])
    text = render(report, values["format"], options=options)
    if to_file:
        write_whole(to_file, text)
    else:
        put(text)


def write_whole(path: str, what: str | bytes, option: str = "--output") -> None:
    """Write a file in one step, so that nobody ever reads half of it; a pipe or a device is written to as it is. Raises UsageError."""
    from envdoctor.model.errors import UsageError

    special = os.path.exists(path) and not os.path.isfile(path)
    real = part = path
    try:
        if not special:
            real = os.path.realpath(path)  # a link stays a link
            part = f"{real}.{os.getpid()}.part"
        with open(part, "wb") as file:
            file.write(what.encode("utf-8", "replace") if isinstance(what, str) else what)
        if not special:
            os.replace(part, real)
    except (OSError, ValueError) as error:
        if not special:
            _forget(part)
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{option} {path}: cannot be written: {reason}; name a file in a folder that can be written to") from None


def _forget(path: str) -> None:
    try:
        os.unlink(path)
    except (OSError, ValueError):
        pass


def verdict_code(report: Report, fail_on: str, strict: bool) -> int:
    """Return 1 if a finding is at or above the threshold, or if something is unknown under `--strict`; else 0."""
    if report.reaches(fail_on):
        return 1
    if strict:
        from envdoctor.model.finding import UNKNOWN, Unknown

        if report.verdict == UNKNOWN or report.count(Unknown):
            return 1
    return 0
