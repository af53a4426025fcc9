"""How cards share a run, as said in a DeepSpeed configuration, a script or an option."""

from __future__ import annotations

import pytest

from envdoctor.memory.catalogue import configuration
from envdoctor.memory.division import is_fsdp, of_deepspeed, size_of
from envdoctor.memory.forecast import forecast
from envdoctor.memory.run import Run
from envdoctor.memory.shape import Shape, shape_of
from envdoctor.memory.sharing import cards, shared, unplaced
from envdoctor.memory.split import Split, placed
from envdoctor.memory.ways import Way, replayed
from envdoctor.model.errors import UsageError


def small() -> Shape:
    return shape_of(configuration("meta-llama/Llama-3.2-1B") or {}, "llama")


def test_a_way_that_does_nothing_is_the_run_on_one_card() -> None:
    for method in ("full", "lora"):
        run = Run(method=method)
        alone, followed = forecast(small(), run), replayed(Way(small(), run))
        assert (alone.allocated, alone.reserved) == (followed.allocated, followed.reserved)


def test_a_configuration_says_stage_sizes_and_offloading() -> None:
    zero = {"stage": 2, "reduce_bucket_size": "auto", "overlap_comm": True, "offload_optimizer": {"device": "cpu"}}
    run = of_deepspeed(Run(cards=2), {"zero_optimization": zero}, 2048, "ds.json")
    assert (run.sharing, run.bucket, run.overlap, run.offload) == ("zero2", 2048 * 2048, True, True)
    kept = of_deepspeed(Run(cards=2), {"zero_optimization": {"stage": 3, "offload_param": {"device": "none"}}}, 2048, "ds.json")
    assert (kept.sharing, kept.bucket, kept.offload, kept.offloaded_weights) == ("zero3", 500_000_000, False, False)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({}, "no zero_optimization"),
        ({"zero_optimization": {"stage": 0}}, "followed are 1, 2 and 3"),
        ({"zero_optimization": {"stage": True}}, "followed are 1, 2 and 3"),
        ({"zero_optimization": {"stage": 2, "reduce_bucket_size": -1}}, "a number of elements"),
        ({"zero_optimization": {"stage": 2, "reduce_bucket_size": [5]}}, "a number of elements"),
        ({"zero_optimization": {"stage": 2}, "bf16": {"enabled": False}}, "bf16 is off"),
    ],
)
def test_what_is_not_followed_is_said_with_its_place(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says) as raised:
        of_deepspeed(Run(cards=2), wrong, 2048, "ds.json")
    assert str(raised.value).startswith("ds.json: ")


@pytest.mark.parametrize("text", ["", "GiB", "-1GB", "20 apples", "1e3GB", "9" * 40 + "GB"])
def test_no_size_is_guessed(text: str) -> None:
    with pytest.raises(UsageError, match="is no size"):
        size_of(text, "--max-memory")


def test_fsdp_is_on_as_the_trainer_reads_it() -> None:
    assert is_fsdp(("full_shard", "offload"))
    assert not is_fsdp(None)
    assert not is_fsdp(False)


def test_layers_find_places_in_turn_and_the_last_card_takes_the_rest() -> None:
    assert placed([1, 4, 4, 4, 4, 0, 1], 6, 2, ()) == [0, 0, 0, 1, 1, 1, 1]
    assert placed([1, 4, 4, 4, 4, 0, 1], 6, 2, (9, 9)) == [0, 0, 1, 1, 2, 2, 2]
    run = Run(cards=2, sharing="layers", limits=(1 << 30, 1 << 30))
    assert unplaced(small(), run) > 0
    assert Split(small(), run.replace(limits=())).map[0] == 0


def test_more_cards_never_take_more_of_each() -> None:
    for sharing in ("zero1", "zero2", "zero3", "fsdp"):
        peaks = [
            max(found.allocated for found in cards(small(), Run(method="full", cards=number, sharing=sharing))) for number in (2, 4, 8)
        ]
        assert peaks == sorted(peaks, reverse=True), sharing


def test_offloading_frees_the_card_of_all_that_the_optimizer_holds() -> None:
    for sharing in ("zero1", "zero2", "zero3"):
        found = shared(small(), Run(method="full", cards=2, sharing=sharing, offload=True))
        assert found.states == 0
    bounds = shared(small(), Run(method="qlora", cards=2, sharing="fsdp"))
    assert 0 < bounds.weights < forecast(small(), Run(method="qlora")).weights
