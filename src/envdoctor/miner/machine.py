"""Reads the code of one release without running it: functions, classes and modules, each under the condition it is reached by."""

from __future__ import annotations

import ast
from contextlib import suppress

from envdoctor.miner.frames import PASS, Frame, Scope, State
from envdoctor.miner.importing import Importer
from envdoctor.miner.known import parse_version
from envdoctor.miner.values import NONE, NOTHING, merge, truth
from envdoctor.miner.walks import decorators, dotted, functions, yields
from envdoctor.model.guards import FALSE, TRUE, all_of, any_of, spell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from envdoctor.miner.calls import Arguments
    from envdoctor.miner.digest import Digest
    from envdoctor.miner.frames import Effect
    from envdoctor.miner.modules import Modules
    from envdoctor.miner.values import Value
    from envdoctor.model.guards import Guard

_DEPTH = 9
_BUDGET = 400_000
"""Nodes that one entry or module may cost; beyond it nothing more is said of it."""
_TRANSPARENT = frozenset(
    {"lru_cache", "cache", "staticmethod", "classmethod", "property", "_make_compile_constant", "functools", "wraps", "no_grad"}
)


class Machine:
    """Everything needed to read a release: its modules on demand, functions as they are called."""

    def __init__(self, modules: Modules, tree_of: Callable[[str], ast.Module | None], digest_of: Callable[[str], Digest | None]) -> None:
        self.importer = Importer(modules, tree_of, digest_of, self._read, self._answer)
        self._bases: dict[int, list[Value]] = {}
        self._bare: set[int] = set()
        """Classes of which all bases are known to the root."""
        self._held: list[ast.AST] = []
        """Nodes that are known by their identity, so that no other can take it over."""
        self._running: set[int] = set()
        self._left = _BUDGET
        self._lazy_annotations: set[str] = set()

    def spend(self) -> bool:
        """Take one node off the budget; False when it is used up."""
        self._left -= 1
        return self._left > 0

    def _read(self, state: State, tree: ast.Module) -> None:
        from envdoctor.miner.statements import run

        saved, self._left = self._left, _BUDGET
        if any(
            isinstance(one, ast.ImportFrom) and one.module == "__future__" and any(a.name == "annotations" for a in one.names)
            for one in tree.body
        ):
            self._lazy_annotations.add(state.name)
        try:
            run(tree.body, Frame(state, state.scope, state.effects), self)
        except RecursionError:  # an expression that no person wrote
            self._left = 0
        if self._left <= 0:  # what the rest would have bound anew is not known
            state.scope.layers = [dict.fromkeys(state.scope.layers[0], NOTHING)]
        self._left = saved

    def _answer(self, module: str, function: str) -> Guard:
        """Return when a helper without arguments answers yes; true where the release has no such helper."""
        from envdoctor.miner.calls import Arguments

        if module not in self.importer.modules.all:
            return TRUE
        found = self.importer.state(module).scope.get(function)
        if found is None or found[0] != "func":
            return TRUE
        state = State("", False)
        return truth(self.run_function(found, Arguments(), Frame(state, state.scope, [])))

    def has_lazy_annotations(self, state: State) -> bool:
        """Tell whether annotations of a module are never evaluated."""
        return state.name in self._lazy_annotations

    def enter(self, work: Callable[[Frame], None]) -> list[Effect]:
        """Do something as a program that uses this release would, and return what it brings about."""
        self._left = _BUDGET
        sink: list[Effect] = []
        state = State("", False)
        with suppress(RecursionError):
            work(Frame(state, state.scope, sink))
        return sink

    # functions

    def run_function(self, function: Value, given: Arguments, frame: Frame) -> Value:
        """Read a function of this release with its arguments, as part of the caller."""
        from envdoctor.miner.statements import run

        _, module, node, bound, owner, *around = function
        if not isinstance(node, ast.FunctionDef) or frame.depth >= _DEPTH or id(node) in self._running or yields(node):
            return NOTHING
        state = self.importer.state(module)
        inner = Frame(state, Scope(around[0] if around else None), frame.sink, frame.path, frame, owner=owner)
        if inner.base == FALSE:
            return NOTHING
        self._bind(node, given, bound, inner)
        self._running.add(id(node))
        try:
            run(node.body, inner, self)
        finally:
            self._running.discard(id(node))
        if self._left <= 0:
            return NOTHING
        ends = [guard for guard, _ in inner.returns] + [inner.alive]
        goes_on = any_of(ends)
        if goes_on != TRUE and "?" not in spell(goes_on):
            frame.alive = all_of((frame.alive, goes_on))
        if any(
            dotted(one.func if isinstance(one, ast.Call) else one).rpartition(".")[2] not in _TRANSPARENT for one in node.decorator_list
        ):
            return NOTHING
        found: Value = NONE
        if inner.alive == FALSE and inner.returns:
            found = inner.returns[-1][1]
        for guard, value in reversed(inner.returns):
            found = merge(guard, value, found)
        return found

    def _bind(self, node: ast.FunctionDef, given: Arguments, bound: Value | None, inner: Frame) -> None:
        from envdoctor.miner.expressions import evaluate

        arguments = node.args
        plain = [*arguments.posonlyargs, *arguments.args]
        values = [bound, *given.positional] if bound is not None else list(given.positional)
        named = dict(given.named)
        defaults: list[ast.expr | None] = [*[None] * (len(plain) - len(arguments.defaults)), *arguments.defaults]
        for place, argument in enumerate(plain):
            if place < len(values):
                value = values[place]
            elif argument.arg in named:
                value = named.pop(argument.arg)
            else:
                value = self._default(defaults[place], given, inner, evaluate)
            inner.scope.set(argument.arg, value or NOTHING)
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults):
            value = named.pop(argument.arg) if argument.arg in named else self._default(default, given, inner, evaluate)
            inner.scope.set(argument.arg, value)
        if arguments.vararg:
            rest = values[len(plain) :]
            inner.scope.set(arguments.vararg.arg, ("seq", rest) if given.complete else NOTHING)
        if arguments.kwarg:
            inner.scope.set(arguments.kwarg.arg, ("dict", named, given.complete))

    def _default(self, node: ast.expr | None, given: Arguments, inner: Frame, evaluate: Callable[..., Value]) -> Value:
        if node is None or not given.complete:
            return NOTHING
        state = inner.module
        quiet: list[Effect] = []
        return evaluate(node, Frame(state, state.scope, quiet), self)

    # classes

    def note_bases(self, node: ast.ClassDef, bases: list[Value]) -> None:
        """Remember what a class inherits from."""
        self._bases[id(node)] = bases
        self._held.append(node)
        if all(map(self._is_bare, bases)):
            self._bare.add(id(node))

    def class_member(self, cls: Value, name: str) -> Value:
        """Return a function or a base's function of a class."""
        return self._find(cls, name, None, set())

    def method(self, instance: Value, name: str) -> Value:
        """Return a method of an instance, bound to it."""
        return self._find(instance[1], name, instance, set())

    def method_above(self, above: Value, name: str) -> Value:
        """Return what `super().name` finds."""
        _, instance, cls = above
        return self._inherited(cls, name, instance, set())

    def _inherited(self, cls: Value, name: str, instance: Value | None, seen: set[int]) -> Value:
        """Return what the bases of a class give; a foreign one that others follow may leave it to them."""
        bases = self._bases.get(id(cls[2]), [])
        for place, base in enumerate(bases):
            found = self._of_base(base, name, instance, seen)
            if found[0] == "extmethod":
                rest = bases[place + 1 :]
                is_last = all(self._is_bare(one) and self._of_base(one, name, instance, seen) == NOTHING for one in rest)
                return found if is_last else NOTHING
            if found != NOTHING or not self._is_bare(base):
                return found
        return NOTHING

    def _is_bare(self, base: Value) -> bool:
        """Tell whether all methods of a base are known: it comes with Python, or is read with its own bases."""
        if base[0] == "class":
            return id(base[2]) in self._bare
        return base[0] == "builtin" or (base[0] == "ext" and self.importer.is_built_in(base[1]))

    def _find(self, cls: Value, name: str, instance: Value | None, seen: set[int]) -> Value:
        if cls[0] != "class" or id(cls[2]) in seen:
            return NOTHING
        seen.add(id(cls[2]))
        part = functions(cls[2]).get(name)
        if part is None:
            return self._inherited(cls, name, instance, seen)
        words = decorators(part)
        if "property" in words or "cached_property" in words or "functools.cached_property" in words:
            return self._property(cls, part, instance)
        bound = None if "staticmethod" in words else cls if instance is None and "classmethod" in words else instance
        return ("func", cls[1], part, bound, cls, *cls[3:])

    def _property(self, cls: Value, node: ast.FunctionDef | ast.AsyncFunctionDef, instance: Value | None) -> Value:
        return ("property", cls[1], node, instance, cls)

    def _of_base(self, base: Value, name: str, instance: Value | None, seen: set[int]) -> Value:
        if base[0] == "class":
            return self._find(base, name, instance, seen)
        if base[0] == "ext" and not self.importer.is_built_in(base[1]):
            return ("extmethod", base[1], base[2], name)
        return NOTHING

    def super_of(self, frame: Frame) -> Value:
        """Return what `super()` stands for in a method."""
        if frame.owner[0] != "class":
            return NOTHING
        instance = frame.scope.get("self") or frame.scope.get("cls") or NOTHING
        return ("super", instance, frame.owner)

    def make(self, cls: Value, given: Arguments, frame: Frame) -> Value:
        """Make an instance of a class of this release."""
        from envdoctor.miner.calls import Arguments, apply

        if cls[2].name == "Version" and cls[1].rpartition(".")[2] == "version":  # a copy of packaging's, as pandas carries one
            return parse_version(given)
        instance: Value = ("inst", cls, {}, frame.path)
        maker = self._find(cls, "__init__", instance, set())
        if maker[0] == "func":
            self.run_function(maker, given, frame)
        elif maker[0] == "extmethod" and frame.protector("TypeError") is None:
            for name in given.named:
                frame.note(PASS, f"{maker[1]}:{maker[2]}({name})")
        after = self._find(cls, "__post_init__", instance, set())
        if after[0] == "func":
            apply(after, Arguments(), frame, self)
        return instance
