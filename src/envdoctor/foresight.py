"""What a run will take of the GPU, as facts: `run.memory.*` from the model's shape, the script and what was said of the training.

Loaded only when a model is named and a rule asks. What is not known for certain stays unknown, and says why.
"""

from __future__ import annotations

from envdoctor.model.errors import EnvdoctorError
from envdoctor.model.facts import NOT_APPLICABLE, NOT_COLLECTED, Absent, Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Union

    from envdoctor.model.snapshot import Snapshot

LEAST, MOST = "run.memory.least", "run.memory.most"
_PURPOSES = ("lora", "qlora", "full")
"""Purposes that name a method of training."""
_WHOLE = ("", "cuda", "cuda:0", "gpu", "0")
"""Values of `device_map` that put the whole model on one card."""


def foresee(snapshot: Snapshot, purpose: str | None, environ: Mapping[str, str]) -> list[Union[Fact, Absent]]:
    """Return the facts of a named model's run; [] where no model is named. Reads the model's configuration if it lies on this machine."""
    name = snapshot.fact("model.name")
    if not isinstance(name, Fact):
        return []
    told = _told(snapshot, purpose)
    obstacle = _obstacle(snapshot, told)
    if obstacle:
        return _both(obstacle)
    count = snapshot.fact("gpu.count")
    if isinstance(count, Fact) and count.value == 0:
        return [Absent(path=path, reason=NOT_APPLICABLE, detail="no GPU") for path in (LEAST, MOST)]
    if not isinstance(count, Fact) or count.value != 1:
        return _both("how several GPUs share the model not known" if isinstance(count, Fact) else "GPU not described")
    if "method" not in told:
        return _both("method of training not known")

    from envdoctor.facts.host import LocalHost
    from envdoctor.facts.model_configuration import local_configuration
    from envdoctor.memory.bounds import known_shape, least, most

    try:
        found = local_configuration(str(name.value), LocalHost(environ=environ))
    except EnvdoctorError:
        return _both("configuration of the model not readable")
    shape = known_shape(str(name.value), found[0] if found else None)
    if shape is None or not (shape.calibrated or shape.traced):
        return _both("shape of the model not known" if shape is None else f"no run of the family {shape.family} was measured")
    source = found[1] if found else "the shipped table of models"
    versions = {name: one.version for name, one in snapshot.distributions.items() if one.version is not None}
    capability = snapshot.fact("gpu.capability.min")
    card = float(str(capability.value)) if isinstance(capability, Fact) else None
    memory = snapshot.fact("gpu.memory.total")
    limit = int(str(memory.value)) if isinstance(memory, Fact) else 0
    import gc

    answers: list[Union[Fact, Absent]] = []
    collecting = gc.isenabled()
    gc.disable()  # a followed step frees by reference counts alone
    try:
        bounds = ((LEAST, least(shape, told, versions)), (MOST, most(shape, told, versions, card, limit)))
    finally:
        if collecting:
            gc.enable()
    for path, bound in bounds:
        if bound.missing:
            answers.append(Absent(path=path, reason=NOT_COLLECTED, detail=bound.missing))
        else:
            answers.append(Fact(path=path, value=bound.size, origin=f"forecast from {source}: {bound.says}"))
    return answers


def _told(snapshot: Snapshot, purpose: str | None) -> dict[str, Any]:
    """Return what is known of the training by its short names: what was said outright, then the script, then the purpose."""
    told: dict[str, Any] = {}
    if snapshot.script is not None:
        from envdoctor.script.recipe import recipe_of

        told = {path.removeprefix("training."): value for path, value in recipe_of(snapshot.script).items()}
    for path, fact in snapshot.facts.items():
        if path.startswith("training."):
            told[path.removeprefix("training.")] = fact.value
    read = "method" in told
    for use in (purpose, told.get("use")):
        if "method" not in told and use in _PURPOSES and (use != "full" or snapshot.script is None):
            told["method"] = use
    if not read or getattr(snapshot.fact("training.method"), "origin", "") == "given":
        told["vague"] = True  # nobody said of a LoRA that its base is not in 8 bit
    stored = snapshot.fact("model.quantization")
    if isinstance(stored, Fact):
        told["quantization"] = stored.value
    return told


def _obstacle(snapshot: Snapshot, told: Mapping[str, Any]) -> str:
    """Return why no forecast can be certain, or "": the model or the work may be spread over more than one card."""
    adapter = snapshot.fact("model.is_adapter")
    if isinstance(adapter, Fact) and adapter.value:
        return "an adapter alone does not tell what is trained"
    if str(told.get("device_map", "")) not in _WHOLE:
        return f"how device_map={told['device_map']!r} spreads the model not known"
    if "unfollowed" in told:
        return f"what {told['unfollowed']} takes or saves not known"
    if told.get("world_size", 1) != 1:
        return "how several processes share the model not known"
    for name in ("ACCELERATE_USE_DEEPSPEED", "ACCELERATE_USE_FSDP"):
        if (snapshot.environment or {}).get(name, "").lower() == "true":
            return f"how {name[15:]} shares the model not known"
    if snapshot.script is not None:
        from envdoctor.facts.documents import read_text
        from envdoctor.script.recipe import unfollowed

        for path in snapshot.script.paths:
            try:
                word = unfollowed(read_text(path))
            except EnvdoctorError:  # a snapshot of another machine, whose script is not here
                return f"{path} not readable"
            if word:
                return f"what {word} in {path} takes or saves not known"
    return ""


def _both(detail: str) -> list[Union[Fact, Absent]]:
    return [Absent(path=path, reason=NOT_COLLECTED, detail=detail) for path in (LEAST, MOST)]
