"""A whole release: the same for the same files whatever their order, and soon told whatever is in them."""

from __future__ import annotations

import random
import sys
import threading
import time

import pytest

from envdoctor.miner.digest import Digests
from envdoctor.miner.mining import mine
from tests.miner.small import Files, mined

RELEASE = {
    "demo/__init__.py": "import torch\nfrom .core import *\nfrom .utils import is_a_available\nif is_a_available():\n    import a",
    "demo/core.py": "from .deep.inner import f\nimport os\nos.environ.get('DEMO_HOME')\n__all__ = ['f', 'g']\ndef g(x, y=1): ...",
    "demo/deep/inner.py": "import warnings\nfrom torch import nn\ndef f(*, z):\n    warnings.warn('f is old', DeprecationWarning)\nnn.Linear(1, 2, bias=False)",
    "demo/utils.py": "import importlib.util\ndef is_a_available():\n    return importlib.util.find_spec('a') is not None",
    "demo/_C.cpython-311-x86_64-linux-gnu.so": "",
    "demo-1.0.dist-info/METADATA": "Name: demo",
}


def test_a_surface_tells_what_the_release_is_and_all_its_sections() -> None:
    surface = mine(Files(RELEASE, requires=("torch>=2",), requires_python=">=3.9, <4", tags=("py3-none-any",)), Digests())
    assert (surface.package, surface.version, surface.date, surface.yanked) == ("demo", "1.0", "2025-03-01", False)
    assert surface.sections == {
        "offers": {
            "demo": {".", "torch", "f", "g", "is_a_available", "a"},
            "demo._C": {".", "*"},
            "demo.core": {".", "f", "g", "os"},
            "demo.deep": {"."},
            "demo.deep.inner": {".", "f", "nn", "warnings"},
            "demo.utils": {".", "importlib", "is_a_available"},
        },
        "takes": {
            "demo.core:g": {"x", "y=1"},
            "demo.deep.inner:f": {"z"},
            "demo.utils:is_a_available": frozenset(),
            "demo:f": {"z"},
            "demo:g": {"x", "y=1"},
            "demo:is_a_available": frozenset(),
        },
        "requires": {"": {"torch>=2"}},
        "tags": {"": {"py3-none-any", "python>=3.9,<4"}},
        "needs": {
            "import demo": {"torch at demo", "torch:nn at demo.deep.inner", "torch:nn.Linear at demo.deep.inner", "a if has:a at demo"},
        },
        "passes": {"import demo": {"torch:nn.Linear(bias) at demo.deep.inner"}},
        "answers": {"demo.utils:is_a_available": {"() => has:a"}, "demo:is_a_available": {"() => has:a"}},
        "reads": {"": {"DEMO_HOME"}},
        "deprecates": {"demo.deep.inner:f": {"f is old"}},
    }


def test_mining_twice_tells_the_same_and_the_order_of_paths_does_not_matter() -> None:
    first = mined(RELEASE)
    digests = Digests()
    for seed in range(3):
        paths = list(RELEASE)
        random.Random(seed).shuffle(paths)
        assert mine(Files({path: RELEASE[path] for path in paths}), digests) == first


def test_another_release_with_the_same_files_is_not_mixed_up() -> None:
    digests = Digests()
    for other in ("b", "c", "b"):
        files = {"demo/__init__.py": "from . import inner", "demo/inner.py": f"import {other}", "demo/same.py": "x = 1"}
        assert mine(Files(files), digests).sections["needs"]["import demo"] == {f"{other} at demo.inner"}


def test_items_hold_what_their_section_allows() -> None:
    surface = mined(
        {
            "demo/__init__.py": """
                import importlib.util, warnings
                def f(x=' a  b ', y='''one
                two'''): ...
                if importlib.util.find_spec("a") is None:
                    raise ImportError("first line\\n  at => second   line")
                warnings.warn("old\\n  thing", FutureWarning)
            """
        }
    )
    assert surface.sections["takes"]["demo:f"] == {"x", "y='one\\ntwo'"}
    assert surface.sections["refuses"]["import demo"] == {"!has:a => ImportError: first line @ -> second line at demo"}
    assert surface.sections["deprecates"]["demo"] == {"old thing"}
    for subjects in surface.sections.values():
        for items in subjects.values():
            assert all(item == item.strip() and "\n" not in item for item in items)


def test_a_file_that_python_does_not_read_hides_only_itself() -> None:
    files = {
        "demo/__init__.py": "from . import new, good",
        "demo/new.py": "import zz\nmatch = def",
        "demo/good.py": "import a",
        "demo/odd.py": "# -*- coding: nonsense -*-",
    }
    surface = mined(files)
    assert surface.sections["needs"]["import demo"] == {"a at demo.good"}
    assert surface.sections["offers"]["demo.new"] == surface.sections["offers"]["demo.odd"] == {".", "*"}


