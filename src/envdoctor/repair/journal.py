"""The record of every repair, written before anything is touched: one folder a repair in the user's state folder, for `envdoctor undo`.

A folder holds `journal.json`, the files as they were before, and a lock. It is the user's alone to read, for it may hold an index's
password. What is done with a record stands elsewhere.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time

from envdoctor.model.errors import RepairError, UsageError
from envdoctor.model.record import Record
from envdoctor.repair.documents import digest
from envdoctor.repair.files import write_durably

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

SCHEMA = 1
MOST = 50
"""How many repairs are kept. One that was interrupted is kept beyond that."""
PLANNED, WRITING, DONE, UNDONE, FAILED = "planned", "writing", "done", "undone", "failed"
STATUSES = {
    PLANNED: "written down, and nothing touched",
    WRITING: "in work, or interrupted",
    DONE: "applied",
    UNDONE: "put back",
    FAILED: "failed half-way",
}
_NAME = "journal.json"


class Backup(Record):
    """One file of a repair: where it lies, its digest before and after, and which file of the folder holds what it was."""

    place: str
    backup: str
    before: str
    after: str
    mode: int


class Moved(Record):
    """One package of a repair, as the environment had it. `before` and `after` are versions, None where it was not or goes.

    `again` is the requirement that brings the old one back; `caution` says what it cannot bring back, "" where it brings back all.
    """

    name: str
    before: str | None
    after: str | None
    again: str = ""
    caution: str = ""


class Site(Record):
    """The environment of a repair. `options` are the installer's words of the repair; `installed` is all that was there before."""

    python: str
    prefix: str
    options: tuple[str, ...]
    moves: tuple[Moved, ...]
    installed: Mapping[str, str]


class Repair(Record):
    """One repair. `folder` is where it is kept, `date` the UTC time of its beginning, `pid` the process that began it."""

    id: str
    folder: str
    date: str
    command: tuple[str, ...]
    status: str
    pid: int
    error: str = ""
    documents: tuple[Backup, ...] = ()
    site: Site | None = None

    @property
    def is_open(self) -> bool:
        """Whether it stopped before it was done, or is at work."""
        return self.status in (PLANNED, WRITING, FAILED)


def repairs_folder(environ: Mapping[str, str] | None = None) -> str:
    """Return the folder of all repairs: in XDG_STATE_HOME, LOCALAPPDATA on Windows, ~/Library/Application Support on macOS."""
    known = os.environ if environ is None else environ
    for name in ("XDG_STATE_HOME", *(("LOCALAPPDATA",) if sys.platform == "win32" else ())):
        if os.path.isabs(known.get(name, "")):
            return os.path.join(known[name], "envdoctor", "repairs")
    usual = ("Library", "Application Support") if sys.platform == "darwin" else (".local", "state")
    return os.path.join(os.path.expanduser("~"), *usual, "envdoctor", "repairs")


def begin(top: str, command: Sequence[str]) -> Repair:
    """Start the record of a repair, in a folder of its own. Raises RepairError where nothing can be kept."""
    now = time.gmtime()
    stem = time.strftime("%Y%m%d-%H%M%S", now)
    try:
        os.makedirs(top, mode=0o700, exist_ok=True)
        number = 1
        while True:
            name = stem if number == 1 else f"{stem}-{number}"
            try:
                os.mkdir(os.path.join(top, name), 0o700)
                break
            except FileExistsError:  # another repair of this second
                number += 1
    except OSError as error:
        raise RepairError(_unkept(top, error)) from None
    date = time.strftime("%Y-%m-%dT%H:%M:%SZ", now)
    return save(Repair(id=name, folder=os.path.join(top, name), date=date, command=tuple(command), status=PLANNED, pid=os.getpid()))


def keep(repair: Repair, place: str, data: bytes, after: str) -> Repair:
    """Keep what a file was, and return the record with it. Raises RepairError."""
    name = f"{len(repair.documents) + 1}-{os.path.basename(place)[:100]}"
    try:
        mode = os.stat(place).st_mode & 0o7777
        write_durably(os.path.join(repair.folder, name), data)
    except OSError as error:
        raise RepairError(_unkept(repair.folder, error)) from None
    kept = Backup(place=place, backup=name, before=digest(data), after=after, mode=mode)
    return repair.replace(documents=(*repair.documents, kept))


