"""A distribution is installed at a version that another one's metadata does not allow."""

from __future__ import annotations

from envdoctor.engine.predicates import NO_PROOF, Proof
from envdoctor.engine.requirements import unmet
from envdoctor.model.finding import Reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.engine.truth import Truth
    from envdoctor.model.snapshot import Snapshot


def prove(patient: Snapshot) -> tuple[Truth, Proof]:
    """Fire for installed versions outside a declared window; unknown where the declarations were not read."""
    faults = unmet(patient)
    if isinstance(faults, frozenset):
        return faults, NO_PROOF
    outside = [fault for fault in faults if fault.found is not None]
    if not outside:
        return False, NO_PROOF
    told = [f"{fault.holder} wants {fault.name}{fault.specifier}, found {fault.found}" for fault in outside]
    reasons = tuple(Reason(what=f.holder, value=f"declares {f.name}{f.specifier}, found {f.found}", origin="METADATA") for f in outside)
    packages = tuple(dict.fromkeys([name for fault in outside for name in (fault.holder, fault.name)]))
    shown = "; ".join(told[:3]) + (f"; and {len(told) - 3} more" if len(told) > 3 else "")
    return True, Proof(words={"outside": shown}, reasons=reasons, packages=packages)
