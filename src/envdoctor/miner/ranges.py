"""A remote file read in parts: what `zipfile` needs of a file, answered by HTTP range requests.

`prefetch` is told what will be read, so that a thousand small members cost a few large requests instead of a thousand.
"""

from __future__ import annotations

import io
from bisect import bisect_right

from envdoctor.model.errors import ReleaseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from envdoctor.miner.web import Client

Span = tuple[int, int]  # first byte, and the one after the last

GAP = 96 << 10
"""Bytes that are cheaper to fetch along than to ask again for."""
LONGEST = 8 << 20
"""Bytes of one request at most."""
TAIL = 256 << 10
"""Bytes asked for first: the end of a zip file, with the whole directory of all but large archives."""
PARALLEL = 4


class RemoteFile(io.RawIOBase):
    """A file on a server that answers range requests. Raises ReleaseError where it does not, or where the answer is wrong."""

    def __init__(self, client: Client, url: str, name: str, size: int = 0) -> None:
        super().__init__()
        self._client = client
        self._url = url
        self._name = name
        self._starts: list[int] = []
        self._parts: list[bytes] = []
        self._place = 0
        self.fetched = 0
        """Bytes that came over the network so far."""
        self.size = size
        if size:
            self._keep(max(0, size - TAIL), self._fetch((max(0, size - TAIL), size)))
        else:
            self._measure()

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can be read anywhere."""
        return True

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position in bytes."""
        self._place = max(0, offset + (0, self._place, self.size)[whence])
        return self._place

    def read(self, size: int | None = -1) -> bytes:
        """Return bytes from the position on; asks the server for what was not prefetched."""
        end = self.size if size is None or size < 0 else min(self.size, self._place + size)
        if end <= self._place:
            return b""
        self.prefetch([(self._place, end)])
        found = b"".join(self._held(self._place, end))
        self._place = end
        return found

    def prefetch(self, spans: Iterable[Span]) -> None:
        """Fetch spans of bytes that are not there yet, neighbouring ones in one request and a few requests at a time."""
        wanted = coalesce([missing for span in spans for missing in self._missing(*span)], GAP, LONGEST)
        if len(wanted) > 1:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(min(PARALLEL, len(wanted))) as pool:
                answers = list(pool.map(self._fetch, wanted))
        else:
            answers = [self._fetch(span) for span in wanted]
        for (start, _), body in zip(wanted, answers):
            self._keep(start, body)

    def _missing(self, start: int, end: int) -> list[Span]:
        found: list[Span] = []
        place = max(0, bisect_right(self._starts, start) - 1)
        while start < end and place < len(self._starts):
            first, last = self._starts[place], self._starts[place] + len(self._parts[place])
            if first >= end:
                break
            if first > start:
                found.append((start, first))
            start = max(start, last)
            place += 1
        if start < end:
            found.append((start, end))
        return found

    def _held(self, start: int, end: int) -> Iterable[bytes]:
        place = bisect_right(self._starts, start) - 1
        while start < end:
            first, part = self._starts[place], self._parts[place]
            piece = part[start - first : end - first]
            yield piece
            start += len(piece)
            place += 1

    def _keep(self, start: int, body: bytes) -> None:
        # what overlaps a neighbour is cut off, so that parts never do
        for first, last in self._missing(start, start + len(body)):
            place = bisect_right(self._starts, first)
            self._starts.insert(place, first)
            self._parts.insert(place, body[first - start : last - start])

    def _measure(self) -> None:
        answer = self._client.get(self._url, {"Range": f"bytes=-{TAIL}"})
        total = answer.headers.get("content-range", "").rpartition("/")[2]
        if answer.status == 206 and total.isdecimal():
            self.size = int(total)
            self.fetched += len(answer.body)
            self._keep(self.size - len(answer.body), answer.body)
            return
        raise self._refused(answer.status)

    def _fetch(self, span: Span) -> bytes:
        start, end = span
        answer = self._client.get(self._url, {"Range": f"bytes={start}-{end - 1}"})
        if answer.status != 206:
            raise self._refused(answer.status)
        if len(answer.body) != end - start:
            raise ReleaseError(f"{self._name}: the server sent {len(answer.body)} bytes and was asked for {end - start}; run this again")
        self.fetched += len(answer.body)
        return answer.body

    def _refused(self, status: int) -> ReleaseError:
        why = {200: "sends whole files only", 404: "no longer has this file", 416: "has another file under this name"}
        told = why.get(status, f"answers with status {status}")
        return ReleaseError(f"{self._name}: the server {told}; use an index whose file host answers range requests")


def coalesce(spans: Iterable[Span], gap: int, longest: int) -> list[Span]:
    """Return spans of bytes in order, joined where at most `gap` bytes lie between them, and none longer than `longest`.

    >>> coalesce([(100, 120), (0, 10), (15, 20)], 10, 1000)
    [(0, 20), (100, 120)]
    >>> coalesce([(0, 25)], 10, 10)
    [(0, 10), (10, 20), (20, 25)]
    """
    joined: list[list[int]] = []
    for start, end in sorted(span for span in spans if span[1] > span[0]):
        if joined and start - joined[-1][1] <= gap:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([start, end])
    return [(at, min(end, at + longest)) for start, end in joined for at in range(start, end, longest)]
