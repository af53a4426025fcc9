"""What was read in a training script: its calls and its imports, with places."""

from __future__ import annotations

from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Union

    from envdoctor.model.answer import Answer
    from envdoctor.model.facts import Absent, Fact


READ = "read"
"""Last part of the name of a call that is none: what the script reads off an object that a class of a library made."""
REPLACED = "replaced"
"""Last part of the name of a call that is none: a method or function of the script that a library calls, with its parameters as arguments.

Each has its name and, where it may be filled by place, its number; the call is complete where the function takes nothing else.
"""


CELL = ":cell "
"""Stands between a notebook and the number of a code cell in the path of a place."""


class Location(Record):
    """A place in a file; lines and columns count from 1."""

    path: str
    line: int
    column: int = 1

    @property
    def file(self) -> str:
        """The file on disk: of a place in a notebook's cell, the notebook."""
        return self.path.partition(CELL)[0]

    @property
    def cell(self) -> str:
        """The cell of a notebook, such as `cell 2`; "" elsewhere."""
        return "".join(self.path.partition(CELL)[1:])[1:]


class Argument(Record):
    """One argument of a call. `literal` is False where the value cannot be read without running the script.

    `answer` is what a function returns that is handed over, where that is asked and can be seen. `choices` are the values that it has
    where a module can be imported, each with that module; the last one has "" and is what is left.
    """

    name: str
    value: Any
    literal: bool
    location: Location
    answer: Answer | None = None
    choices: tuple[tuple[Any, str], ...] = ()


class Keys(Record):
    """The classes that share the keys of a configuration file, which `package` reads.

    A key that none of them takes is refused by the releases within one of the windows `refused`; others pass over it. `is_shared` tells
    that programs with classes of their own read such files too, so that a key nobody knows may be one of theirs.
    """

    classes: tuple[str, ...]
    package: str
    refused: tuple[str, ...] = ("",)
    is_shared: bool = False


class Call(Record):
    """One call of a name that an import binds, such as `trl.SFTTrainer`.

    `complete` is False when a `**mapping` hides arguments from the reader. `guarded` tells that the script itself asks for a version, or
    catches the refusal, before it makes the call. The keys of a configuration file are a call with `keys`; what the program that reads
    the file does because of them are guarded calls.
    """

    target: str
    arguments: tuple[Argument, ...]
    location: Location
    complete: bool = True
    guarded: bool = False
    keys: Keys | None = None

    def argument(self, name: str) -> Argument | None:
        """Return the argument of that name."""
        for argument in self.arguments:
            if argument.name == name:
                return argument
        return None


class Import(Record):
    """One imported name, fully qualified. `guarded` as for a call; a name that stands for another one has the place of that one."""

    name: str
    location: Location
    guarded: bool = False


class Command(Record):
    """A shell command that a script runs itself: of a notebook's cell, or handed to the system.

    `words` are given instead of a text where the script gives them one by one. `sure` is False where the script may pass it by.
    """

    location: Location
    text: str = ""
    words: tuple[str, ...] = ()
    sure: bool = True


class Script(Record):
    """All calls and imports of one script, in order: of its own file, which `paths` names first, and of what it imports beside it.

    `facts` are what it says of its training, and what is known of the model it names, where it is judged among other scripts. `commands`
    are those of its own file; `declares` tells that this one carries a list of the packages it needs (PEP 723). `tried` are names that it
    tries to import and can do without: they are no imports, and whether they are there, the script asks itself.
    """

    calls: tuple[Call, ...] = ()
    imports: tuple[Import, ...] = ()
    paths: tuple[str, ...] = ()
    facts: tuple[Union[Fact, Absent], ...] = ()
    commands: tuple[Command, ...] = ()
    declares: bool = False
    tried: tuple[str, ...] = ()


class Unread(Record):
    """A file of a folder that cannot be read as a script."""

    location: Location
    reason: str
