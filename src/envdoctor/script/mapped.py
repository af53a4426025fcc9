"""What a function certainly does that is handed to the `map` of a data set. What it makes of its rows, and whether it reads them at all."""

from __future__ import annotations

from envdoctor.script.answers import function_of, inside
from envdoctor.script.scopes import Scope

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator
    from typing import Any
else:
    import _ast as ast

MAP = "datasets.Dataset.map.function"
_OWN = frozenset({"batched", "remove_columns"})
"""Arguments that no other `map` takes."""


def mapped(node: ast.Call, scope: Scope) -> Iterator[tuple[str, Any, ast.expr]]:
    """Yield what is known of the function that a call of `map` is given: name, value and place.

    `unpadded` are columns of masked labels that it makes as long as each text is. `reads` is "names" where it is given a batch and looks at
    the names of its columns only.
    """
    if not isinstance(node.func, ast.Attribute) or node.func.attr != "map" or not node.args:
        return
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    found = function_of(node.args[0], scope) if _OWN & set(given) else None
    if found is None or not isinstance(found[0], (ast.FunctionDef, ast.Lambda)):
        return
    function = found[0]
    body = [function.body] if isinstance(function, ast.Lambda) else function.body
    nodes = [one for part in body for one in inside(part)]
    batched = given.get("batched")
    if function.args.args and isinstance(batched, ast.Constant) and batched.value is True:
        loop = _loop_over_names(function.args.args[0].arg, nodes)
        if loop is not None:
            yield "reads", "names", loop
    labels = _masked_labels(nodes)
    if labels is not None:
        yield "unpadded", ("labels",), labels


def _loop_over_names(name: str, nodes: list[ast.AST]) -> ast.expr | None:
    """Return the loop over a batch itself, where nothing else is ever done with that batch: it gives the names of the columns."""
    read = [one for one in nodes if isinstance(one, ast.Name) and one.id == name]
    loops = [one.iter for one in nodes if isinstance(one, (ast.For, ast.comprehension))]
    return read[0] if read and all(any(one is iterated for iterated in loops) for one in read) else None


def _masked_labels(nodes: list[ast.AST]) -> ast.expr | None:
    """Return where labels are returned that are masked over the prompt and never padded."""
    if not any(_is_ignored(one) for one in nodes):
        return None
    cuts = False
    for one in nodes:
        if isinstance(one, ast.keyword) and one.arg == "padding":
            if not (isinstance(one.value, ast.Constant) and one.value.value is False):
                return None
        elif isinstance(one, ast.keyword) and one.arg == "truncation":
            cuts = True
        elif "pad" in str(getattr(one, "attr", getattr(one, "id", ""))).lower():
            return None  # it pads by hand
    for one in nodes:
        for key in one.keys if cuts and isinstance(one, ast.Dict) else ():
            if isinstance(key, ast.Constant) and key.value == "labels":
                return key
    return None


def _is_ignored(node: ast.AST) -> bool:
    """Tell whether -100 is written there, the label that a loss passes over."""
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and getattr(node.operand, "value", None) == 100
