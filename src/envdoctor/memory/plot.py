"""Peak against length, one line a batch, with the card's end: a chart of lines and words, as data, as SVG, or as a page.

`raster.py` draws the same chart in pixels.
"""

from __future__ import annotations

from envdoctor.memory.sketch import sketch
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.memory.forecast import Forecast
    from envdoctor.memory.run import Run
    from envdoctor.memory.shape import Shape

WIDE, HIGH = 720, 400
_LEFT, _RIGHT, _TOP, _BELOW = 64, 90, 48, 44
_GIB = 1 << 30
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9")  # Okabe and Ito's, told apart by everybody


class Line(Record):
    """A line through points, in pixels from the upper left."""

    points: tuple[tuple[float, float], ...]
    colour: str
    width: float = 1
    dashed: bool = False


class Word(Record):
    """A text whose baseline begins, has its middle or ends at a point (`anchor` is start, middle or end)."""

    x: float
    y: float
    text: str
    colour: str = "#000000"
    size: int = 12
    anchor: str = "start"


class Chart(Record):
    """What is drawn, from the bottom up, on white."""

    lines: tuple[Line, ...]
    words: tuple[Word, ...]


def chart(title: str, shape: Shape, run: Run, found: Forecast, *, capacity: int, context: int) -> Chart:
    """Draw what the device shows for five batches and sixteen lengths around a run; `capacity` is the card's bytes, or 0."""
    batches = sorted({max(1, round(run.batch * times)) for times in (0.5, 1, 2, 4, 8)})
    longest = 4 * run.seq
    lengths = [max(1, longest * step // 16) for step in range(1, 17)]
    more = (found.reserved - found.workspaces) / max(1, found.allocated)
    sizes = [[_device(shape, run.replace(batch=batch, seq=seq), more, found, context) for seq in lengths] for batch in batches]
    highest = max([int(capacity * 1.1), *[max(line) for line in sizes[:3]]])
    right = WIDE - _RIGHT

    def x(seq: int) -> float:
        return round(_LEFT + (right - _LEFT) * seq / longest, 1)

    def y(size: float) -> float:
        return round(_TOP + (HIGH - _TOP - _BELOW) * (1 - min(size, highest) / highest), 1)

    lines: list[Line] = []
    words = [
        Word(x=8, y=20, text=title, size=11 if len(title) < 120 else 9),
        Word(x=_LEFT, y=36, text="GiB on the device, by tokens of a sample", colour="#666666"),
    ]
    for mark in range(0, int(highest / _GIB) + 1, _step(highest / _GIB)):
        at = y(mark * _GIB)
        lines.append(Line(points=((_LEFT, at), (right, at)), colour="#dddddd"))
        words.append(Word(x=_LEFT - 8, y=at + 4, text=str(mark), anchor="end"))
    words += [Word(x=x(seq), y=HIGH - 24, text=str(seq), anchor="middle") for seq in lengths[3::4]]
    if capacity:
        at = y(capacity)
        lines.append(Line(points=((_LEFT, at), (right, at)), colour="#dd0000", dashed=True))
        words.append(Word(x=_LEFT + 4, y=at - 5, text="the card", colour="#dd0000"))
    for batch, line, colour in zip(batches, sizes, _COLOURS, strict=False):
        shown = tuple((x(seq), y(size)) for seq, size in zip(lengths, line, strict=True) if size <= highest)
        if shown:
            lines.append(Line(points=shown, colour=colour, width=2))
            words.append(Word(x=shown[-1][0] + 4, y=shown[-1][1] + 4, text=f"batch {batch}", colour=colour))
    return Chart(lines=tuple(lines), words=tuple(words))


def svg(drawn: Chart) -> str:
    """Write a chart as SVG."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" width="{WIDE}" height="{HIGH}" font-family="sans-serif">',
        f'<rect width="{WIDE}" height="{HIGH}" fill="white"/>',
    ]
    for line in drawn.lines:
        path = " ".join(f"{x:g},{y:g}" for x, y in line.points)
        dash = ' stroke-dasharray="6 4"' if line.dashed else ""
        parts.append(f'<polyline points="{path}" fill="none" stroke="{line.colour}" stroke-width="{line.width:g}"{dash}/>')
    for word in drawn.words:
        place = f'x="{word.x:g}" y="{word.y:g}" fill="{word.colour}" font-size="{word.size}" text-anchor="{word.anchor}"'
        parts.append(f"<text {place}>{_escaped(word.text)}</text>")
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
