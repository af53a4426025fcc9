"""Which calls and imports of a script the installed releases refuse, and what to write instead. Judges; `calls_told` tells.

Only what the atlas knows of the installed release counts: a call whose signature is open or not known is nobody's fault.
"""

from __future__ import annotations

from envdoctor.engine.calls_answers import refusals
from envdoctor.engine.calls_keys import refused_keys
from envdoctor.engine.calls_surface import Surface
from envdoctor.engine.calls_values import fits, strange_values
from envdoctor.model.modules import root
from envdoctor.model.record import Record
from envdoctor.model.script import READ
from envdoctor.model.spelling import Successor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Union

    from envdoctor.engine.calls_surface import Parameters
    from envdoctor.model.knowledge import Links
    from envdoctor.model.script import Argument, Call, Location, Script
    from envdoctor.model.snapshot import Snapshot
    from envdoctor.model.spelling import Answered, Dropped, Moved, Renamed, Spellings, Sunk, Valued

    Entry = Union[Renamed, Moved, Successor, Sunk, Dropped, Answered, Valued]

ARGUMENT, NAME, SUNK, METHOD, ANSWER, KEY, VALUE, LOOK = "argument", "name", "sunk", "method", "answer", "key", "value", "look"
PATCHED = ("trl", "transformers")
"""Libraries whose signatures unsloth changes while it is imported."""
_CELL = ":cell "


class Misuse(Record):
    """One argument, or one name, that the installed release of `package` does not take.

    `callable` is what is called, "" for a name. `had` are the releases that take it as written, as bits. `new` is what to write instead,
    "" where there is nothing; `into` is the callable that the argument has moved into. `entry` is where the table of spellings says so.
    """

    kind: str
    package: str
    callable: str
    name: str
    location: Location
    had: int = 0
    new: str = ""
    into: str = ""
    entry: Entry | None = None
    argument: Argument | None = None
    near: str = ""


