"""What is read of a script: targets by their public names, values only where they are certain."""

from __future__ import annotations

import textwrap

import pytest

from envdoctor.model.errors import InputError
from envdoctor.model.script import Call, Script
from envdoctor.script import LIMIT, read


def parse(text: str) -> Script:
    return read(textwrap.dedent(text), "train.py")


def only(text: str, target: str) -> Call:
    found = [call for call in parse(text).calls if call.target == target]
    assert len(found) == 1, [call.target for call in parse(text).calls]
    return found[0]


def values(call: Call) -> dict[str, object]:
    return {argument.name: argument.value if argument.literal else ... for argument in call.arguments}


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("from transformers import TrainingArguments\nTrainingArguments()", "transformers.TrainingArguments"),
        ("from transformers import TrainingArguments as TA\nTA()", "transformers.TrainingArguments"),
        ("import trl\ntrl.SFTTrainer()", "trl.SFTTrainer"),
        ("import trl as t\nt.SFTTrainer()", "trl.SFTTrainer"),
        ("import transformers.training_args\ntransformers.training_args.TrainingArguments()", "transformers.TrainingArguments"),
        ("import transformers.training_args as x\nx.TrainingArguments()", "transformers.TrainingArguments"),
        ("from trl.trainer.sft_trainer import SFTTrainer\nSFTTrainer()", "trl.SFTTrainer"),
        ("from transformers import AutoModelForCausalLM as A\nA.from_pretrained('x')", "transformers.AutoModelForCausalLM.from_pretrained"),
        ("import trl\nmake = trl.SFTTrainer\nmake()", "trl.SFTTrainer"),
        ("def main():\n    from trl import SFTTrainer\n    return SFTTrainer()", "trl.SFTTrainer"),
        ("from trl import SFTTrainer\nclass Mine(SFTTrainer):\n    tag = 'mine'\nMine()", "trl.SFTTrainer"),
        ("from .local import build\nbuild()", ".local.build"),
        ("try:\n    import bitsandbytes as bnb\nexcept ImportError:\n    bnb = None\nbnb.Adam()", "bitsandbytes.Adam"),
    ],
)
def test_a_target_is_the_public_name_whatever_the_script_calls_it(text: str, target: str) -> None:
    assert [call.target for call in read(text, "train.py").calls] == [target]


@pytest.mark.parametrize(
    "text",
    [
        "SFTTrainer()",
        "from trl import *\nSFTTrainer()",
        "from trl import SFTTrainer\nfrom mine import SFTTrainer\nSFTTrainer()",
        "from trl import SFTTrainer\ndef f(SFTTrainer):\n    SFTTrainer()",
        "from trl import SFTTrainer\nclass Mine(SFTTrainer):\n    def __init__(self): ...\nMine()",
        "from trl import SFTTrainer\nSFTTrainer = patch(SFTTrainer)\nSFTTrainer()",
        "import trl\nif False:\n    trl.SFTTrainer()",
        "getattr(x, 'y')()",
    ],
)
def test_a_call_that_no_import_surely_binds_is_not_kept(text: str) -> None:
    assert parse(text).calls == ()


def test_a_class_below_a_library_that_may_be_public_is_kept_under_both_names() -> None:
    text = "from transformers.models.llama.modeling_llama import LlamaAttention\nLlamaAttention()"
    assert [call.target for call in parse(text).calls] == [
        "transformers.LlamaAttention",
        "transformers.models.llama.modeling_llama.LlamaAttention",
    ]


def test_a_method_of_what_a_class_loads_is_called_on_the_class() -> None:
    text = "from transformers import AutoTokenizer\ntok = AutoTokenizer.from_pretrained('x')\ntok.encode_plus('a')"
    assert [call.target for call in parse(text).calls][1] == "transformers.AutoTokenizer.encode_plus"


def test_a_method_of_an_instance_is_called_on_its_class() -> None:
    text = """
        from trl import SFTTrainer
        trainer = SFTTrainer(model)
        trainer.train(resume_from_checkpoint=True)
        SFTTrainer(model).save_model("out")
    """
    assert values(only(text, "trl.SFTTrainer.train")) == {"resume_from_checkpoint": True}
    assert values(only(text, "trl.SFTTrainer.save_model")) == {"0": "out"}


