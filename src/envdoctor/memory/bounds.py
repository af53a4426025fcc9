"""The least and the most that a run may take of a card, from what is known of it for certain.

`least` counts what no sample, however short, can do without; what is not known counts as whatever takes least. `most` is the forecast of
the whole run with its margin, and wants everything known. Neither guesses: what keeps them from an answer, they name.
"""

from __future__ import annotations

from envdoctor.memory.arguments import DTYPES, Wishes, loaded_in, resolve, since, targets_of
from envdoctor.memory.catalogue import configuration
from envdoctor.memory.forecast import bytes_of, forecast, needs_for
from envdoctor.memory.model import Model
from envdoctor.memory.optimizers import OPTIMIZERS
from envdoctor.memory.run import Run
from envdoctor.memory.shape import shape_of
from envdoctor.memory.sketch import sketch
from envdoctor.memory.verdict import LEAST_CONTEXT, context_of, judge, measured, workspace_of
from envdoctor.model.errors import EnvdoctorError
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from envdoctor.memory.shape import Shape

ADAPTERS = ("lora", "qlora", "dora")
METHODS = (*ADAPTERS, "full", "galore", "inference")
_FORMATS = ("none", "bnb-4bit", "mxfp4")
_GENEROUS = 1.6
"""More than any measured run reserved for each byte of its tensors (1.44), with its margin."""
_NEEDED = ("batch", "max_length", "optimizer", "attention", "checkpointing", "weights")
"""What `most` must know, said or left to the libraries."""


class Bound(Record):
    """Bytes of a card, and the words that say of what; `missing` says why there is none."""

    size: int = 0
    says: str = ""
    missing: str = ""


def known_shape(name: str, found: Mapping[str, Any] | None) -> Shape | None:
    """Return the shape of a model from its configuration, else from the shipped table; None where it is not known or not followed."""
    sizes = found if found is not None else configuration(name)
    if sizes is None:
        return None
    try:
        return shape_of(sizes, name)
    except EnvdoctorError:
        return None


def least(shape: Shape, told: Mapping[str, Any], versions: Mapping[str, str]) -> Bound:
    """Return the bytes that a run takes at the least: weights, adapters, CUDA's own, and with a known optimizer gradients and states."""
    method, stored = told.get("method"), told.get("quantization")
    if method not in METHODS:
        return Bound(missing="method of training not known" if method is None else f"{method} is not followed")
    if stored is None:
        return Bound(missing="format of the weights not known")
    packed = stored == "bnb-4bit" or (stored == "mxfp4" and told.get("dequantized") is not True)
    if stored not in _FORMATS or (method in ("full", "galore") and packed):
        return Bound(missing=f"training of {stored} weights is not followed")
    width = DTYPES[_weights(shape, told, versions)]
    four = method == "qlora" or packed
    if method in ("lora", "dora") and told.get("vague") and told.get("weights") is None:
        width = 1  # "LoRA" is said of a base in 8 bit too
    optimizer = _optimizer(told, versions)
    run = Run(
        method="qlora" if four and method != "inference" else "full" if method == "galore" else method,
        rank=told.get("rank") or 1,
        targets=_targets(told) or ("q",),
        batch=1,
        seq=1,
        width=2 if four else width,
        outer_width=max(2, width) if not four else 2,
        four_bit_experts=four,
        optimizer=optimizer or "sgd",
    )
    model = Model(shape, run, shape.layers)
    weights = model.weights()
    if four and method == "inference":
        size = sum(weight.tensor.elements for weight in weights) // 2
    else:
        size = sum([part for weight in weights for part in bytes_of(weight, run)])
    parts = ["weights"]
    adapters = sum([part for weight in model.adapters() for part in bytes_of(weight, run)])
    if adapters:
        size += adapters
        parts.append("adapters")
    if optimizer and method != "inference":
        size += sum(needs_for(model, run).states) + sum(weight.tensor.elements * weight.tensor.width for weight in model.trained())
        parts += ["gradients", f"states of {optimizer}"]
    return Bound(size=size + LEAST_CONTEXT, says=f"{', '.join(parts)} and CUDA's context, whatever the samples are")


