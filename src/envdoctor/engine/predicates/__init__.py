"""Named predicates for what no condition can say. The last resort: one module each, one row in PREDICATES.

A predicate module has `prove(patient, **arguments) -> (Truth, Proof)`; Proof carries the words, reasons and packages for the finding.
"""

from __future__ import annotations

from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from envdoctor.engine.truth import Truth
    from envdoctor.model.finding import Reason
    from envdoctor.model.script import Location
    from envdoctor.model.snapshot import Snapshot

PREDICATES: dict[str, tuple[str, ...]] = {
    # name: the placeholders it binds; its module has the same name with underscores
    "requirement-missing": ("missing",),
    "requirement-outside-window": ("outside",),
    "exceeds": (),
    "deepspeed-disagrees": ("disagreement",),
}


class Proof(Record):
    """What a predicate saw, and where in scripts."""

    words: Mapping[str, str] = {}
    reasons: tuple[Reason, ...] = ()
    packages: tuple[str, ...] = ()
    locations: tuple[Location, ...] = ()


NO_PROOF = Proof()


def call(name: str, patient: Snapshot, arguments: dict[str, Any]) -> tuple[Truth, Proof]:
    """Run a predicate by name. Raises KeyError for a name that PREDICATES does not hold."""
    if name not in PREDICATES:
        raise KeyError(f"no predicate named {name}")
    module = __import__(f"{__name__}.{name.replace('-', '_')}", fromlist=["prove"])
    truth, proof = module.prove(patient, **arguments)
    return truth, proof
