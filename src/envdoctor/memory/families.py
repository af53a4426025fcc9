"""What a family adds to its configuration: how its layers are built, as transformers' modelling files write them. One row a model_type."""

from __future__ import annotations

from envdoctor.model.record import Record


class Traits(Record):
    """How a family's layers are built, and what its configuration class takes where a file is silent."""

    calibrated: bool = False  # its step on the tape was held against the allocator's record of a real one
    traced: bool = (
        False  # it was held against the libraries' own code on tensors without values, and at most a few of its layers ran on a GPU
    )
    tied: bool = False
    qkv_bias: bool = False
    output_bias: bool = False
    mlp_bias: bool = False
    head_bias: bool = False
    gated: bool = True
    new_gelu: bool = False
    relu_squared: bool = False
    dropout: str = ""  # the key of the configuration that says how much is left out; 0.1 where it is silent
    fused: str = ""  # qkv: q, k and v are one matrix; mlp: gate and up are; both
    norm_bias: bool = False
    norm: str = "llama"
    norms: str = "pre"
    query_norm: str = ""
    rotary: str = "half"
    head_dim: int = 0
    experts: bool = False
    expert_bias: bool = False
    shared: bool = False
    shared_gate: bool = False
    spread_keys: bool = False
    sinks: bool = False
    latent: bool = False
    scaled_embedding: bool = False
    multiplied: bool = False
    scaled_logits: bool = False
    capped: bool = False
    window: str = ""
    positions: int = -1  # rows of learned positions beyond those that the configuration counts; -1: positions are not learned
    embedding_norm: bool = False


_LLAMA = Traits(calibrated=True)
_GEMMA = Traits(tied=True, norm="gemma", norms="sandwich", head_dim=256, scaled_embedding=True)
TRAITS: dict[str, Traits] = {
    "llama": _LLAMA,
    "qwen2": Traits(calibrated=True, qkv_bias=True),
    "qwen3": Traits(calibrated=True, query_norm="head", head_dim=128),
    "qwen2_moe": Traits(calibrated=True, qkv_bias=True, experts=True, shared_gate=True),
    "qwen3_moe": Traits(calibrated=True, query_norm="head", head_dim=128, experts=True),
    "mistral": Traits(calibrated=True, window="all"),
    "mixtral": Traits(calibrated=True, experts=True, window="all"),
    "gemma": Traits(calibrated=True, tied=True, norm="gemma", head_dim=256, scaled_embedding=True),
    "gemma2": _GEMMA.replace(calibrated=True, window="half", capped=True),
    "gemma3_text": _GEMMA.replace(calibrated=True, query_norm="head", window="most"),
    "phi": Traits(
        calibrated=True, norm="layer", norm_bias=True, norms="parallel", gated=False, new_gelu=True, qkv_bias=True, output_bias=True,
        mlp_bias=True, head_bias=True,
    ),
    "phi3": Traits(calibrated=True, fused="both"),
    "gpt_oss": Traits(
        calibrated=True, norm="olmo", qkv_bias=True, output_bias=True, rotary="chunk", head_dim=64, experts=True, expert_bias=True,
        sinks=True, window="half",
    ),
    "smollm3": Traits(calibrated=True, tied=True),
    "falcon": Traits(
        calibrated=True, norm="layer", norm_bias=True, norms="parallel", gated=False, fused="qkv", tied=True, spread_keys=True,
    ),
    "olmo": Traits(calibrated=True, norm="bare"),
    "olmo2": Traits(calibrated=True, norm="olmo", norms="post", query_norm="full"),
    "granite": Traits(calibrated=True, tied=True, scaled_embedding=True, multiplied=True, scaled_logits=True),
    "cohere": Traits(calibrated=True, traced=True, tied=True, norm="centred", norms="parallel", scaled_logits=True, rotary="wide"),
    "cohere2": Traits(
        calibrated=True, tied=True, norm="centred", norms="parallel", scaled_logits=True, window="half", rotary="windowed",
    ),
    "deepseek_v2": Traits(calibrated=True, experts=True, shared=True, latent=True),
    "deepseek_v3": Traits(experts=True, shared=True, latent=True),
    "glm4": Traits(calibrated=True, qkv_bias=True, fused="mlp", norms="sandwich"),
    "starcoder2": Traits(
        calibrated=True, tied=True, norm="layer", norm_bias=True, gated=False, qkv_bias=True, output_bias=True, mlp_bias=True,
    ),
    "stablelm": Traits(calibrated=True, norm="layer", norm_bias=True),
    # Not measured: built from parts that others have, and held to the number of parameters of the real classes, some to their code.
    "gpt2": Traits(
        tied=True, norm="layer", norm_bias=True, gated=False, new_gelu=True, fused="qkv", qkv_bias=True, output_bias=True, mlp_bias=True,
        rotary="", positions=0, dropout="resid_pdrop",
    ),
    "opt": Traits(
        tied=True, norm="layer", norm_bias=True, gated=False, qkv_bias=True, output_bias=True, mlp_bias=True, rotary="", positions=2,
        dropout="dropout",
    ),
    "gpt_neox": Traits(norm="layer", norm_bias=True, gated=False, fused="qkv", qkv_bias=True, output_bias=True, mlp_bias=True),
    "bloom": Traits(
        tied=True, norm="layer", norm_bias=True, gated=False, fused="qkv", qkv_bias=True, output_bias=True, mlp_bias=True, rotary="",
        embedding_norm=True,
    ),
    "glm": Traits(calibrated=True, traced=True, qkv_bias=True, fused="mlp", head_dim=128),
    "olmo3": Traits(calibrated=True, traced=True, output_bias=True, norm="olmo", norms="post", query_norm="full"),
    "exaone4": Traits(traced=True, norms="post", query_norm="head"),
    "seed_oss": Traits(dropout="residual_dropout", qkv_bias=True, head_dim=128),
    "ernie4_5": Traits(calibrated=True, traced=True, tied=True, output_bias=True, mlp_bias=True),
    "ministral": Traits(calibrated=True, traced=True),
    "helium": Traits(calibrated=True, traced=True, norm="olmo"),
    "hunyuan_v1_dense": Traits(calibrated=True, traced=True, output_bias=True, query_norm="head"),
    "arcee": Traits(calibrated=True, traced=True, relu_squared=True, output_bias=True, gated=False),
    "nemotron": Traits(calibrated=True, traced=True, relu_squared=True, output_bias=True, norm="narrow", norm_bias=True, gated=False),
    "olmoe": Traits(calibrated=True, traced=True, output_bias=True, query_norm="full", experts=True),
    "phimoe": Traits(calibrated=True, traced=True, norm="layer", norm_bias=True, output_bias=True, experts=True),
    "granitemoe": Traits(
        calibrated=True, traced=True, output_bias=True, scaled_embedding=True, multiplied=True, scaled_logits=True, experts=True,
    ),
    "glm4_moe": Traits(calibrated=True, traced=True, query_norm="head", experts=True, shared=True),
    "dots1": Traits(calibrated=True, traced=True, query_norm="head", experts=True, shared=True),
    "minimax_m2": Traits(calibrated=True, traced=True, query_norm="full", experts=True),
    "internlm2": Traits(fused="qkv"),
    "baichuan": Traits(fused="qkv"),
}  # fmt: skip
