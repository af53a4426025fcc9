"""What a syntax tree holds, as text or walked through. What is asked again and again is told once: the answer is written on the node,
because a tree is kept from release to release, and a function is read anew with each call.
"""

from __future__ import annotations

import ast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    Function = ast.FunctionDef | ast.AsyncFunctionDef

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_CLOSED = (*_FUNCTIONS, ast.Lambda, ast.ClassDef)
_YIELDS, _KINDS, _BOUND, _METHODS, _DECORATED = (
    f"envdoctor_{word}" for word in ("yields", "kinds", "bound", "methods", "decorated")
)  # fmt: skip


def dotted(node: ast.expr) -> str:
    """Return an expression as text; names and their attributes are most of what is asked for, and need no machinery."""
    parts: list[str] = []
    base = node
    while isinstance(base, ast.Attribute):
        parts.append(base.attr)
        base = base.value
    if not isinstance(base, ast.Name):
        return ast.unparse(node)
    parts.append(base.id)
    return ".".join(reversed(parts))


def decorators(node: Function) -> tuple[str, ...]:
    """Return the decorators of a function as text, calls with their arguments."""
    known: tuple[str, ...] | None = getattr(node, _DECORATED, None)
    if known is None:
        known = tuple(map(dotted, node.decorator_list))
        setattr(node, _DECORATED, known)
    return known


def yields(node: ast.FunctionDef) -> bool:
    """Tell whether a function is a generator, whose body does not run when it is called."""
    known: bool | None = getattr(node, _YIELDS, None)
    if known is None:
        known = _holds_yield(node)
        setattr(node, _YIELDS, known)
    return known


def _holds_yield(node: ast.FunctionDef) -> bool:
    stack: list[ast.AST] = list(node.body)
    while stack:
        part = stack.pop()
        if isinstance(part, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(part, _CLOSED):
            stack.extend(ast.iter_child_nodes(part))
    return False


def holds(body: Iterable[ast.stmt], *kinds: type[ast.stmt]) -> bool:
    """Tell whether a body holds a statement of these kinds, functions in it left out."""
    return any(not _kinds(node).isdisjoint(kinds) for node in body)


def _kinds(node: ast.stmt) -> frozenset[type[ast.AST]]:
    known: frozenset[type[ast.AST]] | None = getattr(node, _KINDS, None)
    if known is None:
        known = frozenset(map(type, inside([node])))
        setattr(node, _KINDS, known)
    return known


def inside(body: Iterable[ast.stmt]) -> Iterator[Any]:
    """Yield the statements of a body and those inside them, functions and classes unopened."""
    stack: list[ast.AST] = list(body)
    while stack:
        part = stack.pop()
        if isinstance(part, ast.stmt):
            yield part
        if isinstance(part, (ast.stmt, ast.ExceptHandler, ast.match_case)) and not isinstance(part, (*_FUNCTIONS, ast.ClassDef)):
            stack.extend(ast.iter_child_nodes(part))


def bound(node: ast.stmt) -> tuple[str, ...]:
    """Return the names that a statement binds or deletes, wherever in it."""
    known: tuple[str, ...] | None = getattr(node, _BOUND, None)
    if known is None:
        names = (part.id for part in ast.walk(node) if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load))
        known = tuple(dict.fromkeys(names))
        setattr(node, _BOUND, known)
    return known


def functions(node: ast.ClassDef) -> dict[str, Function]:
    """Return the functions that stand in a class's body, by name; of two the later one."""
    known: dict[str, Function] | None = getattr(node, _METHODS, None)
    if known is None:
        known = {part.name: part for part in node.body if isinstance(part, _FUNCTIONS)}
        setattr(node, _METHODS, known)
    return known
