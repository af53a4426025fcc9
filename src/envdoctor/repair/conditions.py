"""What a rule's condition says of versions: which releases of its packages, taken together, make it hold. Pure.

A condition knows a package only by windows, so releases that lie in the same ones are one class, and a rule over two packages of eighty
releases each is judged a dozen times.
"""

from __future__ import annotations

from itertools import product

from envdoctor.engine.conditions import judge
from envdoctor.model.snapshot import Distribution
from envdoctor.model.versions import ANY, InvalidVersion, admits, build_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from envdoctor.model.rule import Condition
    from envdoctor.model.snapshot import Snapshot
    from envdoctor.model.versions import Window

    Class = tuple[str, ...]  # versions that a condition cannot tell apart; () for a package that is not there

_MOST = 4096
"""Combinations of classes that are judged at most; no rule of the book comes near."""


def named(node: Condition) -> Iterator[tuple[str, Window | None]]:
    """Return the packages that a condition asks about, with every window it holds them to; None where it asks for absence."""
    kind = node[0]
    if kind in ("all", "any", "none"):
        for part in node[1]:
            yield from named(part)
    elif kind == "seen":
        yield from named(node[1])
    elif kind == "dist":
        yield node[1], ANY if node[2] is None else node[2]
    elif kind == "build":
        yield node[1], ANY
    elif kind == "absent":
        yield node[1], None
    elif kind == "window":
        for row in node[3]:
            yield node[2], row[0]
            yield node[1], row[1]


def firing(node: Condition, patient: Snapshot, releases: Mapping[str, Sequence[str]]) -> tuple[tuple[str, ...], list[tuple[Class, ...]]]:
    """Return the packages of a condition, and each combination of classes of theirs with which it certainly holds.

    `releases` are those to be told apart, of every package that is there; others stay as they are. Facts are the patient's own.
    """
    windows: dict[str, list[Window]] = {}
    optional: set[str] = set()
    for name, wanted in named(node):
        held = windows.setdefault(name, [])
        if wanted is None:
            optional.add(name)
        elif wanted not in held:
            held.append(wanted)
    names = tuple(sorted(windows))
    choices = [_classes(name, windows[name], patient, releases.get(name, ()), absent=name in optional) for name in names]
    size = 1
    for choice in choices:
        size *= len(choice)
    if size > _MOST:
        return names, []
    found = []
    for combination in product(*choices):
        supposed = dict(patient.distributions)
        for name, versions in zip(names, combination):
            supposed.pop(name, None)
            if versions:
                supposed[name] = _at(patient.distributions.get(name), name, versions[0])
        if judge(node, patient.replace(distributions=supposed)) is True:
            found.append(combination)
    return names, found


def _classes(name: str, windows: Sequence[Window], patient: Snapshot, releases: Sequence[str], *, absent: bool) -> list[Class]:
    here = patient.distributions.get(name)
    if here is None and not absent:
        return [()]
    known = list(releases)
    if here is not None and here.version is not None and here.version not in known:
        known.append(here.version)
    classes: dict[tuple[bool, ...], list[str]] = {}
    for version in known:
        try:
            mark = tuple(admits(one, version) for one in windows)
        except InvalidVersion:
            continue
        classes.setdefault(mark, []).append(version)
    found = [tuple(same) for same in classes.values()]
    return [(), *found] if here is None else found or [()]


def _at(here: Distribution | None, name: str, version: str) -> Distribution:
    if here is not None and here.version == version:
        return here
    return Distribution(name=name, version=version, build=build_of(version) or (here.build if here is not None else ""), origin="the plan")
