"""What an expression is worth when nothing is run: answers that hang on the environment stay conditions."""

from __future__ import annotations

import ast

from envdoctor.miner.calls import Arguments, call
from envdoctor.miner.comparisons import compare
from envdoctor.miner.frames import Frame
from envdoctor.miner.values import (
    LARGEST,
    NONE,
    NOTHING,
    UNSURE,
    const,
    distribution_of,
    each,
    element,
    is_pattern,
    is_truth,
    listed,
    merge,
    settled,
    truth,
)
from envdoctor.model.guards import FALSE, TRUE, all_of, any_of, no

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from envdoctor.miner.machine import Machine
    from envdoctor.miner.values import Value

_LONGEST = 200
"""Signs of a chain of attributes; a longer one is written by no person."""
_BUILTINS = frozenset(
    [
        "hasattr",
        "getattr",
        "isinstance",
        "issubclass",
        "len",
        "bool",
        "any",
        "all",
        "tuple",
        "list",
        "set",
        "dict",
        "str",
        "int",
        "float",
        "print",
        "setattr",
        "callable",
        "type",
        "super",
        "sorted",
        "enumerate",
        "zip",
        "range",
        "map",
        "filter",
        "frozenset",
        "max",
        "min",
        "repr",
        "vars",
        "dir",
        "globals",
        "property",
        "staticmethod",
        "classmethod",
        "object",
        "Exception",
    ]
)


def evaluate(node: ast.expr | None, frame: Frame, machine: Machine) -> Value:
    """Return the value of an expression, and note what evaluating it needs."""
    if node is None:
        return NONE
    if not machine.spend():
        return NOTHING
    kind = type(node)
    if kind is ast.Constant:
        return const(node.value)  # type: ignore[attr-defined]
    if kind is ast.Name:
        return name(node.id, frame)  # type: ignore[attr-defined]
    handler = _HANDLERS.get(kind)
    return handler(node, frame, machine) if handler is not None else NOTHING


def name(text: str, frame: Frame) -> Value:
    """Return the value of a name."""
    found = frame.lookup(text)
    if found is not None:
        return found
    if text == "__name__":
        return const(frame.module.name)
    return ("builtin", text) if text in _BUILTINS else NOTHING


def _attribute(node: ast.Attribute, frame: Frame, machine: Machine) -> Value:
    parts = [node.attr]
    base: ast.expr = node.value
    while isinstance(base, ast.Attribute):
        parts.append(base.attr)
        base = base.value
    value = evaluate(base, frame, machine)
    for place in range(len(parts) - 1, -1, -1):
        value = attribute(value, parts[place], frame, machine)
    need_of(value, frame, machine)
    return value


def need_of(value: Value, frame: Frame, machine: Machine) -> None:
    """Note that the attribute of a foreign module is taken."""
    if (
        value[0] == "ext"
        and len(value[2]) <= _LONGEST
        and not machine.importer.is_built_in(value[1])
        and not value[2].rpartition(".")[2].startswith("__")
    ):
        machine.importer.need(frame, value[1], value[2], "AttributeError")


def attribute(value: Value, text: str, frame: Frame, machine: Machine) -> Value:
    """Return an attribute of a value, without noting a need."""
    kind = value[0]
    if kind == "mod":
        module = value[1]
        if machine.importer.is_own(module):
            return machine.importer.own(frame, module, text)
        if text == "__version__":
            return ("version", distribution_of(module))
        if machine.importer.is_built_in(module):
            return machine.importer.take(frame, module, text)
        return ("ext", module, text)
    if kind == "ext":
        return ("ext", value[1], f"{value[2]}.{text}")
    if kind == "inst":
        found = value[2].get(text)
        return _got(found if found is not None else machine.method(value, text), frame, machine)
    if kind == "super":
        return _got(machine.method_above(value, text), frame, machine)
    if kind == "class":
        return machine.class_member(value, text)
    if kind == "extinst":
        return ("extmethod", value[1], value[2], text)
    if kind == "version":
        return (
            value
            if text in ("base_version", "public", "__version__")
            else ("release", value[1])
            if text == "release"
            else _part(value[1], text)
        )
    if kind == "python":
        return _part("", text)
    if kind == "parsed" and text == "release" and value[1].replace(".", "").isdecimal():
        return const(tuple(int(part) for part in value[1].split(".")))
    if kind == "choice":
        return merge(value[1], attribute(value[2], text, frame, machine), attribute(value[3], text, frame, machine))
    return NOTHING


