"""A repair as data: what moves, what that changes in which file, and what it leaves. Nothing is decided here."""

from __future__ import annotations

from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from envdoctor.model.finding import Finding
    from envdoctor.model.listing import Requirement


class Move(Record):
    """One package that changes its version. `old` is None where it was not there, `new` is None where it goes.

    `because` holds the messages of the findings that force it; none where it only follows another move. `named` tells that the user's own
    file names the package.
    """

    name: str
    old: str | None
    new: str | None
    because: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    named: bool = False


class Change(Record):
    """What is to stand in a file instead of a requirement: the editors' input.

    `requirement` is the line as it was read (its `location` tells file and line), None for one to be added. `specifier` is the whole
    new specifier (`==0.21.2`, `>=4.44,<5`), `hashes` the whole new list where the line carried hashes, or where others of the file do for
    one to be added; `remove` takes the line away.
    """

    name: str
    requirement: Requirement | None = None
    specifier: str = ""
    hashes: tuple[str, ...] = ()
    remove: bool = False
    because: str = ""


class Edit(Record):
    """One span of a document's text that is replaced: characters from `start` up to `end`, which must read `old`."""

    document: str
    start: int
    end: int
    old: str
    new: str
    because: str = ""


class Left(Record):
    """A finding that a plan does not repair, and why."""

    finding: Finding
    why: str


class Plan(Record):
    """A whole repair. `solution` holds the version of every package after it, None where it is not known.

    `resolves` are the findings that are gone with it, `leaves` those that stay. `verified` tells how it was held against the book: "" for
    not at all, "checked", or "proven" where it was installed and run. `cost` says in words what it changes.
    """

    moves: tuple[Move, ...] = ()
    changes: tuple[Change, ...] = ()
    edits: tuple[Edit, ...] = ()
    solution: Mapping[str, str] = {}
    resolves: tuple[Finding, ...] = ()
    leaves: tuple[Left, ...] = ()
    verified: str = ""
    cost: str = ""
    remarks: tuple[str, ...] = ()
