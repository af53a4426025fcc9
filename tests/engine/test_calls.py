"""What a script is told of its calls: by the atlas of real releases, for versions that are not installed."""

from __future__ import annotations

import textwrap

import pytest

from envdoctor.engine.evaluate import evaluate
from envdoctor.knowledge.atlas.load import open_atlas
from envdoctor.knowledge.compiled import CompiledBook, compile_book
from envdoctor.knowledge.spellings import open_spellings
from envdoctor.model.finding import SCRIPT_ARGUMENT, SCRIPT_NAME, Clear, Finding, Report
from envdoctor.script import read
from tests.conftest import snapshot

NO_RULES = CompiledBook(compile_book([], "none"))
NEW = {
    "torch": "2.13.0", "transformers": "5.23.0", "trl": "1.16.0", "peft": "0.21.2", "accelerate": "1.15.0", "datasets": "5.2.0",
}  # fmt: skip


def report(text: str, versions: dict[str, str] | None = None) -> Report:
    patient = snapshot({**NEW, **(versions or {})}).replace(script=read(textwrap.dedent(text), "train.py"))
    return evaluate(patient, NO_RULES, atlas=open_atlas(), spellings=open_spellings())


def found(text: str, versions: dict[str, str] | None = None) -> list[Finding]:
    return [finding for finding in report(text, versions).findings if finding.rule in (SCRIPT_ARGUMENT, SCRIPT_NAME)]


ARGUMENT = "from transformers import TrainingArguments\nTrainingArguments('out', {})"


@pytest.mark.parametrize(
    ("text", "versions", "message"),
    [
        (
            ARGUMENT.format("evaluation_strategy='no'"), {},
            "the script passes evaluation_strategy to transformers.TrainingArguments, "
            "which no longer takes it since transformers 4.51.0; write eval_strategy",
        ),
        (
            ARGUMENT.format("eval_strategy='no'"), {"transformers": "4.40.2"},
            "the script passes eval_strategy to transformers.TrainingArguments, "
            "which takes it only from transformers 4.41.0 on; write evaluation_strategy",
        ),
        (
            ARGUMENT.format("max_stepz=3"), {},
            "the script passes max_stepz to transformers.TrainingArguments, "
            "which takes no such argument in transformers 5.23.0; did you mean max_steps?",
        ),
        (
            "import trl as t\nt.SFTConfig('out', evaluation_strategy='no')", {},
            "the script passes evaluation_strategy to trl.SFTConfig, "
            "which no longer takes it since transformers 4.51.0; write eval_strategy",
        ),
        (
            "from trl import SFTTrainer as T\nT(model, max_seq_length=3)", {},
            "the script passes max_seq_length to trl.SFTTrainer, "
            "which no longer takes it since trl 0.13.0; write trl.SFTConfig(max_length=...)",
        ),
        (
            "from trl import SFTTrainer\nSFTTrainer(model, learning_rate=1e-4)", {},
            "the script passes learning_rate to trl.SFTTrainer, "
            "which takes no such argument in trl 1.16.0; write trl.SFTConfig(learning_rate=...)",
        ),
        (
            "from transformers import AdamW", {},
            "the script imports transformers.AdamW, which transformers dropped in 4.50.0; write torch.optim.AdamW",
        ),
        (
            "from trl import GRPOTrainer", {"trl": "0.13.0"},
            "the script imports trl.GRPOTrainer, which trl has only from 0.14.0 on",
        ),
        (
            "from transformers.deepspeed import HfDeepSpeedConfig", {},
            "the script imports transformers.deepspeed.HfDeepSpeedConfig, "
            "which transformers dropped in 4.46.0; write transformers.integrations.deepspeed.HfDeepSpeedConfig",
        ),
        (
            "from transformers import AutoModelForCausalLM as A\nA.from_pretrained('x', dtype='bfloat16')", {"transformers": "4.50.0"},
            "the script passes dtype to transformers.AutoModelForCausalLM.from_pretrained, "
            "which transformers 4.50.0 hands on to what does not take it; write torch_dtype",
        ),
        (
            "from transformers import AutoTokenizer\ntok = AutoTokenizer.from_pretrained('x')\ntok.batch_encode_plus(texts)", {},
            "the script calls batch_encode_plus of what transformers.AutoTokenizer makes, "
            "which transformers 5.23.0 does not have; call the object itself",
        ),
        (
            "from trl import CPOTrainer", {},
            "the script imports trl.CPOTrainer, which trl dropped in 0.29.0; write trl.experimental.cpo.CPOTrainer",
        ),
        (
            "from trl.commands.cli_utils import TrlParser", {},
            "the script imports trl.commands.cli_utils.TrlParser, which trl dropped in 0.13.0; write trl.TrlParser",
        ),
        (
            "from trl.core import LengthSampler", {},
            "the script imports trl.core.LengthSampler, which trl dropped in 0.25.0",
        ),
        (
            "from transformers import AutoModelForCausalLM as A\nA.from_pretrained('x', use_auth_token=True)", {},
            "the script passes use_auth_token to transformers.AutoModelForCausalLM.from_pretrained, "
            "which transformers 5.23.0 hands on to what does not take it; write token",
        ),
        (
            "from datasets import load_dataset\nload_dataset('x', use_auth_token=True)", {},
            "the script passes use_auth_token to datasets.load_dataset, which datasets 5.2.0 hands on to what does not take it; write token",
        ),
    ],
)  # fmt: skip
def test_the_message_says_since_when_and_what_to_write(text: str, versions: dict[str, str], message: str) -> None:
    assert [finding.message for finding in found(text, versions)] == [message]


