"""What the GPU source promises on machines of many kinds. `fixtures/hosts/h200` was recorded on a real one."""

from __future__ import annotations

import os

import pytest

from envdoctor.facts import SOURCES, gpu, nvidia
from envdoctor.facts.host import Ran
from envdoctor.facts.recorded import RecordedHost, load
from envdoctor.model.facts import Absent, Fact

HOSTS = os.path.join(os.path.dirname(__file__), "..", "..", "fixtures", "hosts")
QUERY = "nvidia-smi --query-gpu=*"
DRIVER = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  {}  Thu Oct 26 23:38:48 UTC 2023\n"


def told(host):
    answers = list(gpu.everything(host))
    assert sorted(answer.path for answer in answers) == sorted(SOURCES["gpu"] + SOURCES["gpu_memory"])
    return {answer.path: answer for answer in answers}


def values(host):
    return {path: answer.value if isinstance(answer, Fact) else answer.reason for path, answer in told(host).items()}


def machine(*models, driver="550.54.14", smi=None, environ=None, more=None, **rest):
    files = {"/proc/driver/nvidia/version": DRIVER.format(driver), "/dev/null": "", **(more or {})}
    for number, model in enumerate(models):
        files[f"/dev/nvidia{number}"] = ""
        information = f"Model: \t\t {model}\nGPU UUID: \t GPU-{number}abc\nDevice Minor: \t {number}\n"
        files[f"/proc/driver/nvidia/gpus/0000:0{number}:00.0/information"] = information
    commands = {} if smi is None else {QUERY: smi}
    programs = {} if smi is None else {"nvidia-smi": "/usr/bin/nvidia-smi"}
    return RecordedHost(files, environ or {}, commands, programs=programs, **rest)


def test_a_real_h200_is_read():
    found = values(load(os.path.join(HOSTS, "h200")))
    assert found == {
        "gpu.vendor": "nvidia", "gpu.count": 1, "gpu.names": ("NVIDIA H200",), "gpu.capability.min": 9.0, "gpu.capability.max": 9.0,
        "gpu.memory.total": 143771 << 20, "gpu.memory.free": 143156 << 20, "driver.version": "580.159.04", "driver.cuda": "13.0",
        "rocm.version": "not-applicable",
    }  # fmt: skip


def test_a_machine_without_gpu_starts_no_tool():
    host = RecordedHost({"/dev/null": "", "/proc/bus/pci/devices": "0000\t80860d57\t0\n"}, programs={"nvidia-smi": "/usr/bin/nvidia-smi"})
    found = values(host)
    assert (found["gpu.vendor"], found["gpu.count"], found["gpu.names"]) == ("none", 0, ())
    assert {found[path] for path in SOURCES["gpu"] + SOURCES["gpu_memory"] if path not in ("gpu.vendor", "gpu.count", "gpu.names")} == {
        "not-applicable"
    }
    assert host.ran == []


def test_known_cards_need_no_tool_for_their_capability():
    host = machine("Tesla T4", "NVIDIA A100-SXM4-40GB")
    assert gpu.capabilities(host) == (7.5, 8.0)
    assert host.ran == []


def test_lowest_and_highest_capability_of_mixed_cards():
    found = values(machine("Tesla T4", "NVIDIA A100-SXM4-40GB"))
    assert (found["gpu.capability.min"], found["gpu.capability.max"], found["gpu.count"]) == (7.5, 8.0, 2)


def test_smallest_memory_counts():
    smi = Ran("ok", "Tesla T4, 15360, 15100, 550.54.14, GPU-0abc, 7.5, [N/A]\nA100, 40960, 900, 550.54.14, GPU-1abc, 8.0, Disabled\n")
    found = values(machine("Tesla T4", "NVIDIA A100-SXM4-40GB", smi=smi))
    assert (found["gpu.memory.total"], found["gpu.memory.free"]) == (15360 << 20, 900 << 20)


def test_a_hanging_tool_leaves_only_what_it_alone_knows_open():
    found = values(machine("Tesla T4", smi=Ran("timed-out", "no answer within 5 s")))
    assert found["gpu.memory.total"] == found["gpu.memory.free"] == "timed-out"
    assert found["gpu.capability.min"] == 7.5
    assert found["driver.cuda"] == "12.4"


def test_a_hanging_tool_and_an_unknown_card():
    host = machine("Mystery 9000", smi=Ran("timed-out", "no answer within 5 s"))
    found = values(host)
    assert found["gpu.count"] == 1
    assert found["gpu.capability.min"] == "failed"
    assert gpu.capabilities(host) is None
    assert len(host.ran) == 1


def test_an_unknown_card_is_asked_for_its_capability():
    found = values(machine("Mystery 9000", smi=Ran("ok", "Mystery 9000, 1024, 1000, 550.54.14, GPU-0abc, 9.9, [N/A]\n")))
    assert found["gpu.capability.max"] == 9.9


