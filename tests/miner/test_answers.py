"""When helpers answer yes: what other packages build their conditions on."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.miner.small import mined

HEAD = "import importlib.metadata, importlib.util\nfrom packaging import version\ndef has(name):\n    return importlib.util.find_spec(name) is not None\n"


def answers(text: str, name: str = "is_it", module: str = "demo.utils.import_utils") -> set[str]:
    files = {
        "demo/__init__.py": "",
        "demo/utils/__init__.py": "from .import_utils import is_it",
        "demo/utils/import_utils.py": HEAD + dedent(text),
    }
    return set(mined(files).sections.get("answers", {}).get(f"{module}:{name}", ()))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("def is_it(): return has('a')", "has:a"),
        ("_a = has('a')\ndef is_it(): return _a", "has:a"),
        ("def is_it():\n    if not has('a'):\n        return False\n    return has('b')", "has:a&has:b"),
        (
            "def is_it(minimum='0.1'): return has('a') and version.parse(importlib.metadata.version('a')) >= version.parse(minimum)",
            "a>=0.1&has:a",
        ),
        ("from functools import lru_cache\n@lru_cache\ndef is_it(): return has('a')", "has:a"),
        ("import torch\ndef is_it(): return torch.cuda.is_available()", "gpu"),
        ("from accelerate.utils import is_xpu\ndef is_it(): return is_xpu() and has('a')", "call:accelerate.utils:is_xpu:&has:a"),
        ("def is_it():\n    try:\n        import a\n        return True\n    except Exception:\n        return False", "has:a"),
        ("def is_it(): pass", "false"),
    ],
)
def test_helpers_without_arguments(text: str, wanted: str) -> None:
    assert answers(text) == {f"() => {wanted}"}


@pytest.mark.parametrize(
    "text",
    [
        "def is_it(): return unknown()",
        "def is_it(): return has('a') and unknown()",  # neither yes nor no is known where a is there
        "def is_it(): return is_it()",
        "def is_it(one, two): return True",
        "def is_it(*names): return True",
        "def is_it(*, name): return True",
        "async def is_it(): return True",
        "def is_it():\n    yield True",
        "@wrapped\ndef is_it(): return True",
        "is_it = True",
        "class C:\n    def check(self): return True\nis_it = C().check",
        "def is_it():\n    try:\n        import a\n        a.setup()\n    except RuntimeError:\n        return False\n    return True",
        "import subprocess\ndef is_it():\n    try:\n        subprocess.check_output('ninja')\n    except Exception:\n        return False\n    return True",
    ],
)
def test_what_a_helper_answers_that_cannot_be_known(text: str) -> None:
    assert answers(text) == set()


def test_an_argument_stands_as_itself() -> None:
    assert answers("def is_it(name): return has(name)") == {"$1 => has:$1"}
    assert answers("def is_it(name): return importlib.metadata.version(name.replace('_', '-')) >= '1'") == {"$1 => $1>=1"}
    assert answers("def is_it(name): return has(f'{name}.sub')") == {"$1 => has:$1.sub"}


def test_switches_are_told_each() -> None:
    text = "def is_it(strict=False, *, other=True):\n    if strict:\n        return has('a')\n    return other"
    assert answers(text) == {"() => true", "strict=True => has:a", "other=False => false"}


def test_an_answer_in_a_tuple_is_always_true_and_its_first_field_is_the_answer() -> None:
    """transformers 5.3: `_is_package_available(name)` answers a tuple, and who takes it for the answer gets yes."""
    text = "def is_it(name, return_version=False):\n    found = has(name)\n    return found, '1'"
    assert answers(text) == {"$1 => true", "$1#0 => has:$1", "$1,return_version=True => true", "$1,return_version=True#0 => has:$1"}
    text = "def is_it(name, return_version=False):\n    found = has(name)\n    return (found, '1') if return_version else found"
    assert answers(text) == {"$1 => has:$1", "$1,return_version=True => true", "$1,return_version=True#0 => has:$1"}


def test_texts_that_an_argument_is_compared_with_are_told_by_themselves() -> None:
    text = """
        NAMES = {"sklearn": "scikit_learn"}
        def is_it(name):
            if name == "never" or name in ("no", "nay"):
                return False
            if name == "odd":
                return unknown()
            return has(NAMES.get(name, name))
    """
    assert answers(text) == {"$1 => has:$1", "never => false", "no => false", "nay => false", "odd => ?", "sklearn => has:scikit_learn"}


@pytest.mark.parametrize(
    "test", ["name.startswith('a')", "name < 'b'", "name.replace('-', '_') == 'a'", "'a' in name", "name in unknown()", "name[0] == 'a'"]
)
def test_what_else_is_asked_of_an_argument_is_not_known(test: str) -> None:
    assert answers(f"def is_it(name):\n    if {test}:\n        return False\n    return has(name)") == set()


def test_too_many_special_texts_leave_the_helper_unknown() -> None:
    assert (
        answers(
            f"NAMES = {{f: f for f in ()}}\nNAMES = {dict.fromkeys(map(str, range(50)), 'x')}\ndef is_it(name): return has(NAMES.get(name, name))"
        )
        == set()
    )


def test_helpers_are_told_where_they_are_exported_too() -> None:
    text = "def is_it(): return has('a')"
    assert answers(text, module="demo.utils") == {"() => has:a"}
    assert answers(text, module="demo") == set()


def test_only_helpers_of_the_usual_homes_are_told() -> None:
    found = mined(
        {
            "demo/__init__.py": "def is_it(): return True",
            "demo/models.py": "def is_it(): return True",
            "demo/utils.py": "def has_it(): return True",
        }
    )
    assert "answers" not in found.sections
