"""Rules not to write: tempting claims that a real run or a released file has disproved, one TOML file each in `fixtures/not-rules`.

They are read and linted here. That a check stays silent about them is seen by tests/test_not_rules.py; no engine is imported here.
"""

from __future__ import annotations

import json
import os
import re

from envdoctor.knowledge.parse import parse_toml
from envdoctor.knowledge.vocabulary import near
from envdoctor.model.errors import RuleBookError
from envdoctor.model.finding import DERIVED
from envdoctor.model.names import normalise
from envdoctor.model.record import Record
from envdoctor.model.uses import PURPOSES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from typing import Any

FOLDER = "not-rules"
_RUNS = ("cases.jsonl", "more.jsonl", "lab.jsonl")
_KEYS = ("claim", "why_false", "silent", "for", "platform", "script", "other_warnings", "packages", "proof")
_PROOFS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {  # of each kind: the keys that it must have, the keys that make up the rest
    "run": (("says",), ("set", "ran", "python", "date")),
    "file": (("says", "url", "date"), ()),
}
_ID = re.compile(r"[a-z0-9.]+(-[a-z0-9.]+)+")


class Proof(Record):
    """What disproved a claim: a recorded set that works, a run told in the file itself (with its `packages`), or a file that was read."""

    kind: str
    says: str
    set: str = ""
    ran: str = ""
    python: str = ""
    url: str = ""
    date: str = ""


class Box(Record):
    """Versions that a claim is false for; `name` is that of the recorded set, or "" where the claim's own file lists them."""

    name: str
    packages: Mapping[str, str]
    python: str


class NotRule(Record):
    """A claim that must not become a rule. No error or warning may name the distributions `silent` together, but for `other_warnings`."""

    id: str
    claim: str
    why_false: str
    silent: tuple[str, ...]
    purpose: str
    platform: str
    script: str
    other_warnings: tuple[str, ...]
    packages: Mapping[str, str]
    proofs: tuple[Proof, ...]

    def boxes(self, runs: Mapping[str, Mapping[str, Any]]) -> list[Box]:
        """Return the versions that must be judged: those of each recorded set, and the file's own."""
        found = [
            Box(name=proof.set, packages=runs[proof.set]["packages"], python=runs[proof.set]["python"])
            for proof in self.proofs
            if proof.set
        ]
        if self.packages:
            own = next((proof.python for proof in self.proofs if proof.python), "3.11")
            found.append(Box(name="", packages=self.packages, python=own))
        return found


def read_runs(fixtures: str) -> dict[str, dict[str, Any]]:
    """Return the recorded sets of `fixtures/realruns` by id; a file that is not there holds none. Raises OSError and ValueError."""
    found: dict[str, dict[str, Any]] = {}
    for name in _RUNS:
        path = os.path.join(fixtures, "realruns", name)
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                found.update((run["id"], run) for run in (json.loads(line) for line in file if line.strip()))
    return found


def read_not_rules(fixtures: str, defects: list[str] | None = None) -> list[NotRule]:
    """Read every claim, sorted by id. Defects are added to the list given, or raised together as a RuleBookError."""
    gathered: list[str] = [] if defects is None else defects
    folder = os.path.join(fixtures, FOLDER)
    claims = []
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        where = f"{FOLDER}/{name}"
        if not name.endswith(".toml"):
            gathered.append(f"{where}: claims are files that end in .toml")
            continue
        try:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                table = parse_toml(file.read(), where)
        except (OSError, UnicodeDecodeError) as error:
            gathered.append(f"{where}: cannot be read: {error}")
        except RuleBookError as error:
            gathered.extend(error.defects)
        else:
            found: list[str] = []
            claim = _claim(name[:-5], table, found)
            gathered.extend(f"{where}: {defect}" for defect in found)
            claims += [] if found else [claim]
    if gathered and defects is None:
        raise RuleBookError(gathered)
    return claims


def lint_not_rules(fixtures: str, ids: Collection[str]) -> list[str]:
    """Return every defect of the claims, beside rules of these ids: faults of a file, what is used twice, a set that is not there."""
    defects: list[str] = []
    claims = read_not_rules(fixtures, defects)
    if not claims:
        return defects
    try:
        runs = read_runs(fixtures)
    except (OSError, ValueError, KeyError) as error:
        return [*defects, f"realruns: cannot be read: {error!r}"]
    said: dict[str, str] = {}
    for claim in claims:
        where = f"{FOLDER}/{claim.id}.toml"
        if claim.id in ids:
            defects.append(f"{where}: is the id of a rule")
        other = said.setdefault(claim.claim.casefold(), claim.id)
        if other != claim.id:
            defects.append(f"{where}: claim: {other} says the same")
        defects.extend(f"{where}: {defect}" for defect in _beside(claim, ids, runs))
    return defects


