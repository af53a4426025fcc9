"""Brings the atlas up to date: which releases are new, mining them in parallel, and writing each package's text when it is complete.

Knows no terminal: a `Watch` is told what happens. A run that is stopped loses nothing that was mined (see `journal`).
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from envdoctor.miner.blocks import BEGUN, FAILED, MINED, Block, Ways, begin, mine_block
from envdoctor.miner.index import Index
from envdoctor.miner.journal import Journal
from envdoctor.miner.packages import PACKAGES, SINCE, ordered
from envdoctor.miner.release import choose, since
from envdoctor.miner.store import Store
from envdoctor.miner.texts import Texts
from envdoctor.miner.web import Client
from envdoctor.model.errors import EnvdoctorError, ReleaseError
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future
    from typing import Any

    from envdoctor.miner.release import Release

LONGEST = 24
"""Releases of one block at most: long enough for the miner's memory of files to pay, short enough to share a package between workers."""

_IN_VAIN = 2
"""How often workers may die without having begun a release."""


class Settings(Record):
    """How to update. `index` is empty when only the store is read, `store` when nothing is kept; `since` replaces the table's days."""

    index: str = ""
    store: str = ""
    journal: str
    texts: Texts
    jobs: int = 1
    since: str = ""
    again: bool = False
    miner: str = "envdoctor.miner.mining:mine"


class News(Record):
    """What a package has that its text lacks. `mined` are those that an earlier run has mined already."""

    package: str
    versions: tuple[str, ...] = ()
    listed: tuple[Release, ...] = ()
    mined: tuple[str, ...] = ()
    turned: tuple[str, ...] = ()
    """Known versions that were yanked, or given back, since they were mined."""
    yanked: frozenset[str] = frozenset()
    """All versions that the index calls yanked."""


class Outcome(Record):
    """What came of one package. `failures` hold a sentence each, which says what to do."""

    package: str
    written: tuple[str, ...] = ()
    path: str = ""
    failures: tuple[str, ...] = ()


class Watch:
    """Is told what happens; does nothing with it. Times are seconds."""

    def listed(self, news: News) -> None:
        """Hear what is new of a package."""

    def begun(self, package: str, version: str) -> None:
        """Hear that a release is being mined."""

    def mined(self, package: str, version: str, seconds: float) -> None:
        """Hear that a release is mined."""

    def failed(self, package: str, version: str, reason: str) -> None:
        """Hear that a release, or a whole package where `version` is empty, cannot be mined."""

    def written(self, outcome: Outcome) -> None:
        """Hear that the text of a package is written."""


def find_news(packages: Sequence[str], settings: Settings, watch: Watch) -> tuple[list[News], list[Outcome]]:
    """Return what is new of packages, in mining order, and an outcome for each that cannot be listed."""
    names = ordered(tuple(dict.fromkeys(packages)))
    found: list[News] = []
    failed: list[Outcome] = []
    with Client() as client, ThreadPoolExecutor(8) as pool:
        for name, asked in [(name, pool.submit(_news, name, settings, client)) for name in names]:
            try:
                news = asked.result()
            except EnvdoctorError as error:
                failed.append(Outcome(package=name, failures=(str(error),)))
                watch.failed(name, "", str(error))
            else:
                found.append(news)
                watch.listed(news)
    return found, failed


def _news(package: str, settings: Settings, client: Client) -> News:
    atlas = settings.texts.known(package)
    known = {release.version: release for release in atlas.releases}
    day = settings.since or PACKAGES.get(package, SINCE)
    if settings.index:
        every = Index(client, settings.index).releases(package)
        listed = tuple(release for release in since(every, day) if choose(release))
        versions = tuple(release.version for release in listed)
    else:
        every = listed = ()
        versions = tuple(release.version for release in since(Store(settings.store).releases(package), day))
    mined = Journal(settings.journal).versions(package)
    fresh = tuple(version for version in versions if settings.again or version not in known)
    turned = tuple(one.version for one in every if one.version in known and one.yanked != known[one.version].yanked)
    return News(
        package=package,
        versions=fresh,
        listed=tuple(release for release in listed if release.version in fresh),
        mined=tuple(version for version in fresh if version in mined),
        turned=turned,
        yanked=frozenset(one.version for one in every if one.yanked),
    )


