"""A line of a log without what terminals, launchers and log collectors put around it: colours, rank prefixes, times, frames of boxes."""

from __future__ import annotations

import re

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])")
_SPELLED = re.compile(r"(?:\^\[|#033|\\x1b|\\u001b|\\033)\[[0-9;]*m")
"""Colours, where something on the way has written the escape character out."""
_BACKSPACES = re.compile(r"[^\x08]\x08")
_PREFIX = re.compile(
    r"""
    (?:
      \[(?:rank|default)?(?P<torchrun>\d{1,5})\]:[ ]?
    | \[\d+,(?P<mpirun>\d+)\]<std(?:err|out)>:[ ]?
    | \((?:[\w.]+[ ])?pid=(?P<ray>\d+)(?:,[ ]ip=[\w.:]+)?\)[ ]
    | (?P<compose>[\w.-]+[-_]\d+)[ ]*\|[ ]
    | (?P<host>worker-\d+|node-?\d+|\d{1,3}(?:\.\d{1,3}){3}):[ ]
    | \[pod/(?P<pod>[\w./-]+)\][ ]
    | \[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]?(?:[ ]std(?:err|out)[ ][FP])?(?:[ ]|$)
    | (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[ ]+\d+[ ]\d\d:\d\d:\d\d[ ][\w.-]+[ ][\w./-]+\[\d+\]:[ ]
    )
    """,
    re.VERBOSE,
)
"""What stands before a line: the first groups name who wrote it, the last alternatives are times of day."""
_BOX = re.compile(r"^\s*[│┃]\s?(.*?)\s*[│┃]\s*$")
_EDGE = re.compile(r"^\s*[╭╰┌└┏┗][─━\s]*(.*?)[─━\s]*[╮╯┐┘┓┛]\s*$")
_QUOTE = re.compile(r"^(?:(?:>[ ]|>(?=>|$))+|E[ ]{3,}|[ ]{2,}\|[ ](?=[ ]|\w))")
_TYPOGRAPHY = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "\u00a0": " "})
_MOST_PREFIXES = 3  # a container's name, a time and a rank


def decode(raw: bytes) -> str:
    """Return a line's text; what is no UTF-8 is replaced."""
    return raw.decode("utf-8", "replace")


def plain(text: str) -> tuple[str, str]:
    """Return who wrote a line ("" where it does not say), and what was written.

    >>> plain("[rank1]: ImportError: no")
    ('1', 'ImportError: no')
    >>> plain("\x1b[31m2025-10-31T12:00:00.5Z [rank0]:   File\x1b[0m")
    ('0', '  File')
    """
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    if "m" in text and ("[[" in text or "3[" in text or "b[" in text):
        text = _SPELLED.sub("", text)
    if "\x08" in text:
        text = _BACKSPACES.sub("", text).replace("\x08", "")
    if not text.isascii():
        text = text.translate(_TYPOGRAPHY)
    source = ""
    for _ in range(_MOST_PREFIXES):
        found = _PREFIX.match(text)
        if found is None:
            break
        source = next((value for value in found.groups() if value), source)
        text = text[found.end() :]
    box = None if text.isascii() else _EDGE.match(text) or _BOX.match(text)
    if box is not None:
        text = box.group(1)
    quoted = _QUOTE.match(text)
    return source, text[quoted.end() :] if quoted is not None else text
