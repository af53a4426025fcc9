"""Measure what fine-tuning steps really take on a GPU, as rows that `tests/memory` holds the formulas against.

    python benchmarks/measure_memory.py CONFIGURATIONS.jsonl ROWS.jsonl [--seconds 540] [--jobs 1] [--trace FOLDER]

Each line of CONFIGURATIONS is one run; each line of ROWS repeats it with what was measured. Runs that ROWS already holds are left
out, so the command can be given again. Every run has a process of its own. Nothing is downloaded: models are built from the
configurations below, with random weights.

A run may bring the `config` of a model that is not among those below, and call it as it likes. `targets` is 7 for all projections of
attention and MLP, 4 for those of attention, or what `LoraConfig(target_modules=...)` takes: "all-linear", or names with commas between.
`saved` holds its `modules_to_save`; with `eval_batch` an evaluation follows every second step.

A run may ask for several cards: `"cards": 2` with `"sharing"`, which is `layers` (one process, `device_map="auto"`), or `ddp`, `fsdp1`,
`fsdp2`, `zero1`, `zero2` or `zero3` (a process a card, as `torchrun` starts them). Its row tells of every card (`each`); the figures
beside it are those of the fullest. `"zero"` holds what the DeepSpeed configuration says besides, `"max_memory"` is in GiB a card.

Needs torch with CUDA, transformers, peft and accelerate; trl, bitsandbytes, galore_torch, liger_kernel and deepspeed where a run asks
for them.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from typing import Any

FIELDS = ("model_type", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "vocab_size")
# as published in each model's config.json; head_dim and what else differs from the class's default follows
MODELS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "llama-3.2-1b": (("llama", 2048, 8192, 16, 32, 8, 128256), {"head_dim": 64, "tie_word_embeddings": True}),
    "llama-3.2-3b": (("llama", 3072, 8192, 28, 24, 8, 128256), {"head_dim": 128, "tie_word_embeddings": True}),
    "llama-3.1-8b": (("llama", 4096, 14336, 32, 32, 8, 128256), {}),
    "smollm2-360m": (("llama", 960, 2560, 32, 15, 5, 49152), {"tie_word_embeddings": True}),
    "qwen2.5-0.5b": (("qwen2", 896, 4864, 24, 14, 2, 151936), {"tie_word_embeddings": True}),
    "qwen2.5-1.5b": (("qwen2", 1536, 8960, 28, 12, 2, 151936), {"tie_word_embeddings": True}),
    "qwen2.5-7b": (("qwen2", 3584, 18944, 28, 28, 4, 152064), {}),
    "qwen2.5-14b": (("qwen2", 5120, 13824, 48, 40, 8, 152064), {}),
    "qwen3-0.6b": (("qwen3", 1024, 3072, 28, 16, 8, 151936), {"head_dim": 128, "tie_word_embeddings": True}),
    "qwen3-4b": (("qwen3", 2560, 9728, 36, 32, 8, 151936), {"head_dim": 128, "tie_word_embeddings": True}),
    "mistral-7b": (("mistral", 4096, 14336, 32, 32, 8, 32768), {"head_dim": 128, "sliding_window": None}),
    "phi-4-mini": (
        ("phi3", 3072, 8192, 32, 24, 8, 200064),
        {"tie_word_embeddings": True, "partial_rotary_factor": 0.75, "pad_token_id": 0},
    ),
    "gemma-2-2b": (("gemma2", 2304, 9216, 26, 8, 4, 256000), {"head_dim": 256}),
    "gemma-3-1b": (("gemma3_text", 1152, 6912, 26, 4, 1, 262144), {"head_dim": 256, "sliding_window": 512}),
    "olmo2-1b": (("olmo2", 2048, 8192, 16, 16, 16, 100352), {"tie_word_embeddings": False}),
    "granite-3.3-2b": (("granite", 2048, 8192, 40, 32, 8, 49159), {"tie_word_embeddings": True}),
    "gpt-oss-120b": (("gpt_oss", 2880, 2880, 36, 64, 8, 201088), {"head_dim": 64, "num_local_experts": 128, "num_experts_per_tok": 4}),
    "gpt-oss-20b": (("gpt_oss", 2880, 2880, 24, 64, 8, 201088), {"head_dim": 64, "num_local_experts": 32, "num_experts_per_tok": 4}),
    "qwen3-30b-a3b": (
        ("qwen3_moe", 2048, 6144, 48, 32, 4, 151936),
        {"head_dim": 128, "moe_intermediate_size": 768, "num_experts": 128, "num_experts_per_tok": 8, "norm_topk_prob": True},
    ),
    "gemma-2b": (("gemma", 2048, 16384, 18, 8, 1, 256000), {"head_dim": 256}),
    "smollm3-3b": (("smollm3", 2048, 11008, 36, 16, 4, 128256), {"tie_word_embeddings": True}),
    "olmo-1b": (("olmo", 2048, 8192, 16, 16, 16, 50304), {"tie_word_embeddings": True}),
    "stablelm-2-1_6b": (("stablelm", 2048, 5632, 24, 32, 32, 100352), {"use_qkv_bias": True}),
    "starcoder2-3b": (("starcoder2", 3072, 12288, 30, 24, 2, 49152), {}),
    "phi-2": (("phi", 2560, 10240, 32, 32, 32, 51200), {}),
    "falcon-7b": (("falcon", 4544, 18176, 32, 71, 1, 65024), {"multi_query": True, "parallel_attn": True}),
    "glm-4-9b-0414": (("glm4", 4096, 13696, 40, 32, 2, 151552), {"head_dim": 128, "attention_bias": True}),
    "c4ai-command-r7b-12-2024": (("cohere2", 4096, 14336, 32, 32, 8, 256000), {"sliding_window": 4096, "sliding_window_pattern": 4}),
    "mixtral-8x7b": (("mixtral", 4096, 14336, 32, 32, 8, 32000), {"num_local_experts": 8, "num_experts_per_tok": 2}),
    "qwen1.5-moe-a2.7b": (
        ("qwen2_moe", 2048, 5632, 24, 16, 16, 151936),
        {"num_experts": 60, "num_experts_per_tok": 4, "moe_intermediate_size": 1408, "shared_expert_intermediate_size": 5632},
    ),
    "deepseek-v2-lite": (
        ("deepseek_v2", 2048, 10944, 27, 16, 16, 102400),
        {"kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "q_lora_rank": None}
        | {"n_routed_experts": 64, "n_shared_experts": 2, "num_experts_per_tok": 6, "moe_intermediate_size": 1408}
        | {"first_k_dense_replace": 1},
    ),
}
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
OTHER_TARGETS = {
    # families whose projections have other names: those of attention, and all
    "phi3": (["qkv_proj", "o_proj"], ["gate_up_proj", "down_proj"]),
    "phi": (["q_proj", "k_proj", "v_proj", "dense"], ["fc1", "fc2"]),
    "falcon": (["query_key_value", "dense"], ["dense_h_to_4h", "dense_4h_to_h"]),
    "starcoder2": (["q_proj", "k_proj", "v_proj", "o_proj"], ["c_fc", "c_proj"]),
    "glm4": (["q_proj", "k_proj", "v_proj", "o_proj"], ["gate_up_proj", "down_proj"]),
}
DEFAULTS = {"method": "lora", "batch": 1, "seq": 1024, "gc": True, "optim": "adamw_torch_fused", "r": 8, "targets": 7, "dtype": "bf16"}
DEFAULTS |= {"attn": "sdpa", "trainer": "transformers"}
STEPS = 4
DEVICE = os.environ.get("MEASURE_ON", "cuda")  # "cpu" tries whether a run goes through where there is no card
ONE_EACH = ("ddp", "fsdp1", "fsdp2", "zero1", "zero2", "zero3")


def configuration(run: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration of a run's model."""
    if "config" in run:
        return dict(run["config"])
    shape, more = MODELS[run["model"]]
    return dict(zip(FIELDS, shape, strict=True)) | more


