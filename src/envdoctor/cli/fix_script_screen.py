"""A rewritten script for people: what it is written for, what changes, what is left to do by hand, and the other way out."""

from __future__ import annotations

import sys

from envdoctor.cli.terminal import put, wants_colour, width
from envdoctor.report.options import Options
from envdoctor.report.page import Page
from envdoctor.report.plain import ERROR_STYLE, FIT_STYLE, QUIET_STYLE, WARNING_STYLE, clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from envdoctor.cli.fix_script import Rewritten
    from envdoctor.cli.options import Values
    from envdoctor.repair.script_patient import Way

_MOST = 3
"""Errors of another set that are told one by one."""


class ScriptScreen:
    """Writes about rewritten scripts."""

    def __init__(self, values: Values) -> None:
        self._values = values
        colour = wants_colour(values["color"], sys.stdout)
        self._sheet = Page(Options(width=width(sys.stdout), colour=colour, quiet=values["quiet"], verbose=False))

    def show(self, done: Sequence[Rewritten], way: Way | None) -> None:
        """Print what would change."""
        from envdoctor.cli.fix_script import difference

        sheet = self._sheet
        shown = self._worth_showing(done)
        for one in shown:
            self._head(one)
            lines = difference(one)
            if lines:
                sheet.gap()
            for line in lines:
                style = {"+": FIT_STYLE, "-": ERROR_STYLE, "@": QUIET_STYLE}.get(line[:1], "")
                sheet.line([(clean(line), QUIET_STYLE if line.startswith(("+++", "---")) else style)])
            self._left(one)
            sheet.gap()
        self._rest(len(done) - len(shown))
        if way is not None:
            self._way(way)
        paths = [one.document.path for one in done if one.edits]
        if paths:
            sheet.block(("next", QUIET_STYLE), [[(clean(f"envdoctor fix --write {' '.join(paths)}{self._for()}"), "bold")]], whole=True)
        put(sheet.text())

    def written(self, done: Sequence[Rewritten], paths: Sequence[str], identity: str) -> None:
        """Print what was written, and how to go back."""
        sheet = self._sheet
        shown = self._worth_showing(done)
        for one in shown:
            self._head(one)
            self._left(one)
        self._rest(len(done) - len(shown))
        for path in paths:
            sheet.block(("written", FIT_STYLE), [[(clean(path), "bold")]])
        if identity:
            sheet.block(("undo", QUIET_STYLE), [[("envdoctor undo", "")]], whole=True)
        put(sheet.text())

    def _worth_showing(self, done: Sequence[Rewritten]) -> list[Rewritten]:
        """Return the scripts that there is something to say of: of a folder's, those that do not stay as they are."""
        named = self._values["paths"]
        return [one for one in done if one.document.path in named or one.rewriting.steps or one.rewriting.left]

    def _rest(self, count: int) -> None:
        if count:
            told = f"{_counted(count, 'script')} of the folder {'stays as it is' if count == 1 else 'stay as they are'}"
            self._sheet.block(("fit", FIT_STYLE), [[(told, "")]])

    def _head(self, one: Rewritten) -> None:
        path, steps, left = clean(one.document.path), len(one.rewriting.steps), len(one.rewriting.left)
        if not steps and not left and not is_judged(one):
            told = f"{path}: nothing is known of what it imports; name the releases with --python, --freeze or --target"
            self._sheet.block(("unknown", WARNING_STYLE), [[(told, "")]])
            return
        if not steps and not left:
            self._sheet.block(("fit", FIT_STYLE), [[(f"{path} stays as it is: nothing in it is refused", "")]])
            return
        told = f"{path}: {_counted(steps, 'change')} for {self._releases(one)}"
        self._sheet.block(("script", FIT_STYLE if steps else WARNING_STYLE), [[(told, "bold")]])
        if not self._values["quiet"]:
            for step in one.rewriting.steps:
                mark = "" if step.safety == "safe" else f" ({step.safety})"
                self._sheet.block(("", ""), [[(clean(step.said), ""), (mark, WARNING_STYLE)]])

    def _releases(self, one: Rewritten) -> str:
        """Return the releases that matter: those of what the script imports."""
        return clean(", ".join(known_releases(one)) or "these releases")

    def _left(self, one: Rewritten) -> None:
        for left in one.rewriting.left:
            place = f"{left.misuse.location.path}:{left.misuse.location.line}"
            what = f"{left.misuse.name} in {left.misuse.callable}" if left.misuse.callable else left.misuse.name
            why = left.why if left.safety == "manual" else f"{left.why}; --unsafe does it"
            self._sheet.block((left.safety, WARNING_STYLE), [[(clean(what), ""), (clean(f"  {place}"), QUIET_STYLE)], [(clean(why), "")]])

    def _way(self, way: Way) -> None:
        moves = ", ".join(f"{name} {old} to {new}" for name, old, new in way.moves)
        lines = [[(clean(f"keep the script, and move {moves}"), "")]]
        if way.errors:
            more = f" (and {len(way.errors) - _MOST} more)" if len(way.errors) > _MOST else ""
            lines.append([(clean(f"then something else is wrong: {'; '.join(way.errors[:_MOST])}{more}"), "")])
        else:
            lines.append([("nothing else that is known breaks with it", "")])
        self._sheet.block(("or", QUIET_STYLE), lines)
        self._sheet.gap()

    def _for(self) -> str:
        told = "".join(f" --target {word}" for word in self._values.get("target") or ())
        return told + "".join(f" --{name} {self._values[name]}" for name in ("freeze", "python") if self._values[name])


def is_judged(one: Rewritten) -> bool:
    """Tell whether a script can be judged: a release of something that it imports is known, or it imports nothing that the atlas has."""
    return bool(known_releases(one)) or one.roots.isdisjoint(one.place.atlas.brought()[0])


def known_releases(one: Rewritten) -> list[str]:
    """Return the packages that a script imports and that it can be judged by, each with its version."""
    surface, distributions, roots = one.place.judge.surface, one.place.snapshot.distributions, one.roots
    names = [name for name in distributions if surface.state(name) and name.replace("-", "_") in roots]
    return [f"{name} {distributions[name].version}" for name in sorted(names)]


def _counted(count: int, word: str) -> str:
    return f"{count or 'no'} {word}{'' if count == 1 else 's'}"
