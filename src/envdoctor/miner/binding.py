"""Which names the statements of a module bind, at once or when asked for. Walks into branches and protected blocks, not into functions.

What is bound under any condition counts. Where names are made in a way that is not understood, the module is open: a name too many only
hides a fault, a name too few invents one.
"""

from __future__ import annotations

import ast

from envdoctor.miner.literals import called, keys, served_by, strings, text_of, told
from envdoctor.miner.walks import dotted

_ADDING = ("append", "extend", "update", "add", "insert", "setdefault", "__iadd__")
_SPACES = ("globals()", "vars()", "locals()")
_READERS = frozenset({"dict", "list", "sorted", "set", "tuple", "len", "print", "eval", "str", "repr", "get_type_hints", "exec"})
"""Functions that bind nothing in the names of a module that they are given; `exec` what the file itself goes on with."""
_NAMELESS = ""
"""Stands for a table that is written where it is used."""


class Binding:
    """What a module's body binds; read it with `block`, then `finish`."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.stars: list[tuple[int, str]] = []
        self.exported: tuple[str, ...] | None = None
        self.lazy: dict[str, list[str]] = {}
        self.serves = False
        self.lazy_folder = False
        self.is_open = False
        self.is_roomy = False
        self.origins: dict[str, tuple[int, str, str]] = {}
        self.rivals: set[str] = set()
        """Names that are imported from two places."""
        self.definitions: list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef] = []
        self.assigned: set[str] = set()
        self._spaces: set[str] = set()
        """Variables that hold the names of this module."""
        self._literals: dict[str, list[str]] = {}
        """Variables that hold strings: the items of a list, the keys of a dictionary."""
        self._vague: set[str] = set()
        """Variables of which that cannot be told."""
        self._hollow: set[str] = set()
        """Tables of which the keys can be told, and not all that stands under them."""
        self._tables: set[str] = set()
        """Variables that lazy modules are made of."""
        self._values: dict[str, ast.expr] = {}
        self._asked: list[ast.FunctionDef] = []

    def block(self, body: list[ast.stmt]) -> None:
        """Read statements."""
        for node in body:
            self._statement(node)

    def finish(self) -> None:
        """Conclude from the whole body: what lazy tables and `__getattr__` answer, and whether `__all__` is known."""
        for node in self._asked:
            served, is_closed = served_by(node, self._strings_of)
            self.names.update(served)
            self.is_open = self.is_open or not is_closed
        if not self._tables.isdisjoint(self._vague | self._hollow):
            self.is_open = True
        if "__all__" in self._vague:
            self.exported = None

    def _strings_of(self, variable: str) -> list[str] | None:
        return None if variable in self._vague else self._literals.get(variable)

    def _statement(self, node: ast.stmt) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self.names.add(node.name)
            self.definitions.append(node)
            if node.name == "__getattr__" and isinstance(node, ast.FunctionDef):
                self._asked.append(node)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                self.names.add(alias.asname or alias.name.split(".", 1)[0])
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if alias.name == "*":
                    self.stars.append((node.level, node.module or ""))
                else:
                    name, origin = alias.asname or alias.name, (node.level, node.module or "", alias.name)
                    if self.origins.get(name, origin) != origin:
                        self.rivals.add(name)
                    self.names.add(name)
                    self.origins[name] = origin
                    self.is_open = self.is_open or name == "__getattr__"
        elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                self._bind(target, node.value, isinstance(node, ast.AugAssign))
        elif isinstance(node, ast.Expr):
            self._expression(node.value)
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            self._bind(node.target, None, False)
            self.block(node.body)
            self.block(node.orelse)
        elif isinstance(node, ast.If) and dotted(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            self.block(node.orelse)
        else:
            self._compound(node)

    def _compound(self, node: ast.stmt) -> None:
        if isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                if item.optional_vars is not None:
                    self._bind(item.optional_vars, None, False)
        elif isinstance(node, (ast.If, ast.While)):
            self.names.update(part.target.id for part in ast.walk(node.test) if isinstance(part, ast.NamedExpr))
        for field in ("body", "orelse", "finalbody"):
            self.block(getattr(node, field, None) or [])
        for handler in getattr(node, "handlers", ()):
            self.block(handler.body)
        for case in getattr(node, "cases", ()):
            self.block(case.body)

    def _bind(self, target: ast.expr, value: ast.expr | None, adds: bool) -> None:
        if isinstance(target, ast.Name):
            self.names.add(target.id)
            if not adds:
                self.assigned.add(target.id)
            if value is not None:
                self._hold(target.id, value)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for part in target.elts:
                self._bind(part, value if isinstance(part, ast.Name) and part.id in ("__getattr__", "__all__") else None, False)
        elif isinstance(target, ast.Starred):
            self._bind(target.value, None, False)
        elif isinstance(target, ast.Subscript):
            self._subscript(target, value)
        elif isinstance(target, ast.Attribute) and target.attr == "__class__" and ast.unparse(target.value) == "sys.modules[__name__]":
            self.is_open = True
        if isinstance(value, ast.Call):
            self._made(value)
            self._hands_out(value)

    def _hands_out(self, value: ast.Call) -> None:
        """Note a call that is given the names of this module and may bind what it likes there, as generated protocol buffers do."""
        given = [*value.args, *[word.value for word in value.keywords]]
        if called(value) not in _READERS and any(self._is_space(one) for one in given):
            self.is_open = True

    def _is_space(self, node: ast.expr) -> bool:
        return node.id in self._spaces if isinstance(node, ast.Name) else isinstance(node, ast.Call) and dotted(node) in _SPACES

    def _hold(self, variable: str, value: ast.expr) -> None:
        """Remember what a variable is bound to, or what is added to it, as far as it is written out."""
        found = told(value, self._values)
        self._values[variable] = value
        if isinstance(value, ast.Call) and dotted(value) in _SPACES:
            self._spaces.add(variable)
        if isinstance(value, ast.Dict):
            self._table(variable, value)
        if found is None and not (isinstance(value, ast.Call) and called(value) == "define_import_structure"):
            self._vague.add(variable)
        self._literals.setdefault(variable, []).extend(found or ())
        if variable == "__all__" and found is not None:
            self.exported = (*(self.exported or ()), *found)
        elif variable == "__path__":
            self.is_roomy = True
        elif variable == "__getattr__":
            if isinstance(value, ast.Call):
                self._attach(value)
            else:
                self.is_open = True

    def _made(self, value: ast.Call) -> None:
        """Note a lazy module that is made, and of which variables."""
        if called(value) == "define_import_structure":
            self.lazy_folder = True
        elif called(value).endswith("LazyModule"):
            self.serves = True
            for one in value.args[2:3] or value.args[1:]:  # the name, the file, and the table
                self._made_of(one)
            for word in value.keywords:
                if word.arg == "import_structure":
                    self._made_of(word.value)
                elif isinstance(word.value, ast.Dict):
                    self.names.update(keys(word.value) or ())

    def _made_of(self, node: ast.expr) -> None:
        if isinstance(node, ast.Call):
            self._made(node)
            self.is_open = self.is_open or not self.lazy_folder
        else:
            self._tables.add(node.id if isinstance(node, ast.Name) else _NAMELESS)
            if isinstance(node, ast.Dict):
                self._table(_NAMELESS, node)
            elif not isinstance(node, ast.Name):
                self._vague.add(_NAMELESS)

    def _attach(self, value: ast.Call) -> None:
        """Read `__getattr__, __dir__, __all__ = attach(__name__, submodules, names_by_submodule)`; any other maker serves what it likes."""
        self.serves = True
        known = False
        for one in [*value.args[1:], *[word.value for word in value.keywords]]:
            if isinstance(one, ast.Dict):
                self._made_of(one)
                known = True
            elif isinstance(one, ast.Name):
                self._tables.add(one.id)
                known = known or one.id in self._literals
            else:
                found = strings(one)
                self.names.update(found or ())
                known = known and found is not None
        self.is_open = self.is_open or not known

    def _table(self, variable: str, value: ast.Dict) -> None:
        """Take a dictionary from submodules to names, the shape of every lazy table."""
        for key, names in zip(value.keys, value.values):
            found, text = strings(names), text_of(key)
            if text is not None and found is not None:
                self.lazy.setdefault(text, []).extend(found)
            elif not _names_stand_ins(names):
                self._hollow.add(variable)

    def _subscript(self, target: ast.Subscript, value: ast.expr | None) -> None:
        where, key = ast.unparse(target.value), text_of(target.slice)
        if where == "sys.modules":
            if isinstance(target.slice, ast.Name) and target.slice.id == "__name__":
                is_lazy = called(value).endswith("LazyModule") if isinstance(value, ast.Call) else self.serves
                self.is_open = self.is_open or not is_lazy  # something else stands in for the module
            else:
                self.is_roomy = True
        elif where in _SPACES or where in self._spaces:
            if key is not None:
                self.names.add(key)
            else:
                self.is_open = True
        else:
            self._entry(where, key, value, strings(value))

    def _entry(self, variable: str, key: str | None, value: ast.expr | None, names: list[str] | None) -> None:
        """Note that something is put into a table under a key."""
        if key is None:
            self._vague.add(variable)
            return
        self._literals.setdefault(variable, []).append(key)
        if names is not None:
            self.lazy.setdefault(key, []).extend(names)
        elif not _names_stand_ins(value):
            self._hollow.add(variable)

    def _expression(self, value: ast.expr) -> None:
        if not isinstance(value, ast.Call):
            return
        self._made(value)
        self._hands_out(value)
        if called(value) == "setattr" and value.args and "sys.modules" in ast.unparse(value.args[0]):
            name = text_of(value.args[1]) if len(value.args) > 1 else None
            if name is None:
                self.is_open = True
            else:
                self.names.add(name)
        if not isinstance(value.func, ast.Attribute):
            return
        method, owner = value.func.attr, value.func.value
        where = dotted(owner)
        if (where in _SPACES or where in self._spaces) and method == "update":
            self.is_open = True
        elif where == "sys.meta_path" or (where == "sys.modules" and method in ("update", "setdefault")):
            self.is_roomy = True
        elif method in _ADDING:
            self._added(owner, value)

    def _added(self, owner: ast.expr, value: ast.Call) -> None:
        """Read `names.append("X")`, `table.update({...})` and `table["x"].extend([...])`."""
        assert isinstance(value.func, ast.Attribute)
        argument = value.args[0] if value.args else None
        text = text_of(argument)
        found = [text] if value.func.attr in ("append", "add") and text is not None else told(argument, self._values)
        if isinstance(owner, ast.Name):
            self.is_roomy = self.is_roomy or owner.id == "__path__"
            if isinstance(argument, ast.Name) and argument.id in self._literals:
                self._literals.setdefault(owner.id, []).extend(self._literals[argument.id])
                self._vague.update({owner.id} if argument.id in self._vague else ())
            elif value.func.attr in ("append", "add", "extend", "update", "__iadd__") and found is not None:
                if isinstance(argument, ast.Dict):
                    self._table(owner.id, argument)
                self._literals.setdefault(owner.id, []).extend(found)
                if owner.id == "__all__":
                    self.exported = (*(self.exported or ()), *found)
            else:
                self._vague.add(owner.id)
        elif isinstance(owner, ast.Subscript):  # _import_structure["x"].append("Y")
            key = text_of(owner.slice)
            if key is not None:
                self._entry(ast.unparse(owner.value), key, argument, found)
            elif not isinstance(argument, ast.Name):
                self._vague.add(ast.unparse(owner.value))
        else:
            self._vague.update(part.id for part in ast.walk(owner) if isinstance(part, ast.Name))


def _names_stand_ins(node: ast.expr | None) -> bool:
    """Tell whether this is `[name for name in dir(dummies) ...]`: objects of the names that are there when everything is installed."""
    if not isinstance(node, ast.ListComp):
        return False
    source = node.generators[0].iter
    return isinstance(source, ast.Call) and called(source) == "dir"
