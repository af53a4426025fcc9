"""Configuration files of training programs say what a script would say; each kind is told by its keys."""

from __future__ import annotations

import os

import pytest

from envdoctor.facts.training_files import read, recognises
from envdoctor.memory.stated import stated
from envdoctor.model.errors import InputError
from envdoctor.model.script import Call, Script
from envdoctor.script import configs, facts_of
from envdoctor.script.configs import trl

AXOLOTL = """
base_model: Qwen/Qwen2.5-7B-Instruct
load_in_4bit: true
adapter: qlora
lora_r: 32
lora_target_linear: true
datasets:
  - path: tatsu-lab/alpaca
sequence_len: 4096
sample_packing: true
micro_batch_size: 2
optimizer: paged_adamw_8bit
learning_rate: 2e-4
bf16: true
attn_implementation: flash_attention_2
"""
LLAMAFACTORY = """
model_name_or_path: Qwen/Qwen2.5-7B-Instruct
stage: sft
finetuning_type: lora
lora_rank: 16
lora_target: q_proj, v_proj
quantization_bit: 4
template: qwen
cutoff_len: 2048
output_dir: out
per_device_train_batch_size: 2
bf16: true
flash_attn: fa2
packing: true
"""
TRL = """
model_name_or_path: Qwen/Qwen2.5-7B-Instruct
dataset_name: trl-lib/Capybara
output_dir: out
use_peft: true
dtype: bfloat16
packing: true
max_length: 2048
per_device_train_batch_size: 4
learning_rate: 2e-4
env:
  WANDB_PROJECT: mine
"""
ACCELERATE = """
compute_environment: LOCAL_MACHINE
distributed_type: DEEPSPEED
deepspeed_config:
  zero_stage: 3
  offload_optimizer_device: cpu
fp16: false
num_processes: 8
"""
DEEPSPEED = '{"zero_optimization": {"stage": 3, "offload_param": {"device": "cpu"}}, "bf16": {"enabled": "auto"}}'


def one(script: Script, target: str) -> Call:
    found = [call for call in script.calls if call.target == target]
    assert len(found) == 1, [call.target for call in script.calls]
    return found[0]


def values(call: Call) -> dict[str, object]:
    return {argument.name: argument.value for argument in call.arguments if argument.literal}


@pytest.mark.parametrize(
    ("text", "kind"),
    [(AXOLOTL, "axolotl"), (LLAMAFACTORY, "LLaMA-Factory"), (TRL, "trl"), (ACCELERATE, "accelerate"), (DEEPSPEED, "DeepSpeed")],
)
def test_a_kind_is_told_by_its_keys(text: str, kind: str) -> None:
    from envdoctor.formats._settings import first_keys

    assert recognises(text)
    assert configs.recognise(first_keys(text)) == kind


def test_a_model_and_its_data_are_enough_for_trl() -> None:
    assert recognises("model_name_or_path: Qwen/Qwen2.5-0.5B\ndataset_name: stanfordnlp/imdb\n")


@pytest.mark.parametrize(
    "text",
    [
        "name: ci\non: push\njobs:\n  test:\n    runs-on: x\n",
        "channels: [conda-forge]\ndependencies:\n  - python=3.11\n  - pip:\n    - torch\n",
        '{"model_type": "qwen2", "hidden_size": 3584, "torch_dtype": "bfloat16"}',
        '{"schema": 1, "distributions": []}',
        "version: '3'\nservices: {}\n",
        "",
        "just a text",
    ],
)
def test_other_yaml_and_json_are_no_training_configurations(text: str) -> None:
    assert not recognises(text)


def test_the_table_of_kinds_is_the_folder() -> None:
    folder = os.path.dirname(configs.__file__)
    modules = {name[:-3] for name in os.listdir(folder) if name.endswith(".py") and not name.startswith("__")}
    assert set(configs.KINDS.values()) == modules - {"drafts"}


def test_axolotl_says_what_is_trained_and_how() -> None:
    script = read(AXOLOTL, "train.yaml")
    assert facts_of(script) == {
        "model.name": "Qwen/Qwen2.5-7B-Instruct",
        "training.attention": "flash_attention_2",
        "training.dtype": "bf16",
        "training.method": "qlora",
        "training.optimizer": "paged_adamw_8bit",
    }
    said, _ = stated(script)
    assert {name: said.get(name) for name in ("model", "method", "rank", "targets", "batch", "seq", "optimizer")} == {
        "model": "Qwen/Qwen2.5-7B-Instruct", "method": "qlora", "rank": 32, "targets": "all-linear", "batch": 2, "seq": 4096,
        "optimizer": "paged_adamw_8bit",
    }  # fmt: skip
    assert one(script, "transformers.TrainingArguments").argument("learning_rate").value == 2e-4  # type: ignore[union-attr]
    assert all(call.guarded for call in script.calls)


@pytest.mark.parametrize("line", ["bf16: auto", "bf16: full", ""])
def test_axolotl_leaves_open_what_only_the_card_decides(line: str) -> None:
    assert "training.dtype" not in facts_of(read(AXOLOTL.replace("bf16: true", line), "train.yaml"))


