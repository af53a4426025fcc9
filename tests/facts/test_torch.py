"""torch's build, read from files of every style that releases 2.0 to 2.15 have."""

from __future__ import annotations

import pytest

from envdoctor.facts import SOURCES, torch, torch_builds
from envdoctor.facts.elf import read_only_data
from envdoctor.facts.recorded import RecordedHost
from envdoctor.model.facts import Fact

SITE = "/env/lib/python3.11/site-packages"
FOLDER = f"{SITE}/torch"
OLD = (
    "__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip']\n__version__ = '{}'\ndebug = False\ncuda = {}\n"
    "git_version = 'abc'\nhip = {}\n"
)
NEW = (
    "from typing import Optional\n\n__version__ = '{}'\ndebug = False\ncuda: Optional[str] = {}\ngit_version = 'abc'\n"
    "hip: Optional[str] = {}\nrocm: Optional[str] = None\nxpu: Optional[str] = {}\n"
)


def elf(read_only, names=(b"", b".text", b".rodata", b".shstrtab")):
    """Build the smallest 64-bit ELF file that holds a `.rodata` section."""
    texts = b"\0".join(names) + b"\0"
    body = read_only + texts
    table = 64 + len(body)
    head = bytearray(64)
    head[:6] = b"\x7fELF\x02\x01"
    for at, size, value in ((0x28, 8, table), (0x3A, 2, 64), (0x3C, 2, len(names)), (0x3E, 2, len(names) - 1)):
        head[at : at + size] = value.to_bytes(size, "little")
    sections = b""
    for name in names:
        section = bytearray(64)
        place = {b".rodata": (64, len(read_only)), b".shstrtab": (64 + len(read_only), len(texts))}.get(name, (0, 0))
        for at, size, value in ((0, 4, texts.index(name + b"\0") if name else 0), (0x18, 8, place[0]), (0x20, 8, place[1])):
            section[at : at + size] = value.to_bytes(size, "little")
        sections += bytes(section)
    return bytes(head) + body + sections


def host(version="", library=b"", gpus=(), **rest):
    files = {f"{FOLDER}/__init__.py": "", f"{FOLDER}/version.py": version, "/dev/null": ""}
    if library:
        files[f"{FOLDER}/lib/libtorch_python.so"] = library
    for number, model in enumerate(gpus):
        files[f"/dev/nvidia{number}"] = ""
        files[f"/proc/driver/nvidia/gpus/0000:0{number}:00.0/information"] = f"Model: {model}\nDevice Minor: {number}\n"
    return RecordedHost(files, site_packages=[SITE], **rest)


def values(machine):
    answers = list(torch.collect(machine))
    assert sorted(answer.path for answer in answers) == sorted(SOURCES["torch"])
    return {answer.path: answer.value if isinstance(answer, Fact) else answer.reason for answer in answers}


DEFAULT = elf(b"some text\0sm_ are words\0bad sm_\0\0sm_80 sm_86 sm_90\0more")


@pytest.mark.parametrize("version", [OLD.format("2.0.1+cu117", "'11.7'", "None"), NEW.format("2.13.0+cu130", "'13.0'", "None", "None")])
def test_cuda_builds_of_both_styles(version):
    found = values(host(version, DEFAULT, ["NVIDIA H200"]))
    assert found["torch.build"] == "cuda"
    assert found["torch.cuda"] in ("11.7", "13.0")
    assert found["torch.archs"] == ("sm_80", "sm_86", "sm_90")
    assert found["torch.gpu_supported"] is True


@pytest.mark.parametrize(
    ("version", "rest", "build"),
    [
        (NEW.format("2.9.1+cpu", "None", "None", "None"), {}, "cpu"),
        (OLD.format("2.1.0", "None", "None"), {}, "cpu"),
        (NEW.format("2.9.1", "None", "None", "None"), {"platform": "darwin", "machine": "arm64"}, "mps"),
        (NEW.format("2.2.2", "None", "None", "None"), {"platform": "darwin", "machine": "x86_64"}, "cpu"),
        (NEW.format("2.6.0+rocm6.2.4", "None", "'6.2.41134'", "None"), {}, "rocm"),
        (NEW.format("2.9.1+xpu", "None", "None", "'20250302'"), {}, "xpu"),
        (NEW.format("2.9.1+xpu", "None", "None", "None"), {}, "xpu"),
    ],
)
def test_builds_without_cuda(version, rest, build):
    found = values(host(version, **rest))
    assert found["torch.build"] == build
    assert found["torch.cuda"] == "not-applicable"
    assert found["torch.gpu_supported"] in ("not-applicable", "failed" if build == "rocm" else "not-applicable")


def test_a_gpu_newer_than_the_build_is_not_supported():
    assert values(host(NEW.format("2.6.0+cu124", "'12.4'", "None", "None"), DEFAULT, ["NVIDIA B200"]))["torch.gpu_supported"] is False


def test_one_unsupported_gpu_of_two_decides():
    found = values(host(NEW.format("2.6.0+cu124", "'12.4'", "None", "None"), DEFAULT, ["NVIDIA H200", "Tesla T4"]))
    assert found["torch.gpu_supported"] is False


