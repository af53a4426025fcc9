"""What every step of a rewriting needs: the text with its layout, what is imported under which name, and how a step is told."""

from __future__ import annotations

from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast

    from envdoctor.engine.calls import Judge
    from envdoctor.model.script import Location, Script
    from envdoctor.script.layout import Layout
else:
    import _ast as ast


class Cannot(Exception):
    """A misuse is not rewritten; the text says why, or what to do by hand."""


class Step(Record):
    """One step: its edits in the text as it was before it, what it does in words, and where."""

    edits: tuple[tuple[int, int, str], ...]
    safety: str
    said: str
    location: Location


class Writing:
    """A script that is being rewritten, before one step."""

    def __init__(self, layout: Layout, script: Script, judge: Judge) -> None:
        self.layout = layout
        self.script = script
        self.judge = judge

    def target_of(self, call: ast.Call) -> str:
        """Return the qualified name of what a call calls, "" where it is not known; of a chain, each call begins at the same place."""
        place = (call.lineno, call.col_offset + 1)
        found = [known.target for known in self.script.calls if (known.location.line, known.location.column) == place]
        if isinstance(call.func, ast.Attribute):
            found = [target for target in found if target.endswith("." + call.func.attr)]
        return min(found, key=len, default="")

    def calls_of(self, target: str) -> list[ast.Call]:
        """Return the calls of a qualified name, in the order of the text."""
        found = [call for call in self.layout.calls if self.target_of(call) == target]
        return sorted(found, key=lambda call: (call.lineno, call.col_offset))

    def import_at(self, line: int, column: int) -> tuple[ast.Import | ast.ImportFrom | None, ast.alias | None]:
        """Return the import, and the name in it, that begins at a line and column."""
        for node in self.layout.imports:
            for alias in node.names:
                if (alias.lineno, alias.col_offset + 1) == (line, column):
                    return node, alias
        return None, None

    def spelled(self, dotted: str, before: ast.expr | ast.keyword) -> tuple[str, tuple[tuple[int, int, str], ...]]:
        """Return how the script writes a library's name, and the edits that import it above a node where it is not imported yet."""
        module, _, name = dotted.rpartition(".")
        for node in self.layout.imports:
            if isinstance(node, ast.ImportFrom) and not node.level and node.module == module:
                for alias in node.names:
                    if alias.name == name:
                        return alias.asname or name, ()
        if not any(isinstance(node, ast.ImportFrom) and node.module == module for node in self.layout.imports):
            for node in self.layout.imports:
                for alias in node.names if isinstance(node, ast.Import) else ():
                    if alias.name == module and (alias.asname or "." not in module):
                        return f"{alias.asname or module}.{name}", ()
        return name, tuple(self.layout.imported(module, name, self.layout.span(before)[0]))

    def module(self, name: str, before: ast.expr | ast.keyword) -> tuple[str, tuple[tuple[int, int, str], ...]]:
        """Return how the script writes a module, and the edits that import it above a node where it is not imported yet."""
        for node in self.layout.imports:
            for alias in node.names if isinstance(node, ast.Import) else ():
                if alias.name == name:
                    return alias.asname or name, ()
        return name, tuple(self.layout.imported(name, "", self.layout.span(before)[0]))

    def without(self, node: ast.Import | ast.ImportFrom, alias: ast.alias) -> list[tuple[int, int, str]]:
        """Return the edits that take a name out of an import, and the import with it if it was the only one."""
        if len(node.names) > 1:
            return [self.layout.removed(list(node.names), alias)[0]]
        start, end = self.layout.span(node)
        if self.layout.indent(start) == "" and not self.layout.text[end : self.layout.line_end(end)].strip():
            return [(self.layout.line_start(start), self.layout.line_end(end) + len(self._break(end)), "")]
        return [(start, end, "pass")]

    def _break(self, place: int) -> str:
        end = self.layout.line_end(place)
        return "\r\n" if self.layout.text[end : end + 2] == "\r\n" else self.layout.text[end : end + 1]

    def unused(self, dotted: str, uses: int) -> list[tuple[int, int, str]]:
        """Return the edits that take an import away whose name the script reads no oftener than `uses`."""
        module, _, name = dotted.rpartition(".")
        for node in self.layout.imports:
            if isinstance(node, ast.ImportFrom) and node.module == module:
                for alias in node.names:
                    local = alias.asname or alias.name
                    if alias.name == name and sum(isinstance(one, ast.Name) and one.id == local for one in self.layout.names) <= uses:
                        return self.without(node, alias)
        return []
