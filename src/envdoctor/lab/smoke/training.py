"""Second process: two steps of every trainer on a tiny Llama, each called as its own release wants it and as others did."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from importing import always, arguments

WORDS = "the a cat dog sat ran on mat and then it was not here there who what sun moon sky blue red".split()  # noqa: SIM905
SFT = {
    "A": "s9_SFT_A_TrainingArguments_tokenizer_max_seq_length",
    "B": "s9_SFT_B_SFTConfig_max_seq_length_tokenizer",
    "C": "s9_SFT_C_SFTConfig_max_seq_length_processing_class",
    "D": "s9_SFT_D_SFTConfig_max_length_processing_class",
}
SETUP, ROUND = "s9_setup_model_tokenizer_dataset", "s9_save_and_from_pretrained"


def native(version: tuple[int, ...]) -> str:
    """Return how this trl wants SFTTrainer to be called."""
    return "A" if version < (0, 9) else "B" if version < (0, 12) else "C" if version < (0, 16) else "D"


def setup(bench: Any) -> None:
    """Build a tiny Llama, its tokenizer and a data set."""
    import torch
    from datasets import Dataset

    make_model(bench)
    bench.kept["rows"] = Dataset.from_dict({"text": [" ".join(WORDS[(i + j) % len(WORDS)] for j in range(12)) for i in range(16)]})
    assert bench.kept["new"]()(input_ids=torch.tensor([[3, 4, 5]])).logits.shape[-1] == 200


def make_model(bench: Any) -> None:
    """Keep a tokenizer of a few words and a maker of tiny Llamas."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = {word: place for place, word in enumerate(["<pad>", "<eos>", "<unk>", *WORDS])}
    raw = Tokenizer(models.WordLevel(words, unk_token="<unk>"))  # noqa: S106 - a token of a language
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    special = {"pad_token": "<pad>", "bos_token": "<eos>", "eos_token": "<eos>", "unk_token": "<unk>"}
    bench.kept["tokenizer"] = PreTrainedTokenizerFast(tokenizer_object=raw, **special)
    shape = {
        "vocab_size": 200,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "bos_token_id": 1,
    }
    bench.kept["new"] = lambda: LlamaForCausalLM(LlamaConfig(**shape))


def save_and_load(bench: Any) -> None:
    """Save the model and its tokenizer, and load both."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    bench.kept["new"]().save_pretrained(_base(bench))
    bench.kept["tokenizer"].save_pretrained(_base(bench))
    AutoTokenizer.from_pretrained(_base(bench))
    AutoModelForCausalLM.from_pretrained(_base(bench))


def _base(bench: Any) -> str:
    return os.path.join(bench.folder, "base")


def model(bench: Any) -> Any:
    """Return a fresh model, loaded where loading works."""
    if bench.passed(ROUND):
        from transformers import AutoModelForCausalLM

        return AutoModelForCausalLM.from_pretrained(_base(bench))
    return bench.kept["new"]()


def finish(trainer: Any) -> float:
    """Train two steps and return the loss."""
    told = trainer.train()
    assert told.global_step == 2, told
    assert told.training_loss == told.training_loss, "the loss is no number"
    return float(round(told.training_loss, 3))


def trainer(word: str = "", **written: Any) -> Callable[[Any], float]:
    """Return the stage that trains with transformers' Trainer and hands it the tokenizer under this word."""

    def work(bench: Any) -> float:
        from transformers import DataCollatorForLanguageModeling, Trainer, TrainingArguments

        tokenizer = bench.kept["tokenizer"]
        rows = bench.kept["rows"].map(lambda row: tokenizer(row["text"], truncation=True, max_length=32), remove_columns=["text"])
        more = {word: tokenizer} if word else {}
        return finish(
            Trainer(
                model=model(bench),
                args=TrainingArguments(**{**arguments(bench), **written}),
                train_dataset=rows,
                data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False),
                **more,
            )
        )

    return work


def adapter() -> Any:
    """Return a small LoRA."""
    from peft import LoraConfig

    return LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")


def _step(model: Any) -> None:
    import torch

    model(input_ids=torch.tensor([[3, 4, 5]]), labels=torch.tensor([[3, 4, 5]])).loss.backward()


def lora(bench: Any) -> None:
    """Wrap a model with LoRA, go forward and backward, save."""
    from peft import get_peft_model

    wrapped = get_peft_model(model(bench), adapter())
    _step(wrapped)
    wrapped.save_pretrained(os.path.join(bench.folder, "lora0"))


