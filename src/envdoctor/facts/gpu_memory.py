"""Memory of the GPUs. Apart from the other GPU facts, because it takes a tool to learn."""

from __future__ import annotations

from envdoctor.facts import SOURCES, gpu

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from envdoctor.facts.host import Host
    from envdoctor.model.facts import Absent, Fact


def collect(host: Host) -> Iterator[Fact | Absent]:
    """Yield total and free memory in bytes, of the smallest and of the fullest GPU."""
    for answer in gpu.everything(host):
        if answer.path in SOURCES["gpu_memory"]:
            yield answer
