"""Rewriting a script for other releases: what changes, what must stay as it is, and what is left to a person."""

from __future__ import annotations

import textwrap

import pytest

from envdoctor.repair.script_edits import Rewriting, rewrite
from envdoctor.script import read
from tests.script.test_drift import ACCEPTS, cases, is_refused, judge, text_of

NEW = {"torch": "2.13.0", "transformers": "5.23.0", "trl": "1.16.0", "peft": "0.21.2", "accelerate": "1.15.0", "datasets": "5.2.0"}
OLD = {"torch": "2.3.0", "transformers": "4.40.2", "trl": "0.8.6", "peft": "0.10.0", "accelerate": "0.30.0", "datasets": "2.19.0"}


def written(text: str, versions: dict[str, str] | None = None, *, unsafe: bool = False) -> Rewriting:
    return rewrite(textwrap.dedent(text), "train.py", judge(versions or NEW), unsafe=unsafe)


def shape(text: str) -> str:
    """Name the spelling that a script has, as the stages of the real runs are named."""
    calls = {call.target: {argument.name for argument in call.arguments} for call in read(text, "x.py").calls}
    trainer, config = calls.get("trl.SFTTrainer"), calls.get("trl.SFTConfig", set())
    if trainer is not None:
        if "trl.SFTConfig" not in calls:
            return "s9_SFT_A_TrainingArguments_tokenizer_max_seq_length"
        if "max_length" in config:
            return "s9_SFT_D_SFTConfig_max_length_processing_class"
        return (
            f"s9_SFT_{'B_SFTConfig_max_seq_length_tokenizer' if 'tokenizer' in trainer else 'C_SFTConfig_max_seq_length_processing_class'}"
        )
    if "transformers.Trainer" in calls:
        return f"s9_Trainer_{'tokenizer' if 'tokenizer' in calls['transformers.Trainer'] else 'processing_class'}"
    if "trl.SFTConfig" in calls:
        return "s8d_SFTConfig_max_seq_length" if "max_seq_length" in config else "s8e_SFTConfig_max_length"
    given = calls["transformers.TrainingArguments"]
    return f"s8{'b_TrainingArguments_eval_strategy' if 'eval_strategy' in given else 'a_TrainingArguments_evaluation_strategy'}"


def test_every_refused_spelling_becomes_one_that_the_set_took() -> None:
    count = 0
    for case in cases():
        judged = judge(case["packages"])
        for spelling, error in case["stages"].items():
            if spelling == ACCEPTS or not is_refused(spelling, error):
                continue
            fresh = rewrite(text_of(spelling), "train.py", judged)
            becomes = shape(fresh.text)
            count += 1
            assert not fresh.left and not judged.misuses(read(fresh.text, "train.py"))
            assert becomes != spelling
            outcome = case["stages"].get(becomes, "not run")
            assert is_refused(becomes, outcome) is not True, (case["id"], spelling, becomes, outcome)
    assert count > 100


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("TrainingArguments('out', evaluation_strategy = 'no' ,)", "TrainingArguments('out', eval_strategy = 'no' ,)"),
        (
            "kw = {'evaluation_strategy': 'no'}\nTrainingArguments('out', **kw)",
            "kw = {'eval_strategy': 'no'}\nTrainingArguments('out', **kw)",
        ),
        (
            "kw = {'seed': 1}\nkw['evaluation_strategy'] = 'no'\nTrainingArguments('out', **kw)",
            "kw = {'seed': 1}\nkw['eval_strategy'] = 'no'\nTrainingArguments('out', **kw)",
        ),
        ("TrainingArguments('out', warmup_ratio=0.1)", "TrainingArguments('out', warmup_steps=0.1)"),
        ("TrainingArguments('out', split_batches=True)", "TrainingArguments('out', accelerator_config={\"split_batches\": True})"),
        ("TrainingArguments('out', half_precision_backend='auto', seed=1)", "TrainingArguments('out', seed=1)"),
        ("TrainingArguments('out', group_by_length=True)", "TrainingArguments('out', train_sampling_strategy=\"group_by_length\")"),
        ("TrainingArguments('out', group_by_length=False, seed=1)", "TrainingArguments('out', seed=1)"),
        ("TrainingArguments('out', adafactor=True)", "TrainingArguments('out', optim=\"adafactor\")"),
        ("TrainingArguments('out', overwrite_output_dir=True)", "TrainingArguments('out')"),
        ("TrainingArguments(overwrite_output_dir=True)", "TrainingArguments()"),
        (
            "TrainingArguments(\n    'out',\n    save_safetensors=True,  # faster\n    seed=1,  # mine\n)",
            "TrainingArguments(\n    'out',\n    seed=1,  # mine\n)",
        ),
        (
            "def f(**kw):\n\treturn TrainingArguments('é', **kw)\nf(ß=1, no_cuda=True)",
            "def f(**kw):\n\treturn TrainingArguments('é', **kw)\nf(ß=1, use_cpu=True)",
        ),
    ],
)
def test_an_argument_is_respelled_and_nothing_else_changes(before: str, after: str) -> None:
    head = "from transformers import TrainingArguments\n"
    assert written(head + before).text == head + after


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("TrainingArguments('out', warmup_ratio=1.0)", "must be counted out"),
        ("TrainingArguments('out', save_safetensors=False)", "cannot be had"),
        ("TrainingArguments('out', evaluation_strategy='no', eval_strategy='no')", "decide which of the two counts"),
        ("TrainingArguments('out', max_stepz=3)", "perhaps max_steps is meant"),
        ("TrainingArguments('out', tp_size=2)", "nothing is known that takes its place"),
        ("TrainingArguments('out', half_precision_backend='apex')", "apex cannot be asked for any more"),
    ],
)
def test_what_needs_a_person_is_left_with_the_reason(text: str, why: str) -> None:
    told = written("from transformers import TrainingArguments\n" + text)
    assert not told.steps and len(told.left) == 1
    assert why in told.left[0].why


