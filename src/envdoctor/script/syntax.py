"""Python source to syntax tree, and the few things about trees that every reader here needs. Knows nothing of training."""

from __future__ import annotations

import sys

from envdoctor.model.errors import InputError, ScriptError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
else:
    import _ast as ast  # the module `ast` pulls in `re` and `enum`, which costs a third of a whole check

ONLY_AST = 0x400  # ast.PyCF_ONLY_AST
MAGIC_STARTS = ("!", "%", "?")
PLACEHOLDER = "__shell_output__"


def parse(source: str, path: str, *, magics: bool = False, aside: list[tuple[int, str]] | None = None) -> ast.Module:
    """Return the tree of a source text; with `magics`, IPython's shell and magic lines count as empty statements. Raises InputError.

    Into `aside` these lines are put, each with its number, with those that it goes on in.
    """
    try:
        return _compile(source, path)
    except SyntaxError as error:
        if not magics:
            raise _refusal(error, path) from None
        line = error.lineno or 0
    lines = source.split("\n")
    for _ in range(len(lines)):
        # Only the line that is no Python is touched, so that a line of a long string that starts with "%" stays what it is.
        blanked = 0 < line <= len(lines) and _blank_magic(lines, line - 1, aside)
        if not blanked and not _blank_all(lines, aside):
            break
        try:
            return _compile("\n".join(lines), path)
        except SyntaxError as error:
            line = error.lineno or 0
    try:
        return _compile("\n".join(lines), path)
    except SyntaxError as error:
        raise _refusal(error, path) from None


def _compile(source: str, path: str) -> ast.Module:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape in the script is the script's affair
        try:
            tree = compile(source, path, "exec", ONLY_AST, dont_inherit=True)
        except (ValueError, OverflowError) as error:  # null bytes, over-long numbers
            raise InputError(f"{path}: this is not Python source ({error}); check that the file is a script in UTF-8") from None
        except MemoryError:
            raise InputError(f"{path}: expressions are nested too deeply to be read; split the largest expression") from None
    assert isinstance(tree, ast.Module)
    return tree


def _refusal(error: SyntaxError, path: str) -> ScriptError:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    line, reason = error.lineno or 1, f"{error.msg}; Python {version} cannot read this script"
    advice = "Correct the line, or run envdoctor with the Python that the script is written for"
    return ScriptError(f"{path}, line {line}: {reason}. {advice}", path, line, reason)


def _blank_magic(lines: list[str], index: int, aside: list[tuple[int, str]] | None) -> bool:
    """Replace a shell or magic line, and the lines it continues on, by an empty statement; tell whether there was one."""
    line = lines[index]
    body = line.lstrip()
    indent = line[: len(line) - len(body)]
    name, equals, right = body.partition("=")
    if body.startswith(MAGIC_STARTS) or (body.rstrip().endswith("?") and not body.startswith("#")):
        lines[index] = indent + "pass"
    elif equals and right.lstrip().startswith(("!", "%")):
        lines[index] = f"{indent}{name}= {PLACEHOLDER}"
    else:
        return False
    first, whole = index + 1, line
    while line.rstrip().endswith("\\") and index + 1 < len(lines):
        index += 1
        line = lines[index]
        whole += "\n" + line
        lines[index] = ""
    if aside is not None:
        aside.append((first, whole))
    return True


def _blank_all(lines: list[str], aside: list[tuple[int, str]] | None) -> bool:
    found = False
    for index in range(len(lines)):
        found = _blank_magic(lines, index, aside) or found
    return found


_PLAIN = frozenset({
    "ctx", "op", "ops", "id", "attr", "arg", "name", "asname", "module", "level", "kind", "type_comment", "conversion", "simple", "n", "s",
})  # fmt: skip
"""Fields that hold texts, numbers, and signs without children: most of what a tree consists of."""
_MIXED = frozenset({"keys", "names", "kw_defaults", "kwd_attrs"})
"""Fields whose lists hold texts or None beside nodes, or instead of them."""
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}


def children(node: ast.AST) -> list[ast.AST]:
    """Return the direct children of a node in source order, operators and contexts left out."""
    kind = type(node)
    fields = _FIELDS.get(kind)
    if fields is None:
        fields = _FIELDS[kind] = tuple(field for field in kind._fields if field not in _PLAIN)
    found: list[ast.AST] = []
    for field in fields:
        value = getattr(node, field, None)
        if value.__class__ is list:
            found += [item for item in value if isinstance(item, ast.AST)] if field in _MIXED else value
        elif isinstance(value, ast.AST):
            found.append(value)
    return found