def _got(found: Value, frame: Frame, machine: Machine) -> Value:
    """Run a property; anything else is itself."""
    if found[0] != "property":
        return found
    return machine.run_function(("func", *found[1:]), Arguments(), frame)


def _part(distribution: str, text: str) -> Value:
    places = {"major": 0, "minor": 1, "micro": 2}
    return ("part", distribution, places[text]) if text in places else NOTHING


def _subscript(node: ast.Subscript, frame: Frame, machine: Machine) -> Value:
    value = evaluate(node.value, frame, machine)
    if isinstance(node.slice, ast.Slice):
        width = node.slice.upper.value if isinstance(node.slice.upper, ast.Constant) and node.slice.lower is None else None
        if not isinstance(width, int):
            return NOTHING
        if value[0] == "const" and isinstance(value[1], (tuple, str)) and not is_pattern(value):
            return const(value[1][:width])
        return (*value[: 2 if value[0] == "release" else 1], width) if value[0] in ("release", "python") else NOTHING
    key = evaluate(node.slice, frame, machine)
    if value[0] == "packages":
        return _packages(key, frame)
    if value[0] == "builtin" or (value[0] == "ext" and value[1] in ("typing", "typing_extensions", "collections.abc")):
        return value  # Generic[T] is a base as Generic is
    return element(value, key[1]) if key[0] == "const" else NOTHING


def _packages(key: Value, frame: Frame) -> Value:
    """Return the distributions that bring a module; where none does, the look-up fails."""
    if key[0] != "const" or not isinstance(key[1], str):
        return NOTHING
    present = ("dist", distribution_of(key[1]))
    if frame.fail(no(present), "KeyError", "", ""):
        frame.alive = all_of((frame.alive, present))
    return ("seq", [const(present[1])], frame.path)


def _boolop(node: ast.BoolOp, frame: Frame, machine: Machine) -> Value:
    conjunction = isinstance(node.op, ast.And)
    saved = frame.alive
    told: list[Value] = []
    so_far = TRUE if conjunction else FALSE
    for part in node.values:
        value = evaluate(part, frame, machine)
        told.append(value)
        guard = truth(value)
        so_far = all_of((so_far, guard)) if conjunction else any_of((so_far, guard))
        if so_far == (FALSE if conjunction else TRUE):
            break
        frame.alive = all_of((frame.alive, guard if conjunction else no(guard)))
    frame.alive = saved
    if len(told) == 1:
        return told[0]
    if all(is_truth(one) for one in told) or so_far in (TRUE, FALSE):
        return told[-1] if so_far in (TRUE, FALSE) and not is_truth(told[-1]) else ("guard", so_far)
    if len(told) == 2 and not conjunction:
        return merge(truth(told[0]), told[0], told[1])
    return ("guard", so_far)


def _unary(node: ast.UnaryOp, frame: Frame, machine: Machine) -> Value:
    value = evaluate(node.operand, frame, machine)
    if isinstance(node.op, ast.Not):
        return ("guard", no(truth(value)))
    if isinstance(node.op, ast.USub) and value[0] == "const" and isinstance(value[1], (int, float)):
        return const(-value[1])
    return NOTHING


def _compare(node: ast.Compare, frame: Frame, machine: Machine) -> Value:
    values = [evaluate(node.left, frame, machine), *[evaluate(one, frame, machine) for one in node.comparators]]
    guards = []
    for place, operator in enumerate(node.ops):
        parts = [
            all_of((left_guard, right_guard, compare(left, operator, right)))
            for left_guard, left in each(values[place])
            for right_guard, right in each(values[place + 1])
        ]
        guards.append(any_of(parts))
    return ("guard", all_of(guards))


