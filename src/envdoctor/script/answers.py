"""What a function of the script certainly answers, where it is handed to a library that asks for one kind of answer.

Only functions that hold still: undecorated, bound once, with returns that all agree. Anything else has no known answer.
"""

from __future__ import annotations

from envdoctor.model.answer import MAPPING, ONE, ROWS, SEVERAL, TEXT, Answer
from envdoctor.model.script import Location
from envdoctor.script.scopes import FUNCTION, FUNCTIONS, VALUE, Scope
from envdoctor.script.syntax import children

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator
else:
    import _ast as ast

HANDED = ("formatting_func",)
"""Arguments whose functions are looked into."""
_OF_TEXT = frozenset({"join", "format", "strip", "rstrip", "lstrip", "replace", "lower", "upper", "title", "removeprefix", "removesuffix"})
_LISTS = frozenset({ROWS, ONE, SEVERAL})
_ITSELF = "itself"
"""Stands for a name within what is assigned to it: `text = text.strip()` leaves it the kind that it is."""
_DEPTH = 4


def answer(value: ast.expr, scope: Scope, path: str) -> Answer | None:
    """Return what the function that an expression names answers; None where it cannot be seen."""
    function = function_of(value, scope)
    told = _Function(function).told() if function is not None else None
    if told is None:
        return None
    kind, place, reads = told
    path = written_in(value, scope, path)
    return Answer(kind=kind, reads=reads, location=Location(path=path, line=place.lineno, column=place.col_offset + 1))


def function_of(value: ast.AST | None, scope: Scope, depth: int = 0) -> tuple[ast.AST, Scope] | None:
    """Return the function that an expression is certainly, with the scope that it stands in."""
    if isinstance(value, ast.Lambda):
        return value, scope
    home = scope.home(value.id) if isinstance(value, ast.Name) else None
    if home is None or depth > _DEPTH or not isinstance(value, ast.Name) or len(home.names[value.id]) != 1:
        return None
    binding = home.names[value.id][0]
    if binding.kind == FUNCTION and binding.node is not None:
        return binding.node, binding.scope
    return function_of(binding.node, binding.scope, depth + 1) if binding.kind == VALUE else None


def written_in(value: ast.AST | None, scope: Scope, path: str, depth: int = 0) -> str:
    """Return the file, or the cell of a notebook, that holds the function that an expression in `path` names."""
    home = scope.home(value.id) if isinstance(value, ast.Name) else None
    if home is None or depth > _DEPTH or not isinstance(value, ast.Name):
        return path
    binding = home.names[value.id][0]
    return binding.path if binding.kind == FUNCTION else written_in(binding.node, binding.scope, binding.path, depth + 1)


