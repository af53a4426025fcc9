"""Which names a module offers. A name too many only hides a fault; a name too few invents one."""

from __future__ import annotations

import pytest

from envdoctor.miner.digest import Digests
from envdoctor.miner.mining import mine
from tests.miner.small import Files, mined, offered, offers

LAZY = """
    import sys
    from typing import TYPE_CHECKING
    from .utils import OptionalDependencyNotAvailable, _LazyModule, is_torch_available
    _import_structure = {"config": ["Config"], "data": []}
    try:
        if not is_torch_available():
            raise OptionalDependencyNotAvailable()
    except OptionalDependencyNotAvailable:
        from .utils import dummies
        _import_structure["utils.dummies"] = [name for name in dir(dummies) if not name.startswith("_")]
    else:
        _import_structure["model"] = ["Model"]
        _import_structure["model"].append("Head")
        _import_structure["model"].extend(["Body", "Tail"])
        _import_structure["data"] += ["Collator"]
    if TYPE_CHECKING:
        from .config import Config, OnlyForReaders
    else:
        sys.modules[__name__] = _LazyModule(__name__, globals()["__file__"], _import_structure, module_spec=__spec__)
"""


def test_what_is_bound_under_any_condition_is_offered() -> None:
    text = """
        import os, numpy.linalg as la, a.b
        from x import y as z, w
        one, (two, *rest) = 1, (2, 3)
        four: int = 4
        if cond:
            def f(): inner = 1
        else:
            class C:
                member = 1
        try:
            five = 5
        except E:
            six = 6
        else:
            seven = 7
        finally:
            eight = 8
        for nine in (): pass
        with open() as ten: pass
        while (eleven := f()): pass
        globals()["twelve"] = 12
        vars()["thirteen"] = 13
        setattr(sys.modules[__name__], "fourteen", 14)
        def g():
            global fifteen, sixteen
    """
    assert offered(text) == {
        "os", "la", "a", "z", "w", "one", "two", "rest", "four", "f", "C", "five", "six", "seven", "eight", "nine", "ten", "eleven",
        "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "g",
    }  # fmt: skip


def test_imports_for_readers_of_types_are_no_names() -> None:
    text = """
        import typing
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from a import b
            from c import *
        else:
            d = 1
        if typing.TYPE_CHECKING:
            from e import f
    """
    assert offered(text) == {"typing", "TYPE_CHECKING", "d"}


@pytest.mark.parametrize(
    "text",
    [
        "globals()[name] = 1",
        "globals().update(table)",
        "names = globals()\nbuild(DESCRIPTOR, names)",
        "build(DESCRIPTOR, into=globals())",
        "names = globals()\nnames[key] = 1",
        "__all__ = []\ndef helper(kind):\n    setattr(me, kind.__name__, kind)\n    __all__.append(kind.__name__)",
        "vars()[name] = 1",
        "for name in names:\n    setattr(sys.modules[__name__], name, 1)",
        "from elsewhere import *",
        "from ctypes import *",
        "from .gone import *",
        "sys.modules[__name__] = Module(__name__)",
        "sys.modules[__name__] = something",
        "sys.modules[__name__].__class__ = Module",
        "def __getattr__(name):\n    return 1",
        "from .core import __getattr__",
        "__getattr__ = make(__name__)",
        "__getattr__ = lambda name: 1",
        "@decorated\ndef broken(:",
    ],
)
def test_names_made_at_run_time_leave_a_module_open(text: str) -> None:
    assert "*" in offered(text, core="")


# stars


def test_stars_are_followed_as_far_as_all_says() -> None:
    core = "__all__ = ['a', '_b']\n__all__ += ['c']\n__all__.append('d')\n__all__.extend(('e',))\na = _b = c = d = e = hidden = 1"
    assert offered("from .core import *", core=core) == {"a", "_b", "c", "d", "e"}
    assert offered("from .core import *", core="a = _b = 1\nimport os") == {"a", "os"}


def test_a_list_that_grows_by_other_lists_is_not_known() -> None:
    """numpy.core lists a few names of its own, and adds the lists of its submodules."""
    inner = "__all__ = ['array']\narray = 1"
    for grown in ("__all__ += inner.__all__", "__all__.extend(inner.__all__)", "for n in inner.__all__: __all__.append(n)"):
        core = f"from . import inner\nfrom .inner import *\n__all__ = ['char']\nchar = 1\n{grown}"
        assert {"array", "char"} <= offered("from .core import *", core=core, inner=inner)


def test_either_list_of_two_branches_counts() -> None:
    assert offered("from .core import *", core="if x:\n    __all__ = ['a']\nelse:\n    __all__ = ['b']") == {"a", "b"}


def test_stars_through_several_modules_and_out_of_the_release() -> None:
    assert offered("from .a import *", a="from .b import *", b="from torch.x import *\nc = 1") == {"c", "*"}
    assert offered("from .a import *", a="from torch.x import *\n__all__ = ['d']") == {"d"}


