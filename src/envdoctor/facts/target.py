"""A machine that is described on the command line instead of being there. Pure: nothing of this machine takes part in an answer."""

from __future__ import annotations

from envdoctor.facts import torch_builds
from envdoctor.model.errors import UsageError
from envdoctor.model.facts import NOT_APPLICABLE, NOT_COLLECTED, NOT_INSTALLED, Absent, Fact
from envdoctor.model.markers import PLATFORMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Union

    from envdoctor.facts.cards import Card
    from envdoctor.model.snapshot import Distribution

    Answers = list[Union[Fact, Absent]]

ORIGIN = "described on the command line"
_CARD = ("gpu.names", "gpu.capability.min", "gpu.capability.max", "gpu.memory.total", "gpu.memory.free")
_DRIVER = ("driver.version", "driver.cuda")
_MACHINE = ("os.kernel", "os.glibc", "python.headers", "python.prefix", "cuda.toolkit", "cuda.home", "tools.cc", "tools.ffmpeg",
            "disk.cache.free", "disk.work.free", "memory.ram.total", "memory.ram.available", "memory.shm.total",
            "hf.cache.broken_links", "hf.cache.incomplete", "hf.token", "hf.offline", "work.shadows")  # fmt: skip


def describe(
    *,
    gpu: str | None = None,
    gpus: int | None = None,
    driver: str | None = None,
    platform: str | None = None,
    python_version: str | None = None,
    distributions: Mapping[str, Distribution],
) -> tuple[list[Fact], list[Absent]]:
    """Return what a description decides and what it leaves open. Raises UsageError for words that name nothing known.

    `gpu` is a card ("H100-80GB", "T4"), a size ("24GB"), "mps", "cpu" or "none"; `gpus` a number of them; `driver` a version or its
    first number; `platform` one of PLATFORMS; `python_version` such as 3.11 or 3.11.7.
    """
    answers: Answers = []
    system, _, machine = named_platform(platform).partition("-") if platform is not None else ("", "", "")
    answers += _system(system, machine)
    answers += _python(python_version)
    answers += _gpu(gpu, gpus, driver, system, machine)
    told = {answer.path: answer for answer in answers}
    capability, vendor = told["gpu.capability.min"], told["gpu.vendor"]
    answers += describe_torch(
        distributions,
        told["os.name"],
        told["os.arch"],
        float(str(capability.value)) if isinstance(capability, Fact) else None,
        gpu_present=vendor.value == "nvidia" if isinstance(vendor, Fact) else None,
    )
    answers.append(_runtimes(distributions))
    return [one for one in answers if isinstance(one, Fact)], [one for one in answers if isinstance(one, Absent)]


def named_platform(platform: str) -> str:
    """Return the platform of PLATFORMS that is meant, such as linux-x86_64 for Linux-amd64. Raises UsageError."""
    asked = platform.lower().replace("darwin", "macos").replace("amd64", "x86_64").replace("win32", "windows")
    if asked not in PLATFORMS:
        raise UsageError(f"--platform {platform}: not a platform envdoctor knows; choose one of {', '.join(PLATFORMS)}")
    return asked


def _system(system: str, machine: str) -> Answers:
    answers: Answers = []
    for path, value in (("os.name", system), ("os.arch", machine)):
        answers.append(Fact(path=path, value=value, origin=ORIGIN) if value else _open(path))
    if system:
        answers.append(Fact(path="os.wsl", value=False, origin=f"--platform {system}-{machine} {ORIGIN}"))
    else:
        answers.append(_open("os.wsl"))
    for path in _MACHINE:
        linux_only = path in ("os.glibc", "memory.shm.total") and system not in ("", "linux")
        answers.append(_moot(path, f"{system} has none") if linux_only else _open(path))
    return answers


def _python(version: str | None) -> Answers:
    if version is None:
        return [_open(path) for path in ("python.version", "python.implementation", "python.abi")]
    numbers = version.removesuffix("t").split(".")
    if not 2 <= len(numbers) <= 3 or not all(number.isdecimal() for number in numbers):
        raise UsageError(f"--python-version {version}: write it as 3.11 or 3.11.7")
    plain = ".".join(numbers)
    return [
        Fact(path="python.version", value=plain, origin=ORIGIN),
        Fact(path="python.implementation", value="cpython", origin=ORIGIN),
        Fact(path="python.abi", value=f"cp{numbers[0]}{numbers[1]}{'t' if version.endswith('t') else ''}", origin=ORIGIN),
    ]