class _Function:
    """One function: what it returns, and what it does with its first parameter, the example or batch of examples."""

    def __init__(self, found: tuple[ast.AST, Scope], depth: int = 0) -> None:
        node, self._scope = found
        assert isinstance(node, FUNCTIONS)
        self._depth = depth
        given = node.args
        listed = [*given.posonlyargs, *given.args]
        self._given = listed[0].arg if listed and len(listed) - len(given.defaults) <= 1 else ""
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        self._nodes = [inner for part in body for inner in inside(part)]
        self._returned = [node.body] if isinstance(node, ast.Lambda) else [one.value for one in self._nodes if isinstance(one, ast.Return)]
        self._is_plain = not isinstance(node, ast.AsyncFunctionDef) and not any(
            isinstance(one, (ast.Yield, ast.YieldFrom, ast.Global, ast.Nonlocal)) for one in self._nodes
        )
        self._returns = isinstance(node, ast.Lambda) or _ends(node.body)
        self._about = self._derived()
        self._asked: set[str] = set()

    def told(self) -> tuple[str, ast.expr, tuple[str, ...]] | None:
        """Return the kind of the answer, where it is returned, and which columns the function names; None where that is not sure."""
        if not self._given or not self._is_plain or not self._returns or self._depth > _DEPTH:
            return None
        returned = [one for one in self._returned if one is not None]
        kinds = {self._kind(one) for one in returned}
        if not returned or len(returned) != len(self._returned) or (not kinds <= _LISTS and len(kinds) != 1):
            return None
        kind = kinds.pop() if len(kinds) == 1 else SEVERAL
        reads = [
            one.slice.value
            for one in self._nodes
            if isinstance(one, ast.Subscript)
            and isinstance(one.value, ast.Name)
            and one.value.id == self._given
            and isinstance(one.slice, ast.Constant)
            and isinstance(one.slice.value, str)
        ]
        return (kind, returned[0], tuple(dict.fromkeys(reads))) if kind else None

    def _derived(self) -> frozenset[str]:
        """Return the names that hold something of the first parameter: itself, and what is assigned from it."""
        about = {self._given}
        size = 0
        while size != len(about):
            size = len(about)
            for one in self._nodes:
                if isinstance(one, ast.Assign) and self._mentions(one.value, about):
                    about |= {name.id for spot in one.targets for name in inside(spot) if isinstance(name, ast.Name)}
        return frozenset(about)

    def _mentions(self, node: ast.AST, names: set[str] | frozenset[str]) -> bool:
        return any(isinstance(one, ast.Name) and one.id in names for one in inside(node))

    def _kind(self, node: ast.AST | None, depth: int = 0) -> str:
        """Return the kind of an expression's value, "" where it is not sure."""
        if depth > _DEPTH * 2:
            return ""
        depth += 1
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            return TEXT
        if isinstance(node, ast.BinOp):
            left = self._kind(node.left, depth)
            if isinstance(node.op, (ast.Mod, ast.Mult)):
                return TEXT if left == TEXT else ""
            both = (left, self._kind(node.right, depth)) if isinstance(node.op, ast.Add) else ()
            return TEXT if TEXT in both else _ITSELF if _ITSELF in both else ""
        if isinstance(node, ast.IfExp):
            first = self._kind(node.body, depth)
            return first if first == self._kind(node.orelse, depth) else ""
        if isinstance(node, (ast.Dict, ast.DictComp)):
            return MAPPING
        if isinstance(node, ast.List):
            return "" if any(isinstance(one, ast.Starred) for one in node.elts) else ONE if len(node.elts) == 1 else SEVERAL
        if isinstance(node, ast.ListComp):
            return ROWS if self._mentions(node.generators[0].iter, self._about) else SEVERAL
        if isinstance(node, ast.Call):
            return self._of_call(node, depth)
        if isinstance(node, ast.Subscript):
            is_first = isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, int)
            return TEXT if is_first and isinstance(node.value, ast.Call) and self._own(node.value) in (ROWS, ONE) else ""
        return self._of_name(node.id, depth) if isinstance(node, ast.Name) else ""

    def _of_call(self, node: ast.Call, depth: int) -> str:
        if isinstance(node.func, ast.Attribute):
            of = self._kind(node.func.value, depth)
            return of if node.func.attr in _OF_TEXT and of in (TEXT, _ITSELF) else ""
        if isinstance(node.func, ast.Name) and self._scope.home(node.func.id) is None:
            return {"str": TEXT, "dict": MAPPING}.get(node.func.id, "")
        return self._own(node)

    def _own(self, node: ast.Call) -> str:
        """Return what a function of the script answers that is called with the example or the batch."""
        found = function_of(node.func, self._scope)
        told = _Function(found, self._depth + 1).told() if found is not None else None
        return told[0] if told is not None else ""

    def _of_name(self, name: str, depth: int) -> str:
        """Return the kind of what a name of the function holds: texts that are added to, or a list that a loop fills."""
        if name in self._asked:
            return _ITSELF
        values: list[ast.expr] = []
        stored = 0
        for one in self._nodes:
            if isinstance(one, ast.Name) and one.id == name and not isinstance(one.ctx, ast.Load):
                stored += 1
            given = _given(one, name)
            if given is not None:
                values.append(given)
            elif isinstance(one, ast.AugAssign) and isinstance(one.target, ast.Name) and one.target.id == name:
                stored -= isinstance(one.op, ast.Add)  # adding to a text or a list leaves it one
        if not values or stored != len(values):
            return ""
        if len(values) == 1 and _is_empty_list(values[0]):
            return self._of_filled(name)
        self._asked.add(name)
        kinds = {self._kind(value, depth) for value in values} - {_ITSELF}
        self._asked.discard(name)
        return kinds.pop() if len(kinds) == 1 else ""

    def _of_filled(self, name: str) -> str:
        """Return the kind of a list that begins empty: one with a place for each row if it is filled in a loop over them."""
        loops = [one for one in self._nodes if isinstance(one, ast.For) and self._mentions(one.iter, self._about)]
        filling = [one for loop in loops for part in loop.body for one in inside(part) if _fills(one, name)]
        return ROWS if filling else SEVERAL


def _ends(body: list[ast.stmt]) -> bool:
    """Tell whether a block certainly ends by returning, or by raising."""
    last = body[-1]
    if isinstance(last, ast.If):
        return bool(last.orelse) and _ends(last.body) and _ends(last.orelse)
    return _ends(last.body) if isinstance(last, ast.With) else isinstance(last, (ast.Return, ast.Raise))


def _given(node: ast.AST, name: str) -> ast.expr | None:
    """Return what an assignment gives to one name alone."""
    spots = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    if len(spots) != 1 or not isinstance(spots[0], ast.Name) or spots[0].id != name:
        return None
    return node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None


def _fills(node: ast.AST, name: str) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "append"
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == name
    )


def _is_empty_list(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "list" and not node.args and not node.keywords
    return isinstance(node, ast.List) and not node.elts


def inside(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and what is inside of it, without the bodies of functions and classes in it."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        if not isinstance(one, (*FUNCTIONS, ast.ClassDef)):
            waiting.extend(reversed(children(one)))
