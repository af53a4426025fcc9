"""Conditions on an environment as text: under which a need holds, or an entry refuses to work.

    or = and ("|" and)* ; and = unary ("&" unary)* ; unary = "!" unary | "(" or ")" | atom

Atoms hold no blanks: `has:MODULE` (can be imported), `dist:NAME` (metadata is there), `NAME>=1,<2` (version; false where it
is absent), `py>=3.10`, `os=linux`, `offers:MODULE:NAME`, `call:MODULE:FUNCTION:ARGUMENTS` (what a helper of another package answers),
`gpu`, `?` (cannot be known). `judge` answers True, False or None for unknown.
"""

from __future__ import annotations

from envdoctor.model.modules import root
from envdoctor.model.names import normalise
from envdoctor.model.versions import InvalidSpecifier, InvalidVersion, admits, window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from typing import Any, Protocol, Union

    Guard = tuple[Any, ...]

    class World(Protocol):
        """What is known of an environment; None is unknown everywhere."""

        def has(self, module: str) -> bool | None:
            """Tell whether a module can be found."""

        def version(self, name: str) -> Union[str, bool, None]:
            """Return a distribution's version; False where it is not installed."""

        def offers(self, module: str, name: str) -> bool | None:
            """Tell whether a module offers a name."""

        def python(self) -> str | None:
            """Return the version of Python."""

        def system(self) -> str | None:
            """Return linux, macos or windows."""

        def gpu(self) -> bool | None:
            """Tell whether there is a GPU that torch can use."""

        def answer(self, module: str, function: str, arguments: str) -> Guard | None:
            """Return when a helper of the installed release answers yes."""


TRUE: Guard = ("true",)
FALSE: Guard = ("false",)
UNKNOWN: Guard = ("?",)
_OPERATORS = "<>=!~"


def atom(text: str) -> Guard:
    """Return the guard of one atom. Raises ValueError."""
    if text in ("true", "false", "?", "gpu"):
        return (text,)
    for kind, fields in (("has", 1), ("dist", 1), ("offers", 2), ("call", 3)):
        if text.startswith(kind + ":"):
            found = text[len(kind) + 1 :].split(":", fields - 1)
            if len(found) == fields and all(found[:2]):
                return (kind, *found)
            raise ValueError(f"{text!r}: {kind} takes {fields} fields")
    for place, sign in enumerate(text):
        if sign in _OPERATORS:
            name, rest = text[:place], text[place:]
            if name == "py":
                return ("py", rest)
            if name == "os" and rest.lstrip("=").isalpha():
                return ("os", rest.lstrip("="))
            if name and name != "os":
                return ("ver", name, rest)
            break
    raise ValueError(f"{text!r} is no atom of a guard")


def no(guard: Guard) -> Guard:
    """Return the opposite of a guard."""
    kind = guard[0]
    if kind == "true":
        return FALSE
    if kind == "false":
        return TRUE
    if kind == "?":
        return UNKNOWN
    if kind == "not":
        return guard[1]  # type: ignore[no-any-return]
    if kind == "and":
        return any_of(no(part) for part in guard[1])
    if kind == "or":
        return all_of(no(part) for part in guard[1])
    return ("not", guard)


def all_of(parts: Iterable[Guard]) -> Guard:
    """Return the guard that holds when all parts do."""
    return _joined("and", parts, TRUE, FALSE)


def any_of(parts: Iterable[Guard]) -> Guard:
    """Return the guard that holds when one of the parts does."""
    return _joined("or", parts, FALSE, TRUE)


_JOINED: dict[tuple[str, tuple[Guard, ...]], Guard] = {}
_MOST_JOINED = 50_000
"""Conditions that are remembered: a program is full of lines that are reached under the same few."""


def _joined(kind: str, parts: Iterable[Guard], neutral: Guard, final: Guard) -> Guard:
    given = [part for part in parts if part is not neutral]
    if len(given) < 2:  # what was joined once is in order already
        return given[0] if given else neutral
    asked = (kind, tuple(given))
    known = _JOINED.get(asked)
    if known is None:
        if len(_JOINED) >= _MOST_JOINED:
            _JOINED.clear()
        known = _JOINED[asked] = _join(kind, given, neutral, final)
    return known


def _join(kind: str, parts: Iterable[Guard], neutral: Guard, final: Guard) -> Guard:
    flat: dict[Guard, None] = {}
    for part in parts:
        for one in part[1] if part[0] == kind else (part,):
            if one == final:
                return final
            if one != neutral:
                flat[one] = None
    for one in flat:
        if one[0] == "not" and one[1] in flat:
            return final
    other = "or" if kind == "and" else "and"
    for one in list(flat):
        if one[0] == other:
            if any(piece in flat for piece in one[1]):  # A & (A | B) is A
                del flat[one]
                continue
            kept = tuple(piece for piece in one[1] if piece == UNKNOWN or _opposite(piece) not in flat)  # A & (!A | B) is A & B
            if len(kept) < len(one[1]):
                del flat[one]
                return _joined(kind, (*flat, _joined(other, kept, final, neutral)), neutral, final)
    joint = _resolved([one for one in flat if one[0] == other])
    if joint is not None:
        one, two, common = joint
        rest = (piece for piece in flat if piece not in (one, two))
        return _joined(kind, (*rest, _joined(other, common, final, neutral)), neutral, final)
    if not flat:
        return neutral
    if len(flat) == 1:
        return next(iter(flat))
    if sum(map(_size, flat)) > _MOST:
        return UNKNOWN
    return (kind, tuple(sorted(flat, key=spell)))


