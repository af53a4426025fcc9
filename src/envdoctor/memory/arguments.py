"""From words and versions to a `Run`: what each library does by itself where nothing is said, and since when.

Sources: the files of the releases named, read. transformers 5 loads weights in the type of the checkpoint, 4 in fp32; its loss copied all
logits once more until 4.48 or 4.49; since torch 2.8 `TrainingArguments.optim` is `adamw_torch_fused`. trl switches gradient checkpointing
on since 0.22; beside 4 bit it casts norms to fp32 until 0.25, and adapters to bf16 since 0.26; it loads a model given by name in fp32 since
0.27, and computes its loss 256 rows at a time since 1.7 and in a fused head since 1.15. peft keeps adapters in fp32.
"""

from __future__ import annotations

from envdoctor.memory.optimizers import OPTIMIZERS
from envdoctor.memory.run import Run
from envdoctor.model.errors import UsageError
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from envdoctor.memory.shape import Shape

METHODS = ("lora", "qlora", "dora", "full", "inference")
DTYPES = {"bf16": 2, "fp16": 2, "fp32": 4}
ATTENTIONS = ("sdpa", "eager", "flash_attention_2")
TRAINERS = ("transformers", "trl", "unsloth")
SAVED = ("embed_tokens", "lm_head")
LOSSES = ("full", "rows", "chunked", "liger")
NEWEST = {"torch": "2.11.0", "transformers": "5.17.0", "trl": "1.16.0", "peft": "0.21.0"}
"""The releases whose steps were measured; what is assumed where no version is known."""
_MODULES = {"q": "q_proj", "k": "k_proj", "v": "v_proj", "o": "o_proj", "gate": "gate_proj", "up": "up_proj", "down": "down_proj"}
_LATENT = ("kv_a", "kv_b", "q_a", "q_b")
# Which names of modules are the experts' parameters under transformers 5 (peft's `_MOE_TARGET_MODULE_MAPPING` and transformers' mapping).
_OF_EXPERTS = {"gate_up": ("gate_proj", "up_proj"), "down": ("down_proj",)}
_MIXTRAL = {"gate_up": ("w1", "w3"), "down": ("w2",)}
_CONVERTED = {
    **dict.fromkeys(("qwen3_moe", "deepseek_v2", "deepseek_v3", "olmoe", "glm4_moe", "dots1"), _OF_EXPERTS),
    **dict.fromkeys(("mixtral", "minimax_m2"), _MIXTRAL),
}
_OTHER_NAMES = {
    "query_key_value": "q,k,v", "qkv_proj": "q,k,v", "Wqkv": "q,k,v", "wqkv": "q,k,v", "W_pack": "q,k,v",
    "dense": "o", "out_proj": "o", "wo": "o",
    "gate_up_proj": "gate,up", "fc1": "up", "fc2": "down", "c_fc": "up", "c_proj": "down", "dense_h_to_4h": "up", "dense_4h_to_h": "down",
    "w1": "gate", "w3": "up", "w2": "down", "kv_a_proj_with_mqa": "kv_a", "kv_b_proj": "kv_b", "q_a_proj": "q_a", "q_b_proj": "q_b",
}  # fmt: skip
_SETS = {"all-linear": tuple(_MODULES), "attention": ("q", "k", "v", "o"), "mlp": ("gate", "up", "down")}
_SETS_SPELT = {name: tuple(_MODULES[short] for short in parts) for name, parts in _SETS.items()}


class Wishes(Record):
    """What was said about a run; None where nothing was."""

    method: str = "lora"
    rank: int = 8
    targets: str = "all-linear"
    saved: tuple[str, ...] = ()  # modules_to_save
    batch: int = 1
    seq: int = 1024
    dtype: str | None = None
    optimizer: str | None = None
    attention: str | None = None
    checkpointing: bool | None = None
    trainer: str = "transformers"
    named: bool = True  # the trainer is given the model's name, and loads it itself
    loss: str | None = None
    eval_batch: int | None = None  # samples of one step of an evaluation; None: nothing is evaluated


