"""The replay of the caching allocator: sizes and rules of `CUDACachingAllocator.cpp`, one at a time."""

from __future__ import annotations

from envdoctor.memory.allocator import MIB, Allocator


def test_small_blocks_share_segments_of_two_mebibytes() -> None:
    pool = Allocator()
    for _ in range(3):
        pool.take(MIB)
    assert (pool.allocated, pool.reserved) == (3 * MIB, 4 * MIB)


def test_middle_blocks_come_from_segments_of_twenty_mebibytes() -> None:
    pool = Allocator()
    pool.take(8 * MIB)
    pool.take(8 * MIB)
    assert pool.reserved == 20 * MIB
    pool.take(8 * MIB)
    assert pool.reserved == 40 * MIB


def test_large_blocks_have_segments_of_their_own_size() -> None:
    pool = Allocator()
    pool.take(27 * MIB)
    assert pool.reserved == 28 * MIB
    assert pool.allocated == 28 * MIB  # a remainder of up to 1 MiB is not split off, and counts


def test_the_best_fit_is_taken_and_the_rest_split_off() -> None:
    pool = Allocator()
    large, middle = pool.take(100 * MIB), pool.take(40 * MIB)
    pool.give(large)
    pool.give(middle)
    pool.take(36 * MIB)
    pool.take(90 * MIB)
    assert pool.reserved == 140 * MIB


def test_neighbours_are_merged_again() -> None:
    pool = Allocator()
    pool.give(pool.take(100 * MIB))
    parts = [pool.take(25 * MIB) for _ in range(4)]
    for part in parts:
        pool.give(part)
    pool.take(100 * MIB)
    assert pool.reserved == 100 * MIB


def test_of_two_free_blocks_of_one_size_the_one_of_the_later_segment_is_taken() -> None:
    pool = Allocator()
    first, second = pool.take(32 * MIB), pool.take(32 * MIB)
    pool.give(first)
    pool.give(second)
    assert pool.take(32 * MIB) is second  # the driver puts each segment below the ones before


def test_segments_never_merge_with_each_other() -> None:
    pool = Allocator()
    parts = [pool.take(50 * MIB) for _ in range(2)]
    for part in parts:
        pool.give(part)
    pool.take(100 * MIB)
    assert pool.reserved == 200 * MIB
    pool.empty()
    assert pool.reserved == 100 * MIB


def test_events_are_replayed_by_their_positions() -> None:
    pool = Allocator()
    held = pool.replay([30 * MIB, 50 * MIB, ~0, 20 * MIB])
    assert set(held) == {1, 3}
    assert (pool.allocated, pool.peak_allocated, pool.reserved) == (70 * MIB, 80 * MIB, 80 * MIB)
