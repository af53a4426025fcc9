"""What the objects say that a trainer is given: read by the names of their fields, without their libraries."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from envdoctor.facts.arguments import arguments, loaded


def named(name: str, module: str, **fields: Any) -> Any:
    """Return an object of a class of that name and module."""
    made = type(name, (), {"__module__": module})()
    vars(made).update(fields)
    return made


def test_training_arguments_are_read_by_their_fields() -> None:
    optimizer = SimpleNamespace(value="adamw_torch_fused")  # an enumeration, as TrainingArguments keeps it
    args = named(
        "TrainingArguments",
        "transformers.training_args",
        per_device_train_batch_size=2,
        gradient_checkpointing=False,
        optim=optimizer,
        bf16=True,
        fp16=False,
        deepspeed=None,
        fsdp=[],
    )
    expected = {"batch": 2, "checkpointing": False, "optimizer": "adamw_torch_fused", "dtype": "bf16", "trainer": "transformers"}
    assert arguments(args) == expected


def test_adapters_that_do_more_than_is_followed_are_named() -> None:
    lora = named("LoraConfig", "peft.tuners.lora.config", r=8, target_modules=None, modules_to_save=["lm_head"])
    found = arguments(None, lora)
    assert found == {"rank": 8, "defaults": ("targets",), "unfollowed": "modules_to_save"}
    assert arguments(named("Own", "mine", deepspeed="zero3.json"))["unfollowed"] == "deepspeed"


def parameters(*trained: bool) -> Any:
    return lambda: [SimpleNamespace(requires_grad=each) for each in trained]


def test_a_loaded_model_tells_how_it_is_trained() -> None:
    config = SimpleNamespace(_attn_implementation="sdpa")
    whole = SimpleNamespace(config=config, dtype="torch.bfloat16", parameters=parameters(True, True))
    assert loaded(whole) == {"attention": "sdpa", "weights": "bf16", "method": "full"}
    assert "method" not in loaded(SimpleNamespace(config=config, dtype="torch.bfloat16", parameters=parameters(True, False)))
    adapter = {"default": named("LoraConfig", "peft")}
    assert loaded(SimpleNamespace(config=config, dtype="torch.float16", peft_config=adapter))["method"] == "lora"


def test_a_quantised_model_is_not_taken_for_a_plain_one() -> None:
    four = SimpleNamespace(_attn_implementation="eager", quantization_config={"load_in_4bit": True})
    adapter = {"default": named("LoraConfig", "peft")}
    model = SimpleNamespace(config=four, dtype="torch.bfloat16", peft_config=adapter, is_loaded_in_4bit=True)
    assert loaded(model) == {"attention": "eager", "method": "qlora"}
    model.is_loaded_in_4bit = False  # 8 bit, or another format
    assert loaded(model) == {"attention": "eager"}
    assert loaded(None) == {}
