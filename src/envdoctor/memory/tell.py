"""A forecast in words, with the categories drawn as a bar. Data in, lines out."""

from __future__ import annotations

from envdoctor.memory.verdict import FITS, band_of, context_of, followed, measured
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from envdoctor.memory.changes import Change
    from envdoctor.memory.forecast import Forecast
    from envdoctor.memory.run import Run
    from envdoctor.memory.shape import Shape
    from envdoctor.memory.verdict import Judgement

GIB = 1 << 30
CATEGORIES: tuple[tuple[str, str, str], ...] = (
    # field of Forecast, mark in the bar, what it is
    ("weights", "W", "weights"),
    ("adapters", "A", "adapters"),
    ("states", "O", "optimizer states"),
    ("gradients", "G", "gradients"),
    ("activations", "K", "kept for the way back"),
    ("logits", "L", "head and loss"),
    ("passing", "T", "there for a moment"),
)

_OTHERS = {"workspaces": "x", "fragmentation": "~", "paged": "p", "context": "c", "evaluation": "E"}


class Answer(Record):
    """All that `fit` found out; `judged` is None where no card was named, and `largest` where several share the work."""

    name: str
    source: str
    shape: Shape
    run: Run
    assumed: tuple[str, ...]
    found: Forecast
    judged: Judgement | None
    largest: tuple[int, int] | None
    changes: tuple[Change, ...]
    card: str
    versions: Mapping[str, str]
    tier: str = "A"
    traced: str = ""  # what was followed, or why nothing could be
    evaluation: tuple[int, int] | None = None  # batch, and bytes of tensors at its peak


def categories(forecast: Forecast, judged: Judgement | None, run: Run | None = None) -> dict[str, int]:
    """Return bytes by category; they add up to what the device shows."""
    found = {name: int(getattr(forecast, name)) for name, _, _ in CATEGORIES}
    found["workspaces"] = forecast.workspaces
    found["fragmentation"] = max(0, forecast.reserved - sum(found.values()))
    found["paged"] = forecast.outside
    found["context"] = judged.context if judged is not None else context_of(None, run)
    if judged is not None and judged.device > sum(found.values()):
        found["evaluation"] = judged.device - sum(found.values())  # what it takes beyond the training
    return found


def gib(size: int) -> str:
    """Write bytes as GiB.

    >>> gib(25769803776), gib(52428800)
    ('24.0 GiB', '0.05 GiB')
    """
    value = size / GIB
    return f"{value:.1f} GiB" if value >= 1 else f"{value:.2f} GiB"


