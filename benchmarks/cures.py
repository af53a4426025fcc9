"""How many sets that really break does `envdoctor fix --write` really cure, and how much does it change?

    python benchmarks/cures.py --into FOLDER [--jobs 1] [--only ID ...] [--fix-only] [--peers] [--again]
        [--keep-trained JSONL] fixtures/realruns/cases.jsonl

Sets are read from a file of real runs or from the work folder of `envdoctor lab sample`. Each set becomes a file: its top-level
requirements, one a line, where the resolver chose all the rest; else what `pip freeze` tells of it.
`envdoctor fix --write FILE` repairs the file, as its user would call it. What it leaves is installed with `uv pip install -r FILE` in
a fresh environment, which holds setuptools before where the set's own did, and the lab's stages are run in it: a set that breaks is cured
if all core stages pass. Where the file, installed as it is, gives another set than the recorded one (of newer releases, or with what was
missing), it is run as it is, too, and counts only if it breaks. A set that works must keep every byte of its file.

How much changes is counted over the packages that the file gives as it is: those with another version, or none, in what `uv pip compile`
makes of the file after `fix`, after all versions are struck from it ("upgrade everything"), and in a lock of `uv lock --upgrade`.

The folder keeps one record a set, and one for each file that was installed and run: a second call goes on, `--again` repairs all anew and
installs only what has not been run yet. `--keep-trained` hands on what trained. Call it with the Python 3.11 of an environment that holds
envdoctor as a wheel, with its extra `fix`; torch's CPU build is found through PIP_FIND_LINKS.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import statistics
import sys
import threading
import time
from typing import Any

import tomllib

from envdoctor.lab import workers
from envdoctor.lab.case import Wanted, attempt
from envdoctor.lab.children import run
from envdoctor.lab.environment import BARE, Limits, Settings, find_uv, surroundings, sweep
from envdoctor.lab.store import records, write_json

SEEDS = ("pip", "setuptools", "wheel")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;]+)", re.MULTILINE)
CORE = {
    "torch", "torchao", "torchvision", "transformers", "trl", "peft", "accelerate", "datasets", "bitsandbytes", "tokenizers",
    "huggingface-hub", "numpy", "pandas", "pyarrow",
}  # fmt: skip
FILE, FREEZE = "requirements.txt", "box-freeze.txt"
WORKS, BREAKS = "works", "breaks"

_locks: dict[str, threading.Lock] = {}


class Bench:
    """The folder, the sets, and how to install."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self.folder = os.path.abspath(asked.into)
        for part in ("sets", "runs", "files"):
            os.makedirs(os.path.join(self.folder, part), exist_ok=True)
        self.fix_only, self.peers = asked.fix_only, asked.peers
        self.environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        self.settings = Settings(uv=find_uv(os.environ), folder=self.folder, python=version, limits=Limits(free=asked.keep_free << 30))
        self.sets: dict[str, dict[str, Any]] = {}

    def try_one(self, wanted: Wanted, settings: Settings, environ: dict[str, str]) -> dict[str, Any]:
        """Repair one set, install it and run it, and keep its record."""
        case = self.sets[wanted.id]
        text, form = file_of(case)
        record: dict[str, Any] = {"id": wanted.id, "really": case["verdict"], "form": form, "before": text}
        record["fix"] = self.fix(wanted.id, FILE, text)
        if form == "freeze":
            other = self.fix(wanted.id, FREEZE, text)
            record["same_under_both_names"] = other["after"] == record["fix"]["after"]
            if not record["same_under_both_names"]:
                record["fix_of_freeze"] = other
        after = record["fix"]["after"]
        now = unseeded(self.compiled(text))
        old = unseeded(case["packages"])
        is_another = bool(now) and now != old  # releases that came since, or what was missing and is declared
        if form == "top":
            old = now or old
        record["moved"] = moved(old, self.compiled(after))
        struck = "".join(f"{name}\n" for name in names(text))
        record["upgrade_moved"] = moved(old, self.compiled(struck))
        record["lock_moved"] = moved(old, self.locked(wanted.id, text))
        record["of"] = len(old)
        if not self.fix_only and case["verdict"] == BREAKS:
            record["run"] = self.ran(after, case["venv_seed"], settings, environ)
            if is_another:
                record["run_as_it_was"] = self.ran(text, case["venv_seed"], settings, environ)
            if self.peers:
                record["upgrade_run"] = self.ran(struck, case["venv_seed"], settings, environ)
        record["outcome"] = outcome(record)
        record["date"] = time.strftime("%Y-%m-%d %H:%M")
        record["packages"] = case["packages"]
        write_json(os.path.join(self.folder, "sets", wanted.id + ".json"), record)
        return record

    def is_done(self, record: dict[str, Any]) -> bool:
        """Tell whether nothing is left to do for a set."""
        return self.fix_only or record["really"] == WORKS or ("run" in record and (not self.peers or "upgrade_run" in record))

    def fix(self, name: str, file: str, text: str) -> dict[str, Any]:
        """Let envdoctor repair a file in place, and tell what it wrote, said and took."""
        place = os.path.join(self.folder, "files", name)
        os.makedirs(place, exist_ok=True)
        path = os.path.join(place, file)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        environ = {**self.environ, "XDG_STATE_HOME": os.path.join(self.folder, "state")}
        told = run([sys.executable, "-m", "envdoctor", "fix", "--write", file], 900, environ, place)
        with open(path, encoding="utf-8") as out:
            return {"code": told.code, "out": told.out, "err": told.err, "seconds": told.seconds, "after": out.read()}

    def compiled(self, text: str) -> dict[str, str]:
        """Return the versions that uv chooses for a file; none where it refuses."""
        words = ["pip", "compile", "-", "-q", "--no-header", "--no-annotate", "-p", self.settings.python]
        told = run([self.settings.uv, *words], 600, surroundings(self.environ), self.folder, text)
        return {normal(name): version for name, version in PIN.findall(told.out)} if told.code == 0 else {}

    def locked(self, name: str, text: str) -> dict[str, str]:
        """Return the versions of `uv lock --upgrade` for a project that needs the lines of a file; none where it refuses."""
        place = os.path.join(self.folder, "files", name, "project")
        os.makedirs(place, exist_ok=True)
        version = self.settings.python
        with open(os.path.join(place, "pyproject.toml"), "w", encoding="utf-8") as out:
            out.write(f'[project]\nname = "set"\nversion = "0"\nrequires-python = "=={version}.*"\n')
            out.write(f"dependencies = {json.dumps(text.split())}\n")
            out.write("[tool.uv]\nenvironments = [\"sys_platform == 'linux' and platform_machine == 'x86_64'\"]\n")
        lock = os.path.join(place, "uv.lock")
        if os.path.exists(lock):
            os.remove(lock)
        told = run([self.settings.uv, "lock", "--upgrade", "-q", "-p", version], 600, surroundings(self.environ), place)
        if told.code != 0:
            return {}
        with open(lock, "rb") as file:
            return {one["name"]: one["version"] for one in tomllib.load(file)["package"] if "version" in one and one["name"] != "set"}

    def ran(self, text: str, seed: str, settings: Settings, environ: dict[str, str]) -> dict[str, Any]:
        """Install a file and run the stages, once for each text."""
        digest = hashlib.sha256(f"{seed}\n{text}".encode()).hexdigest()[:16]
        path = os.path.join(self.folder, "runs", digest + ".json")
        with _locks.setdefault(digest, threading.Lock()):
            if not os.path.exists(path):
                file = os.path.join(self.folder, "runs", digest + ".txt")
                with open(file, "w", encoding="utf-8") as out:
                    out.write(text)
                write_json(path, attempt(Wanted(id=digest, install=(f"-r {file}",), venv_seed=seed or BARE), settings, environ))
        with open(path, encoding="utf-8") as kept:
            whole = json.load(kept)
        few = ("verdict", "first_failure", "cause", "cause_where", "core_failures", "extra_failures", "packages", "t_total_s", "date")
        return {"run": digest, **{name: whole.get(name) for name in few}}


