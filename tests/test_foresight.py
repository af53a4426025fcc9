"""What a named run will take of the GPU, as facts: certain where everything is said, unknown with its reason where not, never a guess."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from envdoctor.diagnosis import check
from envdoctor.model.facts import Absent, Fact
from envdoctor.model.finding import CLEAR, Fired, Report
from envdoctor.model.request import Request, Target

BOX = "torch==2.11.0\ntransformers==5.17.0\ntrl==1.16.0\npeft==0.21.0\naccelerate==1.15.0\nbitsandbytes==0.50.2\n"
FULL = """
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments
model = AutoModelForCausalLM.from_pretrained("meta-llama/Llama-3.1-8B")
Trainer(model, TrainingArguments(output_dir="out", bf16=True)).train()
"""
LORA = """
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer
args = SFTConfig(max_length=2048, per_device_train_batch_size=8, gradient_checkpointing=False)
SFTTrainer(model="Qwen/Qwen2.5-0.5B", args=args, peft_config=LoraConfig(r=16, target_modules="all-linear")).train()
"""
QLORA = """
from peft import LoraConfig
from transformers import AutoModelForCausalLM, BitsAndBytesConfig
from trl import SFTConfig, SFTTrainer
four = BitsAndBytesConfig(load_in_4bit=True)
model = AutoModelForCausalLM.from_pretrained("meta-llama/Llama-3.1-8B", quantization_config=four)
SFTTrainer(model, args=SFTConfig(max_length=512), peft_config=LoraConfig()).train()
"""
ERROR, WARNING = "run-does-not-fit-on-gpu", "run-tight-on-gpu"


def judged(tmp_path: Path, script: str = "", gpu: str | None = "24GB", gpus: int | None = None, **asked: Any) -> Report:
    (tmp_path / "box.txt").write_text(BOX)
    if script:
        (tmp_path / "train.py").write_text(script)
        asked["paths"] = (str(tmp_path / "train.py"),)
    request = Request(freeze=str(tmp_path / "box.txt"), target=Target(gpu=gpu, gpus=gpus), select=("run-*",), **asked)
    return check(request, environ={"HF_HUB_CACHE": str(tmp_path / "hub")})


def fired(report: Report) -> set[str]:
    return {rule for rule, outcome in report.outcomes.items() if isinstance(outcome, Fired)}


def why(report: Report, path: str = "run.memory.least") -> str:
    found = report.snapshot.fact(path)
    assert isinstance(found, Absent), found
    return found.detail


def size(report: Report, path: str) -> int:
    found = report.snapshot.fact(path)
    assert isinstance(found, Fact), found
    return int(str(found.value))


def test_a_run_whose_weights_and_states_are_larger_than_the_card_is_an_error(tmp_path: Path) -> None:
    report = judged(tmp_path, FULL)
    assert fired(report) == {ERROR}
    assert size(report, "run.memory.least") == pytest.approx(4 * 2 * 8030261248, rel=0.01)  # weights, gradients, two states, in bf16
    assert report.findings[0].severity == "error"
    assert "meta-llama/Llama-3.1-8B" in report.findings[0].message
    assert fired(judged(tmp_path, FULL, gpu="H100-80GB")) == set()


def test_a_run_that_long_samples_may_break_is_a_warning(tmp_path: Path) -> None:
    report = judged(tmp_path, LORA)
    assert fired(report) == {WARNING}
    assert report.outcomes[ERROR] == CLEAR
    assert fired(judged(tmp_path, LORA.replace("=False", "=True"))) == set()


def test_on_a_large_card_a_generous_bound_is_enough(tmp_path: Path) -> None:
    exact, generous = (judged(tmp_path, LORA, gpu=gpu) for gpu in ("24GB", "H200"))
    assert size(exact, "run.memory.most") < size(generous, "run.memory.most") < 141 << 30
    assert fired(generous) == set()


def test_4_bit_weights_count_as_4_bit(tmp_path: Path) -> None:
    assert 5.0e9 < size(judged(tmp_path, QLORA), "run.memory.least") < 6.5e9
    assert fired(judged(tmp_path, QLORA, gpu="T4")) == set()


def test_mxfp4_weights_count_in_16_bit_where_the_script_turns_them_into_it(tmp_path: Path) -> None:
    script = """
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, Mxfp4Config
from trl import SFTConfig, SFTTrainer
four = Mxfp4Config(dequantize=True)
model = AutoModelForCausalLM.from_pretrained("openai/gpt-oss-20b", attn_implementation="eager", dtype="bfloat16", quantization_config=four)
model = get_peft_model(model, LoraConfig(r=8, target_modules="all-linear"))
SFTTrainer(model=model, args=SFTConfig(max_length=2048, per_device_train_batch_size=4)).train()
"""
    assert fired(judged(tmp_path, script)) == {ERROR}  # 41.8 GB of weights on 24
    assert fired(judged(tmp_path, script, gpu="H100-80GB")) == set()
    kept = script.replace("dequantize=True", "")
    assert fired(judged(tmp_path, kept)) == set()


def test_a_loader_of_its_own_has_its_own_default(tmp_path: Path) -> None:
    own = 'from transformers import AutoModelForCausalLM\nmodel = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-0.5B")\n'
    loaded = own + LORA.replace('model="Qwen/Qwen2.5-0.5B"', "model=model")
    by_trl, by_transformers = (size(judged(tmp_path, script), "run.memory.least") for script in (LORA, loaded))
    assert by_trl > 1.7 * by_transformers  # trl 1.16 loads a model given by name in fp32, transformers 5 in the checkpoint's bf16


def test_the_purpose_names_the_method(tmp_path: Path) -> None:
    given = {"model.name": "meta-llama/Llama-3.1-405B"}
    assert fired(judged(tmp_path, given=given, purpose="full", gpu="H200")) == {ERROR}
    assert fired(judged(tmp_path, given=given, purpose="lora", gpu="H200")) == {ERROR}
    assert fired(judged(tmp_path, given={"model.name": "meta-llama/Llama-3.1-70B"}, purpose="qlora", gpu="H100-80GB")) == set()
    assert why(judged(tmp_path, given=given, purpose="sft", gpu="H200")) == "method of training not known"
    assert why(judged(tmp_path, given=given, purpose="inference", gpu="H200")) == "method of training not known"


def test_a_lora_that_nobody_described_may_have_its_base_in_8_bit(tmp_path: Path) -> None:
    given = {"model.name": "meta-llama/Llama-3.1-70B"}
    vague = judged(tmp_path, given=given, purpose="lora", gpu="H100-80GB")
    assert 70e9 < size(vague, "run.memory.least") < 76e9
    assert fired(judged(tmp_path, given=given | {"training.weights": "bf16"}, purpose="lora", gpu="H100-80GB")) == {ERROR}


@pytest.mark.parametrize(
    ("script", "options", "says"),
    [
        (FULL.replace("bf16=True", 'deepspeed="zero3.json"'), {}, "what deepspeed"),
        (FULL.replace("AutoModelForCausalLM", "AutoModelForSequenceClassification"), {}, "what AutoModelForSequenceClassification"),
        (FULL.replace("bf16=True", "use_cpu=True"), {}, "what use_cpu"),
        (FULL.replace('3.1-8B"', '3.1-8B", num_hidden_layers=2'), {}, "what num_hidden_layers"),
        (FULL + "model.lm_head.requires_grad_(False)\n", {}, "what requires_grad"),
        (FULL.replace('3.1-8B"', '3.1-8B", device_map="auto"'), {}, "device_map='auto'"),
        (FULL, {"gpus": 2}, "how several GPUs share the model not known"),
        (FULL, {"gpu": None}, "GPU not described"),
        (FULL, {"given": {"training.world_size": 4}}, "how several processes share"),
        (FULL.replace("meta-llama/Llama-3.1-8B", "me/own"), {}, "format of the weights not known"),
        (FULL.replace("meta-llama/Llama-3.1-8B", "internlm/internlm2-20b"), {"given": {"model.quantization": "none"}}, "internlm2"),
        (FULL.replace("bf16=True))", "bf16=True), peft_config=lora)"), {}, "method of training not known"),
    ],
)
def test_what_is_not_certain_is_unknown_and_says_why(tmp_path: Path, script: str, options: dict[str, Any], says: str) -> None:
    report = judged(tmp_path, script, **options)
    assert fired(report) == set()
    assert says in why(report) or "shape of the model" in why(report)


def test_a_length_that_nobody_limits_is_unknown(tmp_path: Path) -> None:
    assert "max_length" in why(judged(tmp_path, FULL, gpu="H200"), "run.memory.most")


def test_no_model_loads_nothing_of_the_forecast(tmp_path: Path) -> None:
    import subprocess
    import sys

    (tmp_path / "box.txt").write_text(BOX)
    code = (
        "import sys; from envdoctor.diagnosis import check; from envdoctor.model.request import Request; "
        f"check(Request(freeze={str(tmp_path / 'box.txt')!r})); "
        "print([name for name in sys.modules if name.startswith('envdoctor.memory') or name == 'envdoctor.foresight'])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_the_configuration_on_this_machine_goes_before_the_table(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    sizes = {"hidden_size": 8192, "num_hidden_layers": 80, "num_attention_heads": 64, "vocab_size": 128256, "intermediate_size": 28672}
    (model / "config.json").write_text(json.dumps({"model_type": "llama", "dtype": "float32", **sizes}))
    report = judged(tmp_path, FULL.replace("meta-llama/Llama-3.1-8B", str(model)), gpu="H200")
    assert fired(report) == {ERROR}
    assert "float32" not in report.findings[0].message
    assert str(model) in next(reason.origin for reason in report.findings[0].because if reason.what == "run.memory.least")
