"""GPUs and their driver. A machine without one is known from a few files; tools are asked only where one is there."""

from __future__ import annotations

from envdoctor.facts import SOURCES, nvidia
from envdoctor.model.facts import FAILED, NOT_APPLICABLE, NOT_INSTALLED, Absent, Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envdoctor.facts.host import Host

_DETAILS = ("gpu.capability.min", "gpu.capability.max", "gpu.memory.total", "gpu.memory.free")
_DRIVER = ("driver.version", "driver.cuda")


def collect(host: Host) -> Iterator[Fact | Absent]:
    """Yield what is known of the GPUs and their driver, without their memory: only `nvidia-smi` tells that, in 30 ms."""
    left = set(SOURCES["gpu"])
    for answer in everything(host):
        if answer.path in left:
            yield answer
            left.remove(answer.path)
            if not left:
                return


def everything(host: Host) -> Iterator[Fact | Absent]:
    """Yield the facts of the GPUs that programs on this machine may use, cheap ones first and memory last."""
    if host.platform == "darwin":
        yield from _apple(host)
    elif _may_have_nvidia(host):
        yield from _nvidia(host)
    else:
        from envdoctor.facts import amd

        if amd.present(host):
            yield from amd.collect(host)
        else:
            yield from _none()


def capabilities(host: Host) -> tuple[float, ...] | None:
    """Return the compute capability of each usable NVIDIA GPU; none for no such GPU, None where it cannot be learnt."""
    if host.platform == "darwin" or not _may_have_nvidia(host):
        return ()
    gpus, _, answer = _usable(host)
    if answer is not None and answer.reason:
        return () if not gpus and _withheld(host, answer) else None
    found = tuple(gpu.capability for gpu in gpus if gpu.capability is not None)
    return found if len(found) == len(gpus) else None


def _may_have_nvidia(host: Host) -> bool:
    known = host.memo.get("may have nvidia")
    if not isinstance(known, bool):
        if host.platform == "win32":
            known = nvidia.tool(host) is not None
        else:
            known = bool(nvidia.device_numbers(host)) or host.exists("/proc/driver/nvidia/version")
            known = known or (host.exists("/dev/dxg") and host.exists(nvidia.WSL_TOOL))
            known = known or _jetson(host) != "" or nvidia.on_the_bus(host) > 0
        host.memo["may have nvidia"] = known
    return known


def _jetson(host: Host) -> str:
    model = host.read_text("/sys/firmware/devicetree/base/model", 256) or ""
    return model.strip("\0\n ") if "Jetson" in model else ""


def _apple(host: Host) -> Iterator[Fact | Absent]:
    arm = host.machine() == "arm64"
    origin = "Apple silicon has one GPU" if arm else "a Mac with an Intel processor"
    yield Fact(path="gpu.vendor", value="apple" if arm else "none", origin=origin)
    yield Fact(path="gpu.count", value=int(arm), origin=origin)
    yield Fact(path="gpu.names", value=("Apple GPU",) if arm else (), origin=origin)
    detail = "the GPU shares the machine's memory and has no CUDA" if arm else "no GPU that the stack can use"
    for path in (*_DETAILS, *_DRIVER, "rocm.version"):
        yield Absent(path=path, reason=NOT_APPLICABLE, detail=detail)


def _none(why: str = "") -> Iterator[Fact | Absent]:
    origin = why or "no device files and no driver of a GPU"
    yield Fact(path="gpu.vendor", value="none", origin=origin)
    yield Fact(path="gpu.count", value=0, origin=origin)
    yield Fact(path="gpu.names", value=(), origin=origin)
    paths = _DETAILS if why else (*_DETAILS, *_DRIVER)
    for path in (*paths, "rocm.version"):
        yield Absent(path=path, reason=NOT_APPLICABLE, detail=origin)


