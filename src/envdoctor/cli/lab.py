"""`envdoctor lab prove|sample|run|report|add`: real installations, and how envdoctor's word compares with them."""

from __future__ import annotations

import os
import sys

from envdoctor.cli.options import FLAG, LIST, VALUE, Operand, Option, explain, scan
from envdoctor.cli.terminal import put
from envdoctor.model.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from envdoctor.cli.options import Values
    from envdoctor.lab.case import Wanted
    from envdoctor.lab.environment import Settings
    from envdoctor.lab.tally import Judgement
    from envdoctor.model.rule import Rule

ACTIONS: dict[str, str] = {
    "prove": "Run a rule's reproduction in real environments, on both sides of each bound",
    "sample": "Draw realistic sets of versions, install and run them, and compare with what check says",
    "run": "Install and run given sets of versions",
    "report": "Compare recorded runs with what check says now; installs nothing",
    "add": "Append recorded runs to the checkout's fixtures/realruns/lab.jsonl",
}
_WORK: tuple[Option, ...] = (
    Option(name="python-version", kind=VALUE, metavar="X.Y", default="3.11", help="Python of the environments (default: 3.11)"),
    Option(name="find-links", kind=LIST, metavar="FOLDER", help="more folders of wheels; PIP_FIND_LINKS and UV_FIND_LINKS count too"),
    Option(name="keep-free", kind=VALUE, metavar="GB", number=True, default=12, help="stop when less of the disk is free (default: 12)"),
    Option(name="cache-limit", kind=VALUE, metavar="GB", number=True, default=30, help="most that uv's cache may hold (default: 30)"),
    Option(
        name="child-time", kind=VALUE, metavar="SECONDS", number=True, default=420, help="most that one process may take (default: 420)"
    ),
)
_MANY: tuple[Option, ...] = (
    Option(name="into", kind=VALUE, metavar="FOLDER", help="work folder, one file a set; a second run goes on there"),
    Option(name="jobs", short="j", kind=VALUE, metavar="N", number=True, help="sets at a time (default: one for each core)"),
    Option(name="ray", kind=VALUE, metavar="ADDRESS", help="spread the sets over this Ray cluster"),
)
_RULES = Option(name="rules", help="folder of rule files (default: the checkout's)", kind=VALUE, metavar="FOLDER")
TABLE: dict[str, tuple[tuple[Option, ...], Operand | None]] = {
    "prove": (
        (
            Option(name="all", kind=FLAG, help="every rule that can be run and was not yet"),
            Option(name="write", kind=FLAG, help="write today's date into the rule files whose error was seen"),
            Option(name="only", kind=FLAG, help="only the reproduction as it stands, not the other sides of the bounds"),
            Option(name="limit", kind=VALUE, metavar="MINUTES", number=True, help="begin no new rule after so many minutes"),
            Option(name="output", short="o", kind=VALUE, metavar="FILE", help="append what was seen to this file, a line of JSON each"),
            _RULES,
            *_WORK,
        ),
        Operand(name="ids", metavar="RULE", help="id of a rule"),
    ),
    "sample": (
        (
            Option(
                name="seed", kind=VALUE, metavar="N", number=True, default=0, help="the same seed and day draw the same sets (default: 0)"
            ),
            Option(name="until", kind=VALUE, metavar="DATE", help="last day whose releases count (default: today)"),
            Option(
                name="torch", kind=VALUE, metavar="REQUIREMENT", help="CPU build of torch for most sets (default: the one in your wheels)"
            ),
            Option(name="dry-run", kind=FLAG, help="print the sets, install nothing"),
            *_MANY,
            *_WORK,
        ),
        Operand(name="number", metavar="N", help="how many sets", least=1, most=1),
    ),
    "run": (
        (*_MANY, *_WORK),
        Operand(name="paths", metavar="FILE", help="JSON or JSON lines of sets: id, and install or packages", least=1),
    ),
    "report": (
        (
            Option(name="format", help="output format (default: text)", kind=VALUE, choices=("text", "json"), default="text"),
            Option(name="only", kind=VALUE, choices=("rules", "atlas"), help="judge with one kind of knowledge, as check does"),
        ),
        Operand(name="paths", metavar="PATH", help="work folder, or file of JSON or JSON lines", least=1),
    ),
    "add": (
        (Option(name="fixtures", help="folder of real runs (default: the checkout's)", kind=VALUE, metavar="FOLDER"),),
        Operand(name="paths", metavar="FILE", help="records to add", least=1),
    ),
}


def run(words: Sequence[str]) -> int:
    """Run `envdoctor lab ...`."""
    if not words or words[0] in ("-h", "--help"):
        lines = "\n".join(f"  {name:<7} {text}" for name, text in ACTIONS.items())
        put(f"Usage: envdoctor lab ACTION [OPTIONS]\n\nActions:\n{lines}\n\n`envdoctor lab ACTION --help` explains an action.\n")
        return 0
    action = words[0]
    if action not in ACTIONS:
        raise UsageError(f"lab: no such action: {action!r}; actions are {', '.join(ACTIONS)}")
    options, operand = TABLE[action]
    values = scan(words[1:], options, operand) or explain(words[1:], f"envdoctor lab {action}", ACTIONS[action], options, operand)
    import signal

    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # leave no environment behind, however it is ended
    try:
        return {"prove": _prove, "sample": _sample, "run": _run, "report": _report, "add": _add}[action](values)
    finally:
        signal.signal(signal.SIGTERM, before)


