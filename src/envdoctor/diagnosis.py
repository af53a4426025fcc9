"""Collect, evaluate, ask for what is missing, evaluate again: the whole check on one screen.

`check`, the pre-train hook and the re-check of a repair are this same call on different patients.
"""

from __future__ import annotations

import os

from envdoctor.engine.evaluate import derived_findings, judge_again, judge_rules, report
from envdoctor.knowledge.atlas.load import open_atlas
from envdoctor.knowledge.load import open_book
from envdoctor.model.errors import AtlasError, InputError
from envdoctor.model.facts import NOT_COLLECTED, Fact
from envdoctor.model.finding import CALLS, DERIVED
from envdoctor.model.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from envdoctor.facts.patient import Patient
    from envdoctor.knowledge.atlas.artefact import CompiledAtlas
    from envdoctor.knowledge.compiled import CompiledBook
    from envdoctor.model.finding import Finding, Report
    from envdoctor.model.knowledge import Miner
    from envdoctor.model.snapshot import Snapshot
    from envdoctor.model.spelling import Spellings

FORESEEN = "run.memory.least"
"""The fact that is computed, not collected."""
_ROUNDS = 4
"""Facts can open the way to other facts (a GPU to its capability), so a check may ask more than once; rules never nest deeper."""


def check(
    request: Request | None = None,
    environ: Mapping[str, str] | None = None,
    mine: Miner | None = None,
    say: Callable[[str], None] | None = None,
) -> Report:
    """Examine what a request names, by default the environment in use. Raises EnvdoctorError.

    With `mine`, releases that the atlas does not know are read from the installed files, as far as the patient has some. `say` is told
    how far the reading of scripts is.
    """
    asked = request or Request()
    variables = os.environ if environ is None else environ
    patient = choose(asked, variables)
    snapshot = prepare(asked, patient, variables, say)
    if not _brings_packages(snapshot):
        return diagnose(asked, patient, snapshot, mine, variables)
    from envdoctor.engine.scripts import joined
    from envdoctor.environments import apart

    cases = apart(asked, variables, patient, snapshot, open_atlas())
    return _accounted(asked, joined([_examined(asked, one, beside, mine, variables) for one, beside in cases]))


def take(asked: Request, environ: Mapping[str, str]) -> Snapshot:
    """Return everything that can be learnt of a patient. Raises EnvdoctorError."""
    from envdoctor.model.facts import CATALOGUE

    patient = choose(asked, environ)
    snapshot = prepare(asked, patient, environ)
    if _brings_packages(snapshot):
        from envdoctor.environments import apart

        (patient, snapshot), *others = apart(asked, environ, patient, snapshot, open_atlas())
        if others:
            raise InputError("the scripts bring packages of their own, each its own; take a snapshot of one at a time")
    return snapshot.with_answers([answer for answer in patient.collect(CATALOGUE) if answer.path not in asked.given])


def _brings_packages(snapshot: Snapshot) -> bool:
    return any(script.commands or script.declares for script in snapshot.every_script)


def diagnose(
    asked: Request, patient: Patient, snapshot: Snapshot, mine: Miner | None = None, environ: Mapping[str, str] | None = None
) -> Report:
    """Evaluate a patient, collecting the facts that its rules turn out to need."""
    return _accounted(asked, _examined(asked, patient, snapshot, mine, environ))


def _accounted(asked: Request, found: Report) -> Report:
    """Add what is to be said of the ignores themselves."""
    if not asked.ignores:
        return found
    from envdoctor.engine.suppress import account

    return account(found, asked.ignores, _today(asked))


def _examined(asked: Request, patient: Patient, snapshot: Snapshot, mine: Miner | None, environ: Mapping[str, str] | None) -> Report:
    book = open_book()
    atlas = open_atlas() if asked.only != "rules" else None
    try:
        deep = mine if patient.has_files and asked.deep is not False else None
        return _diagnose(asked, patient, snapshot, book, atlas, mine=deep, environ=environ)
    finally:
        book.release()
        if atlas is not None:
            atlas.release()


def _diagnose(
    asked: Request,
    patient: Patient,
    snapshot: Snapshot,
    book: CompiledBook,
    atlas: CompiledAtlas | None,
    *,
    mine: Miner | None,
    environ: Mapping[str, str] | None,
) -> Report:
    skip = _selection(asked, book.ids)
    ignore = _ignoring(asked, _today(asked))
    state = judge_rules(snapshot, book, skip)
    tried: set[str] = set()
    for _ in range(_ROUNDS):
        wanted = {path for path in state.missing() if path not in tried and getattr(snapshot.fact(path), "reason", "") == NOT_COLLECTED}
        tried |= wanted
        answers = patient.collect(wanted) if wanted else []
        is_foreseen = FORESEEN in wanted and (bool(snapshot.scripts) or "model.name" in snapshot.facts)
        if not answers and not is_foreseen:
            break
        snapshot = snapshot.with_answers([answer for answer in answers if answer.path not in asked.given])
        if is_foreseen:
            snapshot = _foreseen(asked, snapshot, environ)
        judge_again(state, snapshot, {FORESEEN, *(answer.path for answer in answers)})
    if atlas is not None and mine is not None and not all(skip is not None and skip(rule) for rule in DERIVED):
        atlas = deepened(atlas, snapshot, mine, thorough=bool(asked.deep))
    derived = derived_findings(state, snapshot, atlas, skip, _spellings(snapshot)) if atlas is not None else ()
    return report(state, snapshot, book, asked.purpose, ignore, derived=derived)


