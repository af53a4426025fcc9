"""What is written does on its own: the file, resolved without anything that was learnt, gives a set without faults; and it changes little."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import HealthCheck, given, settings

from envdoctor.model.errors import RepairError
from envdoctor.model.listing import Requirement
from envdoctor.model.request import Request
from envdoctor.model.script import Location
from envdoctor.repair.patient import Ill, exact
from envdoctor.repair.question import Question, Solution, Wish
from envdoctor.repair.search import Found
from envdoctor.repair.writing import Trial, Writing
from tests.conftest import snapshot
from tests.repair.invented import LINUX, Exact, Fault, Universe, admitted, universes
from tests.repair.test_search import Tried


def ill(universe: Universe, now: Mapping[str, str]) -> Ill:
    lines = {
        name: (Requirement(name=name, specifier=told, location=Location(path="r.txt", line=line)),)
        for line, (name, told) in enumerate(universe.wanted.items(), 1)
    }
    return Ill(
        asked=Request(), patient=None, snapshot=snapshot({}), listing=None, wishes=universe.wishes, limits=(), lines=lines, now=now,
        settled=False, environment=LINUX,
    )  # fmt: skip


def changed(universe: Universe, tried: Tried, found: Found) -> dict[str, str]:
    """Return the new specifiers, by name."""
    resolver = Exact(universe)
    writing = Writing(ill(universe, tried.now), found, tried.ledger, tried.search.lessons, Trial(resolver, universe.judge))
    return {change.name: change.specifier for change in writing.changes()}


def chosen(universe: Universe, specifiers: Mapping[str, str]) -> Solution:
    """Resolve the file as its installer would, with new specifiers."""
    wishes = tuple(Wish(name=name, specifier=told) for name, told in {**universe.wanted, **specifiers}.items())
    answer = Exact(universe).solve(Question(wishes=wishes))
    assert isinstance(answer, Solution), answer
    return answer


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(universe=universes())
def test_the_file_alone_gives_a_set_without_faults(universe: Universe) -> None:
    tried = Tried(universe, Exact(universe))
    for found in tried.found:
        new = changed(universe, tried, found)
        assert not universe.judge(chosen(universe, new).versions)
        for name, told in new.items():
            before = universe.wanted.get(name, "")
            assert admitted(told, found.versions[name])
            if exact(before) and name not in found.given_up:
                assert told == before, "what was not given up stays as it was"
            if exact(before):
                assert exact(told), "a pin stays a pin"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(universe=universes())
def test_no_change_could_be_left_out(universe: Universe) -> None:
    tried = Tried(universe, Exact(universe))
    for found in tried.found[:1]:
        new = changed(universe, tried, found)
        for name in new:
            rest = {other: told for other, told in new.items() if other != name}
            wishes = tuple(Wish(name=one, specifier=told) for one, told in {**universe.wanted, **rest}.items())
            answer = Exact(universe).solve(Question(wishes=wishes))
            assert not isinstance(answer, Solution) or universe.judge(answer.versions)


STACK = {"torch": ("2.5.1", "2.6.0", "2.7.0"), "torchao": ("0.12.0", "0.13.0", "0.14.1"), "peft": ("0.17.1",)}
CLASH = Fault("torchao", ("0.13.0", "0.14.1"), "torch", ("2.5.1",), told=True)


def ways(wanted: dict[str, str], *faults: Fault) -> list[dict[str, str]]:
    universe = Universe(STACK, {("peft", "0.17.1"): {"torchao": ""}}, faults or (CLASH,), wanted)
    tried = Tried(universe, Exact(universe))
    return [changed(universe, tried, found) for found in tried.found]


def test_what_was_left_open_gets_a_bound_and_what_was_pinned_a_pin() -> None:
    assert ways({"torch": "==2.5.1", "torchao": "==0.14.1"}) == [{"torchao": "==0.12.0"}, {"torch": "==2.6.0"}]
    assert ways({"torch": "==2.5.1", "torchao": ""})[0] == {"torchao": "<0.13.0"}
    assert ways({"torch": "==2.5.1", "torchao": ">=0.12"})[0] == {"torchao": ">=0.12,<0.13.0"}


def test_what_nobody_named_gets_a_line_of_its_own_only_where_it_must() -> None:
    assert ways({"torch": "==2.5.1", "peft": ""})[0] == {"torchao": "<0.13.0"}
    assert ways({"torch": "==2.6.0", "peft": ""}) == [{}]


def test_what_is_missing_comes_without_a_version() -> None:
    missing = Fault("torch", ("2.5.1", "2.6.0", "2.7.0"), "peft", (), told=True)
    assert ways({"torch": "==2.6.0"}, missing) == [{"peft": ""}]


def test_a_set_that_the_file_cannot_lead_to_is_refused() -> None:
    universe = Universe({"torch": ("1.0",)}, {}, (), {"torch": "==1.0"})
    tried = Tried(universe, Exact(universe))
    faulty = universe._replace(faults=(Fault("torch", ("1.0",), "", (), told=False),))
    try:
        changed(faulty, tried, tried.found[0])
    except RepairError as error:
        assert "cannot be written" in str(error)
    else:
        raise AssertionError("a file with a fault was written")
