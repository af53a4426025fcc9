"""Which declared requirements of what is installed are not met."""

from __future__ import annotations

from envdoctor.engine.truth import unknown
from envdoctor.model.facts import Fact
from envdoctor.model.record import Record
from envdoctor.model.requirements import InvalidRequirement, marker_variables, needed
from envdoctor.model.versions import InvalidSpecifier, InvalidVersion, admits, window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from envdoctor.model.snapshot import Distribution, Snapshot

NEEDS = ("python.version", "os.name", "os.arch")
"""Facts that markers are judged by."""


class Unmet(Record):
    """One declared requirement that does not hold; `found` is None where nothing of that name is installed."""

    holder: str
    name: str
    specifier: str
    found: str | None


def marker_environment(patient: Snapshot) -> dict[str, str] | frozenset[str]:
    """Return the patient's PEP 508 variables, or the facts that are missing for them."""
    facts = {path: patient.fact(path) for path in NEEDS}
    missing = [path for path, fact in facts.items() if not isinstance(fact, Fact)]
    if missing:
        return unknown(*missing)
    version, system, machine = (str(getattr(facts[path], "value", "")) for path in NEEDS)
    return marker_variables(system, machine, version)


_last: list[tuple[Mapping[str, Distribution], dict[str, str], tuple[Unmet, ...]]] = []
"""The last question and its answer: two predicates ask the same, and again when more facts are known, at 4 ms for 280 distributions.

One entry at most, kept by identity, so never stale; replaced as a whole, so that threads at worst ask twice.
"""


def unmet(patient: Snapshot) -> tuple[Unmet, ...] | frozenset[str]:
    """Return every unmet requirement, or what is missing to tell: facts, or the declarations themselves where none were read."""
    if patient.distributions and all(found.requires is None for found in patient.distributions.values()):
        return unknown("declared requirements")
    environment = marker_environment(patient)
    if isinstance(environment, frozenset):
        return environment
    for distributions, judged_in, answer in _last:
        if distributions is patient.distributions and judged_in == environment:
            return answer
    found: list[Unmet] = []
    installed = patient.distributions
    judged: dict[str, bool] = {}
    for holder in installed.values():
        for line in holder.requires or ():
            try:
                wanted = needed(line, environment, judged)
                if wanted is None:
                    continue
                name, specifier = wanted
                partner = installed.get(name)
                if partner is None:
                    found.append(Unmet(holder=holder.name, name=name, specifier=specifier, found=None))
                elif specifier and partner.version is not None and not admits(window(specifier), partner.version):
                    found.append(Unmet(holder=holder.name, name=name, specifier=specifier, found=partner.version))
            except (InvalidRequirement, InvalidSpecifier, InvalidVersion):
                continue  # a damaged line is a defect of that distribution, not an unmet requirement
    answer = tuple(found)
    _last[:] = [(patient.distributions, environment, answer)]
    return answer
