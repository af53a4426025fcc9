"""Shapes of models that people fine-tune, for when no configuration is at hand: facts of their published `config.json`, nothing else.

A row is the repository (the Instruct, chat and quantised variants of it are found by name), the model_type, and the sizes; what a
configuration says beyond the default of its class follows. `tests/memory/test_catalogue.py` holds the number of parameters that comes
of each row to the one its publisher states.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TIED: dict[str, Any] = {"tie_word_embeddings": True}
_D64: dict[str, Any] = {"head_dim": 64}
_D128: dict[str, Any] = {"head_dim": 128}
_QWEN3: dict[str, Any] = {"head_dim": 128, **_TIED}
_MLA: dict[str, Any] = {"kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128}
_OSS: dict[str, Any] = {
    **_D64, "num_experts_per_tok": 4, "sliding_window": 128, "quantization_config": {"quant_method": "mxfp4"},
}  # fmt: skip
_OPT: dict[str, Any] = {"max_position_embeddings": 2048}
_FIELDS = (
    "model_type", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "vocab_size",
)  # fmt: skip
Row = "tuple[str, int, int, int, int, int, int, dict[str, Any]]"

# repository: model_type, hidden, intermediate, layers, heads, key heads, vocabulary, and the rest
ROWS: dict[str, tuple[str, int, int, int, int, int, int, dict[str, Any]]] = {
    "meta-llama/Llama-2-7b-hf": ("llama", 4096, 11008, 32, 32, 32, 32000, {}),
    "meta-llama/Llama-2-13b-hf": ("llama", 5120, 13824, 40, 40, 40, 32000, {}),
    "meta-llama/Llama-2-70b-hf": ("llama", 8192, 28672, 80, 64, 8, 32000, {}),
    "meta-llama/Meta-Llama-3-8B": ("llama", 4096, 14336, 32, 32, 8, 128256, {}),
    "meta-llama/Meta-Llama-3-70B": ("llama", 8192, 28672, 80, 64, 8, 128256, {}),
    "meta-llama/Llama-3.1-8B": ("llama", 4096, 14336, 32, 32, 8, 128256, {}),
    "meta-llama/Llama-3.1-70B": ("llama", 8192, 28672, 80, 64, 8, 128256, {}),
    "meta-llama/Llama-3.1-405B": ("llama", 16384, 53248, 126, 128, 8, 128256, {}),
    "meta-llama/Llama-3.2-1B": ("llama", 2048, 8192, 16, 32, 8, 128256, {**_D64, **_TIED}),
    "meta-llama/Llama-3.2-3B": ("llama", 3072, 8192, 28, 24, 8, 128256, {**_D128, **_TIED}),
    "meta-llama/Llama-3.3-70B-Instruct": ("llama", 8192, 28672, 80, 64, 8, 128256, {}),
    "TinyLlama/TinyLlama-1.1B-Chat-v1.0": ("llama", 2048, 5632, 22, 32, 4, 32000, {}),
    "codellama/CodeLlama-7b-hf": ("llama", 4096, 11008, 32, 32, 32, 32016, {}),
    "codellama/CodeLlama-13b-hf": ("llama", 5120, 13824, 40, 40, 40, 32016, {}),
    "codellama/CodeLlama-34b-hf": ("llama", 8192, 22016, 48, 64, 8, 32000, {}),
    "lmsys/vicuna-7b-v1.5": ("llama", 4096, 11008, 32, 32, 32, 32000, {}),
    "01-ai/Yi-6B": ("llama", 4096, 11008, 32, 32, 4, 64000, {}),
    "01-ai/Yi-9B": ("llama", 4096, 11008, 48, 32, 4, 64000, {}),
    "01-ai/Yi-34B": ("llama", 7168, 20480, 60, 56, 8, 64000, {}),
    "01-ai/Yi-1.5-6B": ("llama", 4096, 11008, 32, 32, 4, 64000, {}),
    "01-ai/Yi-1.5-9B": ("llama", 4096, 11008, 48, 32, 4, 64000, {}),
    "01-ai/Yi-1.5-34B": ("llama", 7168, 20480, 60, 56, 8, 64000, {}),
    "deepseek-ai/deepseek-llm-7b-base": ("llama", 4096, 11008, 30, 32, 32, 102400, {}),
    "deepseek-ai/deepseek-coder-1.3b-base": ("llama", 2048, 5504, 24, 16, 16, 32256, {}),
    "deepseek-ai/deepseek-coder-6.7b-base": ("llama", 4096, 11008, 32, 32, 32, 32256, {}),
    "deepseek-ai/DeepSeek-R1-Distill-Llama-8B": ("llama", 4096, 14336, 32, 32, 8, 128256, {}),
    "deepseek-ai/DeepSeek-R1-Distill-Llama-70B": ("llama", 8192, 28672, 80, 64, 8, 128256, {}),
    "HuggingFaceTB/SmolLM-135M": ("llama", 576, 1536, 30, 9, 3, 49152, _TIED),
    "HuggingFaceTB/SmolLM-360M": ("llama", 960, 2560, 32, 15, 5, 49152, _TIED),
    "HuggingFaceTB/SmolLM-1.7B": ("llama", 2048, 8192, 24, 32, 32, 49152, _TIED),
    "HuggingFaceTB/SmolLM2-135M": ("llama", 576, 1536, 30, 9, 3, 49152, _TIED),
    "HuggingFaceTB/SmolLM2-360M": ("llama", 960, 2560, 32, 15, 5, 49152, _TIED),
    "HuggingFaceTB/SmolLM2-1.7B": ("llama", 2048, 8192, 24, 32, 32, 49152, _TIED),
    "HuggingFaceTB/SmolLM3-3B": ("smollm3", 2048, 11008, 36, 16, 4, 128256, _TIED),
    "tiiuae/Falcon3-1B-Base": ("llama", 2048, 8192, 18, 8, 4, 131072, {"head_dim": 256}),
    "tiiuae/Falcon3-3B-Base": ("llama", 3072, 9216, 22, 12, 4, 131072, {"head_dim": 256}),
    "tiiuae/Falcon3-7B-Base": ("llama", 3072, 23040, 28, 12, 4, 131072, {"head_dim": 256}),
    "tiiuae/Falcon3-10B-Base": ("llama", 3072, 23040, 40, 12, 4, 131072, {"head_dim": 256}),
    "Qwen/Qwen1.5-0.5B": ("qwen2", 1024, 2816, 24, 16, 16, 151936, _TIED),
    "Qwen/Qwen1.5-1.8B": ("qwen2", 2048, 5504, 24, 16, 16, 151936, {}),
    "Qwen/Qwen1.5-7B": ("qwen2", 4096, 11008, 32, 32, 32, 151936, {}),
    "Qwen/Qwen1.5-14B": ("qwen2", 5120, 13696, 40, 40, 40, 152064, {}),
    "Qwen/Qwen2-0.5B": ("qwen2", 896, 4864, 24, 14, 2, 151936, _TIED),
    "Qwen/Qwen2-1.5B": ("qwen2", 1536, 8960, 28, 12, 2, 151936, _TIED),
    "Qwen/Qwen2-7B": ("qwen2", 3584, 18944, 28, 28, 4, 152064, {}),
    "Qwen/Qwen2-72B": ("qwen2", 8192, 29568, 80, 64, 8, 152064, {}),
    "Qwen/Qwen2.5-0.5B": ("qwen2", 896, 4864, 24, 14, 2, 151936, _TIED),
    "Qwen/Qwen2.5-1.5B": ("qwen2", 1536, 8960, 28, 12, 2, 151936, _TIED),
    "Qwen/Qwen2.5-3B": ("qwen2", 2048, 11008, 36, 16, 2, 151936, _TIED),
    "Qwen/Qwen2.5-7B": ("qwen2", 3584, 18944, 28, 28, 4, 152064, {}),
    "Qwen/Qwen2.5-14B": ("qwen2", 5120, 13824, 48, 40, 8, 152064, {}),
    "Qwen/Qwen2.5-32B": ("qwen2", 5120, 27648, 64, 40, 8, 152064, {}),
    "Qwen/Qwen2.5-72B": ("qwen2", 8192, 29568, 80, 64, 8, 152064, {}),
    "Qwen/Qwen2.5-Coder-0.5B": ("qwen2", 896, 4864, 24, 14, 2, 151936, _TIED),
    "Qwen/Qwen2.5-Coder-1.5B": ("qwen2", 1536, 8960, 28, 12, 2, 151936, _TIED),
    "Qwen/Qwen2.5-Coder-3B": ("qwen2", 2048, 11008, 36, 16, 2, 151936, _TIED),
    "Qwen/Qwen2.5-Coder-7B": ("qwen2", 3584, 18944, 28, 28, 4, 152064, {}),
    "Qwen/Qwen2.5-Coder-14B": ("qwen2", 5120, 13824, 48, 40, 8, 152064, {}),
    "Qwen/Qwen2.5-Coder-32B": ("qwen2", 5120, 27648, 64, 40, 8, 152064, {}),
    "Qwen/Qwen2.5-Math-1.5B": ("qwen2", 1536, 8960, 28, 12, 2, 151936, _TIED),
    "Qwen/Qwen2.5-Math-7B": ("qwen2", 3584, 18944, 28, 28, 4, 152064, {}),
    "Qwen/QwQ-32B": ("qwen2", 5120, 27648, 64, 40, 8, 152064, {}),
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B": ("qwen2", 1536, 8960, 28, 12, 2, 151936, {}),
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B": ("qwen2", 3584, 18944, 28, 28, 4, 152064, {}),
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B": ("qwen2", 5120, 13824, 48, 40, 8, 152064, {}),
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B": ("qwen2", 5120, 27648, 64, 40, 8, 152064, {}),
    "Qwen/Qwen3-0.6B": ("qwen3", 1024, 3072, 28, 16, 8, 151936, _QWEN3),
    "Qwen/Qwen3-1.7B": ("qwen3", 2048, 6144, 28, 16, 8, 151936, _QWEN3),
    "Qwen/Qwen3-4B": ("qwen3", 2560, 9728, 36, 32, 8, 151936, _QWEN3),
    "Qwen/Qwen3-8B": ("qwen3", 4096, 12288, 36, 32, 8, 151936, _D128),
    "Qwen/Qwen3-14B": ("qwen3", 5120, 17408, 40, 40, 8, 151936, _D128),
    "Qwen/Qwen3-32B": ("qwen3", 5120, 25600, 64, 64, 8, 151936, _D128),
    "Qwen/Qwen3-30B-A3B": (
        "qwen3_moe", 2048, 6144, 48, 32, 4, 151936,
        {**_D128, "num_experts": 128, "num_experts_per_tok": 8, "moe_intermediate_size": 768},
    ),
    "Qwen/Qwen3-Coder-30B-A3B-Instruct": (
        "qwen3_moe", 2048, 6144, 48, 32, 4, 151936,
        {**_D128, "num_experts": 128, "num_experts_per_tok": 8, "moe_intermediate_size": 768},
    ),
    "Qwen/Qwen3-235B-A22B": (
        "qwen3_moe", 4096, 12288, 94, 64, 4, 151936,
        {**_D128, "num_experts": 128, "num_experts_per_tok": 8, "moe_intermediate_size": 1536},
    ),
    "Qwen/Qwen1.5-MoE-A2.7B": (
        "qwen2_moe", 2048, 5632, 24, 16, 16, 151936,
        {"num_experts": 60, "num_experts_per_tok": 4, "moe_intermediate_size": 1408, "shared_expert_intermediate_size": 5632},
    ),
    "mistralai/Mistral-7B-v0.1": ("mistral", 4096, 14336, 32, 32, 8, 32000, {"sliding_window": 4096}),
    "mistralai/Mistral-7B-Instruct-v0.2": ("mistral", 4096, 14336, 32, 32, 8, 32000, {}),
    "mistralai/Mistral-7B-v0.3": ("mistral", 4096, 14336, 32, 32, 8, 32768, {}),
    "HuggingFaceH4/zephyr-7b-beta": ("mistral", 4096, 14336, 32, 32, 8, 32000, {"sliding_window": 4096}),
    "mistralai/Mistral-Nemo-Base-2407": ("mistral", 5120, 14336, 40, 32, 8, 131072, _D128),
    "mistralai/Mistral-Small-24B-Base-2501": ("mistral", 5120, 32768, 40, 32, 8, 131072, _D128),
    "mistralai/Mistral-Small-Instruct-2409": ("mistral", 6144, 16384, 56, 48, 8, 32768, _D128),
    "mistralai/Mistral-Large-Instruct-2407": ("mistral", 12288, 28672, 88, 96, 8, 32768, _D128),
    "mistralai/Ministral-8B-Instruct-2410": ("mistral", 4096, 12288, 36, 32, 8, 131072, {**_D128, "sliding_window": 32768}),
    "mistralai/Mixtral-8x7B-v0.1": ("mixtral", 4096, 14336, 32, 32, 8, 32000, {"num_local_experts": 8, "num_experts_per_tok": 2}),
    "mistralai/Mixtral-8x22B-v0.1": ("mixtral", 6144, 16384, 56, 48, 8, 32000, {"num_local_experts": 8, "num_experts_per_tok": 2}),
    "google/gemma-2b": ("gemma", 2048, 16384, 18, 8, 1, 256000, {}),
    "google/gemma-7b": ("gemma", 3072, 24576, 28, 16, 16, 256000, {}),
    "google/gemma-2-2b": ("gemma2", 2304, 9216, 26, 8, 4, 256000, {"sliding_window": 4096}),
    "google/gemma-2-9b": ("gemma2", 3584, 14336, 42, 16, 8, 256000, {"sliding_window": 4096}),
    "google/gemma-2-27b": ("gemma2", 4608, 36864, 46, 32, 16, 256000, {"sliding_window": 4096, "head_dim": 128}),
    "google/gemma-3-270m": ("gemma3_text", 640, 2048, 18, 4, 1, 262144, {"sliding_window": 512}),
    "google/gemma-3-1b-pt": ("gemma3_text", 1152, 6912, 26, 4, 1, 262144, {"sliding_window": 512}),
    "google/gemma-3-4b-pt": ("gemma3_text", 2560, 10240, 34, 8, 4, 262208, {"sliding_window": 1024}),
    "google/gemma-3-12b-pt": ("gemma3_text", 3840, 15360, 48, 16, 8, 262208, {"sliding_window": 1024}),
    "google/gemma-3-27b-pt": ("gemma3_text", 5376, 21504, 62, 32, 16, 262208, {"sliding_window": 1024, "head_dim": 128}),
    "microsoft/phi-1_5": ("phi", 2048, 8192, 24, 32, 32, 51200, {}),
    "microsoft/phi-2": ("phi", 2560, 10240, 32, 32, 32, 51200, {}),
    "microsoft/Phi-3-mini-4k-instruct": ("phi3", 3072, 8192, 32, 32, 32, 32064, {}),
    "microsoft/Phi-3.5-mini-instruct": ("phi3", 3072, 8192, 32, 32, 32, 32064, {}),
    "microsoft/Phi-3-medium-4k-instruct": ("phi3", 5120, 17920, 40, 40, 10, 32064, {}),
    "microsoft/phi-4": ("phi3", 5120, 17920, 40, 40, 10, 100352, {}),
    "microsoft/Phi-4-mini-instruct": ("phi3", 3072, 8192, 32, 24, 8, 200064, _TIED),
    "openai/gpt-oss-20b": (
        "gpt_oss", 2880, 2880, 24, 64, 8, 201088,
        {**_OSS, "num_local_experts": 32},
    ),
    "openai/gpt-oss-120b": (
        "gpt_oss", 2880, 2880, 36, 64, 8, 201088,
        {**_OSS, "num_local_experts": 128},
    ),
    "tiiuae/falcon-7b": ("falcon", 4544, 18176, 32, 71, 1, 65024, {"multi_query": True, "parallel_attn": True}),
    "allenai/OLMo-1B-hf": ("olmo", 2048, 8192, 16, 16, 16, 50304, _TIED),
    "allenai/OLMo-7B-hf": ("olmo", 4096, 11008, 32, 32, 32, 50304, {}),
    "allenai/OLMo-2-0425-1B": ("olmo2", 2048, 8192, 16, 16, 16, 100352, {}),
    "allenai/OLMo-2-1124-7B": ("olmo2", 4096, 11008, 32, 32, 32, 100352, {}),
    "allenai/OLMo-2-1124-13B": ("olmo2", 5120, 13824, 40, 40, 40, 100352, {}),
    "allenai/OLMo-2-0325-32B": ("olmo2", 5120, 27648, 64, 40, 8, 100352, {}),
    "ibm-granite/granite-3.3-2b-base": ("granite", 2048, 8192, 40, 32, 8, 49159, _TIED),
    "ibm-granite/granite-3.3-8b-base": ("granite", 4096, 12800, 40, 32, 8, 49159, _TIED),
    "CohereLabs/c4ai-command-r-v01": ("cohere", 8192, 22528, 40, 64, 64, 256000, {}),
    "CohereLabs/c4ai-command-r7b-12-2024": (
        "cohere2", 4096, 14336, 32, 32, 8, 256000, {"sliding_window": 4096, "sliding_window_pattern": 4},
    ),
    "deepseek-ai/DeepSeek-V2-Lite": (
        "deepseek_v2", 2048, 10944, 27, 16, 16, 102400,
        {**_MLA, "n_routed_experts": 64, "n_shared_experts": 2, "num_experts_per_tok": 6, "moe_intermediate_size": 1408,
         "first_k_dense_replace": 1},
    ),
    "deepseek-ai/DeepSeek-V2": (
        "deepseek_v2", 5120, 12288, 60, 128, 128, 102400,
        {**_MLA, "q_lora_rank": 1536, "n_routed_experts": 160, "n_shared_experts": 2, "num_experts_per_tok": 6,
         "moe_intermediate_size": 1536, "first_k_dense_replace": 1},
    ),
    "deepseek-ai/DeepSeek-V3": (
        "deepseek_v3", 7168, 18432, 61, 128, 128, 129280,
        {**_MLA, "q_lora_rank": 1536, "n_routed_experts": 256, "n_shared_experts": 1, "num_experts_per_tok": 8,
         "moe_intermediate_size": 2048, "first_k_dense_replace": 3, "quantization_config": {"quant_method": "fp8"}},
    ),
    "deepseek-ai/DeepSeek-R1": (
        "deepseek_v3", 7168, 18432, 61, 128, 128, 129280,
        {**_MLA, "q_lora_rank": 1536, "n_routed_experts": 256, "n_shared_experts": 1, "num_experts_per_tok": 8,
         "moe_intermediate_size": 2048, "first_k_dense_replace": 3, "quantization_config": {"quant_method": "fp8"}},
    ),
    "zai-org/GLM-4-9B-0414": ("glm4", 4096, 13696, 40, 32, 2, 151552, {**_D128, "attention_bias": True}),
    "zai-org/GLM-4-32B-0414": ("glm4", 6144, 23040, 61, 48, 2, 151552, {**_D128, "attention_bias": False}),
    "bigcode/starcoder2-3b": ("starcoder2", 3072, 12288, 30, 24, 2, 49152, {}),
    "bigcode/starcoder2-7b": ("starcoder2", 4608, 18432, 32, 36, 4, 49152, {}),
    "bigcode/starcoder2-15b": ("starcoder2", 6144, 24576, 40, 48, 4, 49152, {"tie_word_embeddings": False}),
    "stabilityai/stablelm-3b-4e1t": ("stablelm", 2560, 6912, 32, 32, 32, 50304, {}),
    "stabilityai/stablelm-2-1_6b": ("stablelm", 2048, 5632, 24, 32, 32, 100352, {"use_qkv_bias": True}),
    "openai-community/gpt2": ("gpt2", 768, 3072, 12, 12, 12, 50257, {"n_positions": 1024}),
    "openai-community/gpt2-medium": ("gpt2", 1024, 4096, 24, 16, 16, 50257, {"n_positions": 1024}),
    "openai-community/gpt2-large": ("gpt2", 1280, 5120, 36, 20, 20, 50257, {"n_positions": 1024}),
    "openai-community/gpt2-xl": ("gpt2", 1600, 6400, 48, 25, 25, 50257, {"n_positions": 1024}),
    "facebook/opt-125m": ("opt", 768, 3072, 12, 12, 12, 50272, _OPT),
    "facebook/opt-1.3b": ("opt", 2048, 8192, 24, 32, 32, 50272, _OPT),
    "facebook/opt-2.7b": ("opt", 2560, 10240, 32, 32, 32, 50272, _OPT),
    "facebook/opt-6.7b": ("opt", 4096, 16384, 32, 32, 32, 50272, _OPT),
    "facebook/opt-13b": ("opt", 5120, 20480, 40, 40, 40, 50272, _OPT),
    "EleutherAI/pythia-70m": ("gpt_neox", 512, 2048, 6, 8, 8, 50304, {}),
    "EleutherAI/pythia-160m": ("gpt_neox", 768, 3072, 12, 12, 12, 50304, {}),
    "EleutherAI/pythia-410m": ("gpt_neox", 1024, 4096, 24, 16, 16, 50304, {}),
    "EleutherAI/pythia-1b": ("gpt_neox", 2048, 8192, 16, 8, 8, 50304, {}),
    "EleutherAI/pythia-1.4b": ("gpt_neox", 2048, 8192, 24, 16, 16, 50304, {}),
    "EleutherAI/pythia-2.8b": ("gpt_neox", 2560, 10240, 32, 32, 32, 50304, {}),
    "EleutherAI/pythia-6.9b": ("gpt_neox", 4096, 16384, 32, 32, 32, 50432, {}),
    "EleutherAI/pythia-12b": ("gpt_neox", 5120, 20480, 36, 40, 40, 50688, {}),
    "bigscience/bloom-560m": ("bloom", 1024, 4096, 24, 16, 16, 250880, {}),
    "bigscience/bloom-1b7": ("bloom", 2048, 8192, 24, 16, 16, 250880, {}),
    "bigscience/bloom-7b1": ("bloom", 4096, 16384, 30, 32, 32, 250880, {}),
    "allenai/OLMoE-1B-7B-0924": ("olmoe", 2048, 1024, 16, 16, 16, 50304, {"num_experts": 64, "num_experts_per_tok": 8}),
    "internlm/internlm2-1_8b": ("internlm2", 2048, 8192, 24, 16, 8, 92544, {}),
    "internlm/internlm2-7b": ("internlm2", 4096, 14336, 32, 32, 8, 92544, {}),
    "internlm/internlm2-20b": ("internlm2", 6144, 16384, 48, 48, 8, 92544, {}),
    "internlm/internlm2_5-7b": ("internlm2", 4096, 14336, 32, 32, 8, 92544, {}),
    "baichuan-inc/Baichuan2-7B-Base": ("baichuan", 4096, 11008, 32, 32, 32, 125696, {}),
    "baichuan-inc/Baichuan2-13B-Base": ("baichuan", 5120, 13696, 40, 40, 40, 125696, {"rotary": False}),
}  # fmt: skip

_ENDINGS = (
    "-unsloth-bnb-4bit", "-bnb-4bit", "-bnb-8bit", "-unsloth", "-bf16", "-fp8", "-instruct", "-it", "-pt", "-chat", "-base", "-hf",
    "-thinking", "-2507", "-text", "-v0.1", "-v0.2", "-v0.3", "-v01", "-v1.0", "-4k", "-8k", "-128k",
)  # fmt: skip


def configuration(name: str) -> dict[str, Any] | None:
    """Return the configuration of a well-known repository or of its variants, or None.

    >>> [(configuration(name) or {}).get("hidden_size") for name in ("Qwen/Qwen2.5-7B-Instruct", "unsloth/gpt-oss-20b", "me/own")]
    [3584, 2880, None]
    """
    row = ROWS.get(name) or _by_stem().get(stem(name))
    if row is None:
        return None
    return dict(zip(_FIELDS, row[:7], strict=True)) | row[7]


def stem(name: str) -> str:
    """Return a repository's name without its organisation and without what names a variant of the same shape."""
    short = name.rpartition("/")[2].lower().replace("meta-llama-", "llama-")
    shorter = True
    while shorter:
        shorter = False
        for ending in _ENDINGS:
            if short.endswith(ending):
                short, shorter = short[: -len(ending)], True
    return short


def near(name: str) -> list[str]:
    """Return the names most like one that is not known."""
    from difflib import get_close_matches

    first = {stem(repository): repository for repository in reversed(ROWS)}
    return [first[found] for found in get_close_matches(stem(name), list(first), 3, 0.7)]


def _by_stem() -> dict[str, tuple[str, int, int, int, int, int, int, dict[str, Any]]]:
    # later releases of a name win: mistral-7b is v0.3, whose vocabulary is the larger one
    return {stem(name): row for name, row in ROWS.items()}
