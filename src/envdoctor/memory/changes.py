"""What would make a run fit, cheapest first, and how far its batch and its length may grow."""

from __future__ import annotations

from envdoctor.memory.sharing import is_followed, shared
from envdoctor.memory.sketch import sketch
from envdoctor.memory.verdict import FITS, judge
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from envdoctor.memory.forecast import Forecast
    from envdoctor.memory.run import Run
    from envdoctor.memory.shape import Shape

_SHORTEST = 256  # tokens that are worth a run
_LONGEST = 1 << 20  # tokens; beyond that nobody asks


class Change(Record):
    """One change, or several together, and the bytes that the device would then show."""

    says: str
    costs: str
    device: int
    fits: bool


class Room(Record):
    """A card and what a run's forecast said of reserved memory beside tensors, so that neighbouring runs can be judged without replay."""

    capacity: int
    capability: float | None
    ratio: float

    def holds(self, shape: Shape, run: Run, like: Forecast) -> tuple[bool, int]:
        """Tell whether a neighbouring run fits, and what the device would show. Where cards share it, that takes a replay."""
        if run.sharing:
            judged = judge(shape, run, shared(shape, run), self.capacity, self.capability)
            return judged.verdict == FITS, judged.device
        made = sketch(shape, run)
        if made.least > self.capacity:  # no need to follow a step
            return False, made.least
        allocated = made.peak(run.batch, run.seq)
        reserved = like.workspaces + int(allocated * self.ratio)
        judged = judge(shape, run, like.replace(allocated=allocated, reserved=reserved), self.capacity, self.capability)
        return judged.verdict == FITS, judged.device


def room_of(forecast: Forecast, capacity: int, capability: float | None) -> Room:
    """Return the room that a card gives to runs like this one."""
    ratio = (forecast.reserved - forecast.workspaces) / max(1, forecast.allocated)
    return Room(capacity=capacity, capability=capability, ratio=ratio)


def largest(shape: Shape, run: Run, like: Forecast, room: Room) -> tuple[int, int]:
    """Return the largest batch at this length, and the greatest length at this batch, that fit; 0 where none does."""

    def most(grown: str, top: int, grain: int) -> int:
        def fits(times: int) -> bool:
            return room.holds(shape, run.replace(**{grown: times * grain}), like)[0]

        if not fits(1):
            return 0
        low, high = 1, 2
        while high * grain <= top and fits(high):
            low, high = high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if fits(middle) else (low, middle)
        return low * grain

    return most("batch", 65536, 1), most("seq", _LONGEST, 64)


def cheapest(shape: Shape, run: Run, like: Forecast, room: Room) -> list[Change]:
    """Return what makes the run fit, cheapest first; where no single change does, as many as it takes, one after the other."""
    found, together = [], run
    taken: list[str] = []
    for says, costs, other in _candidates(shape, run):
        fits, device = room.holds(shape, other, like)
        if fits:
            found.append(Change(says=says, costs=costs, device=device, fits=True))
    if found:
        return found
    for says, _, _ in _candidates(shape, run):
        again = _applied(shape, together, [says])
        if again is None:
            continue
        together = again[0]
        taken.append(says)
        if room.holds(shape, together, like)[0]:
            return [_fewest(shape, run, like, room, taken)]
    longest = largest(shape, run, like, room)[1] if run.cards == 1 else 0
    if longest < _SHORTEST:
        return []
    fits, device = room.holds(shape, run.replace(seq=longest), like)
    return [Change(says=f"--seq {longest}", costs="longer samples are cut off", device=device, fits=fits)]


def _applied(shape: Shape, run: Run, names: list[str]) -> tuple[Run, list[str]] | None:
    """Return the run after these changes, one after the other, and what each costs; None where one is not to be had any more."""
    costs: list[str] = []
    for name in names:
        found = next(((costs, other) for says, costs, other in _candidates(shape, run) if says == name), None)
        if found is None:
            return None
        costs.append(found[0])
        run = found[1]
    return run, costs


