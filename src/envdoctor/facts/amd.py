"""AMD GPUs, read from the files of the kernel's compute driver; no tool is started."""

from __future__ import annotations

from envdoctor.model.facts import FAILED, NOT_APPLICABLE, NOT_INSTALLED, Absent, Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from envdoctor.facts.host import Host

_NODES = "/sys/class/kfd/kfd/topology/nodes"


def present(host: Host) -> bool:
    """Tell whether the compute driver of an AMD GPU is open to this process."""
    return host.platform == "linux" and host.exists("/dev/kfd")


def targets(host: Host) -> tuple[str, ...]:
    """Return the LLVM target of each GPU, such as gfx942 (processors, which are nodes too, left out)."""
    return tuple(gfx for gfx, _ in _gpus(host))


def collect(host: Host) -> Iterator[Fact | Absent]:
    """Yield the facts of the GPU row for a machine with AMD GPUs."""
    gpus = _gpus(host)
    masks = [host.getenv(name) for name in ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")]
    for mask in masks:
        if mask is not None:
            chosen = [entry.strip() for entry in mask.split(",")]
            if all(entry.isdecimal() for entry in chosen):
                gpus = [gpus[int(entry)] for entry in chosen if int(entry) < len(gpus)]
            elif mask.strip() in ("", "-1"):
                gpus = []
    origin = f"{_NODES}/*/properties"
    yield Fact(path="gpu.vendor", value="amd" if gpus else "none", origin=origin)
    yield Fact(path="gpu.count", value=len(gpus), origin=origin)
    yield Fact(path="gpu.names", value=tuple(gfx for gfx, _ in gpus), origin=origin)
    for path in ("gpu.capability.min", "gpu.capability.max", "driver.cuda"):
        yield Absent(path=path, reason=NOT_APPLICABLE, detail="AMD GPUs have no CUDA compute capability")
    sizes = [size for _, size in gpus if size]
    if sizes and len(sizes) == len(gpus):
        yield Fact(path="gpu.memory.total", value=min(sizes), origin=f"{_NODES}/*/mem_banks")
    else:
        yield Absent(path="gpu.memory.total", reason=FAILED, detail="the driver's files do not tell it")
    yield Absent(path="gpu.memory.free", reason=FAILED, detail="not read for AMD GPUs")
    driver = (host.read_text("/sys/module/amdgpu/version", 64) or "").strip()
    if driver:
        yield Fact(path="driver.version", value=driver, origin="/sys/module/amdgpu/version")
    else:
        yield Absent(path="driver.version", reason=NOT_APPLICABLE, detail="the driver is part of the kernel")
    version = (host.read_text("/opt/rocm/.info/version", 64) or "").strip().partition("-")[0]
    if version:
        yield Fact(path="rocm.version", value=version, origin="/opt/rocm/.info/version")
    else:
        yield Absent(path="rocm.version", reason=NOT_INSTALLED, detail="/opt/rocm/.info/version is missing")


def _gpus(host: Host) -> list[tuple[str, int]]:
    found = []
    for node in sorted(host.list_dir(_NODES) or (), key=lambda name: (len(name), name)):
        told = _properties(host.read_text(f"{_NODES}/{node}/properties", 1 << 14))
        version = told.get("gfx_target_version", 0)
        if version:
            # 90402 is major 9, minor 4, stepping 2; minor and stepping are written as hexadecimal digits (90010 is gfx90a).
            gfx = f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}"
            banks = f"{_NODES}/{node}/mem_banks"
            told_banks = (_properties(host.read_text(f"{banks}/{bank}/properties", 4096)) for bank in host.list_dir(banks) or ())
            found.append((gfx, sum(bank.get("size_in_bytes", 0) for bank in told_banks)))
    return found


def _properties(text: str | None) -> dict[str, int]:
    found = {}
    for line in (text or "").splitlines():
        key, _, value = line.partition(" ")
        if value.strip().isdecimal():
            found[key] = int(value)
    return found