def resolve(wishes: Wishes, shape: Shape, versions: Mapping[str, str]) -> tuple[Run, list[str]]:
    """Return the run, and what was assumed, one sentence each. Raises UsageError for what cannot be."""
    assumed: list[str] = []
    sizes = (("batch", wishes.batch), ("seq", wishes.seq), ("rank", wishes.rank), ("eval-batch", wishes.eval_batch))
    for name, value in sizes:
        if value is not None and value < 1:
            raise UsageError(f"--{name} {value}: must be 1 or more")
    trl, four_bit = wishes.trainer == "trl", wishes.method == "qlora"
    unsloth = wishes.trainer == "unsloth"
    dtype = wishes.dtype
    if dtype is None:
        dtype = loaded_in(wishes, shape, versions)
        by = "transformers" if trl and not wishes.named else wishes.trainer
        assumed.append(f"weights are loaded in {dtype}, as {by} does by itself")
    optimizer = wishes.optimizer
    if optimizer is None:
        optimizer = "adamw_torch_fused" if since(versions, "torch", 2, 8) else "adamw_torch"
        if wishes.method != "inference":
            assumed.append(f"the optimizer is {optimizer}, the default of these versions")
    if optimizer not in OPTIMIZERS:
        from difflib import get_close_matches

        close = [known for known in OPTIMIZERS if known.startswith(optimizer)][:2] or get_close_matches(optimizer, OPTIMIZERS, 3, 0.5)
        hint = f"did you mean {' or '.join(close)}? All:" if close else "choose one of"
        raise UsageError(f"--optimizer {optimizer}: not modelled; {hint} {', '.join(OPTIMIZERS)}")
    checkpointing = wishes.checkpointing
    if checkpointing is None:
        checkpointing = unsloth or (trl and since(versions, "trl", 0, 22))
        if wishes.method != "inference":
            assumed.append(f"gradient checkpointing is {'on' if checkpointing else 'off'}, the default of {wishes.trainer}")
    attention = wishes.attention or ("eager" if shape.sinks else "sdpa")
    if shape.sinks and attention == "sdpa":
        raise UsageError(f"--attention sdpa: {shape.family} has no such attention; choose eager")
    loss = wishes.loss
    if loss is None:
        loss = "full"
        if trl:
            loss = "chunked" if since(versions, "trl", 1, 15) else "rows" if since(versions, "trl", 1, 7) else "full"
        elif unsloth:
            loss = "chunked"
    if shape.stored == "mxfp4" and not (unsloth and four_bit):
        assumed.append("the MXFP4 weights are turned into bf16 to be trained, as transformers does")
    if four_bit and shape.experts and not unsloth:
        assumed.append("experts stay in 16 bit: bitsandbytes quantises linear layers, and these experts are one tensor")
    five = since(versions, "transformers", 5)
    targets = targets_of(wishes.targets)
    targets, saved = _ends(wishes, targets, loss)
    experts = experts_of(wishes.targets, shape, versions) if wishes.method in ("lora", "qlora", "dora") else ()
    if wishes.targets == "all-linear":
        targets += (_LATENT if shape.latent else ()) + (("shared_gate",) if shape.shared_gate else ())
    if experts:  # peft takes these names for the experts', so that the layers beside them keep theirs
        targets = tuple(name for name in targets if name not in _SETS["mlp"])
        assumed.append("adapters wrap the experts too, as peft does under transformers 5; --targets attention leaves them out")
    return Run(
        method=wishes.method,
        rank=wishes.rank,
        targets=targets,
        saved_modules=saved_of(saved) if wishes.method in ("lora", "qlora", "dora") else (),
        adapted_experts=experts,
        batch=wishes.batch,
        seq=wishes.seq,
        width=DTYPES[dtype],
        autocast=dtype != "fp16" and wishes.method != "inference",
        adapter_width=2 if four_bit and trl and since(versions, "trl", 0, 26) else 4,
        outer_width=4 if four_bit and wishes.trainer == "transformers" else 0,
        norm_width=4 if four_bit and trl and not since(versions, "trl", 0, 26) else 0,
        four_bit_experts=four_bit and unsloth,
        optimizer=optimizer,
        attention="flash" if attention == "flash_attention_2" else attention,
        checkpointing=checkpointing,
        loss=loss,
        fp32_logits_out=wishes.trainer == "transformers",
        shifted_logits=not since(versions, "transformers", 4, 50),
        margin=0.2 if unsloth or (shape.experts and not five) else 0.1 if not five else 0.0,
        fused=loss == "liger" or unsloth,
        cached_evaluation=not five and wishes.trainer == "transformers",
    ), assumed


