"""Solves without an index: resolvelib over the releases and requirements that the atlas knows.

What is not in the atlas stays as it is, or is left to the installer: nothing is known of its releases. Pure.
"""

from __future__ import annotations

from envdoctor.model.errors import RepairError
from envdoctor.repair.lessons import allows, is_final, plain
from envdoctor.repair.patient import exact
from envdoctor.repair.question import Conflict, Solution

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any, Union

    from envdoctor.repair.lessons import Lessons
    from envdoctor.repair.metadata import Metadata
    from envdoctor.repair.question import Question

    Asked = tuple[str, str]  # name, specifier
    Candidate = tuple[str, str]  # name, version; "" for one whose version is not known

_ROUNDS = 20_000


class Table:
    """A resolver over the atlas's own releases, judged for one environment of markers."""

    name = "the atlas's own list of releases"

    def __init__(self, metadata: Metadata, environment: Mapping[str, str]) -> None:
        self.metadata, self.environment = metadata, environment
        self.taken: dict[str, list[str]] = {}
        self.matched: dict[tuple[str, str | None, frozenset[str]], list[str]] = {}
        self.calls = 0

    def solve(self, question: Question, lessons: Lessons | None = None) -> Union[Solution, Conflict]:
        """Return a set of what is known, or why there is none. Raises RepairError where resolvelib is not installed."""
        try:
            from resolvelib import BaseReporter, ResolutionImpossible, Resolver
            from resolvelib.resolvers import ResolutionTooDeep
        except ModuleNotFoundError:
            raise RepairError('without an index the repair needs resolvelib; install it: pip install "envdoctor[fix]"') from None
        self.calls += 1
        provider: Any = _Provider(self, question, lessons)
        heard: list[Any] = []

        class Listening(BaseReporter):  # type: ignore[type-arg]
            def resolving_conflicts(self, causes: Any) -> None:
                heard.extend(causes)

        asked = [(wish.name, question.specifiers.get(wish.name, wish.specifier or "")) for wish in question.wishes]
        try:
            result: Any = Resolver(provider, Listening()).resolve(asked, max_rounds=_ROUNDS)
        except ResolutionImpossible as error:
            return Conflict(names=provider.behind([*heard, *error.causes]), text=_said(error.causes, provider.lost))
        except ResolutionTooDeep:
            return Conflict(names=frozenset(name for name, _ in asked), text=f"no set was found in {_ROUNDS} steps")
        return Solution(versions=dict(sorted(result.mapping.values())))


def _said(causes: Iterable[Any], lost: Mapping[str, set[str]]) -> str:
    said = []
    causes = list(causes)
    for cause in causes:
        (name, specifier), parent = cause.requirement, cause.parent
        if parent is None:
            said.append(f"you require {name}{specifier}")
        else:
            said.append(f"{parent[0]}{'==' + parent[1] if parent[1] else ''} depends on {name}{specifier}")
    for name in dict.fromkeys(cause.requirement[0] for cause in causes):
        if name in lost:
            said.append(f"no other release of {name} goes with your {', '.join(sorted(lost[name]))}")
    return "No solution found: " + ", and ".join(dict.fromkeys(said))


