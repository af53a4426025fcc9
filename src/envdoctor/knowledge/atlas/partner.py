"""A package as others see it: in which of its releases a module, a name or a parameter is there, and beside which a guard can hold.

The states of a partner are bits: one for each release, and one more, the highest, for a partner that is not there at all.
"""

from __future__ import annotations

from envdoctor.knowledge.atlas.defined import Definitions
from envdoctor.model.guards import parse
from envdoctor.model.modules import is_standard, providers, root
from envdoctor.model.names import normalise
from envdoctor.model.surface import EXISTS, OPEN, ROOMY
from envdoctor.model.versions import InvalidSpecifier, InvalidVersion, admits, window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from envdoctor.knowledge.atlas.text import AtlasText
    from envdoctor.model.guards import Guard

    Answers = Callable[[str, str, str], Mapping[str, int]]

_ANY_KEYWORD = "**"
_UNSURE = "?"


class Partner:
    """A package seen from outside: in which of its releases a module, a name or a parameter is there. Without a text: presence alone."""

    def __init__(self, module: str, text: AtlasText | None, answers: Answers | None = None) -> None:
        """Take a text, and who tells what a helper of any package answers (module, function, arguments: guards with their releases)."""
        self.module = module
        self._answers = answers
        self.package = text.package if text is not None else ""
        self.versions = text.versions if text is not None else ()
        self.offers: Mapping[str, Mapping[str, int]] = text.sections.get("offers", {}) if text is not None else {}
        self._takes = Definitions(text.sections.get("takes", {}) if text is not None else {})
        self._helpers = Definitions(text.sections.get("answers", {}) if text is not None else {})
        states = len(self.versions) if text is not None else 1  # whoever is not in the atlas is there or is not
        self.all = (1 << states) - 1
        self.absent = 1 << states
        self._names = frozenset((self.package,)) if self.package else frozenset(providers(module))
        self._met: dict[tuple[str, str], int] = {}
        self._guards: dict[tuple[str, str], tuple[int, int]] = {}

    def exists(self, module: str) -> int:
        """Return the releases that have a module."""
        items = self.offers.get(module)
        if items is None:
            return 0
        bits = items.get(EXISTS, 0)
        if not bits:
            for held in items.values():
                bits |= held
        return bits

    def may_exist(self, module: str) -> int:
        """Return the releases that have a module, or in which that cannot be known."""
        there = self.exists(module)
        parent = module.rpartition(".")[0]
        if not parent or not self.offers:
            return there
        above = self.offers.get(parent, {})
        return there | above.get(OPEN, 0) | above.get(ROOMY, 0) | (self.may_exist(parent) & ~self.exists(parent))

    def met(self, module: str, chain: str) -> int:
        """Return the releases in which a chain of attributes can be had from a module, or in which that cannot be known."""
        known = self._met.get((module, chain))
        if known is None:
            known = self._met[module, chain] = self._chain(module, chain) if chain else self.may_exist(module)
        return known

    def _chain(self, module: str, chain: str) -> int:
        head, _, rest = chain.partition(".")
        names = self.offers.get(module, {})
        within = f"{module}.{head}"
        below = self.exists(within)
        told = names.get(head, 0) | names.get(OPEN, 0) | (self.may_exist(module) & ~self.exists(module))
        return (below & self.met(within, rest) | told & ~below) if rest else (below | told)

    def accepts(self, function: str, parameter: str) -> tuple[int, int]:
        """Return the releases in which a callable is known not to take a parameter, and those in which it is known to take it."""
        module, _, name = function.partition(":")
        known = takes = 0
        for item, bits in self._takes.items(module, name, self._offered(module, name)).items():
            known |= bits
            name = item.partition("=")[0]
            if name in (parameter, _ANY_KEYWORD, _UNSURE):
                takes |= bits
        return known & ~takes, takes

    def answers(self, module: str, function: str, arguments: str) -> dict[str, int]:
        """Return what a helper answers to some arguments: guards, each with the releases that answer so."""
        return answering(self._helpers.items(module, function, self._offered(module, function)), arguments)

    def _offered(self, module: str, name: str) -> int:
        return self.surely(module, name.partition(".")[0])

    def can(self, guard: str, without: str = "") -> tuple[int, int]:
        """Return the states beside which a guard can be true, and those beside which it can be false, whatever else is installed.

        `without` is a root module that is known not to be there.
        """
        known = self._guards.get((guard, without))
        if known is None:
            everything = self.all | self.absent
            self._guards[guard, without] = (everything, everything)  # what a helper that asks itself can answer: anything
            known = self._guards[guard, without] = self._can(parse(guard), without) if guard else (everything, 0)
        return known

    def _can(self, guard: Guard, without: str) -> tuple[int, int]:
        kind, everything = guard[0], self.all | self.absent
        if kind in ("and", "or"):
            true, false = (everything, 0) if kind == "and" else (0, everything)
            for part in guard[1]:
                one, other = self._can(part, without)
                true, false = (true & one, false | other) if kind == "and" else (true | one, false & other)
            return true, false
        if kind == "not":
            true, false = self._can(guard[1], without)
            return false, true
        if kind == "true":
            return everything, 0
        if kind == "false":
            return 0, everything
        if kind == _UNSURE:
            return 0, 0
        if kind == "has" and is_standard(guard[1]):
            return everything, 0
        if without and _is_about(guard, without):
            return 0, everything
        if kind in ("has", "offers") and root(guard[1]) == self.module:
            if not self.package:
                return self.all, self.absent if guard[1:] == (self.module,) else everything
            chain = guard[2] if kind == "offers" else ""
            return self.met(guard[1], chain), everything & ~self.surely(guard[1], chain)
        if kind == "call":
            return self._can_answer(guard, without)
        if kind == "dist" and normalise(guard[1]) in self._names:
            return self.all, self.absent
        if kind == "ver" and normalise(guard[1]) in self._names:
            fits = self._within(guard[2]) if self.package else self.all
            return fits, everything & ~fits if self.package else everything
        return everything, everything

    def _can_answer(self, guard: Guard, without: str) -> tuple[int, int]:
        """Judge what a helper answers: where it is the partner's own, by release; else by all that it ever answered."""
        mine = root(guard[1]) == self.module
        true = false = 0
        for told, bits in (self._answers(guard[1], guard[2], guard[3]) if self._answers is not None else {}).items():
            one, other = self.can(told, without)
            true, false = (true | one & bits, false | other & bits) if mine else (true | one, false | other)
        return true, false

    def surely(self, module: str, chain: str) -> int:
        """Return the releases in which a module, or a chain of attributes of it, is certainly there."""
        if not chain:
            return self.exists(module)
        head, _, rest = chain.partition(".")
        below = self.exists(f"{module}.{head}")
        told = self.offers.get(module, {}).get(head, 0)
        return (below & self.surely(f"{module}.{head}", rest) | told & ~below) if rest else (below | told)

    def _within(self, specifier: str) -> int:
        try:
            wanted = window(specifier)
            return sum(1 << place for place, version in enumerate(self.versions) if admits(wanted, version))
        except (InvalidSpecifier, InvalidVersion):
            return 0


