"""Single questions about names, modules and parameters are answered by the releases that have them."""

from __future__ import annotations

import pytest

from envdoctor.knowledge.atlas.artefact import CompiledAtlas
from envdoctor.knowledge.atlas.compile import compile_atlas
from envdoctor.knowledge.atlas.enquiry import Enquiry
from envdoctor.knowledge.atlas.text import AtlasText
from envdoctor.model.surface import Surface


def surface(package: str, version: str, **sections: dict[str, frozenset[str]]) -> Surface:
    return Surface(package=package, version=version, sections=sections)


@pytest.fixture(scope="module")
def atlas() -> CompiledAtlas:
    old = {"transformers": frozenset({".", "Cache", "HybridCache"}), "transformers.old": frozenset({"."})}
    new = {"transformers": frozenset({".", "Cache", "Trio"})}
    takes = {"transformers:Trainer": frozenset({"model", "tokenizer"}), "transformers:Trainer.log": frozenset({"logs"})}
    later = {
        "transformers:Trainer": frozenset({"model", "processing_class"}),
        "transformers:Trainer.log": frozenset({"logs", "start_time"}),
    }
    asks = {"import peft": frozenset({"transformers:HybridCache at peft.model"})}
    transformers = AtlasText(package="transformers").with_surfaces(
        [
            surface("transformers", "4.0", offers=old, takes=takes),
            surface("transformers", "4.1", offers=old, takes=takes),
            surface("transformers", "5.0", offers=new, takes=later),
        ]
    )
    peft = AtlasText(package="peft").with_surfaces(
        [
            surface("peft", "0.1", offers={"peft": frozenset({"."})}),
            surface("peft", "0.2", offers={"peft": frozenset({"."})}, needs=asks),
            surface("peft", "0.3", offers={"peft": frozenset({"."})}),
        ]
    )
    return CompiledAtlas(compile_atlas([transformers, peft]))


def test_a_name_that_is_gone_is_told_with_the_release_that_dropped_it(atlas: CompiledAtlas) -> None:
    found = Enquiry(atlas, {"transformers": "5.0"}).name("transformers", "HybridCache")
    assert found is not None
    assert (found.package, found.releases, found.here, found.gone, found.since, found.window) == (
        "transformers",
        "4.0 to 4.1",
        False,
        "5.0",
        "",
        "<5.0",
    )


def test_a_name_that_came_later_is_told_with_the_first_release_that_has_it(atlas: CompiledAtlas) -> None:
    found = Enquiry(atlas, {"transformers": "4.1+local"}).name("transformers", "Trio")
    assert found is not None
    assert (found.here, found.gone, found.since, found.window) == (False, "", "5.0", ">=5.0")


def test_a_name_that_is_here_is_said_to_be(atlas: CompiledAtlas) -> None:
    found = Enquiry(atlas, {"transformers": "5.0"}).name("transformers", "Cache")
    assert found is not None
    assert (found.here, found.gone, found.since) == (True, "", "")


def test_what_nobody_knows_is_not_answered(atlas: CompiledAtlas) -> None:
    enquiry = Enquiry(atlas, {"transformers": "5.0"})
    assert enquiry.name("transformers", "Never") is None
    assert enquiry.module("transformers.never") is None
    assert enquiry.parameter("Trainer", "never") is None
    assert enquiry.member("Trainer", "never") is None
    unknown = Enquiry(atlas, {"transformers": "9.9"}).name("transformers", "HybridCache")
    assert unknown is not None
    assert unknown.here is None


def test_modules_parameters_and_methods_are_found(atlas: CompiledAtlas) -> None:
    enquiry = Enquiry(atlas, {"transformers": "4.1"})
    module, parameter, member = (
        enquiry.module("transformers.old"),
        enquiry.parameter("Trainer", "processing_class"),
        enquiry.member("Trainer", "log"),
    )
    assert module is not None
    assert parameter is not None
    assert member is not None
    assert (module.here, parameter.here, parameter.since, parameter.subject) == (True, False, "5.0", "transformers:Trainer")
    assert (member.here, member.releases) == (True, "4.0 on")


def test_whoever_asks_can_move_to_a_release_that_does_not(atlas: CompiledAtlas) -> None:
    found = Enquiry(atlas, {"peft": "0.2"}).asking("peft", "transformers.HybridCache")
    assert found is not None
    assert (found.releases, found.window) == ("0.2", ">=0.3")


@pytest.mark.parametrize(
    ("module", "wanted"),
    [("sklearn.svm", "scikit-learn"), ("os.path", ""), ("my_own_module", ""), ("peft.tuners", "peft"), ("triton.ops", "pytorch-triton")],
)
def test_modules_have_distributions_only_where_that_is_certain(atlas: CompiledAtlas, module: str, wanted: str) -> None:
    assert Enquiry(atlas, {"pytorch-triton": "3.0"}).brings(module) == wanted


def test_without_an_atlas_nothing_is_known() -> None:
    enquiry = Enquiry(None, {"transformers": "5.0"})
    assert enquiry.name("transformers", "Cache") is None
    assert enquiry.parameter("Trainer", "model") is None
    assert enquiry.asking("peft", "transformers.Cache") is None
    assert enquiry.brings("transformers") == "transformers"
