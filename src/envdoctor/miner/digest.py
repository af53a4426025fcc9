"""What one file says by itself: names it binds, star imports, lazy tables, signatures, notices. Independent of where the file lies.

A file that did not change between two releases is digested once (see `Digests`), which is what makes mining 200 releases cheap.
"""

from __future__ import annotations

import ast
import re
import warnings
from hashlib import blake2b

from envdoctor.miner.signatures import signature_of
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from envdoctor.miner.signatures import Signature

_KEPT = 6000
_NOTICE = 120


class Digest(Record):
    """One file. Relative imports are kept as (level, module); what depends on the place of the file is resolved later."""

    names: frozenset[str] = frozenset()
    """Names bound at module level under any condition, imports included."""
    stars: tuple[tuple[int, str], ...] = ()
    exported: tuple[str, ...] | None = None
    """`__all__`, as far as it is literal."""
    lazy: Mapping[str, tuple[str, ...]] = {}
    """Submodule -> names it serves when asked (`_import_structure` and its kind)."""
    lazy_folder: bool = False
    """The lazy table is made from the files beside this one (`define_import_structure`)."""
    is_open: bool = False
    """Names are made at run time; they cannot all be known."""
    is_roomy: bool = False
    """Modules are made at run time."""
    signatures: Mapping[str, Signature] = {}
    bases: Mapping[str, tuple[str, ...]] = {}
    origins: Mapping[str, tuple[int, str, str]] = {}
    """Imported name -> (level, module, name there)."""
    suffixes: tuple[str, ...] = ()
    """What the lazy module class of this file takes off a name that it does not know."""
    notices: tuple[tuple[str, str], ...] = ()
    variables: frozenset[str] = frozenset()


