"""Keys of configuration files are judged by all classes that share the file, by the atlas of real releases."""

from __future__ import annotations

import pytest

from envdoctor.engine.calls import Judge
from envdoctor.engine.calls_told import tell
from envdoctor.engine.predicates import Proof
from envdoctor.engine.predicates.deepspeed_disagrees import DEFAULTS, prove
from envdoctor.facts.training_files import read
from envdoctor.knowledge.atlas.load import open_atlas
from envdoctor.knowledge.spellings import open_spellings
from envdoctor.model.finding import Finding
from envdoctor.model.script import Script
from envdoctor.script import read as read_python
from tests.conftest import snapshot

TRL = "model_name_or_path: a/b\ndataset_name: c/d\noutput_dir: out\npacking: true\n"
LLAMAFACTORY = "model_name_or_path: a/b\nstage: sft\ntemplate: qwen\noutput_dir: out\nfinetuning_type: lora\n"
ACCELERATE = "distributed_type: MULTI_GPU\nnum_processes: 2\n"
NEW = {"trl": "1.16.0", "transformers": "5.23.0", "accelerate": "1.15.0", "torch": "2.13.0"}
FACTORY = {"llamafactory": "0.9.5", "transformers": "4.57.1", "trl": "0.24.0", "accelerate": "1.11.0", "torch": "2.9.0"}


def found(text: str, versions: dict[str, str], path: str = "train.yaml") -> list[Finding]:
    patient = snapshot(versions)
    atlas = open_atlas()
    assert atlas is not None
    judge = Judge(patient, atlas.beside(patient.distributions, True), open_spellings())
    return tell(judge.misuses(read(text, path)), judge, patient)


@pytest.mark.parametrize(
    ("text", "versions", "message"),
    [
        (TRL + "max_seq_length: 9", NEW,
         "the configuration gives max_seq_length to trl.SFTConfig, which no longer takes it since trl 0.20.0; write max_length"),
        (TRL + "torch_dtype: auto", NEW,
         "the configuration gives torch_dtype to trl.ModelConfig, which no longer takes it since trl 0.27.0; write dtype"),
        (TRL + "dtype: auto", {**NEW, "trl": "0.20.0", "transformers": "4.55.0"},
         "the configuration gives dtype to trl.ModelConfig, which takes it only from trl 0.23.0 on; write torch_dtype"),
        (TRL + "evaluation_strategy: 'no'", NEW,
         "the configuration gives evaluation_strategy to trl.SFTConfig, which no longer takes it since transformers 4.51.0; "
         "write eval_strategy"),
        (TRL + "max_lenght: 9", NEW,
         "the configuration gives max_lenght to trl.SFTConfig, which takes no such argument in trl 1.16.0; did you mean max_length?"),
        (LLAMAFACTORY + "evaluation_strategy: 'no'", {**FACTORY, "transformers": "4.57.1"},
         "the configuration gives evaluation_strategy to llamafactory.hparams.TrainingArguments, "
         "which no longer takes it since transformers 4.51.0; write eval_strategy"),
        (LLAMAFACTORY + "overwrite_output_dir: true", {**FACTORY, "llamafactory": "0.9.3", "transformers": "5.0.0"},
         "the configuration gives overwrite_output_dir to llamafactory.hparams.TrainingArguments, "
         "which takes it only from llamafactory 0.9.4 on"),
        (ACCELERATE + "ipex_config: {}", NEW,
         "the configuration gives ipex_config to accelerate.commands.config.config_args.ClusterConfig, "
         "which no longer takes it since accelerate 1.13.0"),
        (ACCELERATE + "parallelism_config: {}", {**NEW, "accelerate": "1.9.0"},
         "the configuration gives parallelism_config to accelerate.commands.config.config_args.ClusterConfig, "
         "which takes it only from accelerate 1.10.0 on"),
    ],
)  # fmt: skip
def test_a_key_that_no_class_takes_is_refused(text: str, versions: dict[str, str], message: str) -> None:
    finding = next(iter(found(text, versions)))
    assert finding.message == message
    assert finding.locations[0].line == len(text.splitlines())
    assert not any("envdoctor fix" in remedy.advice for remedy in finding.remedies)  # only scripts are rewritten


@pytest.mark.parametrize(
    ("text", "versions"),
    [
        (TRL + "use_peft: true\nlora_r: 8\nload_in_4bit: true\ndataset_train_split: train\nstreaming: false", NEW),
        (TRL + "num_processes: 2\naccelerate_config: zero2\nenv:\n  A: b", NEW),
        (TRL + "max_seq_length: 9", {**NEW, "trl": "0.17.0", "transformers": "4.51.0"}),  # passes over what it does not know
        (TRL + "max_seq_length: 9", {"transformers": "5.23.0"}),  # nothing is known of trl
        (TRL + "evaluation_strategy: 'no'", {**NEW, "transformers": ""}),
        (LLAMAFACTORY + "evaluation_strategy: 'no'", {"transformers": "5.0.0"}),
        (LLAMAFACTORY + "lora_rank: 8\nquantization_bit: 4\nuse_galore: false\nray_num_workers: 2\nmax_new_tokens: 8", FACTORY),
        (TRL + "chat_template: x\ntorch_dtype: auto", NEW),  # chat_template_path is another matter
        (TRL + "dataset_configs: [a, b]\ntorch_dtype: auto", NEW),  # the plural of dataset_config is somebody's own
        (LLAMAFACTORY + "tensor_model_parallel_size: 4\nsequence_parallel: true", FACTORY),  # keys of mcore_adapter
        (ACCELERATE + "fp16: true\ndynamo_backend: 'NO'", NEW),
    ],
)
def test_nothing_is_said_of_what_some_class_takes_or_may_take(text: str, versions: dict[str, str]) -> None:
    assert found(text, versions) == []


