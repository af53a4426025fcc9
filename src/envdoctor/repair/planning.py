"""The whole repair on one screen: examine, judge, learn, search, write. `diagnosis` for cures."""

from __future__ import annotations

from envdoctor.diagnosis import diagnose
from envdoctor.knowledge.atlas.load import open_atlas
from envdoctor.knowledge.load import open_book
from envdoctor.knowledge.trained import open_trained
from envdoctor.model.errors import RepairError, UsageError
from envdoctor.model.plan import Left, Plan
from envdoctor.model.record import Record
from envdoctor.repair.core import Core, core
from envdoctor.repair.cost import Ledger, told
from envdoctor.repair.elsewhere import elsewhere
from envdoctor.repair.metadata import Metadata
from envdoctor.repair.moves import Why, moved
from envdoctor.repair.patient import SEEDS, exact, examine
from envdoctor.repair.question import Conflict, Question
from envdoctor.repair.remarks import hazard, idle_limits, is_about_builds, other_build
from envdoctor.repair.search import Case, Found, Search
from envdoctor.repair.supposing import Supposing
from envdoctor.repair.table import Table
from envdoctor.repair.teaching import Teacher
from envdoctor.repair.uv import Target, Unreachable, Uv, find_uv
from envdoctor.repair.writing import Trial, Writing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Union

    from envdoctor.model.finding import Finding, Report
    from envdoctor.model.request import Request
    from envdoctor.repair.lessons import Lesson
    from envdoctor.repair.patient import Ill
    from envdoctor.repair.question import Resolver, Solution

_LIST = 8
"""Lines from which on a file of pins alone may be a list of all that is installed."""
_MOSTLY = 0.8
"""Share of what its packages need from which on a list of pins that cannot be resolved counts as one of what is installed."""
MOST = 3
"""Ways out that are offered at most."""


class Wanted(Record):
    """What the user asks of a repair beyond the patient.

    `offline` asks nobody outside, `upgrade` for the newest set without faults; `keep` names packages that must not move. `universal` holds
    the first way out against other platforms and Pythons too.
    """

    upgrade: bool = False
    offline: bool = False
    keep: tuple[str, ...] = ()
    universal: bool = False


class Outcome(Record):
    """What came of it. `report` judges what is there now; `plans` are ways out, the cheapest first; `conflict` says why there is none.

    `ill` is the patient as it was read, `resolver` who solved.
    """

    ill: Ill
    report: Report
    plans: tuple[Plan, ...] = ()
    conflict: str = ""
    core: Core | None = None
    resolver: str = ""
    remarks: tuple[str, ...] = ()
    rounds: int = 0

    @property
    def is_fit(self) -> bool:
        """Tell whether nothing has to be repaired."""
        return not self.plans and not self.conflict


def _unsaid(_: str) -> None:
    pass


def repair(asked: Request, environ: Mapping[str, str], wanted: Wanted | None = None, say: Callable[[str], None] = _unsaid) -> Outcome:
    """Work out how to repair what a request names; nothing is written. Raises EnvdoctorError."""
    say("examining")
    ill, told = examine(asked, environ), wanted or Wanted()
    try:
        return _Planner(ill, environ, told, say).outcome()
    except Unreachable as error:
        outcome = _Planner(ill, environ, told.replace(offline=True), say).outcome()
        cause = str(error).splitlines()[-1].strip().removeprefix("cause: ")
        remark = f"no package index answers ({cause}); the set is worked out from the releases that the atlas knows"
        return outcome.replace(remarks=(remark, *outcome.remarks))


