"""The resolver without an index, over invented releases: every answer against all sets there are, and what may be taken at all."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings

from envdoctor.repair.lessons import Lesson, Lessons
from envdoctor.repair.metadata import Metadata
from envdoctor.repair.question import Conflict, Question, Solution, Wish
from envdoctor.repair.table import Table
from tests.repair.invented import LINUX, Exact, Universe, admitted, atlas, is_kept, universes

RELEASES = {"torch": ("2.4.0", "2.5.1", "2.6.0", "2.7.0rc1"), "torchao": ("0.12.0", "0.14.1"), "peft": ("0.17.0", "0.18.0")}
DECLARED = {("peft", "0.17.0"): {"torch": ">=2.4"}, ("peft", "0.18.0"): {"torch": ">=2.5"}, ("torchao", "0.14.1"): {"unknown-thing": ">=1"}}


def solved(
    wanted: dict[str, str], lessons: Lessons | None = None, known: dict[str, Any] | None = None, **more: Any
) -> dict[str, str] | Conflict:
    table = Table(Metadata(atlas(RELEASES, DECLARED, **(known or {}))), LINUX)
    wishes = tuple(Wish(name=name, specifier=told) for name, told in wanted.items())
    answer = table.solve(Question(wishes=wishes, **more), lessons)
    return dict(answer.versions) if isinstance(answer, Solution) else answer


def names(answer: dict[str, str] | Conflict) -> set[str]:
    assert isinstance(answer, Conflict), answer
    return set(answer.names)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(universe=universes())
def test_it_finds_a_set_where_there_is_one_and_tells_whom_to_give_up_where_there_is_none(universe: Universe) -> None:
    bare = universe._replace(faults=())
    lessons = Lessons()
    lessons.add(universe.teach({}, universe.releases))
    for learnt in (None, lessons):
        answer = Table(bare.metadata(), LINUX).solve(Question(wishes=bare.wishes), learnt)
        other = Exact(bare).solve(Question(wishes=bare.wishes), learnt)
        assert type(answer) is type(other)
        if isinstance(answer, Solution):
            assert is_kept(bare.declared, answer.versions)
            assert all(admitted(told, answer.versions[name]) for name, told in bare.wanted.items())
            assert learnt is None or not learnt.broken(answer.versions)
        else:
            assert isinstance(other, Conflict)
            freed = {name: "" for name in bare.wanted if name not in answer.names}
            assert isinstance(Exact(bare).solve(Question(wishes=bare.wishes, specifiers=freed), learnt), Conflict), (
                "the others alone conflict"
            )


def test_the_newest_final_release_is_taken_unless_another_one_is_preferred() -> None:
    assert solved({"torch": "", "peft": ""}) == {"torch": "2.6.0", "peft": "0.18.0"}
    assert solved({"torch": "", "peft": ""}, prefer={"torch": "2.5.1", "peft": "0.17.0"}) == {"torch": "2.5.1", "peft": "0.17.0"}
    assert solved({"torch": "", "peft": ""}, limits=(("torch", "<2.5"),)) == {"torch": "2.4.0", "peft": "0.17.0"}
    assert solved({"torch": ">=2"}, specifiers={"torch": "==2.5.1"}) == {"torch": "2.5.1"}


def test_who_has_a_build_a_pre_release_or_one_that_nobody_knows_keeps_it() -> None:
    for version in ("2.6.0+cu126", "2.7.0rc1", "2.9.0"):
        assert solved({"torch": "", "peft": ""}, prefer={"torch": version}) == {"torch": version, "peft": "0.18.0"}
        assert solved({"torch": f"=={version}"}) == {"torch": version}


def test_yanked_releases_and_those_for_other_pythons_are_not_taken() -> None:
    assert solved({"torch": ""}, known={"yanked": {("torch", "2.6.0")}}) == {"torch": "2.5.1"}
    tags = {("torch", "2.6.0"): {"cp312-cp312-linux_x86_64", "python>=3.12"}, ("torch", "2.5.1"): {"python>=3.9"}}
    assert solved({"torch": ""}, known={"tags": tags}) == {"torch": "2.5.1"}


def test_what_is_not_known_comes_in_a_version_that_is_not_known() -> None:
    assert solved({"torchao": "==0.14.1"}) == {"torchao": "0.14.1", "unknown-thing": ""}
    assert solved({"torchao": "==0.14.1"}, prefer={"unknown-thing": "1.2"}) == {"torchao": "0.14.1", "unknown-thing": "1.2"}
    assert solved({"torchao": "==0.14.1", "unknown-thing": "==1.5"}) == {"torchao": "0.14.1", "unknown-thing": "1.5"}


def test_a_lesson_counts_like_a_requirement_of_that_release_alone() -> None:
    lessons = Lessons()
    lessons.add([Lesson(package="torchao", version="0.14.1", partner="torch", specifier=">=2.6", reason="", rule="")])
    assert solved({"torch": "==2.5.1", "torchao": ""}, lessons) == {"torch": "2.5.1", "torchao": "0.12.0"}
    assert names(solved({"torch": "==2.5.1", "torchao": "==0.14.1"}, lessons)) == {"torch", "torchao"}
    lessons.add([Lesson(package="torchao", version="0.12.0", partner="", specifier="", reason="", rule="")])
    assert names(solved({"torch": "==2.5.1", "torchao": ""}, lessons)) == {"torch", "torchao"}


def test_a_conflict_says_who_asks_for_what() -> None:
    answer = solved({"torch": "==2.4.0", "peft": "==0.18.0"})
    assert isinstance(answer, Conflict)
    assert answer.text == "No solution found: you require torch==2.4.0, and peft==0.18.0 depends on torch>=2.5"
