"""Facts of a named model: from its folder, from the Hugging Face cache, or from its name alone. The hub is never asked."""

from __future__ import annotations

import json

from envdoctor.facts import models
from envdoctor.facts.huggingface import cache_folder, expand
from envdoctor.model.facts import FAILED, NOT_COLLECTED, Absent, Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from envdoctor.facts.host import Host

_LARGEST = 1 << 24
_WEIGHTS = ("model.safetensors", "pytorch_model.bin", "adapter_model.safetensors", "adapter_model.bin")
_INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
# unsloth's loader takes the 4-bit copy of these unless load_in_4bit=False (unsloth/models/mapper.py).
_MAPPED_BY_UNSLOTH = ("gpt-oss-20b", "gpt-oss-120b")


def describe(name: str, host: Host, loader: str = "") -> Iterator[Fact | Absent]:
    """Yield what is known of a model. `loader` is "unsloth" or "transformers" where the script tells which one loads it."""
    yield Fact(path="model.name", value=name, origin="given")
    folder, cached = _folder(name, host)
    if not folder:
        yield from _by_name(name, loader, "not in the cache, and the hub is not asked")
        yield Absent(path="model.head_dim", reason=NOT_COLLECTED, detail=f"the configuration of {name} is not on this machine")
        yield Absent(path="hf.download_needed", reason=NOT_COLLECTED, detail=f"{name} is not in the cache, and the hub is not asked")
        return
    adapter = _read(host, f"{folder}/adapter_config.json")
    whole = _read(host, f"{folder}/config.json")
    if isinstance(whole, str) or (whole is None and isinstance(adapter, str)):
        detail = whole if isinstance(whole, str) else str(adapter)
        for path in ("model.type", "model.quantization", "model.is_adapter", "model.head_dim"):
            yield Absent(path=path, reason=FAILED, detail=detail)
    elif whole is not None:
        yield from _by_configuration(whole, f"{folder}/config.json")
        yield Fact(path="model.is_adapter", value=adapter is not None, origin=f"files in {folder}")
    else:
        yield from _by_base(adapter if isinstance(adapter, dict) else {}, folder, host, loader)
    yield _download(host, folder, cached)


def _folder(name: str, host: Host) -> tuple[str, bool]:
    """Return the folder that holds a model's configuration and whether it lies in the cache; "" where there is none."""
    path = expand(host, name)
    if any(host.exists(f"{path}/{file}") for file in ("config.json", "adapter_config.json")):
        return path, False
    if name.count("/") > 1 or name.startswith((".", "/", "~")):
        return "", False
    repository = f"{cache_folder(host)}/models--{name.replace('/', '--')}"
    revisions = host.list_dir(f"{repository}/snapshots") or []
    main = (host.read_text(f"{repository}/refs/main", 256) or "").strip()
    if main in revisions:
        revisions = [main]
    for revision in reversed(revisions):
        folder = f"{repository}/snapshots/{revision}"
        if any(host.exists(f"{folder}/{file}") for file in ("config.json", "adapter_config.json")):
            return folder, True
    return "", False


def _read(host: Host, path: str) -> dict[str, Any] | str | None:
    """Return a JSON object, None where the file is missing, or a text that says what is wrong with it."""
    text = host.read_text(path, _LARGEST)
    if text is None:
        return f"{path} cannot be read" if host.exists(path) else None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        return f"{path} is no JSON ({str(error)[:120]}); download it again"
    return found if isinstance(found, dict) else f"{path} holds no JSON object; download it again"


def _by_configuration(config: Mapping[str, Any], origin: str) -> Iterator[Fact | Absent]:
    kind = config.get("model_type")
    if isinstance(kind, str) and kind:
        yield Fact(path="model.type", value=kind, origin=origin)
    else:
        yield Absent(path="model.type", reason=FAILED, detail=f"{origin} has no model_type")
    yield Fact(path="model.quantization", value=_method(config), origin=origin)
    size = _head_size(config)
    if size:
        yield Fact(path="model.head_dim", value=size, origin=origin)
    else:
        yield Absent(path="model.head_dim", reason=FAILED, detail=f"{origin} does not tell it")


def _method(config: Mapping[str, Any]) -> str:
    text = config.get("text_config")
    told = config.get("quantization_config") or (text.get("quantization_config") if isinstance(text, dict) else None)
    if not isinstance(told, dict):
        return "none"
    # Old bitsandbytes configurations have no quant_method.
    method = str(told.get("quant_method") or ("bitsandbytes" if "load_in_4bit" in told else "unknown")).lower()
    if method.startswith("bitsandbytes") or method == "bnb":
        four = told.get("load_in_4bit") or told.get("_load_in_4bit") or method.endswith("_4bit")
        return "bnb-4bit" if four else "bnb-8bit"
    return "fp8" if "fp8" in method else method


