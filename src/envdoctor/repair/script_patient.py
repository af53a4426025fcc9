"""The releases that scripts are rewritten for, and the other way out: the releases that take the scripts as they are written."""

from __future__ import annotations

from envdoctor.diagnosis import choose, deepened
from envdoctor.engine.calls import Judge
from envdoctor.engine.evaluate import evaluate
from envdoctor.facts.companions import Imports, without
from envdoctor.knowledge.atlas.load import open_atlas
from envdoctor.knowledge.load import open_book
from envdoctor.knowledge.spellings import open_spellings
from envdoctor.model.errors import RepairError
from envdoctor.model.names import normalise
from envdoctor.model.record import Record
from envdoctor.model.snapshot import Distribution
from envdoctor.model.spelling import Sunk
from envdoctor.model.versions import admits, is_version, window
from envdoctor.script import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envdoctor.engine.calls import Misuse
    from envdoctor.facts.patient import Patient
    from envdoctor.knowledge.atlas.artefact import CompiledAtlas
    from envdoctor.model.knowledge import Links, Miner
    from envdoctor.model.request import Request
    from envdoctor.model.script import Script
    from envdoctor.model.snapshot import Snapshot
    from envdoctor.model.spelling import Spellings


class Ground:
    """The environment that scripts are held against. `own` are root modules that a project has itself, so that no release counts."""

    def __init__(self, snapshot: Snapshot, atlas: CompiledAtlas, own: frozenset[str] = frozenset()) -> None:
        self.snapshot = snapshot
        self.atlas = atlas
        self.judge = _Judge(own, snapshot, atlas.beside(snapshot.distributions, snapshot.is_complete), open_spellings())

    def unknown(self, targets: Mapping[str, str]) -> list[str]:
        """Return those of the targets that the atlas does not know well enough to judge by."""
        return [name for name in targets if name not in self.atlas.packages or not self.judge.surface.state(name)]


class _Judge(Judge):
    """Leaves out what a script imports of its own project."""

    def __init__(self, own: frozenset[str], snapshot: Snapshot, links: Links, spellings: Spellings) -> None:
        super().__init__(snapshot, links, spellings)
        self._own = own

    def misuses(self, script: Script) -> list[Misuse]:
        return super().misuses(without(script, self._own))


class Named(Ground):
    """The environment that a request names. A script that installs packages itself has a ground of its own."""

    def __init__(self, found: Snapshot, atlas: CompiledAtlas, targets: Mapping[str, str], patient: Patient) -> None:
        super().__init__(with_versions(found, targets, "--target"), atlas)
        self._found = found
        self._patient = patient
        self._targets = targets

    def under(self, script: Script, asked: Request, environ: Mapping[str, str]) -> Ground:
        """Return what a script is held against. Raises InputError."""
        own = Imports().own_roots(script)
        found = self._found
        if script.commands or script.declares:
            from envdoctor.environments import apart

            _, beside = apart(asked, environ, self._patient, found.replace(script=script), self.atlas)[0]
            found = beside if beside.distributions is not found.distributions else found
        if found is self._found and not own:
            return self
        return Ground(with_versions(found, self._targets, "--target"), self.atlas, own)


class Way(Record):
    """Other versions, with which the scripts run as they are written. `errors` are what else is then wrong with the set."""

    moves: tuple[tuple[str, str, str], ...]
    errors: tuple[str, ...] = ()


def ground(asked: Request, environ: Mapping[str, str], targets: Mapping[str, str], mine: Miner | None = None) -> Named:
    """Return the environment that a request names, with the targeted versions in the place of what is there. Raises EnvdoctorError."""
    atlas = open_atlas()
    if atlas is None:
        raise RepairError("there is no atlas here, so what a release takes is not known; `envdoctor atlas update` mines one")
    patient = choose(asked, environ)
    found = patient.first()
    if mine is not None and patient.has_files and asked.deep is not False:
        atlas = deepened(atlas, found.replace(distributions=_untargeted(found, targets)), mine)
    return Named(found, atlas, targets, patient)


def _untargeted(snapshot: Snapshot, targets: Mapping[str, str]) -> dict[str, Distribution]:
    return {name: found for name, found in snapshot.distributions.items() if name not in targets}


def with_versions(snapshot: Snapshot, versions: Mapping[str, str], origin: str) -> Snapshot:
    """Return a snapshot in which some distributions have other versions."""
    changed = {name: Distribution(name=name, version=version, origin=origin) for name, version in versions.items()}
    return snapshot.replace(distributions={**snapshot.distributions, **changed})


def targets_of(words: Sequence[str]) -> dict[str, str]:
    """Return names and versions of `NAME==VERSION`. Raises RepairError."""
    found = {}
    for word in words:
        name, equals, version = word.replace(" ", "").partition("==")
        if not equals or not name or not is_version(version):
            raise RepairError(f"--target {word}: is not NAME==VERSION, such as trl==1.16.0")
        found[normalise(name)] = version
    return found


def other_way(ground: Ground, scripts: Sequence[tuple[str, str]]) -> Way | None:
    """Return the nearest versions that take scripts (text and path) as they are written; None where there are none for each alone."""
    wanted: dict[str, int] = {}
    for text, path in scripts:
        for misuse in ground.judge.misuses(read(text, path)):
            wanted[misuse.package] = wanted.get(misuse.package, -1) & _taking(misuse, ground)
    moves = []
    for package, bits in wanted.items():
        new = _nearest(ground, package, bits)
        if not new:
            return None
        old = ground.snapshot.distributions[package].version or ""
        moves.append((package, old, new))
    if not moves:
        return None
    moved = with_versions(ground.snapshot, {name: new for name, _, new in moves}, "the other way out")
    other = Ground(moved, ground.atlas)
    if any(other.judge.misuses(read(text, path)) for text, path in scripts):
        return None
    book = open_book()
    try:
        before = {finding.key for finding in evaluate(ground.snapshot, book, atlas=ground.atlas).findings if finding.severity == "error"}
        after = [finding for finding in evaluate(moved, book, atlas=ground.atlas).findings if finding.severity == "error"]
    finally:
        book.release()
        ground.atlas.release()
    return Way(moves=tuple(moves), errors=tuple(finding.message for finding in after if finding.key not in before))


def _taking(misuse: Misuse, ground: Ground) -> int:
    """Return the releases that take one thing as it is written."""
    if isinstance(misuse.entry, Sunk):
        refused = window(misuse.entry.refused)
        versions = ground.judge.surface.members(misuse.package).versions
        return sum(1 << place for place, version in enumerate(versions) if not admits(refused, version))
    return misuse.had


def _nearest(ground: Ground, package: str, bits: int) -> str:
    """Return the release next to the installed one among some, the older one of two; "" for none."""
    versions = ground.judge.surface.members(package).versions
    state = ground.judge.surface.state(package)
    older, newer = bits & ((state & -state) - 1), bits & ~((1 << state.bit_length()) - 1)
    if older:
        return versions[older.bit_length() - 1]
    return versions[(newer & -newer).bit_length() - 1] if newer else ""