def test_arguments_move_into_a_configuration_that_is_made_for_them() -> None:
    told = written("from trl import SFTTrainer\nSFTTrainer('m', tokenizer=t, max_seq_length=512, packing=True)\n")
    assert told.text == (
        "from trl import SFTConfig, SFTTrainer\n"
        "SFTTrainer('m', processing_class=t, args=SFTConfig(output_dir=\"tmp_trainer\", max_length=512, packing=True))\n"
    )


def test_arguments_move_out_again_where_there_is_no_configuration() -> None:
    spelling = "s9_SFT_D_SFTConfig_max_length_processing_class"
    told = written(text_of(spelling), OLD)
    assert not told.left
    assert shape(told.text) == "s9_SFT_A_TrainingArguments_tokenizer_max_seq_length"
    assert "max_seq_length=32,  # tokens, not words" in told.text
    back = written(told.text)
    assert shape(back.text) == spelling and not back.left


def test_nothing_moves_out_of_a_configuration_that_cannot_be_left_whole() -> None:
    head = "from trl import SFTConfig, SFTTrainer\n"
    hidden = head + "kw = load()\nSFTTrainer('m', args=SFTConfig('out', max_length=5, **kw))\n"
    assert written(hidden, OLD).text == hidden
    newer = head + "SFTTrainer('m', args=SFTConfig('out', max_length=5, assistant_only_loss=True))\n"
    assert written(newer, OLD).text == newer
    seen = head + "kw = dict(eval_strategy='no', use_cpu=True)\nSFTTrainer('m', args=SFTConfig('out', max_length=5, **kw))\n"
    told = written(seen, OLD)
    assert not told.left
    assert "kw = dict(evaluation_strategy='no', use_cpu=True)" in told.text
    assert "args=TrainingArguments('out', **kw), max_seq_length=5)" in told.text


def test_nothing_is_passed_twice() -> None:
    text = "from trl import SFTConfig, SFTTrainer\nSFTTrainer('m', args=SFTConfig('out', packing=False), packing=True)\n"
    told = written(text, OLD)
    assert told.text == text and "as well" in told.left[0].why


def test_a_comment_goes_with_its_argument_also_into_a_single_line() -> None:
    text = (
        "from trl import SFTConfig, SFTTrainer\n\n\ndef main():\n    args = SFTConfig('out')\n"
        "    SFTTrainer(\n        'm',\n        args=args,\n        packing=True,  # saves time\n    )\n"
    )
    assert "    # saves time\n    args = SFTConfig('out', packing=True)\n" in written(text).text


