"""What is to be repaired, as the search takes it: what the user asked for, what that gives today, and what may move.

A file that leaves something to a resolver is resolved as its installer would do it. What is installed, frozen or locked stands for itself.
"""

from __future__ import annotations

import os

from envdoctor.diagnosis import choose, prepare
from envdoctor.facts.documents import marker_environment, read_listing, read_text
from envdoctor.facts.target import named_platform
from envdoctor.formats import EDITED, remade
from envdoctor.model.errors import InputError
from envdoctor.model.facts import Fact
from envdoctor.model.listing import joined
from envdoctor.model.markers import InvalidMarker, holds
from envdoctor.model.record import Record
from envdoctor.model.references import is_url
from envdoctor.model.versions import is_version
from envdoctor.repair.question import Wish
from envdoctor.repair.sources import Sources, project_sources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from envdoctor.facts.patient import Patient
    from envdoctor.model.listing import Listing, Requirement
    from envdoctor.model.request import Request
    from envdoctor.model.snapshot import Snapshot

SEEDS = ("pip", "setuptools", "wheel")
"""What a list of everything leaves out, because an environment is made with it."""


class Ill(Record):
    """A patient before the search. `now` holds known versions; it is all that there is only where `settled`.

    `locked` is the command that makes a lock file again: `now` was read from it, and `listing` is the file that it is made from.
    `lines` are the requirements that count here, by name, in the order of the file; `limits` those of constraints. `python` is an
    interpreter of the patient's own, "" where it has none.
    """

    asked: Request
    patient: Patient
    snapshot: Snapshot
    listing: Listing | None
    wishes: tuple[Wish, ...]
    limits: tuple[tuple[str, str], ...]
    lines: Mapping[str, tuple[Requirement, ...]]
    now: Mapping[str, str]
    settled: bool
    locked: str = ""
    environment: Mapping[str, str] = {}
    sources: Sources = Sources()
    python: str = ""
    python_version: str = ""
    platform: str = ""

    @property
    def judged_for(self) -> str:
        """The platform that markers were judged for, as it is named on the command line."""
        system, machine = (self.snapshot.fact(path) for path in ("os.name", "os.arch"))
        return f"{system.value}-{machine.value}" if isinstance(system, Fact) and isinstance(machine, Fact) else ""

    @property
    def pinned(self) -> frozenset[str]:
        """Names whose version the user wrote down; what is merely installed is not."""
        if self.listing is None:
            return frozenset()
        return frozenset(name for name, lines in self.lines.items() if any(exact(line.specifier) for line in lines))

    @property
    def ranged(self) -> frozenset[str]:
        """Names that the user limited otherwise."""
        return frozenset(name for name, lines in self.lines.items() if any(line.specifier for line in lines)) - self.pinned


def exact(specifier: str) -> str:
    """Return the version that a specifier pins, or "".

    >>> exact("==2.5.1"), exact("==2.5.*"), exact(">=2,==2.5.1"), exact(">=2")
    ('2.5.1', '', '2.5.1', '')
    """
    for clause in specifier.split(","):
        version = clause.strip().lstrip("=").strip()
        if clause.strip().startswith("==") and "*" not in version:
            return version
    return ""


def examine(asked: Request, environ: Mapping[str, str]) -> Ill:
    """Read what a request names. Raises EnvdoctorError."""
    patient = choose(asked, environ)
    files = tuple(path for path in asked.paths if not os.path.isdir(path))
    snapshot = prepare(asked.replace(paths=files), patient, environ)  # a folder stands for its list here, not for its scripts
    paths = [path for path in asked.paths if not path.endswith((".py", ".ipynb"))]
    is_listed = bool(snapshot.documents) and not patient.has_files
    if not is_listed:
        return _installed(asked, patient, snapshot)
    named = [(path, False) for path in paths] + ([(asked.freeze, True)] if asked.freeze else [])
    listing = joined([read_listing(path, frozen=frozen) for path, frozen in named])
    if listing.kind in EDITED:
        return _listed(asked, patient, snapshot, listing)
    made = remade(listing.kind, os.path.basename(listing.path))
    source = os.path.join(os.path.dirname(listing.path), made.source)
    if not made.source or not os.path.isfile(source):
        return _listed(asked, patient, snapshot, listing)
    of_source = examine(asked.replace(paths=(source,), freeze=None), environ)
    versions = _listed(asked, patient, snapshot, listing).now
    return of_source.replace(asked=asked, patient=patient, snapshot=snapshot, now=versions, locked=" ".join(made.command), settled=False)


def _installed(asked: Request, patient: Patient, snapshot: Snapshot) -> Ill:
    wishes = []
    now = {}
    for name, found in snapshot.distributions.items():
        if found.version is None or found.direct_url:
            # a folder or a commit stays as it is; what it declares counts as asked for
            wishes += [_declared(line) for line in found.requires or ()]
            continue
        now[name] = found.version
        wishes.append(Wish(name=name, specifier=f"=={found.version}"))
    place = getattr(patient, "place", None)
    environment = _markers(snapshot)
    active = [wish for wish in wishes if wish.line == "" or _applies(wish.line, environment)]
    return Ill(
        asked=asked, patient=patient, snapshot=snapshot, listing=None, wishes=tuple(active), limits=(), lines={}, now=now, settled=True,
        environment=environment, sources=project_sources(os.getcwd(), {}), python=_interpreter(place) if place is not None else "",
        python_version=environment["python_full_version"],
    )  # fmt: skip


