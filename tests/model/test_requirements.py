"""The fast reading of `Requires-Dist` lines agrees with `packaging`."""

import importlib.metadata
from collections.abc import Callable

import pytest
from packaging.specifiers import SpecifierSet

from envdoctor.model.requirements import InvalidRequirement, needed, slow_needed

LINUX = {
    "python_version": "3.11", "python_full_version": "3.11.7", "os_name": "posix", "sys_platform": "linux", "platform_system": "Linux",
    "platform_machine": "x86_64", "platform_release": "6.1", "platform_version": "", "platform_python_implementation": "CPython",
    "implementation_name": "cpython", "implementation_version": "3.11.7",
}  # fmt: skip
WINDOWS = {
    **LINUX,
    "os_name": "nt",
    "sys_platform": "win32",
    "platform_system": "Windows",
    "platform_machine": "AMD64",
    "python_version": "3.9",
}
LINES = [
    "numpy", "numpy>=1.17", "numpy >=1.17, <3", "numpy (>=1.17,<3)", "PyYAML>=5.1", "huggingface_hub[cli]<2.0,>=1.5.0", "requests ; extra == 'dev'",
    'tomli>=2; python_version < "3.11"', "tomli>=2 ; python_version<'3.11'", 'a; python_version >= "3.10" and extra == "all"',
    'triton==3.2.0; platform_system == "Linux" and platform_machine == "x86_64"', 'x; sys_platform != "win32"', 'x; ("linux" in sys_platform or sys_platform == "win32") and (platform_machine == "AMD64" or platform_machine == "x86_64")',
    'pywin32; platform_system == "Windows"', "pkg @ https://example.org/pkg-1.0-py3-none-any.whl", 'x; extra == "a" or extra == "b"', 'typing-extensions; python_version <= "3.10"',
    "x; (platform_python_implementation == 'CPython') and extra == 'brotli'", 'x; extra == "dev" and ( platform_python_implementation == "PyPy")',
    'x; platform_machine == "x86_64" or platform_machine == "AMD64"', 'fsspec[http]<2028.0,>=2022.5.0', 'a[b,c]==1.0; python_full_version < "3.11"',
    'x; (sys_platform != "win32" and (sys_platform != "cygwin" and platform_python_implementation != "PyPy")) and extra == "standard"',
    'x; (os_name == "nt" or sys_platform == "linux") and python_version >= "3.10"', 'x; platform_release >= "6" and extra == "a"',
    'x; python_version == "3.11"', 'x; python_full_version >= "3.11.4"', 'x>=1; (python_version >= "3.10") and extra == "y"', "zope.interface!=4.0,>=3", 'x; python_version not in "3.9,3.10"', 'x; implementation_name == "pypy"',
]  # fmt: skip


def same(one: tuple[str, str] | None, two: tuple[str, str] | None) -> bool:
    if one is None or two is None:
        return one is two
    return one[0] == two[0] and SpecifierSet(one[1]) == SpecifierSet(two[1])


@pytest.mark.parametrize("environment", [LINUX, WINDOWS], ids=["linux", "windows"])
@pytest.mark.parametrize("line", LINES)
def test_fast_path_agrees_with_slow_path(line: str, environment: dict[str, str]) -> None:
    assert same(needed(line, environment), slow_needed(line, environment))


@pytest.mark.parametrize("environment", [LINUX, WINDOWS], ids=["linux", "windows"])
def test_they_agree_on_everything_installed_here(environment: dict[str, str]) -> None:
    lines = {line for found in importlib.metadata.distributions() for line in found.requires or ()}
    assert lines
    wrong = [line for line in lines if not same(needed(line, environment), slow_needed(line, environment))]
    assert wrong == []


def test_damaged_lines_are_refused() -> None:
    with pytest.raises(InvalidRequirement):
        needed("x; python_version ~~ '3'", LINUX)


@pytest.mark.parametrize("read", [needed, slow_needed], ids=["fast", "slow"])
@pytest.mark.parametrize("line", ["x; implementation_version >= '3'", "x @ https://example.org/x.zip ; 'linux' in sys_platform"])
def test_the_running_interpreter_never_fills_a_gap(line: str, read: Callable[[str, dict[str, str]], object]) -> None:
    for variable in ("sys_platform", "implementation_version"):
        lacking = {name: value for name, value in LINUX.items() if name != variable}
        with pytest.raises(KeyError, match=variable):
            read(line, lacking)


def test_endless_nesting_and_empty_markers_are_refused() -> None:
    for marker in ("(" * 5000 + "os_name == 'posix'" + ")" * 5000, "", " "):
        with pytest.raises(InvalidRequirement):
            needed(f"x;{marker}", LINUX)
