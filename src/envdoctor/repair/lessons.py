"""What single releases need that their metadata does not say: what a resolver is taught. Pure: sets of versions and specifiers.

A lesson is about one release of one package: beside it another package must lie in a specifier, must be there at all, or the release can
never be taken here. It never changes what any other release needs.
"""

from __future__ import annotations

from envdoctor.model.record import Record
from envdoctor.model.versions import InvalidSpecifier, InvalidVersion, admits, key, window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

NEVER = "<0"
"""A specifier that no release is in: beside this one nothing of the other package can be had."""


class Lesson(Record):
    """One release, and what it needs of a partner; `partner` is "" for a release that cannot be taken at all."""

    package: str
    version: str
    partner: str
    specifier: str
    reason: str
    rule: str


class Lessons:
    """All that was learnt, by release. Every addition is told once: `add` says what was new."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], dict[tuple[str, str], Lesson]] = {}
        self.count = 0

    def add(self, lessons: Iterable[Lesson]) -> int:
        """Take lessons in, and return how many were not known."""
        new = 0
        for lesson in lessons:
            known = self._found.setdefault((lesson.package, plain(lesson.version)), {})
            if (lesson.partner, lesson.specifier) not in known:
                known[lesson.partner, lesson.specifier] = lesson
                new += 1
        self.count += new
        return new

    def of(self, package: str, version: str) -> Iterator[Lesson]:
        """Return what one release needs."""
        yield from self._found.get((package, plain(version)), {}).values()

    def all(self) -> Iterator[tuple[str, str, list[Lesson]]]:
        """Return each release that something was learnt of, sorted, with its lessons."""
        for package, version in sorted(self._found):
            yield package, version, list(self._found[package, version].values())

    def broken(self, versions: Mapping[str, str]) -> list[Lesson]:
        """Return the lessons that a set of versions does not keep."""
        return [lesson for name, version in versions.items() for lesson in self.of(name, version) if not kept(lesson, versions)]


def kept(lesson: Lesson, versions: Mapping[str, str]) -> bool:
    """Tell whether a set that holds the lesson's release gives it what it needs."""
    if not lesson.partner:
        return False
    there = versions.get(lesson.partner)
    return there is not None and (allows(lesson.specifier, there))


def allows(specifier: str, version: str) -> bool:
    """Tell whether a specifier admits a version; what is no specifier, or no version, forbids nothing."""
    try:
        return not specifier or not version or admits(window(specifier), version)
    except (InvalidSpecifier, InvalidVersion):
        return True


def plain(version: str) -> str:
    """Return a version without its local label: a build does not change what a release needs."""
    return version.partition("+")[0]


def specifier(versions: Sequence[str], good: Collection[int]) -> str:
    """Return the specifier that admits exactly these places of a sorted list of releases; NEVER for none.

    Later releases than the last one are admitted if it is. Releases that are left out between good ones are named one by one.

    >>> specifier(("1.0", "1.1", "1.2", "2.0"), {1, 2})
    '>=1.1,<2.0'
    >>> specifier(("1.0", "1.1", "1.2", "2.0"), {0, 2, 3})
    '!=1.1'
    """
    if not good:
        return NEVER
    low, high = min(good), max(good)
    parts = [f">={versions[low]}"] if low else []
    if high + 1 < len(versions):
        below = f"<{versions[high + 1]}"
        parts.append(below if allows(below, versions[high]) else f"<={versions[high]}")  # <1.0 leaves 1.0rc1 out
    parts += [f"!={versions[place]}" for place in range(low, high) if place not in good]
    return ",".join(parts)


def told_short(specifier: str) -> str:
    """Return a specifier for people: of many releases that are left out one by one, only how many they are.

    >>> told_short(">=4.0,<5.0,!=4.1"), told_short("!=1,!=2,!=3,!=4,<5")
    ('>=4.0,<5.0,!=4.1', '<5 (but for 4 releases)')
    """
    clauses = [clause for clause in specifier.split(",") if clause]
    out = [clause for clause in clauses if clause.startswith("!=")]
    if len(out) < 4:
        return specifier
    return f"{','.join(clause for clause in clauses if clause not in out)} (but for {len(out)} releases)"


def series(version: str) -> tuple[object, ...]:
    """Return what the patches of a release share: epoch, major and minor number.

    >>> series("4.57.6") == series("4.57.0"), series("4.57.6") == series("4.56.2")
    (True, False)
    """
    at = key(version)
    return (at[0], (*at[1], 0, 0)[:2])


def nearest(versions: Sequence[str], here: str | None, fit: Collection[str], forward: bool = True) -> list[str]:
    """Return releases in the order in which to try them: the nearest series first, and of two the later; in each the newest first.

    `versions` are all, the oldest first; `fit` those that may be tried; without `here` the newest comes first. All releases of the one
    direction come before those of the other: later ones, or with `forward` unset earlier ones. Pre-releases are left out, but for those of
    the series of `here`.

    >>> nearest(("1.0", "1.1", "2.0", "2.0.1", "3.0"), "1.1", {"1.0", "2.0", "2.0.1", "3.0"})
    ['2.0.1', '2.0', '3.0', '1.0']
    """
    order = list(dict.fromkeys(series(one) for one in versions))
    if here is None:
        at = len(order)
    else:
        own = series(here)
        at = order.index(own) if own in order else sum(1 for one in order if one < own)
    latest: dict[object, list[str]] = {}
    for one in versions:
        if one in fit and (is_final(one) or (here is not None and series(one) == series(here))):
            latest.setdefault(series(one), []).append(one)

    def distance(group: object) -> tuple[bool, int]:
        place = order.index(group)  # type: ignore[arg-type]
        against = place < at if forward else place > at
        return here is not None and against, abs(place - at)

    return [one for group in sorted(latest, key=distance) for one in reversed(latest[group])]


def is_final(version: str) -> bool:
    """Tell whether a release is neither a pre-release nor a development one."""
    at = key(version)
    return bool(at[2] == (9, 0) and at[4] == float("inf"))
