"""What optimizers keep and take for a moment, as events that follow the gradients.

Sources: `torch.optim.AdamW` (fused: no temporary; foreach: one square root of the size of all states, `_multi_tensor_adamw`),
`bitsandbytes.optim.optimizer` (8-bit states in blocks of 256 with an fp32 maximum each; fp32 below 4096 elements; paged states above
100,000 elements lie in managed memory), `transformers.Trainer` (embeddings keep 32-bit states beside bitsandbytes' 8-bit ones),
`transformers.Adafactor`, `galore_torch`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.memory.ops import Weight

ADAMW = ("adamw_torch_fused", "adamw_torch", "adamw_apex_fused", "adamw_hf", "adamw_anyprecision")
EIGHT_BIT = ("adamw_bnb_8bit", "adamw_8bit", "paged_adamw_8bit", "lion_8bit", "paged_lion_8bit")
BNB = (*EIGHT_BIT, "paged_adamw_32bit", "lion_32bit", "paged_lion_32bit")
GALORE = ("galore_adamw", "galore_adamw_8bit", "galore_adafactor")
OPTIMIZERS = (*ADAMW, *BNB, "adafactor", "sgd", *GALORE)
GALORE_RANK = 128  # Trainer's default of `optim_args`
_PAGED_FROM = 100_000
_EIGHT_BIT_FROM = 4096


class Needs:
    """What an optimizer takes: blocks that stay, blocks for the length of a step, and bytes outside the allocator."""

    __slots__ = ("paged", "passing", "states")

    def __init__(self) -> None:
        self.states: list[int] = []
        self.passing: list[int] = []  # events as on a tape
        self.paged = 0


def needs_of(name: str, weights: list[Weight], embedding: Weight, targets: set[int]) -> Needs:
    """Return what an optimizer needs for these weights; `targets` holds the ids of those that GaLore projects."""
    needs = Needs()
    for weight in weights:
        elements, width = weight.tensor.elements, weight.tensor.width
        if name in ADAMW:
            needs.states += [elements * width, elements * width]
        elif name in BNB:
            states = 1 if "lion" in name else 2
            eight = name in EIGHT_BIT and elements >= _EIGHT_BIT_FROM and weight is not embedding
            for _ in range(states):
                size = elements if eight else elements * 4
                if name.startswith("paged") and elements >= _PAGED_FROM:
                    needs.paged += size
                else:
                    needs.states.append(size)
            if eight:
                needs.states += [(elements + 255) // 256 * 4] * states
        elif name == "adafactor":
            needs.states += [weight.rows * 4, weight.columns * 4] if weight.rows > 1 else [elements * 4]
        elif name in GALORE:
            needs.states += galore(name, weight, id(weight) in targets)
    if name == "adamw_torch":
        needs.passing = together([weight.tensor.elements * weight.tensor.width for weight in weights])
    elif name == "adafactor":
        needs.passing = adafactor(weights)
    elif name in GALORE:
        of = max((weight for weight in weights if id(weight) in targets), key=lambda weight: weight.tensor.elements, default=None)
        if of is not None:
            long, short = max(of.rows, of.columns), min(of.rows, of.columns)
            # svd of the fp32 gradient: itself, a copy, both factors, and cuSOLVER's workspace of about one and a half of it
            needs.passing = together([*[long * short * 4] * 3, short * short * 4, long * short * 6])
    return needs


def together(sizes: list[int]) -> list[int]:
    """Return the events of blocks that are all taken before any is freed."""
    return [*sizes, *[~at for at in range(len(sizes))]]


def adafactor(weights: list[Weight]) -> list[int]:
    """Return the events of `transformers.Adafactor.step`: fp32 copies of one parameter at a time, held until the next one's are made."""
    events: list[int] = []
    before: dict[str, int] = {}

    def hold(name: str, size: int) -> None:
        events.append(size)
        kept = before.get(name)
        before[name] = len(events) - 1
        if kept is not None:
            events.append(~kept)

    for weight in weights:
        size = weight.tensor.elements * 4
        if weight.tensor.width != 4:
            hold("gradient", size)
            hold("parameter", size)
        square = len(events)
        events.append(size)
        previous = before.pop("update", None)
        hold("update", size)
        events.append(~square)
        if previous is not None:
            events.append(~previous)
        if weight.rows > 1:
            hold("update", size)  # the factored one
        events += [size, ~len(events)]  # negated, to be added
    return [*events, *[~at for at in before.values()]]


def galore(name: str, weight: Weight, projected: bool) -> list[int]:
    """Return the states of one weight under GaLore: of the projected gradient, and the projection (`GaLoreProjector`)."""
    elements, width = weight.tensor.elements, weight.tensor.width
    kept = []
    if projected:
        long, short = max(weight.rows, weight.columns), min(weight.rows, weight.columns)
        rank = min(GALORE_RANK, short)
        kept.append(rank * short * width)
        elements = rank * long
    if name == "galore_adafactor":
        return [*kept, weight.rows * 4, weight.columns * 4]
    if name == "galore_adamw_8bit" and elements >= _EIGHT_BIT_FROM:
        return [*kept, elements, elements, *[(elements + 255) // 256 * 4] * 2]
    return [*kept, *[elements * (4 if name == "galore_adamw_8bit" else width)] * 2]
