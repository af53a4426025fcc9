"""A chart in pixels, drawn with Pillow (the extra `plot`): Pillow brings its own font, so that a server without any shows words too."""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from envdoctor.memory.plot import HIGH, WIDE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.memory.plot import Chart

_SCALE = 2  # pixels of the picture for each of the chart, for screens of today
_FINER = 2  # drawn so much finer still, and shrunk: Pillow's lines have hard edges
_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}
_DASH, _GAP = 6, 4


def png(drawn: Chart) -> bytes:
    """Return a chart as PNG."""
    fine = _SCALE * _FINER
    picture = Image.new("RGB", (WIDE * fine, HIGH * fine), "white")
    pen = ImageDraw.Draw(picture)
    for line in drawn.lines:
        points = [(x * fine, y * fine) for x, y in line.points]
        width = max(1, round(line.width * fine))
        if line.dashed:
            for start, end in _dashes(points[0], points[-1], fine):
                pen.line([start, end], fill=line.colour, width=width)
        else:
            pen.line(points, fill=line.colour, width=width, joint="curve")
    for word in drawn.words:
        font = ImageFont.load_default(word.size * fine)
        pen.text((word.x * fine, word.y * fine), word.text, fill=word.colour, font=font, anchor=_ANCHORS[word.anchor])
    out = BytesIO()
    picture.resize((WIDE * _SCALE, HIGH * _SCALE), Image.Resampling.LANCZOS).save(out, "PNG")
    return out.getvalue()


def _dashes(start: tuple[float, float], end: tuple[float, float], fine: int) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Return the dashes of a level line."""
    found = []
    x = start[0]
    while x < end[0]:
        found.append(((x, start[1]), (min(x + _DASH * fine, end[0]), start[1])))
        x += (_DASH + _GAP) * fine
    return found