def build(run: dict[str, Any]) -> Any:
    """Build the model of a run on the GPU, with adapters when the method has them."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    values = configuration(run)
    values["num_hidden_layers"] = run.get("layers", values["num_hidden_layers"])
    kind = values.pop("model_type")
    config = AutoConfig.for_model(kind, **values, use_cache=False)
    config._attn_implementation = run["attn"]
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[run["dtype"]]
    quantised, sharing = run["method"] == "qlora", run.get("sharing", "")
    if sharing == "zero3":  # deepspeed.zero.Init shares each weight out as it is made
        return AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation=run["attn"])
    later = quantised or sharing == "layers" or sharing.startswith("fsdp")
    with torch.device("meta" if later else DEVICE):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation=run["attn"])
    if quantised:
        quantise(model, dtype)
    elif sharing == "layers":
        split(model, run)
    elif later:  # as from_pretrained leaves it: in the computer's memory, until accelerate shares it out
        materialise(model, lambda name: "cpu")
    return model


def materialise(model: Any, place: Any) -> None:
    """Give weights to a model from the meta device; `place` says where each lies. On the CPU they are zeros, which cost no time."""
    import torch

    kept: dict[int, Any] = {}
    for path, module in model.named_modules():
        for name, value in list(module._parameters.items()):
            if value is not None and value.is_meta:
                if id(value) not in kept:
                    where = place(f"{path}.{name}")
                    data = torch.zeros(value.shape, dtype=value.dtype, device=where)
                    if torch.device(where).type == "cuda":
                        data.normal_(0, 0.02)
                    elif value.dim() == 1 and name == "weight":
                        data.fill_(1)
                    kept[id(value)] = torch.nn.Parameter(data, requires_grad=value.requires_grad)
                module._parameters[name] = kept[id(value)]
        for name, value in module._buffers.items():
            if value is not None and value.is_meta:
                module._buffers[name] = torch.ones(value.shape, dtype=value.dtype, device=place(f"{path}.{name}"))
    rotary = model.model.rotary_emb
    model.model.rotary_emb = type(rotary)(model.config).to(place("model.rotary_emb.inv_freq"))
    model.tie_weights()


def split(model: Any, run: dict[str, Any]) -> None:
    """Put the layers of a model from the meta device on all cards, as `from_pretrained(device_map="auto")` does."""
    from transformers.integrations.accelerate import _get_device_map, accelerate_dispatch, get_device

    limit = run.get("max_memory")
    limits = dict.fromkeys(range(run["cards"]), limit << 30) if limit else None
    model.hf_device_map = _get_device_map(model, "auto", limits, None)
    materialise(model, lambda name: get_device(model.hf_device_map, name, valid_torch_device=True))
    accelerate_dispatch(model, None, model.hf_device_map, None, None, False)


def quantise(model: Any, dtype: Any) -> None:
    """Materialise a model from the meta device with every Linear but lm_head in NF4 with double quantisation."""
    import bitsandbytes as bnb
    import torch

    for module in list(model.modules()):
        for child, old in list(module.named_children()):
            if not isinstance(old, torch.nn.Linear) or child == "lm_head":
                continue
            new = bnb.nn.Linear4bit(1, 1, old.bias is not None, compute_dtype=dtype, compress_statistics=True, quant_type="nf4")
            new.in_features, new.out_features = old.in_features, old.out_features
            weight = torch.empty(old.out_features, old.in_features, dtype=dtype, device="cuda").normal_(0, 0.02)
            new.weight = bnb.nn.Params4bit(weight, requires_grad=False, compress_statistics=True, quant_type="nf4")
            if old.bias is not None:
                new.bias = torch.nn.Parameter(torch.zeros(old.out_features, dtype=dtype))
            setattr(module, child, new.cuda())
    for module in model.modules():
        for name, value in list(module._parameters.items()):
            if value is not None and value.is_meta:
                data = torch.empty(value.shape, dtype=value.dtype, device="cuda").normal_(0, 0.02)
                module._parameters[name] = torch.nn.Parameter(data, requires_grad=value.requires_grad)
        for name, value in module._buffers.items():
            if value is not None and value.is_meta:
                module._buffers[name] = torch.ones(value.shape, dtype=value.dtype, device="cuda")
    rotary = model.model.rotary_emb
    model.model.rotary_emb = type(rotary)(model.config).to("cuda")
    model.tie_weights()
    model.is_loaded_in_4bit = True


def adapt(model: Any, run: dict[str, Any]) -> Any:
    """Wrap the model with adapters, as the method asks."""
    if run["method"] == "full":
        return model
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    if run["method"] == "qlora":
        model = prepare_model_for_kbit_training(
            model, use_gradient_checkpointing=run["gc"], gradient_checkpointing_kwargs={"use_reentrant": False}
        )
    attention, mlp = OTHER_TARGETS.get(configuration(run)["model_type"], (TARGETS[:4], TARGETS[4:]))
    chosen: Any = attention + mlp if run["targets"] == 7 else attention
    if isinstance(run["targets"], str):
        chosen = run["targets"].split(",") if run["targets"] != "all-linear" else "all-linear"
    return get_peft_model(
        model,
        LoraConfig(
            r=run["r"],
            lora_alpha=2 * run["r"],
            target_modules=chosen,
            use_dora=run["method"] == "dora",
            modules_to_save=run.get("saved"),
            task_type="CAUSAL_LM",
        ),
    )


def settings(run: dict[str, Any], folder: str) -> dict[str, Any]:
    """Return the arguments of the trainer."""
    # the T4 way of fp16 weights without autocast would fail in the gradient scaler, so neither switch is set for them
    arguments: dict[str, Any] = {
        "output_dir": folder,
        "per_device_train_batch_size": run["batch"],
        "max_steps": STEPS,
        "gradient_checkpointing": run["gc"],
        "gradient_checkpointing_kwargs": {"use_reentrant": False} if run["gc"] else None,
        "bf16": run["dtype"] != "fp16",
        "optim": run["optim"],
        "learning_rate": 1e-5,
        "report_to": "none",
        "save_strategy": "no",
        "logging_strategy": "no",
        "disable_tqdm": True,
        "use_liger_kernel": bool(run.get("liger")),
    }
    if run.get("eval_batch"):
        arguments |= {"eval_strategy": "steps", "eval_steps": STEPS // 2, "per_device_eval_batch_size": run["eval_batch"]}
    if run["optim"].startswith("galore"):
        arguments["optim_target_modules"] = ["attn", "mlp"]
    if DEVICE == "cpu":
        arguments["use_cpu"] = True
    sharing = run.get("sharing", "")
    if sharing.startswith("fsdp"):
        arguments["fsdp"] = True
        arguments["fsdp_config"] = {"version": int(sharing[-1]), **run.get("fsdp", {})}
    if sharing.startswith("zero"):
        arguments["deepspeed"] = {
            "bf16": {"enabled": "auto"},
            "zero_optimization": {"stage": int(sharing[-1]), **run.get("zero", {})},
            "train_micro_batch_size_per_gpu": "auto",
            "gradient_accumulation_steps": "auto",
            "train_batch_size": "auto",
            "gradient_clipping": "auto",
            "zero_force_ds_cpu_optimizer": False,
        }
    return arguments


def train(model: Any, run: dict[str, Any], arguments: Any, steady: list[int]) -> None:
    """Run the steps of `transformers.Trainer` or `trl.SFTTrainer` on random tokens of full length."""
    import torch
    from transformers import Trainer, TrainerCallback

    class Steady(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            steady.append(torch.cuda.memory_allocated() if DEVICE == "cuda" else 0)

    vocabulary = configuration(run)["vocab_size"]
    generator = torch.Generator().manual_seed(0)
    needed = max(run["batch"] * STEPS * run.get("cards", 1), run.get("eval_batch", 0))
    rows = torch.randint(3, vocabulary, (needed, run["seq"]), generator=generator)
    if run["trainer"] == "trl":
        from datasets import Dataset
        from tokenizers import Tokenizer
        from tokenizers.models import WordLevel
        from transformers import PreTrainedTokenizerFast
        from trl import SFTConfig, SFTTrainer

        words = Tokenizer(WordLevel({"<pad>": 0, "<eos>": 1, "<unk>": 2}, unk_token="<unk>"))
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")
        settings_ = SFTConfig(**arguments, max_length=run["seq"], **run.get("sft", {}))
        data = Dataset.from_dict({"input_ids": rows.tolist()})
        SFTTrainer(model, args=settings_, train_dataset=data, processing_class=tokenizer, callbacks=[Steady()]).train()
        return
    samples = [{"input_ids": row, "labels": row.clone()} for row in rows]
    more = {"eval_dataset": samples[: run["eval_batch"]]} if run.get("eval_batch") else {}
    Trainer(model=model, args=arguments, train_dataset=samples, callbacks=[Steady()], **more).train()


def measure(run: dict[str, Any], trace: str) -> dict[str, Any]:
    """Run one configuration and return its row; all figures are bytes, but `seconds`."""
    import torch
    from transformers import TrainingArguments

    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        arguments: Any = settings(run, folder)
        if run["trainer"] != "trl":
            arguments = TrainingArguments(**arguments)  # before the model: DeepSpeed's stage 3 changes how that is made
        if DEVICE == "cuda":
            torch.cuda.init()
        elif run.get("sharing", "").startswith("zero"):
            import deepspeed

            deepspeed.init_distributed("gloo")
        model = build(run)
        emptied()
        row: dict[str, Any] = {"params": sum(p.numel() * (2 if p.dtype == torch.uint8 else 1) for p in model.parameters())}
        cards = (
            range(torch.cuda.device_count())
            if run.get("sharing") == "layers"
            else (torch.cuda.current_device(),)
            if DEVICE == "cuda"
            else ()
        )
        row["load_bytes"] = sum(torch.cuda.memory_allocated(card) for card in cards)
        model = adapt(model, run)
        row["trainable"] = sum(getattr(p, "ds_numel", p.numel()) for p in model.parameters() if p.requires_grad)
        if hasattr(model, "hf_device_map"):
            row["on_first"] = list(model.hf_device_map.values()).count(0)  # modules
        gc.collect()
        emptied()
        for card in cards:
            torch.cuda.reset_peak_memory_stats(card)
        row["after_peft"] = sum(torch.cuda.memory_allocated(card) for card in cards)
        if trace and DEVICE == "cuda":
            # DeepSpeed's own linear layer of stage 3 breaks where frames are recorded (torch 2.11, Python 3.12)
            frames = None if run.get("sharing") == "zero3" else "all"
            torch.cuda.memory._record_memory_history(context=frames, max_entries=400_000, stacks="python")
        steady: list[int] = []
        started = time.monotonic()
        try:
            train(model, run, arguments, steady)
        except torch.OutOfMemoryError:
            row["out_of_memory"] = True
        row["seconds"] = round(time.monotonic() - started, 1)
        if trace and DEVICE == "cuda":
            write_trace(torch.cuda.memory._snapshot(), trace)
    each = [figures(card) for card in cards]
    if each:
        row |= max(each, key=lambda found: found["peak_reserved"])
        row["steady_allocated"] = steady[-1] if steady else None
        row["card"] = torch.cuda.get_device_name()
    if run.get("cards", 1) > 1:
        row["each"] = each
    return row


def emptied() -> None:
    """Give back what the allocator holds without need."""
    import torch

    for card in range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ():
        with torch.cuda.device(card):
            torch.cuda.empty_cache()


def figures(card: int) -> dict[str, int]:
    """Return what the allocator and the driver say of one card."""
    import torch

    free, total = torch.cuda.mem_get_info(card)
    found = {"peak_allocated": torch.cuda.max_memory_allocated(card), "peak_reserved": torch.cuda.max_memory_reserved(card)}
    found["reserved_at_end"] = torch.cuda.memory_reserved(card)
    found["device_used_at_end"] = total - free
    found["alloc_retries"] = torch.cuda.memory_stats(card)["num_alloc_retries"]
    found["card_bytes"] = total
    return found


def write_trace(snapshot: dict[str, Any], path: str) -> None:
    """Write the allocator's events, one a line: what happened, bytes, address, and the innermost frames outside torch."""
    with open(path, "w", encoding="utf-8") as file:
        for entry in snapshot["device_traces"][0]:
            frames = [
                f"{os.path.basename(frame['filename'])}:{frame['line']}:{frame['name']}"
                for frame in entry.get("frames", ())
                if "/torch/" not in frame["filename"] or "checkpoint" in frame["filename"]
            ]
            file.write(json.dumps([entry["action"], entry["size"], entry["addr"], frames[:3]]) + "\n")