def most(shape: Shape, told: Mapping[str, Any], versions: Mapping[str, str], capability: float | None, limit: int = 0) -> Bound:
    """Return the bytes with which a run surely fits, where samples reach the length at which they are cut off.

    Where even a generous bound stays below `limit`, that is the answer, and no step is replayed.
    """
    method, left = told.get("method"), told.get("defaults") or ()
    if method == "inference":
        return Bound(missing="length of what is generated not known")
    if method not in METHODS or told.get("quantization") not in _FORMATS or told.get("trainer") is None:
        return Bound(missing="training arguments not known")
    needed = [*_NEEDED, "rank", "targets"] if method in ADAPTERS else [*_NEEDED]
    open_ = [name for name in needed if told.get(name) is None and name not in left]
    if "max_length" in left and told["trainer"] != "trl":
        open_.append("max_length")
    if open_:
        return Bound(missing=f"training arguments not known ({', '.join(open_)})")
    wishes = Wishes(
        method="full" if method == "galore" else method,
        rank=told.get("rank") or 8,
        targets=",".join(told["targets"]) if isinstance(told.get("targets"), tuple) else told.get("targets") or "q_proj,v_proj",
        batch=told["batch"],
        seq=told.get("max_length") or 1024,
        dtype=told.get("weights"),
        optimizer=told.get("optimizer"),
        attention=told.get("attention"),
        checkpointing=bool(told["checkpointing"]) if told.get("checkpointing") is not None else None,
        trainer=told["trainer"],
        named=told.get("named") is True,
        loss="liger" if told.get("liger") is True else None,
    )
    try:
        run, _ = resolve(wishes, shape, versions)
    except EnvdoctorError as error:
        return Bound(missing=str(error).lstrip("-"))
    if not measured(shape):
        return Bound(missing="no run with adapters on experts was measured")
    run = run.replace(workspace=workspace_of(capability))
    generous = int(_GENEROUS * sketch(shape, run).peak(run.batch, run.seq)) + 2 * run.workspace + context_of(capability)
    if generous <= limit:
        return Bound(size=generous, says=f"{run.batch} x {run.seq} tokens, and {_GENEROUS - 1:.0%} for what torch reserves beside tensors")
    judged = judge(shape, run, forecast(shape, run), 1, capability)
    return Bound(size=judged.safe, says=f"{run.batch} x {run.seq} tokens, with a margin of {judged.band:.0%}")


def _weights(shape: Shape, told: Mapping[str, Any], versions: Mapping[str, str]) -> str:
    """Return the type that weights are certainly loaded in, or the narrowest."""
    found = told.get("weights")
    if found is None and "weights" in (told.get("defaults") or ()) and "transformers" in versions and told.get("trainer"):
        trainer, named = told["trainer"], told.get("named") is True
        if trainer != "trl" or not named or "trl" in versions:
            found = loaded_in(Wishes(method=told["method"], trainer=trainer, named=named), shape, versions)
    return found if found in DTYPES else "bf16"


def _optimizer(told: Mapping[str, Any], versions: Mapping[str, str]) -> str:
    """Return the optimizer that is certain, or ""."""
    found = told.get("optimizer")
    if found is None and "optimizer" in (told.get("defaults") or ()) and "torch" in versions:
        return "adamw_torch_fused" if since(versions, "torch", 2, 8) else "adamw_torch"
    return found if found in OPTIMIZERS else ""


def _targets(told: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the projections that adapters certainly wrap, as far as they are followed."""
    found = told.get("targets")
    try:
        return targets_of(",".join(found) if isinstance(found, tuple) else str(found)) if found else ()
    except EnvdoctorError:
        return ()
