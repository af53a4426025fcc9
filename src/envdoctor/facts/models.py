"""What the name of a well-known model tells: model_type and the format of its weights. A table and its look-up, nothing is read here.

A row is tried against the name without its organisation, in lower case; the first whose words all occur in it wins, so the narrower row
stands first. Types are those of the models' own `config.json` (`model_type`).
"""

from __future__ import annotations

_TYPES: tuple[tuple[str, str], ...] = (
    # words that must all occur (the first at the beginning of the name, or after a "-"), model_type
    ("gpt-oss", "gpt_oss"), ("deepseek-r1-0528-qwen3", "qwen3"), ("deepseek-r1-distill-qwen", "qwen2"),
    ("deepseek-r1-distill-llama", "llama"), ("deepseek-r1", "deepseek_v3"), ("deepseek-v3.2", "deepseek_v32"),
    ("deepseek-v3", "deepseek_v3"), ("deepseek-v2", "deepseek_v2"), ("deepseek-coder-v2", "deepseek_v2"), ("deepseek-coder", "llama"),
    ("deepseek-llm", "llama"), ("deepseek-math", "llama"), ("qwen3-next", "qwen3_next"), ("qwen3-omni", "qwen3_omni_moe"),
    ("qwen3-vl a3b", "qwen3_vl_moe"), ("qwen3-vl a22b", "qwen3_vl_moe"), ("qwen3-vl", "qwen3_vl"), ("qwen3-coder-next", "qwen3_next"),
    ("qwen3-coder", "qwen3_moe"), ("qwen3- -a3b", "qwen3_moe"), ("qwen3- -a22b", "qwen3_moe"), ("qwen3-", "qwen3"),
    ("qwen2.5-vl", "qwen2_5_vl"), ("qwen2.5-omni", "qwen2_5_omni"), ("qwen2.5-", "qwen2"), ("qwen2-vl", "qwen2_vl"),
    ("qwen2-audio", "qwen2_audio"), ("qwen2-57b-a14b", "qwen2_moe"), ("qwen1.5-moe", "qwen2_moe"), ("qwen2-", "qwen2"),
    ("qwen1.5-", "qwen2"), ("qwq-32b", "qwen2"), ("llama-4-", "llama4"), ("llama-3.2 vision", "mllama"), ("llama-3", "llama"),
    ("meta-llama-3", "llama"), ("llama-2-", "llama"), ("tinyllama", "llama"), ("codellama", "llama"), ("vicuna-", "llama"),
    ("smollm3", "smollm3"), ("smollm", "llama"), ("falcon3-", "llama"), ("gemma-3n-", "gemma3n"), ("gemma-3-1b", "gemma3_text"),
    ("gemma-3-270m", "gemma3_text"), ("gemma-3-", "gemma3"), ("gemma-2-", "gemma2"), ("gemma-2b", "gemma"), ("gemma-7b", "gemma"),
    ("gemma-1.1-", "gemma"), ("codegemma", "gemma"), ("paligemma", "paligemma"), ("mixtral-", "mixtral"),
    ("mistral-small-3.1", "mistral3"), ("mistral-small-3.2", "mistral3"), ("mistral-small-24b", "mistral"),
    ("mistral-small-instruct-2409", "mistral"), ("mistral-7b", "mistral"), ("mistral-nemo", "mistral"), ("ministral-8b", "mistral"),
    ("mistral-large-instruct", "mistral"), ("zephyr-7b", "mistral"), ("phi-3.5-moe", "phimoe"), ("phi-3.5-vision", "phi3_v"),
    ("phi-3-vision", "phi3_v"), ("phi-4-multimodal", "phi4mm"), ("phi-4-mini-flash", "phi4flash"), ("phi-4", "phi3"),
    ("phi-3.5-mini", "phi3"), ("phi-3-", "phi3"), ("phi-2", "phi"), ("phi-1", "phi"), ("olmoe-", "olmoe"), ("olmo-2-", "olmo2"),
    ("starcoder2-", "starcoder2"), ("granite-3", "granite"), ("falcon-7b", "falcon"), ("falcon-40b", "falcon"),
    ("distilgpt2", "gpt2"), ("gpt2", "gpt2"), ("gpt-neox", "gpt_neox"), ("pythia-", "gpt_neox"), ("gpt-neo-", "gpt_neo"),
    ("gpt-j-6b", "gptj"), ("opt-", "opt"), ("bloom", "bloom"), ("whisper-", "whisper"), ("llava-1.5", "llava"), ("t5-", "t5"),
    ("flan-t5", "t5"), ("bert-base", "bert"), ("bert-large", "bert"), ("roberta-", "roberta"),
)  # fmt: skip
_ENDINGS = (
    ("bnb-4bit", "bnb-4bit"), ("bnb-8bit", "bnb-8bit"), ("awq", "awq"), ("gptq", "gptq"), ("fp8", "fp8"), ("mxfp4", "mxfp4"),
)  # fmt: skip
# A name with one of these words holds some other format, and which is for its configuration to say.
_OTHER_FORMATS = ("gguf", "4bit", "8bit", "int4", "int8", "w4a16", "w8a8", "w8a16", "nvfp4", "nf4", "exl2", "hqq", "aqlm",
                  "eetq", "mlx", "quant")  # fmt: skip


def model_type(name: str) -> str:
    """Return the model_type of a well-known name, or "".

    >>> model_type("Qwen/Qwen3-30B-A3B"), model_type("meta-llama/Llama-3.2-11B-Vision"), model_type("me/own")
    ('qwen3_moe', 'mllama', '')
    """
    short = name.rpartition("/")[2].lower()
    for words, found in _TYPES:
        first, *others = words.split(" ")
        if (short.startswith(first) or (len(first) > 5 and f"-{first}" in short)) and all(word in short for word in others):
            return found
    return ""


def quantization(name: str) -> str:
    """Return the format of the weights as a well-known name tells it, or "" where it does not.

    >>> [quantization(name) for name in ("unsloth/Llama-3.2-1B-bnb-4bit", "openai/gpt-oss-20b", "Qwen/Qwen3-8B", "me/own")]
    ['bnb-4bit', 'mxfp4', 'none', '']
    """
    short = name.rpartition("/")[2].lower()
    for ending, found in _ENDINGS:
        if f"-{ending}" in short:
            return found
    kind = model_type(name)
    if not kind or any(word in short for word in _OTHER_FORMATS):
        return ""
    plain = "bf16" in short or "f16" in short
    if kind == "gpt_oss":
        return "none" if plain else "mxfp4"
    # DeepSeek publishes V3 and R1 in fp8; the distilled ones have another type.
    if kind.startswith("deepseek_v3"):
        return "none" if plain else "fp8"
    return "none"


def may_be_adapter(name: str) -> bool:
    """Tell whether a name sounds like an adapter's."""
    short = name.rpartition("/")[2].lower()
    return any(word in short for word in ("lora", "adapter", "peft", "dora"))