class Digests:
    """Digests and syntax trees by the content of files, kept from one release to the next."""

    def __init__(self, trees: int = 1200) -> None:
        self._digests: dict[bytes, Digest] = {}
        self._trees: dict[bytes, ast.Module | None] = {}
        self._most = trees

    def tree(self, text: bytes) -> ast.Module | None:
        """Return the syntax tree of a file; None for what this Python cannot read."""
        mark = blake2b(text, digest_size=12).digest()
        if mark in self._trees:
            found = self._trees.pop(mark)
        else:
            found = parse(text)
            while len(self._trees) >= self._most:
                del self._trees[next(iter(self._trees))]
        self._trees[mark] = found
        return found

    def digest(self, text: bytes) -> Digest:
        """Return what a file says by itself."""
        mark = blake2b(text, digest_size=12).digest()
        found = self._digests.get(mark)
        if found is None:
            tree = parse(text)
            found = OPEN_FILE if tree is None else digest(tree, text)
            if len(self._digests) > _KEPT:
                for old in list(self._digests)[: _KEPT // 3]:
                    del self._digests[old]
            self._digests[mark] = found
        return found


def parse(text: bytes) -> ast.Module | None:
    """Return the syntax tree of a file, None where it is no Python that this interpreter reads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def suffixes(tree: ast.Module) -> tuple[str, ...]:
    """Return the suffixes that the `__getattr__` of a lazy module class tests for."""
    found: dict[Any, None] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name.endswith("LazyModule"):
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and method.name == "__getattr__":
                    for part in ast.walk(method):
                        if isinstance(part, ast.Call) and _called(part) == "endswith":
                            found.update(
                                (one.value, None) for one in part.args if isinstance(one, ast.Constant) and isinstance(one.value, str)
                            )
    return tuple(one for one in found if isinstance(one, str))


OPEN_FILE = Digest(is_open=True)


def digest(tree: ast.Module, text: bytes) -> Digest:
    """Return what a file says by itself. `text` only saves walks: what its bytes do not hold is not looked for."""
    reader = _Reader()
    reader.block(tree.body)
    lazy = {key: tuple(dict.fromkeys(names)) for key, names in reader.lazy.items() if names or reader.serves}
    signatures: dict[str, Signature] = {}
    bases: dict[str, tuple[str, ...]] = {}
    for node in reader.definitions:
        signature_of(node, "", signatures, bases)
    return Digest(
        names=frozenset(reader.names), stars=tuple(dict.fromkeys(reader.stars)), exported=reader.exported,
        lazy=lazy if reader.serves else {}, lazy_folder=reader.lazy_folder, is_open=reader.is_open, is_roomy=reader.is_roomy,
        signatures=signatures, bases=bases,
        origins=reader.origins, suffixes=suffixes(tree) if b"LazyModule" in text else (),
        notices=tuple(_notices(tree.body)) if b"Deprecat" in text or b"FutureWarning" in text else (),
        variables=frozenset(_variables(text)),
    )  # fmt: skip


def strings(node: ast.AST | None) -> list[str] | None:
    """Return the strings of a literal list, tuple or set; None for anything else."""
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        found = [one.value for one in node.elts if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        return found if len(found) == len(node.elts) else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("set", "list", "tuple") and len(node.args) == 1:
        return strings(node.args[0])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = strings(node.left), strings(node.right)
        return None if left is None or right is None else left + right
    return None


class _Reader:
    """Walks the statements of a module, into branches and protected blocks, not into functions."""

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
        self.definitions: list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef] = []
        self._sets: dict[str, list[str]] = {}

    def block(self, body: list[ast.stmt]) -> None:
        for node in body:
            self._statement(node)

    def _statement(self, node: ast.stmt) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self.names.add(node.name)
            self.definitions.append(node)
            if node.name == "__getattr__" and isinstance(node, ast.FunctionDef):
                self._getattr(node)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                self.names.add(alias.asname or alias.name.split(".", 1)[0])
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if alias.name == "*":
                    self.stars.append((node.level, node.module or ""))
                else:
                    self.names.add(alias.asname or alias.name)
                    self.origins[alias.asname or alias.name] = (node.level, node.module or "", alias.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                self._bind(target, node.value, isinstance(node, ast.AugAssign))
        elif isinstance(node, ast.Expr):
            self._expression(node.value)
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            self._bind(node.target, None, False)
            self._loop(node)
            self.block(node.body)
            self.block(node.orelse)
        elif isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            self.block(node.orelse)
        else:
            if isinstance(node, (ast.With, ast.AsyncWith)):
                for item in node.items:
                    if item.optional_vars is not None:
                        self._bind(item.optional_vars, None, False)
            for field in ("body", "orelse", "finalbody"):
                self.block(getattr(node, field, None) or [])
            for handler in getattr(node, "handlers", ()):
                self.block(handler.body)
            for case in getattr(node, "cases", ()):
                self.block(case.body)

    def _bind(self, target: ast.expr, value: ast.expr | None, adds: bool) -> None:
        if isinstance(target, ast.Name):
            self.names.add(target.id)
            if target.id == "__all__":
                found = strings(value)
                if found is not None:
                    self.exported = (*(self.exported or ()), *found) if adds else tuple(found)
            elif isinstance(value, ast.Dict):
                self._table(value)
            elif target.id == "__getattr__":
                self.serves = True
            found = strings(value)
            if found is not None:
                self._sets[target.id] = found
            elif isinstance(value, ast.Dict):
                self._sets[target.id] = [key.value for key in value.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)]
        elif isinstance(target, (ast.Tuple, ast.List)):
            for part in target.elts:
                self._bind(part, None, False)
                if isinstance(part, ast.Name) and part.id == "__getattr__":
                    self.serves = True
        elif isinstance(target, ast.Starred):
            self._bind(target.value, None, False)
        elif isinstance(target, ast.Subscript):
            self._subscript(target, value)
        if isinstance(value, ast.Call) and _called(value) == "define_import_structure":
            self.lazy_folder = True
        if isinstance(value, ast.Call) and _called(value).endswith("LazyModule"):
            self.serves = True

    def _table(self, value: ast.Dict) -> None:
        """Take a dictionary from submodules to names, the shape of every lazy table."""
        for key, names in zip(value.keys, value.values):
            found = strings(names)
            if isinstance(key, ast.Constant) and isinstance(key.value, str) and found is not None:
                self.lazy.setdefault(key.value, []).extend(found)

    def _subscript(self, target: ast.Subscript, value: ast.expr | None) -> None:
        where = ast.unparse(target.value)
        key = target.slice.value if isinstance(target.slice, ast.Constant) else None
        if where == "sys.modules":
            if isinstance(value, ast.Call):
                self.serves = self.serves or _called(value).endswith("LazyModule")
            if not (isinstance(target.slice, ast.Name) and target.slice.id == "__name__"):
                self.is_roomy = True
        elif where == "globals()":
            if isinstance(key, str):
                self.names.add(key)
            else:
                self.is_open = True
        elif isinstance(key, str):
            found = strings(value)
            if found is not None:
                self.lazy.setdefault(key, []).extend(found)

    def _expression(self, value: ast.expr) -> None:
        if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute):
            return
        method, owner = value.func.attr, value.func.value
        if isinstance(owner, ast.Subscript) and isinstance(owner.slice, ast.Constant) and isinstance(owner.slice.value, str) and value.args:
            if method in ("append", "extend", "update"):  # _import_structure["x"].append("Y")
                argument = value.args[0]
                single = [argument.value] if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else None
                found = single if method == "append" else strings(argument)
                if found:
                    self.lazy.setdefault(owner.slice.value, []).extend(found)
        elif isinstance(owner, ast.Name) and owner.id == "__all__" and value.args:
            argument = value.args[0]
            found = strings(argument) if method in ("extend", "__iadd__") else None
            if method == "append" and isinstance(argument, ast.Constant):
                found = [str(argument.value)]
            if found and self.exported is not None:
                self.exported = (*self.exported, *found)
        elif ast.unparse(owner) in ("globals()", "vars()", "locals()") and method == "update":
            self.is_open = True
        elif ast.unparse(owner) == "sys.meta_path" or (ast.unparse(owner) == "sys.modules" and method in ("update", "setdefault")):
            self.is_roomy = True

    def _loop(self, node: ast.For | ast.AsyncFor) -> None:
        for part in ast.walk(node):
            if isinstance(part, ast.Call) and _called(part) == "setattr" and part.args and "sys.modules" in ast.unparse(part.args[0]):
                self.is_open = True

    def _getattr(self, node: ast.FunctionDef) -> None:
        """Read a module's `__getattr__`: closed if it ends by raising, and then it serves the names it compares with."""
        parameter = node.args.args[0].arg if node.args.args else ""
        last = node.body[-1]
        if not isinstance(last, ast.Raise) and not (isinstance(last, ast.If) and _ends_by_raising(last)):
            self.is_open = True
            return
        served: set[str] = set()
        for part in ast.walk(node):
            if isinstance(part, ast.If):
                found = self._compared(part.test, parameter)
                if found is None:
                    if not isinstance(part.body[-1], ast.Raise):
                        self.is_open = True
                elif not isinstance(part.body[-1], ast.Raise):
                    served.update(found)
        self.names |= served

    def _compared(self, test: ast.expr, parameter: str) -> list[str] | None:
        if isinstance(test, ast.BoolOp):
            parts = [self._compared(one, parameter) for one in test.values]
            known = [one for part in parts if part is not None for one in part]
            if isinstance(test.op, ast.And):
                return known if any(part is not None for part in parts) else None
            return known if all(part is not None for part in parts) else None
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.left, ast.Name) and test.left.id == parameter:
            right = test.comparators[0]
            if isinstance(test.ops[0], ast.Eq) and isinstance(right, ast.Constant) and isinstance(right.value, str):
                return [right.value]
            if isinstance(test.ops[0], ast.In):
                if isinstance(right, ast.Name) and right.id in self._sets:
                    return self._sets[right.id]
                return strings(right)
            if isinstance(test.ops[0], ast.NotEq):
                return []
        return None