def file_of(case: dict[str, Any]) -> tuple[str, str]:
    """Return the requirements file of a set, and whether it lists the top or is a freeze."""
    # the day of the run hides no release from the resolver
    today = f"--exclude-newer {case.get('date')} "
    words = [word for step in case.get("install") or ("-",) for word in step.removeprefix(today).split()]
    words = list(dict.fromkeys(words))
    if any(word.startswith("-") for word in words):
        return "".join(f"{name}=={case['packages'][name]}\n" for name in sorted(case["packages"]) if name not in SEEDS), "freeze"
    return "".join(f"{word}\n" for word in words), "top"


def unseeded(versions: dict[str, str]) -> dict[str, str]:
    return {name: version for name, version in versions.items() if name not in SEEDS}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def names(text: str) -> list[str]:
    return [found[0] for line in text.splitlines() if (found := NAME.match(line))]


def moved(old: dict[str, str], new: dict[str, str]) -> int | None:
    """Count the packages whose version is another, or that are gone; None where there is no new set."""
    return sum(new.get(name) != version for name, version in old.items()) if new else None


def outcome(record: dict[str, Any]) -> str:
    """Return what became of a set, in one word."""
    same = record["before"] == record["fix"]["after"]
    if record["really"] == WORKS:
        return "identical" if same else "changed"
    if record["fix"]["code"] not in (0, 1) or "Traceback" in record["fix"]["err"]:
        return "refused"
    if record.get("run_as_it_was", {}).get("verdict") == WORKS:
        return "works as it is"
    if same:
        return "unchanged"
    if "run" not in record:
        return "written"
    return "cured" if record["run"]["verdict"] == WORKS else "not cured"


