"""What the reader's side decides about a report: how wide, in colour or not, how much. Nothing about the verdict."""

from __future__ import annotations

from envdoctor.model.record import Record


class Options(Record):
    """How to tell a report. `width` is in columns; only the text format looks at it and at `colour`."""

    width: int = 80
    colour: bool = False
    quiet: bool = False
    verbose: bool = False
