"""How one thing is spelled in different releases: the table that judging and rewriting a script share. Releases are the atlas's affair."""

from __future__ import annotations

from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Renamed(Record):
    """An argument with an old and a new name. `of` are the callables that define it; their heirs have it too.

    `values` says what becomes of the value: "same", or the name of a conversion that `repair` knows. `new` is "" where the argument only
    went; then `advice` says what to do.
    """

    of: tuple[str, ...]
    old: str
    new: str
    safety: str
    values: str = "same"
    advice: str = ""
    links: tuple[str, ...] = ()


class Moved(Record):
    """Arguments that moved from a trainer into its configuration, which it takes as `by`."""

    trainer: str
    config: str
    by: str
    names: tuple[str, ...]
    plain: str = ""
    """The configuration that the trainer took before its own one existed."""
    links: tuple[str, ...] = ()


class Successor(Record):
    """What to write for a name that a library dropped; `new` is "" where nothing takes its place one for one.

    `gone` are releases that were read not to have it, where the atlas cannot tell: a package that may make up modules as it goes.
    """

    old: str
    new: str
    safety: str
    advice: str = ""
    gone: str = ""
    links: tuple[str, ...] = ()


class Heir(Record):
    """Callables that take what their bases take besides their own, in the releases of a package."""

    of: tuple[str, ...]
    bases: tuple[str, ...]
    package: str
    releases: str
    links: tuple[str, ...] = ()


class Sunk(Record):
    """An argument that a call with `**kwargs` swallows or refuses only later: the signature cannot tell. `of` may hold `*`."""

    of: tuple[str, ...]
    but: tuple[str, ...]
    argument: str
    package: str
    refused: str
    new: str = ""
    value: str = ""
    safety: str = "manual"
    advice: str = ""
    unless: tuple[str, ...] = ()
    """Arguments of the same call that make the outcome unsure."""
    texts_of: str = ""
    texts_refused: str = ""
    """In these releases a text has to be written as the name of that module: "float32" as torch.float32."""
    links: tuple[str, ...] = ()


class Dropped(Record):
    """Methods and attributes of what a class of a library makes, gone in some releases of its package. `of` may hold `*`.

    `new` is the one to use instead, "()" to call the object itself, "" for none.
    """

    of: tuple[str, ...]
    methods: tuple[str, ...]
    package: str
    gone: str
    new: str = ""
    safety: str = "manual"
    advice: str = ""
    links: tuple[str, ...] = ()


class Answered(Record):
    """What a function must not return that a script hands over as an argument, in some releases. `kinds` are keys of ANSWERS.

    `says` goes on after the package and its version. `wants` is the kind that is taken, where a rewriting can make it; `beside` is the
    library that has to be imported for it. A switch of `unless` (NAME, or NAME!=TEXT) on any call of the script, or a column of `unread`
    that the function names, makes it unsure.
    """

    of: tuple[str, ...]
    argument: str
    package: str
    refused: str
    kinds: tuple[str, ...]
    says: str
    wants: str = ""
    severity: str = "error"
    impact: str = "crash-at-start"
    beside: str = ""
    unless: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    safety: str = "safe"
    advice: str = ""
    links: tuple[str, ...] = ()


class Valued(Record):
    """The values that arguments take, each with the releases of a package that take it, "" for all.

    What is not among them is refused by the releases that were `read`, unless `is_open` tells that there are others. `instead` is what to
    write for one that went.
    """

    of: tuple[str, ...]
    arguments: tuple[str, ...]
    package: str
    read: str
    values: Mapping[str, str]
    is_open: bool = False
    instead: Mapping[str, str] = {}
    safety: str = "unsafe"
    advice: str = ""
    links: tuple[str, ...] = ()


class Spellings(Record):
    """The whole table."""

    renamed: tuple[Renamed, ...] = ()
    moved: tuple[Moved, ...] = ()
    successors: tuple[Successor, ...] = ()
    heirs: tuple[Heir, ...] = ()
    sunk: tuple[Sunk, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    answered: tuple[Answered, ...] = ()
    valued: tuple[Valued, ...] = ()