def test_a_configuration_that_cannot_be_seen_is_left_alone() -> None:
    told = written("from trl import SFTTrainer\nargs = load()\nSFTTrainer('m', args=args, max_seq_length=512)\n")
    assert not told.steps and "what args is made of is not known" in told.left[0].why


def test_a_value_that_comes_later_than_the_configuration_does_not_move() -> None:
    told = written(
        "from trl import SFTConfig, SFTTrainer\nargs = SFTConfig('out')\nn = len(x)\nSFTTrainer('m', args=args, max_seq_length=n)\n"
    )
    assert not told.steps and "not certainly known" in told.left[0].why


@pytest.mark.parametrize(
    ("given", "between", "value", "moves"),
    [
        ("length", "", "length", True),
        ("self", "", "self.config.length", True),
        ("*, config", "", "config.length * 2", True),
        ("config", "config.length = 3", "config.length", False),
        ("self", "self.length = 3", "self.length", False),
        ("length", "length = 3", "length", False),
        ("length", "for length in x:\n        pass", "length", False),
        ("x", "", "unheard_of", False),
        ("x", "", "math.pi", True),
    ],
)
def test_a_value_moves_from_within_a_function_if_nothing_sets_it_between(given: str, between: str, value: str, moves: bool) -> None:
    told = written(
        f"import math\nfrom trl import SFTConfig, SFTTrainer\ndef train({given}):\n    args = SFTConfig('out')\n    {between or 'pass'}\n"
        f"    SFTTrainer('m', args=args, packing={value})\n"
    )
    assert (f"SFTConfig('out', packing={value})" in told.text) is moves


def test_a_parameter_of_another_function_is_nothing_that_the_configuration_knows() -> None:
    told = written(
        "from trl import SFTConfig, SFTTrainer\nargs = SFTConfig('out')\ndef train(n):\n    SFTTrainer('m', args=args, packing=n)\n"
    )
    assert not told.steps


@pytest.mark.parametrize(
    ("before", "safe", "unsafe"),
    [
        ("share = 0.05\nA('out', warmup_ratio=share)", "share = 0.05\nA('out', warmup_steps=share)", ""),
        ("A('out', warmup_ratio=1.0)", "", ""),
        ("A('out', warmup_ratio=config.share)", "", "A('out', warmup_steps=config.share)"),
        ("A(**{'output_dir': 'out', 'warmup_ratio': 5e-2})", "A(**{'output_dir': 'out', 'warmup_steps': 5e-2})", ""),
    ],
)
def test_a_share_of_the_steps_stays_as_it_is_written(before: str, safe: str, unsafe: str) -> None:
    head = "from transformers import TrainingArguments as A\n"
    assert written(head + before).text == head + (safe or before)
    assert written(head + before, unsafe=True).text == head + (unsafe or safe or before)


def test_names_are_exchanged_with_their_uses() -> None:
    told = written("from peft import prepare_model_for_int8_training\nmodel = prepare_model_for_int8_training(model)\n")
    assert told.text == "from peft import prepare_model_for_kbit_training\nmodel = prepare_model_for_kbit_training(model)\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "def train():\n    try:\n        from trl import ORPOConfig, ORPOTrainer\n    except ImportError:\n        raise\n",
            "def train():\n    try:\n        from trl.experimental.orpo import ORPOConfig, ORPOTrainer\n    except ImportError:\n        raise\n",
        ),
        (
            "def train():\n    from trl import CPOTrainer as T  # why\n",
            "def train():\n    from trl.experimental.cpo import CPOTrainer as T  # why\n",
        ),
        (
            "def train():\n    from trl import CPOConfig, SFTConfig\n",
            "def train():\n    from trl.experimental.cpo import CPOConfig\n    from trl import SFTConfig\n",
        ),
        ("def train():\n    if x: from trl import CPOConfig\n", "def train():\n    if x: from trl import CPOConfig\n"),
    ],
)
def test_an_import_of_a_function_stays_where_it_is(before: str, after: str) -> None:
    assert written(before, {"trl": "1.16.0", "transformers": "5.23.0"}, unsafe=True).text == after


