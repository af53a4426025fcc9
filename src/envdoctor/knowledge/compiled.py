"""The rule book as one inert file for machines: an index, and per rule four blobs (condition, head, words, the rest of its page).

Plain data in `marshal` form, version 2: read by every Python from 3.10 on without importing anything, in well under a millisecond for the
index; `json` alone costs 7 ms to import. Only tuples, strings, numbers, booleans and None are stored, and only the file
that was built with the package is ever read. A rule's condition is unpacked when its gate opens, its words when it fires, so
that a check does not get slower with the number of rules. What every check needs stands at the beginning of the file, and only that is
read.
"""

from __future__ import annotations

import marshal

from envdoctor.model.knowledge import Prose
from envdoctor.model.rule import Evidence, Head, Remedy, Reproduction, Rule
from envdoctor.model.versions import InvalidVersion, covers, key, union

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    from envdoctor.model.rule import Condition
    from envdoctor.model.snapshot import Distribution
    from envdoctor.model.versions import Bound, Window

    Gate = tuple[tuple[str, Window | None], ...]

_MATCH, _HEAD, _WORDS, _PAGE = range(4)
"""The cold parts of a rule, each packed for itself: read only when it fires, or when a version is not known."""
_LARGE = 600
"""Bytes of a condition that are still kept where every check reads them."""
_FIELDS = 5  # of a place: where the rule's cold parts begin, and the size of each
_MAGIC = b"envdoctor book 2\n"
_CLOSED, _OPEN, _UNSURE = range(3)


def gates(node: Condition) -> Gate:
    """Return the distributions (with windows) that must be installed for a condition to be true or unknown."""
    kind = node[0]
    if kind == "dist":
        return ((node[1], node[2]),)
    if kind == "build":
        return ((node[1], None),)
    if kind == "window":
        return ((node[2], union(tuple(part for row in node[3] for part in row[0]))), (node[1], None))
    if kind == "all":
        return tuple(gate for part in node[1] for gate in gates(part))
    if kind == "any" and len(node[1]) == 1:
        return gates(node[1][0])
    return ()


def rest(node: Condition) -> Condition:
    """Return a condition without the parts that its gate shows to hold when all versions are known."""
    if node[0] == "dist":
        return ("all", ())
    if node[0] == "all":
        return ("all", tuple(part for part in node[1] if part[0] != "dist"))
    return node


def compile_book(rules: Iterable[Rule], version: str) -> bytes:
    """Return the compiled form of a rule book; the same rules give the same bytes."""
    ordered = sorted(rules, key=lambda rule: rule.id)
    opened = [gates(rule.match) for rule in ordered]
    often: dict[str, int] = {}
    for one in opened:
        for name in {name for name, _ in one}:
            often[name] = often.get(name, 0) + 1
    index: dict[str, list[Any]] = {}
    places: list[int] = []
    cold: list[bytes] = []
    offset = 0
    for number, rule in enumerate(ordered):
        # A rule stands in the index under its rarest distribution, so that most rules are never looked at.
        gate = tuple(sorted(opened[number], key=lambda pair: (often[pair[0]], pair[0], pair[1] is None)))
        left: Condition | None = rest(rule.match)
        if len(marshal.dumps(left, 2)) > _LARGE:
            left = None  # a long window table: read with the rule's cold parts, if its gate ever opens
        index.setdefault(gate[0][0] if gate else "", []).append((gate, number, left))
        parts = [marshal.dumps(part, 2) for part in (rule.match, _head(rule), _words(rule), _page(rule))]
        places += (offset, *map(len, parts))
        cold += parts
        offset += sum(map(len, parts))
    packed = {name: marshal.dumps(tuple(found), 2) for name, found in sorted(index.items())}
    numbers = b"".join(number.to_bytes(4, "little") for number in places)
    table = marshal.dumps((version, "\n".join(rule.id for rule in ordered), packed, numbers), 2)
    return b"".join([_MAGIC, b"%d\n" % len(table), table, *cold])


def _head(rule: Rule) -> tuple[Any, ...]:
    return (rule.severity, rule.impact, rule.confidence, rule.subject, rule.uses)


def _words(rule: Rule) -> tuple[Any, ...]:
    remedies = tuple(
        (
            r.title, r.safety, tuple(r.require.items()), tuple((t, _plain(tuple(v.items()))) for t, v in r.set_argument.items()),
            tuple(r.set_env.items()), r.unset_env, r.replace_model, r.remove, r.advice,
        )
        for r in rule.remedies
    )  # fmt: skip
    return (rule.title, rule.message, rule.why, rule.silent, remedies, tuple(e.url for e in rule.evidence))


def _page(rule: Rule) -> tuple[Any, ...]:
    repro = rule.repro
    return (
        rule.family, rule.since, rule.status, rule.symptoms, tuple((e.url, e.says, e.checked) for e in rule.evidence),
        (repro.install, repro.run, repro.error, repro.reproduced, repro.cannot),
    )  # fmt: skip


def _plain(value: Any) -> Any:
    return tuple(_plain(part) for part in value) if isinstance(value, (list, tuple)) else value


