"""What an expression of a script certainly is: a literal value, an imported name, or an instance of an imported class."""

from __future__ import annotations

from envdoctor.script.arithmetic import UnknownValueError, binary, bounded, checked, unary
from envdoctor.script.names import is_class
from envdoctor.script.scopes import CLASS, IMPORT, VALUE, Amendment, Binding, Scope

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from collections.abc import Callable
    from typing import Any
else:
    import _ast as ast

DEPTH = 50
"""Names, calls and operators followed one after the other before an expression counts as unknown; also ends cycles."""
DTYPES = (
    "bfloat16", "float16", "half", "float32", "float", "float64", "double", "uint8", "int8", "int16", "int32", "int64", "long", "bool",
    "float8_e4m3fn", "float8_e5m2",
)  # fmt: skip
MAKERS = ("from_pretrained", "from_config")
"""Methods of a class that return what the class stands for."""
PARTIAL = "functools.partial"
HARMLESS = ("print", "len", "str", "repr", "dict", "list", "tuple", "set", "sorted", "type", "isinstance", "sum", "min", "max", "bool")
LIBRARIES = (
    "torch", "transformers", "trl", "peft", "datasets", "accelerate", "unsloth", "bitsandbytes", "json", "os", "logging", "wandb",
)  # fmt: skip
"""Packages whose functions do not change a dictionary or list that they are given."""


class Mapping:
    """A dictionary as far as it is known: the nodes of its values by key; `complete` is False where keys are hidden."""

    __slots__ = ("complete", "items")

    def __init__(self) -> None:
        self.items: dict[str, tuple[ast.expr, Scope, str]] = {}
        self.complete = True


def target(node: ast.AST | None, scope: Scope, depth: int = 0) -> str:
    """Return the qualified name of what is called, or "" where no import binds it. An instance's method is `module.Class.method`."""
    if depth > DEPTH:
        return ""
    if isinstance(node, ast.Name):
        home = scope.home(node.id)
        return "" if home is None else _once("target", node.id, home, depth, _named)
    if isinstance(node, ast.Attribute):
        base = target(node.value, scope, depth + 1) or instance(node.value, scope, depth + 1)
        return f"{base}.{node.attr}" if base else ""
    return ""


def instance(node: ast.AST | None, scope: Scope, depth: int = 0) -> str:
    """Return the qualified name of the class that the value of an expression is certainly made from, or ""."""
    if depth > DEPTH:
        return ""
    if isinstance(node, ast.Call):
        name = target(node.func, scope, depth + 1)
        owner, _, method = name.rpartition(".")
        return name if is_class(name) else owner if method in MAKERS and is_class(owner) else ""
    if isinstance(node, ast.Name):
        home = scope.home(node.id)
        return "" if home is None else _once("instance", node.id, home, depth, _made)
    return ""


def _once(question: str, name: str, home: Scope, depth: int, answer: Callable[[str, Scope, int], str]) -> str:
    """Answer a question about a name once. A name that needs its own answer (`x = x.to()`) has none.

    Without this, names that are bound several times in terms of each other take exponential time.
    """
    key = (question, name)
    if key not in home.known:
        home.known[key] = ""
        home.known[key] = answer(name, home, depth)
    return str(home.known[key])


def _made(name: str, home: Scope, depth: int) -> str:
    classes = {
        instance(binding.node, binding.scope, depth + 1) if binding.kind == VALUE else ""
        for binding in home.names[name]
        if not _is_none(binding)
    }
    return classes.pop() if len(classes) == 1 else ""


def _named(name: str, home: Scope, depth: int) -> str:
    found = set()
    for binding in home.names[name]:
        if binding.kind == IMPORT:
            found.add(binding.name)
        elif binding.kind == CLASS:
            found.add(_inherited(binding, depth))
        elif binding.kind == VALUE and not _is_none(binding):
            found.add(_alias(binding.node, binding.scope, depth))
        elif binding.kind != VALUE:
            found.add("")
    return found.pop() if len(found) == 1 else ""


def _alias(node: ast.AST | None, scope: Scope, depth: int) -> str:
    """Return what another name for it stands for: `make = trl.SFTConfig`, or `make = partial(trl.SFTConfig, ...)`."""
    if isinstance(node, ast.Call) and node.args and target(node.func, scope, depth + 1) == PARTIAL:
        node = node.args[0]
    return target(node, scope, depth + 1) if isinstance(node, (ast.Name, ast.Attribute)) else ""


def _is_none(binding: Binding) -> bool:
    """Tell whether a binding is the `None` of an import that may fail: what is used later is never that."""
    return isinstance(binding.node, ast.Constant) and binding.node.value is None


def _inherited(binding: Binding, depth: int) -> str:
    """Return the imported class that a class of the script is made exactly like: one base, no constructor, no decorator."""
    made = binding.node
    if not isinstance(made, ast.ClassDef) or len(made.bases) != 1 or made.keywords or made.decorator_list:
        return ""
    own = {getattr(statement, "name", "") for statement in made.body}
    return "" if own & {"__init__", "__new__", "__init_subclass__"} else target(made.bases[0], binding.scope, depth + 1)


