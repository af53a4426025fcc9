"""One release from its files to its Surface: names, signatures, needs, refusals, helpers. Nothing is imported or run."""

from __future__ import annotations

import gc
import sys
import threading
from functools import cache

from envdoctor.miner.answers import answers_of
from envdoctor.miner.digest import Digests
from envdoctor.miner.machine import Machine
from envdoctor.miner.modules import find_modules
from envdoctor.miner.names import Names
from envdoctor.miner.needs import needs_of
from envdoctor.miner.takes import takes_of
from envdoctor.model.surface import Surface

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterable

    from envdoctor.miner.digest import Digest
    from envdoctor.miner.source import Source

_STACK = 512 << 20
"""Bytes of stack: packages import each other deeply, and each step of a reading takes several calls."""
_DIGESTS = Digests()


def mine(source: Source, digests: Digests = _DIGESTS) -> Surface:
    """Read a release. Files that do not change between releases are read once per process, so mine the releases of a package in order."""
    found: list[Surface] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            found.append(_mine(source, digests))
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
            failed.append(error)

    limit = sys.getrecursionlimit()
    before = threading.stack_size(_STACK)
    enabled = gc.isenabled()
    gc.disable()  # syntax trees are large and hold no cycles; collecting them takes as long as parsing
    try:
        sys.setrecursionlimit(100_000)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
        sys.setrecursionlimit(limit)
        if enabled:
            gc.enable()
    if failed:
        raise failed[0]
    return found[0]


def _mine(source: Source, digests: Digests) -> Surface:
    modules = find_modules(source.paths())

    @cache
    def digest_of(module: str) -> Digest | None:
        path = modules.texts.get(module)
        return None if path is None else digests.digest(source.read(path))

    @cache
    def stub_of(module: str) -> Digest | None:
        path = modules.stubs.get(module)
        return None if path is None else digests.digest(source.read(path))

    def tree_of(module: str) -> ast.Module | None:
        path = modules.texts.get(module)
        return None if path is None else digests.tree(source.read(path))

    @cache
    def offers_of() -> dict[str, frozenset[str]]:
        return Names(modules, digest_of, stub_of).offers()

    machine = Machine(modules, tree_of, digest_of)
    # reading comes first: what it parses is digested along the way, while the tree is at hand
    needs, passes, refuses = needs_of(source.package, modules, machine, offers_of)
    offers = offers_of()
    sections: dict[str, dict[str, frozenset[str]]] = {
        "offers": offers,
        "takes": takes_of(modules, digest_of, offers),
        "requires": {"": frozenset(source.requires)},
        "tags": {"": frozenset((*source.tags, *([f"python{source.requires_python.replace(' ', '')}"] if source.requires_python else [])))},
        "needs": needs,
        "passes": passes,
        "refuses": refuses,
        "answers": answers_of(modules, machine, offers),
        "reads": {"": _variables(modules.texts, digest_of)},
        "deprecates": _notices(modules.texts, digest_of),
    }
    kept = {
        section: {subject: items for subject, items in subjects.items() if items or section == "takes"}
        for section, subjects in sections.items()
    }
    return Surface(
        package=source.package, version=source.version, date=source.date, yanked=source.yanked,
        sections={section: subjects for section, subjects in kept.items() if subjects},
    )  # fmt: skip


def _variables(modules: Iterable[str], digest_of: Callable[[str], Digest | None]) -> frozenset[str]:
    told = [one for module in modules if (one := digest_of(module)) is not None]
    return frozenset(name for one in told for name in one.variables if name.isidentifier())


def _notices(modules: Iterable[str], digest_of: Callable[[str], Digest | None]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for module in modules:
        told = digest_of(module)
        for inside, text in told.notices if told is not None else ():
            found.setdefault(f"{module}:{inside}" if inside else module, set()).add(text.strip())
    return {subject: frozenset(texts) for subject, texts in found.items()}
