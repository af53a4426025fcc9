"""What a call is worth: own functions are read in turn, known ones of Python are answered, foreign ones get their keywords noted."""

from __future__ import annotations

import ast

from envdoctor.miner.frames import PASS, Frame
from envdoctor.miner.known import BY_NAME, built_in
from envdoctor.miner.values import NOTHING, UNSURE, put, settled, store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.miner.machine import Machine
    from envdoctor.miner.values import Value


class Arguments:
    """The arguments of a call: positional, by keyword, and whether more may come through `*` or `**`."""

    __slots__ = ("complete", "named", "positional")

    def __init__(self) -> None:
        self.positional: list[Value] = []
        self.named: dict[str, Value] = {}
        self.complete = True


def arguments_of(node: ast.Call, frame: Frame, machine: Machine) -> Arguments:
    """Evaluate the arguments of a call."""
    from envdoctor.miner.expressions import evaluate

    found = Arguments()
    for one in node.args:
        if isinstance(one, ast.Starred):
            value = evaluate(one.value, frame, machine)
            if settled(value) is not None:
                found.positional += value[1]
            else:
                found.complete = False
        else:
            found.positional.append(evaluate(one, frame, machine))
    for word in node.keywords:
        value = evaluate(word.value, frame, machine)
        if word.arg is not None:
            found.named[word.arg] = value
        elif value[0] == "dict":
            found.named.update({key: one for key, one in value[1].items() if isinstance(key, str) and one != UNSURE})
            found.complete = found.complete and value[2]
        else:
            found.complete = False
    return found


def call(node: ast.Call, frame: Frame, machine: Machine) -> Value:
    """Return what a call answers, and note what it brings about."""
    from envdoctor.miner.expressions import evaluate

    callee = evaluate(node.func, frame, machine)
    if callee[0] == "unknown" and isinstance(node.func, ast.Attribute):  # a method of a constant or of something mutable
        return _method_of_value(node, frame, machine)
    given = arguments_of(node, frame, machine)
    return apply(callee, given, frame, machine)


def apply(callee: Value, given: Arguments, frame: Frame, machine: Machine) -> Value:
    """Call a value."""
    kind = callee[0]
    if kind == "func":
        return machine.run_function(callee, given, frame)
    if kind == "class":
        return machine.make(callee, given, frame)
    if kind == "builtin":
        return built_in(callee[1], given, frame, machine)
    if kind == "inst":
        method = machine.method(callee, "__call__")
        return machine.run_function(method, given, frame) if method[0] == "func" else NOTHING
    if kind == "extmethod":
        path = callee[2] if callee[3] == "__init__" else f"{callee[2]}.{callee[3]}"
        _pass(frame, machine, callee[1], path, given)
        return NOTHING
    if kind == "ext":
        known = BY_NAME.get(f"{callee[1]}.{callee[2]}") or BY_NAME.get(callee[2].rpartition(".")[2] if callee[2] in _ANYWHERE else "")
        if known is not None:
            return known(given, frame, machine)
        if machine.importer.is_built_in(callee[1]):
            return NOTHING
        _pass(frame, machine, callee[1], callee[2], given)
        last = callee[2].rpartition(".")[2]
        if last[:1].isupper():
            return ("extinst", callee[1], callee[2])
        return ("answer", callee[1], callee[2], spelt(given), None)
    if kind == "choice":
        from envdoctor.miner.values import merge

        return merge(callee[1], apply(callee[2], given, frame, machine), apply(callee[3], given, frame, machine))
    return NOTHING


_ANYWHERE = frozenset({"require_version", "require_version_core"})


def spelt(given: Arguments) -> str | None:
    """Return constant arguments as text for a guard; None where one is not constant."""
    parts = []
    for one in given.positional:
        if one[0] not in ("const", "parsed"):
            return None
        parts.append(str(one[1]))
    for key, one in sorted(given.named.items()):
        if one[0] not in ("const", "parsed"):
            return None
        parts.append(f"{key}={one[1]}")
    text = ",".join(parts)
    return text if given.complete and not set(text) & set("&|()! :#") else None


def _pass(frame: Frame, machine: Machine, module: str, path: str, given: Arguments) -> None:
    if frame.protector("TypeError") is None:
        for name in given.named:
            frame.note(PASS, f"{module}:{path}({name})")


def _method_of_value(node: ast.Call, frame: Frame, machine: Machine) -> Value:
    """Answer `"x".upper()`, `items.append(y)`, `table.get(key)` and the like."""
    from envdoctor.miner.expressions import evaluate

    assert isinstance(node.func, ast.Attribute)
    owner = evaluate(node.func.value, frame, machine)
    given = arguments_of(node, frame, machine)
    method = node.func.attr
    is_constant = owner[0] == "const" and isinstance(owner[1], str) and all(one[0] == "const" for one in given.positional)
    if is_constant and method in ("upper", "lower", "strip", "startswith", "endswith", "replace", "split", "removeprefix", "removesuffix"):
        try:
            told = getattr(owner[1], method)(*[one[1] for one in given.positional])
        except (TypeError, ValueError):
            return NOTHING
        return ("seq", [("const", one) for one in told]) if isinstance(told, list) else ("const", told)
    if owner[0] == "version" and method in ("startswith", "split"):
        return NOTHING
    if owner[0] == "seq" and method == "append" and given.positional:
        put(owner, [given.positional[0]], frame.path)
        return ("const", None)
    if owner[0] == "seq" and method == "extend" and given.positional and given.positional[0][0] == "seq":
        put(owner, given.positional[0][1], frame.path)
        return ("const", None)
    if owner[0] == "dict":
        if method == "get" and given.positional and given.positional[0][0] == "const" and owner[2]:
            key = given.positional[0][1]
            if owner[1].get(key) == UNSURE:
                return NOTHING
            return owner[1].get(key) or (given.positional[1] if len(given.positional) > 1 else ("const", None))
        if method == "update" and given.positional and given.positional[0][0] == "dict":
            for key, value in given.positional[0][1].items():
                store(owner, key, value, frame.path)
            return ("const", None)
    return NOTHING
