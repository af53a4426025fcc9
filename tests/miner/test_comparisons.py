"""Conditions as they are spelt in code, and what is kept of them."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.miner.small import needs

HEAD = """
import contextlib, importlib.metadata, importlib.util, os, platform, sys
import a, torch
from importlib.metadata import PackageNotFoundError
from packaging import version
from packaging.version import Version, parse
from tt import helper
from transformers.utils import is_peft_available
found = importlib.util.find_spec("a") is not None
other = importlib.util.find_spec("b") is not None
try:
    metadata = importlib.metadata.version("A_b")
except PackageNotFoundError:
    metadata = None
"""
NEVER, ALWAYS = "never", "always"


def condition(test: str, before: str = "") -> str:
    """Return when an import under a test is needed."""
    asked = {item for item in needs(f"{HEAD}\n{dedent(before)}\nif {test}:\n    import zz") if item.startswith("zz")}
    return asked.pop().removeprefix("zz").removeprefix(" if ") or ALWAYS if asked else NEVER


@pytest.mark.parametrize(
    ("test", "wanted"),
    [
        ("importlib.util.find_spec('x.y') is not None", "has:x.y"),
        ("importlib.util.find_spec('x') is None", "!has:x"),
        ("importlib.util.find_spec('x')", "has:x"),
        ("importlib.util.find_spec('json')", ALWAYS),
        ("bool(importlib.util.find_spec('x')) is True", "has:x"),
        ("importlib.util.find_spec(name)", NEVER),
        ("not found", "!has:a"),
        ("found and other", "has:a&has:b"),
        ("found or other", "has:a|has:b"),
        ("not (found or other)", "!has:a&!has:b"),
        ("(found if other else True)", "!has:b|has:a"),
        ("(x := found) and x", "has:a"),
        ("any([found, other])", "has:a|has:b"),
        ("all((found, *[other]))", "has:a&has:b"),
        ("found is True", "has:a"),
        ("found is False", "!has:a"),
        ("found and unknown()", NEVER),
        ("found or unknown()", "has:a"),
        ("not unknown()", NEVER),
        ("hasattr(a, 'x')", "offers:a:x"),
        ("hasattr(a.b, 'x')", "offers:a:b.x"),
        ("hasattr(a, '__version__')", NEVER),
        ("torch.cuda.is_available()", "gpu"),
    ],
)
def test_presence(test: str, wanted: str) -> None:
    assert condition(test) == wanted


@pytest.mark.parametrize(
    ("test", "wanted"),
    [
        ("version.parse(importlib.metadata.version('A_b')) >= version.parse('1.2')", "a-b>=1.2"),
        ("Version(importlib.metadata.version('x')) < Version('1.2')", "x<1.2"),
        ("parse('1.2') > parse(importlib.metadata.version('x'))", "x<1.2"),
        ("parse('1.2') <= parse(a.__version__) < parse('2')", "a<2&a>=1.2"),
        ("parse(a.__version__) == parse('1.2')", "a==1.2"),
        ("parse(a.__version__) != parse('1.2')", "!a==1.2"),
        ("a.__version__ >= '1.2'", "a>=1.2"),
        ("a.__version__ in ('1.2', '1.3')", "a==1.2|a==1.3"),
        ("parse(a.__version__).release >= (2, 1)", "a>=2.1"),
        ("parse(a.__version__).release >= parse('2.1').release", "a>=2.1"),
        ("parse(a.__version__).release[:2] <= (2, 1)", "a<2.2"),
        ("parse(a.__version__).release[:2] > (2, 1)", "a>=2.2"),
        ("parse(a.__version__).release[:2] == (2, 1)", "a==2.1.*"),
        ("parse(a.__version__).release[:2] != (2, 1)", "!a==2.1.*"),
        ("parse(a.__version__).release == (2, 1, 0)", "a==2.1.0.*"),
        ("parse(a.__version__).release > (2, 1)", NEVER),  # 2.1 is not, 2.1.0 is
        ("parse(a.__version__).release[:1] >= (2, 1)", NEVER),
        ("parse(a.__version__).release[0] >= 2", "a>=2"),
        ("parse(a.__version__).major >= 2", "a>=2"),
        ("parse(a.__version__).minor >= 2", NEVER),
        ("parse(parse(a.__version__).base_version) >= parse('2')", "a>=2"),
        ("parse(a.__version__.split('+')[0]) >= parse('2')", "a>=2"),
        ("'dev' in a.__version__", NEVER),
        ("parse(a.__version__) >= parse(wanted)", NEVER),
        ("metadata is not None and parse(metadata) >= parse('1')", "a-b>=1&dist:a-b"),
        ("metadata is None", "!dist:a-b"),
        ("parse('2.10') >= parse('2.9')", ALWAYS),
        ("parse('2.8') >= parse('2.9')", NEVER),
        ("'2.10' >= '2.9'", NEVER),  # texts are compared as texts
    ],
)
def test_versions(test: str, wanted: str) -> None:
    told = condition(test)
    assert told.replace("a!=1.2", "!a==1.2").replace("a!=2.1.*", "!a==2.1.*") == wanted


@pytest.mark.parametrize(
    ("test", "wanted"),
    [
        ("sys.version_info >= (3, 10)", "py>=3.10"),
        ("sys.version_info < (3, 10)", "py<3.10"),
        ("sys.version_info > (3, 10)", "py>=3.10"),  # 3.10.1 is
        ("sys.version_info <= (3, 10)", "py<3.10"),
        ("sys.version_info == (3, 10)", NEVER),
        ("sys.version_info[:2] > (3, 10)", "py>=3.11"),
        ("sys.version_info[:2] <= (3, 10)", "py<3.11"),
        ("sys.version_info[:2] == (3, 10)", "py==3.10.*"),
        ("sys.version_info[0] >= 3", "py>=3"),
        ("sys.version_info.minor > 9", "py>=3.10"),
        ("sys.version_info[1] < 9", "py<3.9"),
        ("parse(platform.python_version()) >= parse('3.10.1')", "py>=3.10.1"),
        ("sys.platform == 'darwin'", "os=macos"),
        ("sys.platform != 'win32'", "!os=windows"),
        ("sys.platform in ('linux', 'win32')", "os=linux|os=windows"),
        ("sys.platform.startswith('linux')", "os=linux"),
        ("sys.platform == 'emscripten'", NEVER),
        ("platform.system() == 'Windows'", "os=windows"),
        ("os.name == 'nt'", NEVER),
    ],
)
def test_python_and_system(test: str, wanted: str) -> None:
    assert condition(test) == wanted


@pytest.mark.parametrize(
    ("test", "wanted"),
    [
        ("is_peft_available()", "call:transformers.utils:is_peft_available:"),
        ("not is_peft_available('0.5')", "!call:transformers.utils:is_peft_available:0.5"),
        ("helper('vllm', return_version=True)[0]", "call:tt:helper:vllm,return_version=True#0"),
        ("a.utils.is_it()", "call:a:utils.is_it:"),
        ("helper(name)", NEVER),
        ("helper('a b')", NEVER),
        ("helper('a|b')", NEVER),
        ("helper(*names)", NEVER),
        ("helper(**words)", NEVER),
        ("helper('x') == 3", NEVER),
    ],
)
def test_helpers_of_other_packages(test: str, wanted: str) -> None:
    assert condition(test) == wanted


@pytest.mark.parametrize(
    ("test", "wanted"),
    [
        ("1 < 2 < 3", ALWAYS),
        ("2 < 1", NEVER),
        ("'a' in ('a', 'b')", ALWAYS),
        ("'a' not in 'abc'", NEVER),
        ("'x' in {'x': 1}", ALWAYS),
        ("None is not None", NEVER),
        ("len([*(1, 2), 3]) == 3", ALWAYS),
        ("'1.2'.startswith('1.')", ALWAYS),
        ("isinstance('a', str)", ALWAYS),
        ("__name__ == '__main__'", NEVER),
        ("os.environ.get('X', '0') == '1'", NEVER),
        ("os.getenv('X') is None", ALWAYS),  # a run sets few of the variables that exist
        ("1 < 'a'", NEVER),
        ("-1 < 0", ALWAYS),
        ("f'{1}' == '1'", ALWAYS),
        ("('a' + 'b') == 'ab'", ALWAYS),
        ("[1, 2][5]", NEVER),
    ],
)
def test_what_is_evaluated_now(test: str, wanted: str) -> None:
    assert condition(test) == wanted


def test_contents_that_hang_on_the_run_are_not_known() -> None:
    for change in (
        "if unknown(): t.append('x')",
        "t.extend(unknown())",
        "t.remove('x')",
        "t[0] = 'x'",
        "del t[0]",
        "t += unknown()",
        "for one in unknown(): t.append(one)",
        "def f(): t.append('x')",
    ):
        assert condition("'x' in t", f"t = ['y']\n{change}") == NEVER, change
        if not change.startswith("def"):
            assert condition("'x' not in t", f"t = ['y']\n{change}") == NEVER, change
    for change in ("if unknown(): t['x'] = 1", "t[unknown()] = 1", "t.update(unknown())", "t.update(x=1)", "t.setdefault(unknown(), 1)"):
        assert condition("'x' not in t", f"t = {{'y': 0}}\n{change}") == NEVER, change
    assert condition("t.get('x') is None", "t = {}\nt.update(x=1)") == NEVER
    assert condition("t['x']", "t = {'x': True}\nt[unknown()] = False") == NEVER
    assert condition("t", "t = {'x': 1}\nt.pop('x')") == NEVER
    assert condition("'x' in t", "t = {}\nt['x'] = 1") == ALWAYS


def test_a_copy_is_another_list() -> None:
    assert condition("len(t) == 1", "t = [1]\nu = list(t)\nu.append(2)\nv = t.copy()\nv.append(3)") == ALWAYS
    assert condition("sorted({'b', 'a'})[0] == 'a'") == ALWAYS
