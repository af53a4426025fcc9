"""Arms of an `if` that a switch of the script leaves out: nobody runs them as the script stands."""

from __future__ import annotations

import pytest

from envdoctor.script import read

HEAD = "from trl import SFTConfig, DPOConfig\n"


@pytest.mark.parametrize(
    ("before", "test", "left"),
    [
        ("", "True", ["trl.SFTConfig"]),
        ("use = False", "use", ["trl.DPOConfig"]),
        ("use = True", "use", ["trl.SFTConfig"]),
        ("use = True", "not use", ["trl.DPOConfig"]),
        ("use = None", "use", ["trl.DPOConfig"]),
        ("use = ask()", "use", ["trl.SFTConfig", "trl.DPOConfig"]),
        ("use = False\nif x:\n    use = True", "use", ["trl.SFTConfig", "trl.DPOConfig"]),
        ("use = False", "use or x", ["trl.SFTConfig", "trl.DPOConfig"]),
        ("try:\n    import unsloth\n    use = True\nexcept ImportError:\n    use = False", "use", ["trl.SFTConfig", "trl.DPOConfig"]),
    ],
)
def test_only_what_may_run_is_read(before: str, test: str, left: list[str]) -> None:
    script = read(f"{HEAD}{before}\nif {test}:\n    SFTConfig()\nelse:\n    DPOConfig()\n", "train.py")
    assert [call.target for call in script.calls if call.target.startswith("trl.")] == left


def test_a_parameter_is_no_switch() -> None:
    script = read(f"{HEAD}def train(use=False):\n    if use:\n        SFTConfig()\n", "train.py")
    assert [call.target for call in script.calls] == ["trl.SFTConfig"]


def test_a_switch_that_a_function_turns_is_open() -> None:
    script = read(f"{HEAD}use = False\ndef turn():\n    global use\n    use = True\nturn()\nif use:\n    SFTConfig()\n", "train.py")
    assert [call.target for call in script.calls] == ["trl.SFTConfig"]
