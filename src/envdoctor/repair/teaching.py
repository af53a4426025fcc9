"""Turns what the rule book and the atlas know into lessons for a resolver: for every release, not only for the one that is installed.

A resolver escapes to any release that nothing was said of, so a window is taught for all releases it speaks about. Rules and rows that
break no use which was asked for are not taught: a repair may move nothing for a warning's sake.
"""

from __future__ import annotations

from envdoctor.engine.evaluate import available, carried, resting_on
from envdoctor.engine.links import Surroundings, uses_of
from envdoctor.model.guards import mentions, parse
from envdoctor.model.modules import providers
from envdoctor.model.uses import DEFAULT_PURPOSE, PURPOSES
from envdoctor.repair.conditions import firing, named
from envdoctor.repair.lessons import Lesson, specifier
from envdoctor.repair.remarks import is_about_builds
from envdoctor.repair.worlds import Worlds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from envdoctor.knowledge.atlas.artefact import CompiledAtlas
    from envdoctor.knowledge.atlas.beside import Beside
    from envdoctor.knowledge.compiled import CompiledBook
    from envdoctor.model.snapshot import Snapshot
    from envdoctor.repair.conditions import Class

    ToldBy = tuple[str, str, Sequence[Mapping[str, str]]]  # rule, its subject, what its remedies require


class Teacher:
    """Knows a book and an atlas, either of which may be missing, and what the patient is for."""

    def __init__(
        self, book: CompiledBook | None, atlas: CompiledAtlas | None, purpose: str | None, skip: Callable[[str], str | None] | None = None
    ) -> None:
        self._book, self._atlas, self._skip = book, atlas, skip
        self._purpose = purpose or DEFAULT_PURPOSE

    def lessons(self, patient: Snapshot, focus: Collection[str]) -> Iterator[Lesson]:
        """Return what must be known of all releases of these packages, and of those that meet them, for this patient's other packages."""
        demanded = frozenset(use for use in PURPOSES[self._purpose] if available(use, patient))
        if self._book is not None:
            yield from self._of_rules(self._book, patient, frozenset(focus), demanded)
        if self._atlas is not None:
            yield from self._of_atlas(self._atlas, patient, frozenset(focus), demanded)

    def _releases(self, name: str) -> tuple[str, ...]:
        return self._atlas.versions(name) if self._atlas is not None and name in self._atlas.packages else ()

    def _of_rules(self, book: CompiledBook, patient: Snapshot, focus: frozenset[str], demanded: frozenset[str]) -> Iterator[Lesson]:
        for rule in book.ids:
            head = book.head(rule)
            if head.severity != "error" or (self._skip is not None and self._skip(rule) is not None):
                continue
            about = {name for name, _ in named(head.match)}
            if about.isdisjoint(focus) or ("torch" in about and is_about_builds(head.match)):
                continue  # what torch was built with changes with its release, so a fact of one says nothing of another
            uses = [use for use in resting_on(carried(head.uses, patient)) if available(use, patient)]
            if demanded.isdisjoint(uses or head.uses):
                continue
            names, found = firing(head.match, patient, {name: self._releases(name) for name in about})
            if found:
                about_whom = (rule, head.subject, [remedy.require for remedy in book.prose(rule).remedies])
                yield from self._clauses(about_whom, names, found, patient)

    def _clauses(self, told_by: ToldBy, names: tuple[str, ...], found: Sequence[tuple[Class, ...]], patient: Snapshot) -> Iterator[Lesson]:
        """Write what fires as lessons of one package about one other, the rest being as they are."""
        rule, subject, cures = told_by
        here = {name: one.version for name, one in patient.distributions.items()}
        varied = [place for place, name in enumerate(names) if name in here and any(combination[place] for combination in found)]
        if not varied:
            return
        absent = [place for place, name in enumerate(names) if name not in here]
        told = [name for cure in cures for name in cure]
        comes = [place for place in absent if names[place] in told]
        # torch comes in builds with labels of their own, so what it needs is taught of the other package
        known = {place: bool(self._releases(names[place])) for place in varied}
        holder = max(varied, key=lambda place: (names[place] != "torch", known[place], names[place] == subject, -place))
        others = [place for place in varied if place != holder]
        partner = next(iter(comes or others or absent), None)  # whose coming cures is the least to ask for
        bad: dict[Class, set[Class]] = {}
        for combination in found:
            others = [place for place in range(len(names)) if place not in (holder, partner)]
            if all(here.get(names[place]) in combination[place] if combination[place] else names[place] not in here for place in others):
                bad.setdefault(combination[holder], set()).add(combination[partner] if partner is not None else ())
        for versions, beside in bad.items():
            wanted = "" if partner is None else self._outside(names[partner], beside)
            for version in versions:
                yield Lesson(
                    package=names[holder], version=version, partner="" if partner is None else names[partner],
                    specifier=wanted, reason=rule, rule=rule,
                )  # fmt: skip

    def _outside(self, name: str, bad: set[Class]) -> str:
        """Return the specifier of all releases that lie in no bad class."""
        releases = self._releases(name)
        lost = {version.partition("+")[0] for same in bad for version in same}
        if not releases:
            return ",".join(f"!={version}" for version in sorted(lost))
        return specifier(releases, [place for place, version in enumerate(releases) if version not in lost])

    def _of_atlas(self, atlas: CompiledAtlas, patient: Snapshot, focus: frozenset[str], demanded: frozenset[str]) -> Iterator[Lesson]:
        links = atlas.beside(patient.distributions, patient.is_complete)
        surroundings = Surroundings(patient, links)
        known: dict[tuple[str, str], bool] = {}

        def matters(package: str, entry: str) -> bool:
            if (package, entry) not in known:
                known[package, entry] = not demanded.isdisjoint(uses_of(package, entry, links, surroundings))
            return known[package, entry]

        for package in atlas.packages:
            if package in patient.distributions:
                for module in dict.fromkeys(pair[0] for pair in atlas.pairs(package)):
                    partner = (atlas.named(module) or ("", ()))[0] or (providers(module) or ("",))[0]
                    if package in focus or partner in focus:
                        worlds = Worlds(atlas, patient, package, partner)
                        yield from _between(links, surroundings, (package, module, partner), matters, worlds)