def test_each_module_of_a_circle_of_stars_may_be_the_first() -> None:
    surface = mined(
        {"demo/__init__.py": "from .a import *", "demo/a.py": "from .b import *\nx = 1", "demo/b.py": "from .a import *\ny = 1"}
    )
    assert {name: items - {"."} for name, items in surface.sections["offers"].items()} == {
        name: {"x", "y"} for name in ("demo", "demo.a", "demo.b")
    }


def test_long_circles_of_stars_end() -> None:
    files = {f"demo/m{i}.py": f"from .m{(i + 1) % 60} import *\nn{i} = 1" for i in range(60)}
    assert "n0" in mined(files).sections["offers"]["demo.m0"]


# lazy tables


def test_a_lazy_table_is_unfolded_with_what_is_added_under_conditions() -> None:
    found = offered(LAZY, utils="")
    assert {"Config", "Model", "Head", "Body", "Tail", "Collator", "config", "model", "data"} <= found
    assert "*" not in found
    assert "OnlyForReaders" not in found


def test_the_file_of_a_lazy_module_may_stand_in_a_variable() -> None:
    text = "_file = globals()['__file__']\nsys.modules[__name__] = _LazyModule(__name__, _file, {'a': ['X']}, extra_objects={'Y': Y})"
    assert offered(text) == {"_file", "a", "X", "Y"}


@pytest.mark.parametrize(
    "table",
    [
        "t = {'a': NAMES}",
        "t = {'a': ['X'], **more}",
        "t = make()",
        "t = {}\nt.update(make())",
        "t = {}\nt[name] = ['X']",
        "t = {'a': []}\nt['a'].append(name)",
        "t = {}\nt.setdefault('a', []).append('X')",
    ],
)
def test_a_lazy_table_that_is_not_written_out_leaves_the_module_open(table: str) -> None:
    assert "*" in offered(f"{table}\nsys.modules[__name__] = _LazyModule(__name__, __file__, t)")
    assert "*" not in offered(table)  # nobody serves it


def test_a_lazy_table_may_be_put_together_of_literals() -> None:
    found = offered(
        "t = {'a': ['X']}\nt.update({'b': ['Y']})\nmore = {'c': ['Z']}\nt.update(more)\nsys.modules[__name__] = _LazyModule(__name__, __file__, t)"
    )
    assert {"a", "X", "b", "Y", "c", "Z"} <= found
    assert "*" not in found


def test_a_structure_made_from_files_serves_what_these_export() -> None:
    """transformers: the root serves everything below its folder of models, and each folder of a model what its files list."""
    lazy = "import sys\nfrom .utils.import_utils import define_import_structure\nt = define_import_structure(__file__)\nsys.modules[__name__] = _LazyModule(__name__, __file__, t)"
    nested = "import sys\nsys.modules[__name__] = _LazyModule(__name__, f, define_import_structure(f), module_spec=__spec__)"
    files = {
        "demo/__init__.py": lazy,
        "demo/models/__init__.py": "",
        "demo/models/bert/__init__.py": nested,
        "demo/models/bert/modeling_bert.py": "__all__ = ['BertModel']\nclass BertModel: pass\nclass Hidden: pass",
        "demo/models/bert/plain.py": "class Plain: pass\ndef helper(): pass",
        "demo/other.py": "__all__ = ['Other']",
    }
    root, bert = offers(files), offers(files, "demo.models.bert")
    assert {"BertModel", "Plain"} <= root & bert
    assert not {"Hidden", "Other", "helper"} & (root | bert)


def test_lazy_modules_may_answer_a_name_without_its_suffix() -> None:
    """transformers 5 has no XTokenizerFast any more, and answers by XTokenizer."""
    files = {
        "demo/__init__.py": "t = {'bert': ['BertTokenizer', 'BertModel']}\nsys.modules[__name__] = _LazyModule(__name__, __file__, t)",
        "demo/utils/import_utils.py": """
            class _LazyModule:
                def __getattr__(self, name):
                    if name.endswith("TokenizerFast"):
                        return getattr(self, name.removesuffix("Fast"))
        """,
    }
    assert {"BertTokenizer", "BertTokenizerFast"} <= offers(files)
    assert "BertModelFast" not in offers(files)


def test_attached_tables_are_read() -> None:
    found = offered(
        "import lazy_loader as lazy\n__getattr__, __dir__, __all__ = lazy.attach(__name__, submodules={'s'}, submod_attrs={'a': ['X']})"
    )
    assert found == {"lazy", "s", "a", "X"}
    assert "*" in offered("__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)")
    assert {"a", "X"} <= offered("t = {'a': ['X']}\n__getattr__, __dir__, __all__ = _attach(__name__, [], t)")


# module __getattr__


