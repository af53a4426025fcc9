"""`envdoctor undo`: puts back what a repair changed."""

from __future__ import annotations

import os
import sys

from envdoctor.cli.options import VALUE, Operand, Option, explain, scan
from envdoctor.model.errors import RepairError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from envdoctor.cli.options import Values
    from envdoctor.repair.journal import Repair
    from envdoctor.repair.prospect import FileState, PackageState, Prospect
    from envdoctor.report.plain import Run

SUMMARY = (
    "Put back what the last repair changed: its files from what was kept of them, its packages at the versions they had. "
    "A repair that was interrupted is put back too."
)
OPTIONS = (
    Option(name="list", help="list the repairs that are kept, the newest first"),
    Option(name="dry-run", help="say what would be put back, and change nothing"),
    Option(name="force", help="put back also what was changed since; leave out what cannot come back"),
    Option(name="format", help="output format (default: text)", kind=VALUE, choices=("text", "json"), default="text"),
    Option(name="quiet", short="q", help="show nothing of what the installer says, and no line for what is put back"),
    Option(name="color", help="colour (default: auto)", kind=VALUE, choices=("auto", "always", "never"), default="auto"),
)
OPERAND = Operand(name="id", metavar="ID", help="the repair to put back (default: the last one)", most=1)
_STYLES = {"planned": "bold yellow", "writing": "bold yellow", "failed": "bold red", "done": "bold green", "undone": "dim"}


def run(words: Sequence[str]) -> int:
    """Run `envdoctor undo ...`. Returns 3 where a dry run finds that it would be refused, else 0."""
    values = scan(words, OPTIONS, OPERAND) or explain(words, "envdoctor undo", SUMMARY, OPTIONS, OPERAND)
    from envdoctor.repair import journal

    top = journal.repairs_folder()
    if values["list"]:
        return _list(values, top)
    known = journal.identities(top)
    identity = values["id"][0] if values["id"] else known[-1] if known else ""
    if not identity:
        return _nothing(values, "nothing to undo: no repair is written down")
    repair = journal.find(top, identity)
    if repair.status == journal.UNDONE:
        earlier = known[: known.index(identity)]
        hint = "; `envdoctor undo --list` lists those before it" if earlier else ""
        return _nothing(values, f"nothing left to undo: the repair {identity} was put back already{hint}")
    return _undo(values, repair)


def _undo(values: Values, repair: Repair) -> int:
    from envdoctor.repair.prospect import prospect
    from envdoctor.repair.undo import undo

    if values["dry_run"]:
        found = prospect(repair, os.environ)
        refused = bool(found.changed) and not values["force"]
        _tell(values, found, "would be put back", _forecast(found, refused))
        return 3 if refused else 0
    found = undo(repair, force=values["force"], quiet=values["quiet"], say=_say)
    _tell(values, found, "put back", _outcome(found))
    return 0


def _forecast(found: Prospect, refused: bool) -> Run:
    if refused:
        return f"would be refused, for {'; '.join(found.changed)}; --force does it all the same", "bold yellow"
    return f"nothing was changed; without --dry-run, this puts back the repair {found.repair.id}", ""


def _outcome(found: Prospect) -> Run:
    identity = found.repair.id
    if found.is_empty:
        again = "; it may be run again" if found.repair.is_open else ""
        return f"all is as it was before the repair {identity} already{again}", "bold green"
    what = "the interrupted repair" if found.repair.is_open else "the repair"
    return f"{what} {identity} is put back", "bold green"


def _say(text: str) -> None:
    from envdoctor.report.plain import clean

    sys.stderr.write(f"envdoctor: {clean(text)}\n")
    sys.stderr.flush()


def _nothing(values: Values, text: str) -> int:
    if values["format"] == "json":
        return _json({"schema": 1, "repair": None, "message": text})
    return _lines(values, [[(text, "")]])


