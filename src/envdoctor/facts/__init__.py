"""The only code that reads the machine. `SOURCES` names every source and the facts it can tell.

A source is a module with `collect(host)`, which yields a Fact or an Absent for each path in its row; it never raises for what the
machine does. The rows stand here, apart from the modules, so that a check imports only the sources whose facts it needs.
"""

from __future__ import annotations

SOURCES: dict[str, tuple[str, ...]] = {
    # module in envdoctor.facts: the facts it can tell
    "system": ("os.name", "os.arch", "os.glibc", "os.wsl", "os.kernel"),
    "python": ("python.version", "python.implementation", "python.abi", "python.prefix", "python.headers"),
    "gpu": (
        "gpu.vendor", "gpu.count", "gpu.names", "gpu.capability.min", "gpu.capability.max", "driver.version", "driver.cuda", "rocm.version",
    ),
    "gpu_memory": ("gpu.memory.total", "gpu.memory.free"),
    "torch": ("torch.build", "torch.cuda", "torch.archs", "torch.gpu_supported"),
    "cuda": ("cuda.runtimes", "cuda.toolkit", "cuda.home"),
    "tools": ("tools.cc", "tools.ffmpeg"),
    "resources": ("disk.cache.free", "disk.work.free", "memory.ram.total", "memory.ram.available", "memory.shm.total"),
    "huggingface": ("hf.cache.broken_links", "hf.cache.incomplete", "hf.token", "hf.offline"),
    "workdir": ("work.shadows",),
}  # fmt: skip