def sft(idiom: str, with_adapter: bool = True) -> Callable[[Any], float]:
    """Return the stage that trains with SFTTrainer, called as releases of a certain age want it; an empty idiom is this release's own."""

    def work(bench: Any) -> float:
        from trl import SFTTrainer

        way = idiom or native(bench.version("trl"))
        common = {"model": model(bench), "train_dataset": bench.kept["rows"], "peft_config": adapter() if with_adapter else None}
        tokenizer = bench.kept["tokenizer"]
        if way == "A":
            from transformers import TrainingArguments

            args = TrainingArguments(**arguments(bench))
            made = SFTTrainer(args=args, tokenizer=tokenizer, dataset_text_field="text", max_seq_length=32, **common)
        else:
            from trl import SFTConfig

            length = "max_length" if way == "D" else "max_seq_length"
            word = "tokenizer" if way == "B" else "processing_class"
            args = SFTConfig(**{**arguments(bench), "bf16": False, "dataset_text_field": "text", length: 32})
            made = SFTTrainer(args=args, **{word: tokenizer}, **common)
        loss = finish(made)
        bench.kept.setdefault("trainer", made)
        return loss

    return work


def reload_and_generate(bench: Any) -> None:
    """Save what was trained, load it beside the base model, and generate."""
    import torch
    from peft import PeftModel

    place = os.path.join(bench.folder, "adapter")
    bench.kept["trainer"].save_model(place)
    loaded = PeftModel.from_pretrained(model(bench), place)
    told = loaded.generate(input_ids=torch.tensor([[3, 4, 5]]), max_new_tokens=3, do_sample=False, pad_token_id=0)
    assert told.shape[1] >= 4


def _tokenizer_word(bench: Any) -> str:
    return "tokenizer" if bench.version("trl") < (0, 12) else "processing_class"


def dpo(bench: Any) -> float:
    """Train with DPOTrainer and LoRA."""
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    pairs = {"prompt": ["the cat"] * 8, "chosen": [" sat on the mat"] * 8, "rejected": [" was not here"] * 8}
    written = {**arguments(bench), "max_length": 32, "bf16": False}
    if bench.version("trl") < (0, 29):
        written["max_prompt_length"] = 16
    try:
        args = DPOConfig(**written)
    except TypeError:
        written.pop("max_prompt_length", None)
        args = DPOConfig(**written)
    common = {"model": model(bench), "ref_model": None, "args": args, "peft_config": adapter()}
    return finish(DPOTrainer(train_dataset=Dataset.from_dict(pairs), **{_tokenizer_word(bench): bench.kept["tokenizer"]}, **common))


def grpo(bench: Any) -> float:
    """Train with GRPOTrainer: two answers of four tokens for each prompt."""
    import copy

    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    def reward(completions: Any, **_: Any) -> list[float]:
        return [float(len(str(one)) % 3) for one in completions]

    written = {**arguments(bench), "bf16": False, "num_generations": 2, "max_completion_length": 4}
    prompts = Dataset.from_dict({"prompt": ["the cat sat"] * 8})
    common = {"model": model(bench), "args": GRPOConfig(**written), "reward_funcs": reward, "train_dataset": prompts}
    tokenizer = copy.copy(bench.kept["tokenizer"])
    tokenizer.model_input_names = ["input_ids", "attention_mask"]  # generate() takes no token_type_ids for a Llama
    return finish(GRPOTrainer(processing_class=tokenizer, **common))


def reward(bench: Any) -> float:
    """Train a reward model."""
    from datasets import Dataset
    from transformers import AutoModelForSequenceClassification
    from trl import RewardConfig, RewardTrainer

    tokenizer = bench.kept["tokenizer"]
    pairs: dict[str, Any] = {"chosen": ["the cat sat on the mat"] * 8, "rejected": ["the cat was not here"] * 8}
    if bench.version("trl") < (0, 13):  # took tokens only
        told = {side: tokenizer(texts) for side, texts in pairs.items()}
        pairs = {f"{key}_{side}": told[side][key] for side in told for key in ("input_ids", "attention_mask")}
    judge = AutoModelForSequenceClassification.from_pretrained(_base(bench), num_labels=1)
    judge.config.pad_token_id = 0
    args = RewardConfig(**{**arguments(bench), "bf16": False, "max_length": 32})
    return finish(RewardTrainer(model=judge, args=args, train_dataset=Dataset.from_dict(pairs), **{_tokenizer_word(bench): tokenizer}))


