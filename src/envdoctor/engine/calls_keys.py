"""Which keys of a configuration file the installed releases refuse: those that none of the classes takes that share the file.

Where a class is not known, any key may be one of its own, and nothing is refused; nor where the first one is not there, without which
nobody reads such a file. A file that other programs read too (`Keys.is_shared`)
is theirs as soon as it has a key that no release ever knew, unless that key is plainly a slip; then only what a key had meant to
transformers counts, whose classes all of them inherit from.
"""

from __future__ import annotations

from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from envdoctor.engine.calls_surface import Parameters, Surface
    from envdoctor.model.script import Argument, Call, Keys

_BASE = "transformers"
_CLOSE = 0.8


class RefusedKey(Record):
    """A key that is refused, and the class that once took it, or that would be asked first; `known` is what that class takes."""

    argument: Argument
    owner: str
    known: Parameters


def refused_keys(call: Call, surface: Surface) -> Iterator[RefusedKey]:
    """Yield the keys of a configuration file that the installed releases refuse."""
    keys = call.keys
    if keys is None or not any(surface.is_within(keys.package, window) for window in keys.refused):
        return
    classes = _classes(keys, surface)
    if not classes:
        return
    gone: list[RefusedKey] = []
    strange: list[RefusedKey] = []
    for argument in call.arguments:
        if any(argument.name in known.names for _, known in classes):
            continue
        owners = [(name, known) for name, known in classes if _had(argument.name, known)]
        owner, known = owners[0] if owners else _nearest(argument.name, classes)
        (gone if owners else strange).append(RefusedKey(argument=argument, owner=owner, known=known))
    if keys.is_shared and any(not _is_slip(one) for one in strange):
        gone = [one for one in gone if any(package == _BASE and one.argument.name in ever for package, ever in one.known.history)]
        strange = []
    yield from sorted((*gone, *strange), key=lambda one: (one.argument.location.line, one.argument.location.column))


def _classes(keys: Keys, surface: Surface) -> list[tuple[str, Parameters]]:
    """Return the classes that the installed releases have; none where the first is missing, or one of them cannot be known."""
    found: list[tuple[str, Parameters]] = []
    for name in keys.classes:
        place = surface.place(name)
        if found and place is not None and not surface.may_have(place) & surface.state(place.package):
            continue  # it came later, or went
        known = surface.parameters(name)
        if known is None or known.is_open or not known.is_sure:
            return []
        found.append((name, known))
    return found


def _had(name: str, known: Parameters) -> bool:
    return any(ever.get(name) for _, ever in known.history)


def _is_slip(one: RefusedKey) -> bool:
    """Tell whether a key is plainly another one misspelt: as many words, and not its plural, which may well be somebody's own key."""
    from difflib import get_close_matches

    name = one.argument.name
    likely = [known for known in one.known.names if known.count("_") == name.count("_") and known.rstrip("s") != name.rstrip("s")]
    return bool(get_close_matches(name, likely, 1, _CLOSE))


def _nearest(name: str, classes: list[tuple[str, Parameters]]) -> tuple[str, Parameters]:
    """Return the class that has a parameter most like a name."""
    from difflib import get_close_matches

    owner = {each: (title, known) for title, known in reversed(classes) for each in known.names}
    close = get_close_matches(name, sorted(owner), 1, _CLOSE)
    return owner[close[0]] if close else classes[0]
