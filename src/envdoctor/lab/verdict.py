"""What the stages of a run mean: works or breaks, the first failure, its cause, and the pair to blame where the error tells.

Pure; fixtures/realruns/README.md is the definition that this module follows.
"""

from __future__ import annotations

import re

from envdoctor.model.names import normalise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Stages = Mapping[str, Mapping[str, Any]]

WORKS, BREAKS, UNINSTALLABLE = "works", "breaks", "uninstallable"
_IMPORTS = (
    "s0_install", "s1_torch", "s1_torch_numpy", "s2_torchao", "s2_torchvision", "s3_transformers",
    "s4_peft", "s5_accelerate", "s5_datasets", "s6_bitsandbytes", "s7_trl",
)  # fmt: skip
_SHARED = ("s9_setup_model_tokenizer_dataset", "s9_save_and_from_pretrained", "s9_lora_forward_backward_save")
_TRAINER = {"tokenizer": "s9_Trainer_tokenizer", "processing_class": "s9_Trainer_processing_class"}
_SFT = (
    # trl below this release wants this spelling
    ((0, 9), "s9_SFT_A_TrainingArguments_tokenizer_max_seq_length"),
    ((0, 12), "s9_SFT_B_SFTConfig_max_seq_length_tokenizer"),
    ((0, 16), "s9_SFT_C_SFTConfig_max_seq_length_processing_class"),
    ((1 << 30,), "s9_SFT_D_SFTConfig_max_length_processing_class"),
)
_OTHER_TRAINERS = ("x7_import_", "x9_DPO", "x9_GRPO", "x9_Reward")
_SPELLINGS = ("s8", *_TRAINER.values(), *(name for _, name in _SFT))
_ADVICE = ("Please note", "You can update", "Please restart")
_NO_GPU = (
    "0 active drivers",
    "Found no NVIDIA driver",
    "No CUDA GPUs are available",
    "CUDA driver version is insufficient",
    "no NVIDIA GPU",
)
_DISTRIBUTION_OF = {
    # modules of distributions that need not be installed, where the names differ
    "pkg_resources": "setuptools", "sklearn": "scikit-learn", "yaml": "pyyaml", "PIL": "pillow", "dateutil": "python-dateutil",
    "cv2": "opencv-python", "flash_attn": "flash-attn", "google": "protobuf",
}  # fmt: skip


def numbers(version: str) -> tuple[int, ...]:
    """Return the first three numbers of a version; an empty text gives none."""
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:3])


def own_spellings(packages: Mapping[str, str]) -> dict[str, str]:
    """Return the stages that call Trainer and SFTTrainer as their releases want it."""
    word = "processing_class" if numbers(packages.get("transformers", "")) >= (4, 46) else "tokenizer"
    found = {"trainer": _TRAINER[word]}
    if "trl" in packages:
        found["sft"] = next(name for below, name in _SFT if numbers(packages["trl"]) < below)
    return found


def core(packages: Mapping[str, str]) -> set[str]:
    """Return the stages that decide the verdict."""
    return {*_IMPORTS, *_SHARED, *own_spellings(packages).values()}