@pytest.mark.parametrize(
    "text",
    [
        "common = dict(output_dir='x', evaluation_strategy='no')\nTrainingArguments(**common)",
        "TrainingArguments(**{**dict(output_dir='x'), 'evaluation_strategy': 'no'})",
        "import functools\nmake = functools.partial(TrainingArguments, evaluation_strategy='no')",
        "def make(**kw):\n    return TrainingArguments('x', **kw)\nmake(evaluation_strategy='no')",
        "class Mine(TrainingArguments):\n    pass\nMine('x', evaluation_strategy='no')",
    ],
)
def test_an_argument_is_seen_on_every_way_to_its_call(text: str) -> None:
    (finding,) = found("from transformers import TrainingArguments\n" + text)
    assert finding.subject == "transformers.TrainingArguments(evaluation_strategy=)"


@pytest.mark.parametrize(
    ("text", "versions"),
    [
        ("from transformers import AutoModelForCausalLM\nAutoModelForCausalLM.from_pretrained('x', anything=1)", {}),
        (ARGUMENT.format("**read()"), {}),
        (ARGUMENT.format("evaluation_strategy='no'"), {"transformers": "99.0"}),
        ("from trl import SFTConfig\nSFTConfig('out', evaluation_strategy='no')", {"transformers": None}),
        ("from peft import LoraConfig\nLoraConfig(r=4, task_type='CAUSAL_LM', base_model_name_or_path='x')", {}),
        ("from transformers import NeverHeardOf\nNeverHeardOf(x=1)", {}),
        ("try:\n    from transformers import AdamW\nexcept ImportError:\n    from torch.optim import AdamW", {}),
        ("import unsloth\nfrom trl import SFTConfig\nSFTConfig('out', max_seq_length=1)", {}),
        ("import torch\ntorch.sum(x, keepdim=True)", {}),
        ("from transformers import AutoModelForCausalLM as A\nA.from_pretrained('x', load_in_4bit=True, trust_remote_code=True)", {}),
    ],
)
def test_what_is_not_known_is_nobody_s_fault(text: str, versions: dict[str, str]) -> None:
    assert found(text, versions) == []


