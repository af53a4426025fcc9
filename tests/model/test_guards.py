"""Conditions as text: what is written is read again, simplifying loses no truth, and nothing unknown becomes known wrongly."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envdoctor.model.guards import FALSE, TRUE, UNKNOWN, _join, all_of, any_of, atom, judge, no, parse, spell

VERSIONS = {"torch": "2.5.1", "trl": "0.14.0", "peft": False}
ATOMS = (
    "has:torch",
    "has:torch.nn",
    "dist:peft",
    "dist:trl",
    "torch>=2.4",
    "torch<2.4,!=2.1",
    "trl~=0.14",
    "peft>=0.1",
    "py>=3.10",
    "os=linux",
    "os=windows",
    "offers:torch:nn.Linear",
    "call:x.y:is_a_available:",
    "call:x.y:is_b:vllm,return_version=True#0",
    "gpu",
)


class World:
    """An environment of which some atoms are told; the others are unknown."""

    def __init__(self, told: dict[str, bool | None]) -> None:
        self.told = told

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} is asked for nothing")

    def has(self, module: str) -> bool | None:
        return self.told.get(f"has:{module}")

    def offers(self, module: str, name: str) -> bool | None:
        return self.told.get(f"offers:{module}:{name}")

    def version(self, name: str) -> str | bool | None:
        return VERSIONS.get(name) if self.told.get(name, True) else None

    def python(self) -> str | None:
        return "3.9.2" if self.told.get("py", True) else None

    def system(self) -> str | None:
        return "linux" if self.told.get("os", True) else None

    def gpu(self) -> bool | None:
        return self.told.get("gpu")

    def answer(self, module: str, function: str, arguments: str) -> Any:
        told = self.told.get(f"call:{module}:{function}:{arguments}")
        return None if told is None else TRUE if told else FALSE


# trees as they stand in code, before anything is simplified: (kind, parts)
Tree = Any
TREES: st.SearchStrategy[Tree] = st.recursive(
    st.sampled_from([*ATOMS, "?", "true", "false"]),
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner), st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, max_size=4).map(tuple))
    ),
    max_leaves=12,
)
TOLD = st.dictionaries(st.sampled_from([text for text in ATOMS if text[:3] in ("has", "off", "cal", "gpu")]), st.booleans())
HIDDEN = st.sets(st.sampled_from([*ATOMS, "torch", "trl", "peft", "py", "os"]))


def simplified(tree: Tree) -> Any:
    if isinstance(tree, str):
        return atom(tree)
    if tree[0] == "not":
        return no(simplified(tree[1]))
    return (all_of if tree[0] == "and" else any_of)(simplified(part) for part in tree[1])


def plainly(tree: Tree, world: World, luck: st.DataObject) -> bool:
    """Judge a tree in a world where everything is told; what cannot be known may be anything, each time anew."""
    if tree == "?":
        return bool(luck.draw(st.booleans()))
    if isinstance(tree, str):
        told = judge(atom(tree), world)
        assert told is not None
        return told
    if tree[0] == "not":
        return not plainly(tree[1], world, luck)
    parts = [plainly(part, world, luck) for part in tree[1]]
    return all(parts) if tree[0] == "and" else any(parts)


def whole(told: dict[str, bool]) -> dict[str, bool | None]:
    return {**dict.fromkeys(ATOMS, False), **told}


@settings(deadline=None)
@given(TREES)
def test_what_is_spelt_is_read_again(tree: Tree) -> None:
    guard = simplified(tree)
    assert parse(spell(guard)) == guard


@settings(deadline=None)
@given(TREES)
def test_what_was_joined_once_is_in_order(tree: Tree) -> None:
    guard = simplified(tree)
    if guard[0] in ("and", "or"):
        ends = (TRUE, FALSE) if guard[0] == "and" else (FALSE, TRUE)
        assert _join(guard[0], guard[1], *ends) == guard
        assert all_of([guard, TRUE]) is guard


@settings(deadline=None)
@given(TREES)
def test_a_guard_does_not_hang_on_the_order_of_its_parts(tree: Tree) -> None:
    def turned(one: Tree) -> Tree:
        if isinstance(one, str):
            return one
        return (one[0], turned(one[1])) if one[0] == "not" else (one[0], tuple(turned(part) for part in reversed(one[1])))

    if isinstance(tree, str) or tree[0] == "not" or not all(isinstance(part, str) for part in tree[1]):
        return
    assert spell(simplified(tree)) == spell(simplified(turned(tree)))


@settings(deadline=None)
@given(TREES, TOLD, HIDDEN, st.data())
def test_what_is_judged_is_true_whatever_the_unknown_turns_out_to_be(
    tree: Tree, told: dict[str, bool], hidden: set[str], luck: st.DataObject
) -> None:
    partial = World({**whole(told), **dict.fromkeys(hidden)})
    for shown in (hidden, set()):
        judged = judge(simplified(tree), World({**whole(told), **dict.fromkeys(shown)}))
        if judged is not None:
            assert judged is plainly(tree, World(whole(told)), luck)
    assert judge(parse(spell(simplified(tree))), partial) is judge(simplified(tree), partial)


@settings(deadline=None)
@given(TREES.filter(lambda tree: "?" not in str(tree)), TOLD, st.data())
def test_where_everything_is_known_nothing_is_lost(tree: Tree, told: dict[str, bool], luck: st.DataObject) -> None:
    world = World(whole(told))
    assert judge(simplified(tree), world) is plainly(tree, world, luck)


@settings(deadline=None)
@given(TREES, TOLD, HIDDEN)
def test_the_opposite_is_the_opposite(tree: Tree, told: dict[str, bool], hidden: set[str]) -> None:
    world = World({**whole(told), **dict.fromkeys(hidden)})
    one, other = judge(simplified(tree), world), judge(no(simplified(tree)), world)
    assert None in (one, other) or one is not other


def test_each_atom_is_judged() -> None:
    world = World({"has:a": True, "offers:a:b.c": False, "gpu": True, "call:m:f:x": True})
    for text, wanted in {
        "has:a": True,
        "has:other": None,
        "offers:a:b.c": False,
        "offers:a:d": None,
        "gpu": True,
        "call:m:f:x": True,
        "call:m:g:": None,
        "dist:torch": True,
        "dist:peft": False,
        "dist:unheard": None,
        "torch>=2.5,<2.6": True,
        "torch==2.5.*": True,
        "torch<2": False,
        "peft>=0": False,  # not there
        "peft<9": False,
        "unheard>=1": None,
        "torch>=what": None,
        "torch>2,<1": False,
        "py<3.10": True,
        "os=linux": True,
        "os=macos": False,
        "?": None,
        "true": True,
        "false": False,
        "!dist:peft": True,
        "!unheard>=1": None,
        "dist:peft&unheard>=1": False,
        "dist:torch|unheard>=1": True,
        "!(dist:peft|gpu)": False,
    }.items():
        assert judge(parse(text), world) is wanted, text


def test_a_version_that_is_none_is_not_judged() -> None:
    class Odd(World):
        def version(self, name: str) -> str | bool | None:
            return "not-a-version"

    assert judge(parse("torch>=2"), Odd({})) is None


def test_helpers_are_judged_by_what_they_answer() -> None:
    class Answering(World):
        def answer(self, module: str, function: str, arguments: str) -> Any:
            return parse(f"has:{arguments}") if (module, function) == ("m.u", "is_it") else None

    world = Answering({"has:vllm": True, "has:peft": False})
    assert judge(parse("call:m.u:is_it:vllm"), world) is True
    assert judge(parse("!call:m.u:is_it:peft"), world) is True
    assert judge(parse("call:m.u:other:vllm"), world) is None


@pytest.mark.parametrize(
    ("parts", "together", "either"),
    [
        ((), "true", "false"),
        (("gpu",), "gpu", "gpu"),
        (("gpu", "gpu"), "gpu", "gpu"),
        (("gpu", "true"), "gpu", "true"),
        (("gpu", "false"), "false", "gpu"),
        (("gpu", "!gpu"), "false", "true"),
        (("gpu", "os=linux"), "gpu&os=linux", "gpu|os=linux"),
        (("os=linux", "gpu"), "gpu&os=linux", "gpu|os=linux"),
        (("gpu", "gpu|os=linux"), "gpu", "gpu|os=linux"),
        (("gpu", "gpu&os=linux"), "gpu&os=linux", "gpu"),
        (("gpu", "!gpu|os=linux"), "gpu&os=linux", "true"),
        (("gpu", "!gpu&os=linux"), "false", "gpu|os=linux"),
        (("gpu&os=linux", "!gpu&os=linux"), "false", "os=linux"),
        (("gpu|os=linux", "!gpu|os=linux"), "os=linux", "true"),
        (("?", "gpu"), "?&gpu", "?|gpu"),
        (("?", "!gpu|?", "gpu"), "?&gpu", "true"),
    ],
)
def test_conditions_are_put_in_their_simplest_words(parts: tuple[str, ...], together: str, either: str) -> None:
    guards = [parse(part) for part in parts]
    assert spell(all_of(guards)) == together
    assert spell(any_of(guards)) == either


def test_the_unknown_has_an_unknown_opposite_and_never_cancels() -> None:
    assert no(UNKNOWN) == UNKNOWN
    assert all_of((UNKNOWN, no(UNKNOWN))) == UNKNOWN
    assert any_of((UNKNOWN, no(UNKNOWN))) == UNKNOWN
    assert all_of((UNKNOWN, FALSE)) == FALSE
    assert any_of((UNKNOWN, TRUE)) == TRUE


def test_conditions_too_long_to_be_told_are_unknown() -> None:
    assert all_of(atom(f"has:m{i}") for i in range(200)) == UNKNOWN
    assert any_of(atom(f"has:m{i}") for i in range(200)) == UNKNOWN


@pytest.mark.parametrize(
    "text", ["", "a", "has:", "dist", "offers:a", "call:a:b", ">=1", "(gpu", "gpu)", "gpu&", "!", "gpu gpu", "a&|b", "os!=linux", "os>=1"]
)
def test_what_is_no_guard_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)


def test_texts_hold_no_blanks() -> None:
    for text in ATOMS:
        assert " " not in spell(parse(text))
        assert spell(parse(text)) == text
