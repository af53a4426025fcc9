"""The syntax tree of a file in which the bodies of functions are parsed when somebody looks at them: most are never looked at.

They are cut out of the text, line by line. Where a body may end elsewhere than its lines seem to say, it is left in; a file that is no
Python without its bodies is one that was cut in the wrong place, and is parsed as it is.
"""

from __future__ import annotations

import ast
import re
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from re import Match

_NEEDED = (b"Deprecat", b"FutureWarning", b"LazyModule", b"def __getattr__")
"""Words of files that say by themselves something in the bodies of functions: notices, and which names are answered when asked for."""
_HEAD = rb"def \w+\((?:[^\n]*:|[^\n]*\n(?:INDENT[ \t][^\n]*\n|[ \t\r]*\n)*?INDENT\)[^\n]*:)[ \t\r]*\n"
_FUNCTION = re.compile(
    b"|".join(
        rb"^(%s%s)((?:%s[ \t][^\n]*\n|%s[\r]?\n)+)" % (indent, _HEAD.replace(b"INDENT", indent), indent, blank)
        for indent, blank in ((b"", b""), (b"    ", b" {0,4}"))
    ),
    re.MULTILINE,
)
"""A function of a module or of a class, whose body is every line that stands further in."""
_BODY = "envdoctor_body"
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


class Unread(ast.FunctionDef):
    """A function whose body is still text; it becomes a plain one when its body is asked for."""

    __slots__ = ()

    @property
    def body(self) -> list[ast.stmt]:  # type: ignore[override]
        """Parse the body. One that this Python cannot read answers something unknown."""
        tree = parse(b"if 1:\n" + vars(self).pop(_BODY))
        found = tree.body[0].body if tree is not None else [ast.Return(value=ast.Yield(value=None))]  # type: ignore[attr-defined]
        self.__class__ = ast.FunctionDef  # type: ignore[assignment]
        self.body = found  # type: ignore[misc]
        return found


def parse(text: bytes) -> ast.Module | None:
    """Return the whole syntax tree of a file, None where it is no Python that this interpreter reads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def read(text: bytes) -> ast.Module | None:
    """Return the syntax tree of a file, functions unread where that is possible; None where it is no Python."""
    short, bodies = outline(text)
    tree = parse(short) if bodies else None
    if tree is None:
        return parse(text)
    found = _without_body(tree.body)
    if sorted(place for place, _ in found) != list(range(len(bodies))):  # what was cut was no function, but an example in a text
        return parse(text)
    for place, node in found:
        setattr(node, _BODY, bodies[place])
        node.__class__ = Unread
    return tree


def _without_body(body: list[ast.stmt]) -> list[tuple[int, ast.FunctionDef]]:
    """Return the functions whose body was cut out, each with the place that stands there for it."""
    found = []
    stack: list[ast.AST] = list(body)
    while stack:
        part = stack.pop()
        first = part.body[0] if isinstance(part, ast.FunctionDef) else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, complex):
            found.append((int(first.value.value.imag), part))
        elif hasattr(part, "body") or isinstance(part, ast.Match):
            stack += [inner for field in _BLOCKS for inner in getattr(part, field, ())]
    return found  # type: ignore[return-value]


def outline(text: bytes) -> tuple[bytes, list[bytes]]:
    """Return a file without the bodies of its functions, and these; a body is replaced by its place, written as no person would.

    >>> outline(b"def f(a=1):\\n    return a\\n\\nb = 2\\n")
    (b'def f(a=1):\\n     0j\\nb = 2\\n', [b'    return a\\n\\n'])
    """
    bodies: list[bytes] = []

    def cut(found: Match[bytes]) -> bytes:
        head, body = (found[1], found[2]) if found[1] is not None else (found[3], found[4])
        # a text of several lines, or a line that goes on, may hold lines that stand further out
        if body.count(b'"""') % 2 or body.count(b"'''") % 2 or body.endswith((b"\\\n", b"\\\r\n")):
            return found[0]
        bodies.append(body)
        return b"%s     %dj\n" % (head, len(bodies) - 1)

    if any(word in text for word in _NEEDED):
        return text, bodies
    return _FUNCTION.sub(cut, text), bodies
