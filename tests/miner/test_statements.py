"""Which lines are reached under which condition: branches, failures, functions, classes. Nothing uncertain is called certain."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.miner.small import needs, refusals

HAS = "import importlib.util\ndef has(name):\n    return importlib.util.find_spec(name) is not None\n"


def asked(text: str, **others: str) -> set[str]:
    return needs(HAS + dedent(text), **{name: dedent(other) for name, other in others.items()})


def refused(text: str, **others: str) -> set[str]:
    return refusals(HAS + dedent(text), **others)


# protected imports


def test_a_protected_import_is_no_need_and_its_flag_a_condition() -> None:
    text = """
        try:
            import a
            ok = True
        except ImportError:
            ok = False
        if ok:
            import b
        else:
            import c
    """
    assert asked(text) == {"b if has:a", "c if !has:a"}


def test_a_protected_name_may_be_missing_too() -> None:
    assert asked("try:\n    from a import x\nexcept ImportError:\n    x = None\nif x is None:\n    import c") == {"c if !has:a|!offers:a:x"}


def test_module_not_found_catches_missing_modules_only() -> None:
    assert asked("try:\n    from a import x\nexcept ModuleNotFoundError:\n    x = None") == {"a:x if has:a"}


@pytest.mark.parametrize("kinds", ["ImportError", "(ImportError, ValueError)", "Exception", "builtins.ImportError", ""])
def test_who_catches_a_missing_import(kinds: str) -> None:
    assert asked(f"try:\n    import a\nexcept {kinds}:\n    pass\nimport d") == {"d"}


def test_what_others_catch_stays_a_need() -> None:
    assert asked("try:\n    import a\nexcept ValueError:\n    pass") == {"a"}
    assert asked("try:\n    import a\nfinally:\n    import b") == {"a", "b"}


def test_an_import_that_is_raised_again_refuses() -> None:
    text = "try:\n    import a\nexcept ImportError as error:\n    raise ImportError('demo needs a') from error"
    assert refused(text) == {"!has:a => ImportError: demo needs a"}
    assert refused("try:\n    import a\nexcept ImportError:\n    raise") == {"!has:a => ImportError"}
    assert asked(text) == set()


def test_else_and_finally() -> None:
    text = "try:\n    import a\nexcept ImportError:\n    import c\nelse:\n    import b\nfinally:\n    import d"
    assert asked(text) == {"b if has:a", "c if !has:a", "d"}


def test_a_way_out_of_a_protected_block_that_stays_in_the_flow() -> None:
    lazy = "try:\n    if {}:\n        raise Missing()\nexcept Missing:\n    import c\nelse:\n    import b\nimport d"
    assert asked(lazy.format("not has('a')")) == {"b if has:a", "c if !has:a", "d"}
    assert asked(lazy.format("unknown()")) == {"d"}


def test_what_follows_a_failure_that_is_caught_outside_is_not_certain() -> None:
    assert asked("try:\n    if unknown():\n        raise ValueError\n    import a\nexcept ValueError:\n    pass\nimport d") == {"d"}
    assert asked(
        "def f():\n    if unknown():\n        raise ValueError\n    import a\ntry:\n    f()\nexcept ValueError:\n    pass\nimport d"
    ) == {"d"}


def test_a_version_that_is_not_there() -> None:
    text = """
        from importlib.metadata import PackageNotFoundError, version
        try:
            v = version("A.b")
        except PackageNotFoundError:
            v = None
        if v is None:
            import c
        else:
            import d
    """
    assert asked(text) == {"c if !dist:a-b", "d if dist:a-b"}


def test_an_own_module_that_may_fail_leaves_its_flag_unknown() -> None:
    text = "try:\n    from . import inner\n    ok = True\nexcept ImportError:\n    ok = False\nif ok:\n    import b\nelse:\n    import c\nimport d"
    assert asked(text, inner="import zz") == {"d"}
    assert asked(text, inner="x = 1") == {"b", "d"}


def test_an_own_module_that_is_not_in_the_release() -> None:
    assert asked("try:\n    from . import gone_one\n    ok = True\nexcept ImportError:\n    ok = False\nif not ok:\n    import c") <= {"c"}
    assert asked("try:\n    from .gone import x\nexcept ImportError:\n    import c") == {"c"}
    assert asked("from .gone import x\nimport c") == {"c"}


# with


def test_suppressed_imports() -> None:
    assert asked(
        "from contextlib import suppress\nok = False\nwith suppress(ImportError):\n    import a\n    ok = True\nif ok:\n    import b\nimport d"
    ) == {
        "b if has:a",
        "d",
    }
    assert asked("import contextlib\nwith contextlib.suppress(ValueError):\n    import a\nimport d") == {"a", "d"}


@pytest.mark.parametrize(
    "manager",
    [
        "import contextlib\n@contextlib.contextmanager\ndef maybe():\n    try:\n        yield\n    except ImportError:\n        pass",
        "class maybe:\n    def __enter__(self): ...\n    def __exit__(self, *error):\n        return error[0] is ImportError",
        "from optuna import try_import as maybe",
    ],
)
def test_managers_that_may_swallow_a_missing_import(manager: str) -> None:
    if "optuna" in manager:
        assert asked("from optuna import try_import\nwith try_import() as told:\n    import a\nimport d") == {"optuna:try_import", "d"}
    else:
        assert asked(f"{manager}\nwith maybe():\n    import a\nimport d") == {"d"}


@pytest.mark.parametrize(
    "manager",
    [
        "import contextlib\n@contextlib.contextmanager\ndef plain():\n    try:\n        yield\n    finally:\n        pass",
        "class plain:\n    def __enter__(self): ...\n    def __exit__(self, *error):\n        return False",
        "from warnings import catch_warnings as plain",
    ],
)
def test_managers_that_let_it_through(manager: str) -> None:
    assert asked(f"{manager}\nwith plain():\n    import a\nimport d") == {"a", "d"}


# flow


def test_types_are_not_imported_for_readers() -> None:
    assert asked("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a\nelse:\n    import b") == {"b"}
    assert asked("import typing\nif typing.TYPE_CHECKING:\n    import a") == set()
    assert asked("import typing as t\nif not t.TYPE_CHECKING:\n    import b") == {"b"}


def test_an_early_return_on_something_unknown_makes_the_rest_uncertain() -> None:
    assert asked("def f():\n    if unknown():\n        return\n    import a\nf()\nimport d") == {"d"}
    assert asked("def f():\n    if has('x'):\n        return\n    import a\nf()\nimport d") == {"a if !has:x", "d"}
    for way in (
        "for x in unknown():\n        return",
        "while unknown():\n        return",
        "match unknown():\n        case 1:\n            return",
    ):
        assert asked(f"def f():\n    {way}\n    import a\nf()\nimport d") == {"d"}, way


def test_an_early_raise_on_something_unknown_does_not() -> None:
    assert asked("def f():\n    if unknown():\n        raise ValueError\n    import a\nf()\nimport d") == {"a", "d"}


def test_nothing_is_needed_after_what_always_raises() -> None:
    assert asked("def f():\n    raise ValueError\nf()\nimport a") == set()
    assert asked("import a\nraise ValueError\nimport b") == {"a"}


def test_a_refusal_is_told_with_its_words() -> None:
    text = "if not has('a'):\n    raise RuntimeError(f'install a, or {other} ' 'or b')\nimport c"
    assert refused(text) == {"!has:a => RuntimeError: install a, or {} or b"}
    assert asked(text) == {"c if has:a"}
    assert (
        refused("def f():\n    if not has('a'):\n        raise RuntimeError('no')\ntry:\n    f()\nexcept RuntimeError:\n    pass") == set()
    )


def test_a_refusal_that_hangs_on_something_unknown_is_not_told() -> None:
    assert refused("if not has('a') and unknown():\n    raise RuntimeError('no')") == set()
    assert refused("raise RuntimeError('always')") == set()


def test_assertions_refuse() -> None:
    assert refused("assert has('a'), 'where is a?'") == {"!has:a => AssertionError: where is a?"}
    assert refused("assert has('a')") == {"!has:a => AssertionError: has('a')"}
    assert refused("assert unknown()") == set()


def test_required_versions_refuse() -> None:
    head = "from transformers.utils.versions import require_version\n"
    assert refused(f"{head}require_version('A_b>=1.0, <2', 'pip install it')") == {
        "!a-b>=1.0,<2 => A_b>=1.0, <2 is required. pip install it"
    }
    assert refused(f"{head}require_version('a')") == {"!dist:a => a is required"}
    for odd in ("'python>=3.8'", "'a b>=1'", "'a[x]>=1'", "'a>=one'", "name"):
        assert refused(f"{head}require_version({odd})") == set(), odd


# loops


def test_a_loop_over_what_is_written_out_is_gone_through() -> None:
    assert asked("for name in ('a', 'b'):\n    if has(name):\n        import zz") == {"zz if has:a|has:b"}
    assert asked("import importlib\nfor name in ['a', 'b']:\n    importlib.import_module(name)") == {"a", "b"}
    assert asked("import importlib\nfor name in {'a': 1}:\n    importlib.import_module(name)") == {"a"}


@pytest.mark.parametrize(
    "loop",
    [
        "for x in unknown():\n    flag = True",
        "while unknown():\n    flag = True",
        "for x in ('a', 'b'):\n    if not has(x):\n        continue\n    flag = True",
        "match unknown():\n    case 1:\n        flag = True",
        "async def f(): ...\nfor flag in unknown():\n    pass",
        "if unknown():\n    flag = True",
        "try:\n    flag = unknown()\nexcept E:\n    flag = True",
    ],
)
def test_what_a_body_binds_that_may_not_run_is_not_known(loop: str) -> None:
    for test in ("flag", "not flag"):
        assert asked(f"flag = False\n{loop}\nif {test}:\n    import zz") == set()


# functions


def test_functions_count_where_they_are_called_and_only_there() -> None:
    assert asked("def f():\n    import a\ndef g():\n    import b\nclass C:\n    def m(self):\n        import c\nf()") == {"a"}
    assert asked("def f(flag=True):\n    if flag:\n        import a\nf()\nif has('x'):\n    f(False)") == {"a"}
    assert asked("def f(flag):\n    if flag:\n        import a\n    else:\n        import b\nf(has('x'))") == {"a if has:x", "b if !has:x"}


def test_functions_of_other_modules_are_read_as_they_stand() -> None:
    assert asked("from .inner import f\nf()", inner="flag = True\ndef f():\n    if flag:\n        import a") == {"a"}
    assert asked("from . import inner\ninner.f()", inner="def f():\n    import a") == {"a"}


def test_answers_of_functions_are_conditions() -> None:
    text = """
        def f(name, strict=False):
            if not strict:
                return has(name)
            if has(name):
                return has("strict")
            return False
        if f("a"):
            import b
        if f("a", strict=True):
            import c
    """
    assert asked(text) == {"b if has:a", "c if has:a&has:strict"}


def test_a_function_is_not_read_when_it_is_a_generator_or_a_coroutine() -> None:
    assert asked("def f():\n    import a\n    yield\nf()") == set()
    assert asked("async def f():\n    import a\nf()") == set()


def test_what_a_decorator_answers_is_not_known() -> None:
    assert asked("@wrapped\ndef f():\n    return True\nif f():\n    import a") == set()
    assert asked("from functools import lru_cache\n@lru_cache\ndef f():\n    return True\nif f():\n    import a") == {"a"}


def test_arguments_that_are_not_known_are_not_guessed() -> None:
    f = "def f(x=False, y=False):\n    if not x and not y:\n        import a\n"
    assert asked(f"{f}f()") == {"a"}
    for call in ("f(*unknown())", "f(**unknown())", "f(*unknown(), False)", "t = {}\nif unknown(): t['x'] = True\nf(**t)"):
        assert asked(f + call) == set(), call


def test_a_nested_function_sees_the_names_around_it() -> None:
    assert (
        asked("flag = True\ndef outer(flag):\n    def inner():\n        if flag:\n            import a\n    inner()\nouter(unknown())")
        == set()
    )
    assert asked("flag = False\ndef outer(flag):\n    def inner():\n        if flag:\n            import a\n    inner()\nouter(True)") == {
        "a"
    }
    made = (
        "def make(flag):\n    def inner():\n        if flag:\n            import a\n    return inner\none, two = make(True), make(False)\n"
    )
    assert asked(f"{made}one()") == {"a"}
    assert asked(f"{made}two()") == set()


def test_a_global_that_a_function_sets() -> None:
    text = "flag = False\ndef f():\n    global flag\n    flag = True\n{}\nif flag:\n    import a\nelse:\n    import b"
    assert asked(text.format("f()")) == {"a"}
    assert asked(text.format("if unknown():\n    f()")) == set()


# classes


def test_attributes_hold_what_was_set_on_every_way() -> None:
    text = """
        class A:
            def __init__(self):
                self.flag = False
                {}
                if self.flag:
                    import a
                else:
                    import b
            def set(self):
                self.flag = True
        A()
    """
    assert asked(text.format("pass")) == {"b"}
    assert asked(text.format("self.set()")) == {"a"}
    assert asked(text.format("if unknown(): self.set()")) == set()
    assert asked(text.format("if has('x'): self.set()")) == {"a if has:x", "b if !has:x"}
    assert asked(text.format("setattr(self, 'flag', True)")) == {"a"}
    assert asked(text.format("setattr(self, name, True)")) == set()
    assert asked(text.format("self.flag += 1")) == set()


def test_properties_and_methods_of_bases_are_read() -> None:
    text = """
        class Base:
            @property
            def flag(self):
                return has("x")
            def go(self):
                if self.flag:
                    import a
        class A(Base):
            def go(self):
                super().go()
        A().go()
    """
    assert asked(text) == {"a if has:x"}


def test_a_data_class_works_after_it_is_made() -> None:
    assert asked(
        "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\n    def __post_init__(self):\n        import a\nA(x=1)"
    ) == {"a"}


def test_class_bodies_run_where_they_stand() -> None:
    assert asked("class A:\n    import a\n    if has('x'):\n        import b") == {"a", "b if has:x"}


# annotations


def test_annotations_are_evaluated_up_to_python_3_13() -> None:
    text = "import a\ndef f(x: a.B, *y: a.C, z: 'a.Quoted' = 1) -> a.D: ...\nw: a.E = 1\ndef g():\n    v: a.Local = 1\ng()"
    assert asked(text) == {"a", *(f"a:{name} if py<3.14" for name in "BCDE")}


def test_annotations_of_the_future_are_not() -> None:
    found = needs("from __future__ import annotations\nimport a\ndef f(x: a.B = a.C) -> a.D: ...\nw: a.E = 1")
    assert found == {"a", "a:C"}


# attributes


def test_attributes_of_foreign_modules_are_needs() -> None:
    assert asked("import a.b, c as d\na.b.x.y\nz = d.e\nd.__version__\nd.__name__") == {"a.b", "a:b.x.y", "c", "c:e"}
    assert asked("from a import b\nclass C(b.D):\n    x = b.E") == {"a:b", "a:b.D", "a:b.E"}
    assert asked("import a\ntry:\n    a.x\nexcept AttributeError:\n    import b") == {"a", "b if !offers:a:x"}
    assert asked("import a\nif hasattr(a, 'x'):\n    a.x") == {"a", "a:x if offers:a:x"}
    assert asked("import a\nhas('b') and a.x") == {"a", "a:x if has:b"}
    assert asked("import a\ny = a.x if has('b') else a.z") == {"a", "a:x if has:b", "a:z if !has:b"}


def test_special_names_are_asked_of_nobody() -> None:
    assert asked("from a import __version__") == {"a"}
    assert asked("try:\n    from a import __version__\n    ok = True\nexcept ImportError:\n    ok = False\nif ok:\n    import b") == {
        "b if has:a"
    }


def test_python_itself_is_no_need() -> None:
    assert (
        asked("import os, json.decoder\nfrom collections import OrderedDict\nfrom typing_extensions import Self\nos.nothing_of_this_name")
        == set()
    )


# what was bound before a failure


def test_what_a_protected_block_bound_before_it_failed_is_not_known() -> None:
    head = "ok = False\ntry:\n    {}\nexcept ImportError:\n    pass\nif not ok:\n    import c"
    assert asked(head.format("import a\n    ok = True")) == {"c if !has:a"}
    assert asked(head.format("ok = True\n    import a")) == set()
    assert asked(head.format("f()\n    ok = True").replace("ok = False", "def f():\n    import a\nok = False")) == {"c if !has:a"}


def test_foreign_calls_may_raise_what_a_handler_waits_for() -> None:
    head = "import t\ntry:\n    {}\n    ok = True\nexcept {}:\n    ok = False\nif ok:\n    import b\nelse:\n    import c\nimport d"
    assert asked(head.format("t.setup()", "RuntimeError")) == {"t", "t:setup", "d"}
    assert asked(head.format("import a; a.setup()", "Exception")) == {"t", "c if !has:a|!offers:a:setup", "d"}
    assert asked(head.format("import warnings; warnings.warn('x')", "Exception")) == {"t", "b", "d"}
    assert asked(head.format("t.setup()", "ImportError")) == {"t", "t:setup", "b", "d"}


def test_a_handler_that_raises_on_something_unforeseen_ends_the_run() -> None:
    head = "import t\ndef f():\n    try:\n        t.setup()\n    except RuntimeError as error:\n        {}\n    import b\nf()"
    assert asked(head.format("raise ValueError from error")) == {"t", "t:setup", "b"}
    assert asked(head.format("return None")) == {"t", "t:setup"}