def _ends_by_raising(node: ast.If) -> bool:
    last = node.orelse[-1] if node.orelse else None
    return isinstance(last, ast.Raise) or (isinstance(last, ast.If) and _ends_by_raising(last))


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _notices(body: list[ast.stmt], inside: str = "") -> Iterator[tuple[str, str]]:
    """Yield (qualified name, first words) of deprecation warnings."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield from _notices(node.body, f"{inside}.{node.name}" if inside else node.name)
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _called(node.value) == "warn" and node.value.args:
            call = node.value
            kind = " ".join(ast.unparse(one) for one in [*call.args[1:], *[word.value for word in call.keywords]])
            if "Deprecat" in kind or "FutureWarning" in kind:
                text = " ".join(_literal(call.args[0]).split())[:_NOTICE].strip()
                if text:
                    yield inside, text
        for field in ("body", "orelse", "finalbody"):
            yield from _notices(getattr(node, field, None) or [], inside)
        for handler in getattr(node, "handlers", ()):
            yield from _notices(handler.body, inside)


def _literal(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)  # type: ignore[misc]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _literal(node.left) + _literal(node.right)
    return ""


_READS = re.compile(rb"""(?:environ\s*(?:\.\s*(?:get|setdefault|pop)\s*\(|\[)|getenv\s*\()\s*["'](\w+)["']\s*(?!\]\s*=[^=])""")


def _variables(text: bytes) -> set[str]:
    """Return the environment variables that are read by a literal name."""
    return {found.decode() for found in _READS.findall(text)}
