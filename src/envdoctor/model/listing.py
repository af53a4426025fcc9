"""What a file says should be, or is, installed: the common result of every format reader."""

from __future__ import annotations

from envdoctor.model.record import Record
from envdoctor.model.script import Location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Load = Callable[[str], str]  # path relative to the file being read -> its text; raises InputError


class Requirement(Record):
    """One line of a listing, before markers are evaluated.

    `name` is normalised. `specifier` is a PEP 440 text (`==2.5.1` for a lock entry); `url` holds a direct reference, a
    version-control reference or an editable path. `marker` is the PEP 508 text, or "". `constraint` lines restrict and do not install.

    `required_by` is empty where the file asks for the line itself. In a lock file that records who needs whom, each pair is the index (in
    the listing) of a requirement that needs this one, -1 for the project itself, and the marker under which it does: the line counts
    only if one of them holds. `build` and `requires` are filled where the file tells them apart from the version.
    """

    name: str
    specifier: str = ""
    extras: tuple[str, ...] = ()
    marker: str = ""
    url: str = ""
    editable: bool = False
    constraint: bool = False
    hashes: tuple[str, ...] = ()
    location: Location | None = None
    required_by: tuple[tuple[int, str], ...] = ()
    build: str = ""
    requires: tuple[str, ...] | None = None


class Listing(Record):
    """All requirements of one file and of what it includes.

    `complete` is True where the file names everything that is installed (a lock file, a freeze, an inspect report), False where a
    resolver still has to add to it. `python` is the file's own `requires-python`, or "".
    `problems` are defects that did not stop the reading, each with its place. `path` is the file that was read.
    """

    kind: str
    requirements: tuple[Requirement, ...]
    complete: bool
    python: str = ""
    problems: tuple[str, ...] = ()
    path: str = ""


def joined(listings: Sequence[Listing]) -> Listing:
    """Return several listings as one, as `pip install -r ONE -r TWO` takes them; it is complete only if all are.

    Kind, path and Python are those of the first. Raises IndexError for none at all.
    """
    first = listings[0]
    if len(listings) == 1:
        return first
    found: list[Requirement] = []
    for listing in listings:
        offset = len(found)
        for requirement in listing.requirements:
            needed_by = tuple((at if at < 0 else at + offset, marker) for at, marker in requirement.required_by)
            found.append(requirement.replace(required_by=needed_by) if needed_by else requirement)
    return first.replace(
        requirements=tuple(found),
        complete=all(listing.complete for listing in listings),
        problems=tuple(problem for listing in listings for problem in listing.problems),
    )


class Installation(Record):
    """What one `pip install` or `pip uninstall` asks for.

    `takes` are its requirements; of those a `constraint` only limits. `leaves` are names that go. `upgrade` tells that what is there is
    replaced by the newest, `follows` that what they need is installed with them. `sure` is False where the command may not run, or fail,
    `whole` False where it asks for more than can be seen. `label` is the local label of the torch builds on the index that it names.
    """

    location: Location
    takes: tuple[Requirement, ...] = ()
    leaves: tuple[str, ...] = ()
    upgrade: bool = False
    follows: bool = True
    sure: bool = True
    whole: bool = True
    label: str = ""
    problems: tuple[str, ...] = ()
