"""Finds the repair that changes least: gives up as few of the user's versions as it must, asking a resolver for the rest.

Every version that is held is tried first. Where the resolver proves that they cannot stand together, each package of the proof is given up
in turn, the cheapest choice first, so that the first set found is the cheapest one. A set that the book finds fault with teaches the
resolver, and the same choice is asked again. Pure but for the resolver and the judge that it is handed.
"""

from __future__ import annotations

import heapq

from envdoctor.knowledge.trained import Trained
from envdoctor.model.record import Record
from envdoctor.model.versions import key
from envdoctor.repair.lessons import Lesson, Lessons, allows, is_final, kept, nearest, plain, told_short
from envdoctor.repair.question import Conflict, Question, Solution

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Union

    from envdoctor.model.finding import Finding
    from envdoctor.repair.cost import Cost, Ledger
    from envdoctor.repair.metadata import Metadata
    from envdoctor.repair.question import Resolver, Wish

    Choice = frozenset[str]
    Judge = Callable[[Mapping[str, str]], tuple[Finding, ...]]  # versions to the faults that a move can cure
    Teach = Callable[[Mapping[str, str], Iterable[str]], Iterable[Lesson]]  # versions and packages to what is known of these

_ROUNDS = 24
"""How often one choice is asked again with what was learnt; every round forbids at least one set, and two are usual."""
_CHOICES = 200
"""Choices that are tried at most before the best set so far counts."""
_SHAPE = 4
"""Parts of a cost that say how much changes; those after them say how far."""
_ANCHORS = 3
"""Releases that were trained with that are tried for a package that was left open."""
_MORE = 4
"""Questions asked for other ways out, once there is one."""
_TRIES = 10
"""Releases of one package that are tried, the nearest first, before the resolver's own choice stands."""


class Found(Record):
    """A set without faults, what it costs, and the held names that were given up for it.

    `anchors` are versions that were chosen because they were trained with: another one would pass the book too.
    """

    versions: Mapping[str, str]
    lines: Mapping[str, str]
    cost: Cost
    given_up: frozenset[str]
    anchors: Mapping[str, str] = {}


class Case(Record):
    """What is searched for.

    `held` are the names whose versions stay unless there is no other way, `fixed` those of them that never move, `loose` those whose
    versions are only preferred. `limits` are the user's constraints; `environment` judges markers. `newest` asks for the newest set without
    faults instead of the nearest one.
    """

    wishes: tuple[Wish, ...]
    limits: tuple[tuple[str, str], ...] = ()
    loose: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    fixed: frozenset[str] = frozenset()
    ledger: Ledger
    environment: Mapping[str, str]
    newest: bool = False
    trained: Trained = Trained()


