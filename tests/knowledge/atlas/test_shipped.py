from __future__ import annotations

from envdoctor.knowledge.atlas.shipped import needed_names, shipped
from envdoctor.knowledge.atlas.text import AtlasText
from envdoctor.model.surface import Surface


def test_names_that_a_plain_module_only_imports_are_left_out() -> None:
    offers = {
        "a": {".", "os", "f", "torch"},  # others import from a package's own module
        "a.one": {".", "os", "f", "LIMIT", "torch", "asked", "helped", "by_guard"},
        "a.two": {".", "f", "torch", "asked", "*"},
        "a.three": {".", "torch", "asked"},
    }
    takes = {"a.two:f": {"x"}, "a.three:asked": {"x"}, "a.three:helped": {"y"}, "a.two:by_guard": {"y"}}
    text = AtlasText(package="a").with_surfaces(
        [
            Surface(
                package="a",
                version="1.0",
                sections={"offers": {k: frozenset(v) for k, v in offers.items()}, "takes": {k: frozenset(v) for k, v in takes.items()}},
            )
        ]
    )
    needs = frozenset({"a.one:asked.deep if offers:a.one:by_guard&!call:a.one:helped: at b"})
    other = AtlasText(package="b").with_surfaces([Surface(package="b", version="1.0", sections={"needs": {"import b": needs}})])
    kept = {module: set(items) for module, items in shipped(text, needed_names([text, other])).sections["offers"].items()}
    assert kept == {
        "a": {".", "os", "f", "torch"},
        "a.one": {".", "LIMIT", "asked", "helped", "by_guard"},
        "a.two": {".", "f", "*"},
        "a.three": {".", "asked"},
    }
    assert shipped(text, set()).sections["takes"] == text.sections["takes"]
