"""The compiled atlas against a reference that looks at single surfaces, one need after the other."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envdoctor.engine.links import Surroundings
from envdoctor.knowledge.atlas.artefact import CompiledAtlas, hot_size
from envdoctor.knowledge.atlas.beside import between, nearest
from envdoctor.knowledge.atlas.compile import compile_atlas
from envdoctor.knowledge.atlas.shipped import needed_names, shipped
from envdoctor.knowledge.atlas.text import AtlasText, write_text
from envdoctor.model.guards import judge, parse
from envdoctor.model.surface import Surface
from tests.conftest import snapshot

USE = "peft LoRA wrap"
HOLDERS = ("1.0", "1.1", "2.0")
PARTNERS = ("4.0", "4.1", "5.0", "5.1")
TARGETS = ["trl", "trl.m", "trl.m.n", "trl:x", "trl:m", "trl:m.x", "trl.m:y", "trl.n:x", "rich", "rich.table:Table", "yaml:load"]
GUARDS = ["", "trl>=5", "!trl>=4.1", "has:trl.m", "has:rich", "!has:rich", "offers:trl:x", "?", "?|trl<5", "trl<5&py>=3.10", "py<3"]
GUARDS += ["call:trl.m:is_it:rich", "!call:trl.m:is_it:rich", "dist:rich&offers:trl.m:y"]
REFUSALS = ["trl<4.1", "!dist:rich", "py>=3.10", "trl>=5&has:trl.n"]


@st.composite
def holders(draw: st.DrawFn) -> list[Surface]:
    found = []
    for version in HOLDERS:
        item = st.builds(lambda t, g: f"{t}{' if ' + g if g else ''} at peft.here", st.sampled_from(TARGETS), st.sampled_from(GUARDS))
        passed = st.builds(
            lambda p, g: f"trl:f({p}){' if ' + g if g else ''} at peft.here", st.sampled_from("abc"), st.sampled_from(GUARDS)
        )
        refused = st.builds(lambda g: f"{g} => not here at peft.here", st.sampled_from(REFUSALS))
        sections = {
            "offers": {"peft": frozenset({"."})},
            "requires": {"": frozenset({"rich>=1"})},
            "needs": {USE: draw(st.frozensets(item, max_size=5))},
            "passes": {USE: draw(st.frozensets(passed, max_size=2))},
            "refuses": {USE: draw(st.frozensets(refused, max_size=2))},
        }
        found.append(
            Surface(package="peft", version=version, sections={name: {k: v for k, v in s.items() if v} for name, s in sections.items()})
        )
    return found


@st.composite
def partners(draw: st.DrawFn) -> list[Surface]:
    found = []
    for version in PARTNERS:
        offers = {"trl": draw(st.frozensets(st.sampled_from(["x", "y", "m", "*", "/"]), max_size=3)) | {"."}}
        for module in draw(st.frozensets(st.sampled_from(["trl.m", "trl.m.n", "trl.n"]), max_size=3)):
            offers[module] = draw(st.frozensets(st.sampled_from(["x", "y", "*"]), max_size=2)) | {"."}
        takes = {}
        if draw(st.booleans()):
            takes["trl:f"] = draw(st.frozensets(st.sampled_from(["a", "b=1", "**", "?"]), max_size=2))
        answers = {}
        if draw(st.booleans()):
            answers["trl.m:is_it"] = frozenset({draw(st.sampled_from(["$1 => has:$1", "$1 => false", "rich => true"]))})
        found.append(Surface(package="trl", version=version, sections={"offers": offers, "takes": takes, "answers": answers}))
    return found


class Reference:
    """Everything by looking at one surface."""

    def __init__(self, surfaces: list[Surface], installed: dict[str, str]) -> None:
        self.all = surfaces
        self.installed = installed
        self.partner = next((one for one in surfaces if one.version == installed.get("trl")), None)

    def offers_of(self, surface: Surface) -> Any:
        return surface.sections["offers"]

    def there(self, surface: Surface, module: str) -> bool | None:
        offers = self.offers_of(surface)
        if module in offers:
            return True
        parent = module.rpartition(".")[0]
        if not parent:
            return False
        above = self.there(surface, parent)
        if above is not True:
            return above
        return None if {"*", "/"} & offers[parent] else False

    def met(self, surface: Surface, module: str, chain: str) -> bool | None:
        there = self.there(surface, module)
        if there is not True or not chain:
            return there
        head, _, rest = chain.partition(".")
        if f"{module}.{head}" in self.offers_of(surface):
            return self.met(surface, f"{module}.{head}", rest) if rest else True
        names = self.offers_of(surface)[module]
        return True if head in names else None if "*" in names else False

    def has(self, module: str) -> bool | None:
        top = module.partition(".")[0]
        if top != "trl":
            return {"rich": "rich", "yaml": "pyyaml"}[top] in self.installed
        return False if self.partner is None else self.there(self.partner, module)

    def offers(self, module: str, name: str) -> bool | None:
        if not self.partner:
            return False
        return self.met(self.partner, module, name)

    def version(self, name: str) -> Any:
        return self.installed.get(name, False)

    def python(self) -> str:
        return "3.11.7"

    def system(self) -> str:
        return "linux"

    def gpu(self) -> None:
        return None

    def answer(self, module: str, function: str, arguments: str) -> Any:
        items = self.partner.sections["answers"].get(f"{module}:{function}", ()) if self.partner else ()
        for item in items:
            return parse(item.partition(" => ")[2].replace("$1", arguments))
        return None

    def ever(self, target: str) -> bool:
        module, _, chain = target.partition(":")
        return any(self.met(one, module, chain) is True for one in self.all)

    def broken(self, holder: Surface) -> set[tuple[str, str, str]]:
        found: set[tuple[str, str, str]] = set()
        for item in holder.sections["needs"].get(USE, ()):
            target, _, guard = item.removesuffix(" at peft.here").partition(" if ")
            if guard and judge(parse(guard), self) is not True:
                continue
            module, _, chain = target.partition(":")
            top = {"trl": "trl", "rich": "rich", "yaml": "pyyaml"}[module.partition(".")[0]]
            if top not in self.installed:
                found.add(("package", top, ""))
            elif top == "trl" and self.partner is not None and self.ever(target) and self.met(self.partner, module, chain) is False:
                found.add(("name" if self.there(self.partner, module) is not False else "module", target, guard))
        for item in holder.sections["passes"].get(USE, ()):
            target, _, guard = item.removesuffix(" at peft.here").partition(" if ")
            if self.partner is None or (guard and judge(parse(guard), self) is not True):
                continue
            parameter = target[6:-1]

            def takes(one: Surface, parameter: str = parameter) -> bool | None:
                known = one.sections["takes"].get("trl:f")
                return None if known is None else bool({parameter, f"{parameter}=1", "**", "?"} & known)

            if takes(self.partner) is False and any(takes(one) for one in self.all):
                found.add(("argument", target, guard))
        for item in holder.sections["refuses"].get(USE, ()):
            guard = item.partition(" => ")[0]
            if judge(parse(guard), self) is True:
                found.add(("refused", "not here", guard))
        return found


def fired(atlas: CompiledAtlas, installed: dict[str, str]) -> set[tuple[str, str, str]]:
    patient = snapshot(dict(installed))
    links = atlas.beside(patient.distributions, True)
    around = Surroundings(patient, links)
    return {
        (fault.kind, fault.partner if fault.kind == "package" else fault.target, "" if fault.kind == "package" else fault.guard)
        for fault in links.faults()
        if around.holds(fault.guard) is True
    }


def texts(*packages: list[Surface]) -> list[AtlasText]:
    return [AtlasText(package=surfaces[0].package).with_surfaces(surfaces) for surfaces in packages]


@settings(max_examples=100, deadline=None)
@given(holders(), partners(), st.sampled_from(HOLDERS), st.sampled_from([*PARTNERS, ""]), st.booleans(), st.booleans())
def test_the_compiled_atlas_finds_what_looking_at_the_surfaces_finds(
    own: list[Surface], others: list[Surface], version: str, other: str, has_rich: bool, has_yaml: bool
) -> None:
    installed = {"peft": version, "trl": other, "rich": "13.0" if has_rich else "", "pyyaml": "6.0" if has_yaml else ""}
    installed = {name: told for name, told in installed.items() if told}
    data = compile_atlas(texts(own, others))
    atlas = CompiledAtlas(data[: hot_size(data)], lambda start, size: data[start : start + size])
    expected = Reference(others, installed).broken(next(one for one in own if one.version == version))
    assert fired(atlas, installed) == expected
    for surface in (own[HOLDERS.index(version)], others[PARTNERS.index(other)] if other else own[0]):
        assert fired(atlas.with_surface(surface), installed) == expected
    both = atlas.with_surface(own[0]).with_surface(others[0])
    assert fired(both, installed) == expected
    for text in texts(own, others):
        assert write_text(atlas.text(text.package)) == write_text(shipped(text, needed_names(texts(own, others))))


@settings(max_examples=50, deadline=None)
@given(holders(), partners())
def test_the_same_texts_compile_to_the_same_bytes(own: list[Surface], others: list[Surface]) -> None:
    assert compile_atlas(texts(own, others)) == compile_atlas(texts(list(reversed(others)), own))


VERSIONS = ("1.0", "1.1", "2.0", "2.1", "3.0")


@pytest.mark.parametrize(
    ("good", "here", "wanted"),
    [
        (0b10001, 0b00100, ">=3.0"),  # forward before backward
        (0b00011, 0b00100, "<2.0"),
        (0b01010, 0b00100, ">=2.1,<3.0"),
        (0b00101, 0b10000, ">=2.0,<2.1"),
        (0b01101, 0b00000, ">=2.0,<3.0"),  # not installed: the newest
        (0b11111, 0b00100, ""),
        (0b00000, 0b00100, None),
    ],
)
def test_the_nearest_cure(good: int, here: int, wanted: str | None) -> None:
    assert nearest(VERSIONS, good, here) == wanted


@pytest.mark.parametrize(
    ("version", "bits"),
    [("1.0.0", 0b1), ("1.0.5", 0b11), ("2.0rc1", 0b110), ("3.0.post1", 0), ("0.9", 0), ("4", 0), ("nonsense", 0)],
)
def test_where_a_version_lies(version: str, bits: int) -> None:
    assert between(VERSIONS, version) == bits
