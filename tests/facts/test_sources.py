"""The smaller sources, and what all sources promise: every path of their row, once, whatever the machine holds."""

from __future__ import annotations

import importlib
import os
import sys
import time

import pytest

from envdoctor.facts import SOURCES, allowed, cuda, huggingface, python, resources, system, tools, workdir
from envdoctor.facts.host import LocalHost, Ran
from envdoctor.facts.recorded import RecordedHost, load
from envdoctor.model.errors import InputError
from envdoctor.model.facts import CATALOGUE, REASONS, Absent, Fact

SITE = "/env/lib/python3.11/site-packages"
HUB = "/home/ann/.cache/huggingface/hub"
TYPES = {"text": str, "version": str, "number": (int, float), "bytes": int, "bool": bool, "list": tuple}


def values(source, host):
    return {answer.path: answer.value if isinstance(answer, Fact) else answer.reason for answer in source.collect(host)}


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("host", ["bare linux", "bare windows", "bare mac", "h200", "this machine"])
def test_every_source_answers_its_whole_row_in_the_types_of_the_catalogue(name, host):
    hosts = {
        "bare linux": lambda: RecordedHost(prefix="", cwd=""),
        "bare windows": lambda: RecordedHost(prefix="", cwd="", platform="win32", glibc=""),
        "bare mac": lambda: RecordedHost(prefix="", cwd="", platform="darwin", machine="arm64", glibc=""),
        "h200": lambda: load(os.path.join(os.path.dirname(__file__), "..", "..", "fixtures", "hosts", "h200")),
        "this machine": lambda: LocalHost(sys.prefix, [path for path in sys.path if path.endswith("-packages")]),
    }
    answers = list(importlib.import_module(f"envdoctor.facts.{name}").collect(hosts[host]()))
    assert sorted(answer.path for answer in answers) == sorted(SOURCES[name])
    for answer in answers:
        if isinstance(answer, Fact):
            assert isinstance(answer.value, TYPES[CATALOGUE[answer.path][0]]), answer
            assert answer.origin, answer
        else:
            assert isinstance(answer, Absent)
            assert answer.reason in REASONS
            assert answer.detail, answer


def test_every_source_has_a_row_and_every_path_a_meaning():
    assert {path for paths in SOURCES.values() for path in paths} <= set(CATALOGUE)


def test_the_operating_system():
    found = values(system, RecordedHost(kernel="6.6.87.2-microsoft-standard-WSL2", machine="aarch64", glibc="2.36"))
    assert found == {"os.name": "linux", "os.arch": "aarch64", "os.glibc": "2.36", "os.wsl": True, "os.kernel": "6.6.87.2"}
    found = values(system, RecordedHost(platform="win32", kernel="10.0.22631", machine="AMD64"))
    assert (found["os.name"], found["os.arch"], found["os.glibc"]) == ("windows", "x86_64", "not-applicable")
    assert values(system, RecordedHost(glibc=""))["os.glibc"] == "not-applicable"


@pytest.mark.parametrize(
    ("files", "rest", "version", "abi"),
    [
        ({"/env/pyvenv.cfg": "home = /usr/bin\nversion = 3.11.7\n"}, {}, "3.11.7", "cp311"),
        ({"/env/pyvenv.cfg": "home = /usr/bin\nimplementation = CPython\nversion_info = 3.12.3.final.0\n"}, {}, "3.12.3", "cp312"),
        (
            {"/env/conda-meta/python-3.10.14-hd12c33a_0_cpython.json": "{}", "/env/conda-meta/python-dateutil-2.9.0-0.json": ""},
            {},
            "3.10.14",
            "cp310",
        ),
        ({}, {"site_packages": ["/env/lib/python3.13t/site-packages"]}, "3.13", "cp313t"),
        ({}, {"site_packages": [SITE], "python_version": "3.11.9"}, "3.11.9", "cp311"),
        ({"/env/pyvenv.cfg": "\0\0garbage"}, {}, "failed", "failed"),
    ],
)
def test_python_is_known_from_files(files, rest, version, abi):
    found = values(python, RecordedHost(files, **rest))
    assert (found["python.version"], found["python.abi"]) == (version, abi)