@pytest.mark.parametrize(
    "body",
    [
        "    if name == 'late': return 1\n    if name in ('x', 'y'):\n        return 2",
        "    if name in SET: return 1",
        "    if name in TABLE:\n        return load(TABLE[name])",
        "    if name in SET and cond: return 1",
        "    if name == 'late' or name in ['x', 'y']:\n        globals()[name] = 1\n        return 1",
        "    try:\n        found = TABLE[name]\n    except KeyError:\n        pass\n    else:\n        return found",
    ],
)
def test_a_module_getattr_that_ends_by_raising_serves_what_it_compares_with(body: str) -> None:
    text = f"SET = {{'late', 'x'}}\nSET |= {{'y'}}\nTABLE = {{'late': 1, 'x': 2}}\ndef __getattr__(name):\n{body}\n    raise AttributeError(name)\nTABLE['y'] = 3"
    assert offered(text) == {"SET", "TABLE", "late", "x", "y"}


@pytest.mark.parametrize(
    "body",
    [
        "    return load(name)",
        "    if name in unknown: return 1\n    raise AttributeError",
        "    if cond: return 1\n    raise AttributeError",
        "    found = TABLE.get(name)\n    if found is not None: return found\n    raise AttributeError",
        "    try:\n        return import_module(name)\n    except ImportError:\n        pass\n    raise AttributeError",
        "    with suppress(KeyError):\n        return other[name]\n    raise AttributeError",
        "    if name == 'a':\n        return 1\n    else:\n        return 2\n    raise AttributeError",
    ],
)
def test_any_other_module_getattr_leaves_the_module_open(body: str) -> None:
    assert "*" in offered(f"TABLE = {{'late': 1}}\ndef __getattr__(name):\n{body}")


def test_names_that_only_raise_or_warn_are_not_served() -> None:
    """numpy 1.24 lost np.bool: it warns of what the name will be, and raises."""
    text = """
        rows = [("float0", "float_", 1), ("str0", "str_", 2)]
        __expired__ = {"removed": "gone for good"}
        __future__scalars = {"bool", "object"}
        __deprecated__ = {}
        __deprecated__.update({n: alias for n, alias, width in rows})
        __deprecated__["math"] = 1
        def __getattr__(attr):
            try:
                val = __deprecated__[attr]
            except KeyError:
                pass
            else:
                return val
            if attr in __future__scalars:
                warnings.warn(attr)
            if attr in __expired__:
                raise AttributeError(attr)
            raise AttributeError(attr)
    """
    found = offered(text)
    assert {"float0", "str0", "math"} <= found
    assert not {"removed", "bool", "object", "*"} & found


# modules


def test_native_modules_are_open_whatever_their_stub_says() -> None:
    """torch lists int8 in _C/__init__.pyi, but none of int1 to int7, which its tables make."""
    files = {"demo/__init__.py": "", "demo/_C.cpython-311-x86_64-linux-gnu.so": "", "demo/_C.pyi": "int8: int\ndef f() -> None: ..."}
    assert offers(files, "demo._C") == {"int8", "f", "*"}
    assert offers({"demo/fast.so": ""}, "demo.fast") == {"*"}


def test_a_stub_beside_a_text_adds_its_names() -> None:
    files = {"demo/__init__.py": "a = 1", "demo/__init__.pyi": "b: int\ndef __getattr__(name): ..."}
    assert offers(files) == {"a", "b"}


@pytest.mark.parametrize(
    "text",
    [
        "sys.meta_path.append(Finder())",
        "sys.meta_path.insert(0, Finder())",
        "sys.modules['demo.moves'] = moves",
        "sys.modules.update(table)",
        "def alias(name):\n    sys.modules[name] = 1\nalias('demo.old')",
        "__path__ = extend_path(__path__, __name__)",
        "__path__.append(elsewhere)",
    ],
)
def test_modules_made_at_run_time_leave_room_below(text: str) -> None:
    found = offered(text)
    assert "/" in found
    assert "*" not in found


def test_every_module_exists_and_tests_are_not_told() -> None:
    surface = mined({"demo/__init__.py": "", "demo/deep/er.py": "", "demo/tests/test_x.py": "", "demo/_tests/a.py": ""})
    assert surface.sections["offers"] == {"demo": {"."}, "demo.deep": {"."}, "demo.deep.er": {"."}}


def test_special_names_are_not_told() -> None:
    assert offered("__version__ = '1'\n__all__ = []\n_private = 1") == {"_private"}


def test_newer_syntax_leaves_only_that_module_open() -> None:
    surface = mined({"demo/__init__.py": "a = 1", "demo/new.py": "def f(x: int -> int): ...", "demo/nul.py": "a = 1\0"})
    assert surface.sections["offers"] == {"demo": {".", "a"}, "demo.new": {".", "*"}, "demo.nul": {".", "*"}}


def test_a_file_is_digested_once_by_its_content() -> None:
    digests = Digests()
    one, two = digests.digest(b"a = 1"), digests.digest(b"a = 1")
    assert one is two
    files = Files({"demo/__init__.py": "a = 1", "demo/b.py": "a = 1"})
    assert mine(files, digests).sections["offers"]["demo.b"] == {".", "a"}


def test_the_memory_of_trees_is_bounded() -> None:
    digests = Digests(trees=2)
    trees = [digests.tree(f"a = {i}".encode()) for i in range(4)]
    assert digests.tree(b"a = 3") is trees[3]
    assert digests.tree(b"a = 0") is not trees[0]
