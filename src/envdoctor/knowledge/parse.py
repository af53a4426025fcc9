"""From the text of a rule file to a Rule. All defects of a file are found at once, each with its key path."""

from __future__ import annotations

import ast
import re

from envdoctor.knowledge.vocabulary import NEVER, compile_condition, near, specifier
from envdoctor.model.errors import RuleBookError
from envdoctor.model.names import normalise
from envdoctor.model.rule import ACTIONS, CONFIDENCES, IMPACTS, SAFETIES, SEVERITIES, STATUSES, WINDOW, Evidence, Remedy, Reproduction, Rule
from envdoctor.model.uses import USES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TEXTS = ("id", "title", "since", "status", "severity", "impact", "confidence", "subject", "message", "why")
_CHOICES = {"status": STATUSES, "severity": SEVERITIES, "impact": IMPACTS, "confidence": CONFIDENCES}
_KEYS = (*_TEXTS, "silent", "uses", "match", "symptom", "remedy", "evidence", "repro")
_REPRO = ("install", "run", "error", "reproduced", "cannot")


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """Parse TOML. Raises RuleBookError naming the file and the line."""
    try:
        import tomllib
    except ImportError:  # Python 3.10
        import tomli as tomllib  # type: ignore[no-redef, import-not-found, unused-ignore]
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, and a number of more digits than Python converts
        raise RuleBookError([f"{where}: not TOML: {error}"]) from None
    return table


def parse_rule(text: str, where: str, family: str, predicates: dict[str, tuple[str, ...]] | None = None) -> Rule:
    """Parse one rule file. Raises RuleBookError with every defect."""
    table = parse_toml(text, where)
    defects: list[str] = []

    def say(path: str, what: str) -> None:
        defects.append(f"{where}: {path}: {what}")

    for key in table:
        if key not in _KEYS:
            say(key, f"unknown key{near(key, _KEYS)}")
    texts = {key: _text(table, key, say) for key in _TEXTS}
    for key, choices in _CHOICES.items():
        if texts[key] and texts[key] not in choices:
            say(key, f"{texts[key]!r} is not one of {', '.join(choices)}{near(texts[key], choices)}")
    uses = table.get("uses")
    if not isinstance(uses, list) or not uses:
        say("uses", "takes the uses that break, at least one")
        uses = []
    for use in uses:
        if not isinstance(use, str) or use not in USES:
            say("uses", f"no such use: {use!r}{near(str(use), list(USES))}")
    if not isinstance(table.get("silent", False), bool):
        say("silent", "takes true or false")
    match = compile_condition(table["match"], "match", say, predicates) if "match" in table else NEVER
    if "match" not in table:
        say("match", "is missing")
    rule = Rule(
        **texts,
        family=family,
        silent=bool(table.get("silent", False)),
        uses=tuple(str(use) for use in uses),
        match=match,
        symptoms=tuple(_symptom(part, number, say) for number, part in enumerate(_tables(table, "symptom", say))),
        remedies=tuple(_remedy(part, f"remedy[{number}]", say) for number, part in enumerate(_tables(table, "remedy", say))),
        evidence=tuple(_evidence(part, f"evidence[{number}]", say) for number, part in enumerate(_tables(table, "evidence", say))),
        repro=_repro(table.get("repro", {}), say),
    )
    if defects:
        raise RuleBookError(defects)
    return rule


def _text(table: dict[str, Any], key: str, say: Any) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        say(key, "is missing" if key not in table else "takes a text")
        return ""
    return " ".join(value.split()) if key in ("message", "title") else value.strip()


def _tables(table: dict[str, Any], key: str, say: Any) -> list[dict[str, Any]]:
    found = table.get(key, [])
    if not isinstance(found, list) or not all(isinstance(part, dict) for part in found):
        say(key, f"is written as [[{key}]]")
        return []
    return found


def _symptom(table: dict[str, Any], number: int, say: Any) -> str:
    text = table.get("text")
    if not isinstance(text, str) or set(table) != {"text"}:
        say(f"symptom[{number}]", "holds `text`, a regular expression, and nothing else")
        return ""
    try:
        re.compile(text)
    except re.error as error:
        say(f"symptom[{number}].text", f"is no regular expression: {error}")
    return text


