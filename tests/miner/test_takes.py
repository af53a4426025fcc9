"""Which keyword arguments callables take. A parameter too many only hides a fault; one too few invents it."""

from __future__ import annotations

import pytest

from tests.miner.small import mined


def takes(text: str, subject: str = "demo.m:f", **others: str) -> set[str] | None:
    """Return the items of a callable of demo.m; None where it is not told."""
    files = {"demo/__init__.py": "", "demo/m.py": text, **{f"demo/{name}.py": other for name, other in others.items()}}
    found = mined(files).sections.get("takes", {}).get(subject)
    return None if found is None else set(found)


def constructor(text: str, **others: str) -> set[str] | None:
    return takes(text, "demo.m:A", **others)


def test_parameters_with_short_literal_defaults() -> None:
    text = f"def f(a, /, b, c=1, *rest, d, e='x', f=-1, g=None, h=list(), i='{'x' * 60}', j='a b', **more): ..."
    assert takes(text) == {"a", "b", "c=1", "d", "e='x'", "f=-1", "g=None", "h", "i", "j", "*", "**"}


def test_a_callable_without_parameters_is_told() -> None:
    assert takes("def f(): ...") == set()
    assert takes("async def f(a): ...") == {"a"}


def test_private_callables_and_modules_are_not_told() -> None:
    surface = mined({"demo/__init__.py": "", "demo/m.py": "def _f(a): ...\nclass _A: ...", "demo/_hidden.py": "def f(a): ..."})
    assert "takes" not in surface.sections


def test_a_constructor_is_told_without_self() -> None:
    assert constructor("class A:\n    def __init__(self, x, y=2): ...") == {"x", "y=2"}
    assert constructor("class A:\n    def __new__(cls, x): ...") == {"x"}
    assert constructor("class A: ...") == set()


def test_methods_that_others_call_are_told() -> None:
    text = "class A:\n    def generate(self, x): ...\n    @classmethod\n    def from_pretrained(cls, y): ...\n    @staticmethod\n    def log(z): ...\n    def other(self): ..."
    assert takes(text, "demo.m:A.generate") == {"x"}
    assert takes(text, "demo.m:A.from_pretrained") == {"y"}
    assert takes(text, "demo.m:A.log") == {"z"}
    assert takes(text, "demo.m:A.other") is None


def test_decorators_that_keep_the_parameters_are_known_and_others_may_change_them() -> None:
    assert takes("@lru_cache(maxsize=None)\ndef f(a): ...") == {"a"}
    assert takes("@torch.no_grad()\ndef f(a): ...") == {"a"}
    assert takes("@something\ndef f(a): ...") == {"a", "?"}


def test_a_renamed_parameter_is_taken_under_its_old_name_too() -> None:
    assert takes("@deprecate_kwarg('old', new_name='new', version='5')\ndef f(new): ...") == {"new", "old", "5"} - {"5"}
    assert takes("@_deprecate_arguments(deprecated_args={'a', 'b'}, version='1.0')\ndef f(c): ...") == {"a", "b", "c"}


def test_either_definition_of_two_branches_counts() -> None:
    assert takes("if x:\n    def f(a): ...\nelse:\n    def f(b): ...") == {"a", "b"}
    assert constructor("try:\n    class A(Foreign): ...\nexcept E:\n    class A: ...") is None


def test_overloads_say_nothing_beside_what_they_describe() -> None:
    assert takes("@overload\ndef f(a): ...\n@typing.overload\ndef f(a, b): ...\ndef f(a=None, b=None): ...") == {"a=None", "b=None"}


@pytest.mark.parametrize("other", ["from torch import f", "f = compiled(f)"])
def test_something_else_may_stand_under_the_name(other: str) -> None:
    assert takes(f"try:\n    {other}\nexcept ImportError:\n    def f(a): ...") == {"a", "?"}


# data classes


def test_fields_are_parameters() -> None:
    text = """
        @dataclass(frozen=True)
        class A:
            x: int
            y: str = "a"
            z: list = field(default_factory=list)
            w: int = field(default=3, metadata={"help": "a"})
            hidden: int = field(init=False)
            shared: ClassVar[int] = 1
            plain = 2
    """
    assert constructor(text) == {"x", "y='a'", "z", "w=3"}


