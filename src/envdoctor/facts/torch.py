"""The torch of the checked environment, read from its files: build, CUDA version, architectures. It is never imported."""

from __future__ import annotations

from envdoctor.facts import gpu
from envdoctor.facts.torch_builds import labelled_build, supports
from envdoctor.model.facts import FAILED, NOT_APPLICABLE, NOT_COLLECTED, NOT_INSTALLED, Absent, Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from envdoctor.facts.host import Host

PATHS = ("torch.build", "torch.cuda", "torch.archs", "torch.gpu_supported")


def collect(host: Host) -> Iterator[Fact | Absent]:
    """Yield what torch was built for and whether that serves the GPUs present."""
    folder, told = _version_file(host)
    if not folder:
        for path in PATHS:
            yield Absent(path=path, reason=NOT_INSTALLED, detail="torch is not installed")
        return
    build = _build(host, told)
    if not build:
        for path in PATHS:
            yield Absent(path=path, reason=FAILED, detail=f"{folder}/version.py does not say what torch was built for")
        return
    yield Fact(path="torch.build", value=build, origin=f"{folder}/version.py")
    if build != "cuda":
        for path in PATHS[1:]:
            yield from _without_cuda(host, path, build, folder)
        return
    yield Fact(path="torch.cuda", value=told["cuda"], origin=f"{folder}/version.py")
    archs, library = architectures(host, folder)
    if archs:
        yield Fact(path="torch.archs", value=archs, origin=library)
    else:
        yield Absent(path="torch.archs", reason=FAILED, detail=f"no list of architectures in {library}")
    capabilities = gpu.capabilities(host)
    if capabilities == ():
        yield Absent(path="torch.gpu_supported", reason=NOT_APPLICABLE, detail="no NVIDIA GPU that programs may use")
    elif capabilities is None or not archs:
        detail = "the list of torch's architectures was not found" if capabilities else "the GPU's compute capability is not known"
        yield Absent(path="torch.gpu_supported", reason=FAILED, detail=detail)
    else:
        supported = all(supports(archs, capability) for capability in capabilities)
        origin = f"{' '.join(archs)} against compute capability {', '.join(f'{one:.1f}' for one in sorted(set(capabilities)))}"
        yield Fact(path="torch.gpu_supported", value=supported, origin=origin)


def _without_cuda(host: Host, path: str, build: str, folder: str) -> Iterator[Fact | Absent]:
    if build == "rocm" and path != "torch.cuda":
        from envdoctor.facts import amd

        archs, library = architectures(host, folder)
        targets = amd.targets(host) if amd.present(host) else ()
        if not archs:
            yield Absent(path=path, reason=FAILED, detail=f"no list of architectures in {library}")
        elif path == "torch.archs":
            yield Fact(path=path, value=archs, origin=library)
        elif targets and not host.getenv("HSA_OVERRIDE_GFX_VERSION"):
            supported = all(target in archs for target in targets)
            yield Fact(path=path, value=supported, origin=f"{' '.join(archs)} against {', '.join(targets)}")
        elif targets:
            yield Absent(path=path, reason=NOT_COLLECTED, detail="HSA_OVERRIDE_GFX_VERSION changes what the GPU takes")
        else:
            yield Absent(path=path, reason=NOT_APPLICABLE, detail="no AMD GPU that programs may use")
        return
    yield Absent(path=path, reason=NOT_APPLICABLE, detail=f"torch is a {build} build")


def _version_file(host: Host) -> tuple[str, dict[str, str]]:
    """Return torch's folder, "" where it is not installed, and the assignments of its `version.py`."""
    for site in host.site_packages:
        folder = f"{site}/torch"
        text = host.read_text(f"{folder}/version.py", 1 << 16)
        if text is None:
            # A folder left behind by an uninstallation holds no __init__.py.
            if host.exists(f"{folder}/__init__.py"):
                return folder, {}
            continue
        told = {}
        for line in text.splitlines():
            # `cuda = '12.1'` up to 2.1, `cuda: Optional[str] = '12.4'` from 2.2 on.
            name, separator, value = line.partition("=")
            value = value.partition("#")[0].strip()
            if separator and value[:1] in ("'", '"') and value[-1:] == value[:1]:
                told[name.partition(":")[0].strip()] = value[1:-1]
            elif separator and value == "None":
                told[name.partition(":")[0].strip()] = ""
        return folder, told
    return "", {}


def _build(host: Host, told: dict[str, str]) -> str:
    if told.get("cuda"):
        return "cuda"
    if told.get("hip") or told.get("rocm"):
        return "rocm"
    if told.get("xpu"):
        return "xpu"
    labelled = labelled_build(told.get("__version__", "").partition("+")[2])
    if labelled is not None and labelled[0] != "cuda":
        return labelled[0]
    if "cuda" not in told and "__version__" not in told:
        return ""
    return "mps" if host.platform == "darwin" and host.machine() == "arm64" else "cpu"


def architectures(host: Host, folder: str) -> tuple[tuple[str, ...], str]:
    """Return the architectures that a torch carries code for, and the library that tells them.

    `torch.cuda.get_arch_list()` splits a text that the build compiles into libtorch_python: "sm_80 sm_86 sm_90".
    """
    if host.platform == "win32":
        library = f"{folder}/lib/torch_python.dll"
        found = host.find_bytes(library, rb"\0(?:(?:sm|compute)_\d+[af]?(?: |\0)|gfx[0-9a-f]{3,5}(?: |\0))+", 1)
        text = found[0] if found else b""
    else:
        from envdoctor.facts.elf import read_only_data

        library = f"{folder}/lib/libtorch_python.so"
        text = read_only_data(host, library)
    return _arch_list(text), library


def _arch_list(data: bytes) -> tuple[str, ...]:
    """Return the words of the first zero-terminated text that holds nothing but architectures."""
    for mark in (b"\0sm_", b"\0compute_", b"\0gfx"):
        at = data.find(mark)
        while at >= 0:
            end = data.find(b"\0", at + 1)
            # Old ROCm builds part the targets with ";" and name features after ":".
            words = data[at + 1 : end if end >= 0 else len(data)].decode("ascii", "replace").replace(";", " ").split()
            if words and all(_is_arch(word) for word in words):
                return tuple(dict.fromkeys(word.partition(":")[0] for word in words))
            at = data.find(mark, at + 1)
    return ()


def _is_arch(word: str) -> bool:
    for kind in ("sm_", "compute_"):
        if word.startswith(kind):
            return word[len(kind) :].rstrip("af").isdecimal()
    return word.startswith("gfx") and len(word) >= 6 and word[3:4].isdecimal()
