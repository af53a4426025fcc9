"""Values that hang on whether a module can be imported: `try: import flash_attn` and the like. Which one counts, the engine finds out."""

from __future__ import annotations

from envdoctor.script.arithmetic import UnknownValueError
from envdoctor.script.scopes import VALUE, Scope
from envdoctor.script.values import literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterator
    from typing import Any

    Body = Callable[[Scope], list[ast.stmt]]
else:
    import _ast as ast

ASKED = {
    "is_flash_attn_2_available": "flash_attn",
    "is_flash_attn_available": "flash_attn",
    "is_bitsandbytes_available": "bitsandbytes",
    "is_xformers_available": "xformers",
    "is_liger_kernel_available": "liger_kernel",
}
"""Functions that tell whether a module is there."""
_IMPORT_ERRORS = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
_OTHERWISE = "!"
_UNCLEAR = "?"


def choices(value: ast.expr, scope: Scope, body: Body) -> tuple[tuple[Any, str], ...]:
    """Return the values that an expression has, each with the module it takes, the last with "" for none; nothing where that is unclear.

    `body` returns the statements of a scope.
    """
    try:
        if isinstance(value, ast.IfExp):
            module = _asked(value.test)
            return ((literal(value.body, scope), module), (literal(value.orelse, scope), "")) if module else ()
        home = scope.home(value.id) if isinstance(value, ast.Name) else None
        if home is None or not isinstance(value, ast.Name):
            return ()
        bindings = home.names[value.id]
        if not 2 <= len(bindings) <= 3 or any(binding.kind != VALUE for binding in bindings):
            return ()
        given = [pair for statement in body(home) for pair in _given(statement, value.id)]
        modules = [under for under, _ in given if under not in ("", _OTHERWISE)]
        order = ["" if under == "" else _OTHERWISE if under == _OTHERWISE else "module" for under, _ in given]
        if len(given) != len(bindings) or _UNCLEAR in modules or order not in _ORDERS:
            return ()
        then = next(node for under, node in given if under in modules)
        left = next(node for under, node in reversed(given) if under not in modules)
        return ((literal(then, home), modules[0]), (literal(left, home), ""))
    except UnknownValueError:
        return ()


_ORDERS = (["", "module"], ["module", _OTHERWISE], ["", "module", _OTHERWISE], ["", _OTHERWISE, "module"], [_OTHERWISE, "module"])


def _given(statement: ast.stmt, name: str, under: str = "") -> Iterator[tuple[str, ast.expr]]:
    """Yield what a statement gives to a name, and when."""
    if isinstance(statement, ast.Assign):
        if len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name) and statement.targets[0].id == name:
            yield under, statement.value
    elif isinstance(statement, ast.Try):
        modules = {_imported(one) for one in statement.body} - {""}
        module = modules.pop() if len(modules) == 1 and not under else _UNCLEAR
        for one in (*statement.body, *statement.orelse):
            yield from _given(one, name, module)
        for handler in statement.handlers:
            kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
            is_caught = any(kind is None or getattr(kind, "id", "") in _IMPORT_ERRORS for kind in kinds)
            for one in handler.body:
                yield from _given(one, name, _OTHERWISE if is_caught and not under else _UNCLEAR)
    elif isinstance(statement, ast.If):
        module, turned = _asked(statement.test), False
        if not module and isinstance(statement.test, ast.UnaryOp) and isinstance(statement.test.op, ast.Not):
            module, turned = _asked(statement.test.operand), True
        first, second = (module, _OTHERWISE) if module and not under else (_UNCLEAR, _UNCLEAR)
        for one in statement.body:
            yield from _given(one, name, second if turned else first)
        for one in statement.orelse:
            yield from _given(one, name, first if turned else second)


def _imported(statement: ast.stmt) -> str:
    if isinstance(statement, ast.Import):
        return statement.names[0].name.partition(".")[0]
    return (statement.module or "").partition(".")[0] if isinstance(statement, ast.ImportFrom) and not statement.level else ""


def _asked(test: ast.expr) -> str:
    """Return the module that a test asks for, "" where it asks for anything else."""
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.IsNot):
        right = test.comparators[0]
        return _asked(test.left) if isinstance(right, ast.Constant) and right.value is None else ""
    if not isinstance(test, ast.Call):
        return ""
    called = getattr(test.func, "attr", getattr(test.func, "id", ""))
    if called == "find_spec" and test.args and isinstance(test.args[0], ast.Constant) and isinstance(test.args[0].value, str):
        return test.args[0].value.partition(".")[0]
    return "" if test.args else ASKED.get(called, "")
