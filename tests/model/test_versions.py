"""Versions sort as PEP 440 says, and a window admits what `packaging` admits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envdoctor.model.versions import (
    InvalidSpecifier,
    InvalidVersion,
    _fast_key,
    admits,
    intersect,
    is_version,
    key,
    slow_key,
    union,
    window,
)

number = st.integers(0, 30)
releases = st.lists(number, min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
suffixes = st.sampled_from(
    ["", "", "", "a1", "b2", "rc1", ".post1", ".post0", ".dev0", ".dev3", "rc1.dev2", "a1.post2", "+cpu", "+cu126", ".post1+x"]
)
versions = st.builds(lambda release, suffix: release + suffix, releases, suffixes)
finals = releases


@given(versions, versions)
def test_keys_sort_as_packaging_does_without_local_labels(one: str, two: str) -> None:
    left, right = Version(Version(one).public), Version(Version(two).public)
    assert (key(one) < key(two)) == (left < right)
    assert (key(one) == key(two)) == (left == right)


plain = st.sampled_from(["", "a1", "b2", "rc1", ".post1", ".post0", ".dev0", ".dev3"])


@given(releases, plain, st.sampled_from(["", "+cpu", "+cu130"]))
def test_fast_path_agrees_with_slow_path(release: str, suffix: str, label: str) -> None:
    assert _fast_key(release + suffix + label) == slow_key(release + suffix + label)


@given(st.text("0123456789.abcrpostdev+-!v_ ", max_size=12))
def test_fast_path_never_reads_what_packaging_refuses(text: str) -> None:
    fast = _fast_key(text)
    if fast is not None:
        assert fast == slow_key(text)


@pytest.mark.parametrize("text", ["2.0.0.dev20240101", "1!2.0", "v1.0", "2.1rc1", "1.0-1", "2024.10.1"])
def test_unusual_spellings_agree_too(text: str) -> None:
    assert key(text) == slow_key(text)


clauses = st.one_of(
    st.builds(lambda op, v: op + v, st.sampled_from([">=", "<=", ">", "<", "==", "!="]), st.builds(lambda r, s: r + s, releases, st.sampled_from(["", "", "rc1", ".post1", ".dev1"]))),
    st.builds(lambda op, v: f"{op}{v}.*", st.sampled_from(["==", "!="]), finals),
    st.builds(lambda v: "~=" + v, st.lists(number, min_size=2, max_size=4).map(lambda parts: ".".join(map(str, parts)))),
)  # fmt: skip


@given(st.lists(clauses, min_size=1, max_size=3), versions)
def test_windows_admit_what_packaging_admits(parts: list[str], version: str) -> None:
    text = ",".join(parts)
    public = Version(version).public
    assert admits(window(text), version) == SpecifierSet(text).contains(public, prereleases=True)


@given(st.lists(clauses, max_size=2), st.lists(clauses, max_size=2), versions)
def test_intersection_is_what_both_admit(one: list[str], two: list[str], version: str) -> None:
    left, right = window(",".join(one)), window(",".join(two))
    assert admits(intersect(left, right), version) == (admits(left, version) and admits(right, version))


@given(st.lists(st.lists(clauses, max_size=2), max_size=4), versions)
def test_a_union_covers_what_any_of_its_parts_covers(parts: list[list[str]], version: str) -> None:
    windows = [window(",".join(part)) for part in parts]
    joined = union(tuple(interval for one in windows for interval in one))
    assert admits(joined, version) == any(admits(one, version) for one in windows)


def test_local_labels_do_not_take_part() -> None:
    assert admits(window("==2.13.0"), "2.13.0+cpu")
    assert admits(window("<=2.13.0"), "2.13.0+cpu")


def test_a_contradiction_is_seen() -> None:
    assert window(">=2,<1") == ()


@pytest.mark.parametrize("text", ["two", "", "1.x", "git+https://example.org", "==="])
def test_invalid_versions_are_refused(text: str) -> None:
    with pytest.raises(InvalidVersion):
        key(text)


@pytest.mark.parametrize("text", ["2.0", "=>1", ">=x", "~=1", ">1.*", "==1.0rc1.*"])
def test_invalid_specifiers_are_refused(text: str) -> None:
    with pytest.raises(InvalidSpecifier):
        window(text)


def test_what_is_a_version() -> None:
    assert all(map(is_version, ("1.0", "2.7.0+cu126", "1!2.0rc1.post1.dev2", " 1.0 ")))
    assert not any(map(is_version, ("", "main", "1.x", "==1.0", "1" * 400)))
