"""Holds a repaired file against other platforms and Pythons: the same lines, resolved and judged for each of them."""

from __future__ import annotations

from envdoctor.model.errors import EnvdoctorError
from envdoctor.model.markers import PLATFORMS
from envdoctor.model.request import Target
from envdoctor.repair.patient import examine
from envdoctor.repair.question import Conflict, Question, Wish

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from envdoctor.model.finding import Finding
    from envdoctor.model.listing import Requirement
    from envdoctor.model.plan import Plan
    from envdoctor.model.script import Location
    from envdoctor.repair.patient import Ill
    from envdoctor.repair.question import Resolver

    Judge = Callable[[Mapping[str, str]], tuple[Finding, ...]]
    Open = Callable[[Ill], tuple[Resolver, Judge]]

PYTHONS = ("3.10", "3.11", "3.12", "3.13")
"""Versions of Python that the stack is released for today."""


def elsewhere(ill: Ill, plan: Plan, environ: Mapping[str, str], opened: Open) -> Iterator[str]:
    """Return a sentence for each other platform and Python on which the repaired file does not give a set without faults.

    `opened` gives a resolver and a judge for a patient. What a platform has no wheels for is told as the resolver tells it.
    """
    from envdoctor.model.versions import InvalidSpecifier, admits, window

    own = (ill.judged_for, ".".join(ill.python_version.split(".")[:2]))
    for platform in (one for one in PLATFORMS if one in ("linux-x86_64", "macos-arm64", "windows-x86_64")):
        for python in PYTHONS:
            try:
                if ill.listing is None or (ill.listing.python and not admits(window(ill.listing.python), f"{python}.0")):
                    continue
            except InvalidSpecifier:
                pass
            if (platform, python) != own:
                told = _judged(ill, plan, Target(platform=platform, python_version=python), environ, opened)
                if told:
                    yield f"not fit on {platform} with Python {python}: {told}"


def _judged(ill: Ill, plan: Plan, target: Target, environ: Mapping[str, str], opened: Open) -> str:
    try:
        other = examine(ill.asked.replace(target=target), environ)
        resolver, judge = opened(other)
        answer = resolver.solve(changed(other, plan))
    except EnvdoctorError as error:
        return str(error).splitlines()[0]
    if isinstance(answer, Conflict):
        lines = [line.strip() for line in answer.text.splitlines() if line.strip()]
        return (lines[1] if len(lines) > 1 else lines[0] if lines else "nothing can be installed").removeprefix("cause: ")
    faults = judge(answer.versions)
    return faults[0].message if faults else ""


def changed(ill: Ill, plan: Plan) -> Question:
    """Return what a file asks for once a plan's changes are in it."""
    lines = {(change.requirement.location, change.name): change.specifier for change in plan.changes if change.requirement is not None}
    specifiers = {}
    for wish in ill.wishes:
        own = [_told(line, lines) for line in ill.lines.get(wish.name, ()) if not line.constraint]
        if wish.specifier is not None and own:
            specifiers[wish.name] = ",".join(dict.fromkeys(part for told in own for part in told.split(",") if part))
    limits = [
        (name, _told(line, lines)) for name, found in ill.lines.items() for line in found if line.constraint
    ]  # fmt: skip
    new = [Wish(name=change.name, specifier=change.specifier) for change in plan.changes if change.requirement is None]
    return Question(wishes=(*ill.wishes, *new), limits=tuple(limits), specifiers=specifiers)


def _told(line: Requirement, changes: Mapping[tuple[Location | None, str], str]) -> str:
    return changes.get((line.location, line.name), line.specifier)