def blocks_of(news: News, jobs: int) -> list[Block]:
    """Return the blocks of a package, each of neighbouring releases; a package that is alone is shared by all jobs."""
    wanted = [version for version in news.versions if version not in news.mined]
    if not wanted:
        return []
    count = max(-(-len(wanted) // LONGEST), min(jobs, len(wanted) // 4), 1)
    size = -(-len(wanted) // count)
    parts = [tuple(wanted[at : at + size]) for at in range(0, len(wanted), size)]
    return [
        Block(package=news.package, versions=part, listed=tuple(release for release in news.listed if release.version in part))
        for part in parts
    ]


def update(found: Sequence[News], settings: Settings, watch: Watch) -> list[Outcome]:
    """Mine what is new and write the texts; each package's text is written once, when nothing of it is left to be mined."""
    run = _Run(settings, watch)
    try:
        for news in found:
            if news.versions or news.turned:
                run.add(news)
        return run.finish()
    finally:
        run.stop()


class _Run:
    """The state of one update: which blocks are out, and what is still missing of each package."""

    def __init__(self, settings: Settings, watch: Watch) -> None:
        from multiprocessing import get_context

        self.settings = settings
        self.watch = watch
        self.journal = Journal(settings.journal)
        self.journal.forget_others()
        # a fresh interpreter a worker: a fork would take over the threads that list and draw, in the middle of what they do
        self.context = get_context("spawn")
        # what a worker puts into it is there before the worker goes on: its block cannot come back ahead of what became of it
        self.told: Any = self.context.SimpleQueue()
        self.ways = Ways(journal=settings.journal, mark=self.journal.mark, store=settings.store, miner=settings.miner)
        self.pool: ProcessPoolExecutor | None = None
        self.out: dict[Future[Block], Block] = {}
        self.unsent: list[Block] = []
        self.in_vain = 0
        self.left: dict[str, int] = {}
        self.news: dict[str, News] = {}
        self.failures: dict[str, list[str]] = {}
        self.begun: set[tuple[str, str]] = set()
        self.ended: set[tuple[str, str]] = set()
        self.outcomes: list[Outcome] = []

    def add(self, news: News) -> None:
        """Send the blocks of a package out, or write it at once where an earlier run has mined everything."""
        blocks = blocks_of(news, self.settings.jobs)
        self.news[news.package] = news
        self.left[news.package] = len(blocks)
        if not blocks:
            self.write(news.package)
        for block in blocks:
            self.send(block)

    def send(self, block: Block) -> None:
        if self.pool is None:
            self.pool = ProcessPoolExecutor(self.settings.jobs, self.context, begin, (self.ways, self.told))
        try:
            self.out[self.pool.submit(mine_block, block)] = block
        except BrokenProcessPool:  # those sent before it are about to be found broken too, and `recover` sends them all
            self.unsent.append(block)

    def finish(self) -> list[Outcome]:
        """Wait for all blocks and return what came of each package."""
        while self.out:
            done, _ = wait(self.out, timeout=0.2, return_when=FIRST_COMPLETED)
            self.listen()
            broken = [future for future in done if isinstance(future.exception(), BrokenProcessPool)]
            if broken:
                self.recover()
                continue
            for future in done:
                block = self.out.pop(future)
                error = future.exception()
                if error is not None:  # of the machinery, not of a release
                    raise error
                self.count(block)
        self.listen()
        return self.outcomes

    def listen(self) -> None:
        """Pass on what workers have told."""
        while not self.told.empty():
            kind, package, version, text = self.told.get()
            if kind == BEGUN:
                self.begun.add((package, version))
                self.watch.begun(package, version)
                continue
            self.ended.add((package, version))
            if kind == MINED:
                self.watch.mined(package, version, float(text))
            elif kind == FAILED:
                self.fail(package, version, text)

    def fail(self, package: str, version: str, reason: str) -> None:
        self.failures.setdefault(package, []).append(reason)
        self.watch.failed(package, version, reason)

    def count(self, block: Block) -> None:
        self.left[block.package] -= 1
        if not self.left[block.package]:
            self.listen()
            self.write(block.package)

    def recover(self) -> None:
        """Go on after a worker was killed: what it was mining has failed, everything else is sent out again."""
        blocks = [*self.out.values(), *self.unsent]
        self.out.clear()
        self.unsent.clear()
        self.halt()
        self.listen()
        self.told.close()
        self.told = self.context.SimpleQueue()  # a worker that is killed while it tells something leaves the old one locked
        self.in_vain = 0 if self.begun - self.ended else self.in_vain + 1
        if self.in_vain > _IN_VAIN:
            raise ReleaseError("the processes that mine end before they begin; see what they say above, and run this again with --jobs 1")
        for package, version in sorted(self.begun - self.ended):
            self.ended.add((package, version))
            self.fail(
                package,
                version,
                f"{package} {version}: the process that mined it was killed, most likely for want of memory; run this again with --jobs 1",
            )
        for block in blocks:
            rest = tuple(version for version in block.versions if (block.package, version) not in self.ended)
            if rest:
                self.send(block.replace(versions=rest))
            else:
                self.count(block)

    def write(self, package: str) -> None:
        """Write the text of a package from what is known and what was mined."""
        news = self.news[package]
        mined = [version for version in news.versions if version in self.journal.versions(package)]
        # a kept release may not know what has become of it since
        states = {version: version in news.yanked for version in (*news.turned, *(one.version for one in news.listed))}
        failures = tuple(self.failures.get(package, ()))
        path = ""
        try:
            if mined or news.turned:
                path = self.settings.texts.write(package, self.journal.read(package, mined), states)
            self.journal.forget(package)
        except (EnvdoctorError, OSError) as error:
            told = error if isinstance(error, EnvdoctorError) else f"{package}: its text cannot be written ({error})"
            reason = f"{told}; make room there, or give another folder with --atlas"
            self.watch.failed(package, "", reason)
            failures = (*failures, reason)
            mined = []
        outcome = Outcome(package=package, written=tuple(mined), path=path, failures=failures)
        self.outcomes.append(outcome)
        self.watch.written(outcome)

    def halt(self) -> None:
        """End the workers at once."""
        pool, self.pool = self.pool, None
        if pool is not None:
            workers = list((pool._processes or {}).values())
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.join(5)

    def stop(self) -> None:
        """End the workers, also in the middle of their work; the journal keeps what they have mined."""
        self.halt()
        self.told.close()
