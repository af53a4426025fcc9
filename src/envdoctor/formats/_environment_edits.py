"""Edits of conda's environment.yml: the rows of conda, and pip's below them. The YAML is read for the places of its texts alone."""

from __future__ import annotations

from envdoctor.formats import _toml_layout as layout
from envdoctor.formats._conda_respelled import Inexpressible, respelled
from envdoctor.formats._conda_specs import Unreadable, match_spec
from envdoctor.formats._joined_lines import joined_lines
from envdoctor.formats._requirement_edits import asked, changed
from envdoctor.formats._respelled import checked, is_same, spelled
from envdoctor.formats._yaml_list import YamlList
from envdoctor.formats._yaml_nodes import compose, items, outline, table
from envdoctor.model.errors import InputError
from envdoctor.model.names import normalise
from envdoctor.model.plan import Edit
from envdoctor.model.script import Location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from envdoctor.formats._respelled import Replacement
    from envdoctor.model.listing import Requirement
    from envdoctor.model.plan import Change

_FEWEST = 3  # rows in order by chance are likely below that


def environment_edits(text: str, path: str, changes: Sequence[Change]) -> tuple[Edit, ...]:
    """Return the edits that bring the changes about, in the order of the text. Raises InputError for what cannot be expressed."""
    from envdoctor.formats import edited

    environment = _Environment(text, path)
    found = tuple(
        Edit(document=path, start=start, end=end, old=text[start:end], new=new, because=because)
        for (start, end, new), because in sorted(environment.replacements(changes), key=lambda pair: pair[0][:2])
    )
    try:
        is_wanted = outline(compose(edited(text, found), path)) == outline(environment.root)
    except InputError:
        is_wanted = False
    if not is_wanted:
        raise InputError(f"{path}: the changes cannot be made without touching something else; make them by hand")
    return found