def _gpu(gpu: str | None, gpus: int | None, driver: str | None, system: str, machine: str) -> Answers:
    if gpus is not None and gpus < 0:
        raise UsageError(f"--gpus {gpus}: a number of GPUs is 0 or more")
    if gpu is not None and gpu.strip().lower() in ("none", "cpu", "no"):
        gpu, gpus = None, 0
    if gpus == 0:
        if gpu is not None:
            raise UsageError(f"--gpu {gpu} --gpus 0: a machine without GPUs has no card; leave one of the two out")
        return _no_gpu("--gpus 0")
    if gpu is not None and gpu.strip().lower() in ("mps", "apple"):
        if system not in ("", "macos"):
            raise UsageError(f"--gpu {gpu} --platform {system}-{machine}: only Macs have Apple's GPU")
        return _apple()
    if system == "macos":
        if gpu is not None or driver is not None:
            raise UsageError(f"--gpu and --driver describe NVIDIA and AMD cards, which no {system}-{machine} has; leave them out")
        return _apple() if machine == "arm64" else _no_gpu("Macs with Intel processors have no GPU that the stack uses")
    card, gigabytes = _card(gpu) if gpu is not None else (None, None)
    return [*_cards(gpu, card, gigabytes, gpus, driver), *_driver(driver, card)]


def _card(name: str) -> tuple[Card | None, int | None]:
    from envdoctor.facts import cards

    card, gigabytes = cards.identify(name)
    text = name.strip().lower().replace(" ", "")
    if card is None and not (gigabytes and text in (f"{gigabytes}gb", f"{gigabytes}gib")):
        near = cards.near(name)
        advice = f"did you mean {', '.join(near)}?" if near else "name a card (H100-80GB, T4, RTX 4090, MI300X) or its memory alone (24GB)"
        raise UsageError(f"--gpu {name}: not a card envdoctor knows; {advice}")
    return card, gigabytes


def _cards(name: str | None, card: Card | None, gigabytes: int | None, gpus: int | None, driver: str | None) -> Answers:
    from envdoctor.facts.cards import memory_of

    origin = f"{ORIGIN}, and the table of cards"
    count = gpus if gpus is not None else 1 if name is not None else None
    answers: Answers = [_open("gpu.count") if count is None else Fact(path="gpu.count", value=count, origin=ORIGIN)]
    vendor = card.vendor if card is not None else "nvidia" if driver is not None else ""
    answers.append(Fact(path="gpu.vendor", value=vendor, origin=origin if card else ORIGIN) if vendor else _open("gpu.vendor"))
    answers.append(_open("gpu.memory.free"))
    if card is None:
        answers += [_open(path) for path in ("gpu.names", "gpu.capability.min", "gpu.capability.max", "rocm.version")]
        total = None if gigabytes is None else gigabytes << 30
    else:
        answers.append(Fact(path="gpu.names", value=(_full_name(card),) * (count or 1), origin=origin))
        for path in ("gpu.capability.min", "gpu.capability.max"):
            if card.capability is None:
                answers.append(_moot(path, f"a {card.name} has no CUDA compute capability"))
            else:
                answers.append(Fact(path=path, value=card.capability, origin=origin))
        answers.append(_moot("rocm.version", "the GPU is not AMD's") if card.vendor == "nvidia" else _open("rocm.version"))
        # Cards in notebooks bear the names of larger ones.
        total = None if gigabytes is None and "laptop" in str(name).lower() else memory_of(card, gigabytes)
    answers.append(_open("gpu.memory.total") if total is None else Fact(path="gpu.memory.total", value=total, origin=origin))
    return answers


def _full_name(card: Card) -> str:
    """Return the name as the driver prints it: "NVIDIA H100", "Tesla T4", "AMD Instinct MI300X"."""
    if card.vendor == "amd":
        return f"AMD Instinct {card.name}" if card.name.startswith("MI") else f"AMD Radeon {card.name}"
    return card.name if card.name.startswith(("Tesla", "Quadro")) else f"NVIDIA {card.name}"


def _driver(driver: str | None, card: Card | None) -> Answers:
    if card is not None and card.vendor == "amd":
        if driver is not None:
            raise UsageError(f"--driver {driver} describes an NVIDIA driver, but a {card.name} is AMD's; leave one of the two out")
        return [_open("driver.version"), _moot("driver.cuda", f"a {card.name} has no CUDA")]
    if driver is None:
        return [_open(path) for path in _DRIVER]
    version = driver.strip().removeprefix("v").removeprefix("R").removeprefix("r")
    if not version.replace(".", "").isdecimal() or not version[:1].isdecimal() or ".." in version or version.endswith("."):
        raise UsageError(f"--driver {driver}: write the driver's version (550.54.14) or its first number (550)")
    from envdoctor.facts.drivers import newest_cuda

    cuda = newest_cuda(version)
    told: Fact | Absent = Fact(path="driver.cuda", value=cuda, origin=f"driver {version} {ORIGIN}, and NVIDIA's table of drivers")
    if not cuda:
        told = Absent(path="driver.cuda", reason=NOT_COLLECTED, detail=f"driver {version} is not in the table of drivers")
    return [Fact(path="driver.version", value=version, origin=ORIGIN), told]


