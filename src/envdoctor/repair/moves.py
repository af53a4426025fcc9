"""What moves on the way from one set to another, each with its reason in a few words. Pure."""

from __future__ import annotations

from typing import NamedTuple

from envdoctor.model.plan import Move
from envdoctor.repair.lessons import NEVER, allows, kept, plain, told_short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from envdoctor.model.finding import Finding
    from envdoctor.repair.lessons import Lessons
    from envdoctor.repair.metadata import Metadata
    from envdoctor.repair.patient import Ill

_MOST = 2  # reasons of one move
_MANY = 4  # releases left out one by one


class Why(NamedTuple):
    """What reasons are taken from."""

    ill: Ill
    metadata: Metadata
    lessons: Lessons


def moved(versions: Mapping[str, str], now: Mapping[str, str], faults: Sequence[Finding], why: Why) -> Iterator[Move]:
    """Return every package whose version changes, that comes, or that goes, sorted by name."""
    for name in sorted({*versions, *now}):
        old, new = now.get(name), versions.get(name)
        if new in (old, "") or (old is not None and new is not None and plain(old) == plain(new) and "+" not in old):
            continue
        direct = [fault for fault in faults if name in fault.packages]
        because = _follows(name, old, new, versions, why) or [fault.message for fault in direct]
        yield Move(
            name=name, old=old, new=new, because=tuple(dict.fromkeys(because)), rules=tuple(fault.rule for fault in direct),
            named=name in why.ill.lines,
        )  # fmt: skip


def _follows(name: str, old: str | None, new: str | None, versions: Mapping[str, str], why: Why) -> list[str]:
    """Say what of the new set keeps a package from staying as it was."""
    if new is None:
        return []
    needs = {other: why.metadata.needs(other, version, why.ill.environment) for other, version in versions.items()}
    before = {other: version for other, version in versions.items() if other != name}
    if old is None:
        declared = [f"{other} {versions[other]} declares it" for other in needs if name in needs[other]]
        return (declared or [f"{one.package} {one.version} needs it" for one in why.lessons.broken(before)])[:_MOST]
    before[name] = old
    said = [
        f"{lesson.package} {lesson.version} needs {lesson.partner}{told_short(lesson.specifier)}" if lesson.partner else lesson.reason
        for lesson in why.lessons.broken(before)
        if name in (lesson.package, lesson.partner) and not kept(lesson, before) and _is_readable(lesson.specifier)
    ]
    said += [
        f"{other} {versions[other]} declares {name}{needs[other][name]}"
        for other in needs
        if needs[other].get(name) and not allows(needs[other][name], old)
    ]
    own = why.metadata.needs(name, old, why.ill.environment)
    said += [f"{name} {old} declares {other}{own[other]}" for other in own if other in versions and not allows(own[other], versions[other])]
    return said[:_MOST]


def _is_readable(specifier: str) -> bool:
    """Tell whether a specifier says something to people; else the fault's own message does."""
    return specifier != NEVER and specifier.count("!=") < _MANY
