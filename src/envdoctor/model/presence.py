"""In which releases of a package a single thing is, and who answers that."""

from __future__ import annotations

from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Lookups(Protocol):
        """Single questions about names, modules and parameters, asked for one environment. None: no release is known to have it."""

        def brings(self, module: str) -> str:
            """Return the distribution that brings a module; "" for a module of Python, and where nobody can be sure."""

        def name(self, module: str, name: str) -> Presence | None:
            """Return where a module offers a name."""

        def module(self, module: str) -> Presence | None:
            """Return where a module is."""

        def parameter(self, function: str, name: str) -> Presence | None:
            """Return where a class or function takes a parameter."""

        def member(self, name: str, member: str) -> Presence | None:
            """Return where a class has a method."""

        def asking(self, package: str, target: str) -> Presence | None:
            """Return which releases of a package ask for a module or a name, written with dots; its window is one of those that do not."""


class Presence(Record):
    """Where a thing is. `subject` is the callable found, `here` whether the installed release has it, None where that is not known.

    `gone` is the release that no longer has it, `since` the first later one that has it: one of them at most. `window` is the specifier of
    the nearest releases that have it, "" for any, None for none.
    """

    package: str
    releases: str
    subject: str = ""
    here: bool | None = None
    gone: str = ""
    since: str = ""
    window: str | None = None