def test_a_name_that_holds_two_things_has_no_class() -> None:
    text = """
        from trl import SFTTrainer
        trainer = SFTTrainer(model)
        trainer = wrap(trainer)
        trainer.train()
    """
    assert [call.target for call in parse(text).calls] == ["trl.SFTTrainer"]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1e-4", 1e-4),
        ("-1", -1),
        ("not True", False),
        ("None", None),
        ("'a' 'b'", "ab"),
        ("'a' + 'b'", "ab"),
        ("8 * 1024", 8192),
        ("2 ** 10", 1024),
        ("['q', 'v']", ("q", "v")),
        ("(1, -2)", (1, -2)),
        ("{'a': [1], 0: '14GB'}", {"a": (1,), "0": "14GB"}),
        ("dict(a=1)", {"a": 1}),
        ("torch.bfloat16", "torch.bfloat16"),
        ("torch.nn.Linear", "torch.nn.Linear"),
        ("TaskType.CAUSAL_LM", "peft.TaskType.CAUSAL_LM"),
        ("NAME", "unsloth/gpt-oss-20b"),
        ("f'out/{NAME}-{RANK}'", "out/unsloth/gpt-oss-20b-64"),
        ("RANK * 2", 128),
        ("CONFIG['r']", 16),
        ("{**CONFIG, 'x': 1}", {"r": 16, "x": 1}),
    ],
)
def test_a_value_is_read_where_it_is_certain(expression: str, value: object) -> None:
    text = f"""
        import torch
        from trl import SFTConfig
        from peft import TaskType
        NAME = "unsloth/gpt-oss-20b"
        RANK = 64
        CONFIG = {{"r": 16}}
        SFTConfig(x={expression})
    """
    assert values(only(text, "trl.SFTConfig")) == {"x": value}


@pytest.mark.parametrize(
    "expression",
    [
        "unbound", "f()", "args.model", "sys.argv", "os.sep", "torch.version.cuda", "settings.NAME", "'x' if a else 'y'", "TWICE", "LATER",
        "LOOP", "CHANGED", "CHANGED['r']", "GIVEN", "GLOBAL", "ALIASED", "[*CHANGED]", "f'{TWICE}'", "f'{1.0:.2f}'", "10 ** 100", "1 / 0",
        "1e400", "'\\ud800'", "b'x'", "...", "{CHANGED: 1}", "lambda: 1", "parameter", "ITSELF",
    ],
)  # fmt: skip
def test_a_value_that_may_differ_when_the_script_runs_is_not_guessed(expression: str) -> None:
    text = f"""
        import os, sys, torch, settings
        from trl import SFTConfig
        TWICE = 1
        TWICE = 2
        LATER = 1
        LATER += 1
        for LOOP in range(3): ...
        CHANGED = {{"r": 16}}
        CHANGED["r"] = 8
        GIVEN = {{"r": 16}}
        helper(GIVEN)
        ALIASED = [1]
        other = ALIASED
        GLOBAL = 1
        ITSELF = ITSELF
        def change():
            global GLOBAL
            GLOBAL = 2
        def build(parameter=1):
            SFTConfig(x={expression})
    """
    assert values(only(text, "trl.SFTConfig")) == {"x": ...}


def test_a_mapping_that_is_unpacked_gives_its_arguments_and_their_places() -> None:
    call = only(
        """
        import os
        from trl import SFTConfig
        kw = {
            "bf16": True,
            "output_dir": os.getcwd(),
        }
        SFTConfig(**kw, packing=True)
        """,
        "trl.SFTConfig",
    )
    assert values(call) == {"bf16": True, "output_dir": ..., "packing": True}
    assert call.complete
    assert [argument.location.line for argument in call.arguments] == [5, 6, 8]


@pytest.mark.parametrize("given", ["**load()", "**kw", "*rest", "**{**load()}", "**{key: 1}"])
def test_a_call_with_hidden_arguments_is_not_complete(given: str) -> None:
    call = only(f"from trl import SFTConfig\nkw = {{'bf16': True}}\nchange(kw)\nSFTConfig({given}, a=1)", "trl.SFTConfig")
    assert not call.complete
    assert values(call) == {"a": 1}


