"""Collect the calls and imports of a script in source order. What a value is, `values` decides."""

from __future__ import annotations

from envdoctor.model.script import READ, Argument, Call, Import, Location, Script
from envdoctor.script.answers import HANDED, answer, written_in
from envdoctor.script.arithmetic import UnknownValueError
from envdoctor.script.asking import asks, catches, leaves
from envdoctor.script.choosing import choices
from envdoctor.script.mapped import MAP, mapped
from envdoctor.script.names import public
from envdoctor.script.passing import OBJECTS, Passing, base_constructor
from envdoctor.script.scopes import COMPREHENSIONS, Scope, Scopes
from envdoctor.script.standins import own_class, replaced_functions, replaced_methods
from envdoctor.script.started import AGAIN, LATE, Started
from envdoctor.script.syntax import children
from envdoctor.script.values import PARTIAL, Mapping, instance, literal, mapping, target

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator
    from typing import Any

    Branches = tuple[tuple[int, int], ...]
else:
    import _ast as ast

ENVIRON = "os.environ"
PADDING = "transformers.PreTrainedTokenizerBase.pad_token"
TRIES = (ast.Try, getattr(ast, "TryStar", ast.Try))  # `except*` is younger than some Pythons
LEAVES = frozenset({ast.Name, ast.Constant})
CHOOSING = frozenset({ast.Name, ast.IfExp})
IMPORT_ERRORS = ("ImportError", "ModuleNotFoundError", "Exception", "BaseException")