def _is_about(guard: Guard, module: str) -> bool:
    """Tell whether an atom asks for a module, or for a distribution that brings it."""
    if guard[0] in ("has", "offers"):
        return root(guard[1]) == module
    return guard[0] in ("dist", "ver") and normalise(guard[1]) in providers(module)


def answering(items: Mapping[str, int], arguments: str) -> dict[str, int]:
    """Return what a helper's items answer to some arguments: guards, each with the releases that answer so.

    >>> answering({"$1 => has:$1": 0b011, "$1 => dist:$1": 0b100, "() => gpu": 0b001}, "vllm")
    {'has:vllm': 3, 'dist:vllm': 4}
    """
    found: dict[str, int] = {}
    taken = 0
    for item, bits in sorted(items.items(), key=lambda pair: pair[0].partition(" => ")[0].count("$")):
        variant, _, guard = item.partition(" => ")
        bound = _bound(variant, arguments)
        if bound is None or not bits & ~taken:
            continue
        for name, value in bound.items():
            guard = guard.replace(name, value)
        found[guard] = found.get(guard, 0) | bits & ~taken
        taken |= bits
    return found


def _bound(variant: str, arguments: str) -> dict[str, str] | None:
    wanted, _, part = ("" if variant == "()" else variant).partition("#")
    given, _, asked = arguments.partition("#")
    names, values = wanted.split(","), given.split(",")
    if part != asked or len(names) != len(values):
        return None
    if any(name != value for name, value in zip(names, values) if not name.startswith("$")):
        return None
    bound = {name: value for name, value in zip(names, values) if name.startswith("$")}
    return bound if all(bound.values()) else None