def test_fields_are_inherited() -> None:
    base = "@dataclass\nclass Base:\n    x: int\n@dataclass\nclass Second:\n    w: int"
    assert constructor("from .b import Base\n@dataclass\nclass A(Base):\n    y: int", b=base) == {"x", "y"}
    assert constructor("from .b import Base, Second\n@dataclass\nclass A(Base, Second):\n    y: int", b=base) == {"x", "y", "w"}
    assert constructor("from .b import Base\nclass A(Base): ...", b=base) == {"x"}


def test_fields_of_a_foreign_base_are_not_known() -> None:
    """trl.SFTConfig has the fields of transformers.TrainingArguments beside its own."""
    assert constructor("from transformers import TrainingArguments\n@dataclass\nclass A(TrainingArguments):\n    y: int") == {"y", "?"}


def test_a_data_class_with_a_constructor_of_its_own() -> None:
    assert constructor("@dataclass\nclass A:\n    x: int\n    def __init__(self, y): ...") == {"y"}


# inherited constructors


def test_a_constructor_is_inherited_through_the_release() -> None:
    assert constructor("from .b import B\nclass A(B): ...", b="from .c import C as B", c="class C:\n    def __init__(self, x): ...") == {
        "x"
    }


def test_a_mixin_without_a_constructor_leaves_it_to_the_next_base() -> None:
    text = "class Mixin: ...\nclass Real:\n    def __init__(self, x): ...\nclass A(Mixin, Real): ..."
    assert constructor(text) == {"x"}
    assert takes(text, "demo.m:Mixin") == set()
    assert constructor("class Mixin: ...\nclass A(Mixin, ABC, Generic[T]): ...") == set()
    assert constructor("from torch.nn import Module\nclass Mixin: ...\nclass A(Mixin, Module): ...") is None


@pytest.mark.parametrize(
    "text",
    [
        "from torch.nn import Module\nclass A(Module): ...",
        "class A(nn.Module): ...",
        "class A(*bases): ...",
        "class A(A): ...",
        "class A(B): ...\nclass B(A): ...",
        "@define\nclass A:\n    x: int",
        "class A(metaclass=Meta): ...",
        "class A:\n    if cond:\n        def __init__(self, x): ...",
        "class A:\n    __init__ = make()",
    ],
)
def test_who_gives_the_constructor_is_not_known(text: str) -> None:
    assert constructor(text) is None


def test_a_metaclass_that_only_makes_abstract_is_none_to_ask() -> None:
    assert constructor("class A(metaclass=abc.ABCMeta): ...") == set()


# exports


def test_what_a_package_exports_is_told_under_that_name_too() -> None:
    files = {
        "demo/__init__.py": "from .deep.m import A, f",
        "demo/deep/m.py": "def f(x): ...\nclass A:\n    def __init__(self, y): ...\n    def generate(self, z): ...",
    }
    found = mined(files).sections["takes"]
    assert found["demo:f"] == found["demo.deep.m:f"] == {"x"}
    assert found["demo:A"] == {"y"}
    assert found["demo:A.generate"] == {"z"}


def test_a_name_that_is_defined_twice_is_not_told_for_the_package() -> None:
    files = {"demo/__init__.py": "from .a import *\nfrom .b import *", "demo/a.py": "def f(x): ...", "demo/b.py": "def f(y): ..."}
    assert "demo:f" not in mined(files).sections["takes"]


def test_what_a_package_imports_by_name_is_what_stands_there() -> None:
    files = {
        "demo/__init__.py": "from .a import f",
        "demo/a.py": "from .b import f",
        "demo/b.py": "def f(y): ...",
        "demo/c.py": "def f(x): ...",
    }
    assert mined(files).sections["takes"]["demo:f"] == {"y"}


def test_a_name_from_a_native_module_is_not_that_of_a_python_file() -> None:
    files = {
        "demo/__init__.py": "from demo.lib import array",
        "demo/lib.cpython-311-x86_64-linux-gnu.so": "",
        "demo/jvm.py": "def array(x): ...",
    }
    assert "demo:array" not in mined(files).sections["takes"]


def test_a_name_that_is_imported_from_two_places_is_not_told() -> None:
    body = "try:\n    from .a import f\nexcept ImportError:\n    from .b import f"
    files = {"demo/__init__.py": body, "demo/a.py": "def f(x): ...", "demo/b.py": "def f(y): ..."}
    assert "demo:f" not in mined(files).sections["takes"]


def test_stand_ins_for_what_cannot_be_imported_are_not_told() -> None:
    files = {"demo/__init__.py": "", "demo/utils/dummy_pt_objects.py": "class A:\n    def __init__(self, *args, **kwargs): ..."}
    assert "takes" not in mined(files).sections
