"""Puts a repair back: files from what was kept of them, packages by version or from where they came; also one that stopped half-way."""

from __future__ import annotations

import os
from contextlib import ExitStack

from envdoctor.model.errors import EditRefused, RepairError
from envdoctor.repair import journal
from envdoctor.repair.documents import digest
from envdoctor.repair.files import Replacement, Replacing, forget_parts, write_durably
from envdoctor.repair.installer import Installer
from envdoctor.repair.journal import UNDONE, WRITING, Repair
from envdoctor.repair.lock import NAME, hold
from envdoctor.repair.prospect import BEFORE, CHANGED, Prospect, prospect
from envdoctor.repair.returning import bring_back, sweep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def undo(
    repair: Repair,
    *,
    force: bool = False,
    quiet: bool = False,
    say: Callable[[str], None] = lambda text: None,
    environ: Mapping[str, str] | None = None,
) -> Prospect:
    """Put a repair back, and return what was found before; what is as before already is left alone.

    `force` also puts back what somebody else changed since (what a file held then is kept with the record), and leaves out what cannot
    come back. Raises EditRefused or RepairError; what was put back until then stays so, and the rest can be put back later.
    """
    variables = os.environ if environ is None else environ
    site = repair.site
    with ExitStack() as stack:
        lock = None
        if site is not None and os.path.isdir(site.prefix):
            lock = stack.enter_context(hold(os.path.join(site.prefix, NAME), f"the environment {site.prefix}"))
        own = stack.enter_context(hold(os.path.join(repair.folder, "lock"), f"the repair {repair.id}"))
        repair = journal.find(os.path.dirname(repair.folder), repair.id)  # once more: it may have ended, or been put back, in between
        found = prospect(repair, variables)
        if repair.is_open and site is not None and found.packages:
            sweep(site, variables)
            found = prospect(repair, variables)
        if repair.status == UNDONE:
            return found
        if found.changed and not force:
            raise EditRefused(
                f"since the repair {repair.id}, {'; '.join(found.changed)}; nothing was put back. --force does it all the same"
            )
        for backup in repair.documents:
            forget_parts(backup.place, repair.id)
        wanted = _contents(found)
        repair = journal.save(repair, status=WRITING)
        try:
            _keep_changed(found)
            replacing = Replacing(wanted)
            replacing.prepare()
            replacing.commit()
            if site is not None and any(one.state != BEFORE for one in found.packages):
                installer = Installer(site.python, variables, repair.folder, lock or own, quiet=quiet)
                bring_back(site, [one for one in found.packages if one.state != BEFORE], installer, variables, force=force, say=say)
                if found.repair.is_open:
                    sweep(site, variables)
        except BaseException as error:
            journal.fail(repair, f"while it was put back: {str(error) or 'interrupted'}")
            raise
        journal.save(repair, status=UNDONE, error="")
    return found


def _contents(found: Prospect) -> list[Replacement]:
    """Return what every file is to hold again. Raises RepairError where what was kept is damaged."""
    wanted = []
    for one in found.files:
        if one.state == BEFORE:
            continue
        path = os.path.join(found.repair.folder, one.backup.backup)
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError as error:
            raise RepairError(f"{path} cannot be read ({error.strerror or error}), so {one.backup.place} cannot be put back") from None
        if digest(data) != one.backup.before:
            raise RepairError(f"{path} is damaged, so {one.backup.place} cannot be put back; look whether it is of use by hand")
        wanted.append(Replacement(place=one.backup.place, data=data, before=one.now, tag=found.repair.id, mode=one.backup.mode))
    return wanted


def _keep_changed(found: Prospect) -> None:
    """Keep what somebody else wrote into a file, beside what the repair kept of it. Raises RepairError."""
    for one in found.files:
        if one.state == CHANGED:
            try:
                with open(one.backup.place, "rb") as file:
                    write_durably(os.path.join(found.repair.folder, f"{one.backup.backup}.changed"), file.read())
            except OSError as error:
                raise RepairError(f"{one.backup.place} cannot be kept ({error.strerror or error}); nothing was put back") from None