def _foreseen(asked: Request, snapshot: Snapshot, environ: Mapping[str, str] | None) -> Snapshot:
    """Return the snapshot with what each named run will take of the GPU, as far as that can be told."""
    from envdoctor.foresight import foresee

    variables = os.environ if environ is None else environ
    if not snapshot.scripts:
        return snapshot.with_answers(foresee(snapshot, asked.purpose, variables))
    told = [(script, foresee(snapshot.beside(script), asked.purpose, variables)) for script in snapshot.scripts]
    return snapshot.replace(scripts=tuple(script.replace(facts=(*script.facts, *facts)) for script, facts in told))


def _spellings(snapshot: Snapshot) -> Spellings | None:
    """Return the table that a script is judged with, None where there is no script."""
    if not snapshot.every_script:
        return None
    from envdoctor.knowledge.spellings import open_spellings

    return open_spellings()


def deepened(atlas: CompiledAtlas, snapshot: Snapshot, mine: Miner, *, thorough: bool = False) -> CompiledAtlas:
    """Return the atlas with the releases that it lacks, read from the installed files."""
    from envdoctor.facts.distributions import came_from_elsewhere
    from envdoctor.knowledge.atlas.unknown import unknown_releases

    on_disk = {name: found for name, found in snapshot.distributions.items() if found.location}
    wanted = unknown_releases(atlas, on_disk, came_from_elsewhere if thorough else None)
    for surface in mine(wanted) if wanted else ():
        try:
            atlas = atlas.with_surface(surface)
        except AtlasError:  # what was read cannot be written as an atlas is: the package stays unread, and the others count
            continue
    return atlas


def choose(asked: Request, environ: Mapping[str, str]) -> Patient:
    """Return the patient that a request names. Raises InputError."""
    if not asked.paths and asked.freeze is None and not asked.target.described:
        from envdoctor.facts.locate import active_place, place_of
        from envdoctor.facts.patient import Live

        return Live(place_of(asked.python, environ) if asked.python else active_place(environ), environ)
    from envdoctor.facts.choose import choose_patient

    return choose_patient(asked, environ)


def prepare(asked: Request, patient: Patient, environ: Mapping[str, str], say: Callable[[str], None] | None = None) -> Snapshot:
    """Return the patient's first snapshot, with the scripts and the model that the request names."""
    snapshot = patient.first()
    if asked.given:
        from envdoctor.facts.patient import with_answers

        snapshot = with_answers(snapshot, [Fact(path=path, value=value, origin="given") for path, value in asked.given.items()])
    if asked.paths or "model.name" in snapshot.facts:
        from envdoctor.facts.training import with_training

        snapshot = with_training(snapshot, asked, environ, say)
    return snapshot


def _selection(asked: Request, ids: tuple[str, ...]) -> Callable[[str], str | None] | None:
    if asked.only == "atlas" and not asked.select:
        return lambda rule: None if rule in DERIVED or rule in CALLS else "not selected"
    if not asked.select:
        return None
    from fnmatch import fnmatchcase

    patterns, only = asked.select, asked.only
    unknown = [pattern for pattern in patterns if not any(fnmatchcase(name, pattern) for name in (*ids, *DERIVED, *CALLS))]
    if unknown:
        raise InputError(f"no rule matches {unknown[0]!r}; `envdoctor rules list` names them all")
    return lambda rule: (
        None
        if any(fnmatchcase(rule, pattern) for pattern in patterns) and (only != "atlas" or rule in DERIVED or rule in CALLS)
        else "not selected"
    )


def _today(asked: Request) -> str:
    """Return the day that dated ignores are held against; nothing else of a verdict depends on the clock."""
    if asked.today or not any(ignore.expires for ignore in asked.ignores):
        return asked.today
    from datetime import date

    return date.today().isoformat()


def _ignoring(asked: Request, today: str) -> Callable[[Finding], str] | None:
    if not asked.ignores:
        return None
    from envdoctor.engine.suppress import reason_to_ignore

    return lambda finding: reason_to_ignore(finding, asked.ignores, today)