def _word(table: dict[str, Any], key: str, path: str, say: Any) -> str:
    """Return a text that may be left out."""
    value = table.get(key, "")
    if not isinstance(value, str):
        say(f"{path}.{key}", "takes a text")
        return ""
    return value


def _list(table: dict[str, Any], key: str, path: str, say: Any) -> tuple[str, ...]:
    """Return a list of texts that may be left out."""
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        say(f"{path}.{key}", "takes a list of texts")
        return ()
    return tuple(value)


def _pairs(table: dict[str, Any], key: str, kind: type, path: str, say: Any) -> dict[str, Any]:
    """Return a table that may be left out, all of its values of one kind."""
    value = table.get(key, {})
    if not isinstance(value, dict) or not all(isinstance(part, kind) for part in value.values()):
        say(f"{path}.{key}", f"takes a table of {'texts' if kind is str else 'tables'}")
        return {}
    return dict(value)


def _remedy(table: dict[str, Any], path: str, say: Any) -> Remedy:
    for key in table:
        if key not in ("title", "safety", *ACTIONS):
            say(f"{path}.{key}", f"unknown key{near(key, ('title', 'safety', *ACTIONS))}")
    actions = [key for key in ACTIONS if key in table]
    if len(actions) != 1:
        say(path, f"needs one action of {', '.join(ACTIONS)}; this one has {' and '.join(actions) or 'none'}")
    for key in ("title", "safety"):
        if key not in table:
            say(f"{path}.{key}", "is missing")
    safety = _word(table, "safety", path, say)
    if safety and safety not in SAFETIES:
        say(f"{path}.safety", f"is not one of {', '.join(SAFETIES)}")
    require = _pairs(table, "require", str, path, say)
    for name, wanted in require.items():
        if wanted != WINDOW:
            specifier(wanted, f"{path}.require.{name}", say)
        if name != normalise(name):
            say(f"{path}.require.{name}", f"names are written normalised: {normalise(name)!r}")
    return Remedy(
        title=_word(table, "title", path, say),
        safety=safety,
        require=require,
        set_argument=_pairs(table, "set_argument", dict, path, say),
        set_env=_pairs(table, "set_env", str, path, say),
        unset_env=_list(table, "unset_env", path, say),
        replace_model=_word(table, "replace_model", path, say),
        remove=_list(table, "remove", path, say),
        advice=" ".join(_word(table, "advice", path, say).split()),
    )


def _evidence(table: dict[str, Any], path: str, say: Any) -> Evidence:
    for key in ("url", "says", "checked"):
        if key not in table:
            say(f"{path}.{key}", "is missing")
    for key in table:
        if key not in ("url", "says", "checked"):
            say(f"{path}.{key}", "unknown key")
    checked = str(table.get("checked", ""))
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", checked):
        say(f"{path}.checked", "takes a date such as 2026-11-20")
    url = _word(table, "url", path, say)
    if not url.startswith("https://"):
        say(f"{path}.url", "takes an https link")
    return Evidence(url=url, says=_word(table, "says", path, say), checked=checked)


def _repro(table: Any, say: Any) -> Reproduction:
    if not isinstance(table, dict) or not table:
        say("repro", "is missing: say how to see the fault, or `cannot` and why")
        return Reproduction()
    for key in table:
        if key not in _REPRO:
            say(f"repro.{key}", f"unknown key{near(key, _REPRO)}")
    if "cannot" not in table and not {"install", "run"} <= set(table):
        say("repro", "needs `install` and `run`, or `cannot`")
    run = _word(table, "run", "repro", say)
    try:
        ast.parse(run)
    except (SyntaxError, ValueError) as error:
        say("repro.run", f"is Python code that shows the fault: {error}")
    return Reproduction(
        install=_list(table, "install", "repro", say),
        run=run,
        error=_word(table, "error", "repro", say),
        reproduced=str(table.get("reproduced", "")),  # a date
        cannot=_word(table, "cannot", "repro", say),
    )
