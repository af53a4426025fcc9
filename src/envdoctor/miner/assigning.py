"""What assignments bind: names, attributes of instances, keys of dictionaries, each under the condition of its line."""

from __future__ import annotations

import ast

from envdoctor.miner.contents import put_in, remove
from envdoctor.miner.expressions import evaluate
from envdoctor.miner.values import NOTHING, UNSURE, assign, element, put
from envdoctor.model.guards import TRUE, all_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.miner.frames import Frame
    from envdoctor.miner.machine import Machine
    from envdoctor.miner.values import Value

_EAGER = ("py", "<3.14")
"""Annotations are evaluated where they stand up to Python 3.13 (PEP 649)."""


def bind(target: ast.expr, value: Value, frame: Frame, machine: Machine) -> None:
    """Bind a target of an assignment."""
    if isinstance(target, ast.Name):
        if target.id in frame.globals:
            frame.module.scope.layers[0][target.id] = value if frame.path == TRUE else NOTHING
        else:
            frame.scope.set(target.id, value)
    elif isinstance(target, (ast.Tuple, ast.List)):
        for place, part in enumerate(target.elts):
            if isinstance(part, ast.Starred):
                bind(part.value, NOTHING, frame, machine)
            else:
                bind(part, element(value, place), frame, machine)
    elif isinstance(target, ast.Attribute):
        owner = evaluate(target.value, frame, machine)
        if owner[0] == "inst":
            assign(owner, target.attr, value, frame.path)
    elif isinstance(target, ast.Subscript):
        owner = evaluate(target.value, frame, machine)
        key = evaluate(target.slice, frame, machine)
        put_in(owner, key, value, frame)


def assigned(node: ast.Assign, frame: Frame, machine: Machine) -> None:
    """Carry out `a = b = value`."""
    value = evaluate(node.value, frame, machine)
    for target in node.targets:
        bind(target, value, frame, machine)


def annotated(node: ast.AnnAssign, frame: Frame, machine: Machine) -> None:
    """Carry out `name: annotation = value`."""
    if frame.scope is frame.module.scope:
        annotation(node.annotation, frame, machine)
    if node.value is not None:
        bind(node.target, evaluate(node.value, frame, machine), frame, machine)


def annotation(node: ast.expr | None, frame: Frame, machine: Machine) -> None:
    """Evaluate an annotation where Python does."""
    if node is None or isinstance(node, ast.Constant) or machine.has_lazy_annotations(frame.module):
        return
    saved = frame.alive
    frame.alive = all_of((saved, _EAGER))
    evaluate(node, frame, machine)
    frame.alive = saved


def augmented(node: ast.AugAssign, frame: Frame, machine: Machine) -> None:
    """Carry out `a += value`."""
    added = evaluate(node.value, frame, machine)
    value = evaluate(node.target, frame, machine)
    if value[0] == "seq" and isinstance(node.op, ast.Add):
        put(value, added[1] if added[0] == "seq" else [UNSURE], frame.path)
    else:
        bind(node.target, NOTHING, frame, machine)


def delete(node: ast.Delete, frame: Frame, machine: Machine) -> None:
    """Carry out `del name` and `del table[key]`."""
    for target in node.targets:
        if isinstance(target, ast.Subscript):
            remove(evaluate(target.value, frame, machine), evaluate(target.slice, frame, machine), frame)
        else:
            bind(target, NOTHING, frame, machine)
