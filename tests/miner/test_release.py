"""Which file of a release is read, and which releases count."""

from __future__ import annotations

import pytest

from envdoctor.miner.release import File, Release, choose, is_final, since


def release(version: str, *names: str, day: str = "2024-01-01") -> Release:
    return Release(package="x", version=version, files=tuple(File(filename=name, url="u", uploaded=f"{day}T01:02:03Z") for name in names))


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (("x-1-py3-none-any.whl", "x-1-cp311-cp311-manylinux1_x86_64.whl", "x-1.tar.gz"), "x-1-py3-none-any.whl"),
        (("x-1-py2.py3-none-any.whl", "x-1.tar.gz"), "x-1-py2.py3-none-any.whl"),
        (
            (
                "x-1-cp313-cp313-manylinux_2_28_x86_64.whl",
                "x-1-cp311-cp311-manylinux_2_28_x86_64.whl",
                "x-1-cp311-none-macosx_11_0_arm64.whl",
            ),
            "x-1-cp311-cp311-manylinux_2_28_x86_64.whl",
        ),
        (
            ("x-1-cp39-abi3-manylinux_2_24_x86_64.whl", "x-1-cp39-abi3-win_amd64.whl", "x-1-cp39-abi3-musllinux_1_2_x86_64.whl"),
            "x-1-cp39-abi3-manylinux_2_24_x86_64.whl",
        ),
        (("x-1-cp311-cp311-win_amd64.whl", "x-1-cp311-cp311-macosx_11_0_arm64.whl", "x-1.tar.gz"), "x-1-cp311-cp311-macosx_11_0_arm64.whl"),
        (("x-1-py3-none-manylinux2014_x86_64.whl", "x-1-py3-none-win_amd64.whl"), "x-1-py3-none-manylinux2014_x86_64.whl"),
        (("x-1.zip", "x-1.tar.gz"), "x-1.tar.gz"),
    ],
)
def test_the_file_that_tells_most_is_chosen(names: tuple[str, ...], chosen: str) -> None:
    found = choose(release("1", *names))
    assert found is not None
    assert found.filename == chosen


def test_a_release_of_other_files_has_nothing_to_choose() -> None:
    assert choose(release("1", "x-1.exe", "x-1-py3.11.egg")) is None


def test_what_a_release_says_of_itself() -> None:
    found = Release(
        package="x",
        version="1",
        files=(
            File(filename="x-1-py3-none-any.whl", url="u", uploaded="2024-03-02T10:00:00Z", yanked=True),
            File(filename="x-1.tar.gz", url="u", uploaded="2024-03-01T23:00:00Z", requires_python=">=3.9"),
        ),
    )
    assert (found.date, found.yanked, found.requires_python, found.tags) == ("2024-03-01", False, ">=3.9", ("py3-none-any",))


@pytest.mark.parametrize(
    ("version", "final"),
    [
        ("1.0", True),
        ("1.0.post1", True),
        ("1.0rc1", False),
        ("1.0.dev3", False),
        ("1.0a1.post1", False),
        ("2.5.1+cpu", False),
        ("nightly", False),
    ],
)
def test_only_final_releases_count(version: str, final: bool) -> None:
    assert is_final(version) is final


def test_the_release_that_was_newest_that_day_counts_too() -> None:
    days = {"1.0": "2022-01-01", "1.1": "2022-06-01", "1.2": "2023-02-01", "1.0.1": "2023-03-01", "2.0": ""}
    found = since(
        [Release(package="x", version=v, files=(File(filename="f", url="u", uploaded=day),)) for v, day in days.items()], "2023-01-01"
    )
    assert [one.version for one in found] == ["1.0.1", "1.1", "1.2", "2.0"]
