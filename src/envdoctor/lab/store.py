"""Keeps what was tried: one JSON file a set in a work folder, so that a run goes on where it stopped, and lines of JSON to hand around."""

from __future__ import annotations

import json
import os

from envdoctor.lab.case import Wanted
from envdoctor.lab.environment import LabError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

PLAN = "sample.json"
KEPT = (
    "id", "python", "platform", "venv_seed", "packages", "verdict", "works_but_other_trainers_broken", "first_failure", "cause",
    "cause_where", "core_failures", "extra_failures", "flags", "pair", "pair_because",
)  # fmt: skip
"""Fields of a line in fixtures/realruns, in no certain order."""
ADDED = ("date", "install", "intent", "group")
_NEEDED = ("id", "packages", "verdict", "python")


def write_json(path: str, value: Any) -> None:
    """Write a file in one step, so that a stop leaves the old or the new."""
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1, sort_keys=True)
        file.write("\n")
    os.replace(path + ".part", path)


def keep(folder: str, record: dict[str, Any]) -> None:
    """Write the record of one set down."""
    write_json(os.path.join(folder, f"{record['id']}.json"), record)


def done(folder: str) -> set[str]:
    """Return the ids of sets that a folder has records of."""
    return {name[:-5] for name in os.listdir(folder) if name.endswith(".json") and name != PLAN}


def plan(folder: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """Return the plan that a folder was begun with, writing the one given when it is new. Raises LabError when the seeds differ."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, PLAN)
    if not os.path.exists(path):
        write_json(path, wanted)
        return wanted
    found = _read(path)
    if not isinstance(found, dict) or found.get("seed") != wanted["seed"]:
        raise LabError(f"{folder}: holds a sample of another seed; give another folder with --into")
    return found


def records(path: str) -> list[dict[str, Any]]:
    """Return the records of a work folder, a JSON file or a file of JSON lines, by id. Raises LabError."""
    if os.path.isdir(path):
        names = sorted(name for name in os.listdir(path) if name.endswith(".json") and name != PLAN)
        found = [_read(os.path.join(path, name)) for name in names]
    elif path.endswith(".jsonl"):
        found = _read_lines(path)
    else:
        one = _read(path)
        found = one if isinstance(one, list) else [one]
    for number, record in enumerate(found, 1):
        missing = [name for name in _NEEDED if not isinstance(record, dict) or name not in record]
        if missing:
            raise LabError(f"{path}: record {number}: {', '.join(missing)} missing; a record is what `envdoctor lab run` writes")
    if not found:
        raise LabError(f"{path}: holds no record; `envdoctor lab sample` and `envdoctor lab run` write them")
    return found


def wishes(path: str) -> list[Wanted]:
    """Return the sets that a file of JSON or JSON lines asks for. Raises LabError."""
    told = _read_lines(path) if path.endswith(".jsonl") else _read(path)
    found = []
    for number, one in enumerate(told if isinstance(told, list) else [told], 1):
        steps = one.get("install") if isinstance(one, dict) else None
        if steps is None and isinstance(one, dict) and isinstance(one.get("packages"), dict):
            steps = ["--no-deps " + " ".join(f"{name}=={version}" for name, version in one["packages"].items())]
        if not isinstance(steps, list) or not all(isinstance(step, str) for step in steps) or not isinstance(one.get("id"), str):
            raise LabError(f'{path}: set {number}: give "id" and either "install", a list of texts, or "packages", a table')
        more = {name: str(one[name]) for name in ("group", "intent", "venv_seed") if one.get(name)}
        found.append(Wanted(id=one["id"], install=tuple(steps), **more))
    return found


def _read(path: str) -> Any:
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise LabError(f"{path}: cannot be read as JSON: {error}") from None


def _read_lines(path: str) -> list[Any]:
    found = []
    try:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    try:
                        found.append(json.loads(line))
                    except ValueError as error:
                        raise LabError(f"{path}:{number}: is no JSON: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"{path}: cannot be read: {error}") from None
    return found


def add(fixtures: str, new: Iterable[dict[str, Any]]) -> list[str]:
    """Append records to lab.jsonl of a folder of real runs and return their ids. Raises LabError for one that cannot be taken."""
    kept: list[dict[str, Any]] = []
    for name in sorted(os.listdir(fixtures)):
        if name.endswith(".jsonl"):
            kept += _read_lines(os.path.join(fixtures, name))
    ids = {one["id"] for one in kept}
    sets = {_same(one): one["id"] for one in kept}
    lines, added = [], []
    for record in new:
        wrong = [name for name in KEPT if name not in record]
        if record.get("verdict") not in ("works", "breaks"):
            raise LabError(f"{record.get('id')}: its verdict is {record.get('verdict')!r}; only sets that were installed and run are kept")
        if wrong:
            raise LabError(f"{record['id']}: {', '.join(wrong)} missing; a record is what `envdoctor lab run` writes")
        if record["id"] in ids:
            raise LabError(f"{record['id']}: is there already; give it another id")
        if _same(record) in sets:
            raise LabError(f"{record['id']}: is the same set as {sets[_same(record)]}")
        if record["verdict"] == "breaks" and not record["pair"]:
            raise LabError(f'{record["id"]}: "pair" is empty; name the distributions to blame, judged from cause and cause_where')
        ids.add(record["id"])
        sets[_same(record)] = record["id"]
        lines.append(json.dumps({name: record.get(name) for name in (*KEPT, *ADDED)}, sort_keys=True))
        added.append(record["id"])
    with open(os.path.join(fixtures, "lab.jsonl"), "a", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)
    return added


def _same(record: dict[str, Any]) -> tuple[str, frozenset[tuple[str, str]]]:
    return str(record["python"]), frozenset(record["packages"].items())
