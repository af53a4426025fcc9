"""What a rule's condition says of every release, against judging each set of versions for itself."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envdoctor.engine.conditions import judge
from envdoctor.knowledge.compiled import CompiledBook
from envdoctor.model.snapshot import Snapshot
from envdoctor.repair.conditions import _MOST, _classes, firing, named
from tests.conftest import snapshot
from tests.engine.test_conditions import node

RELEASES = {"bee": ("1.0", "1.1", "2.0", "3.0rc1", "3.0"), "cat": ("0.9", "1.0.post1", "1.5"), "dog": ("2024.1",)}
WINDOWS = ("", ">=1.1", "<2.0", "==1.0", "!=1.0", ">1.0", "<=1.5", ">=1.0,<2.0", "~=1.0", "<3")


@st.composite
def windows(draw: st.DrawFn) -> dict[str, Any]:
    rows = [
        {"when": draw(st.sampled_from(WINDOWS[1:])), "then": draw(st.sampled_from(WINDOWS[1:]))} for _ in range(draw(st.integers(1, 2)))
    ]
    holder, other = draw(st.permutations(tuple(RELEASES)))[:2]
    return {"all": [{"dist": other, "version": row["then"]} for row in rows] + [{"dist": holder, "version": rows[0]["when"]}]}


LEAVES = st.one_of(
    st.builds(lambda name, told: {"dist": name, "version": told} if told else {"dist": name}, st.sampled_from(tuple(RELEASES)), st.sampled_from(WINDOWS)),
    st.builds(lambda name: {"dist": name, "absent": True}, st.sampled_from(tuple(RELEASES))),
    st.sampled_from(({"fact": "os.name", "equals": "linux"}, {"fact": "os.name", "equals": "macos"}, {"fact": "driver.version", "at_least_version": "1"})),
)  # fmt: skip
CONDITIONS = st.recursive(
    LEAVES | windows(),
    lambda parts: st.builds(
        lambda kind, some: {kind: some}, st.sampled_from(("all", "any", "none")), st.lists(parts, min_size=1, max_size=3)
    ),
    max_leaves=6,
)
PATIENTS = st.fixed_dictionaries({}, optional={name: st.sampled_from((*versions, "9")) for name, versions in RELEASES.items()})


def supposed(patient: Snapshot, versions: dict[str, str]) -> Snapshot:
    return patient.replace(distributions=snapshot(dict(versions)).distributions)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(table=CONDITIONS, versions=PATIENTS)
def test_a_condition_fires_for_exactly_the_sets_that_it_says(table: dict[str, Any], versions: dict[str, str]) -> None:
    rule, patient = node(table), snapshot(dict(versions))
    names, found = firing(rule, patient, RELEASES)
    told = {one for combination in found for one in product(*(same or ("",) for same in combination))}
    may_be_absent = {name for name, window in named(rule) if window is None}
    domain = []
    for name in names:
        if name in versions:
            domain.append([*RELEASES[name], *({versions[name]} - set(RELEASES[name]))])
        else:
            domain.append(["", *RELEASES[name]] if name in may_be_absent else [""])
    really = set()
    for combination in product(*domain):
        others = {name: version for name, version in versions.items() if name not in names}
        here = {name: version for name, version in zip(names, combination) if version}
        if judge(rule, supposed(patient, {**others, **here})) is True:
            really.add(combination)
    assert told == really


def test_releases_that_no_window_tells_apart_are_judged_once() -> None:
    names, found = firing(
        node({"all": [{"dist": "bee", "version": ">=1.1"}, {"dist": "cat"}]}), snapshot({"bee": "1.0", "cat": "0.9"}), RELEASES
    )
    assert (names, found) == (("bee", "cat"), [(("1.1", "2.0", "3.0rc1", "3.0"), ("0.9", "1.0.post1", "1.5"))])


def test_a_build_counts_as_the_release_that_it_is_of() -> None:
    rule = node({"all": [{"dist": "torch", "version": ">=2.5"}, {"dist": "bee", "version": "<2"}]})
    _, found = firing(rule, snapshot({"torch": "2.6.0+cu124", "bee": "1.0"}), {"torch": ("2.4.0", "2.5.1"), "bee": RELEASES["bee"]})
    assert found == [(("1.0", "1.1"), ("2.5.1", "2.6.0+cu124"))]


def test_no_rule_that_is_taught_has_more_combinations_than_are_judged(book: CompiledBook) -> None:
    from envdoctor.knowledge.atlas.load import open_atlas

    atlas = open_atlas()
    assert atlas is not None
    largest = 0
    for rule in book.ids:
        if book.head(rule).severity != "error":
            continue
        windows: dict[str, list[Any]] = {}
        for name, wanted in named(book.head(rule).match):
            if wanted is not None and wanted not in windows.setdefault(name, []):
                windows[name].append(wanted)
        size = 1
        for name, held in windows.items():
            releases = atlas.versions(name) if name in atlas.packages else ()
            size *= len(_classes(name, held, snapshot({name: "0"}), releases, absent=False))
        largest = max(largest, size)
    assert 1 < largest <= _MOST


@pytest.mark.parametrize("told", ["", "not a version"])
def test_a_version_that_is_none_is_in_no_class(told: str) -> None:
    _, found = firing(node({"dist": "bee", "version": ">=0"}), snapshot({"bee": told or None}), {})
    assert found == []