def versions() -> dict[str, str]:
    """Name the releases that took part."""
    found = {"python": "%d.%d.%d" % sys.version_info[:3]}
    for name in (
        "torch",
        "transformers",
        "peft",
        "accelerate",
        "trl",
        "bitsandbytes",
        "galore-torch",
        "liger-kernel",
        "triton",
        "deepspeed",
    ):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def in_child(run: dict[str, Any], trace: str, limit: float) -> dict[str, Any]:
    """Measure in child processes, so that every run starts with an untouched allocator and a crash is a row. One a card, or one."""
    cards = run.get("cards", 1)
    processes = cards if run.get("sharing") in ONE_EACH else 1
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = []
    for rank in range(processes):
        told = dict(os.environ)
        if processes > 1:
            told |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)}
            told |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        elif cards == 1:
            told.setdefault("CUDA_VISIBLE_DEVICES", "0")
        words = [sys.executable, __file__, "--one", json.dumps(run), "--trace", trace if rank == 0 else ""]
        started.append(subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=told))
    rows = []
    until = time.monotonic() + limit
    with ThreadPoolExecutor(processes) as pool:
        for process, (out, errors) in zip(started, pool.map(lambda process: _ended(process, until), started), strict=True):
            last = out.rstrip().rpartition("\n")[2]
            whole = {"error": f"the process ended with {process.returncode}: {errors[-1500:]}"}
            rows.append(json.loads(last) if last.startswith("{") else whole)
    wrong = next((row for row in rows if "error" in row), None)
    if wrong is not None or processes == 1:
        return wrong or rows[0]
    each = [found for row in rows for found in row.pop("each", ())]
    return max(rows, key=lambda row: row.get("peak_reserved", 0)) | {"each": each}


