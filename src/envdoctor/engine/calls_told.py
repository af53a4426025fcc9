"""Findings about a script's calls and imports, in the words and the form of a rule's. Only run when something is amiss."""

from __future__ import annotations

from envdoctor.engine.calls import ANSWER, ARGUMENT, KEY, LOOK, METHOD, NAME, SUNK, VALUE, file_of
from envdoctor.engine.evidence import described
from envdoctor.model.answer import ANSWERS
from envdoctor.model.finding import SCRIPT_ARGUMENT, SCRIPT_NAME, Finding, Reason
from envdoctor.model.rule import Remedy
from envdoctor.model.spelling import Answered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from envdoctor.engine.calls import Judge, Misuse
    from envdoctor.engine.calls_surface import Surface
    from envdoctor.model.script import Location
    from envdoctor.model.snapshot import Snapshot

RULES = {
    ARGUMENT: SCRIPT_ARGUMENT,
    SUNK: SCRIPT_ARGUMENT,
    ANSWER: SCRIPT_ARGUMENT,
    VALUE: SCRIPT_ARGUMENT,
    LOOK: SCRIPT_NAME,
    KEY: SCRIPT_ARGUMENT,
    NAME: SCRIPT_NAME,
    METHOD: SCRIPT_NAME,
}
_VERBS = {
    ARGUMENT: "passes",
    SUNK: "passes",
    ANSWER: "passes",
    VALUE: "passes",
    KEY: "gives",
    NAME: "imports",
    METHOD: "calls",
    LOOK: "reads",
}


def tell(misuses: Iterable[Misuse], judge: Judge, patient: Snapshot) -> list[Finding]:
    """Return one finding for each argument of each callable, and for each name, with all the places where the script has it."""
    together: dict[tuple[str, str, str], list[Misuse]] = {}
    for misuse in misuses:
        together.setdefault((misuse.kind, misuse.callable, misuse.name), []).append(misuse)
    return [_finding(alike, judge.surface, patient) for alike in together.values()]


def _finding(alike: list[Misuse], surface: Surface, patient: Snapshot) -> Finding:
    first = alike[0]
    state = surface.state(first.package)
    found = patient.distribution(first.package)
    version = described(found) if found is not None else ""
    what = first.name if first.kind == NAME else f"{first.callable}({first.name}=)"
    if first.kind == VALUE:
        what = f"{first.callable}({first.name})"
    if first.kind in (METHOD, LOOK):
        what = f"{first.callable}.{first.name}"
    lacks = "have" if first.kind in (NAME, METHOD, LOOK) else "take"
    return Finding(
        rule=RULES[first.kind],
        title=f"The {_written(first)} {_VERBS[first.kind]} what this {first.package} does not {lacks}",
        subject=what,
        severity=getattr(first.entry, "severity", "error"),
        declared_severity=getattr(first.entry, "severity", "error"),
        impact="crash-at-import" if first.kind == NAME else getattr(first.entry, "impact", "crash-at-start"),
        confidence="certain" if not state & (state - 1) and first.kind != ANSWER else "likely",
        message=f"{_said(first, surface, version)}{_instead(first)}",
        uses=("script",),
        packages=(first.package,),
        because=(
            Reason(
                what=first.package,
                value=version,
                origin=(found.origin if found is not None else "") or "list of installed distributions",
            ),
        ),
        remedies=tuple(_remedies(first, surface)),
        links=first.entry.links[:1] if first.entry is not None else (),
        locations=tuple(dict.fromkeys(place for misuse in alike for place in _places(misuse))),
        silent=getattr(first.entry, "impact", "") == "wrong-results",
    )


def _written(misuse: Misuse) -> str:
    return "configuration" if misuse.kind == KEY else "script"


def _places(misuse: Misuse) -> tuple[Location, ...]:
    """Return where something is written, and where a function returns what is refused."""
    answer = misuse.argument.answer if misuse.kind == ANSWER and misuse.argument is not None else None
    return (misuse.location,) if answer is None else (misuse.location, answer.location)


def _said(misuse: Misuse, surface: Surface, version: str) -> str:
    if misuse.kind == NAME:
        return f"the script imports {misuse.name}, which {_when(misuse, surface, version, 'has', 'dropped')}"
    if misuse.kind in (METHOD, LOOK):
        what = f"{_VERBS[misuse.kind]} {misuse.name} of what {misuse.callable} makes"
        return f"the script {what}, which {misuse.package} {version} does not have"
    if isinstance(misuse.entry, Answered):
        answer = misuse.argument.answer if misuse.argument is not None else None
        kind = ANSWERS.get(answer.kind, "") if answer is not None else ""
        return f"the script's {misuse.name} returns {kind}; {misuse.package} {version} {misuse.entry.says}"
    if misuse.kind == SUNK:
        return f"the script passes {misuse.name} to {misuse.callable}, which {misuse.package} {version} hands on to what does not take it"
    when = _when(misuse, surface, version, "takes", "no longer takes")
    return f"the {_written(misuse)} {_VERBS[misuse.kind]} {misuse.name} to {misuse.callable}, which {when}"


