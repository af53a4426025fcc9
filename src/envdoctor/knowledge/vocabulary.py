"""The closed vocabulary of a rule file: which keys there are, and how a condition table becomes a compiled node.

A compiled node is a tuple that starts with its kind (see engine.conditions.CONDITIONS) and holds only plain data, so that it can be
stored in the compiled book.
"""

from __future__ import annotations

from difflib import get_close_matches

from envdoctor.model.facts import CATALOGUE
from envdoctor.model.names import normalise
from envdoctor.model.versions import InvalidSpecifier, key, window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from envdoctor.model.rule import Condition

    Say = Callable[[str, str], None]  # (key path, what is wrong)

VALUE_OPERATORS = ("equals", "one_of", "contains", "below", "at_least", "older_than", "newer_than", "at_least_version", "set")
FACT_OPERATORS = ("equals_fact", "older_than_fact", "newer_than_fact")
_BY_TYPE: dict[str, tuple[str, ...]] = {
    "text": ("equals", "one_of", "contains", "set", "equals_fact"),
    "version": ("older_than", "newer_than", "at_least_version", "set", "equals", "one_of", *FACT_OPERATORS),
    "number": ("equals", "one_of", "below", "at_least", "set", "equals_fact"),
    "bytes": ("below", "at_least", "set"),
    "bool": ("equals", "set"),
    "list": ("contains", "set"),
}
KINDS: dict[str, tuple[str, ...]] = {
    # leading key of a condition table: the other keys it may have
    "dist": ("version", "build", "absent"),
    "fact": (*VALUE_OPERATORS, *FACT_OPERATORS),
    "env": ("equals", "one_of", "contains", "set", "unseen"),
    "call": ("argument", "without", "unseen", "equals", "one_of", "contains", "below", "at_least"),
    "import": (),
    "window": ("of", "table"),
    "predicate": (),
    "rule": (),
    "all": (),
    "any": (),
    "none": (),
}
NEVER: Condition = ("any", ())


def near(word: str, words: tuple[str, ...] | list[str]) -> str:
    """Return " (did you mean X?)" or nothing."""
    found = get_close_matches(word, words, 1)
    return f" (did you mean {found[0]!r}?)" if found else ""


def compile_condition(table: Any, path: str, say: Say, predicates: dict[str, tuple[str, ...]] | None = None) -> Condition:
    """Turn a condition table into a compiled node; every defect is told to `say`, and a node is returned all the same."""
    if not isinstance(table, dict):
        say(path, 'a condition is a table such as { dist = "torch", version = ">=2.6" }')
        return NEVER
    kinds = ["predicate"] if "predicate" in table else [kind for kind in KINDS if kind in table]
    if len(kinds) != 1:
        given = ", ".join(table) or "nothing"
        hint = near(next(iter(table), ""), list(KINDS)) if not kinds else ""
        say(path, f"a condition has exactly one of {', '.join(KINDS)}; this one has {given}{hint}")
        return NEVER
    kind = kinds[0]
    if kind in ("all", "any", "none"):
        return _group(table, kind, path, say, predicates)
    if kind == "predicate":
        return _predicate(table, path, say, predicates)
    for name in table:
        if name != kind and name not in KINDS[kind]:
            say(f"{path}.{name}", f"unknown key in a {kind} condition{near(name, list(KINDS[kind]))}")
    if not isinstance(table[kind], str) or not table[kind]:
        say(f"{path}.{kind}", "takes a name")
        return NEVER
    return {"dist": _dist, "fact": _fact, "env": _env, "call": _call, "import": _import, "window": _window, "rule": _rule}[kind](
        table, path, say
    )


def _group(table: Any, kind: str, path: str, say: Say, predicates: dict[str, tuple[str, ...]] | None) -> Condition:
    nodes = []
    # [match] may hold several groups side by side; they then all have to hold
    if len(table) > 1:
        say(path, f"{kind} stands alone; put the other conditions inside it")
    if not isinstance(table[kind], list) or not table[kind]:
        say(f"{path}.{kind}", "takes a list of conditions, at least one")
        return NEVER
    for number, part in enumerate(table[kind]):
        nodes.append(compile_condition(part, f"{path}.{kind}[{number}]", say, predicates))
    return (kind, tuple(nodes))


def _name(table: Any, field: str, path: str, say: Say) -> str:
    name = table.get(field)
    if not isinstance(name, str) or not name:
        say(f"{path}.{field}", "takes the name of a distribution")
        return ""
    if name != normalise(name):
        say(f"{path}.{field}", f"names are written normalised: {normalise(name)!r}")
    return normalise(name)


def specifier(text: Any, path: str, say: Say) -> tuple[Any, ...]:
    """Return the window of a specifier, telling what is wrong with it."""
    if not isinstance(text, str):
        say(path, 'takes a specifier such as ">=2.6,<2.8"')
        return ()
    try:
        found = window(text)
    except InvalidSpecifier as error:
        say(path, str(error))
        return ()
    if not found:
        say(path, f"no version can satisfy {text!r}")
    return found


