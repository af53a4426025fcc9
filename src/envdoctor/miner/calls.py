"""What a call is worth: own functions are read in turn, known ones of Python are answered, foreign ones get their keywords noted."""

from __future__ import annotations

import ast

from envdoctor.miner.contents import method
from envdoctor.miner.frames import PASS, Frame
from envdoctor.miner.known import AT_LEAST, BY_NAME, at_least, built_in
from envdoctor.miner.values import NOTHING, UNSURE, is_whole, merge, settled
from envdoctor.model.guards import FALSE, all_of, any_of, no

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
            if settled(value) is not None and found.complete:
                found.positional += value[1]
            else:
                found.complete = False
        else:
            value = evaluate(one, frame, machine)
            found.positional += [value] if found.complete else []
    for word in node.keywords:
        value = evaluate(word.value, frame, machine)
        if word.arg is not None:
            found.named[word.arg] = value
        elif value[0] == "dict":
            found.named.update({key: one for key, one in value[1].items() if isinstance(key, str) and one != UNSURE})
            found.complete = found.complete and is_whole(value) and UNSURE not in value[1].values()
        else:
            found.complete = False
    return found


def call(node: ast.Call, frame: Frame, machine: Machine) -> Value:
    """Return what a call answers, and note what it brings about."""
    from envdoctor.miner.expressions import evaluate

    callee = evaluate(node.func, frame, machine)
    if callee[0] == "unknown" and isinstance(node.func, ast.Attribute):  # a method of a constant or of something mutable
        owner = evaluate(node.func.value, frame, machine)
        return method(owner, node.func.attr, arguments_of(node, frame, machine), frame)
    given = arguments_of(node, frame, machine)
    return apply(callee, given, frame, machine)


def apply(callee: Value, given: Arguments, frame: Frame, machine: Machine) -> Value:
    """Call a value."""
    kind = callee[0]
    if kind == "func":
        if callee[2].name in AT_LEAST:
            return at_least(AT_LEAST[callee[2].name], given)
        return machine.run_function(callee, given, frame)
    if kind == "class":
        return machine.make(callee, given, frame)
    if kind == "builtin":
        return built_in(callee[1], given, frame, machine)
    if kind == "inst":
        called = machine.method(callee, "__call__")
        return machine.run_function(called, given, frame) if called[0] == "func" else NOTHING
    if kind == "extmethod":
        path = callee[2] if callee[3] == "__init__" else f"{callee[2]}.{callee[3]}"
        _pass(frame, machine, callee[1], path, given)
        frame.may_fail()
        return NOTHING
    if kind == "ext":
        known = BY_NAME.get(f"{callee[1]}.{callee[2]}") or BY_NAME.get(callee[2].rpartition(".")[2] if callee[2] in _ANYWHERE else "")
        if known is not None:
            return known(given, frame, machine)
        if machine.importer.is_built_in(callee[1]):
            if callee[1].split(".", 1)[0] not in _TAME:
                frame.may_fail()
            return NOTHING
        frame.may_fail()
        _pass(frame, machine, callee[1], callee[2], given)
        last = callee[2].rpartition(".")[2]
        if last[:1].isupper():
            return ("extinst", callee[1], callee[2])
        return ("answer", callee[1], callee[2], spelt(given), None)
    if kind == "choice":
        return _either(callee, given, frame, machine)
    return NOTHING


def _either(callee: Value, given: Arguments, frame: Frame, machine: Machine) -> Value:
    """Call what is one thing or another, each under its condition."""
    saved, ends, answers = frame.alive, [], []
    for guard, one in ((callee[1], callee[2]), (no(callee[1]), callee[3])):
        frame.alive = start = all_of((saved, guard))
        answers.append(apply(one, given, frame, machine) if start != FALSE else NOTHING)
        ends.append(frame.alive)
    frame.alive = saved
    if ends != [all_of((saved, callee[1])), all_of((saved, no(callee[1])))]:
        frame.alive = any_of(ends)
    return merge(callee[1], *answers)


_TAME = frozenset({"warnings", "logging", "functools", "typing", "collections", "itertools", "contextlib", "inspect", "re", "time"})
"""Modules of Python whose functions nobody expects to fail."""
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