def test_a_class_that_moved_is_imported_from_where_it_is_when_asked_for() -> None:
    text = "from trl import CPOConfig, SFTTrainer\nCPOConfig('out')\n"
    assert written(text).left[0].safety == "unsafe"
    assert written(text, unsafe=True).text == "from trl import SFTTrainer\nfrom trl.experimental.cpo import CPOConfig\nCPOConfig('out')\n"


@pytest.mark.parametrize(
    ("before", "after", "transformers"),
    [
        ("A.from_pretrained('x', dtype='float32')", "A.from_pretrained('x', torch_dtype='float32')", "4.42.0"),
        ("A.from_pretrained('x', dtype='float32')", "A.from_pretrained('x', torch_dtype=torch.float32)", "4.41.2"),
        ("A.from_pretrained('x', dtype='auto')", "A.from_pretrained('x', torch_dtype='auto')", "4.41.2"),
        (
            "import torch as t\nA.from_pretrained('x', dtype=t.float32)",
            "import torch as t\nA.from_pretrained('x', torch_dtype=t.float32)",
            "4.41.2",
        ),
        (
            "import torch as t\nA.from_pretrained('x', dtype='half')",
            "import torch as t\nA.from_pretrained('x', torch_dtype=t.half)",
            "4.41.2",
        ),
    ],
)
def test_a_text_becomes_the_name_that_older_releases_want(before: str, after: str, transformers: str) -> None:
    head = "from transformers import AutoModelForCausalLM as A\n"
    told = written(head + before, {**OLD, "transformers": transformers}).text
    assert told.replace("\nimport torch\n", "\n") == head + after


def test_a_method_that_went_is_exchanged() -> None:
    head = "from transformers import AutoTokenizer\ntok = AutoTokenizer.from_pretrained('x')\n"
    assert written(head + "a = tok.batch_encode_plus(texts, padding=True)\n").text == head + "a = tok(texts, padding=True)\n"
    named = head + "a = tok.batch_encode_plus(batch_text_or_text_pairs=texts)\n"
    assert written(named).text == named
    assert "text_target" in written(head + "with tok.as_target_tokenizer():\n    pass\n").left[0].why


def test_what_may_change_numbers_is_only_done_when_asked_for() -> None:
    text = "from transformers import AdamW, Trainer\nAdamW(x)\n"
    told = written(text)
    assert told.text == text and told.left[0].safety == "unsafe"
    assert written(text, unsafe=True).text == "from transformers import Trainer\nfrom torch.optim import AdamW\nAdamW(x)\n"


def test_a_loader_s_old_arguments_become_a_configuration() -> None:
    told = written(
        "from transformers import AutoModelForCausalLM as A\nm = A.from_pretrained('x', load_in_4bit=True, use_auth_token=True)\n"
    )
    assert told.text == (
        "from transformers import AutoModelForCausalLM as A, BitsAndBytesConfig\n"
        "m = A.from_pretrained('x', quantization_config=BitsAndBytesConfig(load_in_4bit=True), token=True)\n"
    )


def test_an_argument_that_nothing_reads_any_more_goes() -> None:
    told = written(
        "from transformers import AutoModelForCausalLM as A\nm = A.from_pretrained('x', resume_download=True, revision='main')\n"
    )
    assert told.text.endswith("m = A.from_pretrained('x', revision='main')\n")


@pytest.mark.parametrize("spelling", sorted({s for case in cases() for s in case["stages"]} - {ACCEPTS}))
def test_rewriting_twice_is_rewriting_once_and_line_ends_stay(spelling: str) -> None:
    once = written(text_of(spelling)).text
    assert written(once).text == once
    windows = written(text_of(spelling).replace("\n", "\r\n")).text
    assert windows == once.replace("\n", "\r\n")


def test_a_new_import_stays_below_a_check_that_stands_between_imports() -> None:
    head = "import envdoctor\n\nenvdoctor.preflight()\n\n"
    told = written(head + "from trl import SFTConfig, SFTTrainer\nSFTTrainer('m', args=SFTConfig('out', max_length=5))\n", OLD)
    assert not told.left
    assert told.text == (
        head + "from trl import SFTTrainer\nfrom transformers import TrainingArguments\n"
        "SFTTrainer('m', args=TrainingArguments('out'), max_seq_length=5)\n"
    )


