"""Where a reading stands: scopes, the condition under which this line is reached, and what happens to a failure."""

from __future__ import annotations

from envdoctor.miner.values import NOTHING
from envdoctor.model.guards import FALSE, TRUE, UNKNOWN, all_of, spell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.miner.values import Value
    from envdoctor.model.guards import Guard

    Effect = tuple[Guard, str, str, str]  # (guard, kind, what, module whose code it is)

_LONGEST = 400
OWN, NEED, REFUSE, PASS = "own", "need", "refuse", "pass"

PARENTS: dict[str, tuple[str, ...]] = {
    "PackageNotFoundError": ("ModuleNotFoundError", "ImportError", "Exception", "BaseException"),
    "ModuleNotFoundError": ("ImportError", "Exception", "BaseException"),
    "ImportError": ("Exception", "BaseException"),
    "AttributeError": ("Exception", "BaseException"),
    "NotImplementedError": ("RuntimeError", "Exception", "BaseException"),
    "FileNotFoundError": ("OSError", "IOError", "EnvironmentError", "Exception", "BaseException"),
}
"""Builtin exceptions and what else catches them; others are caught by their name and by Exception."""

_OF_IMPORTS = frozenset({"ImportError", "ModuleNotFoundError", "PackageNotFoundError"})


class Scope:
    """Names and their values, in layers: a branch writes into a layer of its own."""

    __slots__ = ("layers",)

    def __init__(self, around: Scope | None = None) -> None:
        """Begin with the names of a function around this one, as far as they are bound."""
        self.layers: list[dict[str, Value]] = [*(around.layers if around is not None else ()), {}]

    def get(self, name: str) -> Value | None:
        """Return the value of a name, None where it is not bound."""
        for layer in reversed(self.layers):
            found = layer.get(name)
            if found is not None:
                return found
        return None

    def set(self, name: str, value: Value) -> None:
        """Bind a name in the innermost layer."""
        self.layers[-1][name] = value

    def push(self) -> None:
        """Begin a branch."""
        self.layers.append({})

    def pop(self) -> dict[str, Value]:
        """End a branch and return what it bound."""
        return self.layers.pop()


class Try:
    """A protected block: which exceptions it catches, under which conditions one came, and what may have been bound by then."""

    __slots__ = ("bound", "catches", "depth", "failures", "passes_on", "raised")

    def __init__(self, catches: frozenset[str], depth: int = 0) -> None:
        self.catches = catches
        self.depth = depth
        """How many layers of names lie around the block."""
        self.bound: set[str] = set()
        self.passes_on = False
        """A failed import is only raised again in other words."""
        self.failures: list[tuple[Guard, str]] = []
        self.raised = 0
        """How many `raise` of the same body end here."""

    def holds(self, error: str) -> bool:
        """Tell whether an exception ends here."""
        if error in self.catches:
            return True
        return not self.catches.isdisjoint(PARENTS.get(error, ("Exception", "BaseException")))


class State:
    """A module as far as it was read: its names, and what importing it brings about."""

    __slots__ = ("busy", "effects", "is_package", "name", "scope")

    def __init__(self, name: str, is_package: bool) -> None:
        self.name = name
        self.is_package = is_package
        self.scope = Scope()
        self.effects: list[Effect] = []
        self.busy = True


class Frame:
    """One body being read. `base` is the condition of its call, `alive` the condition of the line within the body."""

    __slots__ = ("alive", "base", "depth", "entered", "exits", "globals", "module", "owner", "parent", "returns", "scope", "sink", "tries")

    def __init__(
        self, module: State, scope: Scope, sink: list[Effect], base: Guard = TRUE, parent: Frame | None = None, *, owner: Value = NOTHING
    ) -> None:
        self.module = module
        self.scope = scope
        self.sink = sink
        self.base = base
        self.alive: Guard = TRUE
        self.entered: Guard = TRUE if parent is None else parent.alive
        """The condition of the call within the caller's body."""
        self.parent = parent
        self.owner = owner  # the class whose method this is, for super()
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.tries: list[Try] = []
        self.returns: list[tuple[Guard, Value]] = []
        self.exits = 0
        """How often a line left the flow of the body: a branch in which that did not happen rejoins it."""
        self.globals: set[str] = set()

    @property
    def path(self) -> Guard:
        """The whole condition of the line; one too long to be told is unknown."""
        found = all_of((self.base, self.alive))
        return UNKNOWN if found[0] in ("and", "or") and len(spell(found)) > _LONGEST else found

    def lookup(self, name: str) -> Value | None:
        """Return a name's value from here or from the module."""
        found = self.scope.get(name)
        if found is None and self.scope is not self.module.scope:
            found = self.module.scope.get(name)
        return found

    def protector(self, error: str) -> Try | None:
        """Return the block that would catch an exception raised here."""
        return self._protected(error)[1]

    def is_expected(self, error: str) -> bool:
        """Tell whether a block around this line goes on after an exception; one that only says it in other words does not."""
        frame: Frame | None = self
        while frame is not None:
            if any(block.holds(error) and not block.passes_on for block in frame.tries):
                return True
            frame = frame.parent
        return False

    def may_fail(self) -> None:
        """Note that this line may raise something unforeseen, of which blocks that catch missing imports only see nothing."""
        frame: Frame | None = self
        while frame is not None:
            for block in reversed(frame.tries):
                others = block.catches - _OF_IMPORTS
                for error in sorted(others):
                    self.fail(UNKNOWN, error, "", "")
                if others:
                    return
            frame = frame.parent

    def _protected(self, error: str) -> tuple[Frame, Try | None, Guard]:
        """Return the block that would catch an exception, where it stands, and the condition of this line within its body."""
        frame: Frame | None = self
        way = self.alive
        while frame is not None:
            for block in reversed(frame.tries):
                if block.holds(error):
                    return frame, block, way
            way = all_of((frame.entered, way))
            frame = frame.parent
        return self, None, self.path

    def fail(self, extra: Guard, error: str, kind: str, what: str) -> bool:
        """Note that this line fails where one more condition holds; tell whether a block around it catches that."""
        frame, block, way = self._protected(error)
        guard = all_of((way, extra))
        if guard == FALSE:
            return False
        if block is not None:
            block.failures.append((guard, error))
            block.bound.update(name for layer in frame.scope.layers[block.depth :] for name in layer)
            return True
        if kind:
            self.sink.append((guard, kind, what, self.module.name))
        return False

    def note(self, kind: str, what: str) -> None:
        """Note something that this line does."""
        path = self.path
        if path != FALSE:
            self.sink.append((path, kind, what, self.module.name))
