"""One number fact is larger than another, such as what a model still needs to download and the space that is free."""

from __future__ import annotations

from envdoctor.engine.evidence import spell
from envdoctor.engine.predicates import NO_PROOF, Proof
from envdoctor.model.facts import CATALOGUE, MOOT, Fact
from envdoctor.model.finding import Reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.engine.truth import Truth
    from envdoctor.model.snapshot import Snapshot


def prove(patient: Snapshot, amount: str, limit: str) -> tuple[Truth, Proof]:
    """Fire when `amount` is larger than `limit`, both paths of number facts; the limit, which may cost something, is asked for last."""
    first = patient.fact(amount)
    if not isinstance(first, Fact):
        return (False if first.reason in MOOT else frozenset({amount})), NO_PROOF
    found = {amount: first, limit: patient.fact(limit)}
    known = {path: value for path, value in found.items() if isinstance(value, Fact)}
    if len(known) < 2:
        open_ = [path for path, value in found.items() if not isinstance(value, Fact) and value.reason not in MOOT]
        return (frozenset(open_) if open_ else False), NO_PROOF
    if not float(str(known[amount].value)) > float(str(known[limit].value)):
        return False, NO_PROOF
    words = {path: spell(value.value, CATALOGUE[path][0]) for path, value in known.items()}
    reasons = tuple(Reason(what=path, value=words[path], origin=value.origin) for path, value in known.items())
    return True, Proof(words=words, reasons=reasons)
