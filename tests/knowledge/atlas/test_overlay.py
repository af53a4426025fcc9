"""A release laid over an atlas is judged as if the atlas had been compiled with it."""

from __future__ import annotations

from typing import Any

import pytest

from envdoctor.engine.derived import derive
from envdoctor.knowledge.atlas.artefact import CompiledAtlas
from envdoctor.knowledge.atlas.compile import compile_atlas
from envdoctor.knowledge.atlas.text import AtlasText
from envdoctor.model.surface import Surface
from tests.conftest import snapshot

USE = "peft LoRA wrap"
ENOUGH = {"safetensors": {"."}, "safetensors.torch": {".", "save"}}
RELEASES: dict[str, dict[str, dict[str, dict[str, set[str]]]]] = {
    "transformers": {
        "4.0": {"offers": {"transformers": {".", "Old"}}},
        "5.0": {"offers": {"transformers": {".", "New"}}, "refuses": {"import transformers": {"peft<0.18 => too old at transformers"}}},
    },
    "peft": {
        "0.17": {"offers": {"peft": {"."}}, "needs": {"import peft": {"transformers:Old at peft", "safetensors:torch.save at peft"}}},
        "0.18": {
            "offers": {"peft": {"."}},
            "needs": {"import peft": {"transformers:Old at peft", "safetensors.torch:save at peft"}},
            "refuses": {USE: {"!has:torchao|transformers>=5 => not with both at peft", "!has:safetensors => not so at peft"}},
        },
    },
    "safetensors": {"0.1": {"offers": {"safetensors": {"."}}}, "0.2": {"offers": ENOUGH}, "0.3": {"offers": ENOUGH}},
    "torchao": {"0.1": {"offers": {"torchao": {"."}}}},
}
STACK = {"torch": "2.6.0", "transformers": "5.0", "peft": "0.18", "safetensors": "0.3"}


def surface(package: str, version: str) -> Surface:
    told = RELEASES[package][version]
    return Surface(package=package, version=version, sections={s: {k: frozenset(v) for k, v in one.items()} for s, one in told.items()})


def compiled(*left_out: str) -> CompiledAtlas:
    return CompiledAtlas(
        compile_atlas(
            AtlasText(package=package).with_surfaces(surface(package, one) for one in versions if f"{package} {one}" not in left_out)
            for package, versions in RELEASES.items()
        )
    )


def told(atlas: CompiledAtlas, versions: dict[str, str]) -> list[tuple[Any, ...]]:
    patient = snapshot(dict(versions))
    links = atlas.beside(patient.distributions, patient.is_complete)
    assert links.unread == ()
    found = derive(patient, links, links.faults())
    return sorted(
        (
            one.rule,
            one.subject,
            one.confidence,
            one.uses,
            [sorted(remedy.require) for remedy in sorted(one.remedies, key=lambda x: x.title)],
        )
        for one in found
    )


@pytest.mark.parametrize(
    "versions", [STACK, {**STACK, "torchao": "0.1"}, {k: v for k, v in STACK.items() if k != "safetensors"}, {**STACK, "peft": "0.17"}]
)
@pytest.mark.parametrize("mined", [["peft"], ["transformers"], ["transformers", "peft"], ["safetensors"]])
def test_a_release_laid_over_is_judged_as_a_known_one(mined: list[str], versions: dict[str, str]) -> None:
    own = [(name, versions[name]) for name in mined if name in versions]
    atlas = compiled(*(f"{name} {version}" for name, version in own))
    for name, version in own:
        atlas = atlas.with_surface(surface(name, version))
    wanted = told(compiled(), versions)
    assert wanted
    assert told(atlas, versions) == wanted
    assert set(atlas.mined) == {name for name, _ in own}


def test_a_package_that_is_not_there_is_cured_by_the_releases_that_would_do() -> None:
    versions = {name: version for name, version in STACK.items() if name != "safetensors"}
    atlas = compiled("peft 0.18").with_surface(surface("peft", "0.18"))
    patient = snapshot(dict(versions))
    links = atlas.beside(patient.distributions, True)
    required = [
        remedy.require for one in derive(patient, links, links.faults()) if one.rule == "needed-package-missing" for remedy in one.remedies
    ]
    assert required == [{"safetensors": ">=0.2"}]