class Search:
    """One patient's search."""

    def __init__(self, case: Case, resolver: Resolver, metadata: Metadata, judge: Judge, teach: Teach) -> None:
        self._resolver, self._metadata, self._judge, self._teach = resolver, metadata, judge, teach
        self._wishes, self._held, self._ledger = case.wishes, case.held, case.ledger
        self._limits, self._loose, self._fixed = case.limits, case.loose, case.fixed
        self._environment, self._newest, self._trained = case.environment, case.newest, case.trained
        self.lessons = Lessons()
        self.conflicts: dict[Choice, Conflict] = {}
        self.rounds = 0
        self._bearing: dict[tuple[str, frozenset[tuple[str, str]], int], list[str]] = {}

    def run(self, most: int = 3) -> list[Found]:
        """Return up to `most` sets that give different versions up, the cheapest first; none where there is no set at all."""
        start = self._held - self._fixed if self._newest else frozenset()
        todo: list[tuple[Cost, int, Choice]] = [(self._ledger.weight(start), 0, start)]
        seen: set[Choice] = {start}
        found: list[Found] = []
        first = 0
        for _ in range(_CHOICES):
            if not todo or (len(found) >= most and todo[0][0] > max(one.cost for one in found[:most])):
                break
            if found and self.rounds - first > _MORE:
                break
            _, _, choice = heapq.heappop(todo)
            if any(one.given_up < choice for one in found):
                continue  # what was enough needs no more
            clash = self._clash(choice)
            answer = self._settle(choice, {}) if clash is None else clash
            if isinstance(answer, Found):
                better = self._nearer(answer, choice)
                first = first or self.rounds
                if all(one.given_up != better.given_up or one.versions != better.versions for one in found):
                    found.append(better)
                    found.sort(key=lambda one: one.cost)
                continue
            self.conflicts[choice] = answer
            for name in sorted(answer.names & self._held - self._fixed - choice):
                wider = choice | {name}
                if wider not in seen:
                    seen.add(wider)
                    heapq.heappush(todo, (self._ledger.weight(wider), len(seen), wider))
        return found[:most]

    def free(self, wishes: tuple[Wish, ...]) -> Union[Solution, Conflict]:
        """Return a set for some of the requirements with every version free that may move, or why there is none."""
        asked = self.question(self._held - self._fixed, {})
        return self._resolver.solve(asked.replace(wishes=wishes, prefer=self._ledger.now), self.lessons)

    def _clash(self, choice: Choice) -> Conflict | None:
        """Return why held packages certainly cannot all stay when these are given up, without asking the resolver; None for none known."""
        now = self._ledger.now
        stay = {name: now[name] for name in sorted(self._held - choice - self._ledger.ranged) if name in now}
        for name, version in stay.items():
            for lesson in self.lessons.of(name, version):
                if not lesson.partner:
                    return Conflict(names=frozenset({name}), text=f"{name} {version} cannot be taken here: {lesson.reason}")
                if lesson.partner in stay and not kept(lesson, stay):
                    return _between(name, version, lesson.partner, stay[lesson.partner], lesson.specifier)
            needs = self._metadata.needs(name, version, self._environment)
            for other, specifier in needs.items():
                if other in stay and not allows(specifier, stay[other]):
                    return _between(name, version, other, stay[other], specifier)
        for name in sorted(choice):
            releases = self._metadata.releases(name)
            if releases and not self._borne(name, stay):
                others = frozenset(other for other in stay if len(self._borne(name, {other: stay[other]})) < len(releases))
                told = ", ".join(f"{other} {stay[other]}" for other in sorted(others))
                return Conflict(names=others, text=f"no release of {name} goes with {told} all at once")
        return None

    def question(self, choice: Choice, fixed: Mapping[str, str]) -> Question:
        """Return what the resolver is asked when some held names are given up, and some versions are set."""
        specifiers = {}
        limits = [(name, specifier) for name, specifier in self._limits if name not in choice]
        wished = {wish.name for wish in self._wishes}
        for wish in self._wishes:
            if wish.name in fixed:
                specifiers[wish.name] = f"=={fixed[wish.name]}"
            elif wish.name in choice or wish.name in self._loose:
                specifiers[wish.name] = ""
            elif wish.name in self._held and wish.name in self._ledger.now and wish.name not in self._ledger.ranged:
                specifiers[wish.name] = f"=={self._ledger.now[wish.name]}"
        for name, version in fixed.items():
            if name not in wished:
                limits.append((name, f"=={version}"))
        limits += self._known(fixed)
        prefer = {} if self._newest else {name: version for name, version in self._ledger.now.items() if name not in choice}
        return Question(wishes=self._wishes, limits=tuple(limits), specifiers=specifiers, prefer=prefer, newest=self._newest)

    def _known(self, fixed: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Keep what moves among the releases that are known: nothing can be said of any other."""
        for name, now in self._ledger.now.items():
            releases = self._metadata.releases(name)
            if releases and name not in fixed:
                inside = allows(f">={releases[0]},<={releases[-1]}", now)
                yield name, f">={releases[0]},<={releases[-1]}" if inside else f">={min(releases[0], now, key=key)}"

    def _settle(self, choice: Choice, fixed: Mapping[str, str]) -> Union[Found, Conflict]:
        """Ask until a set has no fault, or none is left."""
        for _ in range(_ROUNDS):
            self.rounds += 1
            answer = self._resolver.solve(self.question(choice, fixed), self.lessons)
            if isinstance(answer, Conflict):
                return answer
            faults = self._judge(answer.versions)
            if not faults:
                return self._found(answer, choice)
            about = {name for fault in faults for name in fault.packages}
            self.lessons.add(self._teach(answer.versions, about))
            if not self.lessons.broken(answer.versions):
                self.lessons.add(_as_they_are(faults, answer.versions))
        names = frozenset(name for fault in faults for name in fault.packages)
        return Conflict(names=names, text="; ".join(fault.message for fault in faults))

    def _found(self, answer: Solution, choice: Choice) -> Found:
        ledger = self._ledger
        moved = frozenset(name for name in choice if ledger.now.get(name) != answer.versions.get(name))
        return Found(versions=answer.versions, lines=answer.lines, cost=ledger.cost(answer.versions, moved), given_up=moved)

    def _nearer(self, found: Found, choice: Choice) -> Found:
        """Move what was given up no further than it must."""
        if self._newest:
            return found
        fixed: dict[str, str] = {}
        best = found
        for name in sorted(choice & set(best.versions), key=lambda name: self._ledger.weight((name,)), reverse=True):
            here = best.versions[name]
            now = self._ledger.now.get(name)
            for version in self._to_try(name, best.versions, choice, fixed):
                if plain(version) == plain(here):
                    break
                answer = self._settle(choice, {**fixed, name: version})
                if isinstance(answer, Found) and (answer.cost <= best.cost or self._is_as_near(answer, best, name)):
                    best = answer
                    break
            if now is not None:
                fixed[name] = best.versions.get(name, here)
        for name in [name for name, version in best.versions.items() if self._ledger.now.get(name) not in (None, version)]:
            if name in choice or name in fixed or not self._could_stay(name, best.versions):
                continue
            answer = self._settle(choice, {**fixed, name: self._ledger.now[name]})
            if isinstance(answer, Found) and answer.cost < best.cost and self._only_stays(answer, best):
                best = answer
        return self._anchored(best, choice, fixed)

    def _anchored(self, found: Found, choice: Choice, fixed: Mapping[str, str]) -> Found:
        """Take releases that were trained with for what moves though the user left it open: else the newest that passes is taken."""
        anchors: dict[str, str] = {}
        best = found
        for name, version in found.versions.items():
            if name in choice or name in fixed or self._ledger.now.get(name) in (None, version):
                continue
            kin = self._kin(name, best.versions)
            if not self._forcing(name, best.versions) or self._trained.beside(name, best.versions[name], kin):
                continue
            for tried in self._to_try(name, best.versions, choice, {**fixed, **anchors})[:_ANCHORS]:
                if not self._trained.beside(name, tried, kin):
                    break
                answer = self._settle(choice, {**fixed, **anchors, name: tried})
                if isinstance(answer, Found) and self._is_as_near(answer, best, name):
                    best = answer
                    anchors[name] = tried
                    break
        return best.replace(anchors=anchors)

    def _is_as_near(self, found: Found, before: Found, name: str) -> bool:
        """Tell whether one set changes no more than another, and moves nothing further but one package."""
        if found.cost[:_SHAPE] > before.cost[:_SHAPE]:
            return False
        distance = self._ledger.distance
        both = [other for other in found.versions if other != name and other in before.versions]
        return all(distance(other, found.versions[other]) <= distance(other, before.versions[other]) for other in both)

    def _only_stays(self, found: Found, before: Found) -> bool:
        """Tell whether one set differs from another only in what stays as it is, and in what comes with that."""
        now = self._ledger.now
        return all(before.versions.get(name, version) == version or version == now.get(name) for name, version in found.versions.items())

    def _could_stay(self, name: str, versions: Mapping[str, str]) -> bool:
        """Tell whether nothing known of a set keeps one package from staying as it is."""
        others = {other: version for other, version in versions.items() if other != name}
        known = self._metadata.releases(name)
        now = plain(self._ledger.now[name])
        return not known or now not in known or now in self._borne(name, others)

    def _to_try(self, name: str, versions: Mapping[str, str], choice: Choice, fixed: Mapping[str, str]) -> list[str]:
        """Return releases of a given-up package that what is held would bear, the nearest first."""
        releases = self._metadata.releases(name)
        others = {other: fixed.get(other, version) for other, version in versions.items() if other not in choice or other in fixed}
        others = {other: version for other, version in others.items() if other != name and other in self._held}
        lost = self._metadata.yanked(name)
        fit = [one for one in self._borne(name, others) if one not in lost and is_final(one)]
        order = nearest(releases, self._ledger.now.get(name), fit, self._is_behind(name, versions))
        kin = self._kin(name, versions)
        order.sort(key=lambda one: not self._trained.beside(name, one, kin))
        return order[:_TRIES]

    def _kin(self, name: str, versions: Mapping[str, str]) -> dict[str, str]:
        """Return all of a set that a package needs or that need it, as far as sets that trained tell of them."""
        own = self._metadata.needs(name, versions.get(name, ""), self._environment)
        found = {lesson.partner for lesson in self.lessons.of(name, versions.get(name, ""))}
        for other, there in versions.items():
            if name in self._metadata.needs(other, there, self._environment) or any(
                one.partner == name for one in self.lessons.of(other, there)
            ):
                found.add(other)
        return {other: versions[other] for other in sorted({*found, *own}) if other in versions and other in self._trained.names}

    def _forcing(self, name: str, versions: Mapping[str, str]) -> dict[str, str]:
        """Return those of a set that a package cannot stay as it is beside."""
        now = self._ledger.now.get(name)
        if now is None:
            return {}
        broken = self.lessons.broken({**versions, name: now})
        about = [lesson for lesson in broken if name in (lesson.package, lesson.partner)]
        others = {one for lesson in about for one in (lesson.package, lesson.partner)} - {name, ""}
        return {other: versions[other] for other in sorted(others) if other in versions}

    def _is_behind(self, name: str, versions: Mapping[str, str]) -> bool:
        """Tell whether a package is older than those that it cannot stay beside: then its later releases are the likelier to fit."""
        now = self._ledger.now.get(name)
        if now is None:
            return True
        dates = [self._metadata.date(other, version) for other, version in self._forcing(name, versions).items()]
        return not dates or self._metadata.date(name, now) <= max(dates)

    def _borne(self, name: str, others: Mapping[str, str]) -> list[str]:
        """Return the releases of a package of which nothing known says that they cannot stand beside some others, the oldest first."""
        mark = (name, frozenset(others.items()), self.lessons.count)
        known = self._bearing.get(mark)
        if known is not None:
            return known
        found: list[str] = []
        self._bearing[mark] = found
        told = [lesson.specifier for other, there in others.items() for lesson in self.lessons.of(other, there) if lesson.partner == name]
        told += [self._metadata.needs(other, there, self._environment).get(name, "") for other, there in others.items()]
        asked = {specifier for specifier in told if specifier}
        for version in self._metadata.releases(name):
            if not all(allows(specifier, version) for specifier in asked):
                continue
            lessons = list(self.lessons.of(name, version))
            if any(not lesson.partner or (lesson.partner in others and not kept(lesson, others)) for lesson in lessons):
                continue
            needs = self._metadata.needs(name, version, self._environment)
            if all(allows(needs[other], there) for other, there in others.items() if other in needs):
                found.append(version)
        return found


def _between(name: str, version: str, other: str, there: str, specifier: str) -> Conflict:
    return Conflict(names=frozenset({name, other}), text=f"{name} {version} needs {other}{told_short(specifier)}, and {other} is {there}")


def _as_they_are(faults: Iterable[Finding], versions: Mapping[str, str]) -> list[Lesson]:
    """Return, for faults that nothing more general is known of, that these very versions do not go together."""
    found = []
    for fault in faults:
        there = [name for name in fault.packages if name in versions]
        absent = [name for name in fault.packages if name not in versions]
        if not there:
            continue
        holder = there[-1] if len(there) > 1 and there[0] == "torch" else there[0]
        others = [name for name in there if name != holder]
        partner = others[0] if others else absent[0] if absent else ""
        wanted = f"!={plain(versions[partner])}" if partner in versions else ""
        found.append(
            Lesson(package=holder, version=versions[holder], partner=partner, specifier=wanted, reason=fault.message, rule=fault.rule)
        )
    return found
