"""Carries out a plan: writes its edits and installs its moves, as one repair that is written down first and can be put back."""

from __future__ import annotations

import os
from contextlib import ExitStack

from envdoctor.facts.allowed import without_password
from envdoctor.model.errors import EditRefused, EnvdoctorError, RepairError
from envdoctor.model.record import Record
from envdoctor.repair import journal
from envdoctor.repair.documents import digest, rewritten
from envdoctor.repair.files import Replacement, Replacing, forget_parts
from envdoctor.repair.installed import again, survey
from envdoctor.repair.installer import Installer, absolute
from envdoctor.repair.journal import DONE, WRITING, Moved, Repair, Site
from envdoctor.repair.lock import NAME, hold
from envdoctor.repair.prospect import prospect
from envdoctor.repair.versions import difference, pin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from envdoctor.model.plan import Edit, Move, Plan
    from envdoctor.repair.documents import Document
    from envdoctor.repair.installed import Environment

    Say = Callable[[str], None]

_HOW_ON = "`envdoctor undo` puts back what was changed, or run the repair again"


class Applied(Record):
    """What was done: its record, None where there was nothing to do, and what the user should know of the environment after it."""

    repair: Repair | None = None
    remarks: tuple[str, ...] = ()


def apply(
    plan: Plan,
    documents: Sequence[Document] = (),
    python: str = "",
    *,
    options: Sequence[str] = (),
    command: Sequence[str] = (),
    quiet: bool = False,
    say: Say = lambda text: None,
    environ: Mapping[str, str] | None = None,
) -> Applied:
    """Write a plan's edits into `documents`, and install its moves into the environment of `python`, if that is named.

    `documents` are those that the plan was made for, as they were read then; `options` are words for the installer (`--index-url URL`),
    `command` is what the user typed. `say` is told, before anything is touched, what could not be put back as it was.

    Raises EditRefused or RepairError. Files are then as they were; of an environment, what was changed stays until `undo`.
    """
    variables = os.environ if environ is None else environ
    texts = _texts(plan.edits, documents)
    moves = [move for move in plan.moves if python]
    if not texts and not moves:
        return Applied()
    top = journal.repairs_folder(variables)
    with ExitStack() as stack:
        lock = site = environment = None
        if moves:
            environment = survey(python, variables)
            lock = stack.enter_context(hold(os.path.join(environment.prefix, NAME), f"the environment {environment.prefix}"))
            environment = survey(python, variables)  # once more: another repair may have ended in between
            site = _site(environment, moves, absolute(options, os.getcwd()))
            _caution(site, top, variables, say)
        repair = journal.begin(top, [without_password(word) for word in command])
        own = stack.enter_context(hold(os.path.join(repair.folder, "lock"), f"the repair {repair.id}"))
        try:
            repair, replacing = _prepare(repair, texts)
            installing = None
            if site is not None and environment is not None:
                installer = Installer(site.python, variables, repair.folder, lock or own, quiet=quiet)
                installing = _Installing(site, installer, environment, variables)
            repair = journal.save(repair, site=site, status=WRITING)
        except BaseException:  # nothing was touched yet
            _abandon(texts, repair)
            raise
        remarks = _carry_out(repair, replacing, installing, say)
        repair = journal.save(repair, status=DONE)
    journal.prune(top)
    return Applied(repair=repair, remarks=remarks)


def _texts(edits: Iterable[Edit], documents: Sequence[Document]) -> list[tuple[Document, bytes]]:
    """Return every document that changes with its new bytes. Raises EditRefused."""
    by_path: dict[str, list[Edit]] = {}
    for edit in edits:
        by_path.setdefault(edit.document, []).append(edit)
    known = {document.path: document for document in documents}
    missing = [path for path in by_path if path not in known]
    if missing:
        raise EditRefused(f"{missing[0]}: was not read for this repair; plan it again")
    if len({known[path].place for path in by_path}) < len(by_path):
        raise EditRefused(f"{', '.join(by_path)}: are one file under several names; name it once")
    found = [(known[path], rewritten(known[path], told)) for path, told in by_path.items()]
    return [(document, data) for document, data in found if data != document.data]


def _site(environment: Environment, moves: Sequence[Move], options: tuple[str, ...]) -> Site:
    """Return what is to be known of an environment to put it back. Raises RepairError where it is not the one that was planned for."""
    moved = []
    for move in moves:
        seen = environment.seen.get(move.name)
        now = None if seen is None else seen.version
        if now != move.old:
            was, is_now = move.old or "not installed", now or "not installed"
            raise RepairError(f"{move.name} is {is_now}, and the repair was planned for {was}; nothing was changed. Plan it again")
        own = environment.own.get(move.name)
        if move.new is None and own is None:
            raise RepairError(f"{move.name} lies outside of {environment.prefix}, and cannot be removed from there; nothing was changed")
        line, caution = again(own) if own is not None else ("", "")
        moved.append(Moved(name=move.name, before=environment.version(move.name), after=move.new, again=line, caution=caution))
    return Site(
        python=environment.python, prefix=environment.prefix, options=options, moves=tuple(moved), installed=environment.versions
    )  # fmt: skip


