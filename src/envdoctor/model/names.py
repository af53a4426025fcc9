"""Spelling of distribution names (PEP 503)."""

from __future__ import annotations

_KNOWN: dict[str, str] = {}
"""Answers of `normalise`, which a check asks some thousand times for the same few hundred names."""


def normalise(name: str) -> str:
    """Return the name in lower case with runs of `-`, `_` and `.` as one `-`.

    >>> normalise("Huggingface_Hub"), normalise("zope..interface")
    ('huggingface-hub', 'zope-interface')
    """
    known = _KNOWN.get(name)
    if known is None:
        known = name.lower().replace("_", "-").replace(".", "-")
        while "--" in known:
            known = known.replace("--", "-")
        _KNOWN[name] = known
    return known


def placeholder(name: str) -> str:
    """Return the word that stands for a distribution in a message: `huggingface-hub` is `{huggingface_hub}`."""
    return name.replace("-", "_")
