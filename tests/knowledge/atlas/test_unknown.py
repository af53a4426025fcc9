"""Which installed packages only their files can tell of."""

from __future__ import annotations

import pytest

from envdoctor.knowledge.atlas.artefact import CompiledAtlas
from envdoctor.knowledge.atlas.beside import nearest
from envdoctor.knowledge.atlas.compile import compile_atlas
from envdoctor.knowledge.atlas.text import AtlasText
from envdoctor.knowledge.atlas.unknown import unknown_releases
from envdoctor.model.snapshot import Distribution
from envdoctor.model.surface import Surface

ATLAS = CompiledAtlas(
    compile_atlas([AtlasText(package="trl").with_surfaces(Surface(package="trl", version=one) for one in ("1.0", "1.2.0", "2.0.post1"))])
)
ALONE, DEEP, NEVER = "always", "with --deep", "never"


@pytest.mark.parametrize(
    ("version", "when"),
    [
        ("1.2.0", NEVER),
        ("1.2", NEVER),
        ("1.0+cu128", NEVER),
        ("2.0.post1+cpu", NEVER),
        ("1.0+computecanada", DEEP),
        ("1.0+g1a2b3c4", ALONE),
        ("1.0+1a2b3c4d.d20260101", ALONE),
        ("1.1", DEEP),
        ("1.1.post2", DEEP),
        ("1.1.dev0", ALONE),
        ("1.2.0rc1", ALONE),
        ("3.0", ALONE),
        ("0.9", DEEP),
        ("3.0.dev0+g1a2b3c4", ALONE),
        ("not a version", NEVER),
        (None, NEVER),
    ],
)
def test_what_is_not_known_exactly_is_read(version: str | None, when: str) -> None:
    found = {"trl": Distribution(name="trl", version=version), "rich": Distribution(name="rich", version="99")}
    asked = [bool(unknown_releases(ATLAS, found, altered)) for altered in (None, lambda one: False)]
    assert asked == {ALONE: [True, True], DEEP: [False, True], NEVER: [False, False]}[when]


def test_what_came_from_elsewhere_is_read_when_asked_for() -> None:
    found = {"trl": Distribution(name="trl", version="1.0")}
    assert unknown_releases(ATLAS, found, lambda one: one.name == "trl") == [found["trl"]]


def test_a_cure_names_known_releases_only() -> None:
    versions = ("1.0", "1.1", "2.0", "3.0.dev0")
    assert nearest(versions, 0b0011, 0b1000, True) == "<2.0"
    assert nearest(versions, 0b0110, 0b1000, True) == ">=1.1,<=2.0"
    assert nearest(versions, 0b0100, 0b1000, True) == "==2.0"
    assert nearest(versions, 0b0110, 0b1000) == ">=1.1,<3.0.dev0"