def lines_changed(record: dict[str, Any]) -> int:
    """Count the lines of the file that differ or are new."""
    before = record["before"].splitlines()
    return sum(line not in before for line in record["fix"]["after"].splitlines()) or int(record["before"] != record["fix"]["after"])


def tell(told: list[dict[str, Any]]) -> str:
    """Return the table and the figures as text."""
    lines = [
        "| set | file | outcome | lines | packages moved: fix / upgrade / uv lock --upgrade | of | s | what failed |",
        "|" + "---|" * 8,
    ]
    for one in sorted(told, key=lambda one: (one["really"], one["id"])):
        counts = " / ".join("-" if one[name] is None else str(one[name]) for name in ("moved", "upgrade_moved", "lock_moved"))
        ran = one.get("run") or {}
        why = f"{ran.get('first_failure') or ran.get('verdict')}: {ran.get('cause')}" if ran.get("verdict") not in (None, WORKS) else ""
        lines.append(
            f"| {one['id']} | {one['form']} | {one['outcome']} | {lines_changed(one)} | {counts} | {one['of']} | {one['fix']['seconds']} "
            f"| {why[:120]} |"
        )
    breaking = [one for one in told if one["really"] == BREAKS and one["outcome"] != "works as it is"]
    working = [one for one in told if one["really"] == WORKS]
    cured = [one for one in breaking if one["outcome"] == "cured"]
    lines += ["", f"cured {len(cured)} of {len(breaking)} that break" + (f" ({len(cured) / len(breaking):.3f})" if breaking else "")]
    upgraded = [one["upgrade_run"]["verdict"] for one in breaking if "upgrade_run" in one]
    lines += [f"upgrading everything cures {upgraded.count(WORKS)} of {len(upgraded)}"] if upgraded else []
    lines += [f"not counted, works as it is: {one['id']}" for one in told if one["outcome"] == "works as it is"]
    lines += [f"working sets left byte-identical: {sum(one['outcome'] == 'identical' for one in working)} of {len(working)}"]
    for title, chosen in (("cured", cured), ("breaking", breaking)):
        medians = []
        for name in ("moved", "upgrade_moved", "lock_moved"):
            counts = [one[name] for one in chosen if one[name] is not None]
            middle = f"{statistics.median(counts):g}" if counts else "-"
            medians.append(f"{name} {middle} (of {len(counts)} that resolve)")
        if chosen:
            medians.append(f"lines changed by fix {statistics.median(map(lines_changed, chosen)):g}")
        lines.append(f"median over {len(chosen)} {title}: " + ", ".join(medians))
    seconds = sorted(one["fix"]["seconds"] for one in told)
    if seconds:
        lines.append(f"seconds a fix: min {seconds[0]}, median {statistics.median(seconds):.1f}, max {seconds[-1]}")
    differ = [one["id"] for one in told if one.get("same_under_both_names") is False]
    lines.append(f"freezes that are repaired otherwise when their name says so: {', '.join(differ) or 'none'}")
    return "\n".join(lines) + "\n"


