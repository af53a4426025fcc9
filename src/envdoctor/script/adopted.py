"""Constants that a script imports from another file of its project: `from config import MODEL, RANK`.

They are put into the script's tree as if they were assigned where they are imported.
"""

from __future__ import annotations

from envdoctor.script.arithmetic import UnknownValueError
from envdoctor.script.scopes import Scopes
from envdoctor.script.syntax import parse
from envdoctor.script.values import constant, literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable, Mapping
    from typing import Any
else:
    import _ast as ast


def constants(text: str, path: str, names: Iterable[str]) -> dict[str, Any]:
    """Return the values of those names of a module that certainly have one. Raises InputError for what is no Python."""
    scopes = Scopes([(path, parse(text, path))])
    found: dict[str, Any] = {}
    for name in names:
        binding = constant(name, scopes.module) if name in scopes.module.names else None
        try:
            value = literal(binding.node, binding.scope) if binding is not None else None
        except UnknownValueError:
            continue
        if value is not None:
            found[name] = value
    scopes.forget()
    return found


def adopt(tree: ast.Module, known: Mapping[str, Any]) -> None:
    """Put assignments in the place of imports, at the top of a script, of names whose values are known by their dotted names."""
    body: list[ast.stmt] = []
    for statement in tree.body:
        if not isinstance(statement, ast.ImportFrom):
            body.append(statement)
            continue
        module = "." * statement.level + (statement.module or "")
        dot = "" if module.endswith(".") else "."
        taken = [alias for alias in statement.names if f"{module}{dot}{alias.name}" in known]
        left = [alias for alias in statement.names if alias not in taken]
        if left or not taken:
            statement.names = left or statement.names
            body.append(statement)
        at = {"lineno": statement.lineno, "col_offset": statement.col_offset}
        for alias in taken:
            name = ast.Name(id=alias.asname or alias.name, ctx=ast.Store(), **at)
            body.append(ast.Assign(targets=[name], value=_written(known[f"{module}{dot}{alias.name}"], at), type_comment=None, **at))
    tree.body = body


def _written(value: Any, at: dict[str, int]) -> ast.expr:
    """Return the expression that makes a value."""
    if isinstance(value, tuple):
        return ast.Tuple(elts=[_written(part, at) for part in value], ctx=ast.Load(), **at)
    if isinstance(value, dict):
        keys: list[ast.expr | None] = [ast.Constant(value=key, kind=None, **at) for key in value]
        return ast.Dict(keys=keys, values=[_written(part, at) for part in value.values()], **at)
    return ast.Constant(value=value, kind=None, **at)
