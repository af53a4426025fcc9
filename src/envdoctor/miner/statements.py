"""What the statements of a body do: which branch holds when, what is bound, what fails."""

from __future__ import annotations

import ast

from envdoctor.miner.assigning import annotated, annotation, assigned, augmented, bind, delete
from envdoctor.miner.expressions import evaluate, spoken
from envdoctor.miner.frames import REFUSE, Frame, Scope, Try
from envdoctor.miner.outline import Unread
from envdoctor.miner.swallowing import swallowed
from envdoctor.miner.values import NOTHING, const, is_whole, merge, settled, truth
from envdoctor.miner.walks import bound, dotted, holds, inside
from envdoctor.model.guards import FALSE, TRUE, UNKNOWN, all_of, any_of, certain, no

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from envdoctor.miner.machine import Machine
    from envdoctor.miner.values import Value
    from envdoctor.model.guards import Guard

_UNROLLED = 40


def run(body: list[ast.stmt], frame: Frame, machine: Machine) -> None:
    """Carry out statements as long as a line can be reached."""
    for node in body:
        if frame.alive == FALSE or not machine.spend():
            return
        handler = _HANDLERS.get(type(node))
        if handler is not None:
            handler(node, frame, machine)


def _branch(body: list[ast.stmt], guard: Guard, frame: Frame, machine: Machine) -> tuple[Guard, dict[str, Value], bool]:
    """Carry out a body under one more condition; return its end's condition, what it bound, and whether it left the flow."""
    before = frame.exits
    frame.alive = all_of((frame.alive, guard))
    frame.scope.push()
    if frame.alive != FALSE:
        run(body, frame, machine)
    return frame.alive, frame.scope.pop(), frame.exits != before


def _if(node: ast.If, frame: Frame, machine: Machine) -> None:
    guard = truth(evaluate(node.test, frame, machine))
    if guard in (TRUE, FALSE):
        run(node.body if guard == TRUE else node.orelse, frame, machine)
        return
    saved, exits = frame.alive, frame.exits
    one_alive, one, one_left = _branch(node.body, guard, frame, machine)
    frame.alive = saved
    two_alive, two, two_left = _branch(node.orelse, no(guard), frame, machine)
    _join(frame, guard, one if one_alive != FALSE else None, two if two_alive != FALSE else None)
    if guard == UNKNOWN:
        # had it been raised, the run would have ended: what follows is certain for every run that goes on
        one_left = one_left and not _ends(node.body, frame)
        two_left = two_left and not _ends(node.orelse, frame)
    if not one_left and not two_left:
        frame.alive, frame.exits = saved, exits
    else:
        frame.alive = any_of((one_alive, two_alive))


def _ends(body: list[ast.stmt], frame: Frame) -> bool:
    """Tell whether a branch ends the run: by raising what nobody catches, and it leaves in no other way."""
    last = body[-1] if body else None
    if not isinstance(last, ast.Raise) or holds(body, ast.Return, ast.Break, ast.Continue):
        return False
    return all(frame.protector(_raised(one)) is None for one in inside(body) if isinstance(one, ast.Raise))


def _join(frame: Frame, guard: Guard, one: dict[str, Value] | None, two: dict[str, Value] | None) -> None:
    """Bind what two branches bound; None stands for a branch whose end is never reached."""
    for name in {**(one or {}), **(two or {})}:
        before = frame.lookup(name) or NOTHING
        if one is None:
            frame.scope.set(name, (two or {}).get(name, before))
        elif two is None:
            frame.scope.set(name, one.get(name, before))
        else:
            frame.scope.set(name, merge(guard, one.get(name, before), two.get(name, before)))


