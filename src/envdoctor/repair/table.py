"""Solves without an index: resolvelib over the releases and requirements that the atlas knows.

What is not in the atlas stays as it is, or is left to the installer: nothing is known of its releases. Pure.
"""

from __future__ import annotations

from envdoctor.model.errors import RepairError
from envdoctor.repair.lessons import allows, is_final, plain
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
        self._metadata, self._environment = metadata, environment
        self.calls = 0

    def solve(self, question: Question, lessons: Lessons | None = None) -> Union[Solution, Conflict]:
        """Return a set of what is known, or why there is none. Raises RepairError where resolvelib is not installed."""
        try:
            from resolvelib import BaseReporter, ResolutionImpossible, Resolver
            from resolvelib.resolvers import ResolutionTooDeep
        except ModuleNotFoundError:
            raise RepairError('without an index the repair needs resolvelib; install it: pip install "envdoctor[fix]"') from None
        self.calls += 1
        provider: Any = _Provider(self._metadata, self._environment, question, lessons)
        asked = [(wish.name, question.specifiers.get(wish.name, wish.specifier or "")) for wish in question.wishes]
        try:
            result: Any = Resolver(provider, BaseReporter()).resolve(asked, max_rounds=_ROUNDS)
        except ResolutionImpossible as error:
            return _conflict(list(error.causes))
        except ResolutionTooDeep:
            return Conflict(names=frozenset(name for name, _ in asked), text=f"no set was found in {_ROUNDS} steps")
        found = {name: version for name, version in result.mapping.values() if version}
        return Solution(versions=dict(sorted(found.items())))


def _conflict(causes: Sequence[Any]) -> Conflict:
    names = set()
    said = []
    for cause in causes:
        (name, specifier), parent = cause.requirement, cause.parent
        names.add(name)
        if parent is None:
            said.append(f"you require {name}{specifier}")
        else:
            names.add(parent[0])
            said.append(f"{parent[0]}{'==' + parent[1] if parent[1] else ''} depends on {name}{specifier}")
    return Conflict(names=frozenset(names), text="No solution found: " + ", and ".join(dict.fromkeys(said)))


class _Provider:
    """What resolvelib asks: see its AbstractProvider."""

    def __init__(self, metadata: Metadata, environment: Mapping[str, str], question: Question, lessons: Lessons | None) -> None:
        self._metadata, self._environment, self._prefer, self._lessons = metadata, environment, question.prefer, lessons
        self._limits: dict[str, list[str]] = {}
        for name, specifier in question.limits:
            self._limits.setdefault(name, []).append(specifier)

    def identify(self, requirement_or_candidate: tuple[str, str]) -> str:
        """Return the name."""
        return requirement_or_candidate[0]

    def get_preference(
        self, identifier: str, resolutions: Any, candidates: Any, information: Mapping[str, Iterable[Any]], backtrack_causes: Sequence[Any]
    ) -> tuple[bool, bool, str]:
        """Settle what just failed first, then what somebody pins."""
        failed = any(identifier in (cause.requirement[0], cause.parent and cause.parent[0]) for cause in backtrack_causes)
        pinned = any("==" in told.requirement[1] for told in information[identifier])
        return not failed, not pinned, identifier

    def narrow_requirement_selection(self, identifiers: Iterable[str], *_: Any, **__: Any) -> Iterable[str]:
        """Leave the selection as it is."""
        return identifiers

    def find_matches(
        self, identifier: str, requirements: Mapping[str, Iterator[Asked]], incompatibilities: Mapping[str, Iterator[Candidate]]
    ) -> list[Candidate]:
        """Return the releases that meet all that is asked: the preferred one first, then from the newest on."""
        specifiers = [specifier for _, specifier in requirements[identifier]] + self._limits.get(identifier, [])
        refused = {version for _, version in incompatibilities[identifier]}
        fit = [one for one in self._releases(identifier, specifiers) if one not in refused and all(allows(s, one) for s in specifiers)]
        preferred = self._prefer.get(identifier)
        fit.sort(key=lambda one: preferred is None or one != preferred)
        return [(identifier, version) for version in fit]

    def _releases(self, name: str, specifiers: Sequence[str]) -> list[str]:
        preferred = self._prefer.get(name)
        known = self._metadata.releases(name)
        pinned = next((s[2:].strip() for told in specifiers for s in told.split(",") if s.startswith("==") and "*" not in s), None)
        if not known:
            return [pinned or preferred or ""]
        lost = self._metadata.yanked(name)
        python = self._environment["python_full_version"]
        found = [
            one
            for one in reversed(known)
            if is_final(one) and one not in lost and allows(self._metadata.python(name, one), python)
        ]  # fmt: skip
        # a build with a label, a yanked release or one that is not known yet: who has it keeps it
        more = [one for one in (preferred, pinned) if one and one not in found]
        return [*dict.fromkeys(more), *[one for one in found if not any(plain(other) == one for other in more)]]

    def is_satisfied_by(self, requirement: Asked, candidate: Candidate) -> bool:
        """Tell whether a release meets what is asked."""
        return not candidate[1] or allows(requirement[1], candidate[1])

    def get_dependencies(self, candidate: Candidate) -> list[Asked]:
        """Return what a release declares to need, and what was learnt of it."""
        name, version = candidate
        if not version:
            return []
        needs = list(self._metadata.needs(name, version, self._environment).items())
        for lesson in self._lessons.of(name, version) if self._lessons is not None else ():
            needs.append((lesson.partner or name, lesson.specifier if lesson.partner else "<0"))
        return needs
