"""What the text of a file says beside its code: notices of deprecation, environment variables, names that functions bind in the module."""

from __future__ import annotations

import ast
import re

from envdoctor.miner.literals import called

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST = 120
_READS = re.compile(rb"""(?:environ\s*(?:\.\s*(?:get|setdefault|pop)\s*\(|\[)|getenv\s*\()\s*["'](\w+)["']\s*(?!\]\s*=[^=])""")
_GLOBAL = re.compile(rb"^[ \t]+global[ \t]+(\w+(?:[ \t]*,[ \t]*\w+)*)[ \t\r]*(?:#.*)?$", re.MULTILINE)
_MODULE_MADE = re.compile(rb"\bsys\.modules\[(?!\s*__name__\s*\])[^\]\n]+\]\s*=[^=]")


def notices_of(body: list[ast.stmt], inside: str = "") -> Iterator[tuple[str, str]]:
    """Yield (qualified name, first words) of deprecation warnings."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield from notices_of(node.body, f"{inside}.{node.name}" if inside else node.name)
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and called(node.value) == "warn" and node.value.args:
            call = node.value
            kind = " ".join(ast.unparse(one) for one in [*call.args[1:], *[word.value for word in call.keywords]])
            if "Deprecat" in kind or "FutureWarning" in kind:
                text = " ".join(_literal(call.args[0]).split())[:_LONGEST].strip()
                if text:
                    yield inside, text
        for field in ("body", "orelse", "finalbody"):
            yield from notices_of(getattr(node, field, None) or [], inside)
        for handler in getattr(node, "handlers", ()):
            yield from notices_of(handler.body, inside)


def _literal(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)  # type: ignore[misc]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _literal(node.left) + _literal(node.right)
    return ""


def variables(text: bytes) -> set[str]:
    """Return the environment variables that are read by a literal name."""
    if b"environ" not in text and b"getenv" not in text:
        return set()
    return {found.decode() for found in _READS.findall(text)}


def globals_bound(text: bytes) -> set[str]:
    """Return the names that functions of a module declare as its own."""
    if b"global" not in text:
        return set()
    return {name.strip().decode() for line in _GLOBAL.findall(text) for name in line.split(b",") if name.strip().isascii()}


def makes_modules(text: bytes) -> bool:
    """Tell whether a file puts modules into the table of Python, at once or in a function that may be called at once."""
    return b"sys.modules[" in text and _MODULE_MADE.search(text) is not None


def exports_by_name(body: list[ast.stmt]) -> bool:
    """Tell whether a function of a file binds and exports what it is only told when it is called, as `numpy.dtypes` does."""
    for node in body:
        parts = [one for one in ast.walk(node) if isinstance(one, ast.Call)] if isinstance(node, ast.FunctionDef) else []
        if any(called(one) == "setattr" for one in parts) and any(_exports_told(one) for one in parts):
            return True
    return False


def _exports_told(call: ast.Call) -> bool:
    function = call.func
    if not isinstance(function, ast.Attribute) or function.attr != "append" or ast.unparse(function.value) != "__all__":
        return False
    return not all(isinstance(one, ast.Constant) for one in call.args)
