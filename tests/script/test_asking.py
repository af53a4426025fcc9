"""What a script asks for before it calls, and what it catches: such calls are marked, so that nobody judges them."""

from __future__ import annotations

import textwrap

import pytest

from envdoctor.model.exchange import from_mapping, to_mapping
from envdoctor.script import read
from tests.conftest import snapshot

OLD = "SFTConfig(max_seq_length=1)"
HEAD = "import inspect, trl\nfrom packaging import version\nfrom trl import SFTConfig\n"


def guarded(body: str) -> list[bool]:
    script = read(HEAD + textwrap.dedent(body), "train.py")
    return [call.guarded for call in script.calls if call.target == "trl.SFTConfig"]


@pytest.mark.parametrize(
    "body",
    [
        f"if version.parse(trl.__version__) < version.parse('0.20'):\n    c = {OLD}",
        f"NEW = version.parse(trl.__version__) >= version.parse('0.20')\nif not NEW:\n    c = {OLD}",
        f"if 'max_seq_length' in inspect.signature(SFTConfig).parameters:\n    c = {OLD}",
        f"if 'max_seq_length' in SFTConfig.__dataclass_fields__:\n    c = {OLD}",
        f"def is_new():\n    return trl.__version__ > '1'\nif not is_new():\n    c = {OLD}",
        f"def make():\n    if trl.__version__ > '1':\n        return None\n    return {OLD}",
        f"c = {OLD} if trl.__version__ < '1' else None",
        f"if getattr(trl, 'SFTConfig', None):\n    c = {OLD}",
        f"from mine import is_trl_ge_1\nif not is_trl_ge_1:\n    c = {OLD}",
        f"try:\n    c = {OLD}\nexcept TypeError:\n    c = None",
        f"try:\n    c = {OLD}\nexcept Exception:\n    c = make(max_length=1)",
    ],
)
def test_a_call_behind_a_look_at_the_library_is_guarded(body: str) -> None:
    assert guarded(body) == [True]


@pytest.mark.parametrize(
    "body",
    [
        f"c = {OLD}",
        f"if debug:\n    c = {OLD}",
        f"if getattr(config, 'packing', False):\n    c = {OLD}",
        f"n = sum(p.numel() for p in model.parameters())\nif n:\n    c = {OLD}",
        f"def make(model):\n    if getattr(model.config, 'quantization_config', None):\n        raise ValueError\n    return {OLD}",
        f"if torch.cuda.is_available():\n    c = {OLD}",
        f"try:\n    c = {OLD}\nexcept Exception as error:\n    print(error)",
        f"try:\n    c = {OLD}\nexcept KeyboardInterrupt:\n    pass",
        f"def make():\n    if debug:\n        return None\n    return {OLD}",
    ],
)
def test_any_other_call_is_not(body: str) -> None:
    assert guarded(body) == [False]


def test_an_import_behind_a_version_is_guarded() -> None:
    script = read("import trl\nif trl.__version__ < '1':\n    from trl import PPOTrainer\nfrom trl import SFTTrainer\n", "train.py")
    assert {one.name: one.guarded for one in script.imports} == {"trl": False, "trl.PPOTrainer": True, "trl.SFTTrainer": False}


def test_every_imported_name_has_its_own_place() -> None:
    script = read("from trl import (\n    SFTConfig,\n    SFTTrainer as T,\n)\n", "train.py")
    assert [(one.name, one.location.line, one.location.column) for one in script.imports] == [
        ("trl.SFTConfig", 2, 5),
        ("trl.SFTTrainer", 3, 5),
    ]


def test_what_is_guarded_stays_so_in_a_saved_snapshot() -> None:
    script = read(
        "import trl\nif trl.__version__ < '1':\n    from trl import PPOConfig\n    PPOConfig(steps=1)\ntrl.SFTConfig()\n", "train.py"
    )
    patient = snapshot({"trl": "1.16.0"}).replace(script=script)
    assert from_mapping(to_mapping(patient), "box.json").script == script
    assert [call.guarded for call in script.calls] == [True, False]
