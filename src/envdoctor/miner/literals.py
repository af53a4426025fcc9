"""What is written out in a syntax tree: lists of strings, names of what is called, names that a test compares with."""

from __future__ import annotations

import ast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


def strings(node: ast.AST | None) -> list[str] | None:
    """Return the strings of a literal list, tuple or set; None for anything else."""
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        found = [one.value for one in node.elts if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        return found if len(found) == len(node.elts) else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("set", "list", "tuple", "frozenset"):
        return strings(node.args[0]) if len(node.args) == 1 else [] if not node.args else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = strings(node.left), strings(node.right)
        return None if left is None or right is None else left + right
    return None


def text_of(node: ast.AST | None) -> str | None:
    """Return a constant string, None for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def keys(node: ast.Dict) -> list[str] | None:
    """Return the keys of a dictionary whose keys are all constant strings, None for any other."""
    found = [text for text in map(text_of, node.keys) if text is not None]
    return found if len(found) == len(node.keys) else None


def told(node: ast.AST | None, values: Mapping[str, ast.expr]) -> list[str] | None:
    """Return the strings that something holds, of a dictionary its keys; None where they are not written out.

    A comprehension is told where it runs over something written out, such as `{name: ... for name, reason in rows}`.
    """
    if isinstance(node, ast.Dict):
        return keys(node)
    if not isinstance(node, (ast.DictComp, ast.ListComp, ast.SetComp)):
        return strings(node)
    item, loop = node.key if isinstance(node, ast.DictComp) else node.elt, node.generators[0]
    source = values.get(loop.iter.id) if isinstance(loop.iter, ast.Name) else loop.iter
    if len(node.generators) != 1 or not isinstance(item, ast.Name) or not isinstance(source, (ast.List, ast.Tuple, ast.Set)):
        return None
    if isinstance(loop.target, ast.Tuple):
        names = [part.id if isinstance(part, ast.Name) else "" for part in loop.target.elts]
        rows = [one.elts for one in source.elts if isinstance(one, (ast.Tuple, ast.List)) and len(one.elts) == len(names)]
        if item.id not in names or len(rows) != len(source.elts):
            return None
        return strings(ast.List(elts=[row[names.index(item.id)] for row in rows], ctx=ast.Load()))
    return strings(source) if isinstance(loop.target, ast.Name) and loop.target.id == item.id else None


def called(node: ast.Call) -> str:
    """Return the last name of what is called, "" where it has none."""
    return node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""


def served_by(node: ast.FunctionDef, known: Callable[[str], list[str] | None]) -> tuple[list[str], bool]:
    """Return the names that a module's `__getattr__` answers, and whether these are all.

    It is closed if it ends by raising, and returns something only for names that it compares with, or finds in a table. `known` tells
    the strings of a variable of the module.
    """
    parameter = node.args.args[0].arg if node.args.args else ""
    last = node.body[-1]
    is_closed = isinstance(last, ast.Raise) or (isinstance(last, ast.If) and _ends_by_raising(last))
    found: list[str] = []
    for names in _answers(node.body, parameter, known, None):
        is_closed = is_closed and names is not None
        found += names or ()
    return found, is_closed


def _ends_by_raising(node: ast.If) -> bool:
    last = node.orelse[-1] if node.orelse else None
    return isinstance(last, ast.Raise) or (isinstance(last, ast.If) and _ends_by_raising(last))


def _answers(
    body: list[ast.stmt], parameter: str, known: Callable[[str], list[str] | None], beneath: list[str] | None
) -> Iterator[list[str] | None]:
    """Yield, for every `return`, the names for which it can be reached."""
    for node in body:
        if isinstance(node, ast.Return):
            yield beneath
        elif isinstance(node, ast.If):
            yield from _answers(node.body, parameter, known, _compared(node.test, parameter, known) or beneath)
            yield from _answers(node.orelse, parameter, known, beneath)
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            sought = _sought(node, parameter, known) if isinstance(node, ast.Try) else None
            for field in ("body", "orelse", "finalbody"):
                yield from _answers(
                    getattr(node, field, None) or [], parameter, known, sought if sought and field != "finalbody" else beneath
                )
            for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
                yield from _answers(part.body, parameter, known, beneath)


def _sought(node: ast.Try, parameter: str, known: Callable[[str], list[str] | None]) -> list[str] | None:
    """Return the keys of a table in which a protected block looks the parameter up first: `try: found = table[name] ... else: return`."""
    first = node.body[0]
    value = first.value if isinstance(first, (ast.Assign, ast.Return)) else None
    if isinstance(value, ast.Subscript) and isinstance(value.value, ast.Name) and ast.unparse(value.slice) == parameter:
        return known(value.value.id)
    return None


def _compared(test: ast.expr, parameter: str, known: Callable[[str], list[str] | None]) -> list[str] | None:
    """Return the names of which the parameter must be one for a test to hold; None where they cannot be told."""
    if isinstance(test, ast.BoolOp):
        parts = [_compared(one, parameter, known) for one in test.values]
        told = [one for part in parts if part is not None for one in part]
        if isinstance(test.op, ast.And):
            return told if any(part is not None for part in parts) else None
        return told if all(part is not None for part in parts) else None
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.left, ast.Name) and test.left.id == parameter:
        right = test.comparators[0]
        if isinstance(test.ops[0], ast.Eq):
            text = text_of(right)
            return None if text is None else [text]
        if isinstance(test.ops[0], ast.In):
            if isinstance(right, ast.Dict):
                return keys(right)
            return known(right.id) if isinstance(right, ast.Name) else strings(right)
    return None


def suffixes(tree: ast.Module) -> tuple[str, ...]:
    """Return the suffixes that the `__getattr__` of a lazy module class tests for."""
    found: dict[str, None] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name.endswith("LazyModule"):
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and method.name == "__getattr__":
                    for part in ast.walk(method):
                        if isinstance(part, ast.Call) and called(part) == "endswith":
                            found.update((text, None) for text in map(text_of, part.args) if text is not None)
    return tuple(found)