def bar(parts: dict[str, int], capacity: int, width: int) -> list[str]:
    """Draw the categories to scale, up to the card's end; what is beyond it is drawn behind a bar."""
    marks = {name: mark for name, mark, _ in CATEGORIES} | _OTHERS
    total = sum(parts.values())
    scale = width / max(total, capacity, 1)
    line, drawn, reached = "", 0, 0
    for name, size in parts.items():
        reached += size
        line += marks[name] * (round(reached * scale) - drawn)
        drawn = round(reached * scale)
    end = round(capacity * scale) if capacity else drawn
    line = line.ljust(end, ".") if drawn < end else line[:end] + "|" + line[end:]
    names = {name: says for name, _, says in CATEGORIES}
    legend = [f"{marks[name]} {names.get(name, name)} {gib(size)}" for name, size in parts.items() if size >= GIB // 100]
    lines, row = [f"  [{line}]"], ""
    for entry in legend:
        if row and len(row) + len(entry) + 3 > width:
            lines.append(f"  {row}")
            row = ""
        row += ("   " if row else "") + entry
    return [*lines, f"  {row}"] if row else lines


def title(name: str, run: Run) -> str:
    """Say what was asked in one line."""
    parts = [name, run.method]
    if run.method in ("lora", "qlora", "dora"):
        ends = [name for name in run.targets if name in ("embed_tokens", "lm_head")]
        whole = len(run.targets) - len(ends) >= 7 or "router" in run.adapted_experts
        parts[-1] += f" r={run.rank} on {', '.join(['all linear layers', *ends] if whole else [*run.targets, *run.adapted_experts])}"
        if run.saved_modules:
            parts[-1] += f", and {' and '.join(run.saved_modules)} whole"
    parts.append(f"{run.batch} x {run.seq} tokens")
    sixteen = "16-bit weights" if run.method == "inference" else "bf16 weights" if run.autocast else "fp16 weights"
    parts.append("NF4" if run.method == "qlora" else "fp32 weights" if run.width == 4 else sixteen)
    if run.method != "inference":
        parts += [run.optimizer, "checkpointing" if run.checkpointing else "no checkpointing"]
        if run.loss != "full":
            parts.append(f"{run.loss} loss")
    return " · ".join([*parts, run.attention])


def folded(line: str, width: int) -> list[str]:
    """Break a line that is too long at its spaces; what goes on stands two columns further in.

    >>> folded("  one two three", 10)
    ['  one two', '    three']
    """
    indent = len(line) - len(line.lstrip())
    told, row = [], " " * indent
    for word in line.split():
        if row.strip() and len(row) + len(word) + 1 > width:
            told.append(row)
            row = " " * (indent + 2)
        row += f" {word}" if row.strip() else word
    return [*told, row]


def lines(answer: Answer, width: int = 80) -> list[str]:
    """Tell everything, for people, in lines of that width; the bar and its legend are never wider than 76 columns."""
    found, judged, run = answer.found, answer.judged, answer.run
    told = [title(answer.name, run)]
    if judged is not None:
        card = f"{run.cards} x {answer.card} by {run.sharing}, the fullest of them" if run.cards > 1 else answer.card
        told.append(f"on {card} ({gib(judged.capacity)}): {judged.verdict}")
    told += ["", f"  tensors at the peak   {gib(found.allocated)}", f"  reserved by torch     {gib(found.reserved)}"]
    if judged is not None:
        when = " while it evaluates" if answer.evaluation and answer.evaluation[1] > found.allocated else ""
        told.append(f"  on the device         {gib(judged.device)}{when}, give or take {judged.band:.0%}")
    if answer.evaluation is not None:
        batch, size = answer.evaluation
        beside = "more than training" if size > found.allocated else "less than training"
        told.append(f"  evaluation            {gib(size)} of tensors at batch {batch}, {beside}")
    if not measured(answer.shape):
        told.append(f"  bounds only: no run of the family {answer.shape.family} was measured")
    elif not followed(run):
        told.append("  bounds only: no run that is shared out so was measured")
    drawn = bar(categories(found, judged, run), judged.capacity if judged else 0, 72)
    if run.method == "inference":
        drawn = [line.replace("kept for the way back", "keys and values") for line in drawn]
    told += ["", *drawn, ""]
    if answer.largest is not None:
        batch, seq = answer.largest
        samples = f"a batch of up to {batch}" if batch else "no batch"
        length = f"up to {seq} tokens" if seq else "no length"
        told.append(f"  surely fits: {samples} at {run.seq} tokens; {length} at batch {run.batch}")
    if answer.changes:
        told += ["", "What would make it fit, cheapest first:"]
        told += [f"  {change.says}: {gib(change.device)} on the device; costs {change.costs}" for change in answer.changes]
        told.append("")
    elif judged is not None and judged.verdict != FITS:
        told += ["", "No change known here makes it fit on this card.", ""]
    if answer.traced:
        told.append(f"  traced: {answer.traced}" if answer.tier == "B" else f"  {answer.traced}")
    told += [f"  assumed: {text}" for text in answer.assumed]
    told.append(f"  shape: {answer.source}; {found.parameters:,} parameters, {found.trained:,} trained")
    return [part for line in told for part in (folded(line, width) if len(line) > width else [line])]


def mapping(answer: Answer) -> dict[str, object]:
    """Tell everything, for programs; the keys are documented in docs/how-to/fit-a-run.md."""
    found, judged = answer.found, answer.judged
    return {
        "schema": "fit_v1",
        "model": answer.name,
        "shape": {"source": answer.source, "family": answer.shape.family, "parameters": found.parameters, "trained": found.trained},
        "tier": answer.tier,
        "traced": answer.traced or None,
        "calibrated": measured(answer.shape),
        "error_band": band_of(answer.shape, answer.run),
        "peak_allocated_bytes": found.allocated,
        "peak_reserved_bytes": found.reserved,
        "device_bytes": judged.device if judged else found.reserved + found.outside + context_of(None, answer.run),
        "workspace_bytes": found.workspaces,
        "evaluation": {"batch": answer.evaluation[0], "peak_allocated_bytes": answer.evaluation[1]} if answer.evaluation else None,
        "categories": categories(found, judged, answer.run),
        "verdict": judged.verdict if judged else None,
        "card": {"name": answer.card, "bytes": judged.capacity} if judged else None,
        "largest": {"batch": answer.largest[0], "seq": answer.largest[1]} if answer.largest else None,
        "changes": [{"change": each.says, "costs": each.costs, "device_bytes": each.device} for each in answer.changes],
        "assumed": list(answer.assumed),
        "versions": dict(answer.versions),
    }