def literal(node: ast.AST | None, scope: Scope, depth: int = 0) -> Any:
    """Return the value of an expression. Raises UnknownValueError where it cannot be known."""
    if depth > DEPTH:
        raise UnknownValueError
    depth += 1
    if isinstance(node, ast.Constant):
        return checked(node.value)
    if isinstance(node, ast.Name):
        binding = constant(node.id, scope)
        return _value(node.id, binding, depth) if binding else _symbol(node, scope)
    if isinstance(node, ast.Attribute):
        return _symbol(node, scope)
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return bounded(tuple(literal(item, scope, depth) for item in node.elts))
    if isinstance(node, ast.UnaryOp):
        return unary(node.op, literal(node.operand, scope, depth))
    if isinstance(node, ast.BinOp):
        return binary(node.op, literal(node.left, scope, depth), literal(node.right, scope, depth))
    if isinstance(node, ast.JoinedStr):
        return checked("".join(_piece(part, scope, depth) for part in node.values))
    if isinstance(node, ast.Subscript):
        known = mapping(node.value, scope, depth)
        key = literal(node.slice, scope, depth)
        if isinstance(key, str) and known.complete and key in known.items:
            inner, home, _ = known.items[key]
            return literal(inner, home, depth)
        raise UnknownValueError
    known = mapping(node, scope, depth)
    if not known.complete:
        raise UnknownValueError
    return bounded({key: literal(inner, home, depth) for key, (inner, home, _) in known.items.items()})


def _value(name: str, binding: Binding, depth: int) -> Any:
    """Return the value of a name that is bound once, found out once."""
    known = binding.scope.known
    key = ("value", name)
    if key not in known:
        known[key] = UnknownValueError()
        try:
            known[key] = literal(binding.node, binding.scope, depth)
        except UnknownValueError as error:
            known[key] = error.with_traceback(None)
    value = known[key]
    if isinstance(value, UnknownValueError):
        raise UnknownValueError
    return value


def mapping(node: ast.AST | None, scope: Scope, depth: int = 0, path: str = "") -> Mapping:
    """Return the keys of a dictionary: a display, `dict(...)`, or a name bound to one once. Raises UnknownValueError."""
    if depth > DEPTH:
        raise UnknownValueError
    if isinstance(node, ast.Name):
        binding = constant(node.id, scope, amended=True)
        if binding is None:
            raise UnknownValueError
        known = binding.scope.known
        key_known = ("mapping", node.id)
        if key_known not in known:
            known[key_known] = None
            try:
                known[key_known] = mapping(binding.node, binding.scope, depth + 1, binding.path)
            except UnknownValueError:
                pass
        kept = known[key_known]
        if not isinstance(kept, Mapping):
            raise UnknownValueError
        amended = binding.scope.amended.get(node.id)
        return kept if amended is None else _amended(kept, amended, node, scope, path)
    found = Mapping()
    pairs: list[tuple[ast.expr | str | None, ast.expr]]
    if isinstance(node, ast.Dict):
        pairs = list(zip(node.keys, node.values))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict" and scope.home("dict") is None:
        pairs = [(keyword.arg, keyword.value) for keyword in node.keywords]
        found.complete = not node.args
    else:
        raise UnknownValueError
    for key, value in pairs:
        try:
            if key is None:
                inner = mapping(value, scope, depth + 1, path)
                found.items.update(inner.items)
                found.complete = found.complete and inner.complete
                continue
            name = key if isinstance(key, str) else literal(key, scope, depth + 1)
        except UnknownValueError:
            found.items.clear()  # the hidden key may be any of those before it
            found.complete = False
            continue
        text = str(name)
        if not isinstance(name, (str, int)) or (text in found.items and not isinstance(name, str)):
            raise UnknownValueError
        found.items[text] = (value, scope, path)
    return found


def _amended(kept: Mapping, amendments: list[Amendment], use: ast.Name, scope: Scope, path: str) -> Mapping:
    """Return a dictionary with the keys that statements set between its making and its use; what may be set elsewhere is not known."""
    found = Mapping()
    found.items.update(kept.items)
    found.complete = kept.complete
    for one in amendments:
        in_order = one.scope is scope and one.path == path
        if in_order and one.is_sure and one.line < use.lineno:
            found.items[one.key] = (one.value, one.scope, one.path)
        elif not (in_order and one.is_sure):
            found.items.pop(one.key, None)
            found.complete = False
    return found


def constant(name: str, scope: Scope, *, amended: bool = False) -> Binding | None:
    """Return the only binding of a name, if it is an assignment whose value nothing can change afterwards, or only single keys of it."""
    home = scope.home(name)
    if home is None or len(home.names[name]) != 1 or (not amended and name in home.amended):
        return None
    binding = home.names[name][0]
    if binding.kind != VALUE:
        return None
    if isinstance(binding.node, (ast.Dict, ast.List, ast.Set, ast.Call)):
        for function in home.escapes.get(name, ()):
            if function is None:
                return None
            called = target(function, home)
            builtin = isinstance(function, ast.Name) and function.id in HARMLESS and home.home(function.id) is None
            if not builtin and called.partition(".")[0] not in LIBRARIES:
                return None
    return binding


def _symbol(node: ast.Name | ast.Attribute, scope: Scope) -> str:
    """Return the dotted name of a class, an enumeration's member, a torch dtype or the interpreter; other names may hold any value."""
    name = target(node, scope)
    owner, _, last = name.rpartition(".")
    if name == "sys.executable":
        return name
    if owner and (is_class(name) or (is_class(owner) and last.isupper()) or (owner == "torch" and last in DTYPES)):
        return name
    raise UnknownValueError


def _piece(part: ast.expr, scope: Scope, depth: int) -> str:
    if isinstance(part, ast.FormattedValue):
        value = literal(part.value, scope, depth)
        if part.conversion == -1 and part.format_spec is None and isinstance(value, (str, int, float)):
            return str(value)
        raise UnknownValueError
    value = literal(part, scope, depth)
    if isinstance(value, str):
        return value
    raise UnknownValueError
