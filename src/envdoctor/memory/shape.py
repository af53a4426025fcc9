"""The shape of a model: the figures of its `config.json` that decide how much memory it takes. Text in, `Shape` out."""

from __future__ import annotations

from envdoctor.memory.families import TRAITS
from envdoctor.model.errors import InputError
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


_DEEPEST, _LARGEST = 1000, 1 << 24


class Shape(Record):
    """What of a configuration counts. Sizes are elements; what a family adds stands in its traits (`families.py`)."""

    family: str  # model_type
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocab: int
    tied: bool
    qkv_bias: bool = False
    output_bias: bool = False
    mlp_bias: bool = False
    gated: bool = True
    new_gelu: bool = False
    relu_squared: bool = False
    relu: bool = False
    dropout: bool = False  # some of what a layer adds is left out at random
    fused: str = ""  # qkv: q, k and v are one matrix; mlp: gate and up are; both
    norm_bias: bool = False
    head_bias: bool = False
    norm: str = "llama"
    norms: str = "pre"  # pre | post | sandwich | parallel
    query_norm: str = ""  # head: over each head; full: over all heads
    rotary: str = "half"  # half: rotate_half; chunk: two halves apart; wide: in fp32; windowed: so in layers with a window; "": none
    experts: int = 0
    experts_used: int = 0
    expert_size: int = 0
    shared_size: int = 0
    expert_bias: bool = False
    shared_gate: bool = False
    dense_layers: int = 0  # layers at the bottom that have no experts
    spread_keys: bool = False  # one key head is spread over all query heads without a kernel (falcon-7b)
    sinks: bool = False
    positions: int = 0  # rows of learned positions
    embedding_norm: bool = False
    scaled_embedding: bool = False
    multiplied: bool = False  # what a layer adds is multiplied by a number
    scaled_logits: bool = False
    capped_logits: bool = False
    capped_scores: bool = False
    window: int = 0  # 0: every layer sees everything
    window_layers: int = 0  # layers that see only the window
    latent: tuple[int, int, int, int, int] = ()  # type: ignore[assignment] # q_lora_rank, kv_lora_rank, nope, rope and value sizes
    stored: str = ""  # how the published weights are stored, when not in 16 bit: mxfp4, fp8
    wide: bool = False  # they are stored in fp32
    calibrated: bool = False
    traced: bool = False

    @property
    def queries(self) -> int:
        """Return the columns of all heads together."""
        return self.heads * self.head_dim

    @property
    def keys(self) -> int:
        """Return the columns of all key heads together."""
        return self.kv_heads * self.head_dim

    @property
    def expert_layers(self) -> int:
        """Return how many layers have experts."""
        return self.layers - self.dense_layers if self.experts else 0


