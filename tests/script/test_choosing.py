"""Values that hang on whether a module can be imported, and which of them counts beside an environment."""

from __future__ import annotations

from typing import Any

import pytest

from envdoctor.engine.conditions import decided
from envdoctor.model.exchange import from_mapping, to_mapping
from envdoctor.model.script import Argument
from envdoctor.script import read
from tests.conftest import snapshot

CALL = "from transformers import AutoModelForCausalLM\n{}\nAutoModelForCausalLM.from_pretrained('x', attn_implementation={})"


def argument(text: str, value: str = "kind") -> Argument:
    (call,) = (call for call in read(CALL.format(text, value), "train.py").calls if call.target.endswith("from_pretrained"))
    found = call.argument("attn_implementation")
    assert found is not None
    return found


@pytest.mark.parametrize(
    "text",
    [
        "kind = 'eager'\ntry:\n    import flash_attn\n    kind = 'fa2'\nexcept ImportError:\n    print('none')",
        "try:\n    import flash_attn\n    kind = 'fa2'\nexcept ImportError:\n    kind = 'eager'",
        "try:\n    from flash_attn import flash_attn_func\nexcept ImportError:\n    kind = 'eager'\nelse:\n    kind = 'fa2'",
        "from transformers.utils import is_flash_attn_2_available\nif is_flash_attn_2_available():\n    kind = 'fa2'\nelse:\n    kind = 'eager'",
        "import transformers\nkind = 'eager'\nif transformers.utils.is_flash_attn_2_available():\n    kind = 'fa2'",
        "import importlib.util\nif not importlib.util.find_spec('flash_attn') is not None:\n    kind = 'eager'\nelse:\n    kind = 'fa2'",
        "def load():\n    pass\nA, B = 'fa2', 'eager'\ntry:\n    import flash_attn\n    kind = A\nexcept:\n    kind = B",
    ],
)
def test_both_values_are_seen_with_the_module_that_decides(text: str) -> None:
    found = argument(text)
    assert not found.literal
    assert found.choices == (("fa2", "flash_attn"), ("eager", ""))


def test_a_conditional_expression_is_a_choice_too() -> None:
    found = argument(
        "from transformers.utils import is_flash_attn_2_available as asked", "'fa2' if is_flash_attn_2_available() else 'sdpa'"
    )
    assert found.choices == (("fa2", "flash_attn"), ("sdpa", ""))


@pytest.mark.parametrize(
    "text",
    [
        "kind = 'a'\nif anything():\n    kind = 'b'",
        "kind = 'a'\ntry:\n    kind = read()\nexcept ImportError:\n    pass",
        "try:\n    import flash_attn, xformers\n    import apex\n    kind = 'b'\nexcept ImportError:\n    kind = 'a'",
        "try:\n    import flash_attn\n    kind = 'b'\nexcept ValueError:\n    kind = 'a'",
        "try:\n    import flash_attn\n    kind = 'b'\nexcept ImportError:\n    kind = 'a'\nkind = 'c'",
        "for kind in ('a', 'b'):\n    pass",
        "import sys\nkind = sys.argv[1]",
    ],
)
def test_what_is_not_clear_is_no_choice(text: str) -> None:
    found = argument(text)
    assert not found.literal and not found.choices


@pytest.mark.parametrize(
    ("versions", "complete", "value"),
    [({"flash-attn": "2.8.3"}, True, "fa2"), ({"torch": "2.13.0"}, True, "eager"), ({"torch": "2.13.0"}, False, None)],
)
def test_the_environment_decides(versions: dict[str, str], complete: bool, value: Any) -> None:
    chosen = argument("try:\n    import flash_attn\n    kind = 'fa2'\nexcept ImportError:\n    kind = 'eager'")
    found = decided(chosen, snapshot(versions, {"environment.complete": complete}))
    assert found is not None and (found.value, found.literal) == (value, value is not None)


def test_a_saved_snapshot_keeps_the_choices() -> None:
    script = read(CALL.format("kind = 'a'\ntry:\n    import flash_attn\n    kind = 'b'\nexcept ImportError:\n    pass", "kind"), "train.py")
    saved = snapshot({"torch": "2.13.0"}).replace(script=script)
    assert from_mapping(to_mapping(saved), "box.json").script == script
