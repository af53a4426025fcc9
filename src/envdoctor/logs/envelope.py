"""Opens what a log collector has put a line into: a JSON object a line, or one text with its line ends written out. Pure text to text."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_TEXTS = frozenset(
    {
        "log", "message", "msg", "MESSAGE", "textPayload", "line", "text", "event", "exc_info", "exc_text", "exception", "traceback",
        "stack", "stack_trace", "stacktrace", "error", "formatted",
    }
)  # fmt: skip
"""Where Docker, Kubernetes, journald, the clouds and structured loggers put what was written."""
_RANKS = ("rank", "local_rank", "pod_name", "pod", "container_name")
_DEEPEST = 4
_ESCAPED = (r"Traceback (most recent call last):\n", r"\n  File ")
"""A traceback inside the text of another one."""
_QUOTES = (("\\\\n", "\n"), ("\\n", "\n"), ('\\\\"', '"'), ('\\"', '"'), ("\\'", "'"), ("\\\\", "\\"))


def opened(text: str) -> tuple[str, list[str]] | None:
    r"""Return who wrote an enveloped line ("" where it does not say), and the lines in it; None for a line without an envelope.

    >>> opened('{"log": "ImportError: no\\n", "stream": "stderr"}')
    ('', ['ImportError: no'])
    >>> opened('{"rank": 1, "msg": "a\\nb"}')
    ('1', ['a', 'b'])
    >>> opened("{'loss': 1.0}") is None
    True
    """
    if text[:2] == '{"' and text.rstrip().endswith("}"):
        try:
            told = json.loads(text)
        except (ValueError, RecursionError):
            told = None
        if isinstance(told, dict):
            lines = [line for part in _texts(told, _DEEPEST) for line in part.rstrip("\n").split("\n")]
            if lines:
                return _writer(told, _DEEPEST), lines
    if any(mark in text for mark in _ESCAPED):
        for escaped, plain in _QUOTES:
            text = text.replace(escaped, plain)
        return "", text.split("\n")
    return None


def _texts(told: dict[str, Any], depth: int) -> Iterator[str]:
    for name, value in told.items():
        if isinstance(value, dict) and depth:
            yield from _texts(value, depth - 1)
        elif name in _TEXTS and isinstance(value, str):
            yield value
        elif name in _TEXTS and isinstance(value, list) and value and all(isinstance(byte, int) and 0 <= byte < 256 for byte in value):
            yield bytes(value).decode("utf-8", "replace")  # journald's way with what is no plain text


def _writer(told: dict[str, Any], depth: int) -> str:
    for name in _RANKS:
        if isinstance(told.get(name), (int, str)):
            return str(told[name])
    inner = (_writer(value, depth - 1) for value in told.values() if isinstance(value, dict) and depth)
    return next((found for found in inner if found), "")
