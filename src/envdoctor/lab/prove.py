"""Runs a rule's reproduction in real environments and says whether its error was seen where the rule expects it, and only there."""

from __future__ import annotations

import os
import re
import time

from envdoctor.lab.bounds import Side, pins
from envdoctor.lab.case import SMOKE
from envdoctor.lab.environment import SEEDED, Environment
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from envdoctor.lab.children import Ran
    from envdoctor.lab.environment import Settings
    from envdoctor.model.rule import Rule

AS_EXPECTED, OTHERWISE, NOT_RUN, ANOTHER = "as expected", "OTHERWISE", "not run", "not this error but another"
_SILENT = re.compile(r"no (?:error|exception)")
_NO_STAND_IN = "envdoctor lab: no stand-in for the name"


class Seen(Record):
    """What a run on one side showed. `outcome` is AS_EXPECTED, OTHERWISE, NOT_RUN, or ANOTHER (where no error was expected)."""

    rule: str
    side: str
    faulty: bool
    outcome: str
    error_seen: bool
    said: str
    packages: Mapping[str, str]
    date: str
    seconds: float
    python: str = ""


def observe(rule: Rule, side: Side, settings: Settings, environ: Mapping[str, str]) -> Seen:
    """Install one side, run the reproduction there, and return what was seen. Raises LabError when the lab cannot work."""
    began = time.monotonic()
    packages: dict[str, str] = {}

    def seen(outcome: str, shown: bool, said: str) -> Seen:
        return Seen(
            rule=rule.id,
            side=side.label,
            faulty=side.faulty,
            outcome=outcome,
            error_seen=shown,
            said=said[:300],
            packages=packages,
            date=time.strftime("%Y-%m-%d"),
            seconds=round(time.monotonic() - began, 1),
            python=settings.python,
        )

    with Environment(settings, environ, SEEDED if settings.python == "3.11" else "") as environment:
        refused = _install(environment, side.install)
        packages = environment.packages()
        if refused:
            return seen(NOT_RUN, False, f"cannot be installed: {refused}")
        code = os.path.join(environment.root, "reproduction.txt")
        with open(code, "w", encoding="utf-8") as file:
            file.write(rule.repro.run)
        ran = environment.run([os.path.join(SMOKE, "reproduce.py"), code])
    wrong = [f"{name} {packages.get(name)}" for name, version in pins(side.install).items() if not _is(packages.get(name, ""), version)]
    if wrong or _NO_STAND_IN in ran.err:
        why = f"not the set that was asked for: {', '.join(wrong)}" if wrong else _last(ran)
        return seen(NOT_RUN, False, why)
    shown = shows(rule.repro.error, ran)
    outcome = AS_EXPECTED if shown is side.faulty else OTHERWISE
    if not side.faulty and not shown and ran.code != 0 and not _SILENT.match(rule.repro.error):
        outcome = ANOTHER
    return seen(outcome, shown, _last(ran))


def _is(installed: str, wanted: str) -> bool:
    return installed == wanted or installed.partition("+")[0] == wanted


def _install(environment: Environment, install: tuple[str, ...]) -> str:
    """Install a set as its user came by it: in one go, or, where a resolver refuses that, one after the other and then forced."""
    plain = [entry for entry in install if not entry.startswith("-")]
    for words in [plain, *(entry.split() for entry in install if entry.startswith("-"))] if plain else [one.split() for one in install]:
        done = environment.install(words)
        if done.code == 0:
            continue
        if words is not plain:
            return _reason(done)
        for one in plain:
            done = environment.install(one.split())
            if done.code != 0:
                return _reason(done)
        done = environment.install(["--no-deps", *plain])
        if done.code != 0:
            return _reason(done)
    return ""


def _reason(done: Ran) -> str:
    return "its time ran out" if done.code is None else " ".join(done.err.split())[-300:]


def shows(error: str, ran: Ran) -> bool:
    """Tell whether a run showed the error that a rule names; `no error: prints X` asks for a run that ends well and prints X."""
    told = ran.out + ran.err
    if _SILENT.match(error):
        printed = re.search(r"prints (\S+)$", error)
        return ran.code == 0 and (printed is None or printed[1] in ran.out)
    return (ran.code != 0 and (error in told or _matches(error, told))) or (ran.code == 0 and error in ran.err)


def comparable(rule: Rule) -> bool:
    """Tell whether a run shows when the fault is absent: not for a silent fault whose code neither asserts nor prints what tells."""
    return not _SILENT.match(rule.repro.error) or "assert" in rule.repro.run or re.search(r"prints (\S+)$", rule.repro.error) is not None


def _matches(error: str, told: str) -> bool:
    try:
        return re.search(error, told) is not None
    except re.error:
        return False


def _last(ran: Ran) -> str:
    if ran.code is None:
        return f"no answer within {ran.seconds:.0f} s"
    lines = [line.strip() for line in (ran.err if ran.code else ran.out or ran.err).splitlines() if line.strip()]
    return ("" if ran.code == 0 else f"exit {ran.code}: ") + (lines[-1] if lines else "nothing printed")


def date_reproduced(text: str, day: str) -> str:
    """Return a rule file's text with the date of a reproduction, as the last line of [repro] or in place of an older date.

    >>> date_reproduced('[repro]\\nrun = "x"\\n', "2026-11-25")
    '[repro]\\nrun = "x"\\nreproduced = 2026-11-25\\n'
    """
    head, mark, tail = text.partition("\n[repro]\n") if not text.startswith("[repro]\n") else ("", "[repro]\n", text[8:])
    if not mark:
        return text
    if re.search(r"^reproduced\s*=.*$", tail, re.MULTILINE):
        return head + mark + re.sub(r"^(reproduced\s*=\s*)[\d-]+", rf"\g<1>{day}", tail, count=1, flags=re.MULTILINE)
    section, rest = re.split(r"(?=^\[)", tail, maxsplit=1, flags=re.MULTILINE) if re.search(r"^\[", tail, re.MULTILINE) else (tail, "")
    return f"{head}{mark}{section.rstrip()}\nreproduced = {day}\n" + (f"\n{rest}" if rest else "")