def _head_size(config: Mapping[str, Any]) -> int:
    for part in (config, config.get("text_config"), config.get("llm_config")):
        if not isinstance(part, dict):
            continue
        size, width, heads = part.get("head_dim"), part.get("hidden_size"), part.get("num_attention_heads")
        if isinstance(size, int) and size > 0:
            return size
        if isinstance(width, int) and isinstance(heads, int) and heads > 0:
            return width // heads
    return 0


def _by_base(adapter: Mapping[str, Any], folder: str, host: Host, loader: str) -> Iterator[Fact | Absent]:
    """Tell of an adapter what its base model is; the adapter's own folder says nothing of types and formats."""
    yield Fact(path="model.is_adapter", value=True, origin=f"{folder}/adapter_config.json")
    base = adapter.get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        for path in ("model.type", "model.quantization", "model.head_dim"):
            yield Absent(path=path, reason=FAILED, detail=f"{folder}/adapter_config.json names no base model")
        return
    below = _folder(base, host)[0]
    config = _read(host, f"{below}/config.json") if below else None
    if isinstance(config, dict):
        yield from _by_configuration(config, f"{below}/config.json")
        return
    for answer in _by_name(base, loader, f"{base}, the adapter's base, is not in the cache"):
        if answer.path != "model.is_adapter":
            yield answer
    yield Absent(path="model.head_dim", reason=NOT_COLLECTED, detail=f"{base}, the adapter's base, is not in the cache")


def _by_name(name: str, loader: str, why: str) -> Iterator[Fact | Absent]:
    origin = f"the name {name}"
    kind = models.model_type(name)
    yield Fact(path="model.type", value=kind, origin=origin) if kind else Absent(path="model.type", reason=NOT_COLLECTED, detail=why)
    method = models.quantization(name)
    organisation, _, short = name.lower().rpartition("/")
    if short in _MAPPED_BY_UNSLOTH and loader == "unsloth":
        origin = f"unsloth loads {name} from its 4-bit copy unless load_in_4bit=False"
        yield Fact(path="model.quantization", value="bnb-4bit", origin=origin)
    elif short in _MAPPED_BY_UNSLOTH and organisation == "unsloth" and not loader:
        detail = f"{name} is stored in mxfp4, but unsloth loads a bitsandbytes copy of it; which loader is used is not known"
        yield Absent(path="model.quantization", reason=NOT_COLLECTED, detail=detail)
    elif method:
        yield Fact(path="model.quantization", value=method, origin=origin)
    else:
        yield Absent(path="model.quantization", reason=NOT_COLLECTED, detail=why)
    if kind and not models.may_be_adapter(name):
        yield Fact(path="model.is_adapter", value=False, origin=f"the name {name}")
    else:
        yield Absent(path="model.is_adapter", reason=NOT_COLLECTED, detail=why)


def _download(host: Host, folder: str, cached: bool) -> Fact | Absent:
    """Tell the bytes of weights that the cache still lacks."""
    if not cached:
        return Fact(path="hf.download_needed", value=0, origin=f"{folder} is a local folder")
    for file in _INDEXES:
        index = _read(host, f"{folder}/{file}")
        if isinstance(index, str):
            return Absent(path="hf.download_needed", reason=FAILED, detail=index)
        if index is not None:
            told, shards = index.get("metadata"), index.get("weight_map")
            total = told.get("total_size") if isinstance(told, dict) else None
            if not isinstance(total, (int, float)) or not isinstance(shards, dict):
                return Absent(path="hf.download_needed", reason=FAILED, detail=f"{folder}/{file} does not tell the size of the weights")
            present = {str(shard): host.size(f"{folder}/{shard}") for shard in shards.values()}
            missing = [shard for shard, size in present.items() if size is None]
            needed = max(0, int(total) - sum(size or 0 for size in present.values())) if missing else 0
            origin = f"{folder}/{file}: {len(missing)} of {len(present)} files missing"
            return Fact(path="hf.download_needed", value=needed, origin=origin)
    if any(host.exists(f"{folder}/{file}") for file in _WEIGHTS):
        return Fact(path="hf.download_needed", value=0, origin=f"weights in {folder}")
    return Absent(
        path="hf.download_needed", reason=NOT_COLLECTED, detail=f"no weights in {folder}, and the hub is not asked for their size"
    )
