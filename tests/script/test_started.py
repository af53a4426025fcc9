"""Variables that are set when what reads them has read them already."""

from __future__ import annotations

import pytest

from envdoctor.script import read
from envdoctor.script.started import AGAIN, LATE

LOAD = "model = AutoModelForCausalLM.from_pretrained('a/b', device_map='auto')"
TRAIN = "trainer = Trainer(model)\ntrainer.train()"
SET = 'os.environ["HF_HOME"] = "/data"'


def late(text: str) -> dict[str, object]:
    calls = [call for call in read(f"import os\n{text}", "train.py").calls if call.target == LATE]
    return {argument.name: argument.value for call in calls for argument in call.arguments}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"import transformers\n{SET}", {"HF_HOME": "transformers"}),
        (f"from peft.tuners import lora\n{SET}", {"HF_HOME": "peft"}),
        ("import datasets\nos.environ.update(HF_DATASETS_CACHE='/a', X='1')", {"HF_DATASETS_CACHE": "datasets"}),
        ("import torch\nif __name__ == '__main__':\n    torch.cuda.init()\n    os.environ['PYTORCH_CUDA_ALLOC_CONF'] = 'a'",
         {"PYTORCH_CUDA_ALLOC_CONF": "torch.cuda.init"}),
        (f"{SET}\nimport transformers", {}),
        (f"import transformers\ndef later():\n    {SET}", {}),
        (f"def later():\n    import transformers\n{SET}", {}),
        (f"if wanted:\n    import transformers\n{SET}", {}),
        (f"try:\n    import transformers\nexcept ImportError:\n    {SET}", {}),
        (f"import trl, accelerate\n{SET}", {}),
        ("import transformers\nos.environ['HF_TOKEN'] = 'x'", {}),
    ],
)  # fmt: skip
def test_only_what_certainly_ran_before_makes_it_late(text: str, told: dict[str, object]) -> None:
    assert late(text) == told


@pytest.mark.parametrize(
    ("parts", "again"),
    [
        ((LOAD, TRAIN, LOAD), True),
        (("if __name__ == '__main__':\n    " + "\n    ".join([LOAD, *TRAIN.split("\n"), LOAD]),), True),
        ((LOAD, LOAD, TRAIN), False),
        ((LOAD, TRAIN, "del model, trainer", LOAD), False),
        ((LOAD, TRAIN, "model = trainer = None", LOAD), False),
        ((LOAD, TRAIN, LOAD.replace("a/b", "c/d")), False),
        ((LOAD, TRAIN, f"if wanted:\n    {LOAD}"), True),
        ((f"if wanted:\n    {LOAD}", TRAIN, LOAD), False),
        ((LOAD, TRAIN, f"def merge():\n    {LOAD}"), False),
    ],
)
def test_a_model_is_loaded_again_only_where_the_first_is_held(parts: tuple[str, ...], again: bool) -> None:
    text = "from transformers import AutoModelForCausalLM, Trainer\n" + "\n".join(parts)
    assert any(call.target.endswith(f".{AGAIN}") for call in read(text, "train.py").calls) is again