class Judge:
    """Judges the calls of one script beside one environment."""

    def __init__(self, patient: Snapshot, links: Links, spellings: Spellings) -> None:
        self._spellings = spellings
        self.moves = spellings.moved
        self.surface = Surface(links, patient.distributions, spellings)

    def misuses(self, script: Script) -> list[Misuse]:
        """Return what is refused, in the order of the script."""
        patched = any(root(one.name) == "unsloth" for one in script.imports) or (
            self.surface.is_installed("unsloth") and any(root(name) == "unsloth" for name in script.tried)
        )
        found: dict[tuple[str, Location], Misuse] = {}
        missing: set[str] = set()
        seen: set[Location] = set()
        for one in script.imports:
            if one.location in seen:
                continue  # another name for the same thing
            seen.add(one.location)
            misuse = None if one.guarded else self._name(one.name, one.location)
            if misuse is not None:
                missing.add(one.name)
                found[one.name, one.location] = misuse
        imported = {one.name for one in script.imports}.union(script.tried)
        for call in script.calls:
            if call.guarded or any(call.target == name or call.target.startswith(name + ".") for name in missing):
                continue
            if call.keys is not None:
                for misuse in self._keys(call):
                    found.setdefault((misuse.name, misuse.location), misuse)
                continue
            if not _is_imported(call.target, imported):
                misuse = self._name(call.target, call.location)
                if misuse is not None:
                    found.setdefault((misuse.name, call.location), misuse)
                    continue
            method = self._method(call)
            if method is not None and method.kind == LOOK and patched:
                continue
            if method is not None:
                found.setdefault((method.name, call.location), method)
                continue
            if call.target.endswith("." + READ):
                continue
            is_patched = patched and call.target.partition(".")[0] in PATCHED
            for misuse in self._answers(call, script, is_patched):
                found.setdefault((misuse.name, misuse.location), misuse)
            if is_patched:
                continue
            for misuse in self._values(call):
                found.setdefault((misuse.name, misuse.location), misuse)
            for misuse in self._arguments(call):
                found.setdefault((misuse.name, misuse.location), misuse)
        return list(found.values())

    def _name(self, dotted: str, location: Location) -> Misuse | None:
        """Judge a name as a script imports it, or reads it off a module."""
        place = self.surface.place(dotted)
        if place is None:
            return None
        state = self.surface.state(place.package)
        entry = self._successor(dotted)
        is_gone = entry is not None and bool(entry.gone) and self.surface.is_within(place.package, entry.gone)
        for asked in (place.replace(chain=""), place):
            had = self.surface.had(asked)
            if had and not (had if is_gone else self.surface.may_have(asked)) & state:
                break
        else:
            return None
        name = ".".join(filter(None, (place.module, place.chain.partition(".")[0])))
        if entry is None and had & ((state & -state) - 1):  # it went; what comes only later stands nowhere else now
            moved = self.surface.elsewhere(place)
            entry = Successor(old=dotted, new=moved, safety="unsafe") if moved else None
        new = entry.new if entry is not None and self._is_there(entry.new) else ""
        return Misuse(kind=NAME, package=place.package, callable="", name=name, location=location, had=had, new=new, entry=entry)

    def _successor(self, dotted: str) -> Successor | None:
        spellings = [dotted]
        place = self.surface.place(dotted)
        if place is not None and place.module != root(dotted):
            short = f"{root(dotted)}.{place.chain}"
            above = self.surface.place(short)
            if place.chain and above is not None and self.surface.had(above) & self.surface.had(place):
                spellings.append(short)  # what the root exported under the same name, at the same time
        for spelled in spellings:
            for one in self._spellings.successors:
                if spelled == one.old or spelled.startswith(one.old + "."):
                    return one.replace(new=one.new + spelled[len(one.old) :]) if one.new else one
        return None

    def _is_there(self, dotted: str) -> bool:
        """Tell whether a name can be written instead: it is known to be there, or the atlas does not know its package at all."""
        place = self.surface.place(dotted)
        return place is None or bool(self.surface.may_have(place) & self.surface.state(place.package))

    def _method(self, call: Call) -> Misuse | None:
        """Judge a method of what a class made, or what is read off it."""
        owner, _, name = call.target.rpartition(".")
        kind = LOOK if name == READ else METHOD
        if kind == LOOK:
            owner, _, name = owner.rpartition(".")
        for entry in self._spellings.dropped:
            is_meant = name in entry.methods and any(fits(owner, pattern) for pattern in entry.of)
            if is_meant and self.surface.is_within(entry.package, entry.gone):
                return Misuse(
                    kind=kind, package=entry.package, callable=owner, name=name, location=call.location, new=entry.new, entry=entry,
                    had=self.surface.outside(entry.package, entry.gone),
                )  # fmt: skip
        return None

    def _arguments(self, call: Call) -> Iterator[Misuse]:
        taken = self.surface.parameters(call.target)
        for argument in call.arguments:
            if argument.name.isdecimal():
                continue
            sunk = self._sunk(call, argument)
            if sunk is not None:
                yield sunk
            elif taken is not None and taken.is_sure and not taken.is_open and argument.name not in taken.names:
                yield self._refused(call, argument, taken)

    def _keys(self, call: Call) -> Iterator[Misuse]:
        """Judge the keys of a configuration file."""
        for one in refused_keys(call, self.surface):
            yield self._refused(call.replace(target=one.owner), one.argument, one.known).replace(kind=KEY)

    def _refused(self, call: Call, argument: Argument, taken: Parameters) -> Misuse:
        package, had = taken.history[0][0], 0
        for owner, ever in taken.history:
            bits = ever.get(argument.name, 0)
            if bits:
                package, had = owner, bits
                break
        new, into, entry = self.instead(call.target, argument.name, taken)
        near = "" if new or had or (entry is not None and had) else _near(argument.name, taken)
        return Misuse(
            kind=ARGUMENT, package=package, callable=call.target, name=argument.name, location=argument.location, had=had,
            new=new, into=into, entry=entry, argument=argument, near=near,
        )  # fmt: skip

    def instead(self, target: str, name: str, taken: Parameters) -> tuple[str, str, Entry | None]:
        """Return what this release calls an argument, the callable that it has moved into, and the entry that says so."""
        bases = self.surface.bases(target)
        last: Entry | None = None
        for entry in self._spellings.renamed:
            if not set(entry.of).isdisjoint(bases) and name in (entry.old, entry.new):
                other = entry.new if name == entry.old else entry.old
                if other and other in taken.names:
                    return other, "", entry
                if name == entry.old and not entry.new:
                    last = entry
        for moved in self._spellings.moved:
            if moved.trainer == target:
                known = self.surface.parameters(moved.config)
                if known is not None and name in known.names:
                    return name, moved.config, moved
                if known is not None:
                    other, _, renamed = self.instead(moved.config, name, known)
                    if other and renamed is not None:
                        return other, moved.config, moved
        return "", "", last

    def _answers(self, call: Call, script: Script, patched: bool) -> Iterator[Misuse]:
        for one in refusals(call, script.calls, self._spellings.answered, self.surface, patched=patched):
            yield Misuse(
                kind=ANSWER, package=one.entry.package, callable=call.target, name=one.argument.name, location=one.argument.location,
                had=one.had, entry=one.entry, argument=one.argument,
            )  # fmt: skip

    def _values(self, call: Call) -> Iterator[Misuse]:
        for one in strange_values(call, self._spellings.valued, self.surface):
            new = one.entry.instead.get(one.value, "")
            yield Misuse(
                kind=VALUE, package=one.entry.package, callable=call.target, name=f'{one.argument.name}="{one.value}"',
                location=one.argument.location, had=one.had, new=new, entry=one.entry, argument=one.argument, near=one.near,
            )  # fmt: skip

    def _sunk(self, call: Call, argument: Argument) -> Misuse | None:
        for entry in self._spellings.sunk:
            if argument.name != entry.argument or not any(fits(call.target, pattern) for pattern in entry.of):
                continue
            if any(fits(call.target, pattern) for pattern in entry.but) or not self.surface.is_within(entry.package, entry.refused):
                continue
            if any(call.argument(name) is not None for name in entry.unless) or (entry.unless and not call.complete):
                continue
            return Misuse(
                kind=SUNK, package=entry.package, callable=call.target, name=argument.name, location=argument.location, new=entry.new,
                entry=entry, argument=argument,
            )  # fmt: skip
        return None


def _is_imported(target: str, imported: set[str]) -> bool:
    """Tell whether the script imports what it calls by its own name, so that the import is judged and the call need not be."""
    parts = target.split(".")
    return any(".".join(parts[:count]) in imported and parts[count - 1][:1].isupper() for count in range(len(parts), 1, -1)) or (
        target in imported
    )


def file_of(location: Location) -> str:
    """Return the file of a place: that of the notebook for one in a cell."""
    return location.path.partition(_CELL)[0]


def _near(name: str, taken: Parameters) -> str:
    """Return the parameter that somebody may have meant."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, sorted(taken.names), 1, 0.8)), "")
