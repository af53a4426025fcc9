"""Where the parts of a script stand in its text, and the smallest edits that change one of them: what is not touched stays as it is.

Positions count characters of the whole text. An edit is (start, end, new text).
"""

from __future__ import annotations

from envdoctor.script.syntax import children, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

    Edit = tuple[int, int, str]
    Listed = ast.expr | ast.keyword | ast.alias
else:
    import _ast as ast

_BLANK = " \t\f"


class Layout:
    """A script's text beside its tree. Raises InputError for a text that is no Python."""

    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.tree = parse(text, path)
        self._lines = [0]
        place = 0
        while place < len(text):  # Python ends a line at \n, \r\n and \r, and nowhere else
            if text[place] == "\r" and text[place + 1 : place + 2] == "\n":
                place += 1
            if text[place] in "\r\n":
                self._lines.append(place + 1)
            place += 1
        self.newline = "\r\n" if "\r\n" in text else "\n"
        self.calls: list[ast.Call] = []
        self.items: list[tuple[ast.expr | None, ast.expr]] = []
        """What is set in dictionaries: the keys and values of displays, and of `name["key"] = value`."""
        self.imports: list[ast.Import | ast.ImportFrom] = []
        self.names: list[ast.Name | ast.Attribute] = []
        waiting: list[ast.AST] = [self.tree]
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.Call):
                self.calls.append(node)
            elif isinstance(node, ast.Dict):
                self.items += zip(node.keys, node.values)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
                self.items.append((node.targets[0].slice, node.value))
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                self.imports.append(node)
            elif isinstance(node, (ast.Name, ast.Attribute)):
                self.names.append(node)
            waiting.extend(children(node))
        self.imports.sort(key=lambda node: node.lineno)

    def place(self, line: int, column: int) -> int:
        """Return the position of a line (from 1) and a column (from 0) in bytes of UTF-8, as trees count them."""
        start = self._lines[line - 1]
        end = self._lines[line] if line < len(self._lines) else len(self.text)
        piece = self.text[start:end]
        return start + (column if piece.isascii() else len(piece.encode()[:column].decode(errors="ignore")))

    def span(self, node: ast.expr | ast.keyword | ast.alias | ast.stmt) -> tuple[int, int]:
        """Return where a node begins and ends."""
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self.place(node.lineno, node.col_offset), self.place(node.end_lineno, node.end_col_offset)

    def source(self, node: ast.expr | ast.keyword | ast.alias) -> str:
        """Return a node as it is written."""
        start, end = self.span(node)
        return self.text[start:end]

    def call_at(self, line: int, column: int) -> ast.Call | None:
        """Return the call that begins at a line and column, both from 1: the outermost of a chain."""
        found = [call for call in self.calls if (call.lineno, call.col_offset + 1) == (line, column)]
        return max(found, key=lambda call: self.span(call)[1], default=None)

    def keyword_at(self, line: int, column: int) -> tuple[ast.Call, ast.keyword] | None:
        """Return the keyword, and its call, that begins there or whose value does."""
        for call in self.calls:
            for keyword in call.keywords:
                for node in (keyword, keyword.value):
                    if keyword.arg and (node.lineno, node.col_offset + 1) == (line, column):
                        return call, keyword
        return None

    def key_at(self, line: int, column: int) -> ast.Constant | None:
        """Return the key, a written text, of the entry of a dictionary whose value begins there."""
        for key, value in self.items:
            if isinstance(key, ast.Constant) and isinstance(key.value, str) and (value.lineno, value.col_offset + 1) == (line, column):
                return key
        return None

    def line_start(self, place: int) -> int:
        """Return where the line of a position begins."""
        return max(start for start in self._lines if start <= place)

    def line_end(self, place: int) -> int:
        """Return where the line of a position ends, before its line break."""
        while place < len(self.text) and self.text[place] not in "\r\n":
            place += 1
        return place

    def indent(self, place: int) -> str | None:
        """Return what stands before a position in its line if that is blank, else None."""
        before = self.text[self.line_start(place) : place]
        return before if not before.strip(_BLANK) else None

    def _break_after(self, place: int) -> int:
        """Return the position behind the line break that follows."""
        end = self.line_end(place)
        return end + (2 if self.text[end : end + 2] == "\r\n" else 1 if end < len(self.text) else 0)

    def comma_after(self, place: int) -> int:
        """Return the position behind the comma that follows, over blanks, line breaks and comments; -1 for none."""
        while place < len(self.text):
            sign = self.text[place]
            if sign == "#":
                place = self.line_end(place)
            elif sign == ",":
                return place + 1
            elif sign.isspace() or sign == "\\":
                place += 1
            else:
                return -1
        return -1

    def removed(self, listed: list[Listed], one: Listed) -> tuple[Edit, str]:
        """Return the edit that takes one of a list of arguments or names away, and the comment that goes with it."""
        number = listed.index(one)
        start, end = self.span(one)
        comma = self.comma_after(end)
        behind = comma if comma >= 0 else end
        rest = self.text[behind : self.line_end(behind)]
        comment = rest.strip(_BLANK) if rest.strip(_BLANK).startswith("#") else ""
        if self.indent(start) is not None and (not rest.strip(_BLANK) or comment):
            return (self.line_start(start), self._break_after(behind), ""), comment
        following = self.span(listed[number + 1])[0] if number + 1 < len(listed) else -1
        if number and following >= 0 and self.indent(start) is None and self.line_start(following) > end:
            return (self.span(listed[number - 1])[1], end, ""), ""  # the last of its line: the break behind it stays
        if following >= 0:
            return (start, following, ""), ""
        if number:
            return (self.span(listed[number - 1])[1], end, ""), ""
        return (start, behind, ""), ""

    def added(self, call: ast.Call, argument: str, comment: str = "") -> list[Edit]:
        """Return the edits that add an argument behind the others, laid out as they are; a comment that has no line there stands above."""
        listed = arguments(call)
        opening, closing = self.span(call)[0], self.span(call)[1] - 1
        above: list[Edit] = []
        if comment:
            line = self.line_start(opening)
            blank = self.text[line : len(self.text) - len(self.text[line:].lstrip(_BLANK))]
            above = [(line, line, f"{blank}{comment}{self.newline}")]
        if not listed:
            return [*above, (closing, closing, argument)]
        start, end = self.span(listed[-1])
        comma = self.comma_after(end)
        indent = self.indent(start)
        if indent is None or self.line_start(closing) == self.line_start(end):
            if comma >= 0:
                return [*above, (comma, comma, f" {argument}")]
            return [*above, (end, end, f", {argument}")]
        edits: list[Edit] = [] if comma >= 0 else [(end, end, ",")]
        place = self.line_end(comma if comma >= 0 else end)
        told = f"  {comment}" if comment else ""
        return [*edits, (place, place, f"{self.newline}{indent}{argument},{told}")]

    def imported(self, module: str, name: str, before: int) -> list[Edit]:
        """Return the edits that import a name for what stands at `before`: into an import that is there, or in a line behind the others.

        Without a name the module itself is imported.

        Behind the last one above that place, not the first ones: a check may stand between imports so that it comes before the slow ones.
        """
        for node in self._top_imports():
            if name and isinstance(node, ast.ImportFrom) and not node.level and node.module == module and node.names[0].name != "*":
                return self._into(node, name)
        line = f"from {module} import {name}" if name else f"import {module}"
        last = self._last_import(before)
        if last is None:
            place = self._after_docstring()
            return [(place, place, f"{line}{self.newline}")]
        end = self._break_after(self.span(last)[1])
        broken = self.text[end - 1 : end] in ("\n", "\r")
        return [(end, end, f"{line}{self.newline}" if broken else f"{self.newline}{line}")]

    def _into(self, node: ast.ImportFrom, name: str) -> list[Edit]:
        words = [alias.name.lower() for alias in node.names]
        after = next((alias for alias in node.names if alias.name.lower() > name.lower()), None) if words == sorted(words) else None
        if after is not None:
            start = self.span(after)[0]
            indent = self.indent(start)
            return [(start, start, f"{name}, " if indent is None else f"{name},{self.newline}{indent}")]
        start, end = self.span(node.names[-1])
        indent = self.indent(start)
        if indent is None:
            return [(end, end, f", {name}")]
        comma = self.comma_after(end)
        return [(end, end, f",{self.newline}{indent}{name}")] if comma < 0 else [(comma, comma, f"{self.newline}{indent}{name},")]

    def _top_imports(self) -> Iterator[ast.Import | ast.ImportFrom]:
        for statement in self.tree.body:
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                yield statement

    def _last_import(self, before: int) -> ast.Import | ast.ImportFrom | None:
        """Return the last import of the module that begins above a place, or at it."""
        return next((node for node in reversed(list(self._top_imports())) if self.span(node)[0] <= before), None)

    def _after_docstring(self) -> int:
        body = self.tree.body
        if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) and isinstance(body[0].value.value, str):
            return self._break_after(self.span(body[0])[1])
        place = 0
        while self.text.startswith("#", place):
            place = self._break_after(place)
        return place


def arguments(call: ast.Call) -> list[Listed]:
    """Return the arguments of a call in the order of the text."""
    listed: list[Listed] = [*call.args, *call.keywords]
    return sorted(listed, key=lambda node: (node.lineno, node.col_offset))


def edited(text: str, edits: list[Edit]) -> str:
    """Return a text with edits made; of two that meet, the later in the list stands behind the earlier."""
    order = sorted(enumerate(edits), key=lambda pair: (pair[1][0], pair[1][1], pair[0]), reverse=True)
    for _, (start, end, new) in order:
        text = text[:start] + new + text[end:]
    return text
