"""What must be installed for a lazy package to serve a name as itself: otherwise it serves a stand-in, and imports nothing."""

from __future__ import annotations

import ast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_BY_FILE: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    # beginning and end of a file's name, and what its names rest on, as transformers' create_import_structure_from_path has it
    ("modeling_tf_", "", ("tf",)),
    ("modeling_flax_", "", ("flax",)),
    ("modeling_", "", ("torch",)),
    ("tokenization_", "_fast", ("tokenizers",)),
    ("image_processing_", "_fast", ("vision", "torch", "torchvision")),
    ("image_processing_", "", ("vision",)),
)


def by_file(module: str) -> tuple[str, ...]:
    """Return the backends that the names of a file rest on, by its name."""
    stem = module.rpartition(".")[2]
    return next((backends for start, end, backends in _BY_FILE if stem.startswith(start) and stem.endswith(end)), ())


def stand_ins(modules: Iterable[str], tree_of: Callable[[str], ast.Module | None]) -> dict[str, tuple[str, ...]]:
    """Return the backends of every name that has a stand-in in one of the `dummy_*_objects` modules."""
    found: dict[str, tuple[str, ...]] = {}
    for module in sorted(modules):
        if not module.rpartition(".")[2].startswith("dummy_"):
            continue
        tree = tree_of(module)
        for node in tree.body if tree is not None else ():
            if isinstance(node, ast.ClassDef):
                found[node.name] = _backends(node.body)
            elif isinstance(node, ast.FunctionDef):
                found[node.name] = _required(node)
    return found


def _backends(body: list[ast.stmt]) -> tuple[str, ...]:
    for node in body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "_backends":
            return _strings(node.value)
    return ()


def _required(node: ast.FunctionDef) -> tuple[str, ...]:
    """Read `requires_backends(name, ["torch"])`."""
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id == "requires_backends" and len(part.args) == 2:
            return _strings(part.args[1])
    return ()


def _strings(node: ast.expr) -> tuple[str, ...]:
    return tuple(one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str))
