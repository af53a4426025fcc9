"""The scripts of the recorded patients are read, and what they settle agrees with what is recorded beside them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from envdoctor.script import facts_of, read

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PATIENTS = Path(__file__).parents[2] / "fixtures" / "patients"
SCRIPTS = sorted(PATIENTS.glob("*/*/train.py"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.parent.relative_to(PATIENTS)))
def test_a_patients_script_agrees_with_its_environment(path: Path) -> None:
    script = read(path.read_text(encoding="utf-8"), "train.py")
    recorded = tomllib.loads((path.parent / "env.toml").read_text(encoding="utf-8")).get("facts", {})
    told = facts_of(script)
    assert script.calls
    assert {name: value for name, value in told.items() if name in recorded} == {name: recorded[name] for name in told if name in recorded}
    assert told["model.name"] == recorded["model.name"]


def test_the_tutorial_sets_its_cache_variables_in_the_script() -> None:
    script = read((PATIENTS / "004-gpt-oss-120b-h200" / "2-tutorial-today" / "train.py").read_text(encoding="utf-8"), "train.py")
    names = {argument.name for call in script.calls if call.target == "os.environ" for argument in call.arguments}
    assert {"TRANSFORMERS_CACHE", "HF_HOME", "PYTORCH_CUDA_ALLOC_CONF"} <= names
