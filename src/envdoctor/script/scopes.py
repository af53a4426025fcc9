"""What each name of a script is bound to, scope by scope. Whether a value can be known is `values`' affair."""

from __future__ import annotations

from envdoctor.script.syntax import children

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from typing import Union

    Function = Union[ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda]
else:
    import _ast as ast

IMPORT = "import"
VALUE = "value"
CLASS = "class"
FUNCTION = "function"
KEYWORDS = "keywords"
OTHER = "other"

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_PLAIN = frozenset({
    ast.Attribute, ast.Call, ast.Constant, ast.Expr, ast.keyword, ast.Subscript, ast.BinOp, ast.BoolOp, ast.UnaryOp, ast.Compare,
    ast.Return, ast.If, ast.Dict, ast.List, ast.Tuple, ast.JoinedStr, ast.FormattedValue, ast.With, ast.For, ast.Slice, ast.Starred,
    ast.IfExp,
})  # fmt: skip
"""Nodes that bind nothing by themselves: most of a script."""
READERS = ("get", "items", "keys", "values", "copy")
"""Methods of a container that leave it as it is."""


class Binding:
    """One way in which a name gets its value: `name` of an import, `node` of an assigned value, a class or a function.

    KEYWORDS is the `**name` of a function, with the function as its node.
    """

    __slots__ = ("kind", "name", "node", "path", "scope")

    def __init__(self, kind: str, scope: Scope, path: str, name: str = "", node: ast.AST | None = None) -> None:
        self.kind = kind
        self.scope = scope
        self.path = path
        self.name = name
        self.node = node


class Amendment:
    """A key that a statement sets in a dictionary that has a name: `name["key"] = value`, or `name.update(key=value)`."""

    __slots__ = ("is_sure", "key", "line", "path", "scope", "value")

    def __init__(self, key: str, value: ast.expr, scope: Scope, path: str, *, line: int, is_sure: bool) -> None:
        self.key = key
        self.value = value
        self.line = line
        self.scope = scope
        self.path = path
        self.is_sure = is_sure


class Scope:
    """Names of a module, function, class or comprehension.

    `escapes` are names whose container something else may change, `amended` those of which statements set single keys; `known` is where
    `values` keeps what it found out of a name.
    """

    __slots__ = ("amended", "escapes", "is_class", "known", "names", "outer", "parent")

    def __init__(self, parent: Scope | None = None, is_class: bool = False) -> None:
        self.parent = parent
        self.is_class = is_class
        self.names: dict[str, list[Binding]] = {}
        self.escapes: dict[str, list[ast.expr | None]] = {}
        self.amended: dict[str, list[Amendment]] = {}
        self.outer: dict[str, Scope] = {}
        self.known: dict[tuple[str, str], object] = {}

    def home(self, name: str) -> Scope | None:
        """Return the scope that a name read here belongs to, or None for a builtin or a name that nothing binds."""
        if name in self.outer:
            return self.outer[name]
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names and (scope is self or not scope.is_class):
                return scope
            scope = scope.parent
        return None

    def bind(self, name: str, binding: Binding) -> None:
        """Add a binding where `global` and `nonlocal` say that the name lives."""
        self.outer.get(name, self).names.setdefault(name, []).append(binding)


