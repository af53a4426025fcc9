"""Markers of extras and groups, and the markers that are put together."""

from __future__ import annotations

import pytest

from envdoctor.model import markers
from envdoctor.model.markers import InvalidMarker, all_of, any_of, choose, holds, marker_environment

LINUX = marker_environment("linux-x86_64", "3.11")


def test_extras_and_groups_are_off_unless_asked_for() -> None:
    for marker in ("extra == 'gpu'", "'gpu' in extras", "'gpu' in dependency_groups"):
        assert not holds(marker, LINUX)
    assert holds("extra == 'gpu'", LINUX, extras=("gpu",))
    assert holds("'GPU' in extras and sys_platform == 'linux'", LINUX, extras=("gpu",))
    assert holds("'gpu' in dependency_groups", LINUX, groups=("gpu",))
    assert holds("'cpu' not in extras and 'gpu' in extras", LINUX, extras=("gpu",))


def test_what_is_asked_for_can_be_decided_beforehand() -> None:
    assert choose("'dev' in dependency_groups", (), ("dev",)) == markers.ALWAYS
    assert choose("'dev' in dependency_groups", (), ()) == "'dev' in dependency_groups"


@pytest.mark.parametrize("system", ["platform_release >= '20'", "platform_version == 'x'"])
def test_what_is_not_known_of_the_target_never_matches_by_accident(system: str) -> None:
    try:
        assert not holds(system, LINUX)
    except InvalidMarker:
        pass


def test_markers_put_together_keep_their_meaning() -> None:
    linux, windows, mac = (f"sys_platform == '{name}'" for name in ("linux", "win32", "darwin"))
    assert all_of("", linux, linux) == linux
    assert any_of("", linux) == ""
    assert not holds(any_of(), LINUX)
    assert not holds(all_of(any_of(linux, windows), mac), LINUX)
    assert holds(any_of(all_of(windows, mac), linux), LINUX)
    assert not holds(all_of(windows, any_of(windows, linux)), LINUX)
