"""Reads the table of spellings: TOML in a checkout, plain data in `marshal` form in a wheel. Its entries are told in `model.spelling`."""

from __future__ import annotations

import marshal
import os

from envdoctor.knowledge.load import ARTEFACT, rules_folder
from envdoctor.model.errors import RuleBookError
from envdoctor.model.rule import SAFETIES
from envdoctor.model.spelling import Answered, Dropped, Heir, Moved, Renamed, Spellings, Successor, Sunk, Valued

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Entry = Renamed | Moved | Successor | Heir | Sunk | Dropped | Answered | Valued

FOLDER = "spellings"
COMPILED = os.path.join(os.path.dirname(ARTEFACT), "spellings.bin")
KINDS: dict[str, tuple[str, type[Any]]] = {
    # table in a file: field of Spellings, record
    "renamed": ("renamed", Renamed),
    "moved": ("moved", Moved),
    "successor": ("successors", Successor),
    "heir": ("heirs", Heir),
    "sunk": ("sunk", Sunk),
    "dropped": ("dropped", Dropped),
    "answered": ("answered", Answered),
    "valued": ("valued", Valued),
}
_EVIDENCE = ("url", "says", "checked")
_OPENED: list[Spellings] = []


def open_spellings() -> Spellings:
    """Open the table. Raises RuleBookError."""
    if not _OPENED:
        _OPENED.append(_open())
    return _OPENED[0]


def _open() -> Spellings:
    folder = rules_folder()
    if folder is not None:
        return read_spellings(os.path.join(folder, FOLDER))
    try:
        with open(COMPILED, "rb") as file:
            return _restored(marshal.load(file))  # noqa: S302 - our own artefact, plain data
    except (OSError, ValueError, EOFError, TypeError) as error:
        raise RuleBookError([f"the spellings of this installation are missing or damaged ({error}); reinstall envdoctor"]) from None


def read_spellings(folder: str) -> Spellings:
    """Read every file of a folder. Raises RuleBookError with all defects."""
    found: dict[str, list[Any]] = {field: [] for field, _ in KINDS.values()}
    defects: list[str] = []
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        if name.endswith(".toml"):
            try:
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    entries = parse_spellings(file.read(), f"{FOLDER}/{name}")
            except (OSError, UnicodeDecodeError) as error:
                defects.append(f"{FOLDER}/{name}: cannot be read: {error}")
            except RuleBookError as error:
                defects += error.defects
            else:
                for kind, entry in entries:
                    found[KINDS[kind][0]].append(entry)
    if defects:
        raise RuleBookError(defects)
    return Spellings(**{field: tuple(entries) for field, entries in found.items()})


def parse_spellings(text: str, path: str) -> list[tuple[str, Entry]]:
    """Return the entries of one file, each with its kind. Raises RuleBookError with all defects."""
    try:
        import tomllib
    except ModuleNotFoundError:
        import tomli as tomllib  # type: ignore[no-redef, import-not-found, unused-ignore]
    try:
        told: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RuleBookError([f"{path}: {error}"]) from None
    defects = [f"{path}: {kind}: is none of {', '.join(KINDS)}" for kind in told if kind not in KINDS]
    found = []
    for kind, rows in told.items():
        for number, row in enumerate(rows if kind in KINDS else ()):
            wrong, entry = _entry(KINDS[kind][1], row)
            defects += [f"{path}: {kind}[{number}]: {one}" for one in wrong]
            if entry is not None:
                found.append((kind, entry))
    if defects:
        raise RuleBookError(defects)
    return found


def _entry(record: type[Any], row: dict[str, Any]) -> tuple[list[str], Any]:
    evidence = row.get("evidence") or []
    fields = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items() if name != "evidence"}
    wrong = [f"{name}: is no key of this table" for name in fields if name not in record._fields]
    wrong += [f"{name}: is missing" for name in record._fields if name not in fields and name not in record._defaults]
    if not evidence:
        wrong.append("evidence: is missing; say what was read, where, and when")
    for one in evidence:
        wrong += [f"evidence: {key} is missing" for key in _EVIDENCE if not one.get(key)]
    if fields.get("safety", "safe") not in SAFETIES:
        wrong.append(f"safety: is none of {', '.join(SAFETIES)}")
    if wrong:
        return wrong, None
    return [], record(**fields, links=tuple(one["url"] for one in evidence))


def compile_spellings(spellings: Spellings) -> bytes:
    """Return the table as bytes for a wheel."""
    return marshal.dumps(
        {
            field: [{name: getattr(entry, name) for name in record._fields} for entry in getattr(spellings, field)]
            for field, record in KINDS.values()
        },
        2,
    )


def _restored(told: dict[str, list[dict[str, Any]]]) -> Spellings:
    return Spellings(**{field: tuple(record(**row) for row in told[field]) for field, record in KINDS.values()})