def _tell(values: Values, found: Prospect, done: str, end: Run) -> None:
    if values["format"] == "json":
        _json(
            {
                "schema": 1,
                "repair": found.repair.id,
                "dry_run": values["dry_run"],
                "environment": found.repair.site.prefix if found.repair.site else None,
                "files": [{"path": one.backup.place, "state": one.state} for one in found.files],
                "packages": [
                    {"name": one.moved.name, "now": one.now, "before": one.moved.before, "state": one.state} for one in found.packages
                ],
                "changed": list(found.changed),
                "message": end[0],
            }
        )
        return
    lines: list[list[Run]] = []
    if not values["quiet"]:
        lines = [_file(one, done) for one in found.files] + [_package(one) for one in found.packages]
    _lines(values, [*lines, [end]])


def _file(one: FileState, done: str) -> list[Run]:
    path = _short(one.backup.place)
    if one.state == "as before":
        return [(f"  {path}  as before already", "dim")]
    note = "" if one.state == "as repaired" else f" ({one.state})"
    return [(f"  {path}  {done}{note}", "")]


def _package(one: PackageState) -> list[Run]:
    now, before = one.now or "not installed", one.moved.before or "not installed"
    if one.state == "as before":
        return [(f"  {one.moved.name}  {now}, as before already", "dim")]
    note = ", installed anew" if one.anew else f" ({one.state})" if one.state == "changed since" else ""
    return [(f"  {one.moved.name}  {now} -> {before}{note}", "")]


def _list(values: Values, top: str) -> int:
    from envdoctor.repair import journal

    repairs = []
    for identity in reversed(journal.identities(top)):
        try:
            repairs.append(journal.find(top, identity))
        except RepairError as error:  # one that cannot be read hides no other
            _say(str(error))
    if values["format"] == "json":
        return _json([_listed(repair) for repair in repairs])
    if not repairs:
        return _lines(values, [[("no repair is written down", "")]])
    width = max(len(repair.id) for repair in repairs)
    states = max(len(repair.status) for repair in repairs)
    lines: list[list[Run]] = []
    for repair in repairs:
        command = " ".join(repair.command)
        row = [(f"{repair.id:<{width}}  ", ""), (f"{repair.status:<{states}}", _STYLES[repair.status]), (f"  {_extent(repair)}", "")]
        lines.append([*row, (f"  {command}", "dim")] if command else row)
    return _lines(values, lines)


def _listed(repair: Repair) -> dict[str, Any]:
    """Return what the list says of a repair in JSON: no more than a user asks for, and no password."""
    site = repair.site
    return {
        "repair": repair.id,
        "date": repair.date,
        "status": repair.status,
        "command": list(repair.command),
        "error": repair.error,
        "files": [document.place for document in repair.documents],
        "environment": site.prefix if site else None,
        "packages": [{"name": one.name, "before": one.before, "after": one.after} for one in site.moves] if site else [],
    }


def _extent(repair: Repair) -> str:
    told = [_short(document.place) for document in repair.documents[:2]]
    if len(repair.documents) > 2:
        told.append(f"{len(repair.documents) - 2} more files")
    if repair.site:
        count = len(repair.site.moves)
        told.append(f"{count} package{'s' if count != 1 else ''} of {_short(repair.site.prefix)}")
    return ", ".join(told) or "nothing"


def _short(path: str) -> str:
    """Return a path as a person would write it: from here, or from home."""
    for folder, sign in ((os.getcwd(), ""), (os.path.expanduser("~"), "~" + os.sep)):
        inside = os.path.join(folder, "")
        if path.startswith(inside) and len(inside) > 1:
            return sign + path[len(inside) :]
    return path


def _lines(values: Values, lines: Sequence[Sequence[Run]]) -> int:
    from envdoctor.cli.terminal import put, wants_colour
    from envdoctor.report.plain import clean, paint

    colour = wants_colour(values["color"], sys.stdout)
    put("".join(paint([(clean(text), style) for text, style in line], colour=colour) + "\n" for line in lines))
    return 0


def _json(data: Any) -> int:
    import json

    from envdoctor.cli.terminal import put

    put(json.dumps(data, indent=2) + "\n")
    return 0