def _layout(data: bytes) -> tuple[int, int]:
    """Return where the table and the cold parts begin. Raises ValueError for what is no compiled book."""
    start = len(_MAGIC)
    end = data.find(b"\n", start)
    if not data.startswith(_MAGIC) or end < 0:
        raise ValueError("not a compiled rule book")
    return end + 1, end + 1 + int(data[start:end])


def hot_size(beginning: bytes) -> int:
    """Return how many bytes of a book every check needs, from its first line. Raises ValueError."""
    return _layout(beginning)[1]


class CompiledBook:
    """A rule book in compiled form. Raises ValueError for bytes that `compile_book` did not write."""

    def __init__(self, data: bytes, cold: Callable[[int, int], bytes] | None = None, release: Callable[[], None] | None = None) -> None:
        """Take a whole book, or its beginning (see `hot_size`) with a function that reads SIZE bytes at an offset, and one to let go."""
        self._release = release
        table, self._cold_at = _layout(data)
        self._cold = cold or (lambda start, size: data[start : start + size])
        version, ids, index, numbers = marshal.loads(data[table : self._cold_at])  # noqa: S302 - our own build artefact, plain data
        self.version: str = version
        self.ids: tuple[str, ...] = tuple(ids.split("\n")) if ids else ()
        self._index: dict[str, bytes] = index
        self._numbers: bytes = numbers
        self._places: dict[str, int] | None = None

    def release(self) -> None:
        """Let go of the file behind the book, if there is one. The book can be used on: it is opened again when needed."""
        if self._release is not None:
            self._release()

    def candidates(self, distributions: Mapping[str, Distribution]) -> Iterator[tuple[str, Condition]]:
        """Return the rules whose gate is open: its distributions are installed, at versions that may be in its windows."""
        index = self._index
        places: dict[str, Bound | None] = {}
        # "" stands for the rules that no distribution gates
        for name in ["", *[name for name in index if name in distributions]]:
            if name not in index:
                continue
            for gate, number, left in marshal.loads(index[name]):  # noqa: S302 - as in __init__
                state = _look(gate, distributions, places)
                if state == _OPEN and left is not None:
                    yield self.ids[number], left
                elif state != _CLOSED:
                    yield self.ids[number], self._part(number, _MATCH)

    def _part(self, number: int, part: int) -> Any:
        at = number * _FIELDS * 4
        sizes = [int.from_bytes(self._numbers[at + 4 * field : at + 4 * field + 4], "little") for field in range(part + 2)]
        return marshal.loads(self._cold(self._cold_at + sum(sizes[: part + 1]), sizes[part + 1]))  # noqa: S302 - as in __init__

    def head(self, rule: str) -> Head:
        """Return what the engine needs of a rule. Raises KeyError."""
        number = self._place(rule)
        severity, impact, confidence, subject, uses = self._part(number, _HEAD)
        match = self._part(number, _MATCH)
        return Head(id=rule, severity=severity, impact=impact, confidence=confidence, subject=subject, uses=uses, match=match)

    def prose(self, rule: str) -> Prose:
        """Return what a rule says. Raises KeyError."""
        title, message, why, silent, remedies, links = self._part(self._place(rule), _WORDS)
        return Prose(title=title, message=message, why=why, silent=silent, remedies=tuple(map(_remedy, remedies)), links=links)

    def rule(self, name: str) -> Rule:
        """Return a whole rule. Raises KeyError."""
        family, since, status, symptoms, evidence, repro = self._part(self._place(name), _PAGE)
        head, prose = self.head(name), self.prose(name)
        return Rule(
            id=name, family=family, title=prose.title, since=since, status=status, severity=head.severity, impact=head.impact,
            confidence=head.confidence, silent=prose.silent, subject=head.subject, uses=head.uses, message=prose.message, why=prose.why,
            match=head.match, symptoms=symptoms, remedies=prose.remedies,
            evidence=tuple(Evidence(url=url, says=says, checked=checked) for url, says, checked in evidence),
            repro=Reproduction(install=repro[0], run=repro[1], error=repro[2], reproduced=repro[3], cannot=repro[4]),
        )  # fmt: skip

    def _place(self, rule: str) -> int:
        if self._places is None:
            self._places = {name: number for number, name in enumerate(self.ids)}
        return self._places[rule]


def _look(gate: Gate, distributions: Mapping[str, Distribution], places: dict[str, Bound | None]) -> int:
    """Tell whether a gate is closed, open, or open for want of a version that would say. `places` keeps where each version lies."""
    state = _OPEN
    for name, wanted in gate:
        if name not in distributions:
            return _CLOSED
        if wanted is None:
            continue
        if name not in places:
            places[name] = _lies(distributions[name])
        at = places[name]
        if at is None:
            state = _UNSURE
        elif not covers(wanted, at):
            return _CLOSED
    return state


def _lies(found: Distribution) -> Bound | None:
    try:
        return None if found.version is None else (key(found.version), 0)
    except InvalidVersion:
        return None


def _remedy(row: tuple[Any, ...]) -> Remedy:
    title, safety, require, arguments, environment, unset, model, remove, advice = row
    return Remedy(
        title=title, safety=safety, require=dict(require), set_argument={target: dict(values) for target, values in arguments},
        set_env=dict(environment), unset_env=unset, replace_model=model, remove=remove, advice=advice,
    )  # fmt: skip
