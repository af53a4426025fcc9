"""A file without the bodies of its functions says by itself what the whole file says."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

from envdoctor.miner.digest import Digests, digest, parse
from envdoctor.miner.outline import outline
from tests.conftest import ROOT

FILES = {
    "plain": "import a\n\ndef f(x, *, y=1):\n    import b\n    return x\n\n\nclass C(B):\n    z = 1\n\n    def g(self, w=None):\n        return w\n\nd = 2\n",
    "no line behind": "def f(x):\n    return x",
    "nothing but a text": 'def f(x):\n    """Say.\n\n    More.\n    """\nb = 1\n',
    "header of several lines": "def f(\n    x,\n    y={1: 2},\n) -> int:\n    return x\nclass C:\n    def g(\n        self, z=3\n    ):\n        return z\n",
    "header that closes further in": "def f(x,\n      y=1):\n    return x\nb = 1\n",
    "header with a remark": "def f(x):  # note:\n    return x\nb = 1\n",
    "one line": "def f(x): return x\ndef g(y): return [\n    y,\n]\nb = 1\n",
    "lambda at the end": "def f(x): return lambda:\\\n    x\nb = 1\n",
    "text that stands further out": 'def f(x):\n    y = """\nb = 1\n"""\n    return y\nc = 2\n',
    "text in two kinds of signs": "def f(x):\n    y = '''\n\"\"\"\nb = 1\n'''\n    z = '\"\"\"'\nc = 2\n",
    "bracket that stands further out": "def f(x):\n    y = [\n1,\n]\n    return y\nc = 2\n",
    "line that goes on": "def f(x):\n    y = 1 + \\\nb\nc = 2\n",
    "remark that stands further out": "def f(x):\n    y = 1\n# remark\n    import b\n    return y\nc = 2\n",
    "function in a text": '"""Do it so:\n\ndef f(x):\n    return x\n"""\nb = 1\nclass C:\n    """\n    def g(y):\n        return y\n    """\n',
    "text of a function's code": 'code = """\ndef f(x):\n    """ + more("""\n    """)\nb = 1\n',
    "branches": "if a:\n    def f(x):\n        return x\nelse:\n    def f(y):\n        return y\ntry:\n    import b\nexcept ImportError:\n    b = None\n",
    "decorators": "@wrap\ndef f(x):\n    return x\n\nclass C:\n    @property\n    def g(self):\n        return 1\n    @staticmethod\n    async def h(z):\n        await z\n",
    "narrow": "class C:\n  def f(self, x):\n    if x:\n      return 1\n  def g(self, y):\n    return y\ndef h(z):\n  return z\n",
    "tabs": "def f(x):\n\treturn x\nclass C:\n\tdef g(self, y):\n\t\treturn y\nb = 1\n",
    "mixed": "class C:\n    def f(self, x):\n\treturn x\nb = 1\n",
    "carriage returns": "def f(x):\r\n    return x\r\n\r\nclass C:\r\n    def g(self, y):\r\n        return y\r\nb = 1\r\n",
    "names of the module": "def f():\n    global found\n    found = 1\n",
    "answers when asked": "def __getattr__(name):\n    if name == 'x':\n        return 1\n    raise AttributeError(name)\n",
    "notices": "import warnings\ndef f():\n    warnings.warn('old', DeprecationWarning)\n",
    "variables": "import os\ndef f():\n    return os.environ['HOME']\n",
    "no Python": "def f(x):\n    return x\nclass\n",
    "nothing to leave out": "a = 1\n",
}


def whole(text: bytes) -> object:
    tree = parse(text)
    return None if tree is None else digest(tree, text)


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_a_file_says_the_same_without_bodies(text: str) -> None:
    told = whole(text.encode())
    assert told is None or Digests().digest(text.encode()) == told


def test_bodies_are_left_out() -> None:
    assert outline(FILES["plain"].encode()) == (
        b"import a\n\ndef f(x, *, y=1):\n     0\nclass C(B):\n    z = 1\n\n    def g(self, w=None):\n     0\nd = 2\n"
    )
    for name in ("text that stands further out", "no line behind", "nothing to leave out", "answers when asked", "notices"):
        assert outline(FILES[name].encode()) is None or b"y = " in (outline(FILES[name].encode()) or b"")


def test_a_body_in_the_syntax_of_a_newer_python_does_not_hide_the_names() -> None:
    text = b"a = 1\ndef f(x):\n    return x if else\n"
    first, second = Digests(), Digests()
    assert first.digest(text).names == {"a", "f"}
    assert second.tree(text) is None
    assert second.digest(text) == first.digest(text)


@pytest.mark.parametrize("folder", [os.path.dirname(os.__file__), os.path.join(ROOT, "src", "envdoctor", "miner")], ids=["python", "miner"])
def test_real_files_say_the_same_without_bodies(folder: str) -> None:
    cut = 0
    for path in sorted(Path(folder).glob("*.py")):
        text = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            short, told = outline(text), whole(text)
            tree = parse(short) if short is not None else None
            if tree is not None and told is not None:
                cut += 1
                assert digest(tree, text) == told, path.name
    assert cut > 10
