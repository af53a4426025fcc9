"""A wrong rule file is refused with every defect named at once, and a right one survives compiling unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest

from envdoctor.knowledge.compiled import CompiledBook, compile_book, gates
from envdoctor.knowledge.load import read_rules
from envdoctor.knowledge.parse import parse_rule
from envdoctor.model.errors import RuleBookError
from envdoctor.model.rule import Rule
from envdoctor.model.snapshot import Distribution
from tests.engine.test_evaluate import RULE


def text(**changes: str) -> str:
    given = {"id": "trl-fault", "use": "import trl", "match": 'dist = "trl"', "severity": "error", "impact": "slow", **changes}
    return RULE.format(**given)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (text(severity="eror"), "severity: 'eror' is not one of error, warning, note (did you mean 'error'?)"),
        (text(use="import tlr"), "no such use: 'import tlr' (did you mean 'import trl'?)"),
        (text(match='dist = "trl"\nversoin = "<1"'), "match.versoin: unknown key in a dist condition (did you mean 'version'?)"),
        (text(match='dist = "trl"\nversion = ">2,<1"'), "no version can satisfy"),
        (text(match='dist = "TRL"'), "names are written normalised: 'trl'"),
        (text(match='fact = "gpu.cuont"\nat_least = 1'), "no such fact: 'gpu.cuont' (did you mean 'gpu.count'?)"),
        (text(match='fact = "gpu.count"\nolder_than = "1"'), "does not apply here"),
        (text(match="all = []"), "takes a list of conditions, at least one"),
        (text(match='dist = "trl"\nfact = "gpu.count"'), "exactly one of"),
        (text(match='window = "trl"\nof = "unsloth"\ntable = [["<1"]]'), "a row is [specifier, specifier]"),
        (text().replace('title = "move"', 'title = "move"\nadvise = "x"'), "remedy[0].advise: unknown key (did you mean 'advice'?)"),
        (text().replace('title = "move"', 'title = "move"\nremove = "trl"'), "remedy[0].remove: takes a list of texts"),
        (text().replace('title = "move"', 'title = "move"\nset_argument = { x = 1 }'), "remedy[0].set_argument: takes a table of tables"),
        (text().replace('title = "move"', 'title = "move"\nset_env = { X = "1" }'), "remedy[0]: needs one action"),
        (text().replace("[[remedy]]", "[[remedy]]\nreplace_model = 1"), "remedy[0].replace_model: takes a text"),
        (text().replace("[repro]", "[repro]\ninstall = [1]"), "repro.install: takes a list of texts"),
        (text().replace("https://example.org", "somewhere"), "evidence[0].url: takes an https link"),
        (
            text().replace("[repro]", '[repro]\ninstall = ["trl"]\nrun = "start the trainer"'),
            "repro.run: is Python code that shows the fault",
        ),
        (text().replace("[repro]", "[repo]"), "repo: unknown key (did you mean 'repro'?)"),
        (text() + "\nx = [", "not TOML"),
        (text().replace("[match]", "[[symptom]]\ntext = '('\n[match]"), "is no regular expression"),
    ],
)
def test_defects_are_named(source: str, said: str) -> None:
    with pytest.raises(RuleBookError) as error:
        parse_rule(source, "test/trl-fault.toml", "test")
    assert said in str(error.value)
    assert str(error.value).startswith("test/trl-fault.toml: ")


def test_all_defects_come_at_once() -> None:
    with pytest.raises(RuleBookError) as error:
        parse_rule(text(severity="bad", impact="bad", use="bad"), "x.toml", "test")
    assert len(error.value.defects) == 3


def test_compiling_keeps_every_word_of_the_book(rules: list[Rule]) -> None:
    book = CompiledBook(compile_book(rules, "1"))
    assert book.ids == tuple(sorted(rule.id for rule in rules))
    for rule in rules:
        back = book.rule(rule.id)
        assert back.replace(remedies=()) == rule.replace(remedies=())
        assert [remedy.title for remedy in back.remedies] == [remedy.title for remedy in rule.remedies]
        assert [dict(remedy.require) for remedy in back.remedies] == [dict(remedy.require) for remedy in rule.remedies]


def test_the_same_rules_compile_to_the_same_bytes(rules: list[Rule]) -> None:
    assert compile_book(rules, "1") == compile_book(list(reversed(rules)), "1")


def test_only_a_compiled_book_is_read() -> None:
    with pytest.raises(ValueError, match="not a compiled rule book"):
        CompiledBook(b"something else")


def test_a_rule_may_lean_on_another(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "a-first.toml").write_text(text(id="a-first", match='dist = "trl"\nversion = "<1"'))
    (tmp_path / "test" / "b-second.toml").write_text(text(id="b-second", match='none = [{ rule = "a-first" }]'))
    found = {rule.id: rule.match for rule in read_rules(str(tmp_path))}
    assert found["b-second"] == ("none", (found["a-first"],))
    (tmp_path / "test" / "a-first.toml").write_text(text(id="a-first", match='rule = "b-second"'))
    with pytest.raises(RuleBookError, match="goes round in a circle"):
        read_rules(str(tmp_path))
    (tmp_path / "test" / "a-first.toml").write_text(text(id="a-first", match='rule = "b-secnd"'))
    with pytest.raises(RuleBookError, match="did you mean 'b-second'"):
        read_rules(str(tmp_path))


def test_no_rule_is_looked_at_twice(rules: list[Rule]) -> None:
    many = {name: Distribution(name=name, version="1.0") for rule in rules for name, _ in gates(rule.match)}
    found = [rule for rule, _ in CompiledBook(compile_book(rules, "1")).candidates(many)]
    assert len(found) == len(set(found))
