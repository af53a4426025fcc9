"""The part of `envdoctor fix` that rewrites training scripts for the installed or the targeted releases."""

from __future__ import annotations

import os
import sys

from envdoctor.cli.check import configuration, target
from envdoctor.cli.options import FLAG, LIST, Option
from envdoctor.model.errors import UsageError
from envdoctor.model.record import Record
from envdoctor.model.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from envdoctor.cli.options import Values
    from envdoctor.cli.terminal import Patience
    from envdoctor.model.plan import Edit
    from envdoctor.repair.documents import Document
    from envdoctor.repair.script_edits import Rewriting
    from envdoctor.repair.script_patient import Ground, Named, Way

OPTIONS: tuple[Option, ...] = (
    Option(name="target", kind=LIST, metavar="NAME==VERSION", help="rewrite a script for this release instead of the installed one"),
    Option(name="unsafe", kind=FLAG, help="make changes of a script that may change its numbers, too"),
)
_ELSEWHERE = ("apply", "script", "prove", "upgrade", "offline")
"""Options about environments and lists, which mean nothing for a script."""


class Rewritten(Record):
    """One script, as it was read and as it would be beside the releases of `place`. `roots` are the modules that it imports."""

    document: Document
    rewriting: Rewriting
    edits: tuple[Edit, ...]
    place: Ground
    roots: frozenset[str]


def run_script(values: Values, words: Sequence[str]) -> int:
    """Rewrite the scripts named. Returns 0 where nothing is left to do, 1 where something is."""
    for name in _ELSEWHERE:
        if values.get(name):
            raise UsageError(f"--{name} is about environments; a script is rewritten with --write, or with --output into another file")
    from envdoctor.cli.deep import Deep
    from envdoctor.cli.terminal import Patience
    from envdoctor.repair.script_patient import ground, other_way, targets_of

    asked = _request(values)
    targets = targets_of(values.get("target") or ())
    with Patience("examining", values["quiet"]) as patience:
        place = ground(asked, os.environ, targets, Deep(patience))
        for name in place.unknown(targets):
            raise UsageError(f"--target {name}=={targets[name]}: the atlas does not know this release; `envdoctor atlas update` may")
        done = _all_rewritten(values["paths"], place, asked, patience, unsafe=bool(values.get("unsafe")))
        sick = [one for one in done if one.rewriting.steps or one.rewriting.left]
        alike = sick and all(one.place is sick[0].place for one in sick) and not values["quiet"]
        way = other_way(sick[0].place, [(one.document.text, one.document.path) for one in sick]) if alike else None
    if values["write"] or values["output"]:
        return _write(done, values, words)
    _show(done, place, way, values)
    from envdoctor.cli.fix_script_screen import is_judged

    return 1 if sick or not all(is_judged(one) for one in done) else 0


def _request(values: Values) -> Request:
    return Request(
        paths=values["paths"], python=values["python"], freeze=values["freeze"], target=target(values), deep=configuration(values).deep
    )


def _all_rewritten(paths: Sequence[str], place: Named, asked: Request, patience: Patience, *, unsafe: bool) -> list[Rewritten]:
    """Rewrite scripts, and those of folders; what cannot be read in a folder is left out and told. Raises InputError."""
    from envdoctor.facts.folders import scripts_below
    from envdoctor.model.errors import EnvdoctorError
    from envdoctor.report.plain import clean

    done = []
    for named in paths:
        if not os.path.isdir(named):
            done.append(_rewritten(named, place, asked, unsafe=unsafe))
            continue
        files = list(scripts_below(named))
        for number, path in enumerate(files, 1):
            patience.say(f"reading {path} ({number:,} of {len(files):,})")
            try:
                done.append(_rewritten(path, place, asked, unsafe=unsafe))
            except EnvdoctorError as error:
                sys.stderr.write(f"envdoctor: left out: {clean(str(error))}\n")
    return done


