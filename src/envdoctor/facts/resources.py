"""Disk, memory and shared memory, in bytes, as far as this process may use them (container limits count)."""

from __future__ import annotations

from envdoctor.facts.huggingface import cache_folder
from envdoctor.model.facts import FAILED, NOT_APPLICABLE, Absent, Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from envdoctor.facts.host import Host


def collect(host: Host) -> Iterator[Fact | Absent]:
    """Yield free disk, memory and the size of /dev/shm."""
    for path, folder in (("disk.cache.free", cache_folder(host)), ("disk.work.free", host.cwd())):
        free = host.disk_free(folder) if folder else None
        if free is None:
            yield Absent(path=path, reason=FAILED, detail=f"the file system of {folder or 'the folder'} does not tell its free space")
        else:
            yield Fact(path=path, value=free, origin=f"free space at {folder}")
    yield from _memory(host)
    size = host.disk_total("/dev/shm") if host.platform == "linux" else None  # noqa: S108 - asked for its size only
    if size is not None:
        yield Fact(path="memory.shm.total", value=size, origin="size of /dev/shm")
    elif host.platform == "linux":
        yield Absent(path="memory.shm.total", reason=FAILED, detail="/dev/shm cannot be read")  # noqa: S108
    else:
        yield Absent(path="memory.shm.total", reason=NOT_APPLICABLE, detail="only Linux has /dev/shm")


def _memory(host: Host) -> Iterator[Fact | Absent]:
    total, available, origin = _machine_memory(host)
    limit, used, where = _container_memory(host)
    if limit is not None and (total is None or limit < total):
        total, origin = limit, where
        if used is not None:
            left = max(0, limit - used)
            available = left if available is None else min(available, left)
    for path, value in (("memory.ram.total", total), ("memory.ram.available", available)):
        if value is None:
            yield Absent(path=path, reason=FAILED, detail="the system does not tell it in a file")
        else:
            yield Fact(path=path, value=value, origin=origin)


def _machine_memory(host: Host) -> tuple[int | None, int | None, str]:
    if host.platform != "linux":
        total, available = host.memory()
        return total, available, "the operating system"
    found: dict[str, int] = {}
    for line in (host.read_text("/proc/meminfo", 1 << 14) or "").splitlines():
        key, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdecimal():
            found[key] = int(words[0]) * 1024
    return found.get("MemTotal"), found.get("MemAvailable"), "/proc/meminfo"


def _container_memory(host: Host) -> tuple[int | None, int | None, str]:
    """Return limit and use in bytes of the tightest control group above this process."""
    if host.platform != "linux":
        return None, None, ""
    tightest: tuple[int | None, int | None, str] = (None, None, "")
    for line in (host.read_text("/proc/self/cgroup", 1 << 14) or "").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if number == "0" and not controllers:
            root, names = "/sys/fs/cgroup", ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            root, names = "/sys/fs/cgroup/memory", ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        # Inside a container the group's path is the host's and does not exist here; its own limits stand at the root.
        while True:
            folder = root + group.rstrip("/")
            limit = _number(host, f"{folder}/{names[0]}")
            if limit is not None and (tightest[0] is None or limit < tightest[0]):
                tightest = (limit, _used(host, folder, names[1], names[2]), f"{folder}/{names[0]}")
            if group.strip("/") == "":
                break
            group = group.rstrip("/").rpartition("/")[0]
    return tightest


def _used(host: Host, folder: str, name: str, cached: str) -> int | None:
    used = _number(host, f"{folder}/{name}")
    if used is None:
        return None
    for line in (host.read_text(f"{folder}/memory.stat", 1 << 14) or "").splitlines():
        key, _, value = line.partition(" ")
        if key == cached and value.isdecimal():
            return max(0, used - int(value))  # cached files give way when programs need the memory
    return used


def _number(host: Host, path: str) -> int | None:
    text = (host.read_text(path, 64) or "").strip()
    return int(text) if text.isdecimal() else None