def _resolved(parts: list[Guard]) -> tuple[Guard, Guard, tuple[Guard, ...]] | None:
    """Return two of the parts that differ in one atom and its opposite, with what they share: (A & B) | (!A & B) is B."""
    for place, one in enumerate(parts):
        for two in parts[place + 1 :]:
            if len(one[1]) == len(two[1]):
                differing = [piece for piece in one[1] if piece not in two[1]]
                if len(differing) == 1 and _opposite(differing[0]) in two[1]:
                    return one, two, tuple(piece for piece in one[1] if piece != differing[0])
    return None


_MOST = 32
"""Atoms of a condition; a longer one is called unknown, which is never wrong, only less."""


def _size(guard: Guard) -> int:
    if guard[0] in ("and", "or"):
        return sum(map(_size, guard[1]))
    return 1


def _opposite(guard: Guard) -> Guard:
    return guard[1] if guard[0] == "not" else ("not", guard)


def spell(guard: Guard) -> str:
    """Return a guard as text."""
    kind = guard[0]
    if kind in ("true", "false", "?", "gpu"):
        return str(kind)
    if kind == "not":
        inner = spell(guard[1])
        return f"!({inner})" if guard[1][0] in ("and", "or") else f"!{inner}"
    if kind in ("and", "or"):
        sign = "&" if kind == "and" else "|"
        return sign.join(f"({spell(part)})" if part[0] in ("and", "or") else spell(part) for part in guard[1])
    if kind == "ver":
        return f"{guard[1]}{guard[2]}"
    if kind == "py":
        return f"py{guard[1]}"
    if kind == "os":
        return f"os={guard[1]}"
    return ":".join(guard)


def certain(guard: Guard) -> Guard:
    """Return the part of a condition that can be known: what hangs on something unknown does not count."""
    kind = guard[0]
    if kind == "?":
        return FALSE
    if kind == "and":
        return all_of(certain(part) for part in guard[1])
    if kind == "or":
        return any_of(certain(part) for part in guard[1])
    return guard


_PARSED: dict[str, Guard] = {}


def parse(text: str) -> Guard:
    """Return the guard that a text spells. Raises ValueError."""
    known = _PARSED.get(text)
    if known is None:
        known, rest = _either(text, 0)
        if rest != len(text):
            raise ValueError(f"{text!r}: {text[rest:]!r} is left over")
        _PARSED[text] = known
    return known


def _either(text: str, at: int) -> tuple[Guard, int]:
    parts = []
    while True:
        part, at = _both(text, at)
        parts.append(part)
        if text[at : at + 1] != "|":
            return any_of(parts), at
        at += 1


def _both(text: str, at: int) -> tuple[Guard, int]:
    parts = []
    while True:
        part, at = _single(text, at)
        parts.append(part)
        if text[at : at + 1] != "&":
            return all_of(parts), at
        at += 1


def _single(text: str, at: int) -> tuple[Guard, int]:
    sign = text[at : at + 1]
    if sign == "!":
        part, at = _single(text, at + 1)
        return no(part), at
    if sign == "(":
        part, at = _either(text, at + 1)
        if text[at : at + 1] != ")":
            raise ValueError(f"{text!r}: a bracket is not closed")
        return part, at + 1
    end = at
    while end < len(text) and text[end] not in "&|()":
        end += 1
    return atom(text[at:end]), end


def mentions(guard: Guard, names: Collection[str]) -> bool:
    """Tell whether a guard asks about one of some packages or root modules."""
    todo = [guard]
    for one in todo:  # grows on the way
        if one[0] in ("and", "or"):
            todo.extend(one[1])
        elif one[0] == "not":
            todo.append(one[1])
        elif one[0] in ("has", "offers", "call", "ver", "dist") and (root(one[1]) in names or normalise(one[1]) in names):
            return True
    return False


def judge(guard: Guard, world: World) -> bool | None:
    """Tell whether a guard holds in an environment; None where that cannot be known."""
    kind = guard[0]
    if kind == "and":
        return _all(guard[1], world, False)
    if kind == "or":
        return _all(guard[1], world, True)
    if kind == "not":
        inner = judge(guard[1], world)
        return None if inner is None else not inner
    if kind == "true":
        return True
    if kind == "false":
        return False
    if kind == "has":
        return world.has(guard[1])
    if kind == "dist":
        found = world.version(guard[1])
        return None if found is None else found is not False
    if kind == "ver":
        return _within(world.version(guard[1]), guard[2])
    if kind == "py":
        return _within(world.python(), guard[1])
    if kind == "os":
        system = world.system()
        return None if system is None else system == guard[1]
    if kind == "offers":
        return world.offers(guard[1], guard[2])
    if kind == "gpu":
        return world.gpu()
    if kind == "call":
        told = world.answer(guard[1], guard[2], guard[3])
        return None if told is None else judge(told, world)
    return None


def _all(parts: tuple[Guard, ...], world: World, final: bool) -> bool | None:
    answer: bool | None = not final
    for part in parts:
        told = judge(part, world)
        if told is final:
            return final
        if told is None:
            answer = None
    return answer


def _within(version: Union[str, bool, None], specifier: str) -> bool | None:
    if version is None:
        return None
    if not version:
        return False
    try:
        return admits(window(specifier), str(version))
    except (InvalidSpecifier, InvalidVersion):
        return None
