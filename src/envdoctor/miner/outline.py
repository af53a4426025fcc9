"""A file without the bodies of its functions: what it says by itself stands outside of them, and reading them is most of the work.

Only text is looked at, line by line. Where a body may end elsewhere than its lines seem to say, it is left in; a file that is no Python
without its bodies is one that was cut in the wrong place, and must be read as it is.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from re import Match

_NEEDED = (b"Deprecat", b"FutureWarning", b"LazyModule", b"def __getattr__")
"""Words of files that say something in the bodies of functions: notices, and which names are answered when asked for."""
_HEAD = rb"(?:async )?def \w+\((?:[^\n]*:|[^\n]*\n(?:INDENT[ \t][^\n]*\n|[ \t\r]*\n)*?INDENT\)[^\n]*:)[ \t\r]*\n"
_FUNCTION = re.compile(
    b"|".join(
        rb"^(%s%s)((?:%s[ \t][^\n]*\n|%s[\r]?\n)+)" % (indent, _HEAD.replace(b"INDENT", indent), indent, blank)
        for indent, blank in ((b"", b""), (b"    ", b" {0,4}"))
    ),
    re.MULTILINE,
)
"""A function of a module or of a class, whose body is every line that stands further in."""


def outline(text: bytes) -> bytes | None:
    """Return a file without the bodies of its functions; None where they are needed, or there are none.

    >>> outline(b"def f(a=1):\\n    return a\\n\\nb = 2\\n")
    b'def f(a=1):\\n     0\\nb = 2\\n'
    """
    if any(word in text for word in _NEEDED):
        return None
    found, count = _FUNCTION.subn(_cut, text)
    return found if count else None


def _cut(found: Match[bytes]) -> bytes:
    head, body = (found[1], found[2]) if found[1] is not None else (found[3], found[4])
    # a text of several lines, or a line that goes on, may hold lines that stand further out
    if body.count(b'"""') % 2 or body.count(b"'''") % 2 or body.endswith((b"\\\n", b"\\\r\n")):
        return found[0]
    return head + b"     0\n"