def _caution(site: Site, top: str, environ: Mapping[str, str], say: Say) -> None:
    """Say what cannot be put back as it was, and which interrupted repair this environment still waits for."""
    for moved in site.moves:
        if moved.caution:
            say(f"{moved.name} {moved.before} {moved.caution}")
    for identity in journal.identities(top):
        try:
            other = journal.find(top, identity)
        except RepairError:  # told by `envdoctor undo`
            continue
        here = other.site is not None and other.site.prefix == site.prefix
        if here and other.is_open and not prospect(other, environ).is_empty:
            say(f"the repair {identity} of this environment stopped half-way; `envdoctor undo {identity}` puts it back")


def _prepare(repair: Repair, texts: Sequence[tuple[Document, bytes]]) -> tuple[Repair, Replacing]:
    """Keep the documents as they are, and write the new ones beside them. Raises EditRefused, RepairError."""
    wanted = []
    for document, data in texts:
        wanted.append(Replacement(place=document.place, data=data, before=document.digest, tag=repair.id))
        repair = journal.keep(repair, document.place, document.data, digest(data))
    repair = journal.save(repair)
    replacing = Replacing(wanted)
    replacing.prepare()
    return repair, replacing


def _abandon(texts: Sequence[tuple[Document, bytes]], repair: Repair) -> None:
    for document, _ in texts:
        forget_parts(document.place, repair.id)
    journal.forget(repair)


def _carry_out(repair: Repair, replacing: Replacing, installing: _Installing | None, say: Say) -> tuple[str, ...]:
    """Install, then replace the files: what may fail comes first. Whatever stops it, the record of what was changed stays open."""
    try:
        remarks = () if installing is None else installing.run()
        replacing.commit()
    except BaseException as error:
        replacing.abandon()
        if installing is None and isinstance(error, EditRefused):
            journal.forget(repair)
            raise
        said = str(error) or "interrupted"
        journal.fail(repair, said)
        state = "no package has changed" if installing is None else installing.state()
        if isinstance(error, EnvdoctorError):
            raise type(error)(f"{said}; {state}. {_HOW_ON}") from error
        say(f"the repair {repair.id} was stopped; {state}. {_HOW_ON}")
        raise
    return remarks


class _Installing:
    """The environment's part of a repair. Raises RepairError at once where the installer would not find what is asked of it."""

    def __init__(self, site: Site, installer: Installer, before: Environment, variables: Mapping[str, str]) -> None:
        self._site, self._installer, self._before, self._variables = site, installer, before, variables
        self._pins = [pin(moved.name, moved.after, moved.before) for moved in site.moves if moved.after is not None]
        self._anew = [moved.name for moved in site.moves if moved.after is not None and moved.after == moved.before]
        self._gone = [moved.name for moved in site.moves if moved.after is None]
        if self._gone:
            # They are removed first, for a new package may hold files of the same names; so the rest must be sure to follow.
            why = installer.could_install(self._pins, site.options, self._anew)
            if why:
                raise RepairError(f"{why}\n{installer.name} cannot install what the repair needs; nothing was changed")
        self._complaints = installer.complaints()

    def run(self) -> tuple[str, ...]:
        """Move the packages, and see that they are where the plan says. Returns remarks; raises RepairError."""
        site, installer = self._site, self._installer
        installer.uninstall(self._gone)
        installer.install(self._pins, site.options, self._anew)
        after = survey(site.python, self._variables)
        wrong = [line for moved in site.moves for line in difference(moved.name, after.version(moved.name), moved.after, moved.before)]
        if wrong:
            raise RepairError(f"{installer.name} left something else than was planned: {'; '.join(wrong)}")
        others = self._changed(after) - {moved.name for moved in site.moves}
        remarks = [f"{name} has changed too, which the repair did not ask for" for name in sorted(others)]
        return (*remarks, *sorted(installer.complaints() - self._complaints))

    def state(self) -> str:
        """Say how many packages are not as they were."""
        changed = len(self._changed(survey(self._site.python, self._variables)))
        return f"{changed or 'no'} package{' has' if changed < 2 else 's have'} changed"

    def _changed(self, after: Environment) -> set[str]:
        return {name for name, _ in {*self._before.versions.items()} ^ {*after.versions.items()}}
