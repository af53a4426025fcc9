"""Builds the model of a run from its configuration, with adapters around it: the libraries' own classes, on fake tensors."""

from __future__ import annotations

from typing import Any

import quantised
import torch

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
_FOREIGN = ("quantization_config", "architectures", "auto_map", "torch_dtype", "dtype", "transformers_version", "_name_or_path")
_NAMES = {
    # how families call the projections; those that are one matrix get an adapter when any part of them does
    "q": ("q_proj", "qkv_proj", "query_key_value"),
    "k": ("k_proj", "qkv_proj", "query_key_value"),
    "v": ("v_proj", "qkv_proj", "query_key_value"),
    "o": ("o_proj", "dense"),
    "gate": ("gate_proj", "gate_up_proj"),
    "up": ("up_proj", "gate_up_proj", "fc1", "c_fc", "dense_h_to_4h"),
    "down": ("down_proj", "fc2", "c_proj", "dense_4h_to_h"),
}


class Unknown(Exception):
    """The libraries that are there have nothing of that name. Says which, and what."""


def configured(asked: dict[str, Any]) -> Any:
    """Return the configuration of the whole model; of one for text and images, that of the text."""
    import transformers
    from transformers import CONFIG_MAPPING, AutoConfig

    values = {name: value for name, value in asked["configuration"].items() if name not in _FOREIGN}
    kind = values.pop("model_type")
    if kind not in CONFIG_MAPPING:
        raise Unknown(f"transformers {transformers.__version__} there knows no model of type {kind}")
    config = AutoConfig.for_model(kind, **values)
    config = config.get_text_config() if hasattr(config, "get_text_config") else config
    config.use_cache = False
    return config


def kinds(asked: dict[str, Any]) -> list[Any]:
    """Return what the configuration says of each layer: its attention, its rotation, and whether it has experts."""
    config = configured(asked)
    layers = config.num_hidden_layers
    lists = [value for value in vars(config).values() if isinstance(value, (list, tuple)) and len(value) == layers]
    dense, every = getattr(config, "first_k_dense_replace", None) or 0, getattr(config, "decoder_sparse_step", None) or 1
    alone = set(getattr(config, "mlp_only_layers", None) or ())
    wide = getattr(config, "sliding_window_pattern", None) or getattr(config, "_sliding_window_pattern", None)
    wide = wide or (2 if config.model_type == "gemma2" else 1)  # before transformers told it by `layer_types`
    return [
        (at < dense, at in alone, (at + 1) % every == 0, (at + 1) % wide == 0, *[str(told[at]) for told in lists]) for at in range(layers)
    ]


def experts(asked: dict[str, Any]) -> int:
    """Return how many experts share the tokens of a layer; 0 where there are none."""
    config = configured(asked)
    found = [getattr(config, name, None) for name in ("num_experts", "num_local_experts", "n_routed_experts")]
    return next((told for told in found if isinstance(told, int)), 0)


def shortened(asked: dict[str, Any], layers: int) -> Any:
    """Return the configuration of the model with so many layers."""
    config = configured(asked)
    full = config.num_hidden_layers
    for name, value in list(vars(config).items()):
        if isinstance(value, (list, tuple)) and len(value) == full:
            setattr(config, name, list(value[:layers]))
    if (getattr(config, "max_window_layers", None) or 0) >= full:
        config.max_window_layers = layers
    config.num_hidden_layers = layers
    return config


def build(asked: dict[str, Any], layers: int) -> Any:
    """Build the model; weights have sizes and no values."""
    import transformers

    try:
        from transformers.initialization import no_init_weights
    except ImportError:  # transformers 4
        from transformers.modeling_utils import no_init_weights

    dtype = DTYPES[asked["dtype"]]
    named = "dtype" if int(transformers.__version__.split(".")[0]) >= 5 else "torch_dtype"
    with no_init_weights():
        model = transformers.AutoModelForCausalLM.from_config(
            shortened(asked, layers), attn_implementation=asked["attention"], **{named: dtype}
        )
    model.tie_weights()
    if asked["method"] == "qlora":
        quantised.quantise(model, dtype, nested=asked["double_quantised"])
    return model


def adapt(model: Any, asked: dict[str, Any]) -> Any:
    """Put the adapters of the method around the model."""
    if asked["method"] == "full":
        return model
    from peft import get_peft_model, prepare_model_for_kbit_training

    if asked["method"] == "qlora":
        more = {"gradient_checkpointing_kwargs": {"use_reentrant": False}}
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=asked["checkpointing"], **more)
    return get_peft_model(model, lora(asked, model))


def lora(asked: dict[str, Any], model: Any) -> Any:
    """Return the adapters' configuration, with the names that this model gives its projections."""
    from peft import LoraConfig

    kinds = (torch.nn.Linear, torch.nn.Embedding)
    there = {name.rpartition(".")[2] for name, module in model.named_modules() if isinstance(module, kinds)}
    wanted: Any = sorted({name for target in asked["targets"] for name in _NAMES.get(target, (target,)) if name in there})
    if asked["everything"]:
        wanted = "all-linear"
    more: dict[str, Any] = {"use_dora": True} if asked["method"] == "dora" else {}
    if asked["saved"]:
        more["modules_to_save"] = asked["saved"]
    return LoraConfig(r=asked["rank"], lora_alpha=2 * asked["rank"], target_modules=wanted, task_type="CAUSAL_LM", **more)
