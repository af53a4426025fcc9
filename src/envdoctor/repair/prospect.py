"""What has become of a repair since: what is as it left it, what as before, and what somebody else has changed. Only looks."""

from __future__ import annotations

from envdoctor.model.errors import InputError, RepairError
from envdoctor.model.record import Record
from envdoctor.repair.files import digest_of
from envdoctor.repair.installed import is_whole, survey
from envdoctor.repair.journal import UNDONE, Backup, Moved, Repair
from envdoctor.repair.versions import is_met

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from envdoctor.repair.installed import Environment

BEFORE, AFTER, HALFWAY, CHANGED, DELETED = "as before", "as repaired", "half-way", "changed since", "deleted since"


class FileState(Record):
    """A file of a repair as it is now; `now` is its digest, "" where there is none."""

    backup: Backup
    state: str
    now: str


class PackageState(Record):
    """A package of a repair as it is now; `anew` tells that its version is right and its files are not."""

    moved: Moved
    state: str
    now: str | None
    anew: bool = False


class Prospect(Record):
    """What putting a repair back comes to. `missing` says why its environment cannot be looked at, "" where it can or there is none."""

    repair: Repair
    files: tuple[FileState, ...] = ()
    packages: tuple[PackageState, ...] = ()
    missing: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether all is as before already."""
        return not self.missing and all(
            state == BEFORE for state in [one.state for one in self.files] + [one.state for one in self.packages]
        )

    @property
    def changed(self) -> tuple[str, ...]:
        """What somebody else has changed since, in words."""
        files = [f"{one.backup.place} was {one.state.replace(' since', '')}" for one in self.files if one.state in (CHANGED, DELETED)]
        packages = [f"{one.moved.name} is {one.now or 'not installed'} now" for one in self.packages if one.state == CHANGED]
        return (*files, *packages, *([f"its environment is gone ({self.missing})"] if self.missing else ()))


def prospect(repair: Repair, environ: Mapping[str, str]) -> Prospect:
    """Look at what a repair changed, as it is now. Raises RepairError for a file that cannot be read."""
    if repair.status == UNDONE:
        return Prospect(repair=repair)
    files = tuple(_file(backup) for backup in repair.documents)
    if repair.site is None:
        return Prospect(repair=repair, files=files)
    try:
        environment = survey(repair.site.python, environ)
    except (InputError, RepairError) as error:
        return Prospect(repair=repair, files=files, missing=str(error))
    packages = tuple(_package(moved, environment, is_open=repair.is_open) for moved in repair.site.moves)
    return Prospect(repair=repair, files=files, packages=packages)


def _file(backup: Backup) -> FileState:
    try:
        now = digest_of(backup.place)
    except OSError as error:
        raise RepairError(f"{backup.place} cannot be read ({error.strerror or error}); check its permissions") from None
    states = {"": DELETED, backup.after: AFTER, backup.before: BEFORE}
    return FileState(backup=backup, state=states.get(now, CHANGED), now=now)


def _package(moved: Moved, environment: Environment, *, is_open: bool) -> PackageState:
    now = environment.version(moved.name)
    if now == moved.before:
        found = environment.own.get(moved.name)
        # An installer that was killed may have left a version without all of its files.
        broken = is_open and found is not None and moved.again.startswith(f"{moved.name}==") and not is_whole(found)
        return PackageState(moved=moved, state=HALFWAY if broken else BEFORE, now=now, anew=broken)
    if is_met(now, moved.after, moved.before):
        return PackageState(moved=moved, state=AFTER, now=now)
    return PackageState(moved=moved, state=HALFWAY if is_open else CHANGED, now=now)
