"""The rule book as one inert file for machines: an index, and per rule three blobs (condition, words, the rest of its page).

Plain data in `marshal` form, version 2: read by every Python from 3.10 on without importing anything, in well under a millisecond for the
index; `json` alone costs 7 ms to import. Only tuples, strings, numbers, booleans and None are stored, and only the file
that was built with the package is ever read. A rule's condition is unpacked when its gate opens, its words when it fires, so
that a check does not get slower with the number of rules.
"""

from __future__ import annotations

import marshal

from envdoctor.model.knowledge import Prose
from envdoctor.model.rule import Evidence, Head, Remedy, Reproduction, Rule
from envdoctor.model.versions import InvalidVersion, admits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from envdoctor.model.rule import Condition
    from envdoctor.model.snapshot import Distribution
    from envdoctor.model.versions import Window

    Gate = tuple[tuple[str, Window | None], ...]

_MAGIC = b"envdoctor book 1\n"


def gates(node: Condition) -> Gate:
    """Return the distributions (with windows) that must be installed for a condition to be true or unknown."""
    kind = node[0]
    if kind == "dist":
        return ((node[1], node[2]),)
    if kind == "build":
        return ((node[1], None),)
    if kind == "window":
        # the union of the rows' first windows is a list of intervals, which is all `admits` needs
        return ((node[2], tuple(part for row in node[3] for part in row[0])), (node[1], None))
    if kind == "all":
        return tuple(gate for part in node[1] for gate in gates(part))
    if kind == "any" and len(node[1]) == 1:
        return gates(node[1][0])
    return ()


def compile_book(rules: Iterable[Rule], version: str) -> bytes:
    """Return the compiled form of a rule book; the same rules give the same bytes."""
    ordered = sorted(rules, key=lambda rule: rule.id)
    opened = {rule.id: gates(rule.match) for rule in ordered}
    often: dict[str, int] = {}
    for rule in ordered:
        for name in {name for name, _ in opened[rule.id]}:
            often[name] = often.get(name, 0) + 1
    index: dict[str, list[Any]] = {}
    blobs: list[bytes] = []
    rows = []
    offset = 0
    for number, rule in enumerate(ordered):
        gate = sorted(opened[rule.id], key=lambda pair: (often[pair[0]], pair[0], pair[1] is None))
        if gate:
            name, wanted = gate[0]
            others = tuple(gate[1:])
            index.setdefault(name, []).append((wanted, others, number))
        else:
            index.setdefault("", []).append((None, (), number))
        head = marshal.dumps((rule.severity, rule.impact, rule.confidence, rule.subject, rule.uses, rule.match), 2)
        prose = marshal.dumps(_words(rule), 2)
        page = marshal.dumps(_page(rule), 2)
        rows.append((rule.id, offset, len(head), len(prose), len(page)))
        blobs += (head, prose, page)
        offset += len(head) + len(prose) + len(page)
    table = marshal.dumps((version, tuple(rows), {name: tuple(found) for name, found in sorted(index.items())}), 2)
    return b"".join([_MAGIC, b"%d\n" % len(table), table, *blobs])


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


class CompiledBook:
    """A rule book in compiled form. Raises ValueError for bytes that `compile_book` did not write."""

    def __init__(self, data: bytes) -> None:
        start = len(_MAGIC)
        if not data.startswith(_MAGIC):
            raise ValueError("not a compiled rule book")
        end = data.index(b"\n", start)
        size = int(data[start:end])
        self._data = data
        self._blobs = end + 1 + size
        version, rows, index = marshal.loads(data[end + 1 : self._blobs])  # noqa: S302 - our own build artefact, plain data
        self.version: str = version
        self._rows = rows
        self._index = index
        self.ids: tuple[str, ...] = tuple([row[0] for row in rows])
        self._places: dict[str, int] | None = None

    def candidates(self, distributions: Mapping[str, Distribution]) -> Iterator[Head]:
        """Return the rules whose gate is open: its distributions are installed, at versions that may be in its windows."""
        index = self._index
        for _, _, number in index.get("", ()):
            yield self._head(number)
        for name in distributions if len(distributions) < len(index) else index:
            if name not in index:
                continue
            found = distributions.get(name)
            if found is None:
                continue
            for wanted, others, number in index[name]:
                if _open(found, wanted) and all(_opens(other, distributions) for other in others):
                    yield self._head(number)

    def _head(self, number: int) -> Head:
        name, offset, size = self._rows[number][:3]
        start = self._blobs + offset
        severity, impact, confidence, subject, uses, match = marshal.loads(self._data[start : start + size])  # noqa: S302
        return Head(id=name, severity=severity, impact=impact, confidence=confidence, subject=subject, uses=uses, match=match)

    def prose(self, rule: str) -> Prose:
        """Return what a rule says. Raises KeyError."""
        _, offset, size, words, _ = self._rows[self._place(rule)]
        start = self._blobs + offset + size
        title, message, why, silent, remedies, links = marshal.loads(self._data[start : start + words])  # noqa: S302
        return Prose(title=title, message=message, why=why, silent=silent, remedies=tuple(map(_remedy, remedies)), links=links)

    def rule(self, name: str) -> Rule:
        """Return a whole rule. Raises KeyError."""
        number = self._place(name)
        _, offset, size, words, page = self._rows[number]
        start = self._blobs + offset + size + words
        family, since, status, symptoms, evidence, repro = marshal.loads(self._data[start : start + page])  # noqa: S302
        head, prose = self._head(number), self.prose(name)
        return Rule(
            id=name, family=family, title=prose.title, since=since, status=status, severity=head.severity, impact=head.impact,
            confidence=head.confidence, silent=prose.silent, subject=head.subject, uses=head.uses, message=prose.message, why=prose.why,
            match=head.match, symptoms=symptoms, remedies=prose.remedies,
            evidence=tuple(Evidence(url=url, says=says, checked=checked) for url, says, checked in evidence),
            repro=Reproduction(install=repro[0], run=repro[1], error=repro[2], reproduced=repro[3], cannot=repro[4]),
        )  # fmt: skip

    def _place(self, rule: str) -> int:
        if self._places is None:
            self._places = {row[0]: number for number, row in enumerate(self._rows)}
        return self._places[rule]


def _open(found: Distribution, wanted: Window | None) -> bool:
    if wanted is None or found.version is None:
        return True
    try:
        return admits(wanted, found.version)
    except InvalidVersion:
        return True


def _opens(gate: tuple[str, Window | None], distributions: Mapping[str, Distribution]) -> bool:
    found = distributions.get(gate[0])
    return found is not None and _open(found, gate[1])


def _remedy(row: tuple[Any, ...]) -> Remedy:
    title, safety, require, arguments, environment, unset, model, remove, advice = row
    return Remedy(
        title=title, safety=safety, require=dict(require), set_argument={target: dict(values) for target, values in arguments},
        set_env=dict(environment), unset_env=unset, replace_model=model, remove=remove, advice=advice,
    )  # fmt: skip
