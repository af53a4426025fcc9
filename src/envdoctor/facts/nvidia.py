"""NVIDIA GPUs of this machine: files of the driver first, then `nvidia-smi`, each asked at most once in a collection."""

from __future__ import annotations

from envdoctor.model.facts import FAILED, NOT_INSTALLED, TIMED_OUT
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.facts.host import Host

TIMEOUT = 5.0
"""Seconds that `nvidia-smi` may take; a GPU that fell off the bus makes it hang."""
WSL_TOOL = "/usr/lib/wsl/lib/nvidia-smi"
_FIELDS = ("name", "memory.total", "memory.free", "driver_version", "uuid", "compute_cap", "mig.mode.current")
_OLD_FIELDS = _FIELDS[:5]


class Gpu(Record):
    """One GPU as a source sees it; what was not told is None or ""."""

    name: str
    uuid: str = ""
    capability: float | None = None
    total: int | None = None
    free: int | None = None
    sliced: bool = False


class Answer(Record):
    """What `nvidia-smi` said: its GPUs, or the reason (see model.facts) and words of its failure."""

    gpus: tuple[Gpu, ...] = ()
    driver: str = ""
    reason: str = ""
    detail: str = ""


def device_numbers(host: Host) -> list[int]:
    """Return the numbers of the GPU devices that this process can open (/dev/nvidia0 ...)."""
    names = host.list_dir("/dev") or ()
    return sorted(int(name[6:]) for name in names if name.startswith("nvidia") and name[6:].isdecimal())


def on_the_bus(host: Host) -> int:
    """Return how many NVIDIA display or compute devices the PCI bus holds."""
    table = host.read_text("/proc/bus/pci/devices")
    # One file for all devices, third word "10de2335"; reading each device's own files takes fifty times as long.
    if table is not None and "\t10de" not in table:
        return 0
    found = 0
    for name in host.list_dir("/sys/bus/pci/devices") or ():
        folder = f"/sys/bus/pci/devices/{name}"
        if (host.read_text(f"{folder}/vendor", 16) or "").strip() == "0x10de":
            # 0x0300 VGA, 0x0302 3D controller (server cards); a card's audio and USB functions have other classes.
            found += (host.read_text(f"{folder}/class", 16) or "").startswith("0x03")
    return found


def kernel_driver(host: Host) -> tuple[str, str]:
    """Return the version of the loaded kernel driver and the file that tells it, or two empty texts."""
    text = host.read_text("/proc/driver/nvidia/version", 4096) or ""
    for word in text.partition("\n")[0].split():
        if word[:1].isdecimal() and "." in word and word.replace(".", "").isdecimal():
            return word, "/proc/driver/nvidia/version"
    version = (host.read_text("/sys/module/nvidia/version", 64) or "").strip()
    return (version, "/sys/module/nvidia/version") if version else ("", "")


def from_files(host: Host) -> tuple[Gpu, ...]:
    """Return the GPUs that the driver's files name and this process can open, in the order of the bus."""
    numbers = set(device_numbers(host))
    found = []
    for address in host.list_dir("/proc/driver/nvidia/gpus") or ():
        text = host.read_text(f"/proc/driver/nvidia/gpus/{address}/information", 4096) or ""
        told = {}
        for line in text.splitlines():
            key, _, value = line.partition(":")
            told[key.strip()] = value.strip()
        minor = told.get("Device Minor", "")
        if told.get("Model") and (not minor.isdecimal() or int(minor) in numbers):
            uuid = told.get("GPU UUID", "")
            # Before its first use the driver prints "GPU-????????-..." here.
            found.append(Gpu(name=told["Model"], uuid="" if "?" in uuid else uuid))
    return tuple(found)


def tool(host: Host) -> str | None:
    """Return the path of `nvidia-smi`, or None."""
    found = host.which("nvidia-smi")
    if found:
        return found
    for path in (WSL_TOOL, "C:\\Windows\\System32\\nvidia-smi.exe"):
        if host.platform == ("win32" if path[1] == ":" else "linux") and host.exists(path):
            return path
    return None