class _Environment:
    """The rows of one file, conda's and pip's, with their lists. `root` becomes what is wanted."""

    def __init__(self, text: str, path: str) -> None:
        self.root = compose(text, path)
        self._text = text
        self._path = path
        self._rows: list[tuple[YamlList, int, Requirement]] = []
        self._set: dict[tuple[int, int], str] = {}
        self._pip: YamlList | None = None
        self._pip_pair: tuple[int, list[Any]] = (-1, [])  # number of the row that holds it, and the table's pairs
        dependencies = table(self.root).get("dependencies")
        if not items(dependencies):
            raise InputError(f"{path}: there is no list below `dependencies:` to edit; write one")
        self._conda = YamlList(text, path, dependencies)
        for number, row in enumerate(items(dependencies)):
            if row.id == "scalar":
                self._know(self._conda, number, row)
            elif "pip" in table(row):
                self._pip_pair = number, row.value
                if items(table(row)["pip"]):
                    self._pip = YamlList(text, path, table(row)["pip"])
        for number, row in enumerate(items(self._pip.node) if self._pip else ()):
            if row.id == "scalar" and self._pip:
                self._know(self._pip, number, row)

    def replacements(self, changes: Sequence[Change]) -> list[tuple[Replacement, str]]:
        """Return what to replace, with the reasons. Raises InputError."""
        for change in changes:
            if checked(change, self._path).requirement is not None:
                self._change(change)
        new = sorted((change for change in changes if change.requirement is None), key=lambda change: change.name.lower())
        found = self._added([change for change in new if not change.remove and not self._stands(change)])
        number, pairs = self._pip_pair
        if self._pip and self._pip.is_emptied() and len(pairs) == 1:
            self._conda.remove(number, self._pip.reasons())
        elif self._pip:
            found += self._pip.finish()
        return found + list(self._conda.finish())

    def _know(self, rows: YamlList, number: int, item: Any) -> None:
        place = Location(path=self._path, line=item.start_mark.line + 1)
        if rows is self._conda:
            try:
                self._rows.append((rows, number, match_spec(item.value, place)[0]))
            except Unreadable:
                pass
            return
        for line in joined_lines(item.value):
            found = asked(line.replace(number=place.line), self._path)
            if found is not None:
                self._rows.append((rows, number, found))

    def _change(self, change: Change) -> None:
        was = change.requirement
        line = was.location.line if was and was.location else 1
        near = [row for row in self._rows if was and row[2].name == was.name and row[2].location and row[2].location.line == line]
        if was is None or not near:
            raise InputError(f"{self._path} line {line}: {change.name} does not stand there any more; read the file again")
        same = [row for row in near if (row[2].specifier, row[2].marker) == (was.specifier, was.marker)]
        rows, number, _ = (same or near)[0]
        if self._set.setdefault((id(rows), number), change.specifier) != change.specifier:
            raise InputError(f"{self._path} line {line}: two changes want different versions here; decide for one")
        text = rows.node.value[number].value
        if change.remove:
            rows.remove(number, change.because)
        elif rows is self._pip:
            whole = next(joined_lines(text)).replace(number=line)
            rows.respell(number, list(changed(text, self._path, {line: whole}, change)), change.because)
        else:
            try:
                rows.respell(number, respelled(text, change.specifier), change.because)
            except Inexpressible as error:
                raise InputError(f"{self._path} line {line}: {error}; move {change.name} below `pip:` by hand") from None

    def _stands(self, change: Change) -> bool:
        """Tell whether a row asks for just that, whatever the machine is."""
        for _, _, found in self._rows:
            if found.name == normalise(change.name) and not found.marker:
                if is_same(found.specifier, change.specifier) and not found.url:
                    return True
                line = found.location.line if found.location else 1
                raise InputError(f"{self._path} line {line} asks for {change.name} already; change that line instead of adding one")
        return False

    def _added(self, changes: Sequence[Change]) -> list[tuple[Replacement, str]]:
        """Give new requirements to pip; return what that takes besides changes to the lists."""
        if not changes:
            return []
        if self._pip is not None:
            for change in changes:
                self._insert(self._pip, change)
            return []
        because = "; ".join(dict.fromkeys(change.because for change in changes if change.because))
        texts = [change.name + change.specifier for change in changes]
        number, pairs = self._pip_pair
        if number >= 0:
            at = next(at for at, (key, _) in enumerate(pairs) if key.value == "pip")
            key, old = pairs[at]
            pairs[at] = (key, texts)
            if old.id == "sequence":
                return [((old.start_mark.index, old.end_mark.index, f"[{', '.join(map(layout.quoted, texts))}]"), because)]
            lines = [" " * (key.start_mark.column + 2) + "- " + text for text in texts]
            colon = self._text.index(":", key.end_mark.index)
            return [(layout.new_line(self._text, colon + 1, layout.line_end(self._text).join(lines)), because)]
        count = len(self._conda.node.value)
        if not any(rows is self._conda and found.name == "pip" for rows, _, found in self._rows):
            self._conda.insert(count, "pip", "pip", because)
        self._conda.insert(count, {"pip": texts}, self._conda.table_of("pip", texts), because)
        return []

    def _insert(self, rows: YamlList, change: Change) -> None:
        """Put a requirement among pip's rows: in its place where they are sorted, else behind the last that is no option."""
        named = [(number, found.name) for among, number, found in self._rows if among is rows and not found.url]
        names = [name for _, name in named]
        last = max((number for number, item in enumerate(items(rows.node)) if item.value[:1] != "-"), default=len(rows.node.value) - 1)
        number = last + 1
        if len(names) >= _FEWEST and names == sorted(names):
            number = max((at + 1 for at, name in named if name <= normalise(change.name)), default=named[0][0])
        near = rows.node.value[max(number - 1, 0)]
        text = spelled(change.name, change.specifier, near.value if near.id == "scalar" else "")
        rows.insert(number, text, rows.written(text, near), change.because)