def judge(stages: Stages, packages: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of a record that follow from its stages."""
    deciding = core(packages)
    failed = [name for name, told in stages.items() if not name.startswith("_") and told.get("ok") is not True]
    wrong = [name for name in failed if name in deciding]
    spelt = [name for name in failed if name not in deciding and name.startswith(_SPELLINGS)]
    extra = [name for name in failed if name not in deciding and name.startswith("x")]
    first = wrong[0] if wrong else None
    told = stages[first] if first else {}
    cause = told.get("root_message_tail") or told.get("message_tail")
    if cause and cause.startswith(_ADVICE):  # the last line of some messages says nothing
        cause = told.get("message_head") or cause
    pair, because = _blame_first(stages, wrong, packages)
    text = " ".join(str(told.get(key, "")) for key in ("message_tail", "message_head", "root_message_tail"))
    return {
        "verdict": BREAKS if wrong else WORKS,
        "works_but_other_trainers_broken": not wrong and any(name.startswith(_OTHER_TRAINERS) for name in extra),
        "first_failure": first,
        "cause": cause,
        "cause_type": (told.get("root_type") or told.get("exc_type")) if first else None,
        "cause_where": told.get("where") if first else None,
        "core_failures": wrong,
        "extra_failures": extra,
        "idioms_rejected": spelt,
        "native": own_spellings(packages),
        "flags": ["error text is of a machine without GPU"] if any(words in text for words in _NO_GPU) else [],
        "pair": pair,
        "pair_because": because,
    }


def _blame_first(stages: Stages, wrong: list[str], packages: Mapping[str, str]) -> tuple[list[str] | None, str | None]:
    """Return the pair to blame for the first failure; where a lazy import hid its error, the next core failure tells it."""
    if not wrong:
        return None, None
    modules = dict(stages.get("_modules", {}).get("value") or {})
    pair, because = blame(stages[wrong[0]], packages, modules)
    if pair is None and stages[wrong[0]].get("exc_type") == "ImportError" and not stages[wrong[0]].get("where"):
        for name in wrong[1:]:
            pair, told = blame(stages[name], packages, modules)
            if pair is not None:
                return pair, f"{told} ({name}; the first failure hides its cause)"
    return pair, because


def judge_again(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record with its pair looked for anew, where it has stages and no pair."""
    if record.get("pair") or record["verdict"] != BREAKS or not record.get("stages"):
        return dict(record)
    pair, because = _blame_first(record["stages"], list(record["core_failures"]), record["packages"])
    return {**record, "pair": pair, "pair_because": because}


def blame(told: Mapping[str, Any], packages: Mapping[str, str], modules: Mapping[str, str] | None = None) -> tuple[list[str] | None, str]:
    """Return the pair to blame for a failed stage and why, or None where the error does not tell.

    >>> where = {"where": "peft/peft_model.py:37", "message_tail": "cannot import name 'HybridCache' from 'transformers'"}
    >>> blame(where, {"peft": "0.17.1", "transformers": "5.0.0"})
    (['peft', 'transformers'], 'raised in peft, about transformers')
    """
    owner = {**{name.replace("-", "_"): name for name in packages}, **_DISTRIBUTION_OF, **(modules or {})}

    def distribution(module: str) -> str:
        top = re.split(r"[./\\]", module)[0]
        return normalise(owner.get(top, top))

    message = str(told.get("root_message_tail") or told.get("message_tail") or "")
    raised = distribution(str(told["where"])) if told.get("where") else ""
    about = distribution(str(told.get("about") or _module_in(message)))
    through = [distribution(str(module)) for module in told.get("through", ())]
    if about and about == raised:
        about = ""
        before = [name for name in through if name not in (raised, "")]
        if before:
            return sorted({raised, before[-1]}), f"{before[-1]} asks {raised} for what it lacks"
    if not about:
        whole = " ".join(str(told.get(key) or "") for key in ("root_message_tail", "message_tail", "message_head"))
        named = [name for name in _named(whole, packages) if name != raised]
        if not raised and len(named) == 2:
            return sorted(named), "both named in the message"
        if not raised and len(named) == 1 and "numpy" in named and told.get("message_tail", "").startswith("Numpy is not"):
            return ["numpy", "torch"], "torch says that NumPy is not available to it"
        about = named[0] if len(named) == 1 else ""
        if raised and about:
            return sorted({raised, about}), f"raised in {raised}, whose message names {about}"
    if raised and about:
        return sorted({raised, about}), f"raised in {raised}, about {about}"
    return None, "unjudged: the error does not tell"


def _module_in(message: str) -> str:
    """Return the module that a message of an import, or of a missing attribute, complains of."""
    for form in (r"No module named '([\w.]+)'", r"cannot import name '\w+' from (?:partially initialized module )?'([\w.]+)'"):
        found = re.search(form, message)
        if found:
            return found[1]
    found = re.search(r"module '([\w.]+)' has no attribute", message)
    return found[1] if found else ""


def _named(message: str, packages: Mapping[str, str]) -> list[str]:
    """Return the packages that a message names: those it gives a bound for, or else all."""
    low = message.lower()
    found = [name for name in packages if re.search(rf"(?<![\w.<>/-]){re.escape(name)}(?![\w/-])", low)]
    bound = [name for name in found if re.search(rf"{re.escape(name)} ?[<>=!~]=", low)]
    return bound or found
