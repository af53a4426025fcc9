"""Files beside the script that stand in front of the real modules. Folders are listed, nothing in them is read but project names."""

from __future__ import annotations

from envdoctor.model.facts import FAILED, Absent, Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envdoctor.facts.host import Host

_STACK = (
    "accelerate apex auto_gptq awq bitsandbytes causal_conv1d datasets deepspeed diffusers einops evaluate fla flash_attn fsspec gptqmodel "
    "hqq huggingface_hub jinja2 kernels liger_kernel llm_blender mamba_ssm mergekit multiprocess numpy nltk optimum packaging pandas peft "
    "PIL psutil pyarrow pydantic regex requests rich rouge_score sacrebleu safetensors scipy sentence_transformers sentencepiece sklearn "
    "tensorboard tiktoken tokenizers torch torchao torchaudio torchvision tqdm transformers triton trl tyro unsloth unsloth_zoo vllm wandb "
    "xformers xxhash yaml"
)
_STANDARD = (
    "argparse ast asyncio bisect calendar code collections concurrent contextlib copy csv ctypes dataclasses datetime "
    "decimal difflib dis email enum fractions functools getpass glob gzip hashlib heapq html http importlib inspect ipaddress json "
    "keyword linecache logging lzma mimetypes multiprocessing numbers operator pathlib pickle platform pprint profile queue "
    "random re resource secrets select selectors shutil signal socket ssl statistics string struct subprocess tarfile tempfile "
    "textwrap threading token tokenize traceback types typing unittest urllib uuid warnings weakref xml zipfile"
)
STACK = frozenset(_STACK.split())
"""Modules of the stack that a file of the user may shadow."""
STANDARD = frozenset(_STANDARD.split())
"""Modules of the standard library that are read after start-up, so that a file of the user can shadow them."""


def collect(host: Host, folders: Sequence[str] = ()) -> Iterator[Fact | Absent]:
    """Yield the modules that `folders` shadow: those of the training scripts, or else the working directory."""
    places = list(dict.fromkeys(folders)) or [host.cwd()]
    found: dict[str, str] = {}
    readable = False
    for folder in places:
        names = host.list_dir(folder) if folder else None
        if names is None:
            continue
        readable = True
        if folder.replace("\\", "/").rstrip("/") in {path.replace("\\", "/").rstrip("/") for path in host.site_packages}:
            continue
        for module, path in _shadows(host, folder, names):
            found.setdefault(module, path)
    if readable:
        origin = ", ".join(found.values()) or f"no such file in {', '.join(places)}"
        yield Fact(path="work.shadows", value=tuple(found), origin=origin)
    else:
        yield Absent(path="work.shadows", reason=FAILED, detail=f"{', '.join(places) or 'the working directory'} cannot be listed")


def _shadows(host: Host, folder: str, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    projects = ""
    for name in names:
        module = name.removesuffix(".py")
        if module not in STACK and module not in STANDARD:
            continue
        path = f"{folder}/{name}"
        # A folder without __init__.py is no package: the installed one goes before it.
        if name == module and not host.exists(f"{path}/__init__.py"):
            continue
        if not projects:
            texts = (host.read_text(f"{folder}/{file}", 1 << 16) or "" for file in ("pyproject.toml", "setup.py", "setup.cfg"))
            projects = "\n".join(texts).replace("-", "_") + "\n"
        # The project's own checkout is meant to come first.
        if f'"{module}"' in projects or f"'{module}'" in projects or f"name = {module}\n" in projects:
            continue
        yield module, path