def _settings(values: Values) -> Settings:
    import tempfile

    from envdoctor.lab.environment import Limits, Settings, find_uv, sweep

    folder = values.get("into") or ""
    if folder:
        os.makedirs(folder, exist_ok=True)
    sweep(folder or tempfile.gettempdir())
    limits = Limits(free=values["keep_free"] << 30, cache=values["cache_limit"] << 30, child=float(values["child_time"]))
    links = tuple(os.path.abspath(link) for link in values["find_links"])
    return Settings(
        uv=find_uv(os.environ), folder=os.path.abspath(folder) if folder else "", python=values["python_version"], find_links=links,
        limits=limits,
    )  # fmt: skip


def _sample(values: Values) -> int:
    from datetime import date

    from envdoctor.lab import store
    from envdoctor.lab.draw import draw
    from envdoctor.lab.environment import local_cpu_torch
    from envdoctor.lab.index import Index

    if not values["number"][0].isdecimal():
        raise UsageError(f"lab sample: {values['number'][0]!r} is no number of sets")
    try:
        last = date.fromisoformat(values["until"] or date.today().isoformat())
    except ValueError:
        raise UsageError(f"lab sample --until: {values['until']!r} is no date such as 2026-11-20") from None
    if not values["dry_run"]:
        values["into"] = values["into"] or f"lab-{values['seed']}"
    settings = _settings(values)
    torch = values["torch"] or local_cpu_torch(os.environ, settings.find_links)
    plan = {"seed": values["seed"], "until": last.isoformat(), "torch": torch, "python": settings.python}
    if settings.folder:
        plan = store.plan(settings.folder, plan)
    index = Index(settings, os.environ)
    sets = [
        draw(number, plan["seed"], date.fromisoformat(plan["until"]), index.newest, plan["torch"])
        for number in range(int(values["number"][0]))
    ]
    if values["dry_run"]:
        put("".join(f"{one.id}  {one.group}: {one.intent}\n" + "".join(f"    {step}\n" for step in one.install) for one in sets))
        return 0
    _try(sets, settings, values)
    return _tell([one for one in store.records(settings.folder) if one["id"] in {wanted.id for wanted in sets}])


def _run(values: Values) -> int:
    from envdoctor.lab import store

    values["into"] = values["into"] or "lab-runs"
    settings = _settings(values)
    sets = [one for path in values["paths"] for one in store.wishes(path)]
    _try(sets, settings, values)
    return _tell([one for one in store.records(settings.folder) if one["id"] in {wanted.id for wanted in sets}])


def _try(sets: list[Wanted], settings: Settings, values: Values) -> None:
    """Try those sets that the work folder has no record of."""
    from envdoctor.lab import store, workers

    known = store.done(settings.folder)
    waiting = [one for one in sets if one.id not in known]
    watching = sys.stderr.isatty()
    if len(waiting) < len(sets) and waiting:
        sys.stderr.write(f"{len(sets) - len(waiting)} of {len(sets)} sets were tried before\n")
    try:
        if values["ray"]:
            results = workers.try_on_cluster(waiting, settings, os.environ, values["ray"])
        else:
            results = workers.try_all(waiting, settings, os.environ, values["jobs"] or os.cpu_count() or 1)
        for number, (one, record) in enumerate(results, 1):
            store.keep(settings.folder, record)
            line = f"{number}/{len(waiting)} {one.id} {record['verdict']} {record.get('first_failure') or ''}"
            sys.stderr.write(f"\r\033[K{line}" if watching else line + "\n")
            sys.stderr.flush()
    finally:
        if watching:
            sys.stderr.write("\r\033[K")


def _report(values: Values) -> int:
    from envdoctor.lab import store

    return _tell([record for path in values["paths"] for record in store.records(path)], values["format"], values["only"] or "")


def _tell(records: list[dict[str, Any]], form: str = "text", only: str = "") -> int:
    from envdoctor.lab.tally import count, names_pair, tell
    from envdoctor.lab.verdict import judge_again

    judged = [(record, judgement(record, only)) for record in map(judge_again, records)]
    tally = count(judged)
    if form == "text":
        put(tell(tally))
        return 0
    import json

    rows = [
        {
            "id": record["id"],
            "really": record["verdict"],
            "said": said.verdict if said else None,
            "pair": record.get("pair"),
            "pair_named": names_pair(record, said) if said else None,
            "rules": [rule for rule, _, _ in said.errors] if said else [],
        }
        for record, said in judged
    ]
    told = {name: len(getattr(tally, name)) for name in ("found", "missed", "alarmed", "clear")}
    told.update({name: getattr(tally, name) for name in ("named", "unjudged", "uninstallable", "others_told", "others")})
    put(json.dumps({**told, "sets": rows}, indent=2) + "\n")
    return 0


