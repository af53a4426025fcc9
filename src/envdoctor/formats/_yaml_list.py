"""One list of a YAML text that is being changed: texts respelled in place, items taken away or put in, in the layout it has."""

from __future__ import annotations

import re

from envdoctor.formats import _toml_layout as layout
from envdoctor.formats._toml_places import Value
from envdoctor.model.errors import InputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from envdoctor.formats._respelled import Replacement

_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")
_DASH = re.compile(r"[ \t]*-[ \t]+$")


class YamlList:
    """Collects changes to a list node. `finish` yields the replacements with their reasons and brings the node to what is wanted."""

    def __init__(self, text: str, path: str, node: Any) -> None:
        self.node = node
        self._text = text
        self._path = path
        self._found: list[tuple[Replacement, str]] = []
        self._gone: dict[int, str] = {}
        self._new: list[tuple[int, Any, str, str]] = []

    def respell(self, number: int, replacements: Sequence[Replacement], because: str) -> None:
        """Replace parts of a text of the list; they are counted in its parsed value. Raises InputError."""
        if not replacements:
            return
        item = self.node.value[number]
        old = new = item.value
        for start, end, words in sorted(replacements, reverse=True):
            new = new[:start] + words + new[end:]
        span = self._span(item)
        raw = self._text[span.start : span.end]
        inside = layout.inside(raw, old) if item.style in ("'", '"') else (0, len(old)) if raw == old else None
        is_split = self.node.flow_style and not item.style and "," in new
        if inside is not None and not is_split and all(end <= inside[1] for _, end, _ in replacements):
            first = span.start + inside[0]
            self._found += [((first + start, first + end, words), because) for start, end, words in replacements]
        elif item.style in ("|", ">"):
            raise InputError(
                f"{self._path} line {item.start_mark.line + 1}: a requirement in a block text is not edited; write it as {new}"
            )
        else:
            self._found.append(((span.start, span.end, layout.quoted(new)), because))
        item.value = new

    def remove(self, number: int, because: str) -> None:
        """Take an item away."""
        self._gone[number] = because

    def insert(self, number: int, value: Any, raw: str, because: str) -> None:
        """Put an item in before the one of that number or, where that is their count, at the end."""
        self._new.append((number, value, raw, because))

    def is_emptied(self) -> bool:
        """Tell whether nothing stays and nothing comes."""
        return len(self._gone) == len(self.node.value) and not self._new

    def reasons(self) -> str:
        """Return why items go."""
        return "; ".join(dict.fromkeys(because for because in self._gone.values() if because))

    def written(self, text: str, near: Any) -> str:
        """Return a text as it is written in this list, in quotes where another item has them."""
        quote = self._text[self._span(near).start]
        return layout.quoted(text, quote) if quote in "'\"" or (self.node.flow_style and "," in text) else text

    def table_of(self, key: str, texts: Sequence[str]) -> str:
        """Return a table with a list of texts as it is written as an item of this list."""
        if self.node.flow_style:
            return f"{{{key}: [{', '.join(map(layout.quoted, texts))}]}}"
        line, dash = self._dash(self._span(self.node.value[-1]))
        indent = layout.line_end(self._text, line) + " " * (len(dash) + 2) + "- "
        return f"{key}:" + "".join(indent + text for text in texts)

    def finish(self) -> Iterator[tuple[Replacement, str]]:
        """Yield all replacements. Raises InputError for a layout in which they cannot be made."""
        yield from self._found
        for number, because in self._gone.items():
            yield self._without(number), because
        yield from self._put()
        kept: list[Any] = []
        for number, item in enumerate([*self.node.value, None]):
            kept += [value for before, value, *_ in self._new if before == number]
            kept += [item] if item is not None and number not in self._gone else []
        self.node.value = kept

    def _put(self) -> Iterator[tuple[Replacement, str]]:
        staying = [number for number in range(len(self.node.value)) if number not in self._gone]
        groups: dict[int, list[tuple[str, str]]] = {}
        for before, _, raw, because in self._new:
            groups.setdefault(max((number for number in staying if number < before), default=-1), []).append((raw, because))
        for after, group in groups.items():
            raws = [raw for raw, _ in group]
            because = "; ".join(dict.fromkeys(because for _, because in group if because))
            near = self._span(self.node.value[after if after >= 0 else staying[0] if staying else 0])
            if self.node.flow_style:
                found = layout.behind(self._text, near, raws) if after >= 0 else [layout.before(self._text, near, raws, alone=not staying)]
            else:
                line, dash = self._dash(near)
                lines = [dash + raw for raw in raws]
                ending = layout.line_end(self._text, line)
                found = [layout.new_line(self._text, near.end, ending.join(lines))]
                if after < 0:
                    found = [(line, line, "".join(words + ending for words in lines))]
            yield from ((one, because) for one in found)

    def _without(self, number: int) -> Replacement:
        item = self._span(self.node.value[number])
        last = all(later in self._gone for later in range(number, len(self.node.value)))
        if not self.node.flow_style:
            self._dash(item)
            end = layout.new_line(self._text, item.end, "")[0]
            return self._dash(item)[0], end, ""
        return layout.without(self._text, item, self._span(self.node.value[number - 1]) if number else None, last=last)

    def _dash(self, item: Value) -> tuple[int, str]:
        """Return where the line of an item starts, and what stands before the item. Raises InputError."""
        line = self._text.rfind("\n", 0, item.start) + 1
        before = self._text[line : item.start]
        plain = _PROPERTIES.sub("", before)
        if not _DASH.match(plain):
            raise InputError(f"{self._path}: an item is not on a line of its own, so the list is not edited; write `- ITEM` on each line")
        return line, plain

    def _span(self, item: Any) -> Value:
        """Return where an item stands, without the anchor or tag before it."""
        start, end = item.start_mark.index, _last(item).end_mark.index
        found = _PROPERTIES.match(self._text, start, end)
        return Value(path=(), start=found.end() if found else start, end=end)


def _last(node: Any) -> Any:
    """Return the last text in a node: a table without braces ends, for the parser, only where the next thing starts."""
    while node.id != "scalar" and not node.flow_style and node.value:
        node = node.value[-1] if node.id == "sequence" else node.value[-1][1]
    return node
