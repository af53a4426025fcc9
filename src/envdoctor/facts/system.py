"""The operating system: its name, architecture, kernel and C library. Nothing about Python or GPUs."""

from __future__ import annotations

from envdoctor.model.facts import FAILED, NOT_APPLICABLE, Absent, Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from envdoctor.facts.host import Host

NAMES: dict[str, str] = {"linux": "linux", "darwin": "macos", "win32": "windows"}
ARCHITECTURES = {"AMD64": "x86_64", "x64": "x86_64", "ARM64": "arm64"}


def collect(host: Host) -> Iterator[Fact | Absent]:
    """Yield the facts of the operating system."""
    name = NAMES.get(host.platform, host.platform)
    yield Fact(path="os.name", value=name, origin="sys.platform")

    machine = host.machine()
    if machine:
        yield Fact(path="os.arch", value=ARCHITECTURES.get(machine, machine), origin="uname -m")
    else:
        yield Absent(path="os.arch", reason=FAILED, detail="the system does not tell its architecture")

    if name != "linux":
        yield Absent(path="os.glibc", reason=NOT_APPLICABLE, detail=f"{name} has no GNU C library")
    elif version := host.glibc():
        yield Fact(path="os.glibc", value=version, origin="confstr(CS_GNU_LIBC_VERSION)")
    else:
        yield Absent(path="os.glibc", reason=NOT_APPLICABLE, detail="this Linux has another C library (musl, as on Alpine)")

    kernel = host.kernel()
    yield Fact(path="os.wsl", value=name == "linux" and "microsoft" in kernel.lower(), origin="release of the kernel")
    plain = plain_version(kernel)
    if plain:
        yield Fact(path="os.kernel", value=plain, origin="uname -r")
    else:
        yield Absent(path="os.kernel", reason=FAILED, detail=f"the release {kernel!r} holds no version")


def plain_version(text: str) -> str:
    """Return the leading numbers of a release, so that it compares as a version.

    >>> plain_version("5.15.0-1057-aws"), plain_version("6.6.87.2-microsoft-standard-WSL2"), plain_version("rolling")
    ('5.15.0', '6.6.87.2', '')
    """
    numbers = []
    for part in text.split("."):
        digits = len(part) - len(part.lstrip("0123456789"))
        if digits:
            numbers.append(part[:digits])
        if digits != len(part):
            break
    return ".".join(numbers)