def test_old_drivers_that_refuse_compute_cap_are_asked_again():
    host = machine("Mystery 9000", driver="470.82.01")
    host._told["programs"] = {"nvidia-smi": "/usr/bin/nvidia-smi"}
    new, old = (f"nvidia-smi --query-gpu={','.join(fields)}*" for fields in (nvidia._FIELDS, nvidia._OLD_FIELDS))
    host._commands[new] = Ran("failed", 'Field "compute_cap" is not a valid field to query.\n')
    host._commands[old] = Ran("ok", "Mystery 9000, 8192, 8000, 470.82.01, GPU-0abc\n")
    found = values(host)
    assert (found["gpu.memory.total"], found["gpu.capability.min"], found["driver.cuda"]) == (8192 << 20, "failed", "11.4")


@pytest.mark.parametrize("mark", ["[N/A]", "[Not Supported]", "[Insufficient Permissions]", "N/A", "", "nonsense"])
def test_marks_instead_of_numbers_are_no_numbers(mark):
    smi = Ran("ok", f"NVIDIA GB10, {mark}, {mark}, 580.95.05, {mark}, 12.1, {mark}\n")
    found = values(machine("NVIDIA GB10", driver="580.95.05", smi=smi))
    assert (found["gpu.memory.total"], found["gpu.memory.free"], found["gpu.capability.min"]) == ("failed", "failed", 12.1)


def test_memory_of_slices_is_left_open():
    smi = Ran("ok", "NVIDIA A100-SXM4-80GB, 81920, 81000, 550.54.14, GPU-0abc, 8.0, Enabled\n")
    found = values(machine("NVIDIA A100-SXM4-80GB", smi=smi))
    assert (found["gpu.memory.total"], found["gpu.capability.min"]) == ("failed", 8.0)


def test_a_driver_that_does_not_answer_is_no_missing_gpu():
    files = {"/dev/nvidia0": ""}
    words = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n"
    found = told(RecordedHost(files, {}, {QUERY: Ran("failed", words)}, programs={"nvidia-smi": "/usr/bin/nvidia-smi"}))
    assert found["gpu.vendor"].value == "nvidia"
    assert isinstance(found["driver.version"], Absent)
    assert "communicate" in found["driver.version"].detail


@pytest.mark.parametrize("mask", ["", "-1", "-1,0", "9", "NoDevFiles"])
def test_masks_that_hide_all_gpus(mask):
    found = values(machine("Tesla T4", environ={"CUDA_VISIBLE_DEVICES": mask}))
    assert (found["gpu.vendor"], found["gpu.count"], found["gpu.capability.min"]) == ("none", 0, "not-applicable")
    assert found["driver.version"] == "550.54.14"


@pytest.mark.parametrize(
    ("mask", "names"),
    [("1", ("NVIDIA L4",)), ("1,0", ("NVIDIA L4", "Tesla T4")), ("0,-1,1", ("Tesla T4",)), ("GPU-1", ("NVIDIA L4",))],
)
def test_masks_choose_and_order(mask, names):
    assert values(machine("Tesla T4", "NVIDIA L4", environ={"CUDA_VISIBLE_DEVICES": mask}))["gpu.names"] == names


def test_a_container_that_was_not_given_the_gpu_has_none():
    files = {"/proc/driver/nvidia/version": DRIVER.format("550.54.14"), "/dev/null": "", "/.dockerenv": ""}
    found = values(RecordedHost(files))
    assert (found["gpu.vendor"], found["gpu.count"], found["gpu.capability.min"]) == ("none", 0, "not-applicable")
    assert found["driver.version"] == "550.54.14"
    assert gpu.capabilities(RecordedHost(files)) == ()


def test_a_container_sees_only_the_gpus_it_was_given():
    host = machine("Tesla T4", "NVIDIA L4")
    host._folders["/dev"].discard("nvidia0")
    assert values(host)["gpu.names"] == ("NVIDIA L4",)


def test_a_gpu_without_driver_is_there_but_silent():
    files = {
        "/proc/bus/pci/devices": "0100\t10de2684\t29\n", "/sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de\n",
        "/sys/bus/pci/devices/0000:01:00.0/class": "0x030000\n", "/sys/bus/pci/devices/0000:01:00.1/vendor": "0x10de\n",
        "/sys/bus/pci/devices/0000:01:00.1/class": "0x040300\n",
    }  # fmt: skip
    found = values(RecordedHost(files))
    assert (found["gpu.vendor"], found["gpu.count"], found["driver.version"]) == ("nvidia", 1, "not-installed")
    assert found["gpu.capability.min"] == "failed"


