"""What the cells of a saved notebook printed and raised, as one log."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


def outputs(text: str) -> str | None:
    """Return the outputs of a notebook, in order; None for a text that is no notebook.

    >>> outputs('{"cells": [{"outputs": [{"output_type": "stream", "text": ["a\\\\n"]}]}]}')
    'a\\n'
    """
    try:
        told = json.loads(text)
        cells = told["cells"]
        return "".join(part for cell in cells for output in cell.get("outputs", ()) for part in _texts(output))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _texts(output: dict[str, Any]) -> Iterator[str]:
    if output.get("output_type") == "error":
        yield "\n".join(output.get("traceback") or [f"{output.get('ename')}: {output.get('evalue')}"]) + "\n"
    elif output.get("output_type") == "stream":
        yield "".join(output.get("text", ()))
    else:
        yield "".join((output.get("data") or {}).get("text/plain", ()))