def _declared(line: str) -> Wish:
    from envdoctor.formats._pep508 import requirement

    found = requirement(line)
    return Wish(name=found.name, specifier=None, extras=found.extras, line=line)


def _applies(line: str, environment: Mapping[str, str]) -> bool:
    from envdoctor.model.requirements import InvalidRequirement, needed

    try:
        return needed(line, environment) is not None
    except InvalidRequirement:
        return False


def _interpreter(place: object) -> str:
    prefix = str(getattr(place, "prefix", ""))
    for name in ("bin/python", "Scripts/python.exe", "python.exe"):
        path = os.path.join(prefix, *name.split("/"))
        if os.path.exists(path):
            return path
    return ""


def _listed(asked: Request, patient: Patient, snapshot: Snapshot, listing: Listing) -> Ill:
    version, system, machine = (snapshot.fact(path) for path in ("python.version", "os.name", "os.arch"))
    platform = f"{system.value}-{machine.value}" if isinstance(system, Fact) and isinstance(machine, Fact) else ""
    if asked.target.platform:
        platform = named_platform(asked.target.platform)
    python = str(version.value) if isinstance(version, Fact) else asked.target.python_version or ""
    environment = marker_environment(platform, python)
    lines: dict[str, tuple[Requirement, ...]] = {}
    limits: list[tuple[str, str]] = []
    folder = os.path.dirname(os.path.abspath(listing.path))
    wishes = []
    for requirement in listing.requirements:
        if not requirement.name or not _counts(requirement, environment):
            continue
        if requirement.constraint:
            limits.append((requirement.name, requirement.specifier))
        elif requirement.name in snapshot.distributions:
            wishes.append(_wish(requirement, folder))
        else:
            continue
        lines[requirement.name] = (*lines.get(requirement.name, ()), requirement)
    now = {name: found.version for name, found in snapshot.distributions.items() if found.version is not None and is_version(found.version)}
    texts = {path: _text(path) for path in dict.fromkeys(line.location.path for line in listing.requirements if line.location is not None)}
    texts.setdefault(listing.path, _text(listing.path))
    if listing.kind not in ("requirements.txt", "pip freeze"):
        texts = {}  # other files hold no options
    return Ill(
        asked=asked, patient=patient, snapshot=snapshot, listing=listing, wishes=_merged(wishes), limits=tuple(limits), lines=lines,
        now=now, settled=listing.complete, environment=environment, sources=project_sources(folder, texts), python_version=python,
        platform=platform if asked.target.platform else "",
    )  # fmt: skip


def _merged(wishes: Iterable[Wish]) -> tuple[Wish, ...]:
    """Return one wish a name: lines that count together are one to whoever resolves."""
    found: dict[str, Wish] = {}
    for wish in wishes:
        known = found.get(wish.name)
        if known is None or known.specifier is None or wish.specifier is None:
            found[wish.name] = wish if known is None or wish.specifier is None else known
            continue
        both = ",".join(dict.fromkeys(part for part in (*known.specifier.split(","), *wish.specifier.split(",")) if part))
        found[wish.name] = known.replace(specifier=both, extras=tuple(sorted({*known.extras, *wish.extras})))
    return tuple(found.values())


def _counts(requirement: Requirement, environment: Mapping[str, str]) -> bool:
    try:
        return holds(requirement.marker, environment)
    except InvalidMarker:
        return True


def _wish(requirement: Requirement, folder: str) -> Wish:
    """Return a requirement without its marker, which was judged, and with paths from anywhere."""
    if not requirement.url:
        return Wish(name=requirement.name, specifier=requirement.specifier, extras=requirement.extras)
    url = requirement.url
    if not is_url(url):
        url = os.path.join(folder, url.removeprefix("file:"))
        line = f"-e {url}" if requirement.editable else f"{requirement.name} @ file://{url}"
    elif requirement.editable:
        line = f"-e {url}"
    else:
        extras = f"[{','.join(requirement.extras)}]" if requirement.extras else ""
        line = f"{requirement.name}{extras} @ {url}"
    return Wish(name=requirement.name, specifier=None, extras=requirement.extras, line=line)


def _text(path: str) -> str:
    try:
        return read_text(path)
    except InputError:
        return ""


def _markers(snapshot: Snapshot) -> dict[str, str]:
    from envdoctor.model.requirements import marker_variables

    told = [snapshot.fact(path) for path in ("os.name", "os.arch", "python.version")]
    system, machine, version = (str(fact.value) if isinstance(fact, Fact) else "" for fact in told)
    return marker_variables(system or "linux", machine or "x86_64", version or "3.11")
