"""A described machine: what the words decide, what does not apply, what stays open, and which words are refused."""

from __future__ import annotations

import pytest

from envdoctor.facts import SOURCES, cards, drivers
from envdoctor.facts.target import describe, describe_torch
from envdoctor.model.errors import UsageError
from envdoctor.model.facts import CATALOGUE, Absent, Fact
from envdoctor.model.markers import PLATFORMS
from envdoctor.model.snapshot import Distribution


def of(versions=None, **asked):
    distributions = {name: Distribution(name=name, version=version) for name, version in (versions or {}).items()}
    facts, absent = describe(distributions=distributions, **asked)
    paths = [answer.path for answer in (*facts, *absent)]
    assert len(paths) == len(set(paths)), "a path is answered twice"
    assert set(paths) <= set(CATALOGUE)
    return {**{one.path: one.value for one in facts}, **{one.path: one.reason for one in absent}}


@pytest.mark.parametrize(
    "asked", [{}, {"gpu": "T4"}, {"gpus": 0}, {"gpu": "24GB", "platform": "linux-x86_64"}, {"platform": "macos-arm64"}]
)
def test_every_fact_of_every_source_is_answered(asked):
    assert set(of(**asked)) == {path for paths in SOURCES.values() for path in paths}


def test_a_card_decides_capability_and_memory():
    found = of(gpu="H100-80GB", gpus=2, driver="550.54.14", platform="linux-x86_64", python_version="3.11")
    assert (found["gpu.vendor"], found["gpu.count"], found["gpu.names"]) == ("nvidia", 2, ("NVIDIA H100", "NVIDIA H100"))
    assert (found["gpu.capability.min"], found["gpu.capability.max"], found["gpu.memory.total"]) == (9.0, 9.0, 81559 << 20)
    assert (found["driver.version"], found["driver.cuda"]) == ("550.54.14", "12.4")
    assert (found["os.name"], found["os.arch"], found["python.version"], found["python.abi"]) == ("linux", "x86_64", "3.11", "cp311")
    assert found["gpu.memory.free"] == "not-collected"


def test_no_gpu_makes_its_questions_moot():
    found = of({"torch": "2.6.0"}, gpus=0, platform="linux-x86_64")
    assert (found["gpu.vendor"], found["gpu.count"], found["gpu.names"]) == ("none", 0, ())
    for path in ("gpu.capability.min", "gpu.memory.total", "driver.version", "driver.cuda", "torch.gpu_supported", "rocm.version"):
        assert found[path] == "not-applicable"
    assert (found["torch.build"], found["torch.cuda"]) == ("cuda", "12.4")


def test_memory_alone_leaves_the_card_open():
    found = of(gpu="24GB")
    assert (found["gpu.memory.total"], found["gpu.count"]) == (24 << 30, 1)
    assert found["gpu.vendor"] == found["gpu.names"] == found["gpu.capability.min"] == "not-collected"


def test_nothing_described_leaves_everything_open():
    assert set(of({"torch": "2.6.0"}).values()) == {"not-collected"}


def test_a_driver_implies_nvidia():
    assert of(driver="580")["gpu.vendor"] == "nvidia"


def test_a_mac_has_apples_gpu_and_mps():
    found = of({"torch": "2.9.1"}, platform="macos-arm64")
    assert (found["gpu.vendor"], found["torch.build"], found["torch.cuda"], found["os.glibc"]) == (
        "apple",
        "mps",
        "not-applicable",
        "not-applicable",
    )


def test_an_amd_card_has_no_compute_capability():
    found = of(gpu="MI300X", platform="linux-x86_64")
    assert (found["gpu.vendor"], found["gpu.capability.min"], found["driver.cuda"]) == ("amd", "not-applicable", "not-applicable")
    assert found["gpu.memory.total"] == 196592 << 20


@pytest.mark.parametrize(
    ("gpu", "version", "supported"),
    [("B200", "2.6.0", False), ("B200", "2.8.0", True), ("V100", "2.8.0", True), ("V100", "2.11.0", False), ("RTX 5090", "2.7.1", False),
     ("GB10", "2.9.0", True), ("H100", "2.0.1", False), ("T4", "2.15.0", True)],
)  # fmt: skip
def test_whether_the_default_wheel_serves_the_card(gpu, version, supported):
    assert of({"torch": version}, gpu=gpu, platform="linux-x86_64")["torch.gpu_supported"] is supported


@pytest.mark.parametrize(
    ("version", "platform", "build", "cuda"),
    [
        ("2.6.0+cpu", "linux-x86_64", "cpu", "not-applicable"), ("2.7.1+cu128", None, "cuda", "12.8"),
        ("2.6.0+rocm6.2.4", "linux-x86_64", "rocm", "not-applicable"), ("2.9.0", "windows-x86_64", "cpu", "not-applicable"),
        ("2.9.0", "linux-aarch64", "cpu", "not-applicable"), ("2.12.0", "linux-aarch64", "cuda", "13.0"),
        ("2.9.0", None, "not-collected", "not-collected"), ("2.6.0+gitabc", "linux-x86_64", "not-collected", "not-collected"),
        ("1.13.1", "linux-x86_64", "not-collected", "not-collected"), (None, "linux-x86_64", "not-collected", "not-collected"),
    ],
)  # fmt: skip
def test_torchs_build_from_its_version(version, platform, build, cuda):
    found = of({"torch": version}, platform=platform)
    assert (found["torch.build"], found["torch.cuda"]) == (build, cuda)


