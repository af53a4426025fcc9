"""The environment variables that a snapshot may hold. Nothing else of the environment is ever read into one."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.facts.host import Host

_PLAIN = (
    # read as they are: switches, numbers, lists
    "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "CUDA_LAUNCH_BLOCKING", "CUDA_MODULE_LOADING", "CUDA_DEVICE_MAX_CONNECTIONS",
    "CUBLAS_WORKSPACE_CONFIG", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_TF32_OVERRIDE", "TORCH_CUDA_ARCH_LIST",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HSA_OVERRIDE_GFX_VERSION", "PYTORCH_ROCM_ARCH",
    "ZE_AFFINITY_MASK", "PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_HIP_ALLOC_CONF", "PYTORCH_NO_CUDA_MEMORY_CACHING",
    "PYTORCH_ENABLE_MPS_FALLBACK", "PYTORCH_MPS_HIGH_WATERMARK_RATIO", "PYTORCH_NVML_BASED_CUDA_CHECK", "PYTORCH_JIT",
    "TORCHDYNAMO_DISABLE", "TORCH_COMPILE_DISABLE", "TORCHINDUCTOR_COMPILE_THREADS", "TORCH_LOGS", "TORCH_FORCE_WEIGHTS_ONLY_LOAD",
    "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "TORCH_NCCL_ASYNC_ERROR_HANDLING", "TORCH_NCCL_BLOCKING_WAIT", "TORCH_DISTRIBUTED_DEBUG",
    "TRITON_PTXAS_PATH", "TRITON_INTERPRET", "NCCL_DEBUG", "NCCL_P2P_DISABLE", "NCCL_IB_DISABLE", "NCCL_SHM_DISABLE",
    "NCCL_SOCKET_IFNAME", "NCCL_TIMEOUT", "NCCL_ASYNC_ERROR_HANDLING", "NCCL_BLOCKING_WAIT", "NCCL_CUMEM_ENABLE", "NCCL_NVLS_ENABLE",
    "GLOO_SOCKET_IFNAME", "WORLD_SIZE", "RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "NODE_RANK", "GROUP_RANK", "MASTER_PORT",
    "TORCHELASTIC_RUN_ID", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "PMI_SIZE", "PMI_RANK",
    "SLURM_NTASKS", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_JOB_NUM_NODES", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "MKL_THREADING_LAYER",
    "MKL_SERVICE_FORCE_INTEL", "KMP_DUPLICATE_LIB_OK", "KMP_AFFINITY", "TOKENIZERS_PARALLELISM", "RAYON_NUM_THREADS", "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE", "HF_EVALUATE_OFFLINE", "HF_HUB_ENABLE_HF_TRANSFER", "HF_HUB_DISABLE_XET",
    "HF_XET_HIGH_PERFORMANCE", "HF_HUB_DISABLE_SYMLINKS", "HF_HUB_DISABLE_SYMLINKS_WARNING", "HF_HUB_DOWNLOAD_TIMEOUT",
    "HF_HUB_ETAG_TIMEOUT", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_IMPLICIT_TOKEN", "HF_DATASETS_IN_MEMORY_MAX_SIZE",
    "HF_DATASETS_TRUST_REMOTE_CODE", "HF_ALLOW_CODE_EVAL", "HF_ENABLE_PARALLEL_LOADING", "TRANSFORMERS_NO_ADVISORY_WARNINGS",
    "TRANSFORMERS_VERBOSITY", "DISABLE_TELEMETRY", "USE_TORCH", "USE_TF", "USE_FLAX", "USE_JAX", "USE_HUB_KERNELS", "ENABLE_TORCH_XLA",
    "TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS", "ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED", "ACCELERATE_USE_FP8",
    "ACCELERATE_MIXED_PRECISION", "ACCELERATE_DYNAMO_BACKEND", "ACCELERATE_TORCH_DEVICE", "ACCELERATE_USE_CPU",
    "ACCELERATE_USE_MPS_DEVICE", "ACCELERATE_BYPASS_DEVICE_MAP", "ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "FSDP_VERSION",
    "FSDP_SHARDING_STRATEGY",
    "FSDP_AUTO_WRAP_POLICY", "FSDP_TRANSFORMER_CLS_TO_WRAP", "FSDP_BACKWARD_PREFETCH", "FSDP_STATE_DICT_TYPE", "FSDP_USE_ORIG_PARAMS",
    "FSDP_CPU_RAM_EFFICIENT_LOADING", "FSDP_SYNC_MODULE_STATES", "FSDP_OFFLOAD_PARAMS", "FSDP_ACTIVATION_CHECKPOINTING",
    "FSDP_RESHARD_AFTER_FORWARD", "DS_BUILD_OPS", "DS_SKIP_CUDA_CHECK", "DS_ACCELERATOR", "MAX_JOBS", "BNB_CUDA_VERSION",
    "XFORMERS_MORE_DETAILS", "XFORMERS_FORCE_DISABLE_TRITON", "FLASH_ATTENTION_SKIP_CUDA_BUILD", "UNSLOTH_DISABLE_STATISTICS",
    "UNSLOTH_ALLOW_CPU",
    "UNSLOTH_USE_MODELSCOPE", "UNSLOTH_RETURN_LOGITS", "UNSLOTH_COMPILE_DISABLE", "UNSLOTH_DISABLE_FAST_GENERATION",
    "UNSLOTH_ENABLE_LOGGING", "UNSLOTH_FORCE_FLOAT32", "UNSLOTH_IS_PRESENT", "UNSLOTH_VLLM_STANDBY", "UNSLOTH_STABLE_DOWNLOADS",
    "TRL_EXPERIMENTAL_SILENCE", "TORCHAO_FORCE_SKIP_LOADING_SO_FILES", "AUTO_GPTQ_BUILD_CUDA", "VLLM_USE_V1", "VLLM_ATTENTION_BACKEND",
    "VLLM_WORKER_MULTIPROC_METHOD", "VLLM_USE_PRECOMPILED", "WANDB_MODE", "WANDB_DISABLED", "WANDB_LOG_MODEL", "WANDB_WATCH",
    "MLFLOW_FLATTEN_PARAMS", "COMET_MODE", "CLEARML_TASK", "REPORT_TO", "PYTHONNOUSERSITE", "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE",
    "PYTHONUTF8", "PYTHONIOENCODING", "PYTHONOPTIMIZE", "PYTHONSAFEPATH", "PIP_BREAK_SYSTEM_PACKAGES", "PIP_NO_BUILD_ISOLATION",
    "UV_TORCH_BACKEND", "UV_SYSTEM_PYTHON", "CONDA_DEFAULT_ENV", "LANG", "LC_ALL", "KAGGLE_KERNEL_RUN_TYPE", "COLAB_RELEASE_TAG",
)  # fmt: skip
_PATHS = (
    # may hold the user's home folder
    "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_DATASETS_CACHE", "HF_ASSETS_CACHE", "HF_TOKEN_PATH", "TRANSFORMERS_CACHE",
    "PYTORCH_TRANSFORMERS_CACHE", "PYTORCH_PRETRAINED_BERT_CACHE", "XDG_CACHE_HOME", "TORCH_HOME", "TRITON_CACHE_DIR",
    "TORCHINDUCTOR_CACHE_DIR", "TORCH_EXTENSIONS_DIR", "UNSLOTH_COMPILE_LOCATION", "ACCELERATE_CONFIG_FILE",
    "ACCELERATE_DEEPSPEED_CONFIG_FILE", "CUDA_HOME", "CUDA_PATH", "CUDACXX", "CUDNN_PATH", "ROCM_HOME", "ROCM_PATH", "HIP_PATH",
    "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX", "CC", "CXX",
    "TMPDIR", "UV_CACHE_DIR", "PIP_CACHE_DIR", "WANDB_DIR",
)  # fmt: skip
_ADDRESSES = (
    # may hold user names and passwords
    "HF_ENDPOINT", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_INDEX", "UV_DEFAULT_INDEX", "WANDB_BASE_URL",
    "MLFLOW_TRACKING_URI", "MASTER_ADDR",
)  # fmt: skip
_SECRETS = (
    # told as "set", whatever they hold
    "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_TOKEN", "HUGGINGFACE_HUB_TOKEN", "HF_API_TOKEN", "WANDB_API_KEY",
    "COMET_API_KEY", "NEPTUNE_API_TOKEN", "CLEARML_API_ACCESS_KEY",
    "SWANLAB_API_KEY",
)  # fmt: skip

ALLOWED: tuple[str, ...] = (*_PLAIN, *_PATHS, *_ADDRESSES, *_SECRETS)
"""Names of all variables that rules may ask for."""
SET = "set"
"""What is told of a secret that has a value."""
_LONGEST = 4096


def collect_environment(host: Host) -> dict[str, str]:
    """Return the allowed variables that are set, with secrets, passwords and the home folder taken out."""
    home = (host.getenv("USERPROFILE" if host.platform == "win32" else "HOME") or "").rstrip("/\\")
    found = {}
    for name in ALLOWED:
        value = host.getenv(name)
        if value is None:
            continue
        if name in _SECRETS:
            # An empty token counts as none for every library that reads it.
            if value.strip():
                found[name] = SET
            continue
        if "://" in value or name in _ADDRESSES:
            value = without_password(value)
        found[name] = without_home(value, home)[:_LONGEST]
    return found


def without_password(text: str) -> str:
    """Replace user names and passwords in the addresses of a text.

    >>> without_password("https://me:secret@proxy.example:8080 http://plain.example")
    'https://***@proxy.example:8080 http://plain.example'
    """
    out = []
    for word in text.split(" "):
        scheme, separator, rest = word.partition("://") if "://" in word else ("", "", word)
        # The last "@", before anything else: people leave "/" and "?" in passwords unquoted.
        if "@" in rest:
            rest = "***@" + rest.rpartition("@")[2]
        rest, question, _ = rest.partition("?")
        out.append(f"{scheme}{separator}{rest}" + ("?***" if question else ""))
    return " ".join(out)


def without_home(text: str, home: str) -> str:
    """Replace the user's home folder by `~` in a path or a list of paths.

    >>> without_home("/home/ann/cache:/home/anna/x", "/home/ann")
    '~/cache:/home/anna/x'
    """
    if len(home) < 2 or home not in text:
        return text
    out = []
    rest = text
    while home in rest:
        before, _, rest = rest.partition(home)
        whole = rest[:1] in ("", "/", "\\", ":", ";", ",", " ", '"', "'")
        out += [before, "~" if whole else home]
    return "".join(out) + rest
