"""A TOML text that is being changed: values replaced in place, items and rows taken away or put in, everything else untouched.

What was intended is kept beside the replacements, and at the end the new text is parsed and held against it.
"""

from __future__ import annotations

from envdoctor.formats import _toml_layout as layout
from envdoctor.formats._toml import parse
from envdoctor.formats._toml_places import Places, Unclear
from envdoctor.model.errors import InputError
from envdoctor.model.plan import Edit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from envdoctor.formats._respelled import Replacement
    from envdoctor.formats._toml_places import Path
    from envdoctor.model.script import Location

_UNREADABLE = object()


class Document:
    """Collects changes to one text. `offset` and `indent` are what the reader added to the lines and columns of the TOML."""

    def __init__(self, text: str, path: str, offset: int = 0, indent: int = 0) -> None:
        """Parse the text. Raises InputError."""
        self.text = text
        self.path = path
        self.data = parse(text, path, "the file")
        self.because = ""
        self._offset = offset
        try:
            self.places = Places(text)
        except Unclear as error:
            raise InputError(f"{path}: where its values stand is not clear ({error}); edit the file by hand") from None
        self._edits: list[Edit] = []
        self._wanted = _copied(self.data)
        self._set: dict[Path, Any] = {}
        self._gone: dict[Path, str] = {}
        self._new: list[tuple[Path, int, str, str]] = []
        self._found: dict[tuple[int, int], Path] = {}
        starts = [(end - 1, at) for at, end in self.places.headers.items()]
        for start, at in (*starts, *((value.start, at) for at, value in self.places.values.items())):
            line, column = self.places.line(start)
            self._found[line + offset, column + indent] = at

    def at(self, place: Location | None) -> Path | None:
        """Return the path of the value that starts at a place, None where none does."""
        return self._found.get((place.line, place.column)) if place else None

    def value(self, at: Path) -> Any:
        """Return the parsed value at a path. Raises LookupError."""
        return _within(self.data, at)

    def respell(self, at: Path, replacements: Sequence[Replacement]) -> None:
        """Replace parts of a string; they are counted in its parsed text."""
        old = new = self.value(at)
        for start, end, words in sorted(replacements, reverse=True):
            new = new[:start] + words + new[end:]
        if new == old or self._is_set(at, new):
            return
        place = self.places.values[at]
        inside = layout.inside(self.text[place.start : place.end], old)
        if inside is None or any(end > inside[1] for _, end, _ in replacements):
            self._replace((place.start, place.end, layout.quoted(new)))
        else:
            first = place.start + inside[0]
            self._replace(*((first + start, first + end, words) for start, end, words in replacements))

    def rewrite(self, at: Path, raw: str, value: Any) -> None:
        """Replace a whole value."""
        if not self._is_set(at, value):
            place = self.places.values[at]
            self._replace((place.start, place.end, raw))

    def remove(self, at: Path) -> None:
        """Take away an item of an array, or a row of a table."""
        self._gone.setdefault(at, self.because)

    def insert(self, array: Path, number: int, value: str) -> None:
        """Put a text into an array, before the item of that number or, where that is their count, at the end."""
        self._new.append((array, number, value, self.because))

    def add_row(self, table: Path, key: str, raw: str, value: Any, after: Path | None = None) -> None:
        """Put a row into a table, behind another row or the last one."""
        end = self.places.values[after].end if after else self.places.ends.get(table, 0)
        name = key if key.replace("-", "").replace("_", "").isalnum() and key.isascii() else layout.quoted(key)
        self._replace(layout.new_line(self.text, end, f"{name} = {raw}"))
        _within(self._wanted, table)[key] = value

    def edits(self) -> tuple[Edit, ...]:
        """Return all edits in the order of the text. Raises InputError where they would not bring just what was wanted."""
        from envdoctor.formats import edited

        for at, because in self._gone.items():
            self.because = because
            self._take(at)
        for array in dict.fromkeys(array for array, *_ in self._new):
            self._put(array)
        found = tuple(sorted(self._edits, key=lambda edit: (edit.start, edit.end)))
        self._renumber()
        try:
            result = _copied(parse(edited(self.text, found), self.path, "the file"))
        except InputError:
            result = _UNREADABLE
        if result != self._wanted:
            raise InputError(f"{self.path}: the changes cannot be made without touching something else; make them by hand")
        return found

    def _replace(self, *replacements: Replacement) -> None:
        for start, end, new in replacements:
            edit = Edit(document=self.path, start=start, end=end, old=self.text[start:end], new=new, because=self.because)
            self._edits.append(edit)

    def _is_set(self, at: Path, value: Any) -> bool:
        """Tell whether a value is set already: a row comes twice where two groups include it. Raises InputError for two values."""
        if at not in self._set:
            self._set[at] = _within(self._wanted, at[:-1])[at[-1]] = value
            return False
        if self._set[at] != value:
            line = self.places.line(self.places.values[at].start)[0] + self._offset
            raise InputError(f"{self.path} line {line}: two changes want different versions here; decide for one")
        return True

    def _take(self, at: Path) -> None:
        item, number = self.places.values[at], at[-1]
        if not isinstance(number, int):
            return self._replace(layout.without(self.text, item, None, last=False))
        count = len(self.value(at[:-1]))
        last = all((*at[:-1], later) in self._gone for later in range(number, count))
        return self._replace(layout.without(self.text, item, self.places.values.get((*at[:-1], number - 1)), last=last))

    def _put(self, array: Path) -> None:
        """Put the new items of an array where they belong: behind one that stays, or before the first one."""
        items = [self.places.values[(*array, number)] for number in range(len(self.value(array)))]
        staying = [number for number in range(len(items)) if (*array, number) not in self._gone]
        groups: dict[int, list[tuple[Path, int, str, str]]] = {}
        for new in sorted((new for new in self._new if new[0] == array), key=_order):
            groups.setdefault(max((number for number in staying if number < new[1]), default=-1), []).append(new)
        for number, group in groups.items():
            near = items[number if number >= 0 else staying[0] if staying else 0] if items else None
            raws = [layout.quoted(value, self.text[near.start] if near else '"') for _, _, value, _ in group]
            self.because = "; ".join(dict.fromkeys(because for *_, because in group if because))
            if near is None:
                start = self.places.values[array].start + 1
                self._replace((start, start, ", ".join(raws)))
            elif number >= 0:
                self._replace(*layout.behind(self.text, near, raws))
            else:
                self._replace(layout.before(self.text, near, raws, alone=not staying))

    def _renumber(self) -> None:
        """Bring what is wanted to the items that stay and come."""
        for at in self._gone:
            if not isinstance(at[-1], int):
                del _within(self._wanted, at[:-1])[at[-1]]
        numbered = [at for at in self._gone if isinstance(at[-1], int)]
        for array in dict.fromkeys([at[:-1] for at in numbered] + [array for array, *_ in self._new]):
            old = _within(self._wanted, array)
            fresh = sorted((new for new in self._new if new[0] == array), key=_order)
            kept = []
            for number in range(len(old) + 1):
                kept += [value for _, before, value, _ in fresh if before == number]
                kept += [old[number]] if number < len(old) and (*array, number) not in self._gone else []
            old[:] = kept


def _order(new: tuple[Path, int, str, str]) -> tuple[int, str]:
    return new[1], new[2].lower()


def _within(data: Any, at: Path) -> Any:
    for key in at:
        data = data[key]
    return data


def _copied(value: Any) -> Any:
    """Copy what was parsed; numbers become texts, since a nan equals nothing."""
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return repr(value) if isinstance(value, float) else value