def main() -> int:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--into", required=True, metavar="FOLDER")
    reader.add_argument("--jobs", type=int, default=1)
    reader.add_argument("--only", nargs="+", default=(), metavar="ID")
    reader.add_argument("--fix-only", action="store_true", help="install nothing")
    reader.add_argument("--peers", action="store_true", help="install and run what upgrading everything gives, too")
    reader.add_argument("--again", action="store_true", help="repair anew what was repaired before")
    reader.add_argument("--keep-free", type=int, default=15, metavar="GB")
    reader.add_argument("--keep-trained", metavar="JSONL", help="add the core packages of all sets that trained to this file")
    reader.add_argument("paths", nargs="+", metavar="FILE")
    asked = reader.parse_args()
    bench = Bench(asked)
    sweep(bench.folder)
    for path in asked.paths:
        for one in records(path):
            if one["verdict"] in (WORKS, BREAKS) and (not asked.only or one["id"] in asked.only):
                bench.sets[one["id"]] = one
    done = set() if asked.again else {name for name in bench.sets if (kept := _read(bench, name)) and bench.is_done(kept)}
    waiting = [Wanted(id=name, install=(f"torch=={one['packages']['torch']}",)) for name, one in bench.sets.items() if name not in done]
    for one, record in workers.try_all(waiting, bench.settings, bench.environ, asked.jobs, bench.try_one):
        sys.stderr.write(f"{one.id}: {record['outcome']}\n")
    print(tell([kept for name in bench.sets if (kept := _read(bench, name)) is not None]), end="")
    if asked.keep_trained:
        runs = records(os.path.join(bench.folder, "runs")) + [one for one in bench.sets.values() if one.get("date")]
        sys.stderr.write(f"{keep_trained(asked.keep_trained, runs)} sets added to {asked.keep_trained}\n")
    return 0


def keep_trained(path: str, runs: list[dict[str, Any]]) -> int:
    """Add to a file of JSON lines the sets that trained and are not there yet, with their core packages; return how many were added."""
    lines = []
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            lines = [line.rstrip("\n") for line in file]
    known = {json.dumps(json.loads(line)["packages"]) for line in lines}
    before = len(lines)
    for one in sorted(runs, key=lambda one: str(one["id"])):
        packages = {name: one["packages"][name] for name in sorted(CORE & one["packages"].keys())}
        if one["verdict"] == WORKS and json.dumps(packages) not in known:
            known.add(json.dumps(packages))
            told = {"id": f"trained-{one['id']}", "date": one["date"], "python": one["python"], "verdict": WORKS, "packages": packages}
            lines.append(json.dumps(told))
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)
    return len(lines) - before


def _read(bench: Bench, name: str) -> dict[str, Any] | None:
    path = os.path.join(bench.folder, "sets", name + ".json")
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        kept: dict[str, Any] = json.load(file)
    return kept


if __name__ == "__main__":
    raise SystemExit(main())
