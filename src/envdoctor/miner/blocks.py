"""Mines blocks of releases, each in a process of its own: what a worker does, and nothing of who asks for it.

The releases of a block are of one package and in order, because most files do not change from one release to the next, and the miner
remembers the files that it has read. The next release is fetched while one is mined.
"""

from __future__ import annotations

import time

from envdoctor.miner.fetch import fetch
from envdoctor.miner.journal import Journal
from envdoctor.miner.store import Store
from envdoctor.miner.web import Client
from envdoctor.model.errors import EnvdoctorError
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.queues import SimpleQueue
    from typing import Any

    from envdoctor.miner.release import Release
    from envdoctor.miner.source import Source
    from envdoctor.model.surface import Surface

BEGUN, MINED, FAILED = "begun", "mined", "failed"


class Block(Record):
    """Releases of one package that one worker mines, in order. Those that only the store holds have no `listed` entry."""

    package: str
    versions: tuple[str, ...]
    listed: tuple[Release, ...] = ()


class Ways(Record):
    """Where a worker reads and writes. `miner` is "module:function"; `store` is empty where nothing is kept."""

    journal: str
    mark: str
    store: str
    miner: str = "envdoctor.miner.mining:mine"


class _Worker:
    ways: Ways
    told: SimpleQueue[tuple[str, str, str, str]]
    client: Client
    mine: Callable[[Source], Surface]


def begin(ways: Ways, told: Any) -> None:
    """Make this process a worker that tells a queue what it does. An interrupt is its parent's to handle."""
    import signal
    from importlib import import_module

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    module, _, function = ways.miner.partition(":")
    _Worker.ways, _Worker.told, _Worker.client = ways, told, Client()
    _Worker.mine = staticmethod(getattr(import_module(module), function))


def mine_block(block: Block) -> Block:
    """Mine the releases of a block into the journal; a release that fails is told and never ends the block."""
    from concurrent.futures import ThreadPoolExecutor

    journal = Journal(_Worker.ways.journal, _Worker.ways.mark)
    listed = {release.version: release for release in block.listed}

    def open_source(version: str) -> Source:
        return source_of(_Worker.client, _Worker.ways.store, block.package, version, listed.get(version))

    with ThreadPoolExecutor(1) as ahead:
        waiting = [ahead.submit(open_source, version) for version in block.versions[:1]]
        for place, version in enumerate(block.versions):
            coming = waiting.pop(0)
            waiting += [ahead.submit(open_source, after) for after in block.versions[place + 1 : place + 2]]
            _Worker.told.put((BEGUN, block.package, version, ""))
            started = time.perf_counter()
            try:
                surface = _Worker.mine(coming.result())
                journal.keep(surface)
            except Exception as error:  # noqa: BLE001 - whatever a release does to the miner, the others are still mined
                _Worker.told.put((FAILED, block.package, version, _reason(error, block.package, version)))
            else:
                _Worker.told.put((MINED, block.package, version, f"{time.perf_counter() - started:.2f}"))
    return block


def source_of(client: Client, folder: str, package: str, version: str, release: Release | None) -> Source:
    """Return the Source of a release: from the store where it is kept, else from the index, and then it is kept. Raises ReleaseError."""
    store = Store(folder) if folder else None
    if store is not None and (release is None or store.has(package, version)):
        return store.open(package, version)
    if release is None:
        raise LookupError(f"{package} {version} is neither listed nor kept")
    source = fetch(client, release)
    if store is not None:
        store.keep(source)
    return source


def _reason(error: Exception, package: str, version: str) -> str:
    if isinstance(error, EnvdoctorError):
        return str(error)
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    at = f" ({frames[-1].filename.replace(chr(92), '/').rpartition('/')[2]}, line {frames[-1].lineno})" if frames else ""
    text = " ".join(str(error).split())[:200]
    return f"{package} {version}: the miner failed with {type(error).__name__}: {text}{at}; please report this as a defect of envdoctor"
