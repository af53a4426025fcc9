"""The packages that the atlas covers, in the order in which they are mined: one table. No I/O here."""

from __future__ import annotations

SINCE = "2023-01-01"
"""ISO day from which on releases are mined, and the one that was newest that day: pins to it are still met."""
LATER = "2024-01-01"
"""The same for packages of which little is asked, and that older releases answer as newer ones do."""

PACKAGES: dict[str, str] = {
    # name: the day from which on its releases count; later than SINCE where a package has very many and few are ever pinned. What is asked
    # for its presence only (wandb, mlflow, ray, weave, mergekit) needs no row.
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
    "unsloth": "2025-01-01",
    "unsloth-zoo": "2025-01-01",
    "torchvision": SINCE,
    "torchaudio": SINCE,
    "torchcodec": SINCE,
    "triton": SINCE,
    "xformers": SINCE,
    "flash-attn": SINCE,
    "deepspeed": "2024-01-01",
    "liger-kernel": SINCE,
    "kernels": SINCE,
    "cut-cross-entropy": SINCE,
    "safetensors": SINCE,
    "sentence-transformers": SINCE,
    "vllm": "2024-06-01",
    "galore-torch": SINCE,
    "apollo-torch": SINCE,
    "lion-pytorch": SINCE,
    "torchtune": SINCE,
    "llamafactory": SINCE,
    "llm-blender": SINCE,
    "trackio": "2026-01-01",
    "evaluate": SINCE,
    "diffusers": SINCE,
    "timm": "2024-01-01",
    "einops": SINCE,
    # quantised models
    "optimum": SINCE,
    "auto-gptq": SINCE,
    "gptqmodel": "2025-01-01",
    "autoawq": SINCE,
    "hqq": SINCE,
    "compressed-tensors": SINCE,
    # text and files
    "sentencepiece": SINCE,
    "mistral-common": "2025-01-01",
    "protobuf": "2024-06-01",
    "fsspec": SINCE,
    "dill": SINCE,
    "multiprocess": SINCE,
    "filelock": LATER,
    "pillow": LATER,
    "soundfile": SINCE,
    "jinja2": SINCE,
    # what nearly everything imports
    "tyro": "2024-06-01",
    "docstring-parser": SINCE,
    "shtab": SINCE,
    "typeguard": SINCE,
    "rich": LATER,
    "tqdm": SINCE,
    "requests": SINCE,
    "httpx": LATER,
    "packaging": SINCE,
    "pyyaml": SINCE,
    "psutil": LATER,
    "pydantic": "2024-06-01",
    "typing-extensions": LATER,
    "setuptools": "2025-01-01",
    # where runs are logged
    "tensorboard": SINCE,
    "tf-keras": SINCE,
    "keras": "2024-06-01",
}


def ordered(names: tuple[str, ...]) -> list[str]:
    """Return packages in mining order; those that the table lacks come last, sorted."""
    places = {name: place for place, name in enumerate(PACKAGES)}
    return sorted(names, key=lambda name: (places.get(name, len(places)), name))
