"""The packages that the atlas covers, in the order in which they are mined: one table. No I/O here."""

from __future__ import annotations

SINCE = "2023-01-01"
"""ISO day from which on releases are mined, and the one that was newest that day: pins to it are still met."""

PACKAGES: dict[str, str] = {
    # name: the day from which on its releases count; later than SINCE where a package has very many and few are ever pinned
    # what every run rests on
    "torch": SINCE,
    "transformers": SINCE,
    "trl": SINCE,
    "peft": SINCE,
    "accelerate": SINCE,
    "datasets": SINCE,
    "huggingface-hub": SINCE,
    "tokenizers": SINCE,
    "bitsandbytes": SINCE,
    "torchao": SINCE,
    "numpy": SINCE,
    "pandas": SINCE,
    "pyarrow": SINCE,
    "scipy": SINCE,
    "scikit-learn": SINCE,
    # what is trained with beside them
    "unsloth": SINCE,
    "unsloth-zoo": SINCE,
    "torchvision": SINCE,
    "torchaudio": SINCE,
    "torchcodec": SINCE,
    "triton": SINCE,
    "xformers": SINCE,
    "flash-attn": SINCE,
    "deepspeed": SINCE,
    "liger-kernel": SINCE,
    "kernels": SINCE,
    "cut-cross-entropy": SINCE,
    "safetensors": SINCE,
    "sentence-transformers": SINCE,
    "vllm": SINCE,
    "galore-torch": SINCE,
    "apollo-torch": SINCE,
    "lion-pytorch": SINCE,
    "torchtune": SINCE,
    "mergekit": SINCE,
    "llm-blender": SINCE,
    "trackio": SINCE,
    "lm-eval": SINCE,
    "evaluate": SINCE,
    "diffusers": SINCE,
    "timm": SINCE,
    "einops": SINCE,
    # quantised models
    "optimum": SINCE,
    "auto-gptq": SINCE,
    "gptqmodel": SINCE,
    "autoawq": SINCE,
    "hqq": SINCE,
    "compressed-tensors": SINCE,
    # text and files
    "sentencepiece": SINCE,
    "mistral-common": SINCE,
    "protobuf": SINCE,
    "fsspec": SINCE,
    "dill": SINCE,
    "multiprocess": SINCE,
    "xxhash": SINCE,
    "filelock": SINCE,
    "pillow": SINCE,
    "soundfile": SINCE,
    "librosa": SINCE,
    "jinja2": SINCE,
    # what nearly everything imports
    "tyro": "2024-01-01",
    "docstring-parser": SINCE,
    "shtab": SINCE,
    "typeguard": SINCE,
    "rich": SINCE,
    "tqdm": SINCE,
    "requests": SINCE,
    "httpx": SINCE,
    "packaging": SINCE,
    "pyyaml": SINCE,
    "psutil": SINCE,
    "regex": "2024-01-01",
    "pydantic": SINCE,
    "typing-extensions": SINCE,
    "sympy": SINCE,
    "networkx": SINCE,
    "setuptools": "2024-06-01",
    # where runs are logged, and what others start
    "tensorboard": SINCE,
    "tf-keras": SINCE,
    "keras": SINCE,
    "wandb": "2024-01-01",
    "mlflow": "2024-06-01",
    "weave": "2025-01-01",
    "ray": "2024-01-01",
}


def ordered(names: tuple[str, ...]) -> list[str]:
    """Return packages in mining order; those that the table lacks come last, sorted."""
    places = {name: place for place, name in enumerate(PACKAGES)}
    return sorted(names, key=lambda name: (places.get(name, len(places)), name))