def dtype_word(word: str) -> Callable[[Any], None]:
    """Return the stage that names the type of the weights with this word."""

    def work(bench: Any) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        assert AutoModelForCausalLM.from_pretrained(_base(bench), **{word: torch.bfloat16}).dtype == torch.bfloat16

    return work


def _load_quantised(bench: Any, config: Any) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    loaded = AutoModelForCausalLM.from_pretrained(_base(bench), quantization_config=config, device_map="cpu", torch_dtype=torch.float32)
    loaded(input_ids=torch.tensor([[3, 4, 5]]))
    return loaded


def torchao_load(bench: Any) -> None:
    """Load with int8 weights of torchao."""
    from transformers import TorchAoConfig

    if bench.version("transformers") >= (4, 52):
        from torchao.quantization import Int8WeightOnlyConfig

        config = TorchAoConfig(Int8WeightOnlyConfig())
    else:
        config = TorchAoConfig("int8_weight_only")
    bench.kept["torchao"] = _load_quantised(bench, config)


def torchao_lora(bench: Any) -> None:
    """Train LoRA on torchao's weights."""
    from peft import get_peft_model

    _step(get_peft_model(bench.kept["torchao"], adapter()))


def nf4_load(bench: Any) -> None:
    """Load in four bits with bitsandbytes on the CPU."""
    import torch
    from transformers import BitsAndBytesConfig

    told = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": torch.float32}
    bench.kept["nf4"] = _load_quantised(bench, BitsAndBytesConfig(**told))


def nf4_lora(bench: Any) -> None:
    """Train LoRA on four-bit weights."""
    from peft import get_peft_model, prepare_model_for_kbit_training

    _step(get_peft_model(prepare_model_for_kbit_training(bench.kept["nf4"]), adapter()))


def _ready(*names: str, kept: str = "", since: tuple[int, ...] = ()) -> Callable[[Any], bool]:
    """Say that a stage is for environments with these distributions, where the setup worked."""

    def wanted(bench: Any) -> bool:
        there = bench.passed(SETUP) and all(bench.version(name) for name in names)
        return bool(there and (not kept or kept in bench.kept) and bench.version("trl") >= since)

    return wanted


def _idiom(way: str, own: bool) -> Callable[[Any], bool]:
    """Say that a spelling is tried: this release's own first, then the others."""

    def wanted(bench: Any) -> bool:
        if not _ready("trl")(bench) or (way == "A" and bench.version("trl") < (0, 9) and not own):
            return False
        return (native(bench.version("trl")) == way) is own and not (way != "A" and bench.version("trl") < (0, 9))

    return wanted


STAGES: list[tuple[str, Callable[[Any], bool], Callable[[Any], Any]]] = [
    # name of the stage, when it is run, what it does
    (SETUP, always, setup),
    (ROUND, _ready(), save_and_load),
    ("s9_Trainer_tokenizer", _ready(), trainer("tokenizer")),
    ("s9_Trainer_processing_class", _ready(), trainer("processing_class")),
    ("x9_Trainer_gradient_checkpointing", _ready(), trainer(gradient_checkpointing=True)),
    ("s9_lora_forward_backward_save", _ready("peft"), lora),
    *[(SFT[way], _idiom(way, own=True), sft(way)) for way in SFT],
    *[(SFT[way], _idiom(way, own=False), sft(way)) for way in SFT],
    ("x9_SFT_native_full_finetune", _ready("trl"), sft("", with_adapter=False)),
    ("x9_save_reload_generate", _ready("peft", kept="trainer"), reload_and_generate),
    ("x9_DPO_lora", _ready("trl", "peft", since=(0, 9)), dpo),
    ("x9_GRPO", _ready("trl", since=(0, 14)), grpo),
    ("x9_Reward", _ready("trl", since=(0, 9)), reward),
    ("s8j_from_pretrained_torch_dtype", lambda bench: bench.passed(ROUND), dtype_word("torch_dtype")),
    ("s8k_from_pretrained_dtype", lambda bench: bench.passed(ROUND), dtype_word("dtype")),
    ("x9_torchao_int8_load", _ready("torchao"), torchao_load),
    ("x9_torchao_int8_lora", _ready("peft", kept="torchao"), torchao_lora),
    ("x9_bnb_nf4_load_cpu", _ready("bitsandbytes"), nf4_load),
    ("x9_bnb_nf4_lora_cpu", _ready("peft", kept="nf4"), nf4_lora),
]
