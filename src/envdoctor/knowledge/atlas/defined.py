"""Where a callable is defined that somebody names by one module: there, below it, or elsewhere in the package, if only one can be meant."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    Items = Mapping[str, int]


class Definitions:
    """The subjects of a section, module:Qual.name each, with their items."""

    def __init__(self, subjects: Mapping[str, Items]) -> None:
        self._subjects = subjects
        self._by_name: dict[str, list[str]] | None = None
        self._found: dict[tuple[str, str], dict[str, int]] = {}

    def items(self, module: str, name: str, offered: int) -> dict[str, int]:
        """Return the items of MODULE:NAME with their releases, each taken from the nearest definition that is the only one of its kind.

        A definition elsewhere counts in the releases `offered`, in which the module is known to have the name.

        >>> Definitions({"a.b.c:f": {"x": 1}, "a.d:f": {"y": 7}}).items("a.b", "f", 0b011)
        {'x': 1, 'y': 2}
        """
        known = self._found.get((module, name))
        if known is None:
            known = self._found[module, name] = self._look(module, name, offered)
        return known

    def _look(self, module: str, name: str, offered: int) -> dict[str, int]:
        if self._by_name is None:
            self._by_name = {}
            for subject in self._subjects:
                self._by_name.setdefault(subject.partition(":")[2], []).append(subject)
        subjects = self._by_name.get(name, [])
        own = [subject for subject in subjects if subject == f"{module}:{name}"]
        below = [subject for subject in subjects if subject.startswith(module + ".")]
        found: dict[str, int] = {}
        taken = 0
        for group in (own, below, subjects):
            once = twice = 0
            for subject in group:
                bits = self._releases(subject)
                once, twice = once | bits, twice | (once & bits)
            alone = once & ~twice & ~taken & (-1 if group is own else offered)
            for subject in group if alone else ():
                for item, bits in self._subjects[subject].items():
                    if bits & alone:
                        found[item] = found.get(item, 0) | bits & alone
            taken |= once
        return found

    def _releases(self, subject: str) -> int:
        found = 0
        for bits in self._subjects[subject].values():
            found |= bits
        return found
