"""Runs of styled text without any library, for the report that must appear at once. `screen` prints the same runs with rich."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Run = tuple[str, str]  # text, style in rich's words ("" is the terminal's own)

FIT_STYLE = "bold green"
ERROR_STYLE = "bold red"
WARNING_STYLE = "bold yellow"
NOTE_STYLE = "bold blue"
QUIET_STYLE = "dim"

_CODES = {FIT_STYLE: "1;32", ERROR_STYLE: "1;31", WARNING_STYLE: "1;33", NOTE_STYLE: "1;34", QUIET_STYLE: "2"}


NO_BREAK = "\N{NO-BREAK SPACE}"
"""Stands for a space at which `wrap` must not break a line; it is printed as a plain space."""


def clean(text: str) -> str:
    """Return text that a terminal shows as it is, on one line: no escape sequence, bidirectional override or lone surrogate survives.

    Names and versions come from files that anybody may have written.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else " " if char.isspace() else "\N{REPLACEMENT CHARACTER}" for char in text)


def paint(runs: Sequence[Run], *, colour: bool) -> str:
    """Return the runs as one line, with ANSI escapes if `colour`."""
    if not colour:
        return "".join(text for text, _ in runs)
    return "".join(f"\x1b[{_CODES[style]}m{text}\x1b[0m" if style else text for text, style in runs)


def wrap(runs: Sequence[Run], width: int, indent: str = "  ") -> list[list[Run]]:
    """Break runs at spaces into lines of at most `width` columns; later lines start with `indent`. Longer words stay whole."""
    lines: list[list[Run]] = [[]]
    used = 0
    for word in _words(runs):
        line = lines[-1]
        long = sum(len(text) for text, _ in word)
        if line and used + 1 + long > width:
            line = [(indent, "")]
            lines.append(line)
            used = len(indent)
        elif line:
            _append(line, " ", line[-1][1] if line[-1][1] == word[0][1] else "")
            used += 1
        for text, style in word:
            _append(line, text, style)
        used += long
    return lines


def _words(runs: Sequence[Run]) -> list[list[Run]]:
    """Split at spaces; a word may be made of several runs."""
    words: list[list[Run]] = []
    apart = True
    for text, style in runs:
        for position, part in enumerate(text.split(" ")):
            apart = apart or position > 0
            if part:
                if apart:
                    words.append([])
                words[-1].append((part, style))
                apart = False
    return words


def _append(line: list[Run], text: str, style: str) -> None:
    text = text.replace(NO_BREAK, " ")
    if line and line[-1][1] == style:
        line[-1] = (line[-1][0] + text, style)
    else:
        line.append((text, style))