def _nvidia(host: Host) -> Iterator[Fact | Absent]:
    gpus, origin, answer = _usable(host)
    if answer is not None and answer.reason and not gpus:
        yield from _unreachable(host, answer)
        return
    if not gpus:
        # The driver is told all the same: it is there, only no GPU is open to this process.
        yield from _none(origin)
        yield from _driver(host)
        return
    yield Fact(path="gpu.vendor", value="nvidia", origin=origin)
    yield Fact(path="gpu.count", value=len(gpus), origin=origin)
    yield Fact(path="gpu.names", value=tuple(gpu.name for gpu in gpus), origin=origin)
    yield from _driver(host)
    yield Absent(path="rocm.version", reason=NOT_APPLICABLE, detail="the GPU is not AMD's")
    known = [gpu.capability for gpu in gpus if gpu.capability is not None]
    for path, choose in (("gpu.capability.min", min), ("gpu.capability.max", max)):
        if len(known) == len(gpus):
            yield Fact(path=path, value=choose(known), origin=origin)
        else:
            unknown = next(gpu.name for gpu in gpus if gpu.capability is None)
            yield Absent(path=path, reason=FAILED, detail=f"the driver does not tell it and {unknown} is not in the table of cards")
    yield from _memory(host, gpus)


def _usable(host: Host) -> tuple[tuple[nvidia.Gpu, ...], str, nvidia.Answer | None]:
    """Return the GPUs that programs may use, how they were found (or why there are none), and the tool's answer if it was asked."""
    mask = host.getenv("CUDA_VISIBLE_DEVICES")
    gpus = _with_capability(nvidia.from_files(host))
    origin = "/proc/driver/nvidia/gpus"
    answer = None
    if not gpus or any(gpu.capability is None for gpu in gpus) or (mask and ("GPU-" in mask or "MIG-" in mask)):
        answer = nvidia.ask(host)
        if not answer.reason:
            gpus, origin = _with_capability(answer.gpus), "nvidia-smi --query-gpu"
        elif not gpus and _jetson(host):
            gpus, origin, answer = _with_capability((nvidia.Gpu(name=_jetson(host)),)), "/sys/firmware/devicetree/base/model", None
    if not gpus:
        return (), "the driver finds no GPU that this process may open", answer
    left = nvidia.visible(gpus, mask)
    if mask is not None:
        origin = f"CUDA_VISIBLE_DEVICES={mask!r} {'of ' + origin if left else 'hides all GPUs'}"
    return left, origin, answer


def _with_capability(gpus: Sequence[nvidia.Gpu]) -> tuple[nvidia.Gpu, ...]:
    from envdoctor.facts import cards

    found = []
    for gpu in gpus:
        card = cards.find(gpu.name) if gpu.capability is None else None
        found.append(gpu if card is None else gpu.replace(capability=card.capability))
    return tuple(found)


def _unreachable(host: Host, answer: nvidia.Answer) -> Iterator[Fact | Absent]:
    """Tell a GPU that nobody can ask: no driver, a broken one, or a container that was not given it."""
    if _withheld(host, answer):
        yield from _none("an NVIDIA driver or GPU is on the host, but no device of it is open to this process")
        yield from _driver(host)
        return
    origin = f"PCI bus; {answer.detail}"
    yield Fact(path="gpu.vendor", value="nvidia", origin=origin)
    count = len(nvidia.device_numbers(host)) or nvidia.on_the_bus(host)
    if count:
        yield Fact(path="gpu.count", value=count, origin=origin)
    else:
        yield Absent(path="gpu.count", reason=answer.reason, detail=answer.detail)
    for path in ("gpu.names", *_DETAILS):
        # FAILED and not NOT_INSTALLED: the GPU has a name and a memory, they are only out of reach.
        yield Absent(path=path, reason=FAILED if answer.reason == NOT_INSTALLED else answer.reason, detail=answer.detail)
    yield from _driver(host)
    yield Absent(path="rocm.version", reason=NOT_APPLICABLE, detail="the GPU is not AMD's")


def _withheld(host: Host, answer: nvidia.Answer) -> bool:
    """Tell whether the host's GPU was not given to this container: its driver or bus shows, but neither device nor tool."""
    inside = any(host.exists(path) for path in ("/.dockerenv", "/run/.containerenv")) or bool(host.getenv("KUBERNETES_SERVICE_HOST"))
    here = bool(nvidia.kernel_driver(host)[0]) or inside
    return answer.reason == NOT_INSTALLED and not nvidia.device_numbers(host) and here