class _Planner:
    def __init__(self, ill: Ill, environ: Mapping[str, str], wanted: Wanted, say: Callable[[str], None]) -> None:
        self._ill, self._environ, self._wanted, self._say = ill, environ, wanted, say
        self._atlas = open_atlas() if ill.asked.only != "rules" else None
        self._metadata = Metadata(self._atlas)
        self._book = open_book()
        self._teacher = Teacher(self._book if ill.asked.only != "atlas" else None, self._atlas, ill.asked.purpose)
        self._supposing = Supposing(ill.asked, ill.patient, ill.snapshot)
        self._remarks: list[str] = []
        self._whole = True
        self._hopeless: frozenset[str] = frozenset()
        self._resolver = self._choose_resolver(environ)

    def _choose_resolver(self, environ: Mapping[str, str]) -> Resolver:
        ill = self._ill
        uv = find_uv(environ)
        if uv and not self._wanted.offline:
            target = Target(python=ill.python, python_version=_short(ill.python_version), platform=ill.platform)
            return Uv(uv, environ, self._metadata, ill.sources, target)
        if not uv and not self._wanted.offline:
            self._remarks.append("uv is not installed, so the set is worked out from the atlas's own list of releases; pip install uv")
        return self._table()

    def _table(self) -> Table:
        self._whole = self._ill.settled  # of what is not in the atlas, nobody says here what else it brings
        return Table(self._metadata, self._ill.environment)

    def outcome(self) -> Outcome:
        """Judge what is there, and find ways out where it cannot stay."""
        if not self._ill.settled and self._named() == 1:
            self._ill, self._whole = self._ill.replace(settled=True), True
        now: Union[Solution, Conflict, None] = None
        if not self._ill.settled and not self._ill.locked:
            now = self._today()
            if isinstance(now, Conflict) and self._named() >= _MOSTLY:
                self._ill = self._ill.replace(settled=True)  # nobody resolved this list: it was installed piece by piece
                self._whole, now = True, None
        ill = self._ill
        as_it_stands = ill.settled or bool(ill.locked)
        versions = dict(ill.now if now is None or isinstance(now, Conflict) else now.versions)
        today, versions = versions, {name: version for name, version in versions.items() if version}
        broken = isinstance(now, Conflict)
        if as_it_stands and ill.snapshot.is_complete:
            report = diagnose(ill.asked.replace(deep=False), ill.patient, ill.snapshot)
        else:
            report = self._supposing.judge(today, complete=self._whole and not broken)
        faults, left = self._curable(report)
        self._hopeless = frozenset(one.finding.key for one in left)
        if not faults and not broken and not self._wanted.upgrade:
            return self._told(report)
        ledger = self._ledger(versions)
        fixed = frozenset(self._wanted.keep)
        unknown = sorted(fixed - set(versions))
        if unknown:
            raise UsageError(f"--keep {unknown[0]}: is not among the {len(versions)} packages of this set")
        limited = {name for name, lines in ill.lines.items() if not ill.settled and any(line.specifier for line in lines)}
        held = frozenset(name for name in versions if self._is_held(name)) | fixed | limited
        case = Case(
            wishes=ill.wishes, limits=ill.limits, held=held, loose=frozenset(versions) - held if ill.settled else frozenset(),
            fixed=fixed, trained=open_trained(),
            ledger=ledger, environment=ill.environment, newest=self._wanted.upgrade,
        )  # fmt: skip
        search = Search(case, self._resolver, self._metadata, self._faults, self._teach)
        search.lessons.add(self._teach(today, {name for fault in faults for name in fault.packages} or set(versions)))
        self._say("planning")
        found = search.run(MOST)
        if not found:
            return self._impossible(report, search)
        self._say("writing")
        self._remarks += idle_limits(ill, self._resolver, self._faults)
        plans = list(self._plans(found, search, ledger, faults, left))
        if self._wanted.universal and plans:
            self._say("judging for other platforms")
            self._remarks += elsewhere(ill, plans[0], self._environ, self._opened)
        return self._told(report, plans=plans, rounds=search.rounds)

    def _plans(
        self, found: Iterable[Found], search: Search, ledger: Ledger, faults: tuple[Finding, ...], left: tuple[Left, ...]
    ) -> Iterator[Plan]:
        """Return the ways out that can be written into the file. Raises RepairError where none can."""
        failed: RepairError | None = None
        written = False
        for one in found:
            try:
                plan = self._plan(one, search, ledger, faults, left)
            except Unreachable:
                raise
            except RepairError as error:
                failed = error
                continue
            written = True
            if plan.moves or plan.changes:  # the newest set may be the one that is there
                yield plan
        if failed is not None and not written:
            raise failed

    def _impossible(self, report: Report, search: Search) -> Outcome:
        self._say("looking for the reason")
        last = search.free(self._ill.wishes)
        if not isinstance(last, Conflict):
            last = next(reversed(search.conflicts.values()))
        found = core(self._ill.wishes, last, search.free, lambda versions: not self._faults(versions))
        outcome = self._told(report, conflict=found.text or last.text, rounds=search.rounds)
        return outcome.replace(core=found)

    def _opened(self, ill: Ill) -> tuple[Resolver, Callable[[Mapping[str, str]], tuple[Finding, ...]]]:
        other = _Planner(ill, self._environ, self._wanted, self._say)
        return other._resolver, other._faults

    def _today(self) -> Union[Solution, Conflict]:
        """Return what the file gives today, as its installer would choose it."""
        ill = self._ill
        question = Question(wishes=ill.wishes, limits=ill.limits, prefer={})
        self._say("resolving")
        return self._resolver.solve(question)

    def _named(self) -> float:
        """Return which share of what its packages declare to need a file of pins names; 0 for other files.

        A file that names all of it lists what is installed, by whatever name it goes.
        """
        ill = self._ill
        if len(ill.wishes) < _LIST or any(not exact(wish.specifier or "") for wish in ill.wishes):
            return 0
        named = {wish.name for wish in ill.wishes}
        needed = {other for name, version in ill.now.items() for other in self._metadata.needs(name, version, ill.environment)}
        needed -= set(SEEDS)
        return len(needed & named) / len(needed) if needed else 0

    def _is_held(self, name: str) -> bool:
        """Tell whether a version stays unless a fault forces it: what the user named, and of a whole set all whose releases are known."""
        ill = self._ill
        if name in ill.lines and not ill.settled:
            return any(line.specifier for line in ill.lines[name])
        return ill.settled and self._metadata.knows(name)

    def _ledger(self, versions: Mapping[str, str]) -> Ledger:
        ill = self._ill
        needs = {name: self._metadata.needs(name, version, ill.environment) for name, version in versions.items()}
        return Ledger(
            pinned=ill.pinned & frozenset(versions),
            ranged=ill.ranged,
            now=versions,
            standing=ill.pinned if ill.listing is not None and not (ill.settled or ill.locked) else frozenset(versions),
            dependants={name: sum(1 for other in needs if name in needs[other]) for name in versions},
            releases={name: self._metadata.releases(name) for name in versions if self._metadata.knows(name)},
        )

    def _faults(self, versions: Mapping[str, str]) -> tuple[Finding, ...]:
        cures, left = self._curable(self._supposing.judge(versions, complete=self._whole))
        return (*cures, *(one.finding for one in left if one.finding.key not in self._hopeless))  # a repair brings no new error

    def _curable(self, report: Report) -> tuple[tuple[Finding, ...], tuple[Left, ...]]:
        """Return the errors that other versions can cure, and those that they cannot, with the reason."""
        cures, left = [], []
        for finding in report.findings:
            if finding.severity != "error":
                continue
            moves = not finding.remedies or any(remedy.require or remedy.remove for remedy in finding.remedies)
            if finding.packages and (moves or ("torch" in finding.packages and self._is_about_builds(finding.rule))):
                cures.append(finding)
            else:
                left.append(Left(finding=finding, why="no other version of a package changes it"))
        return tuple(cures), tuple(left)

    def _is_about_builds(self, rule: str) -> bool:
        return rule in self._book.ids and is_about_builds(self._book.head(rule).match)

    def _teach(self, versions: Mapping[str, str], about: Iterable[str]) -> Iterable[Lesson]:
        return self._teacher.lessons(self._supposing.snapshot(versions, complete=self._whole), frozenset(about))

    def _plan(self, found: Found, search: Search, ledger: Ledger, faults: tuple[Finding, ...], left: tuple[Left, ...]) -> Plan:
        ill = self._ill
        report = self._supposing.judge(found.versions, complete=self._whole)
        stays = {finding.key for finding in report.findings if finding.severity == "error"}
        moves = tuple(moved(found.versions, ledger.now, faults, Why(ill, self._metadata, search.lessons)))
        plan = Plan(
            moves=moves,
            solution={name: version for name, version in sorted(found.versions.items()) if version},
            resolves=tuple(fault for fault in faults if fault.key not in stays),
            leaves=left,
            verified="checked",
            cost=told(ledger, found.versions),
        )
        said = [other_build(faults, self._is_about_builds, self._supposing.facts, ill), hazard(ill)]
        plan = plan.replace(remarks=tuple(remark for remark in said if remark))
        if ill.listing is None:
            return plan
        writing = Writing(ill, found, ledger, search.lessons, Trial(self._resolver, self._faults))
        return plan.replace(changes=writing.changes())

    def _told(self, report: Report, *, plans: Iterable[Plan] = (), conflict: str = "", rounds: int = 0) -> Outcome:
        return Outcome(
            ill=self._ill, report=report, plans=tuple(plans), conflict=conflict, resolver=self._resolver.name, remarks=tuple(self._remarks),
            rounds=rounds,
        )  # fmt: skip


def _short(version: str) -> str:
    return ".".join(version.split(".")[:3])