def loaded_in(wishes: Wishes, shape: Shape, versions: Mapping[str, str]) -> str:
    """Return the type that weights are loaded in where none is named."""
    if wishes.method == "qlora" or wishes.trainer == "unsloth":
        return "bf16"
    by_trl = wishes.trainer == "trl" and wishes.named and since(versions, "trl", 0, 27)
    return "fp32" if by_trl or not since(versions, "transformers", 5) or shape.wide else "bf16"


def targets_of(text: str) -> tuple[str, ...]:
    """Return the projections that `--targets` names. Raises UsageError.

    >>> targets_of("attention"), targets_of("q_proj,v_proj")
    (('q', 'k', 'v', 'o'), ('q', 'v'))
    """
    if text in _SETS:
        return _SETS[text]
    known = {module: short for short, module in _MODULES.items()} | {short: short for short in _MODULES} | _OTHER_NAMES
    known |= {name: name for name in SAVED}
    words = [word for word in text.split(",") if word]
    wrong = [word for word in words if word not in known]
    if wrong or not words:
        raise UsageError(f"--targets {text}: {wrong[0] if wrong else text!r} is none of {', '.join((*_SETS, *_MODULES.values(), *SAVED))}")
    return tuple(dict.fromkeys(short for word in words for short in known[word].split(",")))


def _ends(wishes: Wishes, targets: tuple[str, ...], loss: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what adapters wrap and what is trained whole, where the embedding or the head is among the targets. Raises UsageError."""
    ends = tuple(name for name in targets if name in SAVED) if wishes.method in ("lora", "qlora", "dora") else ()
    if ends and wishes.trainer == "unsloth":  # its get_peft_model takes these names out of the targets, and trains copies
        return tuple(name for name in targets if name not in SAVED), (*wishes.saved, *ends)
    both = [name for name in ends if name in wishes.saved]
    if both:
        raise UsageError(f"--targets {wishes.targets}: {both[0]} is in --modules-to-save too; leave it out of one")
    if ends and wishes.method == "dora":
        raise UsageError(f"--targets {wishes.targets}: DoRA on {ends[0]} is not followed; --method lora is")
    if "lm_head" in ends and loss in ("rows", "chunked", "liger"):
        by = "trl" if wishes.trainer == "trl" else f"--loss {loss}"
        hint = "; --modules-to-save lm_head trains it"
        raise UsageError(
            f"--targets {wishes.targets}: {by} multiplies by the head's weight itself, so no adapter on lm_head is trained{hint}"
        )
    return targets, wishes.saved


def saved_of(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return which modules are trained beside the adapters. Raises UsageError."""
    wrong = [name for name in names if name not in SAVED]
    if wrong:
        raise UsageError(f"--modules-to-save {wrong[0]}: only {' and '.join(SAVED)} are followed")
    return tuple(dict.fromkeys(names))


def experts_of(text: str, shape: Shape, versions: Mapping[str, str]) -> tuple[str, ...]:
    """Return which parameters of the experts adapters wrap: since peft 0.19 where named, since 0.20 with all-linear. Raises UsageError."""
    names = _CONVERTED.get(shape.family)
    if names is None or not shape.experts or not since(versions, "transformers", 5) or not since(versions, "peft", 0, 19):
        return ()
    if text == "all-linear":
        return ("gate_up", "down", "router") if since(versions, "peft", 0, 20) else ()
    words, found = set(_SETS_SPELT.get(text, text.split(","))), []
    for parameter, parts in names.items():
        present = [part for part in parts if part in words]
        if present and len(present) < len(parts):
            missing = ", ".join(part for part in parts if part not in words)
            raise UsageError(f"--targets {text}: peft refuses {present[0]} without {missing}, which {shape.family} has in one parameter")
        if present:
            found.append(parameter)
    return tuple(found)


def since(versions: Mapping[str, str], name: str, *least: int) -> bool:
    """Tell whether the version in use is at least this; without a known one, the newest that was measured is meant."""
    found = []
    for part in (versions.get(name) or NEWEST[name]).split("+")[0].split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        found.append(int(digits or 0))
    return tuple(found[: len(least)]) >= least
