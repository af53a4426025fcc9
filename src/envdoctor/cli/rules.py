"""`envdoctor rules list|show|lint|new`."""

from __future__ import annotations

import os
import sys

from envdoctor.cli.options import FLAG, VALUE, Operand, Option, explain, scan
from envdoctor.cli.terminal import put
from envdoctor.model.errors import RuleBookError, UsageError
from envdoctor.model.finding import BUILT_IN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from envdoctor.cli.options import Values
    from envdoctor.model.rule import Rule

ACTIONS: dict[str, str] = {
    "list": "List the rules of the book",
    "show": "Show everything about a rule",
    "lint": "Check the rule files of a checkout and their fixtures",
    "new": "Start a rule: its file and its fixture folders",
}
_FORMAT = Option(name="format", help="output format (default: text)", kind=VALUE, choices=("text", "json"), default="text")
_RULES = Option(name="rules", help="folder of rule files (default: the checkout's)", kind=VALUE, metavar="FOLDER")
_FIXTURES = Option(name="fixtures", help="folder of fixtures (default: beside the rules)", kind=VALUE, metavar="FOLDER")
TABLE: dict[str, tuple[tuple[Option, ...], Operand | None]] = {
    "list": ((_FORMAT, Option(name="family", help="only this family", kind=VALUE)), None),
    "show": ((_FORMAT,), Operand(name="ids", help="id of a rule", least=1)),
    "lint": ((_RULES, _FIXTURES, Option(name="quiet", short="q", kind=FLAG, help="print nothing when all is well")), None),
    "new": ((_RULES, _FIXTURES), Operand(name="place", help="family and id of the rule", least=2, most=2, metavar="FAMILY ID")),
}


def run(words: Sequence[str]) -> int:
    """Run `envdoctor rules ...`."""
    if not words or words[0] in ("-h", "--help"):
        lines = "\n".join(f"  {name:<6} {text}" for name, text in ACTIONS.items())
        put(f"Usage: envdoctor rules ACTION [OPTIONS]\n\nActions:\n{lines}\n\n`envdoctor rules ACTION --help` explains an action.\n")
        return 0
    action = words[0]
    if action not in ACTIONS:
        raise UsageError(f"rules: no such action: {action!r}; actions are {', '.join(ACTIONS)}")
    options, operand = TABLE[action]
    values = scan(words[1:], options, operand) or explain(words[1:], f"envdoctor rules {action}", ACTIONS[action], options, operand)
    return {"list": _list, "show": _show, "lint": _lint, "new": _new}[action](values)


def _folders(values: Values) -> tuple[str, str]:
    from envdoctor.knowledge.load import rules_folder

    rules = values.get("rules") or rules_folder()
    if rules is None or not os.path.isdir(rules):
        raise UsageError("rules: no folder of rule files here; run this in a checkout of envdoctor, or give --rules FOLDER")
    return rules, values.get("fixtures") or os.path.join(os.path.dirname(os.path.abspath(rules)), "fixtures")


def _list(values: Values) -> int:
    from envdoctor.knowledge.load import open_book

    book = open_book()
    found = [book.rule(name) for name in book.ids]
    if values["family"]:
        families = sorted({rule.family for rule in found})
        found = [rule for rule in found if rule.family == values["family"]]
        if not found:
            raise UsageError(f"rules list: no such family: {values['family']!r}; families are {', '.join(families)}")
    if values["format"] == "json":
        import json

        keys = ("id", "family", "severity", "impact", "confidence", "silent", "subject", "title")
        put(json.dumps([{key: getattr(rule, key) for key in keys} for rule in found], indent=2) + "\n")
        return 0
    width = max((len(rule.id) for rule in found), default=0)
    lines = [f"{rule.id:<{width}}  {rule.severity:<7}  {rule.title}" for rule in found]
    if sys.stdout.isatty():
        lines += ["", f"{len(found)} rules (book {book.version})"]
    put("\n".join(lines) + "\n")
    return 0


def _show(values: Values) -> int:
    from difflib import get_close_matches

    from envdoctor.knowledge.document import rule_mapping, rule_markdown
    from envdoctor.knowledge.load import open_book

    book = open_book()
    pages = []
    for name in values["ids"]:
        if name in BUILT_IN:
            print(f"# {name}\n\n{BUILT_IN[name]}")
            continue
        if name not in book.ids:
            near = get_close_matches(name, book.ids, 3)
            hint = f"; did you mean {' or '.join(near)}?" if near else "; `envdoctor rules list` names them all"
            raise UsageError(f"rules show: no such rule: {name!r}{hint}")
        pages.append(book.rule(name))
    if values["format"] == "json":
        import json

        put(json.dumps([rule_mapping(page) for page in pages], indent=2) + "\n")
        return 0
    if not pages:
        return 0
    text = "\n\n".join(rule_markdown(page) for page in pages)
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        from rich.console import Console
        from rich.markdown import Markdown

        Console(width=min(100, Console().width)).print(Markdown(text))
    else:
        put(text + "\n")
    return 0


def _lint(values: Values) -> int:
    from envdoctor.engine.conditions import judge
    from envdoctor.engine.predicates import PREDICATES
    from envdoctor.facts.allowed import ALLOWED
    from envdoctor.facts.scripts import read_as_script
    from envdoctor.knowledge.lint import Lint, lint
    from envdoctor.knowledge.load import read_rules
    from envdoctor.knowledge.parse import parse_toml
    from envdoctor.knowledge.spellings import FOLDER, read_spellings

    rules, fixtures = _folders(values)
    defects: list[str] = []
    found = read_rules(rules, defects, PREDICATES)
    try:
        read_spellings(os.path.join(rules, FOLDER))
    except RuleBookError as error:
        defects += error.defects
    retired: frozenset[str] = frozenset()
    path = os.path.join(rules, "retired.toml")
    if os.path.exists(path):
        from envdoctor.facts.documents import read_text

        told = parse_toml(read_text(path), "retired.toml").get("retired", {})
        if not isinstance(told, dict):
            raise RuleBookError(["retired.toml: retired: is no table"])
        retired = frozenset(told)

    def fires(rule: Rule, patient: object) -> bool | frozenset[str]:
        return judge(rule.match, patient)  # type: ignore[arg-type]

    told = Lint(
        fixtures=fixtures, read_script=read_as_script, fires=fires, predicates=PREDICATES, retired=retired, variables=frozenset(ALLOWED)
    )
    defects += lint(found, told)
    if defects:
        raise RuleBookError([*defects, f"{len(defects)} defects in {len(found)} rules"])
    if not values["quiet"]:
        put(f"{len(found)} rules, no defects\n")
    return 0


def _new(values: Values) -> int:
    from envdoctor.knowledge.scaffold import scaffold

    rules, fixtures = _folders(values)
    family, name = values["place"]
    for path in scaffold(rules, fixtures, family, name):
        put(path + "\n")
    return 0