def _between(
    links: Beside, surroundings: Surroundings, pair: tuple[str, str, str], matters: Callable[[str, str], bool], worlds: Worlds
) -> Iterator[Lesson]:
    """Return what each release of a package needs of one partner."""
    package, module, partner = pair
    states, rows = links.lacks(package, module)
    patient = worlds.patient
    own = patient.distributions.get(partner) if partner else None
    absent = 1 << len(states)
    bad: dict[int, tuple[int, str]] = {}
    for row in rows:
        if not matters(package, row.entry):
            continue
        beside = row.beside if partner and states else 0
        if row.guard and partner and states and mentions(parse(row.guard), (package, module, partner)):
            beside = worlds.holding(row.guard, row.holders, beside)
            if not beside:
                continue
        elif row.guard and surroundings.holds(row.guard) is not True:
            continue
        if partner and not states:  # in no atlas: it is there or it is not
            if own is not None or not patient.is_complete:
                continue
            beside, absent = 1, 1
        elif own is None and (not row.beside & absent or not patient.is_complete):
            continue
        if not partner and not row.beside:
            continue
        at = 0
        left = row.holders
        while left:
            if left & 1:
                known = bad.get(at)
                bad[at] = ((known[0] if known else 0) | beside, known[1] if known else f"{row.kind} {row.target}")
            left >>= 1
            at += 1
    versions = links.releases(package)
    for at, (beside, why) in sorted(bad.items()):
        if not partner:
            yield Lesson(package=package, version=versions[at], partner="", specifier="", reason=why, rule="")
            continue
        good = [place for place in range(len(states)) if not beside >> place & 1]
        if len(good) == len(states) and not (own is None and beside & absent):
            continue
        wanted = specifier(states, good) if states else ""
        yield Lesson(package=package, version=versions[at], partner=partner, specifier=wanted, reason=why, rule="")
