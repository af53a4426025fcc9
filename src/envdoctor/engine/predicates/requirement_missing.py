"""A distribution declares a requirement that is not installed at all."""

from __future__ import annotations

from envdoctor.engine.predicates import NO_PROOF, Proof
from envdoctor.engine.requirements import unmet
from envdoctor.model.finding import Reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.engine.truth import Truth
    from envdoctor.model.snapshot import Snapshot


def prove(patient: Snapshot) -> tuple[Truth, Proof]:
    """Fire for requirements without any installed distribution; unknown where the declarations were not read."""
    faults = unmet(patient)
    if isinstance(faults, frozenset):
        return faults, NO_PROOF
    lost = [fault for fault in faults if fault.found is None]
    if not lost:
        return False, NO_PROOF
    reasons = tuple(Reason(what=f.holder, value=f"declares {f.name}{f.specifier}", origin="METADATA") for f in lost)
    names = list(dict.fromkeys(fault.name for fault in lost))
    packages = tuple(dict.fromkeys([name for fault in lost for name in (fault.holder, fault.name)]))
    return True, Proof(words={"missing": ", ".join(names)}, reasons=reasons, packages=packages)
