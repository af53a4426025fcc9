"""Which releases were really trained with, side by side: `rules/trained.txt`, one set a line, with the day on which it ran.

    2026-11-25 accelerate=1.15.0 peft=0.21.2 torch=2.13.0 transformers=5.23.0 trl=1.16.0

What trained with one patch of a series is taken to train with the others: a repair prefers such pairs, and is judged all the same.
"""

from __future__ import annotations

import os

from envdoctor.knowledge.load import ARTEFACT, rules_folder
from envdoctor.model.record import Record
from envdoctor.model.versions import InvalidVersion, key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    Place = tuple[str, tuple[int, ...]]  # package, series

NAME = "trained.txt"
SHIPPED = os.path.join(os.path.dirname(ARTEFACT), NAME)


class Trained(Record):
    """Pairs of series that were trained with; `names` are the packages that are told of at all."""

    pairs: frozenset[tuple[Place, Place]] = frozenset()
    names: frozenset[str] = frozenset()

    def beside(self, name: str, version: str, others: Mapping[str, str]) -> bool:
        """Tell whether a release was trained with beside each of some others; not without any."""
        own = place(name, version)
        return bool(others) and all((own, place(other, there)) in self.pairs for other, there in others.items())


def open_trained() -> Trained:
    """Read the sets of the checkout or of the installation; none where the file is missing."""
    folder = rules_folder()
    path = SHIPPED if folder is None else os.path.join(folder, NAME)
    try:
        with open(path, encoding="utf-8") as file:
            return read_trained(file.read())
    except OSError:
        return Trained()


def read_trained(text: str) -> Trained:
    """Return the pairs that a text tells. Raises ValueError for a line of another form.

    >>> told = read_trained("2026-11-25 peft=0.21.2 torch=2.13.0+cpu")
    >>> told.beside("peft", "0.21.0", {"torch": "2.13.1"}), told.beside("peft", "0.20.0", {"torch": "2.13.1"})
    (True, False)
    """
    pairs: set[tuple[Place, Place]] = set()
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        _, *words = line.split()
        places = [place(name, version) for name, _, version in (word.partition("=") for word in words)]
        pairs.update((one, two) for one in places for two in places if one != two)
    return Trained(pairs=frozenset(pairs), names=frozenset(name for pair in pairs for name, _ in pair))


def place(name: str, version: str) -> Place:
    """Return a package with the series of a release: its first two numbers."""
    try:
        numbers = key(version)[1]
    except InvalidVersion:
        return name, ()
    return name, (*numbers, 0, 0)[:2]