def _no_gpu(why: str) -> Answers:
    answers: Answers = [
        Fact(path="gpu.vendor", value="none", origin=ORIGIN),
        Fact(path="gpu.count", value=0, origin=ORIGIN),
        Fact(path="gpu.names", value=(), origin=ORIGIN),
    ]
    return answers + [_moot(path, f"no GPU ({why})") for path in (*_CARD[1:], *_DRIVER, "rocm.version")]


def _apple() -> Answers:
    answers: Answers = [
        Fact(path="gpu.vendor", value="apple", origin=ORIGIN),
        Fact(path="gpu.count", value=1, origin=ORIGIN),
        Fact(path="gpu.names", value=("Apple GPU",), origin=ORIGIN),
    ]
    return answers + [_moot(path, "the GPU shares the machine's memory and has no CUDA") for path in (*_CARD[1:], *_DRIVER, "rocm.version")]


def describe_torch(
    distributions: Mapping[str, Distribution],
    os_name: Fact | Absent,
    os_arch: Fact | Absent,
    capability: float | None = None,
    gpu_present: bool | None = None,
) -> Answers:
    """Return torch's build where only its version is known: what its local label says, or else what the package index ships.

    `capability` is that of the GPU the build must serve, None where it is not known; `gpu_present` is False where there is no NVIDIA GPU.
    """
    paths = ("torch.build", "torch.cuda", "torch.archs", "torch.gpu_supported")
    torch = distributions.get("torch")
    if torch is None:
        return [Absent(path=path, reason=NOT_INSTALLED, detail="torch is not listed") for path in paths]
    version = torch.version or ""
    public, _, label = version.partition("+")
    labelled = torch_builds.labelled_build(label) if label else None
    system = str(os_name.value) if isinstance(os_name, Fact) else ""
    default = torch_builds.default_build(public, system, str(os_arch.value) if isinstance(os_arch, Fact) else "")
    archs: tuple[str, ...] = ()
    if labelled is not None:
        build, cuda = labelled
        origin = f"the label of torch {version}"
        if default is not None and default[:2] == labelled:
            archs = default[2]
    elif torch.direct_url or torch.build or not version or label or default is None:
        if torch.build not in ("cpu", "cuda", "rocm", "xpu", "mps"):
            detail = f"nothing tells what torch {version or 'of unknown version'} was built for"
            return [Absent(path=path, reason=NOT_COLLECTED, detail=detail) for path in paths]
        build, cuda, origin = torch.build, "", torch.origin or "the list of distributions"
    else:
        build, cuda, archs = default
        origin = f"the {system} wheel of torch {public} on the package index"
    answers: Answers = [Fact(path="torch.build", value=build, origin=origin)]
    if build != "cuda":
        reason = NOT_COLLECTED if build == "rocm" else NOT_APPLICABLE
        answers.append(_moot("torch.cuda", f"torch is a {build} build"))
        return answers + [Absent(path=path, reason=reason, detail=f"torch is a {build} build") for path in paths[2:]]
    answers.append(Fact(path="torch.cuda", value=cuda, origin=origin) if cuda else _open("torch.cuda"))
    answers.append(Fact(path="torch.archs", value=archs, origin=origin) if archs else _open("torch.archs"))
    if gpu_present is False:
        answers.append(_moot("torch.gpu_supported", "no NVIDIA GPU"))
    elif capability is None or not archs:
        answers.append(_open("torch.gpu_supported"))
    else:
        origin = f"{' '.join(archs)} against compute capability {capability:.1f}"
        answers.append(Fact(path="torch.gpu_supported", value=torch_builds.supports(archs, capability), origin=origin))
    return answers


def _runtimes(distributions: Mapping[str, Distribution]) -> Fact | Absent:
    majors = set()
    for name, found in distributions.items():
        if name.startswith("nvidia-"):
            label = name.rpartition("-cu")[2]
            if label in ("11", "12", "13", "14"):
                majors.add(label)
            elif name == "nvidia-cuda-runtime" and found.version:
                majors.add(found.version.partition(".")[0])
    if not majors:
        return _open("cuda.runtimes")
    return Fact(path="cuda.runtimes", value=tuple(sorted(majors, key=int)), origin="nvidia-* distributions")


def _open(path: str) -> Absent:
    return Absent(path=path, reason=NOT_COLLECTED, detail="not described")


def _moot(path: str, detail: str) -> Absent:
    return Absent(path=path, reason=NOT_APPLICABLE, detail=detail)
