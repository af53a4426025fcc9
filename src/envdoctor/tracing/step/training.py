"""Runs a step of the installed trainer on a fake model: its own collator, loss, checkpoints and way back."""

from __future__ import annotations

from typing import Any

import building
import torch

REAL = ("adamw_torch", "adamw_torch_fused", "sgd", "adafactor")
"""Optimizers that need no GPU to be run."""


def arguments(asked: dict[str, Any], folder: str) -> dict[str, Any]:
    """Return the training arguments that all trainers take."""
    return {
        "output_dir": folder,
        "per_device_train_batch_size": asked["batch"],
        "max_steps": 2,
        "gradient_checkpointing": asked["checkpointing"],
        "gradient_checkpointing_kwargs": {"use_reentrant": False} if asked["checkpointing"] else None,
        "bf16": asked["dtype"] != "fp16",
        "fp16": False,
        # what cannot be run without a GPU is computed by whoever asked; its gradients are those of any other
        "optim": asked["optimizer"] if asked["optimizer"] in REAL else "sgd",
        "report_to": "none",
        "save_strategy": "no",
        "logging_strategy": "no",
        "disable_tqdm": True,
        "use_cpu": True,
        "dataloader_pin_memory": False,
    }


def prepare(model: Any, asked: dict[str, Any], folder: str, fake: Any) -> tuple[Any, dict[str, Any]]:
    """Return the trainer of a model, and a batch of random tokens of full length as its own collator makes it."""
    config = model.config.get_text_config() if hasattr(model.config, "get_text_config") else model.config
    generator = torch.Generator().manual_seed(0)
    rows = torch.randint(3, config.vocab_size, (asked["batch"], asked["seq"]), generator=generator)
    values = arguments(asked, folder)
    if asked["trainer"] == "trl":
        return _trl(model, asked, values, rows, fake)
    from transformers import Trainer, TrainingArguments

    settings = TrainingArguments(**values)
    with fake:
        trainer = Trainer(model=building.adapt(model, asked), args=settings, train_dataset=[0])
    return trainer, dict(trainer.data_collator([{"input_ids": row, "labels": row.clone()} for row in rows]))


def _trl(model: Any, asked: dict[str, Any], values: dict[str, Any], rows: Any, fake: Any) -> tuple[Any, dict[str, Any]]:
    """Make an SFTTrainer, which puts the adapters around the model itself; its tokenizer knows three words."""
    from datasets import Dataset
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast
    from trl import SFTConfig, SFTTrainer

    words = Tokenizer(WordLevel({"<pad>": 0, "<eos>": 1, "<unk>": 2}, unk_token="<unk>"))  # noqa: S106
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")  # noqa: S106
    length = "max_length" if "max_length" in SFTConfig.__dataclass_fields__ else "max_seq_length"  # until trl 0.16
    settings = SFTConfig(**values, **{length: asked["seq"]})
    data = Dataset.from_dict({"input_ids": rows.tolist()})
    adapters = building.lora(asked, model) if asked["method"] != "full" else None
    with fake:
        trainer = SFTTrainer(model, args=settings, train_dataset=data, processing_class=tokenizer, peft_config=adapters)
    wanted = set(trainer._signature_columns or ()) | {"input_ids", "labels"}
    samples = [{name: value for name, value in row.items() if name in wanted} for row in trainer.train_dataset]
    return trainer, dict(trainer.data_collator(samples))


def wrap(trainer: Any, asked: dict[str, Any]) -> Any:
    """Do what `Trainer.train` does before its first step, and return the model to call."""
    if asked["checkpointing"]:
        trainer.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    trainer.create_optimizer()
    wrapped, trainer.optimizer = trainer.accelerator.prepare(trainer.model, trainer.optimizer)
    trainer.model_wrapped = wrapped
    trainer.current_gradient_accumulation_steps = 1
    return wrapped


def watch(model: Any, book: Any, depth: int, accelerator: Any) -> None:
    """Let the ledger know where each layer begins, forward and back."""
    found = [module for module in model.modules() if isinstance(module, torch.nn.ModuleList) and len(module) == depth]
    layers = max(found, key=lambda each: sum(parameter.numel() for parameter in each.parameters()))

    def before(number: int) -> Any:
        def hook(*_: Any) -> None:
            if not book.backward:  # a checkpoint passes each layer again going back
                book.mark(f"f{number}")

        return hook

    def after(number: int) -> Any:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            if not book.backward:
                if number == depth - 1:
                    book.mark("loss")
                hidden = output[0] if isinstance(output, tuple) else output
                hidden.register_hook(lambda _: book.mark(f"b{number}"))

        return hook

    for number, layer in enumerate(layers):
        layer.register_forward_pre_hook(before(number))
        layer.register_forward_hook(after(number))
    original = accelerator.backward

    def backward(*args: Any, **kwargs: Any) -> None:
        book.backward = True
        original(*args, **kwargs)

    accelerator.backward = backward
