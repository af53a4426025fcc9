"""`envdoctor atlas list|show|diff|who-needs|update`."""

from __future__ import annotations

from envdoctor.cli import atlas_update
from envdoctor.cli.options import FLAG, VALUE, Operand, Option, explain, scan
from envdoctor.cli.terminal import put
from envdoctor.model.errors import UsageError
from envdoctor.model.names import normalise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from envdoctor.cli.options import Values
    from envdoctor.knowledge.atlas.artefact import CompiledAtlas

ACTIONS: dict[str, str] = {
    "list": "List the packages of the atlas",
    "show": "Show in which releases a name or a module is, and with which parameters",
    "diff": "Show what came and went between two releases: names, parameters, requirements",
    "who-needs": "Show which releases of which packages need a module or a name, and for what",
    "update": atlas_update.SUMMARY,
}
_FORMAT = Option(name="format", help="output format (default: text)", kind=VALUE, choices=("text", "json"), default="text")
_ALL = Option(name="all", kind=FLAG, help="private names too, and every line")
TABLE: dict[str, tuple[tuple[Option, ...], Operand | None]] = {
    "list": ((_FORMAT,), None),
    "show": ((_FORMAT, _ALL), Operand(name="words", metavar="PACKAGE [NAME]", help="package, and NAME, MODULE or MODULE:NAME", least=1)),
    "diff": ((_FORMAT, _ALL), Operand(name="words", metavar="PACKAGE OLD NEW", help="package and two of its releases", least=3, most=3)),
    "who-needs": ((_FORMAT,), Operand(name="words", metavar="NAME", help="module or name, such as torch.int1", least=1, most=1)),
    "update": (atlas_update.OPTIONS, atlas_update.OPERAND),
}
_MOST = 12  # names in one line before they are counted
_HEADINGS = {
    "modules": "modules",
    "offers": "names",
    "callables": "callables",
    "takes": "parameters",
    "requires": "requirements",
    "tags": "wheels and Python",
    "needs": "needs",
    "passes": "arguments it passes",
    "refuses": "what it refuses",
    "reads": "environment variables",
    "deprecates": "deprecations",
}
_SENTENCES = ("requires", "refuses", "deprecates")
"""Sections whose items are long: one in a line."""
_HIDDEN = ("answers",)  # of no interest to a reader: conditions that helpers answer with


def run(words: Sequence[str]) -> int:
    """Run `envdoctor atlas ...`."""
    if not words or words[0] in ("-h", "--help"):
        lines = "\n".join(f"  {name:<10} {text}" for name, text in ACTIONS.items())
        put(f"Usage: envdoctor atlas ACTION [OPTIONS]\n\nActions:\n{lines}\n\n`envdoctor atlas ACTION --help` explains an action.\n")
        return 0
    action = words[0]
    if action not in ACTIONS:
        raise UsageError(f"atlas: no such action: {action!r}{_meant(action, ACTIONS, '; actions are ' + ', '.join(ACTIONS))}")
    options, operand = TABLE[action]
    values = scan(words[1:], options, operand) or explain(words[1:], f"envdoctor atlas {action}", ACTIONS[action], options, operand)
    if action == "update":
        return atlas_update.run(values)
    return {"list": _list, "show": _show, "diff": _diff, "who-needs": _who_needs}[action](values, _open())


def _open() -> CompiledAtlas:
    from envdoctor.knowledge.atlas.load import open_atlas

    atlas = open_atlas()
    if atlas is None:
        raise UsageError("atlas: there is no atlas here; `envdoctor atlas update` mines one")
    return atlas


def _meant(word: str, words: Iterable[str], otherwise: str = "") -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, list(words), 3)
    return f"; did you mean {' or '.join(near)}?" if near else otherwise


def _package(action: str, word: str, atlas: CompiledAtlas) -> str:
    name = normalise(word)
    if name not in atlas.packages:
        hint = _meant(name, atlas.packages, "; `envdoctor atlas list` names them all")
        raise UsageError(f"atlas {action}: the atlas does not have {word!r}{hint}")
    return name


def _json(data: Any) -> int:
    import json

    put(json.dumps(data, indent=2) + "\n")
    return 0


def _list(values: Values, atlas: CompiledAtlas) -> int:
    rows = []
    for name in atlas.packages:
        releases = atlas.text(name, ()).releases
        if releases:
            first, last = releases[0], releases[-1]
            rows.append((name, len(releases), first.version, last.version, last.date))
    if values["format"] == "json":
        return _json([dict(zip(("package", "releases", "first", "newest", "date"), row)) for row in rows])
    width = max((len(row[0]) for row in rows), default=0)
    lines = [f"{name:<{width}}  {count:>4} releases, {first} to {last} {date}".rstrip() for name, count, first, last, date in rows]
    put("\n".join(lines) + "\n")
    return 0


