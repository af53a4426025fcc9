"""Which functions of a script answer with what the installed release of a library does not take, by the table of spellings."""

from __future__ import annotations

from envdoctor.model.record import Record
from envdoctor.model.versions import admits, window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from envdoctor.engine.calls_surface import Surface
    from envdoctor.model.script import Argument, Call
    from envdoctor.model.spelling import Answered


class Refusal(Record):
    """A function whose answer is refused, by which entry, and the releases that take it, as bits."""

    argument: Argument
    entry: Answered
    had: int


def refusals(call: Call, calls: Iterable[Call], entries: tuple[Answered, ...], surface: Surface, *, patched: bool) -> Iterator[Refusal]:
    """Yield the functions that a call hands over and whose answers are refused. `patched`: unsloth stands between script and library."""
    for argument in call.arguments:
        answer = argument.answer
        if answer is None:
            continue
        for entry in entries:
            if (
                call.target in entry.of
                and argument.name == entry.argument
                and answer.kind in entry.kinds
                and bool(entry.beside) is patched
                and not set(entry.unread) & set(answer.reads)
                and surface.is_within(entry.package, entry.refused)
                and not any(_is_given(one, name) for one in calls for name in entry.unless)
            ):
                yield Refusal(argument=argument, entry=entry, had=0 if patched else _taken_by(entry, answer.kind, entries, surface))
                break


def _is_given(call: Call, switch: str) -> bool:
    """Tell whether a call switches something on, or may do so: `NAME`, or `NAME!=TEXT` for anything but a text."""
    name, _, usual = switch.partition("!=")
    found = call.argument(name)
    return found is not None and not (found.literal and found.value in (False, None, usual))


def _taken_by(entry: Answered, kind: str, entries: tuple[Answered, ...], surface: Surface) -> int:
    """Return the known releases that take the argument and that no entry of the table says to refuse such an answer."""
    taken = [ever[entry.argument] for one in entry.of for _, ever in _history(one, surface) if entry.argument in ever]
    alike = [one for one in entries if one.package == entry.package and one.argument == entry.argument and kind in one.kinds]
    windows = [window(one.refused) for one in alike]
    versions = surface.members(entry.package).versions
    fine = sum(1 << place for place, version in enumerate(versions) if not any(admits(one, version) for one in windows))
    return fine & taken[0] if taken else fine


def _history(dotted: str, surface: Surface) -> tuple[tuple[str, Mapping[str, int]], ...]:
    known = surface.parameters(dotted)
    return known.history if known is not None else ()