class Reader:
    """Walks the trees of one script. `branches` are the arms of `if` and `try` around the current place."""

    def __init__(self, trees: list[tuple[str, ast.Module]]) -> None:
        scopes = self._all = Scopes(trees)
        self._scopes = scopes.of
        self._path = ""
        self._calls: list[tuple[Call, Branches]] = []
        self._imports: list[Import] = []
        self._tried: dict[str, None] = {}
        self._tests: dict[int, tuple[ast.expr, Scope]] = {}
        self._guards: dict[int, bool] = {}
        self._passing = Passing()
        self._started = Started()
        self._trees = trees
        for self._path, tree in trees:
            self._walk(tree.body, scopes.module, ())

    def script(self, paths: tuple[str, ...]) -> Script:
        """Return what was read, with the calls that exclude each other reduced to what they have in common. Asked once."""
        for call, branches in self._passing.passed(self._calls):
            self._calls.append((call, branches))
        self._all.forget()
        self._trees = []
        return Script(calls=tuple(_settle(self._calls)), imports=tuple(self._imports), paths=paths, tried=tuple(self._tried))

    def _walk(self, nodes: list[ast.stmt] | list[ast.expr], scope: Scope, branches: Branches) -> None:
        for node in nodes:
            self._visit(node, scope, branches)
            if isinstance(node, ast.If) and leaves(node.body) and self._asks(id(node)):
                branches = (*branches, (id(node), 1))  # what follows is as good as its `else`

    def _visit(self, node: ast.AST, scope: Scope, branches: Branches) -> None:
        if isinstance(node, ast.Call):
            self._call(node, scope, branches)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self._import(node, branches)
            if scope is self._all.module:
                for root in _roots(node):
                    self._started.note(root, branches)
            return
        elif isinstance(node, ast.If):
            self._if(node, scope, branches)
            return
        elif isinstance(node, ast.IfExp):
            self._choice(node, scope, branches)
            return
        elif isinstance(node, TRIES):
            self._try(node, scope, branches)
            return
        elif isinstance(node, ast.Delete):
            self._started.let_go()
        elif isinstance(node, ast.Assign):
            if isinstance(node.value, ast.Constant) and node.value.value is None:
                self._started.let_go()
            for spot in node.targets:
                self._environ_item(spot, node.value, scope, branches)
                self._pad_token(spot, node.value, scope, branches)
        elif isinstance(node, ast.ClassDef):
            self._calls += [(call, branches) for call in replaced_methods(node, scope, self._path)]
        elif type(node) is ast.Attribute and type(node.ctx) is ast.Load:
            self._read(node, scope, branches)
        inner = self._scopes.get(node)
        if inner is None:
            for child in children(node):
                if type(child) not in LEAVES:
                    self._visit(child, scope, branches)
        else:
            self._enter(node, scope, inner, branches)

    def _enter(self, node: ast.AST, scope: Scope, inner: Scope, branches: Branches) -> None:
        """Visit a node that opens a scope: its body inside, its decorators, defaults and bases outside."""
        body: object = getattr(node, "body", None)
        inside: list[Any] = [body] if isinstance(body, ast.AST) else body if isinstance(body, list) else []
        ids = {id(part) for part in inside}
        for child in children(node):
            if not inside or id(child) not in ids:
                self._visit(child, inner if isinstance(node, COMPREHENSIONS) else scope, branches)
            elif child is inside[0]:
                self._walk(inside, inner, branches)

    def _if(self, node: ast.If, scope: Scope, branches: Branches) -> None:
        self._visit(node.test, scope, branches)
        self._tests[id(node)] = (node.test, scope)
        known = _outcome(node.test, scope)
        typing_only = "TYPE_CHECKING" in (getattr(node.test, "id", ""), getattr(node.test, "attr", ""))
        if known is not False and not typing_only:
            self._walk(node.body, scope, (*branches, (id(node), 0)))
        if known is not True:
            self._walk(node.orelse, scope, (*branches, (id(node), 1)))

    def _choice(self, node: ast.IfExp, scope: Scope, branches: Branches) -> None:
        self._visit(node.test, scope, branches)
        self._tests[id(node)] = (node.test, scope)
        self._visit(node.body, scope, (*branches, (id(node), 0)))
        self._visit(node.orelse, scope, (*branches, (id(node), 1)))

    def _try(self, node: ast.Try, scope: Scope, branches: Branches) -> None:
        if any(catches(handler, _caught(handler)) and not _gives_up(handler) for handler in node.handlers):
            self._guards[id(node)] = True
        first = len(self._imports)
        self._walk(node.body, scope, (*branches, (id(node), 0)))
        if any(_survives(handler) for handler in node.handlers):
            self._do_without(first)  # the script lives on without what it tried to import
        first = len(self._imports)
        for number, handler in enumerate(node.handlers, 1):
            self._walk(handler.body, scope, (*branches, (id(node), number)))
        if any(IMPORT_ERRORS[0] in name for handler in node.handlers for name in _caught(handler)):
            self._do_without(first)  # nor does it need the substitute, where the first import works
        self._walk(node.orelse, scope, (*branches, (id(node), 0)))
        self._walk(node.finalbody, scope, branches)

    def _do_without(self, first: int) -> None:
        """Take back the imports from a place on: they are only tried."""
        self._tried.update(dict.fromkeys(one.name for one in self._imports[first:]))
        del self._imports[first:]

    def _place(self, node: ast.expr | ast.stmt | ast.keyword | ast.alias) -> Location:
        return Location(path=self._path, line=node.lineno, column=node.col_offset + 1)

    def _is_guarded(self, branches: Branches) -> bool:
        return any(self._asks(branch) for branch, _ in branches)

    def _asks(self, branch: int) -> bool:
        """Tell whether a branch looks at the library first: asked of few, so found out late."""
        known = self._guards.get(branch)
        if known is None:
            known = self._guards[branch] = branch in self._tests and asks(*self._tests[branch])
        return known

    def _import(self, node: ast.Import | ast.ImportFrom, branches: Branches) -> None:
        guarded = self._is_guarded(branches)
        for alias in node.names:
            name, place = alias.name, self._place(alias)
            if isinstance(node, ast.ImportFrom):
                module = "." * node.level + (node.module or "")
                name = f"{module}{'' if module.endswith('.') else '.'}{name}"
            self._imports.append(Import(name=name, location=place, guarded=guarded))
            for other in public(name):
                if other != name:
                    self._imports.append(Import(name=other, location=place, guarded=guarded))

    def _keep(self, name: str, arguments: list[Argument], complete: bool, place: Location, branches: Branches) -> None:
        for spelling in public(name):
            call = Call(
                target=spelling, arguments=tuple(arguments), location=place, complete=complete, guarded=self._is_guarded(branches)
            )  # fmt: skip
            self._calls.append((call, branches))
            for one in arguments:
                if one.answer is not None:
                    told = Argument(name="returns", value=one.answer.kind, literal=True, location=one.answer.location)
                    made = call.replace(target=f"{spelling}.{one.name}", arguments=(told,), location=one.location, complete=True)
                    self._calls.append((made, branches))

    def _call(self, node: ast.Call, scope: Scope, branches: Branches) -> None:
        name, base = target(node.func, scope), ""
        if not name:
            name = base = base_constructor(node.func, scope, self._scopes)
        positional, sent = node.args, 0
        if name == PARTIAL and node.args:
            name, positional, sent = target(node.args[0], scope), [], 1
        if getattr(node.func, "attr", "") == "map":
            self._map(node, scope, branches)
        if not name and node.keywords:
            self._passing.called(node, scope, self._path, branches, self._is_guarded(branches))
        if not name or name == ENVIRON:
            return
        if scope is self._all.module:
            self._started.note(name, branches)
        if name.startswith(ENVIRON + "."):
            self._environ_call(name.rpartition(".")[2], node, scope, branches)
            return
        arguments: list[Argument] = []
        complete = not sent  # the rest of a partial call follows later
        for number, value in enumerate(positional):
            if isinstance(value, ast.Starred):
                complete = False  # and what comes after it has no known place
                break
            arguments.append(self._argument(str(number), value, scope))
            self._calls += [(call, branches) for call in replaced_functions(name, str(number), value, scope, self._path)]
        for keyword in node.keywords:
            if keyword.arg is not None:
                arguments.append(self._argument(keyword.arg, keyword.value, scope, self._place(keyword)))
                self._calls += [(call, branches) for call in replaced_functions(name, keyword.arg, keyword.value, scope, self._path)]
                continue
            try:
                hidden = mapping(keyword.value, scope, path=self._path)
            except UnknownValueError:
                complete = False
                self._passing.passes(keyword.value, scope, name, branches)
                continue
            complete = complete and hidden.complete
            arguments += self._unpacked(hidden)
        if base and not arguments:
            return  # a base that is handed on whatever there is, is no call of its own
        first = len(self._calls)
        self._keep(name, arguments, complete, self._place(node), branches)
        for call, _ in self._calls[first:] if scope is self._all.module else ():
            if self._started.loads_again(call, branches):
                self._calls.append((call.replace(target=f"{call.target}.{AGAIN}"), branches))

    def _read(self, node: ast.Attribute, scope: Scope, branches: Branches) -> None:
        """Keep what is read off an object of a library, as a call of READ; a method that is called is read first."""
        if type(node.value) is ast.Name:
            owner = own_class(node.value.id, node.attr, scope, self._scopes) if node.value.id == "self" else instance(node.value, scope)
            if owner.startswith(OBJECTS):
                self._keep(f"{owner}.{node.attr}.{READ}", [], True, self._place(node), branches)

    def _map(self, node: ast.Call, scope: Scope, branches: Branches) -> None:
        """Keep what the function does that a data set is mapped with, as a call of MAP."""
        found = [(name, value, self._place(place)) for name, value, place in mapped(node, scope)]
        if found:
            path = written_in(node.args[0], scope, self._path)
            seen = [Argument(name=name, value=value, literal=True, location=place.replace(path=path)) for name, value, place in found]
            self._keep(MAP, seen, True, self._place(node), branches)

    def _unpacked(self, hidden: Mapping) -> list[Argument]:
        found = []
        for key, (value, home, path) in hidden.items.items():
            place = Location(path=path or self._path, line=value.lineno, column=value.col_offset + 1)
            found.append(self._argument(key, value, home, place))
        return found

    def _argument(self, name: str, value: ast.expr, scope: Scope, place: Location | None = None) -> Argument:
        place = place or self._place(value)
        try:
            return Argument(name=name, value=literal(value, scope), literal=True, location=place)
        except UnknownValueError:
            told = answer(value, scope, self._path) if name in HANDED else None
            either = choices(value, scope, self._body) if type(value) in CHOOSING else ()
            return Argument(name=name, value=None, literal=False, location=place, answer=told, choices=either)

    def _body(self, scope: Scope) -> list[ast.stmt]:
        """Return the statements of a scope, in a notebook of all cells."""
        if scope is self._all.module:
            return [statement for _, tree in self._trees for statement in tree.body]
        body = next((getattr(node, "body", None) for node, inner in self._scopes.items() if inner is scope), None)
        return body if isinstance(body, list) else []

    def _environ_item(self, spot: ast.expr, value: ast.expr, scope: Scope, branches: Branches) -> None:
        if isinstance(spot, ast.Subscript) and target(spot.value, scope) == ENVIRON:
            self._environ_set([(spot.slice, value)], scope, self._place(spot), branches)

    def _pad_token(self, spot: ast.expr, value: ast.expr, scope: Scope, branches: Branches) -> None:
        """Keep what a tokenizer's padding token is made: the name of another token, or a text."""
        if not isinstance(spot, ast.Attribute) or spot.attr != "pad_token":
            return
        argument = self._argument("value", value, scope)
        if isinstance(value, ast.Attribute) and value.attr.endswith("_token"):
            argument = argument.replace(value=value.attr, literal=True)
        self._keep(PADDING, [argument], True, self._place(spot), branches)

    def _environ_call(self, method: str, node: ast.Call, scope: Scope, branches: Branches) -> None:
        if method == "setdefault" and len(node.args) == 2:
            self._environ_set([(node.args[0], node.args[1])], scope, self._place(node), branches)
        elif method == "update":
            pairs: list[tuple[ast.expr | str, ast.expr]] = [(key.arg, key.value) for key in node.keywords if key.arg is not None]
            complete = len(pairs) == len(node.keywords)
            for value in node.args:
                try:
                    hidden = mapping(value, scope, path=self._path)
                except UnknownValueError:
                    complete = False
                else:
                    complete = complete and hidden.complete
                    pairs += [(name, inner) for name, (inner, _, _) in hidden.items.items()]
            self._environ_set(pairs, scope, self._place(node), branches, complete)

    def _environ_set(
        self, pairs: list[tuple[ast.expr | str, ast.expr]] | list[tuple[ast.expr, ast.expr]], scope: Scope,
        place: Location, branches: Branches, complete: bool = True,
    ) -> None:  # fmt: skip
        arguments = []
        for key, value in pairs:
            try:
                name = key if isinstance(key, str) else literal(key, scope)
            except UnknownValueError:
                name = None
            if isinstance(name, str):
                arguments.append(self._argument(name, value, scope, place))
            else:
                complete = False
        self._keep(ENVIRON, arguments, complete, place, branches)
        if scope is self._all.module:
            told = [(one, self._started.before(one.name, branches)) for one in arguments]
            late = [one.replace(value=before, literal=True) for one, before in told if before]
            if late:
                self._keep(LATE, late, True, place, branches)


