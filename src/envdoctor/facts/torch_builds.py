"""What the torch wheels of the package index were built for, by release: a table and its look-ups, nothing is read here.

Read in the wheels of every final release from 2.0.0 to 2.15.0: `torch/version.py` and the architecture list compiled into
`libtorch_python.so`. macOS and Windows wheels of the index carry no CUDA in any of them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# first release, CUDA and architectures of the Linux x86_64 wheel, CUDA and architectures of the Linux aarch64 wheel ("" is a CPU build)
_RELEASES = (
    ((2, 0), "11.7", "37 50 60 70 75 80 86", "", ""),
    ((2, 1), "12.1", "50 60 70 75 80 86 90", "", ""),
    ((2, 5), "12.4", "50 60 70 75 80 86 90", "", ""),
    ((2, 7), "12.6", "50 60 70 75 80 86 90", "", ""),
    ((2, 8), "12.8", "70 75 80 86 90 100 120", "", ""),
    ((2, 11), "13.0", "75 80 86 90 100 120", "13.0", "80 90 100 110 120"),
    ((2, 15), "13.2", "75 80 86 90 100 120", "13.2", "80 90 100 110 120"),
)
_FIRST_UNKNOWN = (2, 16)


def default_build(version: str, system: str, machine: str) -> tuple[str, str, tuple[str, ...]] | None:
    """Return build, CUDA version and architectures of the index's wheel; None for a release or platform outside the table.

    >>> default_build("2.6.0", "linux", "x86_64")[:2], default_build("2.9.1", "linux", "aarch64")[0]
    (('cuda', '12.4'), 'cpu')
    """
    parts = version.partition("+")[0].split(".")
    if len(parts) < 2 or not (parts[0].isdecimal() and parts[1].isdecimal()):
        return None
    release = (int(parts[0]), int(parts[1]))
    if not _RELEASES[0][0] <= release < _FIRST_UNKNOWN:
        return None
    if system == "macos":
        return ("mps" if machine in ("arm64", "aarch64") else "cpu"), "", ()
    if system == "windows":
        return "cpu", "", ()
    if system != "linux" or machine not in ("x86_64", "aarch64", "arm64"):
        return None
    row = next(row for row in reversed(_RELEASES) if row[0] <= release)
    cuda, archs = row[1:3] if machine == "x86_64" else row[3:5]
    return ("cuda" if cuda else "cpu"), cuda, tuple(f"sm_{arch}" for arch in archs.split())


def labelled_build(label: str) -> tuple[str, str] | None:
    """Return build and CUDA version that a local version label names, or None for a label that says nothing of a build.

    >>> labelled_build("cu126"), labelled_build("rocm6.2"), labelled_build("cpu.cxx11.abi"), labelled_build("gitabc")
    (('cuda', '12.6'), ('rocm', ''), ('cpu', ''), None)
    """
    text = label.lower()
    if text.startswith("cu") and text[2:4].isdecimal():
        digits = text[2 : len(text) - len(text[2:].lstrip("0123456789"))]
        return "cuda", f"{digits[:-1]}.{digits[-1]}"
    for build in ("cpu", "rocm", "xpu"):
        if text.startswith(build):
            return build, ""
    return None


def supports(archs: Sequence[str], capability: float) -> bool:
    """Tell whether code for these architectures runs on a GPU of that compute capability.

    sm_86 runs on 8.6 and 8.9, not on 9.0; compute_80 (PTX) on 8.0 and all newer; sm_90a on 9.0 alone; sm_100f on 10.0 and 10.3.

    >>> supports(["sm_80", "sm_90"], 8.9), supports(["sm_80", "sm_90"], 10.0), supports(["compute_90"], 12.0)
    (True, False, True)
    """
    device = round(capability * 10)
    for arch in archs:
        kind, _, number = arch.partition("_")
        exact = number.endswith("a")
        digits = number.rstrip("af")
        if not digits.isdecimal():
            continue
        code = int(digits)
        if exact:
            if code == device:
                return True
        elif (kind == "sm" and code // 10 == device // 10 and code <= device) or (kind == "compute" and code <= device):
            return True
    return False