def test_a_finding_tells_every_place_and_both_ways_out() -> None:
    text = "from trl import SFTConfig\nSFTConfig('a', max_seq_length=1)\nSFTConfig(\n    'b',\n    max_seq_length=1,\n)\n"
    (finding,) = found(text)
    assert [(place.path, place.line, place.column) for place in finding.locations] == [("train.py", 2, 16), ("train.py", 5, 5)]
    assert [(remedy.safety, dict(remedy.require)) for remedy in finding.remedies] == [("safe", {}), ("unsafe", {"trl": ">=0.9.2,<0.20.0"})]
    assert finding.links and finding.confidence == "certain"


def test_a_release_between_two_known_ones_is_judged_where_both_agree() -> None:
    (finding,) = found(ARGUMENT.format("evaluation_strategy='no'"), {"transformers": "5.0.1"})
    assert finding.confidence == "likely"


def test_a_healthy_script_leaves_both_clear() -> None:
    outcomes = report("from trl import SFTConfig\nSFTConfig('out', max_length=1)").outcomes
    assert isinstance(outcomes[SCRIPT_ARGUMENT], Clear) and isinstance(outcomes[SCRIPT_NAME], Clear)


def test_without_a_script_nothing_is_said_of_one() -> None:
    outcomes = evaluate(snapshot(dict(NEW)), NO_RULES, atlas=open_atlas(), spellings=open_spellings()).outcomes
    assert SCRIPT_ARGUMENT not in outcomes


def test_where_a_rule_tells_the_same_the_rule_alone_speaks(book: CompiledBook) -> None:
    text = "from trl import SFTConfig\nSFTConfig('out', max_seq_length=1, group_by_length=True)\n"
    patient = snapshot(dict(NEW)).replace(script=read(text, "train.py"))
    told = evaluate(patient, book, atlas=open_atlas(), spellings=open_spellings()).findings
    errors = [(finding.rule, finding.subject) for finding in told if finding.severity == "error"]
    assert ("trl-sft-config-refuses-max-seq-length", "script") in errors
    assert [subject for rule, subject in errors if rule == SCRIPT_ARGUMENT] == ["trl.SFTConfig(group_by_length=)"]


@pytest.mark.parametrize(
    ("line", "versions", "message"),
    [
        (
            "from transformers.models.llama.modeling_llama import LlamaFlashAttention2", {},
            "the script imports transformers.models.llama.modeling_llama.LlamaFlashAttention2, which transformers dropped in 4.48.0",
        ),
        (
            "from transformers.optimization import AdamW", {},
            "the script imports transformers.optimization.AdamW, which transformers dropped in 4.50.0; write torch.optim.AdamW",
        ),
        (
            "from transformers.trainer_utils import ShardedDDPOption", {},
            "the script imports transformers.trainer_utils.ShardedDDPOption, which transformers dropped in 4.35.0",
        ),
        (
            "from peft.utils.other import prepare_model_for_int8_training", {},
            "the script imports peft.utils.other.prepare_model_for_int8_training, which peft dropped in 0.10.0; "
            "write peft.prepare_model_for_kbit_training",
        ),
        ("from transformers.optimization import AdamW", {"transformers": "4.49.0"}, ""),
        ("from transformers.models.llama.modeling_llama import LlamaFlashAttention2", {"transformers": "4.47.1"}, ""),
        ("from transformers.trainer_utils import get_last_checkpoint, EvalPrediction", {}, ""),
        ("from transformers.models.llama.modeling_llama import LlamaDecoderLayer, apply_rotary_pos_emb", {}, ""),
    ],
)  # fmt: skip
def test_names_inside_a_library_are_judged_where_they_come_from(line: str, versions: dict[str, str], message: str) -> None:
    assert [finding.message for finding in found(line, versions)] == ([message] if message else [])


def test_what_comes_only_later_is_not_looked_for_elsewhere() -> None:
    (finding,) = found("import torch\ntorch.xpu.max_memory_allocated()", {"torch": "2.4.1"})
    assert finding.message == "the script imports torch.xpu.max_memory_allocated, which torch has only from 2.5.0 on"
    assert found("import torch\nif torch.xpu.is_available():\n    torch.xpu.max_memory_allocated()", {"torch": "2.4.1"}) == []