def _dist(table: Any, path: str, say: Say) -> Condition:
    name = _name(table, "dist", path, say)
    if "absent" in table:
        if table["absent"] is not True or len(table) > 2:
            say(f"{path}.absent", "is written `absent = true` and stands alone with dist")
        return ("absent", name)
    nodes: list[Condition] = []
    if "version" in table:
        nodes.append(("dist", name, specifier(table["version"], f"{path}.version", say)))
    if "build" in table:
        if not isinstance(table["build"], str) or not table["build"]:
            say(f"{path}.build", "takes cpu, cuda, rocm, xpu or a local label such as cu126")
        else:
            nodes.append(("build", name, table["build"]))
    if not nodes:
        return ("dist", name, None)
    return nodes[0] if len(nodes) == 1 else ("all", tuple(nodes))


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _comparing(kind: str) -> tuple[str, ...]:
    return tuple(name for name in KINDS[kind] if name in VALUE_OPERATORS)


def _operators(table: Any, kind: str, allowed: tuple[str, ...], path: str, say: Say) -> list[tuple[str, Any]]:
    found = []
    for name in table:
        if name in allowed:
            value = _plain(table[name])
            if name == "set" and not isinstance(value, bool):
                say(f"{path}.set", "takes true or false")
            if name == "one_of" and not isinstance(value, tuple):
                say(f"{path}.one_of", "takes a list")
                value = (value,)
            found.append((name, value))
        elif name in KINDS[kind] and name in (*VALUE_OPERATORS, *FACT_OPERATORS):
            say(f"{path}.{name}", f"does not apply here; use one of {', '.join(allowed)}")
    return found


def _joined(nodes: list[Condition]) -> Condition:
    return nodes[0] if len(nodes) == 1 else ("all", tuple(nodes))


def _fact(table: Any, path: str, say: Say) -> Condition:
    name = table["fact"]
    if name not in CATALOGUE:
        say(f"{path}.fact", f"no such fact: {name!r}{near(name, list(CATALOGUE))}")
        return NEVER
    kind = CATALOGUE[name][0]
    nodes: list[Condition] = []
    for operator, value in _operators(table, "fact", _BY_TYPE[kind], path, say):
        if operator in FACT_OPERATORS and value not in CATALOGUE:
            say(f"{path}.{operator}", f"no such fact: {value!r}{near(str(value), list(CATALOGUE))}")
        elif operator in ("older_than", "newer_than", "at_least_version"):
            try:
                key(str(value))
            except ValueError as error:
                say(f"{path}.{operator}", str(error))
        elif operator in ("below", "at_least") and not isinstance(value, (int, float)):
            say(f"{path}.{operator}", "takes a number")
        nodes.append(("fact", name, operator, value))
    if not nodes:
        say(path, f"compare the fact with one of {', '.join(_BY_TYPE[kind])}")
        return NEVER
    return _joined(nodes)


def _env(table: Any, path: str, say: Say) -> Condition:
    nodes: list[Condition] = [
        ("env", table["env"], operator, value) for operator, value in _operators(table, "env", _comparing("env"), path, say)
    ]
    if not nodes:
        say(path, "compare the variable with one of " + ", ".join(_comparing("env")))
        return NEVER
    return _seen(table, _joined(nodes), path, say)


def _seen(table: Any, node: Condition, path: str, say: Say) -> Condition:
    if "unseen" not in table:
        return node
    if table["unseen"] is not False:
        say(f"{path}.unseen", "is written `unseen = false`: what cannot be seen counts as not so")
    return ("seen", node)


def _call(table: Any, path: str, say: Say) -> Condition:
    argument, without = table.get("argument"), table.get("without")
    if "." not in table["call"]:
        say(f"{path}.call", "takes a qualified name such as trl.SFTTrainer")
    if argument is not None and without is not None:
        say(path, "argument and without exclude each other")
    operators = _operators(table, "call", _comparing("call"), path, say)
    if operators and argument is None:
        say(path, "a comparison needs `argument`")
    compared: list[tuple[str | None, Any]] = [*operators] or [(None, None)]
    node = _joined([("call", table["call"], argument, operator, value, without) for operator, value in compared])
    return _seen(table, node, path, say)


def _rule(table: Any, path: str, say: Say) -> Condition:
    return ("rule", table["rule"])


def _import(table: Any, path: str, say: Say) -> Condition:
    return ("import", table["import"])


def _window(table: Any, path: str, say: Say) -> Condition:
    name, of = _name(table, "window", path, say), _name(table, "of", path, say)
    rows = []
    given = table.get("table")
    if not isinstance(given, list) or not given:
        say(f"{path}.table", "takes a list of [versions of `of`, versions of `window` that fit]")
        given = []
    for number, row in enumerate(given):
        here = f"{path}.table[{number}]"
        if not isinstance(row, list) or len(row) != 2:
            say(here, "a row is [specifier, specifier]")
            continue
        rows.append((specifier(row[0], f"{here}[0]", say), specifier(row[1], f"{here}[1]", say), row[0], row[1]))
    return ("window", name, of, tuple(rows))


def _predicate(table: Any, path: str, say: Say, predicates: dict[str, tuple[str, ...]] | None) -> Condition:
    name = table["predicate"]
    if predicates is not None and name not in predicates:
        say(f"{path}.predicate", f"no such predicate: {name!r}{near(str(name), list(predicates))}")
    return ("predicate", name, tuple(sorted((field, _plain(value)) for field, value in table.items() if field != "predicate")))
