"""Peak against length, one line a batch, with the card's end: a drawing as SVG, or a page around it. Data in, text out."""

from __future__ import annotations

from envdoctor.memory.sketch import sketch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.memory.forecast import Forecast
    from envdoctor.memory.run import Run
    from envdoctor.memory.shape import Shape

_WIDE, _HIGH, _LEFT, _TOP = 720, 400, 64, 48
_GIB = 1 << 30
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9")  # Okabe and Ito's, told apart by everybody


def svg(title: str, shape: Shape, run: Run, found: Forecast, *, capacity: int, context: int) -> str:
    """Draw what the device shows for five batches and sixteen lengths around a run; `capacity` is the card's bytes, or 0."""
    batches = sorted({max(1, round(run.batch * times)) for times in (0.5, 1, 2, 4, 8)})
    longest = 4 * run.seq
    lengths = [max(1, longest * step // 16) for step in range(1, 17)]
    more = (found.reserved - found.workspaces) / max(1, found.allocated)
    lines = [[_device(shape, run.replace(batch=batch, seq=seq), more, found, context) for seq in lengths] for batch in batches]
    highest = max([int(capacity * 1.1), *[max(line) for line in lines[:3]]])

    def x(seq: int) -> float:
        return _LEFT + (_WIDE - _LEFT - 90) * seq / longest

    def y(size: float) -> float:
        return _TOP + (_HIGH - _TOP - 44) * (1 - min(size, highest) / highest)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {_HIGH}" width="{_WIDE}" height="{_HIGH}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{_WIDE}" height="{_HIGH}" fill="white"/>',
        f'<text x="8" y="20" font-size="11">{_escaped(title)}</text>',
        f'<text x="{_LEFT}" y="36" fill="#666">GiB on the device, by tokens of a sample</text>',
    ]
    step = _step(highest / _GIB)
    for mark in range(0, int(highest / _GIB) + 1, step):
        at = y(mark * _GIB)
        parts.append(f'<path d="M{_LEFT} {at:.1f}H{_WIDE - 90}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{mark}</text>')
    for seq in (lengths[3], lengths[7], lengths[11], lengths[15]):
        parts.append(f'<text x="{x(seq):.1f}" y="{_HIGH - 24}" text-anchor="middle">{seq}</text>')
    if capacity:
        at = y(capacity)
        parts.append(f'<path d="M{_LEFT} {at:.1f}H{_WIDE - 90}" stroke="#d00" stroke-dasharray="6 4"/>')
        parts.append(f'<text x="{_WIDE - 84}" y="{at + 4:.1f}" fill="#d00">the card</text>')
    for batch, line, colour in zip(batches, lines, _COLOURS, strict=False):
        shown = [(seq, size) for seq, size in zip(lengths, line, strict=True) if size <= highest]
        if not shown:
            continue
        path = " ".join(f"{x(seq):.1f},{y(size):.1f}" for seq, size in shown)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        seq, size = shown[-1]
        parts.append(f'<text x="{x(seq) + 4:.1f}" y="{y(size) + 4:.1f}" fill="{colour}">batch {batch}</text>')
    return "\n".join([*parts, "</svg>", ""])


def page(title: str, drawing: str) -> str:
    """Put a drawing on an HTML page that needs nothing else."""
    return f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{_escaped(title)}</title>\n<body>\n{drawing}</body></html>\n'


def _device(shape: Shape, run: Run, more: float, found: Forecast, context: int) -> int:
    allocated = sketch(shape, run).peak(run.batch, run.seq)
    return int(allocated * more) + found.workspaces + found.outside + context


def _step(gib: float) -> int:
    return next((step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500) if gib / step <= 8), 1000)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
