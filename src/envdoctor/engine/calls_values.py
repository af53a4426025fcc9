"""Which values of arguments the installed release does not take: names of optimizers, schedules and the like, by the table of spellings."""

from __future__ import annotations

from envdoctor.model.record import Record
from envdoctor.model.versions import admits, window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from envdoctor.engine.calls_surface import Surface
    from envdoctor.model.script import Argument, Call
    from envdoctor.model.spelling import Valued


class Strange(Record):
    """A value that is refused, by which entry, and the releases that take it, as bits. `near` is one that may be meant."""

    argument: Argument
    entry: Valued
    value: str
    had: int
    near: str


def strange_values(call: Call, entries: tuple[Valued, ...], surface: Surface) -> Iterator[Strange]:
    """Yield the values of a call that its release does not take, in the order of its arguments."""
    bases = surface.bases(call.target)
    for entry in entries if call.arguments else ():
        if set(entry.of).isdisjoint(bases) and not any(fits(call.target, pattern) for pattern in entry.of):
            continue
        for argument in call.arguments:
            if argument.name in entry.arguments and argument.literal:
                for value in argument.value if isinstance(argument.value, tuple) else (argument.value,):
                    if isinstance(value, str) and value.replace("_", "").isalnum():
                        yield from _judged(argument, value, entry, surface)


def _judged(argument: Argument, value: str, entry: Valued, surface: Surface) -> Iterator[Strange]:
    takes = entry.values.get(value)
    if takes is None:
        if not entry.is_open and surface.is_within(entry.package, entry.read):
            yield Strange(argument=argument, entry=entry, value=value, had=0, near=_near(value, entry, surface))
    elif takes and not surface.is_within(entry.package, takes):
        wanted = window(takes)
        versions = surface.members(entry.package).versions
        had = sum(1 << place for place, version in enumerate(versions) if admits(wanted, version))
        yield Strange(argument=argument, entry=entry, value=value, had=had, near="")


def _near(value: str, entry: Valued, surface: Surface) -> str:
    """Return a value that somebody may have meant and that this release takes."""
    from difflib import get_close_matches

    taken = sorted(name for name, takes in entry.values.items() if not takes or surface.is_within(entry.package, takes))
    return next(iter(get_close_matches(value.lower(), taken, 1, 0.8)), "")


def fits(target: str, pattern: str) -> bool:
    """Tell whether a name fits a pattern with at most one `*`, which stands for no dot.

    >>> fits("transformers.AutoModelForCausalLM.from_pretrained", "transformers.AutoModel*.from_pretrained")
    True
    """
    before, star, after = pattern.partition("*")
    if not star:
        return target == pattern
    if len(target) < len(before) + len(after) or not target.startswith(before) or not target.endswith(after):
        return False
    return "." not in target[len(before) : len(target) - len(after)]
