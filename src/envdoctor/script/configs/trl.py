"""trl's configuration for `trl sft --config` and its like, and what other programs read with the same parser.

A key that no class of the command takes raises in TrlParser from 0.9.6 to 0.11.4 (trl/commands/cli_utils.py); 0.13.0 to 0.17.0 pass over
it (trl/scripts/utils.py); from 0.18.0 on the command hands it to `accelerate launch`, which refuses what is no option of its own
(trl/cli.py, trl/cli/commands/training.py; seen with 1.16.0).
"""

from __future__ import annotations

from envdoctor.model.script import Keys
from envdoctor.script.configs.drafts import (
    ADAPTERS,
    ARGUMENTS,
    MODEL,
    QUANTISATION,
    Implied,
    call,
    environment,
    implied,
    is_on,
    keys_call,
    nothing,
    number,
    renamed,
    top,
    unknown,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.model.script import Call
    from envdoctor.model.settings import Table

COMMANDS = ("SFT", "DPO", "GRPO", "RLOO", "KTO", "Reward", "ORPO", "CPO")
"""Training commands as their classes spell them: `trl sft` trains with trl.SFTTrainer, as trl.SFTConfig says."""
MARKS = {
    "SFT": (
        "packing", "packing_strategy", "eval_packing", "max_seq_length", "dataset_text_field", "dataset_kwargs", "dataset_batch_size",
        "assistant_only_loss", "completion_only_loss", "chars_per_token", "num_of_sequences", "use_liger",
    ),
    "DPO": (
        "f_divergence_type", "f_alpha_divergence_coef", "discopop_tau", "ld_alpha", "loss_weights", "reference_free", "rpo_alpha",
        "use_weighting", "force_use_ref_model", "model_adapter_name", "ref_adapter_name", "use_logits_to_keep",
    ),
    "GRPO": (
        "scale_rewards", "importance_sampling_level", "delta", "vllm_importance_sampling_correction", "vllm_max_model_len",
        "top_entropy_quantile", "max_tool_calling_iterations", "multi_objective_aggregation", "vllm_device", "vllm_dtype",
    ),
    "RLOO": ("rloo_k", "kl_coef", "token_level_kl", "normalize_advantages", "reward_clip_range"),
    "KTO": ("desirable_weight", "undesirable_weight", "prompt_sample_size"),
    "Reward": ("center_rewards_coefficient",),
    "CPO": ("cpo_alpha", "simpo_gamma"),
}  # fmt: skip
"""Keys that no release of another command's configuration ever had."""
SHARED = (
    "trl.ModelConfig", "trl.scripts.utils.ScriptArguments", "trl.DatasetMixtureConfig", "trl.commands.cli_utils.SFTScriptArguments",
    "trl.commands.cli_utils.DPOScriptArguments",
)  # fmt: skip
"""Classes that hold keys of every command beside the configuration; each release has some."""
OWN = {"GRPO": "trl.scripts.grpo.GRPOScriptArguments", "RLOO": "trl.scripts.rloo.RLOOScriptArguments"}
"""Those that hold keys of one command."""
REFUSED = (">=0.9.6,<0.12", ">=0.18")
LAUNCH = (
    "accelerate_config", "config_file", "num_processes", "num_machines", "machine_rank", "main_process_ip", "main_process_port", "gpu_ids",
    "multi_gpu", "mixed_precision", "use_deepspeed", "deepspeed_config_file", "zero_stage", "use_fsdp", "dynamo_backend", "rdzv_backend",
    "num_cpu_threads_per_process", "config", "env",
)  # fmt: skip
"""Keys that are meant for the parser itself, or for `accelerate launch`."""
_SETTINGS = frozenset({
    "learning_rate", "per_device_train_batch_size", "num_train_epochs", "max_steps", "gradient_accumulation_steps", "output_dir",
    "dataset_name", "datasets", "use_peft",
})  # fmt: skip
_QUANTISATION = {"load_in_4bit": "load_in_4bit", "load_in_8bit": "load_in_8bit", "bnb_4bit_quant_type": "bnb_4bit_quant_type"}
_RANK = 16
"""ModelConfig.lora_r where nothing is said, in every release that has it."""


def recognises(keys: frozenset[str]) -> bool:
    """Tell the file by a model, and data or settings of its training."""
    return "model_name_or_path" in keys and not keys.isdisjoint(_SETTINGS)


def read(table: Table, path: str) -> tuple[Call, ...]:
    """Return the keys, and what the command loads, adapts and trains because of them."""
    commands = _commands(table, path)
    sure = commands[0] if len(commands) == 1 else None
    classes = (*(f"trl.{command}Config" for command in commands), *SHARED, *(OWN[command] for command in commands if command in OWN))
    own = [setting.replace(value=number(setting.value)) for setting in table.settings if setting.key not in LAUNCH]
    keys = Keys(classes=classes, package="trl", refused=REFUSED, is_shared=True)
    found = [keys_call(classes[0] if sure else ARGUMENTS, own, path, keys)]
    variables = table.get("env")
    if variables is not None:
        found.append(environment(table.table("env"), variables.location))
    model = table.get("model_name_or_path")
    quantised = is_on(table, "load_in_4bit") or is_on(table, "load_in_8bit")
    switch = table.get("load_in_4bit") if is_on(table, "load_in_4bit") else table.get("load_in_8bit")
    place = model.location if model else top(path)
    found.append(
        call(
            MODEL,
            place,
            {
                "0": model,
                "load_in_4bit": nothing(place),
                **renamed(table, {"attn_implementation": "attn_implementation"}),
                "torch_dtype": _dtype(table),
                "quantization_config": unknown(switch) if quantised else None,
            },
        )
    )
    if quantised and switch is not None:
        found.append(call(QUANTISATION, switch.location, renamed(table, _QUANTISATION)))
        if sure in ("SFT", "DPO"):
            found.append(call("trl.get_kbit_device_map", switch.location, {}))
    adapted = table.get("use_peft")
    if adapted is not None and adapted.value is True:
        rank = table.get("lora_r") or Implied(value=_RANK, location=adapted.location)
        given = renamed(table, {"lora_target_modules": "target_modules", "use_dora": "use_dora", "lora_alpha": "lora_alpha"})
        found.append(call(ADAPTERS, adapted.location, {"r": rank, **given}))
    if sure is not None:
        found.append(call(f"trl.{sure}Trainer", top(path), {"args": unknown(model), "model": model}))
    return tuple(found)


def _dtype(table: Table) -> Implied | None:
    """Return the type that weights are loaded in: trl turns its name into torch's type, whatever the release calls the argument."""
    setting = table.get("dtype") or table.get("torch_dtype")
    if setting is None or not isinstance(setting.value, str):
        return None
    return implied(setting, setting.value if setting.value == "auto" else f"torch.{setting.value}")


def _commands(table: Table, path: str) -> tuple[str, ...]:
    """Return the command that the file is for: by keys of its own, else by a word of its path; all where that is not certain."""
    told = [command for command, marks in MARKS.items() if not table.keys.isdisjoint(marks)]
    if not told:
        for part in reversed(path.lower().replace("\\", "/").rsplit("/", 2)[-2:]):
            words = part.replace("-", "_").replace(".", "_").split("_")
            told = [command for command in COMMANDS if command.lower() in words]
            if told:
                break
    return tuple(told) if len(told) == 1 else COMMANDS