def test_an_empty_release_offers_nothing() -> None:
    assert mined({}).sections == {}


def test_the_thread_and_the_limits_are_as_before() -> None:
    before = (sys.getrecursionlimit(), threading.stack_size())
    mined(RELEASE)
    assert (sys.getrecursionlimit(), threading.stack_size()) == before


def test_a_defect_is_raised_to_the_caller() -> None:
    class Broken(Files):
        def read(self, path: str) -> bytes:
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        mine(Broken(RELEASE), Digests())


HAS = "import importlib.util\ndef has(name):\n    return importlib.util.find_spec(name) is not None\n"
HOSTILE = {
    "brackets": "x = " + "(" * 5000 + "1" + ")" * 5000,
    "long sum": "x = " + "+".join(["a"] * 20000),
    "long chain": "import a\na" + ".b" * 5000,
    "long condition": HAS + "if " + " and ".join(f"has('m{i}')" for i in range(500)) + ":\n    import zz",
    "nested branches": HAS + "".join(" " * i + f"if has('m{i}'):\n" for i in range(90)) + " " * 90 + "import zz",
    "many branches of one name": HAS + "".join(f"if has('m{i}'):\n    x = {i}\n" for i in range(600)) + "if x == 3:\n    import zz",
    "many returns": HAS
    + "def f():\n"
    + "".join(f"    if has('m{i}'):\n        return {i}\n" for i in range(400))
    + "if f() == 3:\n    import zz",
    "endless recursion": "def f(n): return g(n)\ndef g(n): return f(n)\nf(1)\nclass A:\n    def __init__(self): A()\nA()",
    "endless properties": "class A:\n    @property\n    def x(self): return self.y\n    @property\n    def y(self): return self.x\nA().x",
    "calls that double": "\n".join(f"def f{i}():\n    f{i + 1}(); f{i + 1}(); f{i + 1}()" for i in range(30)) + "\ndef f30(): pass\nf0()",
    "loops in loops": "T = (" + "1," * 40 + ")\n" + "".join(" " * i + f"for v{i} in T:\n" for i in range(15)) + " " * 15 + "x = 1",
    "lists in themselves": "x = []\nx.append(x)\ny = {}\ny['a'] = y\nif x == x or y in [y]:\n    import zz\nfor a in x:\n    pass",
    "growing lists": "x = [1]\n" + "x += x\n" * 60 + "x = x + x\n" * 60 + "x = [*x, *x]\n" * 60 + "x.extend(x)\n" * 60,
    "growing texts": "x = 'aaaaaaaaaa'\n"
    + "x = x + x\n" * 60
    + "x = f'{x}{x}'\n" * 60
    + "y = 'aaaaaaaaaa'\n"
    + "y = y.replace('a', y)\n" * 12,
    "a line of heirs": "class A0: pass\n" + "".join(f"class A{i + 1}(A{i}): pass\n" for i in range(400)) + "A400().x()",
    "a net of heirs": "class A0: pass\nclass B0: pass\n"
    + "".join(f"class A{i + 1}(A{i}, B{i}): pass\nclass B{i + 1}(A{i}, B{i}): pass\n" for i in range(30))
    + "A30().x()",
    "an object in itself": "class A:\n    def __init__(self):\n        self.a = self\nx = A()\nx.a.a.a.b",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_code_that_no_person_writes_is_soon_told(name: str) -> None:
    started = time.process_time()
    surface = mined({"demo/__init__.py": HOSTILE[name], "demo/good.py": "y = 1"})
    assert time.process_time() - started < 10
    assert surface.sections["offers"]["demo.good"] == {".", "y"}


def test_modules_that_import_each_other_are_soon_told() -> None:
    started = time.process_time()
    circle = {f"demo/m{i}.py": f"from .m{(i + 1) % 40} import *\nfrom . import m{(i + 7) % 40}\nimport t{i}" for i in range(40)}
    needs = mined({"demo/__init__.py": "from . import m0", **circle}).sections["needs"]["import demo"]
    assert needs == {f"t{i} at demo.m{i}" for i in range(40)}
    chain = {f"demo/m{i}.py": f"from . import m{i + 1}\nimport t{i}" for i in range(300)}
    assert len(mined({"demo/__init__.py": "from . import m0", **chain}).sections["needs"]["import demo"]) == 300
    assert time.process_time() - started < 10