def ask(host: Host) -> Answer:
    """Return what `nvidia-smi` tells of all GPUs; a hang, a missing tool and an old driver are answers too."""
    known = host.memo.get("nvidia-smi")
    if not isinstance(known, Answer):
        known = host.memo["nvidia-smi"] = _ask(host)
    return known


def _ask(host: Host) -> Answer:
    path = tool(host)
    if path is None:
        return Answer(reason=NOT_INSTALLED, detail="nvidia-smi is not on the PATH")
    for fields in (_FIELDS, _OLD_FIELDS):
        ran = host.run([path, f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"], TIMEOUT)
        if ran.status == "timed-out":
            return Answer(reason=TIMED_OUT, detail=f"nvidia-smi: {ran.output}")
        if ran.status == "missing":
            return Answer(reason=NOT_INSTALLED, detail="nvidia-smi is not on the PATH")
        if "No devices were found" in ran.output:
            return Answer()
        # Drivers before R510 do not know compute_cap and refuse the whole question.
        if "not a valid field" in ran.output:
            continue
        if ran.status != "ok":
            first = ran.output.strip().splitlines()[:1]
            return Answer(reason=FAILED, detail=f"nvidia-smi: {first[0] if first else 'failed without a word'}")
        return _read(ran.output, fields)
    return Answer(reason=FAILED, detail="nvidia-smi knows none of the fields asked for")


def _read(output: str, fields: tuple[str, ...]) -> Answer:
    gpus = []
    driver = ""
    for line in output.splitlines():
        values = [value.strip() for value in line.split(",")]
        if len(values) != len(fields):
            continue
        told = dict(zip(fields, values))
        driver = driver or _told(told["driver_version"])
        gpus.append(
            Gpu(
                name=told["name"],
                uuid=_told(told["uuid"]),
                capability=_number(told.get("compute_cap", "")),
                total=_mebibytes(told["memory.total"]),
                free=_mebibytes(told["memory.free"]),
                sliced=told.get("mig.mode.current") == "Enabled",
            )
        )
    if not gpus:
        return Answer(reason=FAILED, detail="nvidia-smi printed no line of the form asked for")
    return Answer(gpus=tuple(gpus), driver=driver)


def _told(text: str) -> str:
    """Return the text, or "" for the marks "[N/A]", "[Not Supported]", "[Insufficient Permissions]" ..."""
    return "" if text.startswith("[") or text in ("N/A", "") else text


def _number(text: str) -> float | None:
    try:
        return float(_told(text))
    except ValueError:
        return None


def _mebibytes(text: str) -> int | None:
    number = _number(text)
    return None if number is None else int(number) * 1024 * 1024


def visible(gpus: tuple[Gpu, ...], mask: str | None) -> tuple[Gpu, ...]:
    """Return the GPUs that CUDA_VISIBLE_DEVICES leaves, in its order; like CUDA, stop at the first entry that names none.

    >>> [gpu.name for gpu in visible((Gpu(name="a"), Gpu(name="b")), "1,0,7,0")]
    ['b', 'a']
    """
    if mask is None:
        return gpus
    chosen: list[Gpu] = []
    for entry in mask.split(","):
        text = entry.strip()
        match = [gpu for gpu in gpus if gpu.uuid and text.startswith("GPU-") and gpu.uuid.startswith(text)]
        if text.isdecimal() and int(text) < len(gpus):
            match = [gpus[int(text)]]
        elif text.startswith("MIG-"):
            # The slice's GPU is not in its name; any sliced one has the same architecture.
            match = [gpu for gpu in gpus if gpu.sliced or not gpu.uuid][:1] or list(gpus[:1])
        elif text.startswith("GPU-") and not any(gpu.uuid for gpu in gpus):
            match = list(gpus[:1])
        if len(match) != 1:
            break
        chosen.append(match[0])
    return tuple(chosen)