def _show(values: Values, atlas: CompiledAtlas) -> int:
    from envdoctor.knowledge.atlas import history

    words = values["words"]
    if len(words) > 2:
        raise UsageError("atlas show: takes a package, and one name or module of it")
    package = _package("show", words[0], atlas)
    if len(words) == 1:
        return _overview(values, atlas, package)
    text = atlas.text(package, ("offers", "takes", "deprecates"))
    found = history.find(text, words[1]) or history.find(text, ":".join(words[1].rsplit(".", 1)))
    if found is None:
        hint = _meant(words[1], history.names_of(text), "; a name that no known release has")
        raise UsageError(f"atlas show: {package} does not have {words[1]!r}{hint}")
    if values["format"] == "json":
        return _json(found)
    lines = [f"{package}: {found['asked']}"]
    width = max((len(where) for where in found["places"]), default=0)
    lines += [f"  {where:<{width}}  {history.spell(told)}" for where, told in found["places"].items()]
    lines += [f"  deprecated: {notice}  {history.spell(told)}" for notice, told in found["notices"].items()]
    for function, parameters in found["parameters"].items():
        width = max(map(len, parameters), default=0)
        lines += ["", f"{function} takes" if parameters else f"{function} takes nothing"]
        lines += [f"  {name:<{width}}  {history.spell(told)}" for name, told in parameters.items()]
    if found["names"]:
        names = [name for name in found["names"] if values["all"] or not name.startswith("_")]
        lines += ["", *_wrapped(f"{len(names)} names: {_some(names, values['all'])}")]
    put("\n".join(lines) + "\n")
    return 0


def _overview(values: Values, atlas: CompiledAtlas, package: str) -> int:
    from envdoctor.knowledge.atlas import history

    text = atlas.text(package)
    counts = history.counts(text, len(text.releases) - 1)
    if values["format"] == "json":
        releases = [{"version": one.version, "date": one.date, "yanked": one.yanked} for one in text.releases]
        return _json({"package": package, "releases": releases, "newest": counts})
    first, last = text.releases[0], text.releases[-1]
    lines = [f"{package}: {len(text.releases)} releases, {first.version} to {last.version} {last.date}".rstrip()]
    yanked = [one.version for one in text.releases if one.yanked]
    if yanked:
        lines += _wrapped(f"  yanked: {', '.join(yanked)}")
    width = max(map(len, counts), default=0)
    lines += ["", f"in {last.version}", *(f"  {name:<{width}}  {count:>6}" for name, count in counts.items() if count)]
    put("\n".join(lines) + "\n")
    return 0


def _some(names: Sequence[str], everything: bool) -> str:
    shown = list(names) if everything else list(names[:_MOST])
    return ", ".join(shown) + (f" and {len(names) - len(shown)} more" if len(names) > len(shown) else "")


def _diff(values: Values, atlas: CompiledAtlas) -> int:
    from envdoctor.knowledge.atlas import history

    word, *versions = values["words"]
    package = _package("diff", word, atlas)
    text = atlas.text(package)
    places = []
    for version in versions:
        number = history.place(text, version)
        if number is None:
            raise UsageError(f"atlas diff: the atlas does not have {package} {version}{_meant(version, text.versions)}")
        places.append(number)
    told = history.changes(text, places[0], places[1], everything=values["all"])
    if values["format"] == "json":
        return _json({"package": package, "old": text.versions[places[0]], "new": text.versions[places[1]], "changes": told})
    lines = [f"{package} {text.versions[places[0]]} to {text.versions[places[1]]}"]
    for section in [name for name in _HEADINGS if name in told] + [name for name in told if name not in (*_HEADINGS, *_HIDDEN)]:
        found = []
        for subject, sides in sorted(told[section].items()):
            for sign, side in (("-", "gone"), ("+", "new")):
                names = sides.get(side, ())
                if section in _SENTENCES:
                    found += [line for name in names for line in _wrapped(f"  {sign} {subject}{': ' if subject else ''}{name}")]
                elif names:
                    found += _wrapped(f"  {sign} {subject}{': ' if subject else ''}{_some(names, values['all'])}")
        if found:
            lines += ["", _HEADINGS.get(section, section), *found]
    put("\n".join(lines if len(lines) > 1 else [f"{lines[0]}: nothing that the atlas knows of"]) + "\n")
    return 0


def _wrapped(line: str) -> list[str]:
    import sys
    from textwrap import wrap

    from envdoctor.cli.terminal import width

    return wrap(line, width(sys.stdout), subsequent_indent="      ", break_long_words=False, break_on_hyphens=False)


def _who_needs(values: Values, atlas: CompiledAtlas) -> int:
    from envdoctor.knowledge.atlas import history

    asked = values["words"][0].replace(":", ".")
    found = [row for name in atlas.packages for row in history.needing(atlas.text(name, ("needs", "passes")), asked)]
    if values["format"] == "json":
        return _json(found)
    if not found:
        put(f"no release that the atlas knows needs {asked}\n")
        return 0
    together: dict[tuple[str, str, str, str], list[str]] = {}
    for row in found:
        together.setdefault((row["package"], history.spell(row["releases"]), row["target"], row["guard"]), []).append(row["entry"])
    lines = []
    package = ""
    for (name, releases, target, guard), entries in together.items():
        if name != package:
            lines.append(name)
            package = name
        exact = target.replace(":", ".")
        what = f"{'' if exact == asked else exact + ' '}for {_some(list(dict.fromkeys(entries)), False)}"
        lines.append(f"  {releases}: {what}{f', if {guard}' if guard else ''}")
    put("\n".join(lines) + "\n")
    return 0
