"""What an entry needs, passes and refuses, through all the modules that it reaches."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.miner.small import mined, needs, passes, section

HAS = "import importlib.util\ndef has(name):\n    return importlib.util.find_spec(name) is not None\n"


def passed(text: str, **others: str) -> set[str]:
    return passes(HAS + dedent(text), **{name: dedent(other) for name, other in others.items()})


# modules


def test_modules_are_reached_through_imports_with_their_conditions() -> None:
    files = {
        "demo/__init__.py": HAS + "from . import core\nif has('x'):\n    from .extra import y",
        "demo/core.py": "import a",
        "demo/extra/__init__.py": "import b\nfrom ..core import z\ny = 1",
        "demo/never.py": "import c",
    }
    assert section("needs", files) == {"a at demo.core", "b if has:x at demo.extra"}


def test_a_module_that_is_reached_in_two_ways_is_reached_in_either() -> None:
    files = {
        "demo/__init__.py": HAS
        + "if has('x'):\n    from . import core\nif has('y'):\n    from . import core\nif not has('y'):\n    from . import other",
        "demo/core.py": "import a",
        "demo/other.py": "from . import core",
    }
    assert section("needs", files) == {"a at demo.core"}
    files["demo/other.py"] = ""
    assert section("needs", files) == {"a if has:x|has:y at demo.core"}


def test_the_folders_above_a_module_are_imported_with_it() -> None:
    files = {
        "demo/__init__.py": "import a",
        "demo/deep/__init__.py": "import b",
        "demo/deep/er.py": "import c",
        "top.py": "import demo.deep.er",
    }
    assert section("needs", files, "import top") == {"a at demo", "b at demo.deep", "c at demo.deep.er"}
    assert section("needs", files, "import demo") == {"a at demo"}


def test_modules_in_a_circle_are_read_once() -> None:
    files = {
        "demo/__init__.py": "from .a import x\nimport one",
        "demo/a.py": "from .b import y\nx = 1\nimport two",
        "demo/b.py": "from . import a\nfrom .a import x\ny = 1\nimport three",
    }
    assert section("needs", files) == {"one at demo", "two at demo.a", "three at demo.b"}


def test_stars_bring_values_along() -> None:
    assert needs("from .core import *\nif ok:\n    import b", core="ok = True\n_hidden = 1\nimport a") == {"a", "b"}
    assert needs("from .core import *\nif ok:\n    import b", core="ok = True\n__all__ = ['other']\nother = 1") == set()
    assert needs("from numpy import *\nfrom math import *") == {"numpy"}


def test_the_same_need_of_two_modules_is_told_once() -> None:
    assert section("needs", {"demo/__init__.py": "from . import b, a\n", "demo/a.py": "import t", "demo/b.py": "import t"}) == {
        "t at demo.a"
    }


def test_conditions_too_long_to_be_told_are_left_out() -> None:
    text = HAS + "if " + " and ".join(f"has('a_module_of_a_long_name_{i}')" for i in range(30)) + ":\n    import zz\nimport a"
    assert needs(text) == {"a"}


# lazy modules


LAZY = {
    "trl/__init__.py": """
        from .import_utils import _LazyModule
        import sys
        _import_structure = {"core": ["SFTTrainer"], "other": ["Other"], "trainer": ["SFTConfig"]}
        sys.modules[__name__] = _LazyModule(__name__, __file__, _import_structure)
    """,
    "trl/import_utils.py": "class _LazyModule: ...",
    "trl/core.py": "import a\nclass SFTTrainer: ...",
    "trl/other.py": "import b\nclass Other: ...",
    "trl/trainer/__init__.py": "import c\nclass SFTConfig: ...",
}


def test_what_a_lazy_module_serves_is_imported_when_it_is_named() -> None:
    sections = mined(LAZY, "trl").sections["needs"]
    assert "import trl" not in sections
    assert sections["trl.SFTTrainer"] == {"a at trl.core", "c at trl.trainer"}
    files = {**LAZY, "trl/core.py": "from trl import Other\nimport trl\ntrl.SFTConfig\nclass SFTTrainer: ..."}
    assert section("needs", files, "trl.SFTTrainer", "trl") == {"b at trl.other", "c at trl.trainer"}


def test_an_entry_whose_first_name_is_not_in_the_release_is_not_told() -> None:
    assert "trl.DPOTrainer" not in mined(LAZY, "trl").sections["needs"]
    assert mined({"other/__init__.py": "import a"}, "trl").sections.get("needs") is None


# entries


def test_the_methods_that_a_use_reaches_are_called() -> None:
    files = {
        "trl/__init__.py": "from .trainer.sft_trainer import SFTTrainer, SFTConfig",
        "trl/trainer/sft_trainer.py": """
            from transformers import Trainer
            class SFTConfig: ...
            class SFTTrainer(Trainer):
                def __init__(self, model, tokenizer=None, **kwargs):
                    if not unknown():
                        import never
                    import a
                    super().__init__(model=model, processing_class=tokenizer, **kwargs)
                def log(self, logs):
                    super().log(logs, start_time=1)
                def other(self):
                    import never
        """,
    }
    assert section("needs", files, "trl.SFTTrainer", "trl") == {
        "transformers:Trainer at trl.trainer.sft_trainer",
        "a at trl.trainer.sft_trainer",
    }
    assert section("passes", files, "trl.SFTTrainer", "trl") == {
        "transformers:Trainer(model) at trl.trainer.sft_trainer",
        "transformers:Trainer(processing_class) at trl.trainer.sft_trainer",
        "transformers:Trainer.log(start_time) at trl.trainer.sft_trainer",
    }


def test_by_default_each_public_top_level_module_is_imported() -> None:
    files = {"one/__init__.py": "import a", "two.py": "import b", "_three.py": "import c"}
    assert mined(files).sections["needs"] == {"import one": {"a at one"}, "import two": {"b at two"}}


# keyword arguments


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("f(1, x=1, y=2)", {"t:f(x)", "t:f(y)"}),
        ("import t as m\nm.u.f(x=1)", {"t:u.f(x)"}),
        ("if has('a'):\n    f(x=1)", {"t:f(x) if has:a"}),
        ("if unknown():\n    f(x=1)", set()),
        ("f(**{'x': 1, 'y': 2})", {"t:f(x)", "t:f(y)"}),
        ("f(**dict(x=1))", {"t:f(x)"}),
        ("f(**unknown())", set()),
        ("d = {}\nd['x'] = 1\nd.update(y=2)\nf(**d)", {"t:f(x)", "t:f(y)"}),
        ("d = {'x': 1}\nif unknown():\n    d['y'] = 1\nf(**d)", {"t:f(x)"}),
        ("d = {'x': 1, 'y': 1}\nd.pop('x')\nf(**d)", {"t:f(y)"}),
        ("d = {'x': 1, 'y': 1}\ndel d['x']\nf(**d)", {"t:f(y)"}),
        ("d = {'x': 1}\nif unknown():\n    d.pop('x')\nf(**d)", set()),
        ("d = {'x': 1}\nd.clear()\nf(**d)", set()),
        ("d = {'x': 1}\nd.update(unknown())\nf(**d)", {"t:f(x)"}),
        ("d = {'x': 1}\nd[unknown()] = 1\nf(**d)", {"t:f(x)"}),
        ("d = {**{'x': 1}, 'y': 2}\nf(**d)", {"t:f(x)", "t:f(y)"}),
        ("def g(**words):\n    f(**words)\ng(x=1)", {"t:f(x)"}),
        ("def g(a, **words):\n    f(**words)\ng(a=1, x=1)", {"t:f(x)"}),
        ("def g(**words):\n    words.pop('x', None)\n    f(**words)\ng(x=1, y=1)", {"t:f(y)"}),
        ("try:\n    f(x=1)\nexcept TypeError:\n    f()", set()),
        ("try:\n    f(x=1)\nexcept Exception:\n    f()", set()),
        ("g = lambda: f(x=1)", set()),
        ("C(x=1).go(y=2)", {"t:C(x)", "t:C.go(y)"}),
        ("c = C()\nc.go(y=2)", {"t:C.go(y)"}),
        ("(f if has('a') else C)(x=1)", {"t:f(x) if has:a", "t:C(x) if !has:a"}),
    ],
)
def test_keywords_that_are_certainly_passed(text: str, wanted: set[str]) -> None:
    assert passed(f"from t import f, C\n{text}") == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("class A(B):\n    def __init__(self, x):\n        super().__init__(y=x)\nA(1)", {"t:B(y)"}),
        ("class A(B):\n    def __init__(self, **words):\n        super().__init__(**words)\nA(y=1)", {"t:B(y)"}),
        ("class A(B): ...\nA(y=1)", {"t:B(y)"}),
        ("class A(B):\n    def go(self):\n        super().go(y=1)\nA().go()", {"t:B.go(y)"}),
        ("class A(B):\n    def go(self):\n        self.run(y=1)\nA().go()", {"t:B.run(y)"}),
        ("class A(B): ...\nclass D(A):\n    def __init__(self):\n        super().__init__(y=1)\nD()", {"t:B(y)"}),
        ("class M: ...\nclass A(M, B):\n    def __init__(self):\n        super().__init__(y=1)\nA()", {"t:B(y)"}),
        ("class A(B, M):\n    def __init__(self):\n        super().__init__(y=1)\nA()", set()),  # either may take it
        ("class A(Generic[T], B):\n    def __init__(self):\n        super().__init__(y=1)\nA()", {"t:B(y)"}),
        ("class A(unknown()):\n    def __init__(self):\n        super().__init__(y=1)\nA()", set()),
    ],
)
def test_keywords_that_are_handed_up_to_a_foreign_base(text: str, wanted: set[str]) -> None:
    assert passed(f"from typing import Generic, TypeVar\nfrom t import B, M\nT = TypeVar('T')\n{text}") == wanted


# refusals


def test_refusals_are_told_with_where_they_stand() -> None:
    files = {
        "demo/__init__.py": HAS + "if has('x'):\n    from . import inner",
        "demo/inner.py": "import importlib.metadata\nfrom packaging import version\n"
        "if version.parse(importlib.metadata.version('a')) < version.parse('2'):\n    raise ImportError('a is too old')",
    }
    assert section("refuses", files) == {"a<2&has:x => ImportError: a is too old at demo.inner"}
    assert "packaging:version if has:x at demo.inner" in section("needs", files)


def test_each_reason_of_a_refusal_is_told_by_itself() -> None:
    files = {"demo/__init__.py": HAS + "if not has('a') or not has('b'):\n    raise ImportError('no')"}
    assert section("refuses", files) == {"!has:a => ImportError: no at demo", "!has:b => ImportError: no at demo"}


def test_texts_of_versions_are_placeholders() -> None:
    text = "import a\nif a.__version__ < '2':\n    raise ImportError(f'found {a.__version__}, {a}')"
    assert section("refuses", {"demo/__init__.py": text}) == {"a<2 => ImportError: found {a}, {} at demo"}
