"""Paths of a release to the modules it holds."""

from __future__ import annotations

import random

from envdoctor.miner.modules import absolute, find_modules


def test_paths_become_modules_and_folders_packages() -> None:
    found = find_modules(["demo/__init__.py", "demo/core.py", "demo/deep/inner.py", "top.py"])
    assert found.texts == {
        "demo": "demo/__init__.py",
        "demo.core": "demo/core.py",
        "demo.deep.inner": "demo/deep/inner.py",
        "top": "top.py",
    }
    assert found.packages == {"demo", "demo.deep"}  # a folder without __init__.py is a package too
    assert found.all == {"demo", "demo.core", "demo.deep", "demo.deep.inner", "top"}
    assert found.tops == ("demo", "top")


def test_native_libraries_are_modules_by_their_first_word_and_shared_ones_are_not() -> None:
    found = find_modules(
        ["demo/_C.cpython-311-x86_64-linux-gnu.so", "demo/fast.pyd", "demo/mac.abi3.dylib", "demo/libtorch.so", "demo/lib/libcudart.so.12"]
    )
    assert found.native == {"demo._C", "demo.fast", "demo.mac"}
    assert found.all == {"demo", "demo._C", "demo.fast", "demo.mac"}


def test_stubs_are_kept_apart_and_make_no_module() -> None:
    found = find_modules(["demo/__init__.py", "demo/_C.pyi", "demo/_C/__init__.pyi"])
    assert found.stubs == {"demo._C": "demo/_C/__init__.pyi"}
    assert "demo._C" not in found.texts


def test_what_is_beside_the_packages_is_left_out() -> None:
    found = find_modules(
        [
            "demo-1.0.dist-info/METADATA",
            "demo-1.0.dist-info/licenses/x.py",
            "demo.libs/x.py",
            "demo-1.0.data/scripts/run.py",
            "tests/test_demo.py",
            "examples/one.py",
            "docs/conf.py",
            "not-a-name/mod.py",
            "demo/2fast.py",
            "demo/core.py",
        ]
    )
    assert found.all == {"demo", "demo.core"}


def test_a_top_level_module_may_be_called_tests_dot_py() -> None:
    assert find_modules(["tests.py"]).all == {"tests"}


def test_tests_deep_inside_are_left_out() -> None:
    assert find_modules(["demo/__init__.py", "demo/tests/test_a.py", "demo/core/tests/__init__.py", "demo/testing.py"]).all == {
        "demo",
        "demo.testing",
    }


def test_an_application_that_comes_along_is_left_out() -> None:
    assert find_modules(["unsloth/__init__.py", "studio/backend/main.py"]).all == {"unsloth"}


def test_the_order_of_paths_does_not_matter() -> None:
    paths = ["a/__init__.py", "a/b.py", "a/b/__init__.py", "a/c/d/e.py", "a/_x.so", "f.pyi"]
    first = find_modules(paths)
    for seed in range(5):
        random.Random(seed).shuffle(paths)
        assert find_modules(paths).all == first.all
        assert find_modules(paths).packages == first.packages


def test_relative_imports_mean_a_module() -> None:
    assert absolute("a.b.c", False, 1, "d") == "a.b.d"
    assert absolute("a.b.c", True, 1, "d") == "a.b.c.d"
    assert absolute("a.b.c", False, 2, "") == "a"
    assert absolute("a.b", True, 0, "torch.nn") == "torch.nn"
    assert absolute("a.b", False, 2, "x") == ""  # leaves the package
    assert absolute("a.b", True, 3, "x") == ""
