"""Invented releases, with what they declare and with faults that nobody declares; a resolver that tries every set, and all sets there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple

from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from envdoctor.knowledge.atlas.artefact import CompiledAtlas
from envdoctor.knowledge.atlas.compile import compile_atlas
from envdoctor.knowledge.atlas.text import AtlasText
from envdoctor.model.finding import Finding
from envdoctor.model.requirements import marker_variables
from envdoctor.model.surface import Surface
from envdoctor.repair.lessons import Lesson, Lessons, specifier
from envdoctor.repair.metadata import Metadata
from envdoctor.repair.question import Conflict, Question, Solution, Wish

NAMES = ("torch", "bee", "cat", "dog", "elk")
VERSIONS = ("1.0", "1.1", "2.0", "3.0")
LINUX = marker_variables("linux", "x86_64", "3.11")
_KNOWN: dict[tuple[str, str], bool] = {}


def admitted(told: str, version: str) -> bool:
    """Tell whether a specifier admits a version, by `packaging` alone."""
    known = _KNOWN.get((told, version))
    if known is None:
        known = _KNOWN[told, version] = SpecifierSet(told).contains(version, prereleases=True)
    return known


class Fault(NamedTuple):
    """These releases break beside those of another package; `beside` is empty where it is the other's absence that breaks them.

    Without a partner they break alone. `told` faults are known for all their releases at once, others only from the set that has them.
    """

    package: str
    versions: tuple[str, ...]
    partner: str
    beside: tuple[str, ...]
    told: bool

    def is_in(self, versions: Mapping[str, str]) -> bool:
        if versions.get(self.package) not in self.versions:
            return False
        if not self.partner:
            return True
        there = versions.get(self.partner)
        return there in self.beside if self.beside else there is None


class Universe(NamedTuple):
    releases: dict[str, tuple[str, ...]]
    declared: dict[tuple[str, str], dict[str, str]]
    faults: tuple[Fault, ...]
    wanted: dict[str, str]

    @property
    def wishes(self) -> tuple[Wish, ...]:
        return tuple(Wish(name=name, specifier=told) for name, told in self.wanted.items())

    def metadata(self) -> Metadata:
        return Metadata(atlas(self.releases, self.declared))

    def judge(self, versions: Mapping[str, str]) -> tuple[Finding, ...]:
        return tuple(finding(fault) for fault in self.faults if fault.is_in(versions))

    def teach(self, _: Mapping[str, str], about: Iterable[str]) -> Iterator[Lesson]:
        """Return what is known of these packages: of every release that a told fault speaks about."""
        focus = set(about)
        for fault in self.faults:
            if fault.told and not focus.isdisjoint((fault.package, fault.partner)):
                releases = self.releases.get(fault.partner, ())
                good = [place for place, version in enumerate(releases) if version not in fault.beside]
                for version in fault.versions:
                    yield Lesson(
                        package=fault.package, version=version, partner=fault.partner,
                        specifier=specifier(releases, good) if fault.partner else "", reason="told", rule="rule",
                    )  # fmt: skip

    def sets(self, wishes: Mapping[str, str]) -> list[dict[str, str]]:
        """Return all sets that keep these wishes and what is declared, and have no fault; also such with more than is needed."""
        choices = []
        for name, releases in self.releases.items():
            fit: list[str | None] = [one for one in releases if admitted(wishes.get(name, ""), one)]
            choices.append(fit if name in wishes else [None, *fit])
        found = []
        for combination in product(*choices):
            versions = {name: version for name, version in zip(self.releases, combination) if version is not None}
            if is_kept(self.declared, versions) and not any(fault.is_in(versions) for fault in self.faults):
                found.append(versions)
        return found


def is_kept(declared: Mapping[tuple[str, str], Mapping[str, str]], versions: Mapping[str, str]) -> bool:
    return all(
        other in versions and admitted(told, versions[other])
        for name, version in versions.items()
        for other, told in declared.get((name, version), {}).items()
    )


def finding(fault: Fault) -> Finding:
    packages = (fault.package, fault.partner) if fault.partner else (fault.package,)
    return Finding(
        rule="rule", title="", subject=fault.package, severity="error", declared_severity="error", impact="crash-at-import",
        confidence="certain", message=f"{fault.package} breaks", packages=packages,
    )  # fmt: skip


def atlas(
    releases: Mapping[str, Iterable[str]], declared: Mapping[tuple[str, str], Mapping[str, str]] | None = None, **more: Any
) -> CompiledAtlas:
    """Compile an atlas that knows nothing but releases and what they declare; `more` are further items of `tags` by package, or of all."""
    return CompiledAtlas(
        compile_atlas(
            AtlasText(package=name).with_surfaces(
                Surface(
                    package=name, version=version, date=f"2024-01-{place + 1:02}", yanked=(name, version) in more.get("yanked", ()),
                    sections={
                        "requires": {"": frozenset(lines)} if (lines := _lines(declared, name, version)) else {},
                        "tags": {"": frozenset(more.get("tags", {}).get((name, version), {"py3-none-any"}))},
                    },
                )
                for place, version in enumerate(versions)
            )
            for name, versions in releases.items()
        )
    )  # fmt: skip


def _lines(declared: Mapping[tuple[str, str], Mapping[str, str]] | None, name: str, version: str) -> list[str]:
    return [f"{other}{told}" for other, told in (declared or {}).get((name, version), {}).items()]


class Exact:
    """A resolver that tries every release, the preferred first, then the newest; where there is no set, it names a smallest core of it."""

    name = "every set"

    def __init__(self, universe: Universe) -> None:
        self._universe = universe
        self.calls = 0

    def solve(self, question: Question, lessons: Lessons | None = None) -> Solution | Conflict:
        self.calls += 1
        wanted = {wish.name: question.specifiers.get(wish.name, wish.specifier or "") for wish in question.wishes}
        found = self._first(wanted, question, lessons)
        if found is not None:
            return Solution(versions=found)
        core = dict(wanted)
        for name in wanted:
            without = {**core, name: ""}
            if self._first(without, question, lessons) is None:
                core = without
        return Conflict(names=frozenset(name for name, told in core.items() if told), text="no set")

    def _first(self, wanted: Mapping[str, str], question: Question, lessons: Lessons | None) -> dict[str, str] | None:
        asked: dict[str, list[str]] = {}
        for name, told in wanted.items():
            asked.setdefault(name, []).append(told)
        limits: dict[str, list[str]] = {}
        for name, told in question.limits:
            limits.setdefault(name, []).append(told)
        return self._complete({}, asked, limits, question.prefer, lessons)

    def _needs(self, name: str, version: str, lessons: Lessons | None) -> list[tuple[str, str]]:
        declared = list(self._universe.declared.get((name, version), {}).items())
        learnt = lessons.of(name, version) if lessons is not None else ()
        return declared + [(one.partner or name, one.specifier if one.partner else "<0") for one in learnt]

    def _complete(
        self,
        set_: dict[str, str],
        asked: dict[str, list[str]],
        limits: Mapping[str, list[str]],
        prefer: Mapping[str, str],
        lessons: Lessons | None,
    ) -> dict[str, str] | None:
        name = next((one for one in asked if one not in set_), None)
        if name is None:
            return set_
        newest_first = self._universe.releases.get(name, ())[::-1]
        for version in sorted(newest_first, key=lambda one: one != prefer.get(name)):
            if not all(admitted(told, version) for told in (*asked[name], *limits.get(name, ()))):
                continue
            more = {one: list(told) for one, told in asked.items()}
            here = {**set_, name: version}
            for other, told in self._needs(name, version, lessons):
                more.setdefault(other, []).append(told)
            if all(admitted(told, here[other]) for other, wants in more.items() if other in here for told in wants):
                found = self._complete(here, more, limits, prefer, lessons)
                if found is not None:
                    return found
        return None


@st.composite
def universes(draw: st.DrawFn, pins_only: bool = False) -> Universe:
    names = NAMES[: draw(st.integers(2, len(NAMES)))]
    releases = {name: VERSIONS[: draw(st.integers(1, len(VERSIONS)))] for name in names}
    declared: dict[tuple[str, str], dict[str, str]] = {}
    for name in names:
        for version in releases[name]:
            for other in names:
                if other != name and draw(st.integers(0, 6)) == 6:
                    told = draw(st.sampled_from(("", ">=", "<", "==", "!=")))
                    declared.setdefault((name, version), {})[other] = told and told + draw(st.sampled_from(releases[other]))
    wanted = {}
    for name in names:
        kind = draw(st.sampled_from(("pin",) if pins_only else ("pin", "pin", "range", "free", "")))
        if kind == "pin":
            wanted[name] = f"=={draw(st.sampled_from(releases[name]))}"
        elif kind:
            told = draw(st.sampled_from((">=", "<", "!=")))
            wanted[name] = told + draw(st.sampled_from(releases[name])) if kind == "range" else ""
    wanted = wanted or {names[0]: ""}
    # a lesson makes its partner come, so one that breaks by being there is taught only where it is there anyhow
    faults = []
    for _ in range(draw(st.integers(0, 4))):
        package = draw(st.sampled_from(names))
        versions = draw(_some(releases[package]))
        partner = draw(st.sampled_from([*(one for one in names if one != package), ""]))
        if not partner:
            faults.append(Fault(package, versions[:1], "", (), draw(st.booleans())))
        elif partner not in wanted or package not in wanted:
            faults.append(Fault(package, versions, partner, (), draw(st.booleans())))
        else:
            faults.append(Fault(package, versions, partner, draw(_some(releases[partner])), draw(st.booleans())))
    return Universe(releases, declared, tuple(faults), wanted)


def _some(versions: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(versions), min_size=1, max_size=3, unique=True).map(lambda found: tuple(sorted(found)))