def test_pypy_has_no_cpython_abi():
    found = values(python, RecordedHost(python_version="3.10.14", site_packages=["/env/lib/pypy3.10/site-packages"]))
    assert (found["python.implementation"], found["python.abi"]) == ("pypy", "failed")


def test_headers_of_the_base_installation_count():
    venv = {"/env/pyvenv.cfg": "home = /usr/bin\nversion = 3.11.2\n"}
    assert values(python, RecordedHost({**venv, "/usr/include/python3.11/Python.h": ""}))["python.headers"] is True
    assert values(python, RecordedHost({**venv, "/usr/lib/python3.11/os.py": ""}))["python.headers"] is False
    assert values(python, RecordedHost(venv))["python.headers"] == "failed"
    conda = RecordedHost({"/env/include/python3.11/Python.h": ""}, python_version="3.11.9")
    assert values(python, conda)["python.headers"] is True


def test_tools_are_looked_for_and_not_started():
    host = RecordedHost(programs={"gcc": "/usr/bin/gcc"})
    assert values(tools, host) == {"tools.cc": True, "tools.ffmpeg": False}
    assert host.ran == []
    assert values(tools, RecordedHost(environ={"CC": "zig cc"}, programs={"zig": "/usr/bin/zig"}))["tools.cc"] is True


def test_memory_of_a_container_is_its_limit():
    files = {
        "/proc/meminfo": "MemTotal: 1000000 kB\nMemAvailable: 900000 kB\n", "/proc/self/cgroup": "0::/\n",
        "/sys/fs/cgroup/memory.max": "512000000\n", "/sys/fs/cgroup/memory.current": "300000000\n",
        "/sys/fs/cgroup/memory.stat": "anon 1\ninactive_file 100000000\n",
    }  # fmt: skip
    found = values(resources, RecordedHost(files, disk={"/": [10, 5], "/dev/shm": [64 << 20, 1]}))
    assert (found["memory.ram.total"], found["memory.ram.available"], found["memory.shm.total"]) == (512000000, 312000000, 64 << 20)
    files["/sys/fs/cgroup/memory.max"] = "max\n"
    assert values(resources, RecordedHost(files))["memory.ram.total"] == 1000000 * 1024


def test_old_control_groups_count_too():
    files = {
        "/proc/meminfo": "MemTotal: 1000000 kB\n", "/proc/self/cgroup": "12:cpu:/x\n5:memory:/docker/abc\n",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes": "1000000\n",
    }  # fmt: skip
    assert values(resources, RecordedHost(files))["memory.ram.total"] == 1000000


def test_disk_is_that_of_the_cache_and_of_the_working_directory():
    host = RecordedHost({}, {"HOME": "/home/ann", "HF_HOME": "/data/hf"}, disk={"/": [10, 5], "/data": [100, 50]}, cwd="/project")
    found = values(resources, host)
    assert (found["disk.cache.free"], found["disk.work.free"]) == (50, 5)


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"HOME": "/home/ann"}, HUB), ({"HOME": "/home/ann", "XDG_CACHE_HOME": "/x"}, "/x/huggingface/hub"), ({"HF_HOME": "/h"}, "/h/hub"),
        ({"HF_HOME": "/h", "HF_HUB_CACHE": "/c"}, "/c"), ({"HF_HOME": "/h", "HUGGINGFACE_HUB_CACHE": "/old"}, "/old"),
        ({"HOME": "/home/ann", "HF_HOME": "~/hf"}, "/home/ann/hf/hub"), ({"SCRATCH": "/s", "HF_HOME": "$SCRATCH/${SCRATCH}x"}, "/s//sx/hub"),
        ({"HF_HOME": "rel"}, "/project/rel/hub"), ({"HF_HOME": "$NONE/x"}, "/project/$NONE/x/hub"), ({}, ""),
    ],
)  # fmt: skip
def test_the_cache_lies_where_the_library_puts_it(environ, folder):
    assert huggingface.cache_folder(RecordedHost({}, environ)) == folder


def test_the_cache_lies_where_the_library_itself_says(monkeypatch):
    constants = pytest.importorskip("huggingface_hub.constants")
    assert huggingface.cache_folder(LocalHost()) == constants.HF_HUB_CACHE