def _roots(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Return the libraries that an import loads."""
    if isinstance(node, ast.ImportFrom):
        return [] if node.level else [(node.module or "").partition(".")[0]]
    return [alias.name.partition(".")[0] for alias in node.names]


def _outcome(test: ast.expr, scope: Scope) -> bool | None:
    """Return what a test certainly comes to, None where that cannot be told: a constant, a switch of the script, or its opposite."""
    if not isinstance(test, (ast.Constant, ast.Name, ast.UnaryOp)):
        return None
    try:
        return bool(literal(test, scope))
    except UnknownValueError:
        return None


def _caught(handler: ast.ExceptHandler) -> list[str]:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return ["BaseException" if kind is None else getattr(kind, "id", getattr(kind, "attr", "")) for kind in kinds]


def _survives(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler catches a failed import and lets the script go on."""
    return any(name in IMPORT_ERRORS for name in _caught(handler)) and not _gives_up(handler)


def _gives_up(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler ends the run, or hands the error on."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) or (
        isinstance(last, ast.Expr)
        and isinstance(last.value, ast.Call)
        and getattr(last.value.func, "attr", getattr(last.value.func, "id", "")) in ("exit", "_exit", "quit", "abort")
    )


def _settle(found: list[tuple[Call, Branches]]) -> list[Call]:
    """Reduce calls of one target in different arms of an `if` or `try` to the arguments that every arm gives.

    A script that writes `max_length` in one arm and `max_seq_length` in the other serves both versions of a library.
    """
    by_arm: dict[tuple[str, int], dict[int, list[Call]]] = {}
    for call, branches in found:
        for branch, arm in branches:
            by_arm.setdefault((call.target, branch), {}).setdefault(arm, []).append(call)
    settled = []
    for call, branches in found:
        others = [
            other for branch, arm in branches for there, calls in by_arm[call.target, branch].items() if there != arm for other in calls
        ]
        if others:
            call = call.replace(arguments=tuple(_shared(call.arguments, others)), complete=False)
        settled.append(call)
    return settled


def _shared(arguments: tuple[Argument, ...], others: list[Call]) -> Iterator[Argument]:
    for argument in arguments:
        known = argument.literal
        for other in others:
            theirs = other.argument(argument.name)
            if theirs is None:
                break
            known = known and theirs.literal and type(theirs.value) is type(argument.value) and theirs.value == argument.value
        else:
            yield argument if known else argument.replace(value=None, literal=False)
