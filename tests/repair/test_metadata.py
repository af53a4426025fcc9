"""What releases declare, as a resolver takes it: the TOML that is written reads as what was meant."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from envdoctor.knowledge.atlas.load import open_atlas
from envdoctor.knowledge.parse import parse_toml
from envdoctor.repair.lessons import Lesson, Lessons
from envdoctor.repair.metadata import Metadata, _extra_of
from tests.repair.invented import LINUX, Universe, atlas, universes

LINES = {
    ("peft", "0.18.0"): {
        "torch": ">=1.13.0",
        "accelerate": '>=0.21.0 ; python_version < "3.14"',
        "black": "; extra == 'quality'",
        "pytest": '>=8 ; (sys_platform == "linux") and extra == "test"',
    },
    ("peft", "0.17.0"): {"torch": "", "colour[fast]": ">=1"},
}
RELEASES = {"peft": ("0.17.0", "0.18.0"), "flash-attn": ("2.7.0", "2.8.0"), "torch": ("2.5.1",)}
TAGS = {
    ("flash-attn", "2.8.0"): {"python>=3.9"},
    ("flash-attn", "2.7.0"): {"python>=3.8"},
    ("peft", "0.18.0"): {"py3-none-any", "python>=3.10"},
}
METADATA = Metadata(atlas(RELEASES, LINES, tags=TAGS, yanked={("peft", "0.17.0")}))


def rows(
    metadata: Metadata, packages: Any, lessons: Lessons | None = None, labels: Any = None, extras: Any = ()
) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the entries as a reader of TOML sees them, by name and version."""
    told = metadata.entries(packages, lessons, labels or {}, frozenset(extras))
    read = parse_toml("rows = [\n" + ",\n".join(told.values()) + "\n]", "rows")["rows"]
    found = {(row["name"], row["version"]): row for row in read}
    assert list(found) == list(told)
    return found


def learnt(*told: tuple[str, str, str, str]) -> Lessons:
    lessons = Lessons()
    lessons.add(Lesson(package=a, version=b, partner=c, specifier=d, reason="", rule="") for a, b, c, d in told)
    return lessons


def test_a_lesson_is_one_line_more_beside_all_that_the_release_declares() -> None:
    found = rows(METADATA, ["peft", "torch"], learnt(("peft", "0.18.0", "torchao", ">=0.16"), ("peft", "0.17.0", "", "")))
    assert found["peft", "0.18.0"] == {
        "name": "peft", "version": "0.18.0", "requires-python": ">=3.10",
        "requires-dist": ['accelerate>=0.21.0 ; python_version < "3.14"', "torch>=1.13.0", "torchao>=0.16"],
    }  # fmt: skip
    assert found["peft", "0.17.0"]["requires-dist"] == ["colour[fast]>=1", "torch", "peft<0"], "one that can never be taken asks for itself"
    assert set(found) == {("peft", "0.17.0"), ("peft", "0.18.0")}


def test_lines_of_extras_are_told_where_somebody_asks_for_the_extra() -> None:
    lessons = learnt(("peft", "0.18.0", "torchao", ""))
    assert rows(METADATA, ["peft"], lessons, extras=["test", "elsewhere"])["peft", "0.18.0"]["provides-extra"] == ["test"]
    both = rows(METADATA, ["peft"], lessons, extras=["test", "quality"])["peft", "0.18.0"]
    assert both["provides-extra"] == ["quality", "test"]
    assert [line.partition(" ")[0] for line in both["requires-dist"]] == [
        "accelerate>=0.21.0",
        "black;",
        "pytest>=8",
        "torch>=1.13.0",
        "torchao",
    ]


def test_a_release_without_a_wheel_is_told_so_that_nobody_builds_it() -> None:
    assert set(rows(METADATA, RELEASES)) == {("flash-attn", "2.7.0"), ("flash-attn", "2.8.0")}
    assert rows(METADATA, ["peft"]) == {}
    assert rows(METADATA, ["flash-attn"])["flash-attn", "2.8.0"] == {
        "name": "flash-attn", "version": "2.8.0", "requires-dist": [], "requires-python": ">=3.9",
    }  # fmt: skip


def test_a_build_with_a_label_is_told_as_a_release_of_its_own() -> None:
    found = rows(METADATA, ["torch"], learnt(("torch", "2.5.1", "numpy", "<2")), {"torch": "cu124"})
    assert {version: row["requires-dist"] for (_, version), row in found.items()} == {"2.5.1": ["numpy<2"], "2.5.1+cu124": ["numpy<2"]}


def test_what_is_asked_of_single_releases() -> None:
    assert METADATA.needs("peft", "0.18.0", LINUX) == {"torch": ">=1.13.0", "accelerate": ">=0.21.0"}
    assert METADATA.needs("peft", "0.17.0+local", LINUX) == {"torch": "", "colour": ">=1"}
    assert METADATA.requires("peft", "9") is None
    assert (METADATA.python("peft", "0.18.0"), METADATA.python("peft", "0.17.0"), METADATA.python("peft", "9")) == (">=3.10", "", "")
    assert METADATA.yanked("peft") == {"0.17.0"}
    assert [METADATA.is_built_here(*pair) for pair in (("peft", "0.18.0"), ("flash-attn", "2.7.0"), ("flash-attn", "9"))] == [
        False,
        True,
        False,
    ]
    assert (METADATA.knows("peft"), METADATA.knows("rich"), METADATA.releases("rich")) == (True, False, ())


def test_without_an_atlas_nothing_is_known() -> None:
    nothing = Metadata(None)
    assert (nothing.releases("peft"), nothing.knows("peft"), nothing.needs("peft", "1", LINUX), nothing.yanked("peft")) == (
        (),
        False,
        {},
        frozenset(),
    )
    assert nothing.entries(["peft"], learnt(("peft", "1", "", "")), {}, frozenset()) == {}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(universe=universes())
def test_entries_read_as_the_declared_requirements_and_the_lessons(universe: Universe) -> None:
    lessons = Lessons()
    lessons.add(universe.teach({}, universe.releases))
    found = rows(universe.metadata(), universe.releases, lessons)
    taught = {package for package, _, _ in lessons.all()}
    assert set(found) == {(name, version) for name in taught for version in universe.releases[name]}
    for (name, version), row in found.items():
        declared = [f"{other}{told}" for other, told in universe.declared.get((name, version), {}).items()]
        more = [f"{one.partner or name}{one.specifier if one.partner else '<0'}" for one in lessons.of(name, version)]
        assert sorted(row["requires-dist"]) == sorted(declared + more)


@pytest.mark.parametrize(
    ("line", "extra"),
    [
        ("torch>=1", ""),
        ("torch>=1; python_version<'3'", ""),
        ("torch>=1; extra == 'dev'", "dev"),
        ('torch>=1 ; python_version < "3" and extra=="dev"', "dev"),
        ('torch[extra]>=1 ; extra == "dev-all"', "dev-all"),
        ("torch>=1; extra in 'dev'", ""),
    ],
)
def test_the_extra_of_a_line(line: str, extra: str) -> None:
    assert _extra_of(line) == extra


def test_entries_of_the_shipped_atlas_are_toml() -> None:
    shipped = open_atlas()
    assert shipped is not None
    packages = [*shipped.packages[::5], "torch"]
    lessons = learnt(*((name, shipped.versions(name)[-1], "torch", ">=2") for name in packages))
    found = rows(Metadata(shipped), packages, lessons, {"torch": "cu126"}, ["test", "dev", "cuda"])
    assert {name for name, _ in found} == set(packages)
    assert ("torch", f"{shipped.versions('torch')[-1]}+cu126") in found