def test_a_healthy_script_stays_as_it_is() -> None:
    text = "from trl import SFTConfig\nSFTConfig('out', max_length=1)\n"
    assert written(text) == Rewriting(text=text)


FORMATTED = """from trl import SFTTrainer

{}

trainer = SFTTrainer(
    model="m",
    formatting_func={},  # prompts
)
"""
ROWS = 'def f(batch):\n    return [f"{text}!" for text in batch["text"]]'
ONE = "def f(example):\n    return [f\"{example['text']}!\"]"
TEXT = "def f(example):\n    return f\"{example['text']}!\""


@pytest.mark.parametrize(
    ("versions", "function", "given", "becomes"),
    [
        (NEW, ROWS, "f", "lambda example: f({key: [value] for key, value in example.items()})[0]"),
        (NEW, ONE, "f", "lambda example: f(example)[0]"),
        (NEW, "", "lambda example: [f'{example}']", "lambda example: f'{example}'"),
        ({**NEW, "trl": "0.20.0"}, ONE, "f", "lambda example: f(example)[0]"),
        (OLD, TEXT, "f", "lambda batch: [f(dict(zip(batch, row))) for row in zip(*batch.values())]"),
    ],
)
def test_a_function_is_wrapped_where_its_answer_is_refused(versions: dict[str, str], function: str, given: str, becomes: str) -> None:
    told = written(FORMATTED.format(function, given), versions)
    assert told.text == FORMATTED.format(function, becomes)
    assert not told.left and [step.safety for step in told.steps] == ["safe"]


def test_a_wrapping_that_changes_what_is_learnt_waits_to_be_asked_for() -> None:
    assert [left.safety for left in written(FORMATTED.format(ONE, "f"), OLD).left] == ["unsafe"]
    told = written(FORMATTED.format(ONE, "f"), OLD, unsafe=True)
    assert told.text == FORMATTED.format(ONE, "lambda batch: [f(dict(zip(batch, row)))[0] for row in zip(*batch.values())]")


def test_a_function_that_returns_a_dictionary_is_left_to_a_person() -> None:
    told = written(FORMATTED.format("def f(batch):\n    return {'text': batch['text']}", "f"))
    assert not told.steps
    assert [left.why for left in told.left] == [
        "a dictionary is what dataset.map takes; map the data set with it before, and leave formatting_func out"
    ]


def test_a_wrapped_function_answers_as_before() -> None:
    rows = {"text": ["a", "b"], "more": [1, 2]}
    space: dict[str, object] = {}
    exec(ROWS + "\nwrapped = lambda example: f({key: [value] for key, value in example.items()})[0]", space)
    assert [space["wrapped"]({"text": text}) for text in rows["text"]] == space["f"](rows)  # type: ignore[operator]
    exec(TEXT + "\nwrapped = lambda batch: [f(dict(zip(batch, row))) for row in zip(*batch.values())]", space)
    assert space["wrapped"](rows) == ["a!", "b!"]  # type: ignore[operator]


def test_a_value_that_went_is_written_anew_where_that_is_asked_for() -> None:
    text = "from transformers import TrainingArguments\nTrainingArguments('out', optim='adamw_hf',  # as ever\n)"
    assert [left.why for left in written(text).left] == ['optim="adamw_hf" becomes adamw_torch']
    assert written(text, unsafe=True).text == text.replace("adamw_hf", "adamw_torch")
    assert [left.why for left in written(text.replace("adamw_hf", "adamw_torhc")).left] == ["perhaps adamw_torch is meant"]


def test_a_class_that_moved_is_rewritten_as_it_is_taken_there() -> None:
    told = written("from trl import ORPOConfig, ORPOTrainer\nORPOTrainer(model=m, tokenizer=t, args=ORPOConfig('out'))\n", unsafe=True)
    assert not told.left
    assert "from trl.experimental.orpo import ORPOConfig, ORPOTrainer\n" in told.text and "processing_class=t" in told.text
