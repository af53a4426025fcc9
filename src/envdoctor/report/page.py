"""A page with a gutter, written through rich: marks on the left, text in one column beside them. Knows nothing of reports."""

from __future__ import annotations

import io

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from envdoctor.report.plain import QUIET_STYLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from envdoctor.report.options import Options
    from envdoctor.report.plain import Run

GUTTER = 10
_INDENT = "  "


class Page:
    """Lines for a screen of a given width."""

    def __init__(self, options: Options) -> None:
        self._sheet = io.StringIO()
        # Everything that rich would otherwise ask the environment for is said here: a report gives the same text everywhere.
        self._console = Console(
            file=self._sheet, width=options.width, height=25, force_terminal=options.colour, no_color=not options.colour,
            color_system="standard" if options.colour else None, force_jupyter=False, legacy_windows=False, highlight=False, markup=False,
            emoji=False, _environ={},
        )  # fmt: skip
        self._room = max(options.width - GUTTER, 20)
        self._is_empty = True
        self._is_gap_due = False

    def text(self) -> str:
        """Return everything written so far."""
        return self._sheet.getvalue()

    def gap(self) -> None:
        """Leave one empty line before whatever comes next."""
        self._is_gap_due = not self._is_empty

    def line(self, runs: Sequence[Run]) -> None:
        """Write one line as it is, however long."""
        self._put(Text.assemble(*runs))

    def block(self, mark: Run, paragraphs: Sequence[Sequence[Run]], *, whole: bool = False) -> None:
        """Write paragraphs beside a mark. `whole` ones are not wrapped: they are there to be pasted."""
        for runs in paragraphs:
            text = Text.assemble(*runs)
            for line in [text] if whole else text.wrap(self._console, self._room, overflow="fold"):
                self._beside(mark, line)
                mark = ("", "")

    def column(self, rows: Sequence[tuple[str, str]]) -> int:
        """Return the width of the left column that serves all rows whose halves fit side by side."""
        return max((cell_len(left) for left, right in rows if right and cell_len(left) + 2 + cell_len(right) <= self._room), default=0)

    def pairs(self, mark: Run, rows: Sequence[tuple[str, str]], column: int = 0) -> None:
        """Write two columns beside a mark, the left one at least `column` wide; what does not fit goes below its left half."""
        column = max(column, self.column(rows))
        for left, right in rows:
            padded = max(column, cell_len(left)) + 2
            if not right or padded + cell_len(right) <= self._room:
                self.block(mark, [[(left, ""), (" " * (padded - cell_len(left)), ""), (right, QUIET_STYLE)]])
            else:
                self.block(mark, [[(left, "")]])
                for line in Text(right, QUIET_STYLE).wrap(self._console, self._room - len(_INDENT), overflow="fold"):
                    self._beside(("", ""), Text.assemble(_INDENT, line))
            mark = ("", "")

    def _beside(self, mark: Run, line: Text) -> None:
        self._put(Text.assemble(mark, " " * (GUTTER - len(mark[0])), line))

    def _put(self, line: Text) -> None:
        if self._is_gap_due:
            self._sheet.write("\n")
            self._is_gap_due = False
        self._is_empty = False
        line.rstrip()
        self._console.print(line, soft_wrap=True)