@pytest.mark.parametrize(
    ("body", "expected", "complete"),
    [
        ("kw = {'a': 1}\nkw['b'] = 2\nSFTConfig(**kw)", {"a": 1, "b": 2}, True),
        ("kw = {'a': 1}\nkw['a'] = 2\nSFTConfig(**kw)", {"a": 2}, True),
        ("kw = dict(a=1)\nkw.update(b=2, c=f())\nSFTConfig(**kw)", {"a": 1, "b": 2, "c": ...}, True),
        ("kw = {'a': 1}\nSFTConfig(**kw)\nkw['b'] = 2", {"a": 1}, True),
        ("kw = {'a': 1, 'b': 1}\nif x:\n    kw['b'] = 2\nSFTConfig(**kw)", {"a": 1}, False),
        ("kw = {'a': 1, 'b': 1}\nwhile x:\n    kw['b'] = 2\nSFTConfig(**kw)", {"a": 1}, False),
        ("kw = {'a': 1, 'b': 1}\ndef f():\n    kw['b'] = 2\nSFTConfig(**kw)", {"a": 1}, False),
        ("def f():\n    kw = {'a': 1}\n    kw['b'] = 2\n    SFTConfig(**kw)", {"a": 1, "b": 2}, True),
        ("kw = {'a': 1}\nkw['b'] = 2\nSFTConfig(x=kw)", {"x": ...}, True),
        ("kw = {'a': 1}\nkw[key] = 2\nSFTConfig(**kw)", {}, False),
        ("kw = {'a': 1}\nkw.update(other)\nSFTConfig(**kw)", {}, False),
        ("kw = {'a': 1}\nkw['b'] = 2\ndel kw['a']\nSFTConfig(**kw)", {}, False),
    ],
)
def test_keys_that_are_set_one_by_one_belong_to_the_mapping(body: str, expected: dict[str, object], complete: bool) -> None:
    call = only(f"from trl import SFTConfig\n{body}", "trl.SFTConfig")
    assert (values(call), call.complete) == (expected, complete)


def test_lines_and_columns_count_from_one() -> None:
    call = only("from trl import SFTConfig\nx = SFTConfig(\n    bf16=True)", "trl.SFTConfig")
    assert (call.location.path, call.location.line, call.location.column) == ("train.py", 2, 5)
    assert (call.arguments[0].location.line, call.arguments[0].location.column) == (3, 5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import os\nos.environ['A'] = '1'", {"A": "1"}),
        ("from os import environ\nenviron['A'] = '1'", {"A": "1"}),
        ("import os\nos.environ.setdefault('A', '1')", {"A": "1"}),
        ("import os\nos.environ.update(A='1', B=x)", {"A": "1", "B": ...}),
        ("import os\nos.environ.update({'A': '1'})", {"A": "1"}),
        ("import os\nos.environ['A'] = str(x)", {"A": ...}),
    ],
)
def test_environment_variables_that_the_script_sets_are_arguments_of_os_environ(text: str, expected: dict[str, object]) -> None:
    call = only(text, "os.environ")
    assert values(call) == expected
    assert call.complete


def test_an_environment_variable_of_unknown_name_makes_the_call_incomplete() -> None:
    assert not only("import os\nfor name in names:\n    os.environ[name] = '1'", "os.environ").complete


@pytest.mark.parametrize(
    "text",
    [
        """
        import trl
        if new:
            c = trl.SFTConfig(max_length=512, packing=True)
        else:
            c = trl.SFTConfig(max_seq_length=512, packing=True)
        """,
        """
        import trl
        try:
            c = trl.SFTConfig(max_length=512, packing=True)
        except TypeError:
            c = trl.SFTConfig(max_seq_length=512, packing=True)
        """,
    ],
)
def test_of_calls_that_exclude_each_other_only_what_they_share_is_certain(text: str) -> None:
    calls = parse(text).calls
    assert [values(call) for call in calls] == [{"packing": True}, {"packing": True}]
    assert not any(call.complete for call in calls)


