"""Where a script looks before it leaps: tests of a version or a signature, and refusals that it catches. Such calls are not judged."""

from __future__ import annotations

from envdoctor.script.scopes import FUNCTION, VALUE, Scope
from envdoctor.script.syntax import children
from envdoctor.script.values import target

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator
else:
    import _ast as ast

_ASKING = frozenset(
    {"hasattr", "getattr", "signature", "getfullargspec", "find_spec", "parameters", "fields", "__dataclass_fields__", "dir"}
)
_REFUSALS = frozenset({"TypeError", "AttributeError", "ImportError", "ModuleNotFoundError"})
_BROAD = frozenset({"Exception", "BaseException"})
_DEPTH = 3
_LIBRARIES = frozenset({"transformers", "trl", "torch", "accelerate", "datasets"})
"""Names like `is_transformers_ge_v5` ask which release of these is there, wherever they come from."""
_OTHER_DEVICES = frozenset({"xpu", "mps", "npu", "hpu", "mlu", "musa", "mtia", "xla"})
"""What torch calls accelerators that few machines have: their branch is no part of the run elsewhere."""


def asks(test: ast.expr, scope: Scope, depth: int = 0) -> bool:
    """Tell whether a test is about which release of a library is there."""
    options = set()
    for node in _walk(test):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "getattr" and node.args and not _is_imported(node.args[0], scope):
            options.add(id(node.func))  # what an object holds, most often an option of the run, is no matter of releases
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "parameters":
            options.add(id(node.func))  # a signature has parameters, a model gives them
        name = _last(node) if isinstance(node, (ast.Name, ast.Attribute)) and id(node) not in options else ""
        lower = name.lower()
        if name in _ASKING or "version" in lower or (lower.endswith("available") and name != "is_available"):
            return True
        words = lower.split("_")
        if words[0] in ("is", "has") and not _LIBRARIES.isdisjoint(words):
            return True
        if name == "is_available" and isinstance(node, ast.Attribute) and _last(node.value) in _OTHER_DEVICES:
            return True
        if isinstance(node, ast.Name) and depth < _DEPTH and _is_made_by_asking(name, scope, depth):
            return True
    return False


def _is_imported(node: ast.expr, scope: Scope) -> bool:
    """Tell whether an expression is a module or a name of one, not an object that was made."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and bool(target(node, scope))


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_made_by_asking(name: str, scope: Scope, depth: int) -> bool:
    home = scope.home(name)
    if home is None:
        return False
    key = ("asks", name)
    if key not in home.known:
        home.known[key] = False  # what asks itself does not ask
        home.known[key] = any(
            asks(part, binding.scope, depth + 1)
            for binding in home.names[name]
            if binding.kind in (VALUE, FUNCTION) and binding.node is not None
            for part in _told(binding.node)
        )
    return bool(home.known[key])


def _told(node: ast.AST) -> Iterator[ast.expr]:
    """Yield what a name's value is: an expression, or what a function returns."""
    if isinstance(node, ast.expr):
        yield node
    else:
        for inner in _walk(node):
            if isinstance(inner, ast.Return) and inner.value is not None:
                yield inner.value


def catches(handler: ast.ExceptHandler, kinds: list[str]) -> bool:
    """Tell whether a handler is there for a call or an import that a release refuses: by its name, or because it tries another one."""
    if not _REFUSALS.isdisjoint(kinds):
        return True
    if _BROAD.isdisjoint(kinds):
        return False
    return any(
        isinstance(node, (ast.Import, ast.ImportFrom)) or (isinstance(node, ast.Call) and node.keywords)
        for part in handler.body
        for node in _walk(part)
    )


def leaves(body: list[ast.stmt]) -> bool:
    """Tell whether a block ends by leaving what it stands in."""
    return isinstance(body[-1], (ast.Return, ast.Raise, ast.Continue, ast.Break))


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(children(one))
