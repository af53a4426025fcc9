"""Which exceptions a `with` block keeps to itself: `contextlib.suppress`, and whatever else lets an import fail quietly."""

from __future__ import annotations

import ast

from envdoctor.miner.expressions import evaluate
from envdoctor.miner.walks import dotted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.miner.frames import Frame
    from envdoctor.miner.machine import Machine

_TELLING = ("import", "suppress", "ignor", "raises", "optional", "swallow")
"""Words in the names of foreign context managers that catch what is raised, such as optuna's `try_import`."""


def swallowed(node: ast.expr, frame: Frame, machine: Machine) -> list[ast.expr] | None:
    """Return what a context manager keeps from being raised, [] for anything; None where it lets everything through."""
    if not isinstance(node, ast.Call):
        return None
    last = dotted(node.func).rpartition(".")[2]
    if last == "suppress":
        return list(node.args)
    effects = len(frame.sink)
    maker = evaluate(node.func, frame, machine)
    del frame.sink[effects:]  # it is evaluated again when the block is entered
    if maker[0] == "func":
        return [] if _catches(maker[2]) else None
    if maker[0] == "class":
        leave = machine.class_member(maker, "__exit__")
        return [] if leave[0] == "func" and _keeps(leave[2]) else None
    if maker[0] == "ext" and machine.importer.is_built_in(maker[1]):
        return None
    return [] if any(word in last.lower() for word in _TELLING) else None


def _catches(node: ast.AST) -> bool:
    """Tell whether a generator goes on after what is raised at its `yield`."""
    return any(
        isinstance(part, ast.Try)
        and part.handlers
        and any(isinstance(one, (ast.Yield, ast.YieldFrom)) for line in part.body for one in ast.walk(line))
        for part in ast.walk(node)
    )


def _keeps(node: ast.AST) -> bool:
    """Tell whether an `__exit__` may answer yes, which ends the exception."""
    return any(
        isinstance(part, ast.Return) and part.value is not None and not (isinstance(part.value, ast.Constant) and not part.value.value)
        for part in ast.walk(node)
    )