def test_wsl_asks_the_tool_that_windows_brings():
    files = {"/dev/dxg": "", nvidia.WSL_TOOL: ""}
    smi = Ran("ok", "NVIDIA GeForce RTX 4090, 24564, 22000, 552.44, GPU-1, 8.9, [N/A]\n")
    found = values(RecordedHost(files, {}, {QUERY: smi}))
    assert (found["gpu.count"], found["gpu.capability.min"], found["driver.version"], found["driver.cuda"]) == (1, 8.9, "552.44", "12.4")


def test_windows_asks_the_tool():
    smi = Ran("ok", "NVIDIA GeForce RTX 4090, 24564, 22000, 581.15, GPU-1, 8.9, [N/A]\n")
    host = RecordedHost({}, {}, {QUERY: smi}, platform="win32", programs={"nvidia-smi": "C:\\Windows\\System32\\nvidia-smi.exe"})
    assert values(host)["driver.cuda"] == "13.0"
    assert values(RecordedHost({}, platform="win32"))["gpu.vendor"] == "none"


def test_a_jetson_without_the_tool_is_known_by_its_board():
    files = {"/sys/firmware/devicetree/base/model": "NVIDIA Jetson AGX Orin Developer Kit\0", "/dev/null": ""}
    assert values(RecordedHost(files, machine="aarch64"))["gpu.capability.min"] == 8.7


def test_a_newer_libcuda_on_the_library_path_raises_what_the_driver_supports():
    host = machine("Tesla T4", driver="535.54.03", environ={"LD_LIBRARY_PATH": "/compat:/none"})
    host._folders["/compat"] = {"libcuda.so", "libcuda.so.1", "libcuda.so.575.57.08"}
    found = values(host)
    assert (found["driver.version"], found["driver.cuda"]) == ("535.54.03", "12.9")


def test_a_driver_newer_than_the_table_is_asked():
    host = machine("Tesla T4", driver="999.10", smi=Ran("failed"))
    host._commands["nvidia-smi"] = Ran("ok", "| NVIDIA-SMI 999.10   Driver Version: 999.10   CUDA Version: 21.4     |")
    assert values(host)["driver.cuda"] == "21.4"


def test_apple_silicon_and_intel_macs():
    found = values(RecordedHost({}, platform="darwin", machine="arm64"))
    assert (found["gpu.vendor"], found["gpu.count"], found["gpu.capability.min"]) == ("apple", 1, "not-applicable")
    assert values(RecordedHost({}, platform="darwin", machine="x86_64"))["gpu.vendor"] == "none"


def amd_host(**rest):
    nodes = "/sys/class/kfd/kfd/topology/nodes"
    files = {
        "/dev/kfd": "", f"{nodes}/0/properties": "cpu_cores_count 64\ngfx_target_version 0\n",
        f"{nodes}/1/properties": "simd_count 1216\ngfx_target_version 90402\n",
        f"{nodes}/1/mem_banks/0/properties": "heap_type 1\nsize_in_bytes 206141652992\n",
        "/opt/rocm/.info/version": "6.2.4-139\n",
    }  # fmt: skip
    return RecordedHost(files, **rest)


def test_amd_gpus_come_from_the_kernel_driver():
    found = values(amd_host())
    assert (found["gpu.vendor"], found["gpu.count"], found["gpu.names"]) == ("amd", 1, ("gfx942",))
    assert (found["gpu.memory.total"], found["rocm.version"], found["gpu.capability.min"]) == (206141652992, "6.2.4", "not-applicable")


def test_amd_masks_count():
    assert values(amd_host(environ={"HIP_VISIBLE_DEVICES": "-1"}))["gpu.count"] == 0


def test_the_memory_is_a_source_of_its_own():
    """The tool that tells it is not asked for the other facts."""
    from envdoctor.facts import gpu_memory

    host = machine("Tesla T4")
    assert sorted(answer.path for answer in gpu.collect(host)) == sorted(SOURCES["gpu"])
    assert "nvidia-smi" not in host.memo
    assert sorted(answer.path for answer in gpu_memory.collect(host)) == sorted(SOURCES["gpu_memory"])


@pytest.mark.parametrize(
    ("name", "size"),
    [("NVIDIA H100 80GB HBM3", 81559 << 20), ("Tesla T4", 15360 << 20), ("NVIDIA GeForce RTX 3060", None), ("NVIDIA Something", None)],
)
def test_where_no_tool_may_be_asked_a_name_that_leaves_no_doubt_tells_the_memory(name, size):
    found = values(machine(name))["gpu.memory.total"]
    assert found == size if size else isinstance(found, str)


def test_slices_have_not_the_memory_of_their_card():
    host = machine("NVIDIA H100 80GB HBM3", more={"/proc/driver/nvidia/capabilities/gpu0/mig/gi1/access": ""})
    assert isinstance(values(host)["gpu.memory.total"], str)