def _rewritten(path: str, place: Named, asked: Request, *, unsafe: bool) -> Rewritten:
    from envdoctor.repair.documents import read
    from envdoctor.repair.script_edits import Rewriting, rewrite
    from envdoctor.script import read as read_script

    document = read(path)
    script = read_script(document.text, path)
    own = place.under(script, asked, os.environ)
    sick = bool(own.judge.misuses(script))
    rewriting = rewrite(document.text, path, own.judge, unsafe=unsafe) if sick else Rewriting(text=document.text)
    roots = frozenset(found.name.partition(".")[0] for found in script.imports)
    return Rewritten(document=document, rewriting=rewriting, edits=_edits(document, rewriting.text) if sick else (), place=own, roots=roots)


def _edits(document: Document, fresh: str) -> tuple[Edit, ...]:
    """Return the lines that differ as edits of the document."""
    from difflib import SequenceMatcher

    from envdoctor.model.plan import Edit

    old, new = document.text.splitlines(keepends=True), fresh.splitlines(keepends=True)
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    found = []
    for kind, first, last, start, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            found.append(
                Edit(
                    document=document.path,
                    start=starts[first],
                    end=starts[last],
                    old="".join(old[first:last]),
                    new="".join(new[start:end]),
                    because="the script is written for other releases",
                )
            )
    return tuple(found)


def _write(done: list[Rewritten], values: Values, words: Sequence[str]) -> int:
    from envdoctor.cli.fix_script_screen import ScriptScreen

    changed = [one for one in done if one.edits]
    screen = ScriptScreen(values)
    identity = ""
    if values["output"]:
        from envdoctor.cli.check import write_whole

        if len(done) != 1:
            raise UsageError("--output names one file; give one script, or use --write")
        write_whole(values["output"], done[0].rewriting.text)
        paths = [values["output"]]
    else:
        from envdoctor.model.plan import Plan
        from envdoctor.repair.apply import apply

        plan = Plan(edits=tuple(edit for one in changed for edit in one.edits))
        applied = apply(plan, [one.document for one in changed], command=["envdoctor", "fix", *words])
        identity = applied.repair.id if applied.repair else ""
        paths = [one.document.path for one in changed]
    screen.written(done, paths, identity)
    return 1 if any(one.rewriting.left for one in done) else 0


def _show(done: list[Rewritten], place: Ground, way: Way | None, values: Values) -> None:
    from envdoctor.cli.terminal import put

    form = values["format"] or values["plan"]
    if form == "diff":
        put("".join(line + "\n" for one in done for line in difference(one)))
    elif form == "json":
        import json

        put(json.dumps(_told(done, place, way), indent=2, ensure_ascii=False) + "\n")
    else:
        from envdoctor.cli.fix_script_screen import ScriptScreen

        ScriptScreen(values).show(done, way)


def difference(one: Rewritten) -> list[str]:
    """Return the unified diff of a script, in lines without their ends; none where it stays as it is."""
    from envdoctor.repair.edits import diff

    return [line for lines in diff([one.document], one.edits).values() for line in lines] if one.edits else []


def _releases(place: Ground) -> dict[str, str | None]:
    return {name: found.version for name, found in sorted(place.snapshot.distributions.items()) if place.judge.surface.state(name)}


def _told(done: list[Rewritten], place: Ground, way: Way | None) -> dict[str, Any]:
    return {
        "schema": 1,
        "scripts": [
            {
                "path": one.document.path,
                "steps": [
                    {"line": step.location.line, "column": step.location.column, "safety": step.safety, "does": step.said}
                    for step in one.rewriting.steps
                ],
                "left": [
                    {
                        "line": left.misuse.location.line,
                        "column": left.misuse.location.column,
                        "name": left.misuse.name,
                        "in": left.misuse.callable or None,
                        "package": left.misuse.package,
                        "safety": left.safety,
                        "why": left.why,
                    }
                    for left in one.rewriting.left
                ],
                "edits": [{"start": edit.start, "end": edit.end, "old": edit.old, "new": edit.new} for edit in one.edits],
                **({} if one.place is place else {"for": _releases(one.place)}),
            }
            for one in done
        ],
        "for": _releases(place),
        "other_way": None
        if way is None
        else {"moves": [{"name": name, "from": old, "to": new} for name, old, new in way.moves], "errors": list(way.errors)},
    }
