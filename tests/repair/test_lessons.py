"""Lessons: what is learnt once, whether a set keeps it, and how a choice of releases is written as a specifier."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from envdoctor.repair.lessons import NEVER, Lesson, Lessons, allows, is_final, kept, nearest, plain, series, specifier, told_short

RELEASES = ("0.9", "1.0rc1", "1.0", "1.0.post1", "1.1", "2.0", "2.0.1", "10.0")


def lesson(package: str, version: str, partner: str = "", told: str = "") -> Lesson:
    return Lesson(package=package, version=version, partner=partner, specifier=told, reason="why", rule="rule")


@given(good=st.sets(st.integers(0, len(RELEASES) - 1)))
def test_a_specifier_admits_the_chosen_releases_and_no_others(good: set[int]) -> None:
    told = specifier(RELEASES, good)
    assert {place for place, version in enumerate(RELEASES) if SpecifierSet(told).contains(version, prereleases=True)} == good
    assert {place for place, version in enumerate(RELEASES) if allows(told, version)} == good


@given(good=st.sets(st.integers(0, len(RELEASES) - 1), min_size=1))
def test_a_later_release_than_all_is_admitted_if_the_last_one_is(good: set[int]) -> None:
    assert allows(specifier(RELEASES, good), "11.0") is (len(RELEASES) - 1 in good)


def test_no_release_at_all_is_never() -> None:
    assert specifier(RELEASES, ()) == NEVER
    assert not any(allows(NEVER, version) for version in RELEASES)


@pytest.mark.parametrize(
    ("told", "version", "answer"),
    [
        ("", "1.0", True),
        (">=2", "1.0", False),
        ("==2.6.0", "2.6.0+cu126", True),
        ("==2.6.0+cu126", "2.6.0", True),  # a label makes no other release
        ("what", "1.0", True),
        (">=2", "what", True),
        (">=2", "", True),
    ],
)
def test_labels_do_not_count_and_what_is_no_specifier_or_no_version_forbids_nothing(told: str, version: str, answer: bool) -> None:
    assert allows(told, version) is answer


def test_a_lesson_is_learnt_once_and_found_by_its_release() -> None:
    lessons = Lessons()
    one, other = lesson("torchao", "0.14.1", "torch", ">=2.6"), lesson("torchao", "0.14.1", "torch", "<3")
    assert lessons.add([one, other, one]) == 2
    assert lessons.add([one.replace(reason="another")]) == 0
    assert lessons.count == 2
    assert list(lessons.of("torchao", "0.14.1+cpu")) == [one, other]
    assert list(lessons.of("torchao", "0.14.0")) == []
    assert [(package, version, len(found)) for package, version, found in lessons.all()] == [("torchao", "0.14.1", 2)]


@pytest.mark.parametrize(
    ("learnt", "versions", "answer"),
    [
        (lesson("torchao", "0.14.1", "torch", ">=2.6"), {"torch": "2.6.0"}, True),
        (lesson("torchao", "0.14.1", "torch", ">=2.6"), {"torch": "2.6.0+cu126"}, True),
        (lesson("torchao", "0.14.1", "torch", ">=2.6"), {"torch": "2.5.1"}, False),
        (lesson("trl", "0.15.0", "rich", ""), {}, False),
        (lesson("trl", "0.15.0", "rich", ""), {"rich": "14.0"}, True),
        (lesson("trl", "0.15.0"), {"rich": "14.0"}, False),
    ],
)
def test_a_set_keeps_a_lesson_or_it_does_not(learnt: Lesson, versions: dict[str, str], answer: bool) -> None:
    lessons = Lessons()
    lessons.add([learnt])
    assert kept(learnt, versions) is answer
    assert lessons.broken({learnt.package: learnt.version, **versions}) == ([] if answer else [learnt])
    assert lessons.broken(versions) == [], "of a package that is not there, nothing is asked"


@given(fit=st.sets(st.sampled_from(RELEASES)), here=st.sampled_from((None, *RELEASES, "1.5", "3.0")), forward=st.booleans())
def test_the_nearest_series_comes_first_and_in_it_the_newest_patch(fit: set[str], here: str | None, forward: bool) -> None:
    order = nearest(RELEASES, here, fit, forward)
    finals = {one for one in fit if is_final(one)}
    assert len(order) == len(set(order))
    assert finals <= set(order) <= fit
    for one, next_one in itertools.pairwise(order):
        if series(one) == series(next_one):
            assert RELEASES.index(one) > RELEASES.index(next_one)
    if here is None:
        assert [one for one in order if is_final(one)] == sorted(finals, key=RELEASES.index, reverse=True)
    elif any(series(one) == series(here) for one in order):
        assert series(order[0]) == series(here)


def test_the_direction_decides_before_the_distance() -> None:
    fit = {"0.9", "1.1", "2.0.1", "10.0"}
    assert nearest(RELEASES, "1.0", fit) == ["1.1", "2.0.1", "10.0", "0.9"]
    assert nearest(RELEASES, "1.0", fit, forward=False) == ["0.9", "1.1", "2.0.1", "10.0"]


def test_labels_and_specifiers_are_told_short() -> None:
    assert plain("2.6.0+cu126") == "2.6.0"
    assert told_short("!=1,!=2,!=3") == "!=1,!=2,!=3"
    assert told_short(">0,!=1,!=2,!=3,!=4") == ">0 (but for 4 releases)"
