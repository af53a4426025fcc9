"""What a function may return that a script hands to a trainer, by the releases that were read."""

from __future__ import annotations

import pytest

from tests.engine.test_calls import found

TEXT = "def f(e):\n    return f\"{e['q']}\"\n"
ROWS = "def f(e):\n    return [f'{q}' for q in e['q']]\n"
ONE = "def f(e):\n    return [f\"{e['q']}\"]\n"
MAPPED = "def f(e):\n    return {'text': e['q']}\n"
TRAINER = "import trl\n{}trl.SFTTrainer(model, formatting_func=f{})"


@pytest.mark.parametrize(
    ("trl", "refused"),
    [
        ("0.8.6", {"text", "one", "mapping"}),
        ("0.11.4", {"text", "one", "mapping"}),
        ("0.14.0", {"text", "one", "mapping"}),
        ("0.15.0", {"one", "mapping"}),
        ("0.16.1", {"one", "mapping"}),
        ("0.17.0", {"rows", "one", "mapping"}),
        ("0.20.0", {"rows", "one", "mapping"}),
        ("0.21.0", {"rows", "one", "mapping"}),
        ("1.16.0", {"rows", "one", "mapping"}),
    ],
)
def test_what_formatting_func_must_return_goes_by_the_release_of_trl(trl: str, refused: set[str]) -> None:
    kinds = {"text": TEXT, "rows": ROWS, "one": ONE, "mapping": MAPPED}
    assert {kind for kind, text in kinds.items() if found(TRAINER.format(text, ""), {"trl": trl})} == refused


def test_a_refused_answer_is_told_with_its_return_and_both_ways_out() -> None:
    (finding,) = found(TRAINER.format(ROWS, ""))
    assert finding.message == (
        "the script's formatting_func returns a list with a text for each example; trl 1.16.0 calls it with one example and takes one text"
    )
    assert [(one.line, one.column) for one in finding.locations] == [(4, 23), (3, 12)]
    assert [one.require for one in finding.remedies if one.require] == [{"trl": ">=0.4.2,<0.17.0"}]


def test_an_answer_is_not_judged_where_something_else_decides() -> None:
    config = ", args=trl.SFTConfig('out', {})"
    assert not found(TRAINER.format(TEXT, config.format("packing=True")), {"trl": "0.14.0"})
    assert not found(TRAINER.format(TEXT, config.format("packing=wanted")), {"trl": "0.14.0"})
    assert found(TRAINER.format(TEXT, config.format("packing=False")), {"trl": "0.14.0"})
    assert not found(TRAINER.format(ROWS, config.format("dataset_text_field='more'")))
    assert found(TRAINER.format(ROWS, config.format("dataset_text_field='text'")))
    assert found(TRAINER.format(ROWS, config.format("dataset_text_field='more'")), {"trl": "1.0.0"})
    assert not found(TRAINER.format(ROWS, config.format("dataset_kwargs={'skip_prepare_dataset': True}")))


def test_unsloth_wants_a_list_whatever_the_trl() -> None:
    versions = {"unsloth": "2025.3.19", "unsloth-zoo": "2025.3.17", "trl": "0.15.2", "transformers": "4.50.3"}
    for trl in ("0.15.2", "0.18.2", "0.22.2"):
        (finding,) = found("import unsloth\n" + TRAINER.format(TEXT, ""), {**versions, "trl": trl})
        assert finding.packages == ("unsloth-zoo",)
        assert not found("import unsloth\n" + TRAINER.format(ROWS, ""), {**versions, "trl": trl})
    assert not found("import unsloth\n" + TRAINER.format(TEXT, ""), {**versions, "unsloth-zoo": "2025.3.8"})
    assert not found("import unsloth\n" + TRAINER.format(TEXT.replace("'q'", "'text'"), ""), versions), "the column text may be there"