def save(repair: Repair, **changes: Any) -> Repair:
    """Write a record with changes to the disk, and return it. Raises RepairError."""
    fresh = repair.replace(**changes)
    text = json.dumps(to_mapping(fresh), indent=1) + "\n"
    try:
        write_durably(os.path.join(fresh.folder, _NAME), text.encode())
    except OSError as error:
        raise RepairError(_unkept(fresh.folder, error)) from None
    return fresh


def fail(repair: Repair, error: str) -> None:
    """Note that a repair has failed; where even that cannot be written, the record goes on saying that it is at work, which is open too."""
    try:
        save(repair, status=FAILED, error=error)
    except RepairError:
        pass


def forget(repair: Repair) -> None:
    """Remove the record of a repair that has changed nothing."""
    shutil.rmtree(repair.folder, ignore_errors=True)


def identities(top: str) -> list[str]:
    """Return the identities of all repairs, the oldest first."""
    try:
        names = [name for name in os.listdir(top) if all(part.isdecimal() for part in name.split("-"))]
    except OSError:
        return []
    found = [name for name in names if os.path.isfile(os.path.join(top, name, _NAME))]
    return sorted(found, key=lambda name: [int(part) for part in name.split("-")])


def find(top: str, identity: str) -> Repair:
    """Return one repair. Raises UsageError where there is none, RepairError for a record that cannot be read."""
    known = identities(top)
    if identity not in known:
        from difflib import get_close_matches

        near = get_close_matches(identity, known, 1)
        hint = f"; did you mean {near[0]}?" if near else "; `envdoctor undo --list` names them all"
        raise UsageError(f"undo: there is no repair {identity!r}{hint}")
    path = os.path.join(top, identity, _NAME)
    try:
        with open(path, "rb") as file:
            return from_mapping(json.loads(file.read()), os.path.join(top, identity))
    except OSError as error:
        raise RepairError(f"{path} cannot be read ({error.strerror or error}); the files as they were may lie beside it") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise RepairError(f"{path} is damaged; the files as they were lie beside it") from None


def prune(top: str, most: int = MOST) -> None:
    """Remove the oldest repairs but so many, except those that were interrupted and not put back yet."""
    for identity in identities(top)[:-most]:
        try:
            repair = find(top, identity)
        except RepairError:  # damaged, or of another edition: not ours to remove
            continue
        if not repair.is_open:
            forget(repair)


def to_mapping(repair: Repair) -> dict[str, Any]:
    """Return a record as data for JSON."""
    told: dict[str, Any] = {"schema": SCHEMA, **{name: getattr(repair, name) for name in ("id", "date", "status", "pid", "error")}}
    told["command"] = list(repair.command)
    told["documents"] = [_plain(one) for one in repair.documents]
    told["environment"] = None
    if repair.site is not None:
        told["environment"] = {**_plain(repair.site), "moves": [_plain(one) for one in repair.site.moves]}
    return told


def _plain(record: Record) -> dict[str, Any]:
    told = {name: getattr(record, name) for name in type(record)._fields}  # type: ignore[attr-defined]
    return {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()}


def from_mapping(told: Mapping[str, Any], folder: str) -> Repair:
    """Return the record that data of JSON holds. Raises RepairError for another schema, ValueError and its like for a damaged one."""
    if told["schema"] != SCHEMA:
        raise RepairError(f"{folder}: is a record of another edition (schema {told['schema']}); use the envdoctor that wrote it")
    if told["status"] not in STATUSES:
        raise ValueError(told["status"])
    site = told["environment"]
    return Repair(
        id=told["id"],
        folder=folder,
        date=told["date"],
        command=tuple(told["command"]),
        status=told["status"],
        pid=int(told["pid"]),
        error=told["error"],
        documents=tuple(Backup(**one) for one in told["documents"]),
        site=None
        if site is None
        else Site(**{**site, "options": tuple(site["options"]), "moves": tuple(Moved(**one) for one in site["moves"])}),
    )


def _unkept(folder: str, error: OSError) -> str:
    reason = error.strerror or error
    return (
        f"{folder}: the record of the repair cannot be written ({reason}), and without it nothing could be undone. "
        "Make room, or set XDG_STATE_HOME to a folder that can be written to"
    )