def test_a_file_with_keys_of_somebody_elses_own_is_judged_by_transformers_alone() -> None:
    text = TRL + "system_prompt: hello\ntorch_dtype: auto\nevaluation_strategy: 'no'"
    assert [finding.subject for finding in found(text, NEW)] == ["trl.SFTConfig(evaluation_strategy=)"]


def test_a_key_that_went_may_be_deleted_or_kept_with_an_older_release() -> None:
    (finding,) = found(ACCELERATE + "ipex_config: {}", NEW)
    assert [remedy.advice for remedy in finding.remedies] == ["Delete ipex_config: this accelerate does without it.", ""]
    assert finding.remedies[1].require == {"accelerate": ">=0.19.0,<1.13.0"}


def test_the_defaults_that_are_compared_are_those_of_every_release() -> None:
    atlas = open_atlas()
    assert atlas is not None
    patient = snapshot({"transformers": "5.23.0"})
    members = atlas.beside(patient.distributions, True).members("transformers")
    items = members.items("takes", "transformers:TrainingArguments")
    for name, value in DEFAULTS.items():
        (item,) = [item for item in items if item.startswith(f"{name}=")]
        assert float(item.partition("=")[2].replace("False", "0")) == float(value)


def disagreement(arguments: str, configuration: str) -> str:
    python = read_python(f"from transformers import TrainingArguments\nTrainingArguments('out', deepspeed='ds.json', {arguments})", "a.py")
    deepspeed = read(configuration, "ds.json")
    truth, proof = prove(snapshot({}).replace(script=Script(calls=(*python.calls, *deepspeed.calls), paths=("a.py",))))
    assert isinstance(proof, Proof)
    assert bool(truth) is bool(proof.words)
    return proof.words.get("disagreement", "")


ZERO = '"zero_optimization": {"stage": 2}'


@pytest.mark.parametrize(
    ("arguments", "configuration", "says"),
    [
        ("", '"gradient_accumulation_steps": 1', ""),
        ("", '"gradient_accumulation_steps": 4',
         "gradient_accumulation_steps is 4 there, and the training arguments mean without a word gradient_accumulation_steps=1"),
        ("gradient_accumulation_steps=4", '"gradient_accumulation_steps": 4', ""),
        ("gradient_accumulation_steps=8", '"gradient_accumulation_steps": "auto"', ""),
        ("gradient_accumulation_steps=steps", '"gradient_accumulation_steps": 4', ""),
        ("**more", '"gradient_accumulation_steps": 4', ""),
        ("bf16=True", '"bf16": {"enabled": false}', "bf16.enabled is False there, and the training arguments say bf16=True"),
        ("bf16_full_eval=True", '"bf16": {"enabled": true}', ""),
        ("auto_find_batch_size=True", '"train_micro_batch_size_per_gpu": 4', ""),
        ("warmup_steps=100", '"scheduler": {"params": {"warmup_num_steps": 500}}',
         "scheduler.params.warmup_num_steps is 500 there, and the training arguments say warmup_steps=100"),
        ("", '"scheduler": {"params": {"warmup_num_steps": 1}}', ""),
        ("warmup_ratio=0.1", '"scheduler": {"params": {"warmup_num_steps": 500}}', ""),
        ("warmup_steps=0.1", '"scheduler": {"params": {"warmup_num_steps": 500}}', ""),
        ("per_device_train_batch_size=4", '"train_batch_size": 64', ""),  # on sixteen processes
        ("per_device_train_batch_size=4, gradient_accumulation_steps=4", '"train_batch_size": 8',
         "train_batch_size is 8 there, and no multiple of the 16 samples of one process"),
        ("learning_rate=1e-4", '"optimizer": {"type": "AdamW", "params": {"lr": 2e-4}}',
         "optimizer.params.lr is 0.0002 there, and the training arguments say learning_rate=0.0001"),
    ],
)  # fmt: skip
def test_deepspeed_and_the_arguments_are_compared_where_both_are_seen(arguments: str, configuration: str, says: str) -> None:
    assert disagreement(arguments, f"{{{ZERO}, {configuration}}}") == says


@pytest.mark.parametrize(
    ("path", "versions"),
    [
        ("orpo.yaml", NEW),  # trl 1.x has no ORPOConfig where it was
        ("grpo.yaml", {**NEW, "trl": "0.9.6", "transformers": "4.42.4"}),  # nor that one a GRPOConfig
    ],
)
def test_nothing_is_said_where_nobody_reads_such_a_file(path: str, versions: dict[str, str]) -> None:
    assert found("model_name_or_path: a/b\noutput_dir: out\nbeta: 0.1\nlearning_rate: 1e-4", versions, path) == []