def shape_of(configuration: Mapping[str, Any], where: str) -> Shape:
    """Read a configuration; `where` names it in errors. Raises InputError when sizes are missing or make no sense."""
    family = configuration.get("model_type")
    inner = configuration.get("text_config")
    quantised = configuration.get("quantization_config")
    if isinstance(inner, dict) and inner:  # a model of text and images: what is trained on text is the inner one
        told = inner.get("model_type") or f"{family}_text"
        configuration = {**{k: v for k, v in configuration.items() if k == "tie_word_embeddings"}, **inner, "model_type": told}
        family = told
    if not isinstance(family, str) or not family:
        raise InputError(f"{where}: has no model_type, so nothing says what kind of model it is; give the config.json of a model")
    traits = TRAITS.get(family)
    if traits is None:
        raise InputError(f"{where}: model_type {family!r} is not known here; `envdoctor fit` knows {', '.join(sorted(TRAITS))}")

    def whole(*names: str, default: int | None = None) -> int:
        for name in names:
            value = configuration.get(name)
            if isinstance(value, bool) or value is None:
                continue
            if not isinstance(value, int) or not 0 < value < _LARGEST:
                raise InputError(f"{where}: {name} is {value!r}, and must be a whole number between 1 and {_LARGEST - 1:,}")
            return value
        if default is not None:
            return default
        raise InputError(f"{where}: says nothing of {names[0]}; a configuration with sizes is needed (config.json of the model itself)")

    hidden = whole("hidden_size", "n_embd", "d_model")
    heads = whole("num_attention_heads", "n_head")
    layers = whole("num_hidden_layers", "n_layer")
    head_dim = whole("head_dim", default=traits.head_dim or max(1, hidden // heads))
    experts = whole("num_local_experts", "num_experts", "n_routed_experts", default=0) if traits.experts else 0
    kv_heads = whole("num_key_value_heads", "num_kv_heads", default=heads)
    if configuration.get("multi_query") and not configuration.get("new_decoder_architecture"):
        kv_heads = 1  # falcon-7b
    tied = configuration.get("tie_word_embeddings", traits.tied)
    window, count = _window(configuration, traits.window, layers)
    expert_size = whole("moe_intermediate_size", "intermediate_size", default=0) if experts else 0
    shared = whole("shared_expert_intermediate_size", default=0) if experts else 0
    if traits.shared and experts:
        shared = expert_size * whole("n_shared_experts", default=1)
    latent: tuple[int, ...] = ()
    if traits.latent:
        latent = (
            configuration.get("q_lora_rank") or 0,
            *(whole(n) for n in ("kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim")),
        )
    dense = configuration.get("first_k_dense_replace")
    dense = dense if isinstance(dense, int) and dense > 0 else 0
    bias = configuration.get("attention_bias")
    if bias is None:
        bias = configuration.get("use_bias", configuration.get("enable_bias", traits.qkv_bias))
    method = quantised.get("quant_method", "") if isinstance(quantised, dict) else ""
    parallel = configuration.get("use_parallel_residual")  # gpt_neox has two norms all the same
    positions = whole("n_positions", "max_position_embeddings") + traits.positions if traits.positions >= 0 else 0
    if configuration.get("word_embed_proj_dim", hidden) != hidden:
        raise InputError(f"{where}: word_embed_proj_dim differs from hidden_size, and such embeddings are not followed")
    _sound(where, layers, heads, kv_heads)
    return Shape(
        family=family,
        hidden=hidden,
        layers=layers,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        intermediate=whole("intermediate_size", "ffn_hidden_size", "ffn_dim", "n_inner", default=4 * hidden),
        vocab=whole("vocab_size"),
        tied=bool(tied),
        qkv_bias=bool(bias) or bool(configuration.get("use_qkv_bias")),
        output_bias=(bool(bias) and traits.output_bias) or configuration.get("attention_out_bias") is True,
        mlp_bias=bool(configuration.get("mlp_bias") or (bias and traits.mlp_bias)),
        gated=traits.gated,
        new_gelu=configuration.get("hidden_act", "gelu_new" if traits.new_gelu else "") == "gelu_new",
        relu_squared=configuration.get("hidden_act", "relu2" if traits.relu_squared else "") == "relu2",
        relu=configuration.get("activation_function", "relu" if family == "opt" else "") == "relu",
        dropout=bool(traits.dropout and configuration.get(traits.dropout, 0.1)),
        fused=traits.fused,
        norm_bias=traits.norm_bias,
        head_bias=bool(configuration.get("lm_head_bias", traits.head_bias)),
        norm=traits.norm,
        norms="parallel" if configuration.get("parallel_attn") or (parallel and family != "gpt_neox") else traits.norms,
        query_norm=traits.query_norm if configuration.get("use_qk_norm", configuration.get("qk_layernorm", family != "glm4_moe")) else "",
        rotary=traits.rotary if configuration.get("rotary", True) else "",
        experts=experts,
        experts_used=whole("num_experts_per_tok", "experts_per_token", default=1) if experts else 0,
        expert_size=expert_size,
        shared_size=int(shared),
        expert_bias=traits.expert_bias,
        shared_gate=traits.shared_gate,
        dense_layers=min(dense, layers) if experts else 0,
        spread_keys=traits.spread_keys and kv_heads == 1,
        sinks=traits.sinks,
        positions=positions,
        embedding_norm=traits.embedding_norm,
        scaled_embedding=traits.scaled_embedding,
        multiplied=traits.multiplied,
        scaled_logits=traits.scaled_logits,
        capped_logits=traits.capped and configuration.get("final_logit_softcapping", 1) is not None,
        capped_scores=traits.capped and configuration.get("attn_logit_softcapping", 1) is not None,
        window=window,
        window_layers=count,
        latent=latent,  # type: ignore[arg-type]
        stored=str(method),
        wide=configuration.get("dtype", configuration.get("torch_dtype")) == "float32",
        calibrated=traits.calibrated,
        traced=traits.traced,
    )


def _sound(where: str, layers: int, heads: int, kv_heads: int) -> None:
    """Raise InputError for figures that no model has."""
    if layers > _DEEPEST:
        raise InputError(f"{where}: num_hidden_layers is {layers}, and no model has more than {_DEEPEST}")
    if heads % kv_heads:
        raise InputError(f"{where}: {kv_heads} key heads (num_key_value_heads) do not divide {heads} heads (num_attention_heads)")


def _window(configuration: Mapping[str, Any], default: str, layers: int) -> tuple[int, int]:
    """Return the sliding window and how many layers have it: from `layer_types`, the pattern, or the family's rule."""
    window = configuration.get("sliding_window")
    if not isinstance(window, int) or window <= 0 or configuration.get("use_sliding_window") is False:
        return 0, 0
    kinds = configuration.get("layer_types")
    if isinstance(kinds, list):
        return window, sum(kind == "sliding_attention" for kind in kinds[:layers])
    every = (
        configuration.get("sliding_window_pattern") or configuration.get("_sliding_window_pattern") or {"half": 2, "most": 6}.get(default)
    )
    if isinstance(every, int) and every > 0 and default:
        return window, layers - layers // every
    return (window, layers) if default == "all" else (0, 0)
