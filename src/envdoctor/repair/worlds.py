"""Guards judged for other releases than the installed ones: of a package that asks, and of the partner it asks about.

A guard may test the partner's version itself, or call a helper of the asking release that does. Both change as the two move, so it is
judged once for each release of the partner, beside one of the releases that share the row. Pure but for the atlas.
"""

from __future__ import annotations

from envdoctor.engine.links import Surroundings
from envdoctor.model.snapshot import Distribution

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.knowledge.atlas.artefact import CompiledAtlas
    from envdoctor.model.snapshot import Snapshot


class Worlds:
    """The patient with every release of two packages."""

    def __init__(self, atlas: CompiledAtlas, patient: Snapshot, package: str, partner: str) -> None:
        self.patient = patient
        self._atlas, self._package, self._partner = atlas, package, partner
        self._own = atlas.versions(package)
        self._others = atlas.versions(partner) if partner in atlas.packages else ()
        self._worlds: dict[tuple[int, int], Surroundings] = {}
        self._held: dict[tuple[str, int, int], int] = {}

    def holding(self, guard: str, holders: int, beside: int) -> int:
        """Return those of some states of the partner beside which a guard certainly holds; the highest stands for its absence."""
        own = self._representative(holders)
        known = self._held.get((guard, own, beside))
        if known is None:
            known = 0
            for place in range(beside.bit_length()):
                if beside >> place & 1 and self._world(own, place).holds(guard) is True:
                    known |= 1 << place
            self._held[guard, own, beside] = known
        return known

    def _representative(self, holders: int) -> int:
        """Return the place of the installed release if it is one of them, else that of the newest of them."""
        found = self.patient.distributions.get(self._package)
        here = (found.version or "").partition("+")[0] if found is not None else ""
        if here in self._own and holders >> self._own.index(here) & 1:
            return self._own.index(here)
        return holders.bit_length() - 1

    def _world(self, own: int, other: int) -> Surroundings:
        known = self._worlds.get((own, other))
        if known is None:
            supposed = dict(self.patient.distributions)
            supposed[self._package] = supposed[self._package].replace(version=self._own[own])
            before = supposed.pop(self._partner, None)
            if other < len(self._others):
                version = self._others[other]
                supposed[self._partner] = (before or Distribution(name=self._partner)).replace(version=version)
            patient = self.patient.replace(distributions=supposed)
            known = self._worlds[own, other] = Surroundings(patient, self._atlas.beside(supposed, patient.is_complete))
        return known
