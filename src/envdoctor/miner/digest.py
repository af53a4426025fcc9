"""What one file says by itself: names it binds, star imports, lazy tables, signatures, notices. Independent of where the file lies.

A file that did not change between two releases is digested once (see `Digests`), which is what makes mining 200 releases cheap.
"""

from __future__ import annotations

import ast
from hashlib import blake2b

from envdoctor.miner.binding import Binding
from envdoctor.miner.literals import suffixes
from envdoctor.miner.notices import exports_by_name, globals_bound, makes_modules, notices_of, variables
from envdoctor.miner.outline import read
from envdoctor.miner.signatures import signature_of
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from envdoctor.miner.signatures import Signature

_KEPT = 6000


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
    """Imported name -> (level, module, name there): the last of several."""
    rivals: frozenset[str] = frozenset()
    """Imported names that something else in the file binds, too."""
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
            found = read(text)
            if mark not in self._digests:  # what a file says is asked for sooner or later, and parsing again costs more than all else
                self._keep(mark, found, text)
            while len(self._trees) >= self._most:
                del self._trees[next(iter(self._trees))]
        self._trees[mark] = found
        return found

    def digest(self, text: bytes) -> Digest:
        """Return what a file says by itself."""
        mark = blake2b(text, digest_size=12).digest()
        found = self._digests.get(mark)
        return self._keep(mark, read(text), text) if found is None else found

    def _keep(self, mark: bytes, tree: ast.Module | None, text: bytes) -> Digest:
        try:
            found = OPEN_FILE if tree is None else digest(tree, text)
        except RecursionError:  # an expression that no person wrote
            found = OPEN_FILE
        if len(self._digests) > _KEPT:
            for old in list(self._digests)[: _KEPT // 3]:
                del self._digests[old]
        self._digests[mark] = found
        return found


OPEN_FILE = Digest(is_open=True)


def digest(tree: ast.Module, text: bytes) -> Digest:
    """Return what a file says by itself. `text` only saves walks: what its bytes do not hold is not looked for."""
    reader = Binding()
    reader.block(tree.body)
    reader.finish()
    lazy = {key: tuple(dict.fromkeys(names)) for key, names in reader.lazy.items() if names or reader.serves}
    signatures: dict[str, Signature] = {}
    bases: dict[str, tuple[str, ...]] = {}
    for node in reader.definitions:
        signature_of(node, "", signatures, bases)
    for name in (reader.assigned | reader.origins.keys()) & signatures.keys():
        signatures[name] = tuple(dict.fromkeys((*signatures[name], "?")))  # something else may stand there under the same name
    return Digest(
        names=frozenset(reader.names | globals_bound(text)), stars=tuple(dict.fromkeys(reader.stars)), exported=reader.exported,
        lazy=lazy if reader.serves else {}, lazy_folder=reader.lazy_folder,
        is_open=reader.is_open or (b"__all__." in text and exports_by_name(tree.body)),
        is_roomy=reader.is_roomy or makes_modules(text), signatures=signatures, bases=bases,
        origins=reader.origins, rivals=frozenset(reader.rivals | (reader.assigned & reader.origins.keys())),
        suffixes=suffixes(tree) if b"LazyModule" in text else (),
        notices=tuple(notices_of(tree.body)) if b"Deprecat" in text or b"FutureWarning" in text else (),
        variables=frozenset(variables(text)),
    )  # fmt: skip
