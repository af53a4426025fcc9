"""A tree in which bodies are parsed when they are looked at is the tree of the whole file."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from envdoctor.miner.digest import Digests, digest
from envdoctor.miner.outline import Unread, outline, parse, read
from tests.conftest import ROOT
from tests.miner.small import needs

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
    "branch of a match": "match a:\n  case 1:\n    def f(x):\n        return x\n",
    "function in one that is left in": "async def f(x):\n    def g(y):\n        return y\n    return g\ndef h(x):  # note\n    def g(y):\n        return y\n",
    "imaginary numbers": "def f(): 1j\ndef g():\n    2j\ndef h(x):\n    return 3j\n",
    "no Python": "def f(x):\n    return x\nclass\n",
    "nothing to leave out": "a = 1\n",
}


def told(tree: ast.Module | None, text: bytes) -> object:
    return None if tree is None else digest(tree, text)


def shape(tree: ast.Module | None) -> str:
    for _ in ast.walk(tree) if tree is not None else ():  # whoever walks looks into every body
        pass
    return "" if tree is None else ast.dump(tree)


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_a_file_is_the_same_whether_bodies_wait_or_not(text: str) -> None:
    code = text.encode()
    tree, whole = read(code), parse(code)
    assert told(tree, code) == told(whole, code)
    assert shape(tree) == shape(whole)


def test_bodies_wait() -> None:
    short, bodies = outline(FILES["plain"].encode())
    assert short == (b"import a\n\ndef f(x, *, y=1):\n     0j\nclass C(B):\n    z = 1\n\n    def g(self, w=None):\n     1j\nd = 2\n")
    assert bodies == [b"    import b\n    return x\n\n\n", b"        return w\n\n"]
    for name in ("text that stands further out", "no line behind", "nothing to leave out", "answers when asked", "notices"):
        assert outline(FILES[name].encode()) == (FILES[name].encode(), [])


def test_a_body_is_parsed_once_and_its_function_is_a_plain_one_from_then_on() -> None:
    tree = read(b"def f(x):\n    return x\n")
    assert tree is not None
    node = tree.body[0]
    assert type(node) is Unread
    first = node.body
    assert type(node) is ast.FunctionDef
    assert node.body is first
    assert ast.unparse(tree) == "def f(x):\n    return x"


def test_a_body_in_the_syntax_of_a_newer_python_hides_no_names_and_answers_nothing_certain() -> None:
    text = "a = 1\ndef f(x):\n    return x if else\nif f(1):\n    import b\nelse:\n    import c\n"
    assert Digests().digest(text.encode()).names == {"a", "f", "b", "c"}
    assert needs(text) == set()


@pytest.mark.parametrize("folder", [os.path.dirname(os.__file__), os.path.join(ROOT, "src", "envdoctor", "miner")], ids=["python", "miner"])
def test_real_files_are_the_same_whether_bodies_wait_or_not(folder: str) -> None:
    for path in sorted(Path(folder).glob("*.py"))[:80]:
        text = path.read_bytes()
        tree, whole = read(text), parse(text)
        assert told(tree, text) == told(whole, text), path.name
        assert shape(tree) == shape(whole), path.name
