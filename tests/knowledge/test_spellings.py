"""The table of spellings: complete, with evidence, the same in a wheel, and about what the atlas knows."""

from __future__ import annotations

import marshal
import os
from pathlib import Path

import pytest

from envdoctor.cli import main
from envdoctor.knowledge.atlas.load import open_atlas
from envdoctor.knowledge.spellings import KINDS, _restored, compile_spellings, open_spellings, parse_spellings
from envdoctor.model.errors import RuleBookError

GOOD = """
[[renamed]]
of       = ["trl.SFTConfig"]
old      = "max_seq_length"
new      = "max_length"
safety   = "safe"
evidence = [{ url = "https://example.org", says = "so", checked = 2026-11-25 }]
"""


def test_the_compiled_table_is_the_same() -> None:
    table = open_spellings()
    assert _restored(marshal.loads(compile_spellings(table))) == table
    assert all(getattr(table, field) for field, _ in KINDS.values())


@pytest.mark.parametrize(
    ("change", "defect"),
    [
        (("old ", "olde "), "olde: is no key of this table"),
        (('new      = "max_length"\n', ""), "new: is missing"),
        (("evidence", "#"), "evidence: is missing"),
        (('"safe"', '"harmless"'), "safety: is none of"),
        (("renamed", "respelled"), "respelled: is none of"),
        (('"so"', '""'), "evidence: says is missing"),
    ],
)
def test_a_defect_names_its_entry(change: tuple[str, str], defect: str) -> None:
    with pytest.raises(RuleBookError, match=r"spellings/x\.toml") as caught:
        parse_spellings(GOOD.replace(*change), "spellings/x.toml")
    assert any(defect in one for one in caught.value.defects)


def test_both_names_of_a_renamed_argument_are_in_the_atlas() -> None:
    atlas = open_atlas()
    assert atlas is not None
    bases = {name: list(heir.bases) for heir in open_spellings().heirs for name in heir.of}
    for entry in open_spellings().renamed:
        for target in entry.of:
            known: set[str] = set()
            for dotted in (target, *bases.get(target, ())):
                module, _, name = dotted.rpartition(".")
                members = atlas.members(dotted.partition(".")[0])
                # a folder may export what one of its files defines, and a class that moved had its old arguments where it was
                for subject in (f"{module}:{name}", *members.subjects("takes", name)):
                    known.update(item.partition("=")[0] for item in members.items("takes", subject))
            assert {entry.old, *filter(None, [entry.new])} <= known, (target, entry.old, entry.new)


def test_every_name_that_has_a_successor_once_was_there() -> None:
    atlas = open_atlas()
    assert atlas is not None
    for entry in open_spellings().successors:
        module, _, name = entry.old.rpartition(".")
        assert name in atlas.members(module.partition(".")[0]).items("offers", module), entry.old


def test_the_table_s_files_are_named_by_a_package() -> None:
    from envdoctor.knowledge.load import rules_folder

    folder = rules_folder()
    atlas = open_atlas()
    assert folder is not None and atlas is not None
    for name in os.listdir(os.path.join(folder, "spellings")):
        assert name.removesuffix(".toml") in atlas.packages


def test_the_lint_of_the_rule_book_reads_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rules" / "spellings").mkdir(parents=True)
    (tmp_path / "fixtures").mkdir()
    (tmp_path / "rules" / "spellings" / "trl.toml").write_text(GOOD.replace('"safe"', '"harmless"'))
    assert main(["rules", "lint", "--rules", str(tmp_path / "rules"), "--fixtures", str(tmp_path / "fixtures")]) != 0
    assert "spellings/trl.toml: renamed[0]: safety: is none of safe, unsafe, manual" in capsys.readouterr().err