def test_without_gpu_the_question_does_not_arise():
    assert values(host(NEW.format("2.6.0+cu124", "'12.4'", "None", "None"), DEFAULT))["torch.gpu_supported"] == "not-applicable"


def test_rocm_targets_are_compared_by_name():
    library = elf(b"x\0gfx90a gfx942 gfx1100\0")
    machine = host(NEW.format("2.6.0+rocm6.2", "None", "'6.2'", "None"), library)
    machine._files["/sys/class/kfd/kfd/topology/nodes/1/properties"] = b"gfx_target_version 90402\n"
    machine._folders["/sys/class/kfd/kfd/topology/nodes"] = {"1"}
    machine._files["/dev/kfd"] = b""
    found = values(machine)
    assert (found["torch.build"], found["torch.archs"], found["torch.gpu_supported"]) == ("rocm", ("gfx90a", "gfx942", "gfx1100"), True)


def test_windows_reads_the_dll():
    machine = host(NEW.format("2.6.0+cu124", "'12.4'", "None", "None"), platform="win32")
    machine._files[f"{FOLDER}/lib/torch_python.dll"] = b"MZ\0\0padding\0sm_75 sm_80 compute_90\0rest"
    assert values(machine)["torch.archs"] == ("sm_75", "sm_80", "compute_90")


def test_no_torch():
    assert set(values(RecordedHost({f"{SITE}/": ""}, site_packages=[SITE])).values()) == {"not-installed"}


def test_a_folder_left_by_an_uninstallation_is_no_torch():
    assert set(values(RecordedHost({f"{FOLDER}/lib/x": ""}, site_packages=[SITE])).values()) == {"not-installed"}


@pytest.mark.parametrize("text", ["", "cuda", "\x00\xff" * 40, "import os\nos._exit(1)\n"])
def test_a_damaged_version_file_is_a_failure_with_its_place(text):
    answers = list(torch.collect(host(text)))
    assert {answer.reason for answer in answers} == {"failed"}
    assert all("version.py" in answer.detail for answer in answers)


DAMAGED = [b"", b"\x7fELF", b"\x7fELF\x02\x01" + b"\xff" * 100, DEFAULT[:90], b"not a library" * 50, elf(b"\0nothing\0")]


@pytest.mark.parametrize("library", DAMAGED)
def test_a_damaged_library_leaves_the_architectures_open(library):
    found = values(host(NEW.format("2.6.0+cu124", "'12.4'", "None", "None"), library, ["NVIDIA H200"]))
    assert (found["torch.archs"], found["torch.gpu_supported"], found["torch.cuda"]) == ("failed", "failed", "12.4")


def test_only_the_constant_section_is_read():
    machine = RecordedHost({"/lib.so": elf(b"constants")})
    assert read_only_data(machine, "/lib.so") == b"constants"


@pytest.mark.parametrize(
    ("archs", "capability", "runs"),
    [
        ("sm_80 sm_86", 8.9, True), ("sm_86", 8.0, False), ("sm_90", 9.0, True), ("sm_90a", 9.0, True), ("sm_90a", 9.1, False),
        ("sm_100", 10.3, True), ("sm_100f", 10.3, True), ("sm_120", 12.1, True), ("sm_120", 10.0, False), ("compute_80", 12.0, True),
        ("compute_90", 8.0, False), ("", 8.0, False), ("gfx942", 9.4, False), ("sm_75 sm_80 sm_90", 7.0, False),
    ],
)  # fmt: skip
def test_which_code_runs_where(archs, capability, runs):
    assert torch_builds.supports(archs.split(), capability) is runs


@pytest.mark.parametrize(
    ("version", "system", "machine", "expected"),
    [
        ("2.0.1", "linux", "x86_64", ("cuda", "11.7")), ("2.4.1", "linux", "x86_64", ("cuda", "12.1")),
        ("2.6.0", "linux", "x86_64", ("cuda", "12.4")), ("2.7.1", "linux", "x86_64", ("cuda", "12.6")),
        ("2.10.0", "linux", "x86_64", ("cuda", "12.8")), ("2.14.1", "linux", "x86_64", ("cuda", "13.0")),
        ("2.15.0", "linux", "x86_64", ("cuda", "13.2")), ("2.10.0", "linux", "aarch64", ("cpu", "")),
        ("2.11.0", "linux", "aarch64", ("cuda", "13.0")), ("2.15.0", "windows", "x86_64", ("cpu", "")),
        ("2.15.0", "macos", "arm64", ("mps", "")),
    ],
)  # fmt: skip
def test_what_the_index_ships(version, system, machine, expected):
    assert torch_builds.default_build(version, system, machine)[:2] == expected


@pytest.mark.parametrize("version", ["1.13.1", "2.16.0", "3", "", "nightly", "2.x"])
def test_releases_outside_the_table_are_not_guessed(version):
    assert torch_builds.default_build(version, "linux", "x86_64") is None