_PLATFORMS = {"Linux": "linux-x86_64", "macOS": "macos-arm64", "Darwin": "macos-arm64", "Windows": "windows-x86_64"}


def judgement(record: dict[str, Any], only: str = "") -> Judgement | None:
    """Return what a check says of the packages of a record, for SFT on a machine without a GPU; None if nothing was installed."""
    import tempfile

    from envdoctor.diagnosis import check
    from envdoctor.lab.tally import Judgement
    from envdoctor.model.request import Request, Target

    if not record["packages"]:
        return None
    platform = _PLATFORMS.get(str(record.get("platform", "")).partition("-")[0], "linux-x86_64")
    machine = Target(gpus=0, platform=platform, python_version=".".join(str(record["python"]).split(".")[:2]))
    with tempfile.TemporaryDirectory() as folder:
        box = os.path.join(folder, "box.txt")
        with open(box, "w", encoding="utf-8") as file:
            file.writelines(f"{name}=={version}\n" for name, version in record["packages"].items())
        asked = check(Request(freeze=box, purpose="sft", target=machine, only=only), {})
        whole = check(Request(freeze=box, target=machine, only=only), {})
    errors = [(one.rule, frozenset(one.packages), one.message) for one in asked.findings if one.severity == "error"]
    unfit = tuple(use for use, state in whole.uses.items() if state == "unfit")
    return Judgement(verdict=asked.verdict, errors=tuple(errors), unfit=unfit)


def _add(values: Values) -> int:
    from envdoctor.knowledge.load import rules_folder
    from envdoctor.lab import store

    rules = rules_folder()
    folder = values["fixtures"] or (os.path.join(os.path.dirname(rules), "fixtures", "realruns") if rules else "")
    if not os.path.isdir(folder):
        raise UsageError("lab add: no fixtures/realruns here; run this in a checkout of envdoctor, or give --fixtures FOLDER")
    for name in store.add(folder, [record for path in values["paths"] for record in store.records(path)]):
        put(name + "\n")
    return 0


def _prove(values: Values) -> int:
    import json
    import time

    from envdoctor.knowledge.load import read_rules, rules_folder
    from envdoctor.lab.bounds import sides
    from envdoctor.lab.index import Index
    from envdoctor.lab.prove import AS_EXPECTED, OTHERWISE, comparable, observe

    folder = values["rules"] or rules_folder()
    if not folder or not os.path.isdir(folder):
        raise UsageError("lab prove: no folder of rule files here; run this in a checkout of envdoctor, or give --rules FOLDER")
    rules = _chosen(read_rules(folder), values)
    settings = _settings(values)
    index = Index(settings, os.environ)
    end = time.monotonic() + 60 * (values["limit"] or 10**6)
    code = 0
    for rule in rules:
        if time.monotonic() > end:
            put(f"{rule.id}: not begun, the time is up\n")
            continue
        path = os.path.join(folder, rule.family, rule.id + ".toml")
        found = sides(rule.repro.install, _match(path), index.newest, index.oldest)
        put(f"{rule.id}\n")
        for side in found[:1] if values["only"] or not comparable(rule) else found:
            seen = observe(rule, side, settings, os.environ)
            wanted = "error" if side.faulty else "no error"
            put(f"  {side.label}: {wanted} expected, {seen.outcome}: {seen.said} ({seen.seconds:.0f} s)\n")
            code = max(code, seen.outcome == OTHERWISE)
            if values["output"]:
                with open(values["output"], "a", encoding="utf-8") as file:
                    file.write(json.dumps({name: getattr(seen, name) for name in type(seen)._fields}, sort_keys=True) + "\n")  # type: ignore[attr-defined]
            if values["write"] and side is found[0] and seen.outcome == AS_EXPECTED:
                _date(path, seen.date)
    return code


def _chosen(rules: Sequence[Rule], values: Values) -> list[Rule]:
    """Return the rules that were asked for. Raises UsageError for one that cannot be run."""
    known = {rule.id: rule for rule in rules}
    if values["all"] and not values["ids"]:
        return [rule for rule in rules if rule.repro.install and rule.repro.run and not rule.repro.cannot and not rule.repro.reproduced]
    if not values["ids"] or values["all"]:
        raise UsageError("lab prove: name rules, or give --all for those that can be run and were not yet")
    for name in values["ids"]:
        if name not in known:
            raise UsageError(f"lab prove: no such rule: {name!r}; `envdoctor rules list` names them all")
        if not known[name].repro.install or not known[name].repro.run:
            raise UsageError(f"lab prove: {name} has no reproduction that can be run: {known[name].repro.cannot or 'its [repro] is empty'}")
    return [known[name] for name in values["ids"]]


def _match(path: str) -> dict[str, Any]:
    from envdoctor.facts.documents import read_text
    from envdoctor.knowledge.parse import parse_toml

    return dict(parse_toml(read_text(path), path).get("match", {}))


def _date(path: str, day: str) -> None:
    from envdoctor.cli.check import write_whole
    from envdoctor.facts.documents import read_text
    from envdoctor.lab.prove import date_reproduced

    write_whole(path, date_reproduced(read_text(path), day))