def _beside(claim: NotRule, ids: Collection[str], runs: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for rule in claim.other_warnings:
        if rule not in ids and rule not in DERIVED:
            yield f"other_warnings: there is no rule {rule!r}{near(rule, sorted(ids))}"
    for number, proof in enumerate(claim.proofs):
        if proof.set and proof.set not in runs:
            yield f"proof[{number}].set: there is no recorded set {proof.set!r}{near(proof.set, sorted(runs))}"
        elif proof.set and runs[proof.set]["verdict"] != "works":
            yield f"proof[{number}].set: {proof.set} does not work, so it disproves nothing"
    if all(proof.set in runs for proof in claim.proofs if proof.set):
        for box in claim.boxes(runs):
            if not any(name in box.packages for name in claim.silent):
                yield f"silent: none of {', '.join(claim.silent)} is among the packages{f' of {box.name}' if box.name else ''}"


def _claim(name: str, table: dict[str, Any], defects: list[str]) -> NotRule:
    if not _ID.fullmatch(name):
        defects.append("the file's name is the claim in a few words, in kebab-case")
    defects.extend(f"{key}: unknown key{near(key, _KEYS)}" for key in table if key not in _KEYS)
    silent = _names(table, "silent", defects)
    if not 1 <= len(silent) <= 2:
        defects.append("silent: takes the two distributions that no error or warning may name together, or one")
    parts = table.get("proof", [])
    if not isinstance(parts, list) or not parts or not all(isinstance(part, dict) for part in parts):
        defects.append("proof: is missing; it is written as [[proof]], once or more")
        parts = []
    packages = table.get("packages", {})
    if not isinstance(packages, dict) or not all(isinstance(version, str) for version in packages.values()):
        defects.append("packages: takes a table of versions")
        packages = {}
    defects.extend(f"packages.{key}: names are written normalised: {normalise(key)!r}" for key in packages if key != normalise(key))
    purpose = _text(table, "for", defects, needed=False)
    if purpose and purpose not in PURPOSES:
        defects.append(f"for: {purpose!r} is not one of {', '.join(PURPOSES)}")
    proofs = tuple(_proof(part, f"proof[{number}]", bool(packages), defects) for number, part in enumerate(parts))
    if parts and not packages and not any(proof.set for proof in proofs):
        defects.append("packages: is missing, and no proof names a recorded set")
    return NotRule(
        id=name,
        claim=_text(table, "claim", defects),
        why_false=_text(table, "why_false", defects),
        silent=silent,
        purpose=purpose,
        platform=_text(table, "platform", defects, needed=False),
        script=table["script"] if isinstance(table.get("script"), str) else _text(table, "script", defects, needed=False),
        other_warnings=_names(table, "other_warnings", defects),
        packages=packages,
        proofs=proofs,
    )


def _proof(table: dict[str, Any], path: str, own: bool, defects: list[str]) -> Proof:
    kind = table.get("kind")
    if kind not in _PROOFS:
        defects.append(f"{path}.kind: is one of {', '.join(_PROOFS)}")
        return Proof(kind="", says="")
    needed, more = _PROOFS[kind]
    if kind == "run" and "set" not in table:
        needed = (*needed, "ran", "python", "date")
        if not own:
            defects.append(f"{path}: names a recorded `set`, or the file lists the `packages` that it ran with")
    defects.extend(f"{path}.{key}: unknown key{near(key, (*needed, *more))}" for key in table if key not in ("kind", *needed, *more))
    texts = {key: _text(table, key, defects, path=f"{path}.", needed=key in needed) for key in (*needed, *more) if key != "date"}
    date = str(table.get("date", ""))
    if (date or "date" in needed) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", date):
        defects.append(f"{path}.date: takes a date such as 2026-11-25")
    if texts.get("url", "https://").partition("://")[0] != "https":
        defects.append(f"{path}.url: takes an https link")
    return Proof(kind=kind, date=date, **texts)


def _text(table: dict[str, Any], key: str, defects: list[str], path: str = "", needed: bool = True) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        defects.append(f"{path}{key}: takes a text")
        return ""
    if needed and not value.strip():
        defects.append(f"{path}{key}: is missing")
    return " ".join(value.split())


def _names(table: dict[str, Any], key: str, defects: list[str]) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        defects.append(f"{key}: takes a list of texts")
        return ()
    defects.extend(
        f"{key}: names are written normalised: {normalise(part)!r}" for part in value if key == "silent" and part != normalise(part)
    )
    return tuple(value)
