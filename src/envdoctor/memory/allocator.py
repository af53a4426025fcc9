"""A replay of PyTorch's CUDA caching allocator: which segments it would take from the device for a tape of events.

Sizes and rules are those of `c10/cuda/CUDACachingAllocator.cpp` with default settings: 512-byte blocks; up to 1 MiB from segments of
2 MiB, up to 10 MiB from segments of 20 MiB, beyond that one segment rounded to 2 MiB; the best fit is taken; a remainder of more than
1 MiB is split off, a smaller one stays with its block and counts as allocated; neighbours are merged when freed.
"""

from __future__ import annotations

from bisect import bisect_left, insort

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

MIB = 1 << 20
_GRAIN, _SMALL, _LARGE = 512, MIB, 20 * MIB


class Block:
    """A stretch of a segment, in use or free, between its neighbours."""

    __slots__ = ("address", "after", "before", "free", "pool", "size")

    def __init__(self, address: int, size: int, pool: list[tuple[int, int, Block]]) -> None:
        self.address = address
        self.pool = pool  # of the stream that it was taken for; blocks never change streams
        self.size = size
        self.free = False
        self.before: Block | None = None
        self.after: Block | None = None


class Allocator:
    """The pools of one device. `allocated`, `reserved` and their peaks are bytes."""

    def __init__(self) -> None:
        self.allocated = self.reserved = 0
        self.peak_allocated = self.peak_reserved = 0
        self.segments = 0  # taken so far for blocks of more than 1 MiB
        self._address = 1 << 47
        self._small = 0  # bytes in use of blocks up to 1 MiB, which live in segments of their own
        self._small_reserved = 0
        self._free: list[tuple[int, int, Block]] = []
        self._streams: dict[int, list[tuple[int, int, Block]]] = {0: self._free}

    def take(self, size: int) -> Block | int:
        """Allocate; the answer goes back into `give`."""
        size = (size + _GRAIN - 1) // _GRAIN * _GRAIN or _GRAIN
        if size > _SMALL:
            return self.take_large(size)
        self.count(size)
        return size

    def count(self, change: int) -> None:
        """Account for blocks of up to 1 MiB: hundreds of them fill segments of 2 MiB densely, so they are only counted."""
        self._small += change
        self.allocated += change
        if self._small > self._small_reserved:
            more = (self._small - self._small_reserved + 2 * MIB - 1) // (2 * MIB) * 2 * MIB
            self._small_reserved += more
            self._grow(more)
        self.peak_allocated = max(self.peak_allocated, self.allocated)

    def take_large(self, size: int, stream: int = 0) -> Block:
        """Allocate more than 1 MiB."""
        size = (size + _GRAIN - 1) // _GRAIN * _GRAIN
        free = self._streams.setdefault(stream, []) if stream else self._free
        at = bisect_left(free, (size, -1))
        if at < len(free):
            block = free.pop(at)[2]
            block.free = False
        else:
            whole = _LARGE if size < 10 * MIB else (size + 2 * MIB - 1) // (2 * MIB) * 2 * MIB
            self._address -= whole + MIB  # segments are never neighbours
            block = Block(self._address, whole, free)
            self.segments += 1
            self._grow(whole)
        rest = block.size - size
        if rest > MIB:
            other = Block(block.address + size, rest, free)
            other.before, other.after = block, block.after
            if block.after is not None:
                block.after.before = other
            block.after = other
            block.size = size
            other.free = True
            insort(free, (rest, other.address, other))
        self.allocated += block.size
        self.peak_allocated = max(self.peak_allocated, self.allocated)
        return block

    def give(self, block: Block | int) -> None:
        """Free what `take` gave."""
        if isinstance(block, int):
            self.count(-block)
            return
        self.allocated -= block.size
        free = block.pool
        before, after = block.before, block.after
        if before is not None and before.free:
            free.pop(bisect_left(free, (before.size, before.address)))
            before.size += block.size
            before.after = after
            if after is not None:
                after.before = before
            block = before
        if after is not None and after.free:
            free.pop(bisect_left(free, (after.size, after.address)))
            block.size += after.size
            block.after = after.after
            if after.after is not None:
                after.after.before = block
        block.free = True
        insort(free, (block.size, block.address, block))

    def _grow(self, size: int) -> None:
        self.reserved += size
        self.peak_reserved = max(self.peak_reserved, self.reserved)

    def empty(self) -> None:
        """Give whole free segments back, as `empty_cache` does."""
        for free in self._streams.values():
            kept = []
            for entry in free:
                block = entry[2]
                if block.before is None and block.after is None:
                    self.reserved -= block.size
                else:
                    kept.append(entry)
            free[:] = kept

    def forget_peaks(self) -> None:
        """Start counting peaks anew."""
        self.peak_allocated, self.peak_reserved = self.allocated, self.reserved

    def replay(self, events: Sequence[int], held: dict[int, Block | int] | None = None) -> dict[int, Block | int]:
        """Replay events of a tape; `held` maps positions of allocations to blocks, and is returned with what is still held."""
        held = {} if held is None else held
        take, give = self.take, self.give
        for at, event in enumerate(events):
            if event >= 0:
                held[at] = take(event)
            else:
                give(held.pop(~event))
        return held