class Scopes:
    """All scopes of a script, built in one pass over its trees (one tree for a file, one for each cell of a notebook)."""

    def __init__(self, trees: list[tuple[str, ast.Module]]) -> None:
        self.module = Scope()
        self.of: dict[ast.AST, Scope] = {}
        self.path = ""
        self._escapes: list[tuple[str, Scope, ast.expr | None]] = []
        self._amended: list[tuple[str, Amendment]] = []
        self._depth = 0
        for self.path, tree in trees:
            for statement in tree.body:
                self._visit(statement, self.module)
        for name, scope, function in self._escapes:
            home = scope.home(name)
            if home is not None:
                home.escapes.setdefault(name, []).append(function)
        for name, amendment in self._amended:
            home = amendment.scope.home(name)
            if home is not None:
                home.amended.setdefault(name, []).append(amendment)

    def forget(self) -> None:
        """Let go of everything: scopes and what they bind name each other, and would keep the trees until the garbage is collected."""
        for scope in (self.module, *self.of.values()):
            scope.names.clear()
            scope.escapes.clear()
            scope.amended.clear()
            scope.outer.clear()
            scope.known.clear()
        self.of.clear()
        self._escapes.clear()
        self._amended.clear()

    def _bind(self, scope: Scope, name: str, kind: str, imported: str = "", node: ast.AST | None = None) -> None:
        scope.bind(name, Binding(kind, scope, self.path, imported, node))

    def _visit(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                self._escapes.append((node.id, scope, None))
            else:
                self._bind(scope, node.id, OTHER)
        elif isinstance(node, ast.Call) and self._update(node, scope):
            for keyword in node.keywords:
                self._visit(keyword.value, scope)
        elif isinstance(node, (ast.If, ast.For)):
            self._depth += 1
            self._descend(node, scope)
            self._depth -= 1
        elif type(node) in _PLAIN:
            self._descend(node, scope)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self._import(node, scope)
        elif isinstance(node, FUNCTIONS):
            self._function(node, scope)
        elif isinstance(node, ast.ClassDef):
            self._bind(scope, node.name, CLASS, node=node)
            for child in (*node.decorator_list, *node.bases, *node.keywords):
                self._visit(child, scope)
            inner = self.of[node] = Scope(scope, is_class=True)
            for child in node.body:
                self._visit(child, inner)
        elif isinstance(node, COMPREHENSIONS):
            inner = self.of[node] = Scope(scope)
            for child in (*node.generators, *children(node)):  # targets are bound before they are read, generators twice do no harm
                self._visit(child, inner)
        elif isinstance(node, ast.Assign):
            self._assign(node.targets, node.value, scope)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self._assign([node.target], node.value, scope)
        elif isinstance(node, ast.NamedExpr):
            self._bind(scope, node.target.id, VALUE, node=node.value)
            self._visit(node.value, scope)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            self._redirect(node, scope)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            self._bind(scope, node.name, OTHER)
            self._descend(node, scope)
        else:
            self._pattern(node, scope)
            self._depth += 1  # `while`, `try`, `match`
            self._descend(node, scope)
            self._depth -= 1

    def _descend(self, node: ast.AST, scope: Scope) -> None:
        call = node if isinstance(node, ast.Call) else None
        for child in children(node):
            kind = type(child)
            if kind is ast.Constant:
                continue
            if kind is ast.Name and isinstance(child, ast.Name) and isinstance(child.ctx, ast.Load):
                if call is not None and child is not call.func:
                    self._escapes.append((child.id, scope, call.func))
                elif not self._only_reads(node, child):
                    self._escapes.append((child.id, scope, None))
            elif isinstance(child, ast.keyword) and isinstance(child.value, ast.Name):
                if child.arg is not None:  # `**name` copies what it unpacks
                    self._escapes.append((child.value.id, scope, call.func if call is not None else None))
            else:
                self._visit(child, scope)

    @staticmethod
    def _only_reads(node: ast.AST, child: ast.Name) -> bool:
        if isinstance(node, ast.Subscript):
            return isinstance(node.ctx, ast.Load) and node.value is child
        if isinstance(node, ast.Attribute):
            return node.attr in READERS
        if isinstance(node, ast.For):
            return node.iter is child
        if isinstance(node, ast.Dict):  # `{**name}` copies, `{"key": name}` does not
            return child not in node.values or node.keys[node.values.index(child)] is None
        return isinstance(node, (ast.Compare, ast.FormattedValue, ast.If, ast.While, ast.UnaryOp, ast.BinOp))

    def _assign(self, targets: list[ast.expr], value: ast.expr, scope: Scope) -> None:
        for target in targets:
            if isinstance(target, ast.Name):
                self._bind(scope, target.id, VALUE, node=value)
            elif (
                isinstance(target, (ast.Tuple, ast.List))
                and isinstance(value, (ast.Tuple, ast.List))
                and len(target.elts) == len(value.elts)
                and not any(isinstance(item, ast.Starred) for item in (*target.elts, *value.elts))
            ):
                for item, part in zip(target.elts, value.elts):
                    self._assign([item], part, scope)
            elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name) and _is_text(target.slice):
                self._amend(target.value.id, target.slice.value, value, target, scope)  # type: ignore[attr-defined]
            else:
                self._visit(target, scope)
        self._visit(value, scope)

    def _amend(self, name: str, key: str, value: ast.expr, place: ast.expr, scope: Scope) -> None:
        self._amended.append((name, Amendment(key, value, scope, self.path, line=place.lineno, is_sure=not self._depth)))

    def _update(self, node: ast.Call, scope: Scope) -> bool:
        """Note what `name.update(key=value)` sets, where every key can be seen."""
        function = node.func
        if not isinstance(function, ast.Attribute) or function.attr != "update" or not isinstance(function.value, ast.Name) or node.args:
            return False
        if not node.keywords or any(keyword.arg is None for keyword in node.keywords):
            return False
        for keyword in node.keywords:
            self._amend(function.value.id, str(keyword.arg), keyword.value, function.value, scope)
        return True

    def _import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        for alias in node.names:
            if isinstance(node, ast.ImportFrom):
                if alias.name != "*":
                    module = "." * node.level + (node.module or "")
                    dot = "" if module.endswith(".") else "."
                    self._bind(scope, alias.asname or alias.name, IMPORT, f"{module}{dot}{alias.name}")
            elif alias.asname:
                self._bind(scope, alias.asname, IMPORT, alias.name)
            else:
                root = alias.name.partition(".")[0]
                self._bind(scope, root, IMPORT, root)

    def _function(self, node: Function, scope: Scope) -> None:
        given = node.args
        outside: list[ast.AST] = [*given.defaults, *(default for default in given.kw_defaults if default is not None)]
        if not isinstance(node, ast.Lambda):
            self._bind(scope, node.name, OTHER if node.decorator_list else FUNCTION, node=node)
            outside += node.decorator_list
        for child in outside:
            self._visit(child, scope)
        inner = self.of[node] = Scope(scope)
        for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg):
            if argument is not None:
                self._bind(inner, argument.arg, OTHER)
        if given.kwarg is not None:
            self._bind(inner, given.kwarg.arg, KEYWORDS, node=node)
        for statement in [node.body] if isinstance(node, ast.Lambda) else node.body:
            self._visit(statement, inner)

    def _redirect(self, node: ast.Global | ast.Nonlocal, scope: Scope) -> None:
        for name in node.names:
            home = self.module
            if isinstance(node, ast.Nonlocal) and scope.parent is not None:
                home = scope.parent.home(name) or self.module
            scope.outer[name] = home
            self._bind(home, name, OTHER)  # when the function runs is not known, so neither is the value

    def _pattern(self, node: ast.AST, scope: Scope) -> None:
        """Bind what `match` captures; the node types are younger than some Pythons."""
        if type(node).__name__ in ("MatchAs", "MatchStar", "MatchMapping"):
            name = getattr(node, "name", None) or getattr(node, "rest", None)
            if name:
                self._bind(scope, name, OTHER)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