def _fewest(shape: Shape, run: Run, like: Forecast, room: Room, taken: list[str]) -> Change:
    """Return these changes without those that are not needed, the costliest left out first; the last one is what made it fit."""
    for name in reversed(taken[:-1]):
        less = [one for one in taken if one != name]
        after = _applied(shape, run, less)
        if after is not None and room.holds(shape, after[0], like)[0]:
            taken = less
    after = _applied(shape, run, taken)
    assert after is not None
    costs = ", and ".join(dict.fromkeys(cost for cost in after[1] if cost != "nothing"))
    return Change(says=", and ".join(taken), costs=costs or "nothing", device=room.holds(shape, after[0], like)[1], fits=True)


def _candidates(shape: Shape, run: Run) -> Iterator[tuple[str, str, Run]]:
    """Yield single changes by what they cost; where cards share the run, other ways of sharing first, and only what works with them."""
    more = {"ddp": "zero2", "zero1": "zero2", "zero2": "zero3"}.get(run.sharing)
    if more:
        yield f"--sharing {more}", "more talk between the cards", run.replace(sharing=more)
    if run.sharing.startswith("zero") and not run.offload:
        yield "--offload", "time, for the optimizer runs on the processor", run.replace(offload=True)
    for says, costs, other in _alone(shape, run):
        if not run.sharing or (is_followed(other) and not _at_odds(run.sharing, other)):
            yield says, costs, other


def _at_odds(sharing: str, other: Run) -> bool:
    """Tell whether a way of sharing does not go with a change: bitsandbytes' optimizers and a head of trl's own want whole weights."""
    whole = other.optimizer.endswith("8bit") or other.loss == "chunked"
    return other.four_bit_experts or (whole and sharing in ("fsdp", "zero3"))


def _alone(shape: Shape, run: Run) -> Iterator[tuple[str, str, Run]]:
    """Yield single changes by what they cost: nothing, time, fidelity, and last the work itself."""
    full, inference = run.method == "full", run.method == "inference"
    if run.attention == "eager" and not shape.sinks:
        yield "--attention sdpa", "nothing", run.replace(attention="sdpa")
    if run.width == 4:
        yield "--dtype bf16", "nothing where bf16 is stored anyway", run.replace(width=2)
    if inference:
        if run.batch > 1:
            yield f"--batch {run.batch // 2}", "fewer texts at a time", run.replace(batch=run.batch // 2)
        if run.seq >= 512:
            yield f"--seq {run.seq // 2}", "shorter texts", run.replace(seq=run.seq // 2)
        return
    if run.optimizer == "adamw_torch":
        yield "--optimizer adamw_torch_fused", "nothing", run.replace(optimizer="adamw_torch_fused")
    if run.loss == "full":
        yield "--loss chunked (trl 1.15 or newer)", "nothing", run.replace(loss="chunked", fp32_logits_out=False)
    if not run.checkpointing:
        yield "--gradient-checkpointing", "about a third more time", run.replace(checkpointing=True)
    if run.batch > 1:
        half = run.batch // 2
        yield f"--batch {half}, and accumulate {run.batch // half} times", "a little time", run.replace(batch=half)
        if half > 1:
            yield f"--batch 1, and accumulate {run.batch} times", "time", run.replace(batch=1)
    if run.optimizer.startswith("adamw_torch"):
        yield "--optimizer adamw_bnb_8bit", "rounded optimizer states", run.replace(optimizer="adamw_bnb_8bit")
    if run.adapted_experts:
        yield "--targets attention", "experts stay as they are", run.replace(targets=("q", "k", "v", "o"), adapted_experts=())
    if run.method in ("lora", "dora", "qlora") and run.rank >= 16:
        yield f"--rank {run.rank // 2}", "capacity of the adapter", run.replace(rank=run.rank // 2)
    if full:
        yield "--method lora --rank 16", "only adapters are trained", run.replace(method="lora", rank=16)
    if run.method in ("lora", "dora") and shape.expert_layers == 0:
        yield "--method qlora", "rounded weights, and time", run.replace(method="qlora", width=2, autocast=True, outer_width=4)
    if shape.stored == "mxfp4" and run.method == "lora":
        four = run.replace(method="qlora", width=2, autocast=True, four_bit_experts=True, loss="chunked", checkpointing=True)
        yield "the 4-bit variant with --trainer unsloth", "rounded weights", four
    if run.seq >= 512:
        yield f"--seq {run.seq // 2}", "longer samples are cut off", run.replace(seq=run.seq // 2)
    if full:
        yield "--method qlora --rank 16", "adapters on rounded weights", run.replace(method="qlora", rank=16, width=2, outer_width=4)
