"""Questions about compiled conditions that need no patient: what they bind, read and lean on. `vocabulary` makes them."""

from __future__ import annotations

from envdoctor.knowledge.vocabulary import near
from envdoctor.model.names import placeholder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.model.rule import Condition


def resolve(node: Condition, matches: dict[str, Condition], above: tuple[str, ...] = ()) -> Condition:
    """Replace `{ rule = ID }` by that rule's own condition. Raises LookupError for an unknown rule and for a circle."""
    if node[0] in ("all", "any", "none"):
        return (node[0], tuple(resolve(part, matches, above) for part in node[1]))
    if node[0] != "rule":
        return node
    if node[1] in above:
        raise LookupError(f"goes round in a circle: {' -> '.join((*above, node[1]))}")
    if node[1] not in matches:
        raise LookupError(f"no such rule: {node[1]!r}{near(node[1], list(matches))}")
    return resolve(matches[node[1]], matches, (*above, node[1]))


def bound(node: Condition, predicates: dict[str, tuple[str, ...]] | None = None) -> set[str]:
    """Return the placeholders that a match binds (conditions under `none` bind nothing)."""
    kind = node[0]
    if kind in ("all", "any"):
        return set().union(*(bound(part, predicates) for part in node[1])) if node[1] else set()
    if kind in ("dist", "build"):
        return {placeholder(node[1])}
    if kind == "fact":
        return {node[1], node[3]} if node[2].endswith("_fact") else {node[1]}
    if kind == "env":
        return {"env." + node[1]}
    if kind == "window":
        return {"window", placeholder(node[1]), placeholder(node[2])}
    if kind == "seen":
        return bound(node[1], predicates)
    if kind == "call" and node[2]:
        return {node[2]}
    if kind == "predicate":
        return {str(value) for _, value in node[2]} | set((predicates or {}).get(node[1], ()))
    return set()


def variables(node: Condition) -> set[str]:
    """Return the environment variables that a match reads."""
    if node[0] in ("all", "any", "none"):
        return {name for part in node[1] for name in variables(part)}
    if node[0] == "seen":
        return variables(node[1])
    return {node[1]} if node[0] == "env" else set()


def absent(node: Condition) -> set[str]:
    """Return the distributions that a match wants not installed: adding one moves nothing."""
    if node[0] in ("all", "any"):
        return {name for part in node[1] for name in absent(part)}
    return {node[1]} if node[0] == "absent" else set()