def _try(node: ast.Try, frame: Frame, machine: Machine) -> None:
    kinds = [_caught(handler) for handler in node.handlers]
    block = Try(frozenset().union(*kinds), len(frame.scope.layers))
    block.passes_on = bool(node.handlers) and all(map(_passes_on, node.handlers))
    saved, before = frame.alive, frame.exits
    frame.tries.append(block)
    frame.scope.push()
    run(node.body, frame, machine)
    frame.tries.pop()
    failed = any_of(guard for guard, _ in block.failures)
    if frame.exits == before:
        frame.alive = saved
    frame.alive = all_of((frame.alive, no(failed)))
    run(node.orelse, frame, machine)
    body_alive, body = frame.alive, frame.scope.pop()
    left = frame.exits - block.raised != before  # what is raised here and caught here stays in the flow
    alives = [body_alive]
    merged: dict[str, Value] | None = body if body_alive != FALSE else None
    for handler, kind in zip(node.handlers, kinds):
        mine = [one for one in block.failures if Try(kind).holds(one[1])]
        block.failures = [one for one in block.failures if one not in mine]
        guard = any_of(one for one, _ in mine)
        frame.alive = saved
        if guard == FALSE:
            continue
        unsure = dict.fromkeys({*block.bound, *([handler.name] if handler.name else [])}, NOTHING)
        frame.scope.push()
        frame.scope.layers[-1].update(unsure)
        alive, bound, went = _branch(handler.body, guard, frame, machine)
        frame.scope.pop()
        bound = {**unsure, **bound}
        left = left or (went and not (certain(guard) == FALSE and _ends(handler.body, frame)))
        alives.append(alive)
        if alive != FALSE:
            merged = bound if merged is None else {
                name: merge(guard, bound.get(name, frame.lookup(name) or NOTHING), merged.get(name, frame.lookup(name) or NOTHING))
                for name in {**bound, **merged}
            }  # fmt: skip
    for name, value in (merged or {}).items():
        frame.scope.set(name, value)
    if left:
        frame.alive = any_of(alives)
    else:
        frame.alive, frame.exits = saved, before
    run(node.finalbody, frame, machine)


