"""Facts about a machine, and the catalogue of every fact that a rule may ask for."""

from __future__ import annotations

from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Union

    Scalar = Union[str, int, float, bool]
    Value = Union[Scalar, tuple[str, ...]]

NOT_COLLECTED = "not-collected"
NOT_INSTALLED = "not-installed"
FAILED = "failed"
TIMED_OUT = "timed-out"
NOT_APPLICABLE = "not-applicable"
REASONS = (NOT_COLLECTED, NOT_INSTALLED, FAILED, TIMED_OUT, NOT_APPLICABLE)

MOOT = frozenset({NOT_INSTALLED, NOT_APPLICABLE})
"""Reasons that answer a question with "no" (a compute capability where there is no GPU); the others leave it open."""


class Fact(Record):
    """One thing known, and how it was learnt (`origin` is shown to the user on request)."""

    path: str
    value: Value
    origin: str


class Absent(Record):
    """One thing that could not be learnt, and why."""

    path: str
    reason: str
    detail: str = ""


CATALOGUE: dict[str, tuple[str, str]] = {
    # path: (type, meaning); type is one of text, version, number, bytes, bool, list
    "os.name": ("text", "operating system: linux, macos or windows"),
    "os.arch": ("text", "CPU architecture as uname prints it: x86_64, arm64, aarch64"),
    "os.glibc": ("version", "version of the GNU C library"),
    "os.wsl": ("bool", "Linux runs inside Windows (WSL)"),
    "os.kernel": ("version", "version of the operating system's kernel"),
    "python.version": ("version", "version of the patient's Python"),
    "python.implementation": ("text", "cpython or pypy"),
    "python.abi": ("text", "ABI tag of the patient's Python, such as cp311 or cp313t"),
    "python.prefix": ("text", "folder of the environment that is checked"),
    "python.headers": ("bool", "Python.h is on disk for this Python"),
    "gpu.vendor": ("text", "nvidia, amd, apple, intel or none"),
    "gpu.count": ("number", "number of GPUs present"),
    "gpu.names": ("list", "name of each GPU"),
    "gpu.capability.min": ("number", "lowest CUDA compute capability of the GPUs present"),
    "gpu.capability.max": ("number", "highest CUDA compute capability of the GPUs present"),
    "gpu.memory.total": ("bytes", "memory of the smallest GPU"),
    "gpu.memory.free": ("bytes", "free memory of the fullest GPU"),
    "driver.version": ("version", "version of the GPU driver"),
    "driver.cuda": ("version", "newest CUDA that the driver supports"),
    "rocm.version": ("version", "version of ROCm on this machine"),
    "torch.build": ("text", "what torch was built for: cpu, cuda, rocm, xpu or mps"),
    "torch.cuda": ("version", "CUDA version that torch was built with"),
    "torch.archs": ("list", "GPU architectures that torch carries code for, such as sm_90"),
    "torch.gpu_supported": ("bool", "torch carries code for every GPU present"),
    "cuda.runtimes": ("list", "major versions of the CUDA runtimes installed side by side"),
    "cuda.toolkit": ("version", "version of the CUDA compiler (nvcc) found"),
    "cuda.home": ("bool", "a CUDA toolkit folder is set or found"),
    "tools.cc": ("bool", "a C compiler is on the PATH"),
    "tools.ffmpeg": ("bool", "FFmpeg is on the PATH"),
    "disk.cache.free": ("bytes", "free space where the Hugging Face cache lives"),
    "disk.work.free": ("bytes", "free space in the working directory"),
    "memory.ram.total": ("bytes", "memory of the machine"),
    "memory.ram.available": ("bytes", "memory that programs can still take"),
    "memory.shm.total": ("bytes", "size of /dev/shm"),
    "hf.cache.broken_links": ("number", "links in the Hugging Face cache that lead nowhere"),
    "hf.cache.incomplete": ("number", "half-finished downloads in the Hugging Face cache"),
    "hf.token": ("bool", "a Hugging Face token is present (its value is never read into a report)"),
    "hf.offline": ("bool", "the Hugging Face hub is switched off by an environment variable"),
    "hf.download_needed": ("bytes", "what the named model still needs to download"),
    "work.shadows": ("list", "modules of the stack that files in the working directory shadow"),
    "environment.duplicates": ("list", "distributions that are installed more than once"),
    "environment.broken": ("list", "distributions whose metadata is missing or damaged"),
    "environment.complete": ("bool", "the list of distributions is all that is installed"),
    "model.name": ("text", "name or path of the model"),
    "model.type": ("text", "model_type of the model's configuration"),
    "model.quantization": ("text", "format the weights are stored in: mxfp4, bnb-4bit, bnb-8bit, gptq, awq, fp8 or none"),
    "model.is_adapter": ("bool", "the model folder holds an adapter, not a whole model"),
    "model.head_dim": ("number", "size of an attention head"),
    "training.use": ("text", "what the run is for: sft, dpo, grpo, reward, lora, qlora, full or inference"),
    "training.method": ("text", "full, lora, qlora or galore"),
    "training.dtype": ("text", "precision of training: fp32, fp16 or bf16"),
    "training.optimizer": ("text", "optimizer, as TrainingArguments names it"),
    "training.attention": ("text", "attention implementation: eager, sdpa, flash_attention_2 ..."),
    "training.world_size": ("number", "number of training processes"),
    "training.packing": ("bool", "sequences are packed"),
    "training.launcher": ("text", "torchrun, accelerate, deepspeed or none"),
    "training.device_map": ("text", "device_map given to the loader"),
    "training.batch": ("number", "samples of one step on one GPU"),
    "training.max_length": ("number", "tokens after which samples are cut off"),
    "training.checkpointing": ("bool", "activations are computed again on the way back (gradient checkpointing)"),
    "training.rank": ("number", "rank of the adapters"),
    "training.targets": ("list", "modules that adapters wrap, as LoraConfig names them"),
    "training.weights": ("text", "type that the weights are loaded in: fp32, fp16 or bf16"),
    "training.dequantized": ("bool", "quantised weights are turned into 16 bit while they are loaded"),
    "training.liger": ("bool", "Liger's kernels are used"),
    "training.named": ("bool", "the trainer is given the model's name, and loads it itself"),
    "training.trainer": ("text", "who trains: transformers, trl or unsloth"),
    "training.defaults": ("list", "training arguments that are certainly left to the libraries"),
    "training.unfollowed": ("text", "an argument that changes what training takes of the GPU in ways that are not followed"),
    "run.memory.least": ("bytes", "memory of the GPU that the named run takes at the least, whatever its samples are"),
    "run.memory.most": ("bytes", "memory of the GPU with which the named run surely fits, where samples have their full length"),
}
