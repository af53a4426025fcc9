"""Why there is no repair: the fewest requirements that nothing satisfies together, and what is possible without one of them."""

from __future__ import annotations

from envdoctor.model.record import Record
from envdoctor.repair.question import Conflict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Union

    from envdoctor.repair.question import Solution, Wish

    Solve = Callable[[tuple[Wish, ...]], Union[Solution, Conflict]]
    Judge = Callable[[Mapping[str, str]], bool]

_MOST = 60
"""Requirements among which a core is looked for; each is a question to the resolver."""


class Core(Record):
    """Requirements of which each is needed for the contradiction. `text` is the resolver's proof of it.

    `without` maps each name to the set that is possible when that requirement is dropped, as far as there is one.
    """

    wishes: tuple[Wish, ...]
    text: str
    without: Mapping[str, Mapping[str, str]]


def core(wishes: Sequence[Wish], conflict: Conflict, solve: Solve, is_fit: Judge) -> Core:
    """Return the core that leaving out one requirement after the other leads to. `solve` answers with all versions free to move."""
    left = [wish for wish in wishes if wish.name in conflict.names] or list(wishes)
    proof = solve(tuple(left))
    if not isinstance(proof, Conflict):  # the names in a proof need not be all that it rests on
        left, proof = list(wishes), conflict
    for wish in list(left)[:_MOST]:
        fewer = [one for one in left if one is not wish]
        answer = solve(tuple(fewer)) if fewer else None
        if isinstance(answer, Conflict):
            left, proof = fewer, answer
    without = {}
    for wish in left:
        answer = solve(tuple(one for one in wishes if one is not wish))
        if not isinstance(answer, Conflict) and is_fit(answer.versions):
            without[wish.name] = answer.versions
    return Core(wishes=tuple(left), text=proof.text, without=without)