def _passes_on(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler of failed imports only says it in other words: then the import fails as if nothing stood around it."""
    raised = handler.body[-1]
    if not isinstance(raised, ast.Raise) or not _caught(handler) <= {"ImportError", "ModuleNotFoundError"}:
        return False
    again = raised.exc is None or ast.unparse(raised.exc).partition("(")[0] in ("ImportError", "ModuleNotFoundError", handler.name)
    return again and not holds(handler.body[:-1], ast.Return, ast.Break, ast.Continue, ast.Raise, ast.If, ast.Try)


def _caught(handler: ast.ExceptHandler) -> frozenset[str]:
    if handler.type is None:
        return frozenset({"BaseException", "Exception"})
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return frozenset(dotted(one).rpartition(".")[2] for one in types)


def _with(node: ast.With | ast.AsyncWith, frame: Frame, machine: Machine) -> None:
    caught: list[ast.expr | None] = []
    for item in node.items:
        kinds = swallowed(item.context_expr, frame, machine)
        if kinds is not None:
            caught += kinds or [None]
        value = evaluate(item.context_expr, frame, machine)
        if item.optional_vars is not None:
            bind(item.optional_vars, NOTHING if value[0] != "inst" else value, frame, machine)
    if not caught:
        run(node.body, frame, machine)
        return
    kind = None if None in caught else ast.Tuple(elts=[one for one in caught if one is not None], ctx=ast.Load())
    handler = ast.ExceptHandler(type=kind, name=None, body=[ast.Pass()])
    _try(ast.Try(body=node.body, handlers=[handler], orelse=[], finalbody=[]), frame, machine)


def _for(node: ast.For | ast.AsyncFor, frame: Frame, machine: Machine) -> None:
    value = evaluate(node.iter, frame, machine)
    if value[0] == "dict" and is_whole(value):
        value = ("seq", [const(key) for key in value[1]])
    if settled(value) is None or len(value[1]) > _UNROLLED:
        bind(node.target, NOTHING, frame, machine)
        _perhaps(node.body, TRUE, frame, machine)
    else:
        _turns(node, value[1], frame, machine)
    run(node.orelse, frame, machine)


def _turns(node: ast.For | ast.AsyncFor, values: list[Value], frame: Frame, machine: Machine) -> None:
    """Carry out a loop over known values, one after the other."""
    stays = not holds(node.body, ast.Return, ast.Break)
    saved, exits = frame.alive, frame.exits
    for one in values:
        bind(node.target, one, frame, machine)
        start = frame.alive
        run(node.body, frame, machine)
        if stays:
            frame.alive = start  # at most a `continue`
        elif frame.alive != start:
            frame.alive = any_of((frame.alive, all_of((start, UNKNOWN))))
    if stays or frame.exits == exits:
        frame.alive, frame.exits = saved, exits
    if holds(node.body, ast.Break, ast.Continue):
        _forget(node.body, frame)


def _while(node: ast.While, frame: Frame, machine: Machine) -> None:
    _perhaps(node.body, truth(evaluate(node.test, frame, machine)), frame, machine)


def _match(node: ast.Match, frame: Frame, machine: Machine) -> None:
    evaluate(node.subject, frame, machine)
    for case in node.cases:
        _perhaps(case.body, TRUE, frame, machine)


def _perhaps(body: list[ast.stmt], guard: Guard, frame: Frame, machine: Machine) -> None:
    """Carry out a body that may run any number of times; only a `return` in it makes what follows uncertain."""
    saved, exits = frame.alive, frame.exits
    frame.alive = all_of((saved, guard, UNKNOWN))
    run(body, frame, machine)
    _forget(body, frame)
    frame.alive = saved
    if frame.exits != exits and holds(body, ast.Return):
        frame.alive = all_of((saved, UNKNOWN))
    else:
        frame.exits = exits


def _forget(body: list[ast.stmt], frame: Frame) -> None:
    """Say nothing more of the names that a body binds: which of its lines ran last is not known."""
    for node in body:
        for name in bound(node):
            frame.scope.set(name, NOTHING)


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame, machine: Machine) -> None:
    arguments = node.args
    for one in [*node.decorator_list, *arguments.defaults, *arguments.kw_defaults]:
        if one is not None:
            evaluate(one, frame, machine)
    for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]:
        if argument is not None:
            annotation(argument.annotation, frame, machine)
    annotation(node.returns, frame, machine)
    frame.scope.set(node.name, ("func", frame.module.name, node, None, NOTHING, *_around(frame)))


def _around(frame: Frame) -> tuple[Scope, ...]:
    """Return the names that a definition sees around it, where these are not the module's."""
    return () if frame.scope is frame.module.scope else (frame.scope,)


def _class(node: ast.ClassDef, frame: Frame, machine: Machine) -> None:
    for one in node.decorator_list:
        evaluate(one, frame, machine)
    bases = [evaluate(one, frame, machine) for one in node.bases]
    for word in node.keywords:
        evaluate(word.value, frame, machine)
    machine.note_bases(node, bases)
    value = ("class", frame.module.name, node, *_around(frame))
    frame.scope.push()
    run(node.body, frame, machine)
    frame.scope.pop()
    frame.scope.set(node.name, value)


def _return(node: ast.Return, frame: Frame, machine: Machine) -> None:
    frame.returns.append((frame.alive, evaluate(node.value, frame, machine)))
    frame.exits += 1
    frame.alive = FALSE


def _raise(node: ast.Raise, frame: Frame, machine: Machine) -> None:
    error, message = _raised(node), ""
    if isinstance(node.exc, ast.Call) and node.exc.args:
        message = spoken(evaluate(node.exc.args[0], frame, machine))
    frame.fail(TRUE, error, REFUSE, f"{error}: {' '.join(message.split())}"[:240].rstrip(": "))
    block = frame.protector(error)
    if block is not None and block in frame.tries:
        block.raised += 1
    frame.exits += 1
    frame.alive = FALSE


def _raised(node: ast.Raise) -> str:
    """Return the name of what is raised; what is raised again is what missing imports bring."""
    if node.exc is None:
        return "ImportError"
    return dotted(node.exc.func if isinstance(node.exc, ast.Call) else node.exc).rpartition(".")[2]


def _assert(node: ast.Assert, frame: Frame, machine: Machine) -> None:
    guard = truth(evaluate(node.test, frame, machine))
    if guard != UNKNOWN:
        message = spoken(evaluate(node.msg, frame, machine)) if node.msg is not None else ast.unparse(node.test)
        frame.fail(no(guard), "AssertionError", REFUSE, f"AssertionError: {' '.join(message.split())}"[:240])
        frame.alive = all_of((frame.alive, guard))


def _leave(node: ast.stmt, frame: Frame, machine: Machine) -> None:
    frame.exits += 1
    frame.alive = FALSE


def _global(node: ast.Global, frame: Frame, machine: Machine) -> None:
    frame.globals.update(node.names)


def _expression(node: ast.Expr, frame: Frame, machine: Machine) -> None:
    if not isinstance(node.value, ast.Constant):
        evaluate(node.value, frame, machine)


def _import(node: ast.Import, frame: Frame, machine: Machine) -> None:
    machine.importer.run_import(node, frame)


def _import_from(node: ast.ImportFrom, frame: Frame, machine: Machine) -> None:
    machine.importer.run_from(node, frame)


_HANDLERS: dict[type[ast.stmt], Callable[[Any, Frame, Machine], None]] = {
    ast.If: _if, ast.Match: _match, ast.Try: _try, ast.With: _with, ast.AsyncWith: _with, ast.For: _for, ast.AsyncFor: _for,
    ast.While: _while, ast.Assign: assigned, ast.AnnAssign: annotated, ast.AugAssign: augmented, ast.Delete: delete,
    ast.FunctionDef: _function, ast.AsyncFunctionDef: _function, ast.ClassDef: _class, ast.Return: _return, ast.Raise: _raise,
    ast.Assert: _assert, ast.Break: _leave, ast.Continue: _leave, ast.Global: _global, ast.Expr: _expression, ast.Import: _import,
    ast.ImportFrom: _import_from, Unread: _function,
}  # fmt: skip