def _ifexp(node: ast.IfExp, frame: Frame, machine: Machine) -> Value:
    guard = truth(evaluate(node.test, frame, machine))
    saved = frame.alive
    frame.alive = all_of((saved, guard))
    one = evaluate(node.body, frame, machine) if frame.alive != FALSE else NOTHING
    frame.alive = all_of((saved, no(guard)))
    two = evaluate(node.orelse, frame, machine) if frame.alive != FALSE else NOTHING
    frame.alive = saved
    return merge(guard, one, two)


def _sequence(node: ast.List | ast.Tuple | ast.Set, frame: Frame, machine: Machine) -> Value:
    found: list[Value] = []
    for one in node.elts:
        if isinstance(one, ast.Starred):
            inner = settled(evaluate(one.value, frame, machine))
            found += [UNSURE] if inner is None else inner
        else:
            found.append(evaluate(one, frame, machine))
    return listed(found, frame.path)


def _dict(node: ast.Dict, frame: Frame, machine: Machine) -> Value:
    found: dict[object, Value] = {}
    complete = True
    for key, value in zip(node.keys, node.values):
        told = evaluate(value, frame, machine)
        if key is None:
            if told[0] == "dict":
                found.update(told[1])
                complete = complete and told[2]
            else:
                complete = False
            continue
        name_of = evaluate(key, frame, machine)
        if name_of[0] == "const" and isinstance(name_of[1], (str, int, bool, type(None))):
            found[name_of[1]] = told
        else:
            complete = False
    return ("dict", found, complete, frame.path)


def _joined(node: ast.JoinedStr, frame: Frame, machine: Machine) -> Value:
    parts = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
        elif isinstance(part, ast.FormattedValue):
            parts.append(spoken(evaluate(part.value, frame, machine)))
    return _text(any("{" in one for one in parts), "".join(parts))


def _text(holds_places: bool, text: str) -> Value:
    return ("text", text) if holds_places and len(text) <= LARGEST else NOTHING if holds_places else const(text)


def spoken(value: Value) -> str:
    """Return how a value reads in a message; what hangs on the environment becomes a placeholder."""
    if value[0] in ("const", "parsed", "text"):
        return str(value[1])
    if value[0] == "version":
        return "{" + str(value[1]) + "}"
    return "{}"


def _binop(node: ast.BinOp, frame: Frame, machine: Machine) -> Value:
    left, right = evaluate(node.left, frame, machine), evaluate(node.right, frame, machine)
    if isinstance(node.op, ast.Add):
        if left[0] in ("const", "text") and right[0] in ("const", "text") and isinstance(left[1], str) and isinstance(right[1], str):
            return _text("text" in (left[0], right[0]), left[1] + right[1])
        if left[0] == "seq" and right[0] == "seq":
            return listed([*left[1], *right[1]], frame.path)
    return NOTHING


def _named(node: ast.NamedExpr, frame: Frame, machine: Machine) -> Value:
    value = evaluate(node.value, frame, machine)
    frame.scope.set(node.target.id, value)
    return value


def _comprehension(node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, frame: Frame, machine: Machine) -> Value:
    evaluate(node.generators[0].iter, frame, machine)
    return NOTHING


def _inner(node: ast.expr, frame: Frame, machine: Machine) -> Value:
    return evaluate(node.value, frame, machine)  # type: ignore[attr-defined]


def _call(node: ast.Call, frame: Frame, machine: Machine) -> Value:
    return call(node, frame, machine)


_HANDLERS: dict[type[ast.expr], Callable[[Any, Frame, Machine], Value]] = {
    ast.Attribute: _attribute, ast.Subscript: _subscript, ast.BoolOp: _boolop, ast.UnaryOp: _unary, ast.Compare: _compare,
    ast.IfExp: _ifexp, ast.List: _sequence, ast.Tuple: _sequence, ast.Set: _sequence, ast.Dict: _dict, ast.JoinedStr: _joined,
    ast.BinOp: _binop, ast.NamedExpr: _named, ast.ListComp: _comprehension, ast.SetComp: _comprehension,
    ast.GeneratorExp: _comprehension, ast.DictComp: _comprehension, ast.Await: _inner, ast.Starred: _inner, ast.Call: _call,
}  # fmt: skip