def test_a_token_is_told_and_never_read():
    class Watched(RecordedHost):
        def read_bytes(self, path, offset=0, limit=1 << 20):
            assert not path.endswith("token"), "the token's value was read"
            return super().read_bytes(path, offset, limit)

    files = {"/home/ann/.cache/huggingface/token": "hf_secret"}
    answers = list(huggingface.collect(Watched(files, {"HOME": "/home/ann"})))
    assert [answer.value for answer in answers if answer.path == "hf.token"] == [True]
    answers = list(huggingface.collect(Watched({}, {"HF_TOKEN": "hf_secret"})))
    assert "hf_secret" not in repr(answers)
    assert values(huggingface, Watched({}, {"HOME": "/home/ann", "HF_TOKEN": " "}))["hf.token"] is False


@pytest.mark.parametrize(
    ("environ", "off"),
    [
        ({"HF_HUB_OFFLINE": "1"}, True),
        ({"TRANSFORMERS_OFFLINE": "yes"}, True),
        ({"HF_HUB_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "1"}, False),
        ({}, False),
    ],
)
def test_offline_as_the_library_reads_it(environ, off):
    assert values(huggingface, RecordedHost({}, environ))["hf.offline"] is off


def test_half_downloads_and_broken_links_are_counted(tmp_path):
    snapshot = tmp_path / "hub" / "models--org--it" / "snapshots" / "abc"
    blobs = tmp_path / "hub" / "models--org--it" / "blobs"
    (snapshot / "deep").mkdir(parents=True)
    blobs.mkdir()
    (blobs / "1").write_text("x")
    (blobs / "2.incomplete").write_text("x")
    (snapshot / "config.json").symlink_to(blobs / "1")
    (snapshot / "model.safetensors").symlink_to(blobs / "2")
    (snapshot / "deep" / "weights").symlink_to(blobs / "3")
    (snapshot / "loop").symlink_to(snapshot)
    found = values(huggingface, LocalHost(environ={"HF_HOME": str(tmp_path)}))
    assert (found["hf.cache.incomplete"], found["hf.cache.broken_links"]) == (1, 2)


def test_an_endless_cache_ends_in_time():
    class Endless(RecordedHost):
        def list_dir(self, path):
            time.sleep(0.001)
            return [f"models--a--{number}" for number in range(50)] if path.endswith("hub") else [str(number) for number in range(50)]

    before = time.monotonic()
    found = values(huggingface, Endless({}, {"HF_HOME": "/h"}))
    assert time.monotonic() - before < 3 * huggingface.BUDGET
    assert found["hf.cache.broken_links"] == "timed-out"


def test_shadows_are_modules_and_packages_but_not_data():
    files = {
        "/project/datasets/train.json": "",
        "/project/torch.py": "",
        "/project/trl/__init__.py": "",
        "/project/random.py": "",
        "/project/train.py": "",
    }
    assert set(values(workdir, RecordedHost(files))["work.shadows"]) == {"torch", "trl", "random"}


def test_the_project_under_work_shadows_nothing():
    files = {"/project/trl/__init__.py": "", "/project/pyproject.toml": '[project]\nname = "trl"\n'}
    assert values(workdir, RecordedHost(files))["work.shadows"] == ()


def test_the_scripts_folder_goes_before_the_working_directory():
    host = RecordedHost({"/project/torch.py": "", "/code/datasets.py": ""})
    assert [answer.value for answer in workdir.collect(host, ["/code"])] == [("datasets",)]


def test_runtimes_side_by_side():
    files = {
        f"{SITE}/nvidia_cublas_cu12-12.4.5.8.dist-info/METADATA": "", f"{SITE}/nvidia_cuda_runtime-13.0.96.dist-info/METADATA": "",
        f"{SITE}/nvidia_ml_py-13.610.43.dist-info/METADATA": "", "/usr/local/cuda-11.8/lib64/libcudart.so.11.0": "", "/l/libcudart.so.12": "",
    }  # fmt: skip
    found = values(cuda, RecordedHost(files, {"LD_LIBRARY_PATH": "/l:"}, site_packages=[SITE]))
    assert (found["cuda.runtimes"], found["cuda.toolkit"], found["cuda.home"]) == (("11", "12", "13"), "not-installed", False)


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({"version.json": '{\n   "cuda" : {\n      "name" : "CUDA SDK",\n      "version" : "12.4.1"\n   }, "nvcc": {"version": "1"}}'}, "12.4.1"),
        ({"version.txt": "CUDA Version 10.2.89\n"}, "10.2.89"), ({"include/cuda.h": "#define CUDA_VERSION 13000\n"}, "13.0"),
        ({"conda-meta/cuda-nvcc-12.4.131-0.json": ""}, "12.4.131"), ({"version.json": "{broken"}, "12.8"),
    ],
)  # fmt: skip
def test_the_toolkits_version(files, version):
    texts = {f"/opt/cuda/{name}": text for name, text in files.items()}
    said = Ran("ok", "nvcc: NVIDIA (R) Cuda compiler driver\nCuda compilation tools, release 12.8, V12.8.61\n")
    host = RecordedHost({**texts, "/opt/cuda/bin/nvcc": ""}, {"CUDA_HOME": "/opt/cuda"}, {"nvcc --version": said})
    found = values(cuda, host)
    assert (found["cuda.toolkit"], found["cuda.home"]) == (version, True)


