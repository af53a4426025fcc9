"""Functions of a script that hand their keywords on to a library: `def config(**kw): return SFTConfig(output_dir="out", **kw)`.

A keyword given to such a function is one of the library's call, as long as nothing changes the keywords on their way. So is one given to
a class of the script whose constructor hands it on to that of its base.
"""

from __future__ import annotations

from envdoctor.model.script import Argument, Call, Location
from envdoctor.script.arithmetic import UnknownValueError
from envdoctor.script.names import public
from envdoctor.script.scopes import CLASS, FUNCTION, KEYWORDS, Scope
from envdoctor.script.values import literal, target

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

    Branches = tuple[tuple[int, int], ...]
    Found = list[tuple[Call, Branches]]
else:
    import _ast as ast


CONSTRUCTOR = "__init__"
OBJECTS = ("transformers.", "trl.")
"""Libraries whose objects are looked at, not only called."""


class Passing:
    """What was seen of the script's own functions: to which library calls they hand keywords on, and how they are called."""

    def __init__(self) -> None:
        self._targets: dict[int, list[str]] = {}
        self._called: list[tuple[ast.AST, ast.Call, Scope, str, Branches, bool]] = []

    def passes(self, value: ast.expr, scope: Scope, target: str, branches: Branches) -> None:
        """Note that a library's call unpacks `value`; only a function's own `**keywords` count, and only untouched ones."""
        if not isinstance(value, ast.Name):
            return
        home = scope.home(value.id)
        if home is None or len(home.names[value.id]) != 1 or value.id in home.escapes or value.id in home.amended:
            return
        binding = home.names[value.id][0]
        if binding.kind == KEYWORDS and binding.node is not None and not branches:
            self._targets.setdefault(id(binding.node), []).append(target)

    def called(self, node: ast.Call, scope: Scope, path: str, branches: Branches, guarded: bool) -> None:
        """Note a call of one of the script's own functions, or of a class with a constructor of its own."""
        if not isinstance(node.func, ast.Name) or not node.keywords:
            return
        home = scope.home(node.func.id)
        if home is None or len(home.names[node.func.id]) != 1:
            return
        binding = home.names[node.func.id][0]
        function = _constructor(binding.node) if binding.kind == CLASS else binding.node if binding.kind == FUNCTION else None
        if function is not None:
            self._called.append((function, node, scope, path, branches, guarded))

    def passed(self, direct: Found) -> Iterator[tuple[Call, Branches]]:
        """Yield the calls of libraries that the script's calls of its own functions amount to, for what is given by keyword."""
        guarded_targets = {call.target for call, _ in direct if call.guarded}
        for function, node, scope, path, branches, guarded in self._called:
            targets = self._targets.get(id(function), ())
            if len(targets) != 1 or targets[0] in guarded_targets:
                continue
            arguments = tuple(_handed_on(function, node, scope, path))
            place = Location(path=path, line=node.lineno, column=node.col_offset + 1)
            for name in public(targets[0]) if arguments else ():
                yield Call(target=name, arguments=arguments, location=place, complete=False, guarded=guarded), branches


def base_constructor(called: ast.expr, scope: Scope, scopes: dict[ast.AST, Scope]) -> str:
    """Return the library's class whose constructor `super().__init__` is, in the constructor of a class with this one base; else ""."""
    if not isinstance(called, ast.Attribute) or called.attr != CONSTRUCTOR or not isinstance(called.value, ast.Call):
        return ""
    around = scope.parent
    if getattr(called.value.func, "id", "") != "super" or around is None or not around.is_class:
        return ""
    made = next((node for node, inner in scopes.items() if inner is around), None)
    function = _constructor(made)
    if function is None or scopes.get(function) is not scope or around.parent is None:
        return ""
    assert isinstance(made, ast.ClassDef)
    if called.value.args and getattr(called.value.args[0], "id", "") != made.name:
        return ""
    name = target(made.bases[0], around.parent)
    return name if name.startswith(OBJECTS) else ""


def _constructor(made: ast.AST | None) -> ast.FunctionDef | None:
    """Return the only constructor of a class that has one base and nothing else that decides how it is made."""
    if not isinstance(made, ast.ClassDef) or len(made.bases) != 1 or made.keywords or made.decorator_list:
        return None
    own = [part for part in made.body if getattr(part, "name", "") in (CONSTRUCTOR, "__new__", "__init_subclass__")]
    first = own[0] if len(own) == 1 else None
    return first if isinstance(first, ast.FunctionDef) and first.name == CONSTRUCTOR and not first.decorator_list else None


def _handed_on(function: ast.AST, node: ast.Call, scope: Scope, path: str) -> Iterator[Argument]:
    assert isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
    own = {one.arg for one in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)}
    for keyword in node.keywords:
        if keyword.arg is None or keyword.arg in own:
            continue
        place = Location(path=path, line=keyword.lineno, column=keyword.col_offset + 1)
        try:
            yield Argument(name=keyword.arg, value=literal(keyword.value, scope), literal=True, location=place)
        except UnknownValueError:
            yield Argument(name=keyword.arg, value=None, literal=False, location=place)