def _ended(process: subprocess.Popen[str], until: float) -> tuple[str, str]:
    """Wait for a process, and end it when its time is over."""
    try:
        return process.communicate(timeout=max(1, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()


def one(run: dict[str, Any], trace: str) -> None:
    """Measure one run in this process and print its row as the last line."""
    try:
        row = measure(run, trace)
    except Exception as error:  # a run that cannot be made is a result
        row = {"error": f"{type(error).__name__}: {error}"[:300], "where": traceback.format_exc()[-1500:]}
    print("\n" + json.dumps(row), flush=True)


def main() -> None:
    """Measure what is asked for and not measured yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configurations", nargs="?")
    parser.add_argument("rows", nargs="?")
    parser.add_argument("--seconds", type=float, default=3600, help="begin no run after this many seconds")
    parser.add_argument("--limit", type=float, default=300, help="end a run that takes longer than this many seconds")
    parser.add_argument("--trace", default="", help="a folder for the allocator's events of each run")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time; with more than one, what the device reports is left out")
    parser.add_argument("--one", default="", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        one(json.loads(chosen.one), chosen.trace)
        return
    started = time.monotonic()
    with open(chosen.configurations, encoding="utf-8") as file:
        wanted = [DEFAULTS | json.loads(line) for line in file if line.strip()]
    done = []
    if os.path.exists(chosen.rows):
        with open(chosen.rows, encoding="utf-8") as file:
            done = [json.loads(line) for line in file]
    about = {"date": datetime.now(timezone.utc).date().isoformat(), "versions": versions()}

    def each(number: int, run: dict[str, Any]) -> None:
        if any(all(row.get(key) == value for key, value in run.items()) for row in done):
            return
        if time.monotonic() - started > chosen.seconds:
            print(f"{number} is left for another time: {run}")
            return
        traced = os.path.join(chosen.trace, f"{number:03}.jsonl") if chosen.trace else ""
        row = run | in_child(run, traced, chosen.limit) | about
        if chosen.jobs > 1:
            for found in (row, *row.get("each", ())):
                found.pop("device_used_at_end", None)
        with open(chosen.rows, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(number, row.get("error") or (run, row.get("peak_allocated"), row.get("peak_reserved")), flush=True)

    with ThreadPoolExecutor(chosen.jobs) as pool:
        for future in [pool.submit(each, number, run) for number, run in enumerate(wanted)]:
            future.result()


if __name__ == "__main__":
    main()