class _Provider:
    """What resolvelib asks: see its AbstractProvider. `taken` keeps the releases that may be taken, from one question to the next."""

    def __init__(self, table: Table, question: Question, lessons: Lessons | None) -> None:
        self._metadata, self._environment, self._taken = table.metadata, table.environment, table.taken
        self._matched = table.matched
        self._prefer, self._lessons = question.prefer, lessons
        self._limits: dict[str, list[str]] = {}
        self._depths: dict[str, int] = {}
        self._parents: dict[str, set[str]] = {}
        self.lost: dict[str, set[str]] = {}
        self._stand: dict[tuple[str, str], bool] = {}
        self._pins: dict[str, str] = {}
        for wish in question.wishes:
            pinned = exact(question.specifiers.get(wish.name, wish.specifier or ""))
            if pinned:
                self._pins[wish.name] = pinned
        for name, specifier in question.limits:
            self._limits.setdefault(name, []).append(specifier)

    def identify(self, requirement_or_candidate: tuple[str, str]) -> str:
        """Return the name."""
        return requirement_or_candidate[0]

    def get_preference(
        self, identifier: str, resolutions: Any, candidates: Any, information: Mapping[str, Iterable[Any]], backtrack_causes: Sequence[Any]
    ) -> tuple[bool, bool, int, str]:
        """Settle what just failed first, then what somebody pins, then what was asked for before what that brings."""
        failed = any(identifier in (cause.requirement[0], cause.parent and cause.parent[0]) for cause in backtrack_causes)
        pinned = any("==" in told.requirement[1] for told in information[identifier])
        parents = [told.parent for told in information[identifier]]
        depth = 0 if None in parents else 1 + min(self._depths.get(parent[0], 0) for parent in parents or [("", "")])
        self._depths[identifier] = depth
        return not failed, not pinned, depth, identifier

    def narrow_requirement_selection(self, identifiers: Iterable[str], *_: Any, **__: Any) -> Iterable[str]:
        """Leave the selection as it is."""
        return identifiers

    def find_matches(
        self, identifier: str, requirements: Mapping[str, Iterator[Asked]], incompatibilities: Mapping[str, Iterator[Candidate]]
    ) -> list[Candidate]:
        """Return the releases that meet all that is asked: the preferred one first, then from the newest on."""
        asked = {specifier for _, specifier in requirements[identifier]}
        asked.update(self._limits.get(identifier, ()))
        mark = (identifier, self._prefer.get(identifier), frozenset(asked - {""}))
        fit = self._matched.get(mark)
        if fit is None:
            specifiers = sorted(mark[2])
            fit = [one for one in self._releases(identifier, specifiers) if all(allows(told, one) for told in specifiers)]
            fit.sort(key=lambda one: mark[1] is None or one != mark[1])
            self._matched[mark] = fit
        refused = {version for _, version in incompatibilities[identifier]}
        free = identifier not in self._pins
        return [(identifier, one) for one in fit if one not in refused and not (free and not self._stands(identifier, one))]

    def _stands(self, name: str, version: str) -> bool:
        """Tell whether a release can stand beside all pins; what cannot is not tried, for resolvelib tries it again under every choice."""
        known = self._stand.get((name, version))
        if known is None:
            against = {
                other
                for other, specifier in self._asked_by(name, version)
                if (other in self._pins and not allows(specifier, self._pins[other])) or other == name
            }
            known = self._stand[name, version] = not against
            if against - {name}:
                self.lost.setdefault(name, set()).update(against - {name})
                self._parents.setdefault(name, set()).update(against - {name})
        return known

    def _releases(self, name: str, specifiers: Sequence[str]) -> list[str]:
        preferred = self._prefer.get(name)
        known = self._metadata.releases(name)
        pinned = next((s[2:].strip() for told in specifiers for s in told.split(",") if s.startswith("==") and "*" not in s), None)
        if not known:
            return [pinned or preferred or ""]
        found = self._fit(name)
        # a build with a label, a yanked release or one that is not known yet: who has it keeps it
        more = [one for one in (preferred, pinned) if one and one not in found]
        return [*dict.fromkeys(more), *[one for one in found if not any(plain(other) == one for other in more)]]

    def _fit(self, name: str) -> list[str]:
        """Return the releases that may be taken at all, from the newest on."""
        found = self._taken.get(name)
        if found is None:
            lost, python = self._metadata.yanked(name), self._environment["python_full_version"]
            fit = [one for one in self._metadata.releases(name) if is_final(one) and one not in lost]
            found = self._taken[name] = [one for one in reversed(fit) if allows(self._metadata.python(name, one), python)]
        return found

    def is_satisfied_by(self, requirement: Asked, candidate: Candidate) -> bool:
        """Tell whether a release meets what is asked."""
        return not candidate[1] or allows(requirement[1], candidate[1])

    def get_dependencies(self, candidate: Candidate) -> list[Asked]:
        """Return what a release declares to need, and what was learnt of it."""
        name, version = candidate
        if not version:
            return []
        needs = self._asked_by(name, version)
        for other, _ in needs:
            self._parents.setdefault(other, set()).add(name)
        return needs

    def _asked_by(self, name: str, version: str) -> list[Asked]:
        needs = list(self._metadata.needs(name, version, self._environment).items()) if version else []
        for lesson in self._lessons.of(name, version) if self._lessons is not None else ():
            needs.append((lesson.partner or name, lesson.specifier if lesson.partner else "<0"))
        return needs

    def behind(self, causes: Iterable[Any]) -> frozenset[str]:
        """Return the packages of conflicts, with all that ever asked for one of them.

        resolvelib tells why the last try failed, not who had narrowed down what was left to try.
        """
        found: set[str] = set()
        waiting = {name for cause in causes for name in (cause.requirement[0], cause.parent and cause.parent[0]) if name}
        while waiting:
            found |= waiting
            waiting = {parent for name in waiting for parent in self._parents.get(name, ())} - found
        return frozenset(found)
