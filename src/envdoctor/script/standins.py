"""What a script puts in the place of a library's code: methods of a class derived from a trainer, functions that a trainer is to call.

Each is told as a call of `OWNER.NAME.replaced`, whose arguments are the parameters it has, by name and, where it may be filled by place,
by number. The call is complete where it takes nothing else; what a decorator may have changed is not told.
"""

from __future__ import annotations

from envdoctor.model.script import REPLACED, Argument, Call, Location
from envdoctor.script.answers import function_of
from envdoctor.script.scopes import FUNCTIONS, VALUE, Scope
from envdoctor.script.syntax import children
from envdoctor.script.values import target

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator
else:
    import _ast as ast

TRAINER = "transformers.Trainer"
_HEIRS = ("SFT", "DPO", "KTO", "ORPO", "CPO", "BCO", "GRPO", "Reward", "PRM", "GKD")
"""Trainers of trl that derive from TRAINER in every release that has them, and take its steps: OnlineDPO and its heirs take their own."""
_TRAINERS = frozenset({TRAINER, "transformers.Seq2SeqTrainer", *(f"trl.{name}Trainer" for name in _HEIRS)})
_CALLED: dict[tuple[str, str], str] = {
    ("trl.GRPOTrainer", "reward_funcs"): "trl.GRPOTrainer.reward_funcs",
    ("trl.GRPOTrainer", "1"): "trl.GRPOTrainer.reward_funcs",
}
"""Arguments whose functions a trainer calls with what it chooses itself."""
_OWN = ("tokenizer",)
"""What a class of the script reads off itself that its trainer may have lost."""
_DEPTH = 4


def replaced_methods(node: ast.ClassDef, scope: Scope, path: str) -> Iterator[Call]:
    """Yield the methods of a class of the script that take the place of a trainer's."""
    if not any(target(base, scope) in _TRAINERS for base in node.bases):
        return
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and not part.decorator_list and not part.name.startswith("__"):
            yield _call(f"{TRAINER}.{part.name}", part, path, 1)


def replaced_functions(name: str, argument: str, value: ast.expr, scope: Scope, path: str) -> Iterator[Call]:
    """Yield the functions that an argument of a call hands over: one, or a list of them."""
    called = _CALLED.get((name, argument))
    if called is None:
        return
    for one, home in _items(value, scope):
        found = function_of(one, home)
        if found is not None and isinstance(found[0], FUNCTIONS) and not getattr(found[0], "decorator_list", ()):
            yield _call(called, found[0], path, 0)


def _items(value: ast.AST, scope: Scope, depth: int = 0) -> Iterator[tuple[ast.expr, Scope]]:
    if isinstance(value, (ast.List, ast.Tuple)):
        for one in value.elts:
            yield one, scope
        return
    home = scope.home(value.id) if isinstance(value, ast.Name) else None
    if home is not None and isinstance(value, ast.Name) and depth < _DEPTH:
        bound = home.names[value.id]
        if len(bound) == 1 and bound[0].kind == VALUE and bound[0].node is not None:
            yield from _items(bound[0].node, bound[0].scope, depth + 1)
            return
    if isinstance(value, ast.expr):
        yield value, scope


def _call(name: str, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, path: str, skipped: int) -> Call:
    given = node.args
    by_place = [*given.posonlyargs, *given.args][skipped:]
    place = Location(path=path, line=node.lineno, column=node.col_offset + 1)
    spelled = [(one.arg, one) for one in (*by_place, *given.kwonlyargs) if one not in given.posonlyargs]
    numbered = [(str(number), one) for number, one in enumerate(by_place)]
    return Call(
        target=f"{name}.{REPLACED}",
        arguments=tuple(
            Argument(name=key, value=None, literal=False, location=Location(path=path, line=one.lineno, column=one.col_offset + 1))
            for key, one in (*spelled, *numbered)
        ),
        location=place,
        complete=given.vararg is None and given.kwarg is None,
    )


def own_class(self_name: str, attribute: str, scope: Scope, scopes: dict[ast.AST, Scope]) -> str:
    """Return the trainer that `self` is made like, where a method of the script's own class reads something off it that it does not set."""
    home = scope.home(self_name)
    around = home.parent if home is not None else None
    if attribute not in _OWN or around is None or not around.is_class:
        return ""
    made = next((node for node, inner in scopes.items() if inner is around), None)
    if not isinstance(made, ast.ClassDef) or len(made.bases) != 1 or around.parent is None:
        return ""
    owner = target(made.bases[0], around.parent)
    if owner not in (TRAINER, "transformers.Seq2SeqTrainer") or attribute in around.names or _sets(made, attribute):
        return ""
    return owner


def _sets(node: ast.AST, attribute: str) -> bool:
    """Tell whether a class gives itself an attribute, in a method or by its name."""
    waiting: list[ast.AST] = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.Attribute) and one.attr == attribute and not isinstance(one.ctx, ast.Load):
            return True
        if isinstance(one, ast.Constant) and one.value == attribute:
            return True  # setattr, or a table of names
        waiting.extend(children(one))
    return False
