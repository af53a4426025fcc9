"""Which uses break because an installed package asks of another what its installed release does not have. Judges; `derived` tells.

A fault whose guard holds breaks its entry; an entry breaks every entry of other packages that imports its module; what reaches no use is
nobody's matter. What cannot be known never breaks anything.
"""

from __future__ import annotations

from envdoctor.model.facts import Fact
from envdoctor.model.guards import judge, parse
from envdoctor.model.names import normalise
from envdoctor.model.record import Record
from envdoctor.model.uses import USES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Union

    from envdoctor.model.guards import Guard
    from envdoctor.model.knowledge import Fault, Links, Rest
    from envdoctor.model.snapshot import Snapshot

    Step = tuple[str, str]  # package, entry

_MOST_ANSWERS = 100
"""Helpers that one guard may ask: one that asks itself is not known."""


_OF_A_PART = 7
"""Packages that uses ask for and that are not there, from which on a list is taken for a part of one: people send
`pip list | grep torch`. Of 209 sets that were installed and run, none lacked more than five."""


class Cause(Record):
    """All faults of one kind between two packages, or between one and all that is not there, and the uses they break.

    `uses` holds each use with the imports that carry the fault to it: none where the fault lies on the way of the use itself.
    """

    faults: tuple[Fault, ...]
    uses: dict[str, tuple[Rest, ...]]

    @property
    def entries(self) -> tuple[str, ...]:
        """The entries that the faults break directly."""
        return tuple(dict.fromkeys(fault.entry for fault in self.faults))


class Surroundings:
    """A patient as guards see it."""

    def __init__(self, patient: Snapshot, links: Links) -> None:
        self._patient = patient
        self._links = links
        self._judged: dict[str, bool | None] = {"": True}
        self._answered = 0
        self.has = links.has
        self.offers = links.offers

    def holds(self, guard: str) -> bool | None:
        """Tell whether a guard holds; None where that is not known."""
        if guard not in self._judged:
            self._answered = 0
            self._judged[guard] = judge(parse(guard), self)
        return self._judged[guard]

    def version(self, name: str) -> Union[str, bool, None]:
        """Return a distribution's version; False where it is not installed."""
        found = self._patient.distribution(normalise(name))
        if found is None:
            return False if self._patient.is_complete else None
        return found.version

    def python(self) -> str | None:
        """Return the version of Python."""
        return self._text("python.version")

    def system(self) -> str | None:
        """Return linux, macos or windows."""
        return self._text("os.name")

    def gpu(self) -> bool | None:
        """Tell whether there is a GPU that torch can use."""
        count, build = self._patient.fact("gpu.count"), self._text("torch.build")
        if build == "cpu" or (isinstance(count, Fact) and not count.value):
            return False
        return True if build and isinstance(count, Fact) else None

    def answer(self, module: str, function: str, arguments: str) -> Guard | None:
        """Return when a helper of the installed release answers yes."""
        self._answered += 1
        told = self._links.answer(module, function, arguments)
        return None if told is None or self._answered > _MOST_ANSWERS else parse(told)

    def _text(self, path: str) -> str | None:
        found = self._patient.fact(path)
        return str(found.value) if isinstance(found, Fact) else None


def causes(faults: Iterable[Fault], links: Links, surroundings: Surroundings) -> list[Cause]:
    """Return what breaks some use, by kind and pair of packages."""
    together: dict[tuple[str, str, str], list[Fault]] = {}
    for fault in faults:
        if surroundings.holds(fault.guard) is True:
            about = "" if fault.kind == "package" else fault.root  # all that is not there is one cause: install it
            together.setdefault((fault.kind, fault.package, about), []).append(fault)
    found = []
    for same in together.values():
        uses = _reached({(fault.package, fault.entry) for fault in same}, links, surroundings)
        if uses:
            found.append(Cause(faults=tuple(same), uses=uses))
    absent = {fault.root for cause in found for fault in cause.faults if fault.kind == "package"}
    return found if len(absent) < _OF_A_PART else [cause for cause in found if cause.faults[0].kind != "package"]


def uses_of(package: str, entry: str, links: Links, surroundings: Surroundings) -> tuple[str, ...]:
    """Return the uses that break with an entry of a package."""
    return tuple(_reached({(package, entry)}, links, surroundings))


def _reached(broken: set[Step], links: Links, surroundings: Surroundings) -> dict[str, tuple[Rest, ...]]:
    """Return the uses that break with some entries, each by the shortest way."""
    ways: dict[Step, tuple[Rest, ...]] = dict.fromkeys(sorted(broken), ())
    todo = list(ways)
    for step in todo:  # grows on the way
        for rest in links.carried(*step):
            above = (rest.package, rest.entry)
            if above not in ways and surroundings.holds(rest.guard) is True:
                ways[above] = (*ways[step], rest)
                todo.append(above)
    return {entry: way for (_, entry), way in ways.items() if entry in USES}