def _driver(host: Host) -> Iterator[Fact | Absent]:
    from envdoctor.facts import drivers

    version, origin = nvidia.kernel_driver(host)
    if not version:
        answer = nvidia.ask(host)
        version, origin = answer.driver, "nvidia-smi --query-gpu=driver_version"
        if not version:
            reason, detail = answer.reason or FAILED, answer.detail or "the driver does not tell its version"
            for path in _DRIVER:
                yield Absent(path=path, reason=reason, detail=detail)
            return
    yield Fact(path="driver.version", value=version, origin=origin)
    newest = version
    # NVIDIA's forward-compatibility package brings a newer libcuda for an older kernel driver.
    for folder in (host.getenv("LD_LIBRARY_PATH") or "").split(":"):
        for name in (host.list_dir(folder) or ()) if folder else ():
            other = name.removeprefix("libcuda.so.")
            if other != name and "." in other and other.replace(".", "").isdecimal() and _numbers(other) > _numbers(newest):
                newest, origin = other, f"{folder}/{name}"
    cuda = drivers.newest_cuda(newest)
    if cuda:
        yield Fact(path="driver.cuda", value=cuda, origin=f"driver {newest} ({origin}) and NVIDIA's table of drivers")
        return
    yield _header(host, newest)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def _header(host: Host, driver: str) -> Fact | Absent:
    """Read the CUDA version off the first lines that `nvidia-smi` prints; slow, so only for drivers outside the table."""
    path = nvidia.tool(host)
    output = host.run([path], nvidia.TIMEOUT).output if path else ""
    after = output.partition("CUDA Version:")[2].split()
    if after and after[0].replace(".", "").isdecimal():
        return Fact(path="driver.cuda", value=after[0], origin="nvidia-smi")
    return Absent(path="driver.cuda", reason=FAILED, detail=f"driver {driver} is not in the table and nvidia-smi does not tell it")


def _memory(host: Host, gpus: Sequence[nvidia.Gpu]) -> Iterator[Fact | Absent]:
    answer = nvidia.ask(host)
    told = gpus
    if not answer.reason and all(gpu.total is None and gpu.free is None for gpu in gpus):
        told = nvidia.visible(answer.gpus, host.getenv("CUDA_VISIBLE_DEVICES"))
    totals = [gpu.total for gpu in told if gpu.total is not None]
    frees = [gpu.free for gpu in told if gpu.free is not None]
    for path, values in (("gpu.memory.total", totals), ("gpu.memory.free", frees)):
        if any(gpu.sliced for gpu in told):
            yield Absent(path=path, reason=FAILED, detail="the GPU is cut into MIG slices, whose memory nvidia-smi does not list here")
        elif values and len(values) == len(told):
            yield Fact(path=path, value=min(values), origin="nvidia-smi --query-gpu")
        elif path == "gpu.memory.total" and answer.reason in (FAILED, NOT_INSTALLED) and (known := _by_name(host, gpus)):
            yield Fact(path=path, value=known, origin="names of the GPUs, and the table of cards")
        else:
            detail = answer.detail or "nvidia-smi does not tell it (memory shared with the processor, or not permitted)"
            yield Absent(path=path, reason=answer.reason or FAILED, detail=detail)


def _by_name(host: Host, gpus: Sequence[nvidia.Gpu]) -> int:
    """Return the memory of the smallest GPU where its name leaves no doubt, else 0: for those who may ask no tool."""
    from envdoctor.facts.cards import identify, memory_of

    folder = "/proc/driver/nvidia/capabilities"
    for card in host.list_dir(folder) or ():
        if any(name.startswith("gi") for name in host.list_dir(f"{folder}/{card}/mig") or ()):
            return 0  # cut into slices
    sizes = []
    for gpu in gpus:
        known, gigabytes = identify(gpu.name)
        if known is None or "laptop" in gpu.name.lower() or (gigabytes not in known.memory and len(known.memory) > 1):
            return 0
        sizes.append(memory_of(known, gigabytes))
    return min(sizes, default=0)