def test_imports_are_kept_as_written_and_under_their_public_name() -> None:
    script = parse("import a.b\nfrom transformers.training_args import TrainingArguments\nfrom trl import *")
    assert [found.name for found in script.imports] == [
        "a.b", "transformers.training_args.TrainingArguments", "transformers.TrainingArguments", "trl.*",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("try:\n    import flash_attn\nexcept ImportError:\n    pass", []),
        ("try:\n    import flash_attn\nexcept:\n    have = False", []),
        ("try:\n    from transformers import AdamW\nexcept ImportError:\n    from torch.optim import AdamW", []),
        ("try:\n    import unsloth\nexcept ImportError:\n    raise SystemExit('install unsloth')", ["unsloth"]),
        ("try:\n    import unsloth\nexcept ValueError:\n    pass", ["unsloth"]),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import trl", ["typing.TYPE_CHECKING"]),
    ],
)
def test_an_import_that_the_script_can_do_without_is_not_kept(text: str, kept: list[str]) -> None:
    assert [found.name for found in parse(text).imports] == kept


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = (\n", "train.py, line 1"),
        ("a = 1\nprint 'old'\n", "train.py, line 2"),
        ("a = '\0'", "train.py"),
        ("x = " + "(" * 5000 + ")" * 5000, "train.py"),
        ("x = " + "-" * 5000 + "1", "train.py"),
        ("x = " + "1 + " * 20_000 + "1", "train.py"),
        ("x = a" + ".b" * 20_000, "train.py"),
        ("#" * (LIMIT + 1), "more than 1,000,000 characters"),
    ],
)
def test_what_is_no_readable_python_is_refused_with_its_place(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read(text, "train.py")


@pytest.mark.parametrize(
    "text", ["", "\ufeffimport trl", "#!/usr/bin/env python\n# -*- coding: latin-1 -*-\n", "x = '\\d'", "import trl\r\n"]
)
def test_unusual_texts_are_read(text: str) -> None:
    assert read(text, "train.py").paths == ("train.py",)


@pytest.mark.parametrize("text", ["x = " + "9" * 10_000, "import trl\ntrl.SFTConfig(x=0x" + "f" * 10_000 + ")"])
def test_a_number_too_long_for_python_does_no_harm(text: str) -> None:
    try:
        script = read(text, "train.py")
    except InputError:
        return  # some releases of Python refuse to read it
    assert not any(argument.literal for call in script.calls for argument in call.arguments)


def test_a_cycle_of_names_ends() -> None:
    assert values(only("import trl\na = b\nb = a\ntrl.SFTConfig(x=a, y=a.b)", "trl.SFTConfig")) == {"x": ..., "y": ...}


def test_nothing_heavy_is_imported() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from envdoctor.script import read, facts_of; facts_of(read('import trl\\ntrl.SFTTrainer(a=1)', 'a.py'));"
        "print([m for m in ('ast', 're', 'json', 'enum', 'typing', 'dataclasses', 'pathlib', 'packaging') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "text",
    [
        "import trl\nx = trl.A()\n" + "x = x.to(y).half()\ny = y.to(x)\n" * 30 + "x.train()\n",
        "import trl\na0 = 1\n" + "".join(f"a{n} = a{n - 1} + a{n - 1}\n" for n in range(1, 40)) + "trl.SFTConfig(x=a39)\n",
        "import trl\na0 = (1, 1)\n" + "".join(f"a{n} = (a{n - 1}, a{n - 1})\n" for n in range(1, 40)) + "trl.SFTConfig(x=a39)\n",
        "import trl\na0 = {'a': 1}\n" + "".join(f"a{n} = {{**a{n - 1}, **a{n - 1}}}\n" for n in range(1, 24)) + "trl.SFTConfig(**a23)\n",
        "import trl\n" + "".join(f"class C{n}(C{n + 1}): ...\n" for n in range(200)) + "C0()\n",
    ],
)
def test_names_bound_in_terms_of_each_other_take_no_time(text: str) -> None:
    import time

    started = time.perf_counter()
    parse(text)
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("tokenizer.pad_token = tokenizer.eos_token", "eos_token"),
        ("if tokenizer.pad_token is None:\n    tokenizer.pad_token = '<pad>'", "<pad>"),
        ("self.tok.pad_token = choose()", ...),
    ],
)
def test_the_padding_token_that_a_script_sets_is_read(text: str, value: object) -> None:
    assert values(only(text, "transformers.PreTrainedTokenizerBase.pad_token")) == {"value": value}
