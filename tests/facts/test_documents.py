"""Files of a project: found, decoded, refused with reasons, and judged for the target machine alone."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

import pytest

from envdoctor.facts import documents
from envdoctor.facts.documents import distributions, marker_environment, read_listing, read_text
from envdoctor.model.errors import InputError, UsageError
from envdoctor.model.listing import Listing, Requirement
from envdoctor.model.markers import PLATFORMS, VARIABLES
from envdoctor.model.script import Location
from envdoctor.model.snapshot import Distribution

LINUX = marker_environment("linux-x86_64", "3.11")


def listed(*texts: str, complete: bool = False) -> dict[str, Distribution]:
    """Return the distributions of lines `name specifier [; marker]`, a leading `-c` making a constraint."""
    found = []
    for number, text in enumerate(texts, 1):
        constraint = text.startswith("-c ")
        head, _, marker = text.removeprefix("-c ").partition(" ; ")
        name, _, specifier = head.partition(" ")
        place = Location(path="list.txt", line=number)
        found.append(Requirement(name=name, specifier=specifier, marker=marker, constraint=constraint, location=place))
    return distributions(Listing(kind="test", requirements=tuple(found), complete=complete), LINUX)


# finding


def test_a_folder_gives_its_most_exact_file(tmp_path: Path) -> None:
    texts = {
        "environment.yml": "dependencies: []\n",
        "pyproject.toml": "[project]\n",
        "requirements-dev.txt": "pytest\n",
        "requirements-gpu.txt": "torch\n",
        "requirements.txt": "torch\n",
        "pdm.lock": "[metadata]\nlock_version = '4.5.0'\n",
        "poetry.lock": "[metadata]\nlock-version = '2.1'\n",
        "pylock.toml": "lock-version = '1.0'\n",
        "uv.lock": "version = 1\n",
    }
    order = ["environment.yml", "pyproject.toml", "requirements-dev.txt", "requirements-gpu.txt", *list(texts)[4:]]
    for name in order:
        (tmp_path / name).write_text(texts[name])
        listing = read_listing(str(tmp_path))
        assert os.path.basename(listing.path) == name


def test_a_folder_without_any_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no script and none of uv\.lock.*; name a script, or the file"):
        read_listing(str(tmp_path))


def test_a_virtual_environment_is_no_project(tmp_path: Path) -> None:
    (tmp_path / "pyvenv.cfg").write_text("")
    with pytest.raises(InputError, match="--python"):
        read_listing(str(tmp_path))


def test_a_missing_file_names_near_ones(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("torch\n")
    with pytest.raises(InputError, match=r"requirement\.txt does not exist; did you mean requirements\.txt\?"):
        read_listing(str(tmp_path / "requirement.txt"))
    with pytest.raises(InputError, match="nor does the folder"):
        read_listing(str(tmp_path / "nowhere" / "x.txt"))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text("torch\n")
    path.chmod(0)
    with pytest.raises(InputError, match="cannot be read"):
        read_listing(str(path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "requirements.txt")
    with pytest.raises(InputError, match="no regular file"):
        read_listing(str(tmp_path / "requirements.txt"))


def test_a_link_to_itself_says_so(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").symlink_to("requirements.txt")
    with pytest.raises(InputError, match="cannot be read"):
        read_listing(str(tmp_path / "requirements.txt"))


def test_a_path_with_a_nul_says_so() -> None:
    with pytest.raises(InputError):
        read_listing("a\0b")


def test_a_file_above_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "LIMIT", 20)
    (tmp_path / "requirements.txt").write_text("torch==2.5.1\n-r b.txt\n"[:20] + "\n")
    with pytest.raises(InputError, match="too large"):
        read_listing(str(tmp_path / "requirements.txt"))
    (tmp_path / "requirements.txt").write_text("-r b.txt\n")
    (tmp_path / "b.txt").write_text("torch==2.5.1\n")
    with pytest.raises(InputError, match=r"b\.txt is too large"):
        read_listing(str(tmp_path / "requirements.txt"))


def test_an_unknown_format_names_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("# Notes\n")
    with pytest.raises(InputError, match=r"no format that envdoctor reads \(pip freeze, requirements\.txt"):
        read_listing(str(tmp_path / "notes.md"))


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("\n")
    with pytest.raises(InputError, match="is empty"):
        read_listing(str(tmp_path / "list"))


# decoding


@pytest.mark.parametrize(
    "data",
    [
        b"torch==2.5.1\n",
        codecs.BOM_UTF8 + b"torch==2.5.1\r\n",
        codecs.BOM_UTF16_LE + "torch==2.5.1\r\n".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "torch==2.5.1\r\n".encode("utf-16-be"),
        "torch==2.5.1\r\n".encode("utf-16-le"),
    ],
)
def test_every_encoding_that_shells_write(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "requirements.txt").write_bytes(data)
    listing = read_listing(str(tmp_path / "requirements.txt"))
    assert [(one.name, one.specifier) for one in listing.requirements] == [("torch", "==2.5.1")]
    assert listing.problems == ()


def test_latin_1_is_read_and_noted(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes(b"torch==2.5.1\n# f\xfcr Tests\n-r b.txt\n")
    (tmp_path / "b.txt").write_bytes(b"# \xe9\npeft\n")
    listing = read_listing(str(tmp_path / "requirements.txt"))
    assert [one.name for one in listing.requirements] == ["torch", "peft"]
    assert [problem.rpartition("/")[2] for problem in listing.problems] == [
        "requirements.txt line 2: this is not UTF-8; the file is read as Latin-1",
        "b.txt line 1: this is not UTF-8; the file is read as Latin-1",
    ]


@pytest.mark.parametrize("data", [b"\x7fELF\0\0\1\2\0\0\0\0", b"PK\3\4\0\0\0"])
def test_a_binary_file_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "requirements.txt").write_bytes(data)
    with pytest.raises(InputError, match="binary"):
        read_listing(str(tmp_path / "requirements.txt"))


def test_utf_16_that_breaks_off_is_refused(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes(codecs.BOM_UTF16_LE + b"t\0o")
    with pytest.raises(InputError, match="breaks off"):
        read_text(str(tmp_path / "requirements.txt"))


# frozen


def test_frozen_makes_any_list_complete(tmp_path: Path) -> None:
    for name in ("requirements.txt", "box", "box.txt"):
        (tmp_path / name).write_text("torch==2.5.1\nweird line\n")
        listing = read_listing(str(tmp_path / name), frozen=True)
        assert (listing.kind, listing.complete) == ("pip freeze", True)
        assert len(listing.problems) == 1
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["torch==2.5.1"]\n')
    assert read_listing(str(tmp_path / "pyproject.toml"), frozen=True).complete


# judging


def test_an_environment_describes_the_target_completely() -> None:
    for platform in PLATFORMS:
        assert set(marker_environment(platform, "3.12")) == set(VARIABLES)
    assert marker_environment("windows-x86_64", "3.10")["platform_machine"] == "AMD64"
    assert marker_environment("macos-arm64", "3.11")["python_full_version"] == "3.11.0"
    assert marker_environment("macos-arm64", "3.11.9")["python_full_version"] == "3.11.9"
    assert marker_environment("macos-arm64", "3.14rc1")["python_version"] == "3.14"


@pytest.mark.parametrize(
    ("platform", "python"), [("solaris", "3.11"), ("linux-x86_64", "3"), ("linux-x86_64", "py311"), ("linux-x86_64", "")]
)
def test_an_unknown_target_is_a_usage_error(platform: str, python: str) -> None:
    with pytest.raises(UsageError):
        marker_environment(platform, python)


def test_nothing_of_this_interpreter_leaks_into_a_marker(monkeypatch: pytest.MonkeyPatch) -> None:
    from packaging import markers

    real = markers.default_environment()
    assert set(real) <= {*VARIABLES, "extra"}, "packaging knows a variable that the target does not set"
    monkeypatch.setattr(markers, "default_environment", lambda: dict.fromkeys(real, "leaked"))
    for variable in VARIABLES:
        assert listed(f"torch  ; {variable} == 'leaked'") == {}
    assert set(listed("torch  ; sys_platform == 'linux' and python_version == '3.11'")) == {"torch"}


def test_an_environment_with_a_gap_is_refused() -> None:
    partial = {name: value for name, value in LINUX.items() if name != "platform_machine"}
    with pytest.raises(KeyError, match="platform_machine"):
        distributions(Listing(kind="test", requirements=(), complete=False), partial)


def test_a_marker_that_cannot_be_judged_counts_as_holding_and_is_noted() -> None:
    for marker in ("python_version", "os_name == ", "(" * 5000, "nonsense == 'x'"):
        (problem,) = listed(f"torch ==2.5.1 ; {marker}")["torch"].problems
        assert "taken to hold" in problem


def test_an_exact_pin_is_a_version_and_anything_else_a_specifier() -> None:
    found = listed("a ==1.0", "b ===2.0", "c ==1.*", "d >=1,<2", "e ", "f ==2.5.1+cu124,>=2")
    assert {name: (one.version, one.specifier) for name, one in found.items()} == {
        "a": ("1.0", ""),
        "b": ("2.0", ""),
        "c": (None, "==1.*"),
        "d": (None, ">=1,<2"),
        "e": (None, ""),
        "f": ("2.5.1+cu124", ""),
    }


@pytest.mark.parametrize(
    ("version", "build"),
    [("2.5.1+cu124", "cuda"), ("2.5.1+cpu", "cpu"), ("2.5.1+rocm6.2", "rocm"), ("2.5.1+xpu", "xpu"), ("2.5.1", ""), ("2.5.1+gitabc", "")],
)
def test_a_local_label_tells_the_build(version: str, build: str) -> None:
    assert listed(f"torch =={version}")["torch"].build == build


def test_lines_and_constraints_of_one_name_narrow_each_other() -> None:
    found = listed("peft >=0.10", "peft <0.16", "-c peft !=0.12", "-c unused ==1.0")
    assert {name: one.specifier for name, one in found.items()} == {"peft": ">=0.10,<0.16,!=0.12"}
    assert found["peft"].origin == "list.txt line 1, list.txt line 2, list.txt line 3"


def test_a_pin_with_its_build_beats_the_same_pin_without() -> None:
    assert listed("torch ==2.5.1", "torch ==2.5.1+cpu")["torch"].version == "2.5.1+cpu"


@pytest.mark.parametrize("lines", [("torch ==2.5.1", "torch ==2.6.0"), ("torch ==2.5.1", "-c torch <2.5"), ("torch >=2", "torch <1")])
def test_lines_that_contradict_each_other_leave_no_version(lines: tuple[str, str]) -> None:
    torch = listed(*lines)["torch"]
    assert torch.version is None
    assert len(torch.problems) == 1


def test_in_a_complete_list_the_first_of_two_versions_counts() -> None:
    torch = listed("torch ==2.5.1", "torch ==2.6.0", complete=True)["torch"]
    assert torch.version == "2.5.1"
    assert "several versions" in torch.problems[0]


def test_a_version_that_is_no_pep_440_is_a_problem() -> None:
    found = listed("a ==1.0-custom_x", "b >=2.*")
    assert [(one.version, one.specifier) for one in found.values()] == [(None, ""), (None, "")]
    assert found["a"].problems == ("list.txt line 1: '1.0-custom_x' is not a PEP 440 version",)
    assert found["b"].problems == ("list.txt line 2: '>=2.*' is not a PEP 440 specifier",)


def test_what_nothing_active_needs_is_not_installed() -> None:
    def one(name: str, *required_by: tuple[int, str]) -> Requirement:
        return Requirement(name=name, specifier="==1.0", required_by=required_by)

    windows = "sys_platform == 'win32'"
    graph = (
        one("root", (-1, "")),
        one("both", (0, ""), (2, "")),
        one("windows", (0, windows)),
        one("below-windows", (2, "")),
        one("circle", (5, "")),
        one("circle-back", (4, "")),
    )
    listing = Listing(kind="test", requirements=graph, complete=True)
    assert set(distributions(listing, LINUX)) == {"root", "both"}
    assert set(distributions(listing, marker_environment("windows-x86_64", "3.11"))) == {"root", "both", "windows", "below-windows"}


def test_secrets_in_addresses_are_not_kept() -> None:
    listing = Listing(
        kind="test", requirements=(Requirement(name="peft", url="git+https://me:token@host.example/peft.git@v1"),), complete=False
    )
    assert distributions(listing, LINUX)["peft"].direct_url == "git+https://***@host.example/peft.git@v1"


def test_a_large_lock_is_read(tmp_path: Path) -> None:
    wheel = '    { url = "https://files.example/p-1.0-py3-none-any.whl", hash = "sha256:' + "0" * 64 + '", size = 1 },\n'
    names = [f"package-{number}" for number in range(2000)]
    parts = ['version = 1\n[[package]]\nname = "x"\nversion = "0"\nsource = { virtual = "." }\ndependencies = [\n']
    parts += [f'    {{ name = "{name}" }},\n' for name in names]
    parts.append("]\n")
    for name in names:
        parts.append(f'[[package]]\nname = "{name}"\nversion = "1.0"\nwheels = [\n{wheel * 30}]\n')
    (tmp_path / "uv.lock").write_text("".join(parts))
    listing = read_listing(str(tmp_path))
    assert len(distributions(listing, LINUX)) == 2000
    last = listing.requirements[-1].location
    assert last is not None
    assert last.line == "".join(parts[:-1]).count("\n") + 1