def test_llamafactory_says_what_is_trained_and_how() -> None:
    script = read(LLAMAFACTORY, "train.yaml")
    assert facts_of(script) == {
        "model.name": "Qwen/Qwen2.5-7B-Instruct",
        "training.dtype": "bf16",
        "training.method": "qlora",
    }  # and not the attention: fa2 is passed over where flash-attn is missing
    said, _ = stated(script)
    assert (said["rank"], said["targets"], said["batch"], said["seq"], said["checkpointing"]) == (16, "q_proj,v_proj", 2, 2048, True)
    keys = one(script, "llamafactory.hparams.get_train_args")
    assert keys.keys is not None
    assert keys.keys.package == "llamafactory"
    assert keys.argument("packing") is not None
    assert one(script, "transformers.TrainingArguments").argument("packing") is None  # it is not trl's


def test_what_llamafactory_trains_in_a_way_of_its_own_is_left_open() -> None:
    script = read(LLAMAFACTORY.replace("finetuning_type: lora", "finetuning_type: full\nuse_galore: true"), "train.yaml")
    assert "training.method" not in facts_of(script)
    assert "method" not in stated(script)[0]


def test_trl_says_what_is_trained_and_how() -> None:
    script = read(TRL, "any.yaml")
    keys = one(script, "trl.SFTConfig")
    assert keys.keys is not None
    assert keys.keys.classes[0] == "trl.SFTConfig"
    assert values(keys)["learning_rate"] == 2e-4  # the parser turns the text of YAML 1.1 into a number
    assert facts_of(script)["training.method"] == "lora"
    assert stated(script)[0]["rank"] == 16  # as ModelConfig has it
    assert values(one(script, "os.environ")) == {"WANDB_PROJECT": "mine"}
    place = keys.argument("max_length").location  # type: ignore[union-attr]
    assert (place.path, place.line, place.column) == ("any.yaml", 8, 1)


@pytest.mark.parametrize(
    ("path", "more", "config"),
    [
        ("dpo.yaml", "", "trl.DPOConfig"),
        ("recipes/dpo/config.yaml", "", "trl.DPOConfig"),
        ("dpo.yaml", "rloo_k: 2", "trl.RLOOConfig"),  # what stands in a file counts more than its name
        ("config.yaml", "desirable_weight: 1.0", "trl.KTOConfig"),
        ("config.yaml", "", "transformers.TrainingArguments"),
        ("config.yaml", "packing: true\nrloo_k: 2", "transformers.TrainingArguments"),
    ],
)
def test_the_command_is_told_by_keys_of_its_own_and_then_by_the_path(path: str, more: str, config: str) -> None:
    text = f"model_name_or_path: a/b\noutput_dir: out\n{more}\n"
    assert next(call.target for call in read(text, path).calls if call.keys is not None) == config


def test_the_marks_of_trl_are_each_commands_own() -> None:
    from envdoctor.engine.calls_surface import Surface
    from envdoctor.knowledge.atlas.load import open_atlas
    from envdoctor.knowledge.spellings import open_spellings
    from tests.conftest import snapshot

    atlas = open_atlas()
    assert atlas is not None
    patient = snapshot({"trl": "1.16.0", "transformers": "5.23.0"})
    surface = Surface(atlas.beside(patient.distributions, True), patient.distributions, open_spellings())
    members = surface.members("trl")
    ever = {
        command: {
            item.partition("=")[0]
            for subject in members.subjects("takes", f"{command}Config")
            if "experimental" not in subject
            for item in members.items("takes", subject)
        }
        for command in trl.COMMANDS
    }
    for command, marks in trl.MARKS.items():
        assert set(marks) <= ever[command], command
        for other in set(trl.COMMANDS) - {command}:
            assert set(marks).isdisjoint(ever[other]), (command, other)


def test_accelerate_says_how_many_processes_start_and_how_deepspeed_shards() -> None:
    script = read(ACCELERATE, "launch.yaml")
    assert facts_of(script) == {"training.world_size": 8, "training.launcher": "accelerate"}
    keys = one(script, "accelerate.commands.config.config_args.ClusterConfig")
    assert keys.argument("fp16") is None  # every release still takes it, and turns it into mixed_precision
    assert values(one(script, "deepspeed.initialize")) == {
        "zero_optimization.stage": 3, "zero_optimization.offload_optimizer.device": "cpu",
    }  # fmt: skip


def test_deepspeed_joins_the_keys_of_all_levels() -> None:
    call = one(read(DEEPSPEED, "ds.json"), "deepspeed.initialize")
    assert values(call) == {"zero_optimization.stage": 3, "zero_optimization.offload_param.device": "cpu", "bf16.enabled": "auto"}


def test_what_is_no_kind_is_told_which_there_are() -> None:
    with pytest.raises(InputError, match=r"axolotl, accelerate, DeepSpeed, LLaMA-Factory, trl"):
        read("a: 1\n", "x.yaml")
