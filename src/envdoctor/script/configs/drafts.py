"""Calls as configuration files stand for them: the keys of the file themselves, and what the program that reads them does."""

from __future__ import annotations

from envdoctor.model.record import Record
from envdoctor.model.script import Argument, Call, Location
from envdoctor.model.settings import Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from envdoctor.model.script import Keys
    from envdoctor.model.settings import Setting


MODEL = "transformers.AutoModelForCausalLM.from_pretrained"
QUANTISATION = "transformers.BitsAndBytesConfig"
ADAPTERS = "peft.LoraConfig"
ARGUMENTS = "transformers.TrainingArguments"
ENVIRON = "os.environ"


class Implied(Record):
    """A value that follows from a setting; `location` is the setting's. `known` is False where it cannot be told."""

    value: Any
    location: Location
    known: bool = True


def top(path: str) -> Location:
    """Return the first place of a file."""
    return Location(path=path, line=1)


def keys_call(target: str, settings: Iterable[Setting], path: str, keys: Keys) -> Call:
    """Return the keys of a file as arguments of a call that the releases are asked about."""
    return Call(target=target, arguments=tuple(argument(each.key, each) for each in settings), location=top(path), keys=keys)


def argument(name: str, given: Setting | Implied) -> Argument:
    """Return a setting, or what follows from one, as an argument. A table is there, but its value is none that is compared."""
    known = given.known if isinstance(given, Implied) else not _holds_table(given.value)
    return Argument(name=name, value=given.value if known else None, literal=known, location=given.location)


def call(target: str, place: Location, given: Mapping[str, Setting | Implied | None], *, complete: bool = False) -> Call:
    """Return a call that the program will make: it has these arguments, and may have more unless they are complete."""
    found = tuple(argument(name, each) for name, each in given.items() if each is not None)
    return Call(target=target, arguments=found, location=place, complete=complete, guarded=True)


def renamed(table: Table, names: Mapping[str, str]) -> dict[str, Setting | Implied | None]:
    """Return the settings that are there and not empty, under the names that the libraries have for them."""
    found: dict[str, Setting | Implied | None] = {}
    for key, name in names.items():
        setting = table.get(key)
        if setting is not None and setting.value is not None:
            found.setdefault(name, setting)
    return found


def implied(setting: Setting | None, value: Any) -> Implied | None:
    """Return a value that follows from a setting, None where there is no setting."""
    return None if setting is None else Implied(value=value, location=setting.location)


def nothing(place: Location) -> Implied:
    """Return that a call certainly leaves an argument alone, though others of it are not told."""
    return Implied(value=None, location=place)


def unknown(setting: Setting | None) -> Implied | None:
    """Return that a setting decides something that cannot be told."""
    return None if setting is None else Implied(value=None, location=setting.location, known=False)


def flat(table: Table, above: str = "") -> Iterator[tuple[str, Setting | Implied]]:
    """Yield what a table and those below it hold, with the keys of all levels joined by dots. What is empty is left out."""
    for setting in table.settings:
        name = above + setting.key
        if setting.value == Table():
            continue
        if isinstance(setting.value, Table):
            yield name, Implied(value=None, location=setting.location, known=False)
            yield from flat(setting.value, f"{name}.")
        elif setting.value not in (None, "", ()):
            yield name, setting


def number(value: Any) -> Any:
    """Return a text that Python reads as a number as that number: YAML 1.1 takes 1e-4 for a text, and some programs turn it back."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def is_on(table: Table, key: str) -> bool:
    """Tell whether a switch is on."""
    return table.value(key) is True


def opened(table: Table) -> tuple[Call, ...]:
    """Return how PyYAML reads a file with keys that stand there twice: the last one counts."""
    twice = tuple(Argument(name="doubled", value=each.key, literal=True, location=each.location) for each in _doubled(table))
    return (Call(target="yaml.safe_load", arguments=twice, location=twice[0].location, guarded=True),) if twice else ()


def _doubled(table: Table) -> Iterator[Setting]:
    yield from table.doubled
    for setting in table.settings:
        if isinstance(setting.value, Table):
            yield from _doubled(setting.value)


def environment(table: Table, place: Location) -> Call:
    """Return variables that a file sets as a call of `os.environ`. Values become texts, as the programs make them."""
    given = {each.key: Implied(value=str(each.value), location=each.location) for each in table.settings}
    return Call(target=ENVIRON, arguments=tuple(argument(name, each) for name, each in given.items()), location=place)


def _holds_table(value: object) -> bool:
    return isinstance(value, Table) or (isinstance(value, tuple) and any(_holds_table(each) for each in value))
