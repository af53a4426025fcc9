"""What stands in a configuration file: keys with values, and the place of each."""

from __future__ import annotations

from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from envdoctor.model.script import Location


class Setting(Record):
    """One key and its value: a text, number, bool or None, a tuple of such values, or a Table."""

    key: str
    value: Any
    location: Location


class Table(Record):
    """Keys of one level, in the order of the file; each once, as the last one counts. `doubled` are those that stand there again."""

    settings: tuple[Setting, ...] = ()
    doubled: tuple[Setting, ...] = ()

    def get(self, key: str) -> Setting | None:
        """Return the setting of that key."""
        for setting in self.settings:
            if setting.key == key:
                return setting
        return None

    def value(self, key: str) -> Any:
        """Return the value of a key, None where it is missing or empty."""
        found = self.get(key)
        return None if found is None else found.value

    def table(self, key: str) -> Table:
        """Return the table below a key; an empty one where there is none."""
        found = self.value(key)
        return found if isinstance(found, Table) else Table()

    @property
    def keys(self) -> frozenset[str]:
        """The keys of this level."""
        return frozenset(setting.key for setting in self.settings)
