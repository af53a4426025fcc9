"""What `import` does: own modules are read in turn, foreign ones become needs."""

from __future__ import annotations

import sys

from envdoctor.miner.backends import by_file, stand_ins
from envdoctor.miner.frames import NEED, OWN, Frame, State
from envdoctor.miner.modules import absolute
from envdoctor.miner.values import NOTHING, const
from envdoctor.model.guards import FALSE, TRUE, UNKNOWN, all_of, no

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Mapping

    from envdoctor.miner.digest import Digest
    from envdoctor.miner.modules import Modules
    from envdoctor.miner.values import Value
    from envdoctor.model.guards import Guard

_CONSTANTS: dict[tuple[str, str], Value] = {
    ("typing", "TYPE_CHECKING"): const(False),
    ("sys", "version_info"): ("python",),
    ("sys", "platform"): ("system",),
}
_BUILT_IN = frozenset(sys.stdlib_module_names) | {"__future__", "typing_extensions"}


class Importer:
    """Loads the modules of one release on demand. `read` turns a module's tree into its names and effects."""

    def __init__(
        self,
        modules: Modules,
        tree_of: Callable[[str], ast.Module | None],
        digest_of: Callable[[str], Digest | None],
        read: Callable[[State, ast.Module], None],
        answer: Callable[[str, str], Guard],
    ) -> None:
        self.modules = modules
        self._tree = tree_of
        self._digest = digest_of
        self._read = read
        self._answer = answer
        self._stand_ins: dict[str, tuple[str, ...]] | None = None
        self._served: dict[tuple[str, str], Guard] = {}
        self._tops = frozenset(modules.tops)
        self._states: dict[str, State] = {}
        self._lazy: dict[str, Mapping[str, str] | None] = {}

    def is_own(self, module: str) -> bool:
        """Tell whether a module belongs to this release."""
        return module.split(".", 1)[0] in self._tops

    @staticmethod
    def is_built_in(module: str) -> bool:
        """Tell whether a module comes with Python."""
        return module.split(".", 1)[0] in _BUILT_IN

    def state(self, module: str) -> State:
        """Return a module, reading it if this is the first time."""
        found = self._states.get(module)
        if found is None:
            found = self._states[module] = State(module, module in self.modules.packages)
            tree = self._tree(module)
            if tree is not None:
                self._read(found, tree)
            found.busy = False
        return found

    def lazy(self, module: str) -> Mapping[str, str] | None:
        """Return which submodule a lazy module asks for each name it serves; None where it is not lazy."""
        if module in self._lazy:
            return self._lazy[module]
        digest = self._digest(module)
        table: dict[str, str] | None = None
        if digest is not None and (digest.lazy or digest.lazy_folder):
            table = {}
            if digest.lazy_folder:
                beneath = f"{module}.models." if "." not in module else f"{module}."
                for name in sorted(self.modules.texts):
                    if name.startswith(beneath) and name not in self.modules.packages:
                        told = self._digest(name)
                        for one in (told.exported or ()) if told is not None else ():
                            table.setdefault(one, name)
            for key, names in digest.lazy.items():
                for one in names:
                    table[one] = f"{module}.{key.lstrip('.')}"
        self._lazy[module] = table
        return table

    def bring(self, frame: Frame, module: str) -> None:
        """Import a module by its full name: own ones are read, foreign ones needed."""
        if self.is_own(module):
            parts = module.split(".")
            for length in range(1, len(parts) + 1):
                name = ".".join(parts[:length])
                if name not in self.modules.all:
                    self._lost(frame)
                    return
                self.state(name)
                self._edge(frame, name)
        elif not self.is_built_in(module):
            self.need(frame, module, "")

    def _edge(self, frame: Frame, name: str) -> None:
        if not frame.is_expected("ImportError"):
            frame.note(OWN, name)
        elif self.state(name).effects:  # it may fail inside, and then the block goes on: nothing after it is certain
            frame.fail(UNKNOWN, "ImportError", "", "")

    @staticmethod
    def _lost(frame: Frame) -> None:
        """An own module that the release does not hold: fails for certain where that is expected, else it comes from elsewhere."""
        if frame.protector("ModuleNotFoundError") is not None:
            frame.fail(TRUE, "ModuleNotFoundError", "", "")
            frame.alive = FALSE

    @staticmethod
    def need(frame: Frame, module: str, path: str, error: str = "ImportError") -> None:
        """Need a foreign module, and a name in it if `path` is given; an AttributeError comes of a module that is imported already."""
        if path.rpartition(".")[2].startswith("__"):
            path = ""  # special names are in no list of names
        present = ("has", module)
        if error == "ImportError" and frame.protector("ModuleNotFoundError") is not None:
            frame.fail(no(present), "ModuleNotFoundError", "", "")
            frame.alive = all_of((frame.alive, present))
            if not path:
                return
        elif not path:
            frame.note(NEED, module)
            return
        if frame.protector(error) is not None:
            offered = ("offers", module, path)
            frame.fail(no(offered), error, "", "")
            frame.alive = all_of((frame.alive, offered))
        else:
            frame.note(NEED, f"{module}:{path}")

    def take(self, frame: Frame, module: str, name: str) -> Value:
        """Return what `from module import name` binds."""
        if not self.is_own(module):
            if self.is_built_in(module):
                return _CONSTANTS.get((module, name)) or ("ext", module, name)
            self.need(frame, module, name)
            return ("ext", module, name)
        return self.own(frame, module, name)

    def own(self, frame: Frame, module: str, name: str) -> Value:
        """Return a name of an own module, importing the submodule that holds it where that is what happens."""
        if module not in self.modules.all:
            return NOTHING
        found = self.state(module).scope.get(name)
        table = self.lazy(module)
        if table is not None and name in table and (found is None or found == NOTHING):
            target = table[name]
            saved, frame.alive = frame.alive, all_of((frame.alive, self._serves(module, name, target)))
            self.bring(frame, target)
            frame.alive = saved
            if target.rpartition(".")[2] == name and target not in self.modules.packages and target == f"{module}.{name}":
                inner = self.state(target).scope.get(name) if target in self.modules.all else None
                return inner or ("mod", target)
            if target == module:
                return NOTHING
            frame.alive = all_of((saved, self._serves(module, name, target)))
            value = self.own(frame, target, name)
            frame.alive = saved
            return value
        beneath = f"{module}.{name}"
        if beneath in self.modules.all and (found is None or (found[0] == "choice" and _is_only(found, ("mod", beneath)))):
            self.bring(frame, beneath)
            return ("mod", beneath)
        return found or NOTHING

    def _serves(self, module: str, name: str, target: str) -> Guard:
        """Return when a lazy module serves a name as itself, and not a stand-in that imports nothing."""
        known = self._served.get((target, name))
        if known is None:
            if self._stand_ins is None:
                self._stand_ins = stand_ins(self.modules.texts, self._tree)
            backends = self._stand_ins.get(name) or by_file(target)
            helpers = f"{module.split('.', 1)[0]}.utils.import_utils"
            known = all_of(self._answer(helpers, f"is_{backend}_available") for backend in backends)
            if not self.state(helpers).busy if helpers in self.modules.all else True:
                self._served[target, name] = known
        return known

    def run_import(self, node: ast.Import, frame: Frame) -> None:
        """Carry out `import a.b as c`."""
        for alias in node.names:
            self.bring(frame, alias.name)
            if alias.asname:
                frame.scope.set(alias.asname, ("mod", alias.name))
            else:
                top = alias.name.split(".", 1)[0]
                frame.scope.set(top, ("mod", top))

    def run_from(self, node: ast.ImportFrom, frame: Frame) -> None:
        """Carry out `from a.b import c`."""
        module = absolute(frame.module.name, frame.module.is_package, node.level, node.module or "")
        if not module:
            return
        if self.is_own(module):
            self.bring(frame, module)
        for alias in node.names:
            if alias.name == "*":
                self._star(frame, module)
            else:
                frame.scope.set(alias.asname or alias.name, self.take(frame, module, alias.name))

    def _star(self, frame: Frame, module: str) -> None:
        if not self.is_own(module):
            if not self.is_built_in(module):
                self.need(frame, module, "")
            return
        digest = self._digest(module)
        chosen = digest.exported if digest is not None else None
        table = self.lazy(module)
        for name in chosen if chosen is not None else (table or ()):
            frame.scope.set(name, self.own(frame, module, name))
        if chosen is None and module in self.modules.all:
            for layer in self.state(module).scope.layers:
                for name, value in list(layer.items()):
                    if not name.startswith("_"):
                        frame.scope.set(name, value)


def _is_only(value: Value, module: Value) -> bool:
    """Tell whether a name is bound to its module wherever it is bound."""
    if value[0] == "choice":
        return _is_only(value[2], module) and _is_only(value[3], module)
    return value in (module, NOTHING)
