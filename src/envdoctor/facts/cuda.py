"""CUDA on disk: runtimes in the environment and on the machine, and the toolkit with its compiler."""

from __future__ import annotations

from envdoctor.model.facts import FAILED, NOT_INSTALLED, Absent, Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from envdoctor.facts.host import Host

_MAJORS = ("9", "10", "11", "12", "13", "14")


def collect(host: Host) -> Iterator[Fact | Absent]:
    """Yield runtimes, compiler version and toolkit folder."""
    runtimes = _runtimes(host)
    origin = ", ".join(f"{major}: {place}" for major, place in sorted(runtimes.items(), key=lambda item: int(item[0])))
    yield Fact(path="cuda.runtimes", value=tuple(sorted(runtimes, key=int)), origin=origin or "no libcudart and no nvidia-* distribution")
    home, why = _home(host)
    yield _toolkit(host, home)
    yield Fact(path="cuda.home", value=bool(home), origin=why)


def _runtimes(host: Host) -> dict[str, str]:
    """Return the major versions found, each with the first place of it."""
    found: dict[str, str] = {}
    for site in host.site_packages:
        for name in host.list_dir(site) or ():
            if not name.startswith("nvidia_") or not name.endswith(".dist-info"):
                continue
            distribution, _, version = name[:-10].partition("-")
            label = distribution.rpartition("_cu")[2]
            # nvidia-cuda-runtime-cu12 12.4.127; from CUDA 13 on nvidia-cuda-runtime 13.0.96, without the suffix.
            major = label if label in _MAJORS else version.partition(".")[0] if distribution == "nvidia_cuda_runtime" else ""
            if major in _MAJORS:
                found.setdefault(major, f"{distribution.replace('_', '-')} {version}")
        for folder in (f"{site}/nvidia/cuda_runtime/lib", *(f"{site}/nvidia/cu{major}/lib" for major in _MAJORS[2:]), f"{site}/torch/lib"):
            _libraries(host, folder, found)
    for folder in (host.getenv("LD_LIBRARY_PATH") or "").split(":"):
        if folder:
            _libraries(host, folder, found)
    for name in host.list_dir("/usr/local") or () if host.platform == "linux" else ():
        if name.startswith("cuda"):
            for below in ("lib64", "targets/x86_64-linux/lib", "targets/sbsa-linux/lib"):
                _libraries(host, f"/usr/local/{name}/{below}", found)
    return found


def _libraries(host: Host, folder: str, found: dict[str, str]) -> None:
    for name in host.list_dir(folder) or ():
        # libcudart.so.12, libcudart.so.11.0 and, in torch/lib of 2.0 and older, libcudart-d0da41ae.so.11.0
        if name.startswith("libcudart") and ".so." in name:
            major = name.partition(".so.")[2].partition(".")[0]
            if major in _MAJORS:
                found.setdefault(major, f"{folder}/{name}")


def _home(host: Host) -> tuple[str, str]:
    """Return the toolkit folder as `torch.utils.cpp_extension` finds it, and how; "" where there is none."""
    for name in ("CUDA_HOME", "CUDA_PATH"):
        folder = host.getenv(name)
        if folder:
            there = host.exists(folder)
            return folder if there else "", f"{name}={folder}" + ("" if there else ", which does not exist")
    compiler = host.which("nvcc")
    if compiler:
        folder = compiler.replace("\\", "/").rpartition("/")[0].rpartition("/")[0]
        return folder or "/", f"{compiler} is on the PATH"
    if host.platform == "linux" and host.exists("/usr/local/cuda"):
        return "/usr/local/cuda", "/usr/local/cuda exists"
    return "", "CUDA_HOME is not set, nvcc is not on the PATH, /usr/local/cuda does not exist"


def _toolkit(host: Host, home: str) -> Fact | Absent:
    compiler = host.which("nvcc")
    real = host.real_path(compiler).replace("\\", "/").rpartition("/bin/")[0] if compiler else ""
    if not compiler and not (home and host.exists(f"{home}/bin/nvcc")):
        return Absent(path="cuda.toolkit", reason=NOT_INSTALLED, detail="nvcc was not found")
    # /usr/local/cuda last: a wrapper such as /usr/local/bin/nvcc has no files of its own beside it.
    for folder in dict.fromkeys(place for place in (home, real, "/usr/local/cuda") if place):
        version, file = _written_version(host, folder)
        if version:
            return Fact(path="cuda.toolkit", value=version, origin=f"{folder}/{file}")
    program = compiler or f"{home}/bin/nvcc"
    # Nothing of the checked environment is started, even where it comes first on the PATH.
    if host.prefix and program.startswith(host.prefix.rstrip("/\\") + "/"):
        return Absent(path="cuda.toolkit", reason=FAILED, detail=f"{program} is the environment's own and no file names its version")
    output = host.run([program, "--version"], 5.0).output
    version = output.partition("release ")[2].partition(",")[0].strip()
    if version.replace(".", "").isdecimal():
        return Fact(path="cuda.toolkit", value=version, origin=f"{program} --version")
    return Absent(path="cuda.toolkit", reason=FAILED, detail=f"{program} --version does not tell its release")


def _written_version(host: Host, folder: str) -> tuple[str, str]:
    """Return the version that a toolkit's own files tell, and which file does."""
    version = _from_json(host.read_text(f"{folder}/version.json", 1 << 16) or "")
    if version:
        return version, "version.json"
    words = (host.read_text(f"{folder}/version.txt", 256) or "").split()
    if words[:2] == ["CUDA", "Version"] and len(words) > 2:
        return words[2], "version.txt"
    for name in host.list_dir(f"{folder}/conda-meta") or ():
        if name.startswith("cuda-nvcc-") and name.split("-")[2][:1].isdecimal():
            return name.split("-")[2], f"conda-meta/{name}"
    number = (host.read_text(f"{folder}/include/cuda.h", 1 << 15) or "").partition("#define CUDA_VERSION ")[2].split("\n")[0].strip()
    if number.isdecimal():
        return f"{int(number) // 1000}.{int(number) % 1000 // 10}", "include/cuda.h"
    return "", ""


def _from_json(text: str) -> str:
    """Return the version in the "cuda" entry; by hand, because importing json costs more than all of this source."""
    entry = text.partition('"cuda"')[2].partition("}")[0].partition('"version"')[2].split('"')
    return entry[1] if len(entry) > 1 and entry[1][:1].isdecimal() else ""