def _when(misuse: Misuse, surface: Surface, version: str, verb: str, gone: str) -> str:
    """Say since when it is gone, or from when on it is there: what follows `which`."""
    state, versions = surface.state(misuse.package), surface.members(misuse.package).versions
    before, after = misuse.had & ((state & -state) - 1), misuse.had & ~((1 << state.bit_length()) - 1)
    package = misuse.package
    if before:
        dropped = versions[before.bit_length()]
        return f"{package} dropped in {dropped}" if gone == "dropped" else f"{gone} it since {package} {dropped}"
    if after:
        since = versions[(after & -after).bit_length() - 1]
        return f"{package} {verb} only from {since} on" if verb == "has" else f"{verb} it only from {package} {since} on"
    return f"takes no such {'value' if misuse.kind == VALUE else 'argument'} in {package} {version}"


def _instead(misuse: Misuse) -> str:
    if misuse.into:
        return f"; write {misuse.into}({misuse.new}=...)"
    if misuse.kind == METHOD and misuse.new == "()":
        return "; call the object itself"
    if misuse.new:
        return f"; write {misuse.new}"
    return f"; did you mean {misuse.near}?" if misuse.near else ""


def _remedies(misuse: Misuse, surface: Surface) -> list[Remedy]:
    """Return the two ways out: another spelling for this release, another release for this spelling."""
    found = []
    entry, advice = misuse.entry, getattr(misuse.entry, "advice", "")
    told = f" `envdoctor fix {file_of(misuse.location)}` does it." if getattr(entry, "safety", "") == "safe" and misuse.kind != KEY else ""
    safety: str = getattr(entry, "safety", "safe")
    if misuse.into:
        where = f"to {misuse.into} as {misuse.new}=" if misuse.new != misuse.name else f"to {misuse.into}"
        found.append(Remedy(title=f"Pass {misuse.name} {where}", safety=safety, advice=f"Pass it {where}, not to {misuse.callable}.{told}"))
    elif misuse.kind == METHOD and misuse.new == "()":
        text = advice or f"Call the object itself: tokenizer(...) instead of tokenizer.{misuse.name}(...)."
        found.append(Remedy(title="Call the object itself", safety=safety, advice=text + told))
    elif isinstance(entry, Answered) and not advice:
        wanted = ANSWERS[entry.wants]
        found.append(Remedy(title=f"Return {wanted}", safety=safety, advice=f"Let {misuse.name} return {wanted}.{told}"))
    elif misuse.new:
        value = getattr(entry, "value", "")
        text = f"Write {misuse.new}={value.replace('{value}', '...')} instead of {misuse.name}." if value else ""
        more = f" {advice}" if advice and not text else ""
        found.append(
            Remedy(
                title=f"Write {misuse.new}", safety=safety, advice=(text or f"Write {misuse.new} instead of {misuse.name}.{more}") + told
            )
        )
    elif advice:
        found.append(Remedy(title="Write it differently", safety=safety, advice=advice))
    elif misuse.near:
        found.append(Remedy(title=f"Write {misuse.near}", safety="unsafe", advice=f"Write {misuse.near} if that is what is meant."))
    elif misuse.kind == KEY and _went(misuse, surface):
        found.append(
            Remedy(title="Delete the key", safety="unsafe", advice=f"Delete {misuse.name}: this {misuse.package} does without it.")
        )
    wanted = accepting(misuse, surface)
    if wanted:
        title = f"Keep the {_written(misuse)}, move {misuse.package} to {wanted}"
        found.append(Remedy(title=title, safety="unsafe", require={misuse.package: wanted}))
    return found


def _went(misuse: Misuse, surface: Surface) -> bool:
    """Tell whether earlier releases took it."""
    state = surface.state(misuse.package)
    return bool(misuse.had & ((state & -state) - 1))


def accepting(misuse: Misuse, surface: Surface) -> str:
    """Return the window of releases, the nearest to the installed one, that take it as it is written; "" where there are none."""
    if not misuse.had:
        return ""
    versions = surface.members(misuse.package).versions
    state = surface.state(misuse.package)
    place = state.bit_length() - 1
    best: tuple[int, int, int] | None = None
    start, bits = 0, misuse.had
    while bits:
        skip = (bits & -bits).bit_length() - 1
        bits >>= skip
        length = (~bits & (bits + 1)).bit_length() - 1
        first, last = start + skip, start + skip + length - 1
        distance = first - place if first > place else place - last
        if best is None or distance < best[0]:
            best = (distance, first, last)
        bits >>= length
        start += skip + length
    if best is None:
        return ""
    _, first, last = best
    lower = f">={versions[first]}"
    return f"{lower},<{versions[last + 1]}" if last + 1 < len(versions) else lower
