"""Which modules a release holds: paths of its members to dotted names. Pure text work."""

from __future__ import annotations

from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NATIVE = (".so", ".pyd", ".dylib")
_NOT_MODULES = (".dist-info", ".egg-info", ".data", ".libs")
_TESTS = frozenset({"tests", "test", "testing_data", "examples", "benchmarks", "docs"})
_INNER_TESTS = frozenset({"tests", "test", "_tests"})
_APPLICATIONS = frozenset({"studio"})
"""Top-level packages that hold a program, not a library: unsloth ships its web application beside itself."""


class Modules(Record):
    """Modules of a release. `texts` maps a module to its .py path, `stubs` to its .pyi path; `native` are compiled ones."""

    texts: Mapping[str, str]
    stubs: Mapping[str, str]
    native: frozenset[str]
    packages: frozenset[str]
    """Modules that are folders, those without `__init__.py` included."""
    all: frozenset[str]
    """Every module that can be imported."""
    tops: tuple[str, ...]
    """Top-level modules, sorted."""


def find_modules(paths: Iterable[str]) -> Modules:
    """Sort the members of a release into modules; folders of tests and metadata are left out."""
    texts: dict[str, str] = {}
    stubs: dict[str, str] = {}
    native: set[str] = set()
    packages: set[str] = set()
    for path in paths:
        parts = path.split("/")
        if parts[0].endswith(_NOT_MODULES) or (len(parts) > 1 and parts[0] in _TESTS | _APPLICATIONS):
            continue
        if not _INNER_TESTS.isdisjoint(parts[1:-1]):
            continue
        name = parts[-1]
        if name.endswith(".py"):
            dotted = _dotted(parts, name[:-3])
        elif name.endswith(".pyi"):
            dotted = _dotted(parts, name[:-4])
        elif name.endswith(_NATIVE) and not name.startswith("lib"):
            dotted = _dotted(parts, name.split(".", 1)[0])
        else:
            continue
        if not all(part.isidentifier() for part in dotted.split(".")):
            continue
        if name.endswith(".py"):
            texts[dotted] = path
        elif name.endswith(".pyi"):
            stubs[dotted] = path
        else:
            native.add(dotted)
        if name.startswith("__init__."):
            packages.add(dotted)
        parent = dotted.rpartition(".")[0]
        while parent and parent not in packages:
            packages.add(parent)
            parent = parent.rpartition(".")[0]
    everything = frozenset(texts) | native | packages
    return Modules(
        texts=texts, stubs=stubs, native=frozenset(native), packages=frozenset(packages), all=everything,
        tops=tuple(sorted({name.split(".", 1)[0] for name in everything})),
    )  # fmt: skip


def _dotted(parts: list[str], stem: str) -> str:
    return ".".join([*parts[:-1], stem] if stem != "__init__" else parts[:-1])


def absolute(module: str, is_package: bool, level: int, name: str) -> str:
    """Return the module that a relative import means, "" where it leaves the package.

    >>> absolute("trl.trainer.utils", False, 2, "models"), absolute("trl", True, 1, "core")
    ('trl.models', 'trl.core')
    """
    if not level:
        return name
    parts = module.split(".")
    drop = level - 1 if is_package else level
    if drop >= len(parts):
        return ""
    kept = parts[: len(parts) - drop]
    return ".".join([*kept, name] if name else kept)
