"""Checks over the whole rule book: what a single file cannot know of itself. Judging is passed in, so that no engine is imported here."""

from __future__ import annotations

import os
import re

from envdoctor.knowledge.fixtures import cases
from envdoctor.knowledge.nodes import absent, bound, variables
from envdoctor.knowledge.not_rules import lint_not_rules
from envdoctor.model.errors import RuleBookError
from envdoctor.model.record import Record
from envdoctor.model.rule import WINDOW
from envdoctor.model.snapshot import Distribution, Snapshot
from envdoctor.model.versions import ANY, InvalidVersion, admits, key, window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from envdoctor.knowledge.fixtures import Case, ReadScript
    from envdoctor.model.rule import Remedy, Rule

    Fires = Callable[[Rule, Snapshot], "bool | frozenset[str]"]

REMEDY_WORDS = ("pin-", "upgrade-", "downgrade-", "use-", "avoid-", "disable-", "install-", "remove-", "set-", "update-")
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9.]+)+")
_PLACEHOLDER = re.compile(r"\{([A-Za-z0-9_.]+)\}")
_OLD = 2  # years after which evidence should be looked at again


class Lint(Record):
    """What the checks need: where fixtures lie, how scripts are read and rules judged, which ids are retired, which variables are read."""

    fixtures: str
    read_script: ReadScript
    fires: Fires
    predicates: dict[str, tuple[str, ...]]
    retired: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()


def lint(rules: Iterable[Rule], lint_: Lint) -> list[str]:
    """Return every defect of a rule book, each naming file and key path."""
    defects: list[str] = []
    seen: dict[str, str] = {}
    for rule in rules:
        where = f"{rule.family}/{rule.id}.toml"
        if rule.id in seen:
            defects.append(f"{where}: id: also used by {seen[rule.id]}")
        seen[rule.id] = where
        defects.extend(f"{where}: {defect}" for defect in _shape(rule, lint_))
        try:
            defects.extend(f"{where}: {defect}" for defect in _proof(rule, lint_))
        except RuleBookError as error:
            defects.extend(error.defects)
    folder = os.path.join(lint_.fixtures, "rules")
    if os.path.isdir(folder):
        defects.extend(f"fixtures/rules/{name}: there is no such rule" for name in sorted(os.listdir(folder)) if name not in seen)
    defects.extend(lint_not_rules(lint_.fixtures, {*seen, *lint_.retired}))
    return defects


def _shape(rule: Rule, lint_: Lint) -> Iterator[str]:
    if not _ID.fullmatch(rule.id):
        yield "id: is <subject>-<problem> in kebab-case"
    if rule.id in lint_.retired:
        yield "id: is retired and never used again"
    if rule.id.startswith(REMEDY_WORDS):
        yield "id: names the problem, not the remedy"
    if not rule.evidence:
        yield "evidence: is missing"
    if not rule.remedies:
        yield "remedy: is missing"
    if not rule.symptoms and not rule.silent and rule.severity == "error":
        yield "symptom: is missing; a loud error has a text"
    for name in sorted(variables(rule.match) - lint_.variables):
        yield f"match: the environment variable {name} is not in facts/allowed.py, so it would never be seen"
    new = absent(rule.match)
    for number, remedy in enumerate(rule.remedies):
        moved = [name for name in remedy.require if name not in new]
        if remedy.safety == "safe" and moved:
            yield f"remedy[{number}].safety: moving {moved[0]} is not safe: numbers may change"
    words = bound(rule.match, lint_.predicates)
    for text, path in ((rule.message, "message"), (rule.title, "title")):
        for name in _PLACEHOLDER.findall(text):
            if name not in words:
                yield f"{path}: {{{name}}} is not bound by match (bound: {', '.join(sorted(words)) or 'nothing'})"


def _proof(rule: Rule, lint_: Lint) -> Iterator[str]:
    found: dict[str, list[Case]] = {"bad": [], "good": [], "unknown": []}
    for case in cases(lint_.fixtures, rule.id, lint_.read_script):
        found[case.kind].append(case)
        truth = lint_.fires(rule, case.patient)
        here = f"fixture {case.kind}/{case.name}"
        if case.kind == "bad" and truth is not True:
            yield f"{here}: the rule does not fire ({_spoken(truth)})"
        if case.kind == "good" and truth is not False:
            yield f"{here}: the rule is not clear ({_spoken(truth)})"
        if case.kind == "unknown" and not isinstance(truth, frozenset):
            yield f"{here}: the rule is not unknown ({_spoken(truth)})"
        if case.log is not None and case.kind == "bad" and not any(re.search(text, case.log) for text in rule.symptoms):
            yield f"{here}: no symptom matches log.txt"
        if case.kind == "bad" and truth is True:
            for number, remedy in enumerate(rule.remedies):
                cured = _applied(remedy, case.patient, rule.match)
                if cured is not None and lint_.fires(rule, cured) is True:
                    yield f"{here}: still fires after remedy[{number}] ({remedy.title})"
    for kind in ("bad", "good"):
        if not found[kind]:
            yield f"fixtures/rules/{rule.id}/{kind}: has no case"


def _spoken(truth: bool | frozenset[str]) -> str:
    return "missing " + ", ".join(sorted(truth)) if isinstance(truth, frozenset) else "it fires" if truth else "it is clear"


def _row_asks(node: Any, name: str, patient: Snapshot) -> str:
    """Return what the table of a match asks of a distribution beside what is installed."""
    if node[0] in ("all", "any"):
        return next((found for part in node[1] if (found := _row_asks(part, name, patient))), "")
    holder = patient.distribution(node[2]) if node[0] == "window" and node[1] == name else None
    if holder is None or holder.version is None:
        return ""
    return next((row[3] for row in node[3] if admits(row[0], holder.version)), "")


def _applied(remedy: Remedy, patient: Snapshot, match: Any) -> Snapshot | None:
    """Return the patient after a remedy that can be applied on paper, else None."""
    if not (remedy.require or remedy.remove or remedy.set_env or remedy.unset_env):
        return None
    distributions = {name: found for name, found in patient.distributions.items() if name not in remedy.remove}
    for name, told in remedy.require.items():
        wanted = _row_asks(match, name, patient) if told == WINDOW else told
        version = version_inside(wanted, distributions[name].version if name in distributions else None)
        distributions[name] = Distribution(name=name, version=version, origin="remedy")
    environment = dict(patient.environment or {})
    environment.update(remedy.set_env)
    for name in remedy.unset_env:
        environment.pop(name, None)
    return patient.replace(distributions=distributions, environment=environment)


def version_inside(specifier: str, present: str | None) -> str:
    """Return a version that a specifier admits: the present one if it may stay, else one named in the specifier or just beside it."""
    intervals = window(specifier) if specifier else ANY
    tried = [present] if present else []
    for clause in specifier.split(","):
        text = clause.strip().lstrip("=<>!~").removesuffix(".*")
        if text:
            tried += [text, text + ".1", _below(text)]
    tried.append("0")
    for version in tried:
        try:
            if version and admits(intervals, version):
                return version
        except InvalidVersion:
            continue
    return tried[0] or "0"


def _below(version: str) -> str:
    """Return a release just below a version of plain numbers: 2.6 gives 2.5.9999."""
    numbers = [int(part) for part in version.split("+", maxsplit=1)[0].split(".") if part.isdecimal()]
    for place in range(len(numbers) - 1, -1, -1):
        if numbers[place] > 0:
            below = [*numbers[:place], numbers[place] - 1, 9999]
            text = ".".join(map(str, below))
            if key(text) < key(version):
                return text
    return "0"