def test_a_labelled_build_other_than_the_default_leaves_its_architectures_open():
    found = of({"torch": "2.7.1+cu128"}, gpu="B200", platform="linux-x86_64")
    assert (found["torch.archs"], found["torch.gpu_supported"]) == ("not-collected", "not-collected")


def test_no_torch_in_the_list():
    assert of(platform="linux-x86_64")["torch.build"] == "not-installed"


def test_torch_alone_can_be_described_for_this_machine():
    os_name, os_arch = (Fact(path=path, value=value, origin="test") for path, value in (("os.name", "linux"), ("os.arch", "x86_64")))
    answers = describe_torch({"torch": Distribution(name="torch", version="2.6.0")}, os_name, os_arch)
    assert {answer.path: answer.value for answer in answers if isinstance(answer, Fact)}["torch.cuda"] == "12.4"
    assert [answer.path for answer in answers if isinstance(answer, Absent)] == ["torch.gpu_supported"]


def test_cuda_runtimes_from_listed_distributions():
    found = of({"nvidia-cublas-cu12": "12.4.5.8", "nvidia-cuda-runtime": "13.0.96", "nvidia-ml-py": "13.610.43"})
    assert found["cuda.runtimes"] == ("12", "13")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"gpu": "H1000"}, "H100"), ({"gpu": "RTX 6000"}, "Quadro RTX 6000"), ({"gpu": ""}, "name a card"), ({"gpu": "80"}, "card"),
        ({"gpus": -1}, "0 or more"), ({"gpu": "T4", "gpus": 0}, "leave one"), ({"driver": "new"}, "550.54.14"), ({"driver": "550..1"}, "550"),
        ({"platform": "amiga"}, "linux-x86_64"), ({"python_version": "3"}, "3.11"), ({"python_version": "three.one"}, "3.11"),
        ({"gpu": "MI300X", "driver": "550"}, "AMD"), ({"gpu": "T4", "platform": "macos-arm64"}, "macos"),
        ({"gpu": "mps", "platform": "linux-x86_64"}, "Macs"),
    ],
)  # fmt: skip
def test_words_that_name_nothing_are_refused_with_advice(asked, words):
    with pytest.raises(UsageError, match=words):
        of(**asked)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_platform_can_be_described(platform):
    assert of(platform=platform)["os.name"] == platform.partition("-")[0]


@pytest.mark.parametrize(
    ("name", "card", "capability"),
    [
        ("Tesla V100-PCIE-32GB", "Tesla V100", 7.0), ("NVIDIA GeForce RTX 3080 Ti Laptop GPU", "GeForce RTX 3080 Ti", 8.6),
        ("NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada", 8.9), ("Quadro RTX 6000", "Quadro RTX 6000", 7.5), ("4090", "GeForce RTX 4090", 8.9),
        ("NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", "RTX PRO 6000 Blackwell", 12.0), ("NVIDIA GB10", "GB10", 12.1),
        ("NVIDIA GH200 480GB", "GH200", 9.0), ("a100-80", "A100", 8.0), ("A100 80 GB", "A100", 8.0), ("1080ti", "GeForce GTX 1080 Ti", 6.1),
        ("4070 ti super", "GeForce RTX 4070 Ti SUPER", 8.9), ("NVIDIA H100 NVL", "H100 NVL", 9.0), ("A6000", "RTX A6000", 8.6),
        ("NVIDIA A10G", "A10G", 8.6), ("NVIDIA L40S", "L40S", 8.9), ("NVIDIA B300", "B300", 10.3), ("7900xtx", "RX 7900 XTX", None),
    ],
)  # fmt: skip
def test_cards_are_found_as_tools_and_people_write_them(name, card, capability):
    found = cards.find(name)
    assert found is not None
    assert (found.name, found.capability) == (card, capability)


@pytest.mark.parametrize("name", ["NVIDIA A10-24Q", "GRID T4-8Q", "RTX 4090 48X", "H100 MIG 1g.10gb", "RTX", "", "GeForce", "Orin (nvgpu)"])
def test_other_cards_are_not_taken_for_known_ones(name):
    assert cards.find(name) is None


def test_every_card_is_found_by_its_own_name():
    for card in cards._table().values():
        assert cards.find(card.name) == card
        assert cards.memory_of(card, None) > 1 << 30


@pytest.mark.parametrize(
    ("driver", "cuda"),
    [("470.82.01", "11.4"), ("525.60.13", "12.0"), ("535.54.03", "12.2"), ("537.13", "12.2"), ("551.61", "12.4"), ("565.57.01", "12.7"),
     ("570.26", "12.8"), ("576.02", "12.9"), ("580.65.06", "13.0"), ("590.44.01", "13.1"), ("595.45.04", "13.2"), ("610.43.02", "13.3"),
     ("100.1", ""), ("x", ""), ("", "")],
)  # fmt: skip
def test_the_table_of_drivers(driver, cuda):
    assert drivers.newest_cuda(driver) == cuda
