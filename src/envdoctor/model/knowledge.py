"""What the engine asks of the rule book and of the atlas: look-ups, never files."""

from __future__ import annotations

from envdoctor.model.record import Record
from envdoctor.model.rule import Remedy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from typing import Protocol

    from envdoctor.model.rule import Condition, Head
    from envdoctor.model.snapshot import Distribution
    from envdoctor.model.surface import Surface

    class Book(Protocol):
        """A rule book. `ids` are in sorted order; `candidates` may leave out only rules that are certainly clear."""

        version: str
        ids: tuple[str, ...]

        def candidates(self, distributions: Mapping[str, Distribution]) -> Iterable[tuple[str, Condition]]:
            """Return id and condition of the rules that could fire on these distributions; all others are clear. Called once per check."""

        def head(self, rule: str) -> Head:
            """Return what the engine needs of a rule. Called only for rules that fire."""

        def prose(self, rule: str) -> Prose:
            """Return what a rule says. Called only for rules that fire."""

    class Atlas(Protocol):
        """What was mined from the releases' files."""

        def beside(self, distributions: Mapping[str, Distribution], is_complete: bool) -> Links:
            """Return what the atlas says of these distributions. `is_complete` tells that nothing else is installed."""

    class Miner(Protocol):
        """Who reads installed files. The check is handed one, or does without."""

        def __call__(self, wanted: Sequence[Distribution]) -> Iterable[Surface]:
            """Return what the files of these distributions tell, of those that can be read."""

    class Members(Protocol):
        """What the modules of one package offer and its callables take, each with its releases: bit N stands for release N."""

        package: str
        versions: tuple[str, ...]

        def items(self, section: str, subject: str) -> Mapping[str, int]:
            """Return the items of a subject of "offers" or "takes"; none for one that is not known."""

        def subjects(self, section: str, name: str) -> list[str]:
            """Return the subjects `MODULE:NAME` of a section, whatever the module."""

    class Links(Protocol):
        """What installed packages ask of each other, by their versions alone: guards are for the caller to judge."""

        unread: tuple[str, ...]
        """Installed packages of the atlas whose release it does not know."""
        mined: frozenset[str]
        """Installed packages whose release was read from the installed files."""

        def faults(self) -> Sequence[Fault]:
            """Return what is asked and not there."""

        def carried(self, package: str, entry: str) -> Sequence[Rest]:
            """Return the entries of installed packages that rest on an entry of a package."""

        def has(self, module: str) -> bool | None:
            """Tell whether a module can be found."""

        def offers(self, module: str, name: str) -> bool | None:
            """Tell whether a module offers a name."""

        def answer(self, module: str, function: str, arguments: str) -> str | None:
            """Return the guard under which a helper of the installed release answers yes; None where that is not known."""

        def state(self, package: str) -> int:
            """Return the bit of a package's installed release, those of its neighbours where it lies between two, or 0."""

        def members(self, package: str) -> Members:
            """Return the look-ups into a package. Raises KeyError for one that the atlas does not have."""

        def brings(self, module: str) -> str:
            """Return the package of the atlas that brings a root module, "" for none."""

        def cures(
            self, package: str, modules: Sequence[str], entries: Collection[str], holds: Callable[[str], bool | None]
        ) -> tuple[tuple[str | None, ...], str | None]:
            """Return the versions of each partner, and of the package, with which these entries have no fault; None where there are none.

            `modules` are the partners' root modules. `holds` judges a guard.
            """


class Fault(Record):
    """One thing that an entry of an installed package asks for and cannot have, if its guard holds.

    `kind` is name, module, package, argument or refused. `partner` is the distribution asked, "" where a refusal is about none, `root` its
    module. `gone` is the release that no longer has it, `since` the first later one that has it: one of them at most.
    """

    kind: str
    package: str
    entry: str
    target: str
    guard: str
    module: str
    partner: str = ""
    root: str = ""
    gone: str = ""
    since: str = ""
    exact: bool = True
    """Both releases are known; else one lies between two known ones that agree."""


class Rest(Record):
    """An entry that imports a module whose own entry is broken, if its guard holds."""

    package: str
    entry: str
    target: str
    guard: str
    module: str


class Prose(Record):
    """The words of a rule."""

    title: str
    message: str
    why: str
    silent: bool
    remedies: tuple[Remedy, ...]
    links: tuple[str, ...]