def test_a_compiler_of_the_checked_environment_is_never_started():
    host = RecordedHost({"/env/bin/nvcc": ""}, {}, {"nvcc --version": Ran("ok", "release 1.0,")}, programs={"nvcc": "/env/bin/nvcc"})
    assert values(cuda, host)["cuda.toolkit"] == "failed"
    assert host.ran == []


def test_a_toolkit_folder_that_does_not_exist_is_none():
    assert values(cuda, RecordedHost({}, {"CUDA_HOME": "/gone"}))["cuda.home"] is False


def test_only_allowed_variables_are_read_and_secrets_never():
    environ = {
        "HOME": "/home/ann", "HF_TOKEN": "hf_secret", "WANDB_API_KEY": "", "AWS_SECRET_ACCESS_KEY": "secret", "HF_HOME": "/home/ann/hf",
        "LD_LIBRARY_PATH": "/usr/lib:/home/ann/lib:/home/anna/lib", "HTTPS_PROXY": "http://me:secret@proxy.example:80/",
        "HF_ENDPOINT": "https://hub.example?token=secret", "CUDA_VISIBLE_DEVICES": "", "WORLD_SIZE": "2",
    }  # fmt: skip
    found = allowed.collect_environment(RecordedHost({}, environ))
    assert found == {
        "HF_TOKEN": "set", "HF_HOME": "~/hf", "LD_LIBRARY_PATH": "/usr/lib:~/lib:/home/anna/lib", "CUDA_VISIBLE_DEVICES": "", "WORLD_SIZE": "2",
        "HTTPS_PROXY": "http://***@proxy.example:80/", "HF_ENDPOINT": "https://hub.example?***",
    }  # fmt: skip
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    "text",
    ["http://me:secret@h", "me:secret@h:80", "https://me:sec/secret@h/p", "https://a.example https://me:se?secret@h", "http://a,http://m:secret@b",
     "name=https://me:secret@h", "https://secret@h/x?y=secret", "https://h/?key=secret", "https://a\nhttps://m:secret@b"],
)  # fmt: skip
def test_no_password_survives(text):
    assert "secret" not in allowed.without_password(text)


def test_names_are_allowed_once():
    assert len(allowed.ALLOWED) == len(set(allowed.ALLOWED))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": {"/a": {}}}', '{"commands": 3}'])
def test_a_damaged_recording_is_refused_with_its_place(tmp_path, text):
    (tmp_path / "host.json").write_text(text)
    with pytest.raises(InputError, match="not a recorded machine"):
        load(str(tmp_path))


def test_a_hanging_tool_is_ended_in_time():
    before = time.monotonic()
    assert LocalHost().run(["/bin/sh", "-c", "sleep 60"], 0.2).status == "timed-out"
    assert time.monotonic() - before < 5


def test_bytes_are_found_in_a_real_file_of_any_size(tmp_path) -> None:
    path = tmp_path / "library.so"
    path.write_bytes(b"\0" * (1 << 21) + b"sm_90 sm_100 ")
    assert LocalHost().find_bytes(str(path), rb"sm_\d+", 1) == [b"sm_90"]
    assert LocalHost().find_bytes(str(path), rb"sm_\d+") == [b"sm_90", b"sm_100"]
    path.write_bytes(b"")
    assert LocalHost().find_bytes(str(path), b"x") is None
    assert LocalHost().find_bytes(str(tmp_path / "none"), b"x") is None
