from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envdoctor.knowledge.atlas.text import AtlasText, read_text, runs, write_text
from envdoctor.model.errors import AtlasError
from envdoctor.model.surface import SECTIONS, SPACELESS, Surface

VERSIONS = ["0.1", "0.2.dev1", "0.2", "1.0rc1", "1.0", "1.0.post1", "1.2.3", "2024.1"]
WORDS = st.text("ab._*=", min_size=1, max_size=4)


def items(section: str) -> st.SearchStrategy[frozenset[str]]:
    one = WORDS if section in SPACELESS else st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
    return st.frozensets(one, max_size=4)


def surfaces() -> st.SearchStrategy[list[Surface]]:
    sections = st.fixed_dictionaries(
        {}, optional={name: st.dictionaries(st.sampled_from(["", "import a", "a.b"]), items(name), max_size=3) for name in SECTIONS}
    )
    one = st.builds(
        lambda version, date, yanked, told: Surface(package="a", version=version, date=date, yanked=yanked, sections=told),
        st.sampled_from(VERSIONS),
        st.sampled_from(["", "2024-05-01"]),
        st.booleans(),
        sections,
    )
    return st.lists(one, max_size=6, unique_by=lambda surface: surface.version)


def plain(surface: Surface) -> Surface:
    """The atlas does not keep sections without subjects."""
    return surface.replace(sections={name: told for name, told in surface.sections.items() if told})


@given(surfaces(), st.randoms())
def test_a_text_gives_back_every_release_in_whatever_order_they_came(given_surfaces: list[Surface], random: object) -> None:
    whole = AtlasText(package="a").with_surfaces(given_surfaces)
    text = write_text(whole)
    assert write_text(read_text(text)) == text
    one_by_one = AtlasText(package="a")
    random.shuffle(given_surfaces)  # type: ignore[attr-defined]
    for surface in given_surfaces:
        one_by_one = one_by_one.with_surfaces([surface])
    assert write_text(one_by_one) == text
    read = read_text(text)
    for surface in given_surfaces:
        assert read.surface(surface.version) == plain(surface)


@given(surfaces(), surfaces())
def test_a_release_that_is_mined_again_takes_the_place_of_its_older_reading(first: list[Surface], second: list[Surface]) -> None:
    newer = {surface.version: surface for surface in first} | {surface.version: surface for surface in second}
    twice = AtlasText(package="a").with_surfaces(first).with_surfaces(second)
    assert write_text(twice) == write_text(AtlasText(package="a").with_surfaces(newer.values()))


def test_the_text_is_for_people() -> None:
    old = Surface(package="peft", version="0.1.0", date="2023-02-10", sections={"offers": {"peft": frozenset({".", "a", "b"})}})
    new = Surface(
        package="peft",
        version="0.2.0",
        yanked=True,
        sections={
            "offers": {"peft": frozenset({".", "c", "b"})},
            "takes": {"peft:b": frozenset()},
            "requires": {"": frozenset({"torch>=2; python_version < '3.9'"})},
        },
    )
    assert write_text(AtlasText(package="peft").with_surfaces([new, old])) == (
        "envdoctor atlas 1\npackage peft\nreleases\n  0.1.0 2023-02-10\n  0.2.0 yanked\n[offers]\npeft\n  0.1.0-0.1.0 a\n  0.1.0- . b\n"
        "  0.2.0- c\n[requires]\n  0.2.0- torch>=2; python_version < '3.9'\n[takes]\npeft:b\n  0.2.0- ()\n"
    )


HEAD = "envdoctor atlas 1\npackage a\nreleases\n  1.0\n  2.0\n"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("something", 1, "no file of the atlas"),
        ("envdoctor atlas 1\nreleases\n", 2, "package NAME"),
        ("envdoctor atlas 1\npackage a\nreleases\n  2.0\n  1.0\n", 5, "does not come after"),
        ("envdoctor atlas 1\npackage a\nreleases\n  x\n", 4, "not a PEP 440 version"),
        (HEAD + "[offers]\na\n  3.0- b\n", 8, "no release"),
        (HEAD + "[offers]\na\n  2.0-1.0 b\n", 8, "no interval"),
        (HEAD + "[offers]\na\n  1.0- b\n  2.0- b\n", 9, "twice"),
        (HEAD + "[offers]\na\n  1.0-\n", 8, "no item"),
        (HEAD + "[offer]\n", 6, "no section"),
        (HEAD + "\n[offers]\n", 6, "empty"),
        (HEAD + "a\n", 6, "outside"),
    ],
)
def test_a_wrong_text_is_refused_with_its_line(text: str, line: int, says: str) -> None:
    with pytest.raises(AtlasError, match=rf"^line {line}: .*{says}"):
        read_text(text)


@pytest.mark.parametrize(
    "surface",
    [
        Surface(package="b", version="1.0"),
        Surface(package="a", version="1.0-1"),
        Surface(package="a", version="no"),
        Surface(package="a", version="1.0", sections={"offer": {}}),
        Surface(package="a", version="1.0", sections={"offers": {"a": frozenset({"b c"})}}),
        Surface(package="a", version="1.0", sections={"requires": {"": frozenset({"b\nc"})}}),
    ],
)
def test_what_cannot_be_written_is_refused(surface: Surface) -> None:
    with pytest.raises(AtlasError, match=f"^{surface.package} "):
        AtlasText(package="a").with_surfaces([surface])


@given(st.integers(0, 1 << 40))
def test_runs_cover_the_bits(bits: int) -> None:
    assert sum((2 << last) - (1 << first) for first, last in runs(bits)) == bits
