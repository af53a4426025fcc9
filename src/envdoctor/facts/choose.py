"""Turns what a request names into a patient: an environment, a saved snapshot, or listings on this or a described machine."""

from __future__ import annotations

import os

from envdoctor.facts.host import LocalHost
from envdoctor.facts.locate import active_place, is_environment, place_of
from envdoctor.facts.patient import Described, Live, with_answers
from envdoctor.facts.scripts import is_script
from envdoctor.model.errors import InputError, UsageError
from envdoctor.model.facts import Fact
from envdoctor.model.listing import joined
from envdoctor.model.snapshot import COMPLETE, Document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envdoctor.facts.host import Host
    from envdoctor.facts.patient import Patient
    from envdoctor.model.facts import Absent
    from envdoctor.model.listing import Listing
    from envdoctor.model.request import Request, Target
    from envdoctor.model.snapshot import Distribution, Snapshot


def choose_patient(asked: Request, environ: Mapping[str, str]) -> Patient:
    """Return the patient of a request. Raises InputError for what cannot be read, UsageError for what excludes each other."""
    environments, snapshots, listings = _sorted_paths(asked)
    named = [*environments, *snapshots, *(["--python " + asked.python] if asked.python else [])]
    if len(named) > 1 or (named and (listings or asked.freeze)):
        also = [*named, *listings, *([asked.freeze] if asked.freeze else [])]
        raise UsageError(f"one patient at a time: {', '.join(also)} each name one; check them one after the other")
    if snapshots:
        return _saved(snapshots[0], asked)
    if listings or asked.freeze:
        return listed(listings, asked, environ)
    place = environments[0] if environments else asked.python
    live = Live(place_of(place, environ) if place else active_place(environ), environ)
    if not asked.target.described:
        return live
    first = live.first()
    complete = [fact for path, fact in first.facts.items() if path.startswith("environment.")]
    return _Elsewhere(_described(first.distributions, complete, asked.target).first())


def _sorted_paths(asked: Request) -> tuple[list[str], list[str], list[str]]:
    environments: list[str] = []
    snapshots: list[str] = []
    listings: list[str] = []
    folders: list[str] = []
    for path in asked.paths:
        if os.path.isdir(path):
            (environments if is_environment(path) else folders).append(path)
        elif is_script(path):
            continue
        elif _is_snapshot(path):
            snapshots.append(path)
        elif os.path.basename(path).startswith(("python", "pypy")) and os.access(path, os.X_OK):
            environments.append(path)
        else:
            listings.append(path)
    is_named = bool(environments or snapshots or listings or asked.python or asked.freeze)
    listings += [path for path in folders if _is_patient(path, is_named)]
    return environments, snapshots, listings


def _is_patient(folder: str, is_named: bool) -> bool:
    """Tell whether a folder says what is installed: by a list in it, unless that is said elsewhere and the folder holds scripts."""
    from envdoctor.facts.documents import asks_for_packages
    from envdoctor.facts.folders import holds_scripts

    return not holds_scripts(folder) or (not is_named and asks_for_packages(folder))


def _is_snapshot(path: str) -> bool:
    from envdoctor.model.exchange import KIND

    start = LocalHost().read_bytes(path, limit=4096) or b""
    # PowerShell 5 writes `envdoctor snapshot > box.json` in UTF-16.
    return KIND.encode() in start or KIND.encode("utf-16-le") in start or KIND.encode("utf-16-be") in start


def _saved(path: str, asked: Request) -> Patient:
    import json

    from envdoctor.facts.documents import read_text
    from envdoctor.model.exchange import from_mapping

    try:
        told = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON: {error}; make the snapshot anew with `envdoctor snapshot > {path}`") from None
    snapshot = from_mapping(told, path)
    if asked.target.described:
        kept = [fact for name, fact in snapshot.facts.items() if name.startswith(("environment.", "python.", "model.", "training."))]
        return _described(snapshot.distributions, kept, asked.target)
    return _Recorded(snapshot)


class _Recorded(Described):
    """A snapshot that was taken elsewhere."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot


class _Elsewhere(_Recorded):
    """An environment of this machine, judged for another machine."""

    has_files = True


def _described(
    distributions: Mapping[str, Distribution], extra: Sequence[Fact | Absent], target: Target, documents: tuple[Document, ...] = ()
) -> Described:
    from envdoctor.facts.target import describe

    facts, absent = describe(
        gpu=target.gpu, gpus=target.gpus, driver=target.driver, platform=target.platform, python_version=target.python_version,
        distributions=distributions,
    )  # fmt: skip
    return Described(distributions, [*extra, *facts, *absent], documents=documents)


def listed(listings: list[str], asked: Request, environ: Mapping[str, str]) -> Patient:
    """Return what files list, and `--freeze` with them, on this machine or the described one. Raises InputError."""
    from envdoctor.facts.documents import distributions, marker_environment, read_listing
    from envdoctor.facts.target import named_platform

    read = [read_listing(path) for path in listings]
    if asked.freeze:
        read.append(read_listing(asked.freeze, frozen=True))
    listing = joined(read)
    platform = named_platform(asked.target.platform) if asked.target.platform else this_platform(LocalHost(environ=environ))
    python = asked.target.python_version or _python_told(listing) or _this_python()
    found = distributions(listing, marker_environment(platform, python))
    complete = Fact(path=COMPLETE, value=listing.complete, origin=", ".join(one.path for one in read))
    documents = tuple(Document(path=one.path, kind=one.kind, problems=(*one.problems, *_unfit_python(one, python))) for one in read)
    if asked.target.described:
        return _described(found, [complete], asked.target.replace(platform=platform, python_version=python), documents)
    return _Here(found, complete, environ, documents)


class _Here(Live):
    """Listed distributions, judged on this machine: its hardware and tools count, its installed packages do not."""

    has_files = False

    def __init__(
        self, found: Mapping[str, Distribution], complete: Fact, environ: Mapping[str, str], documents: tuple[Document, ...]
    ) -> None:
        super().__init__(active_place(environ), environ)
        self._found, self._complete, self._documents = found, complete, documents
        self._asked.update(("torch", "cuda"))  # these sources would read the torch that is installed here

    def first(self) -> Snapshot:
        from envdoctor.facts.gpu import capabilities
        from envdoctor.facts.target import describe_torch

        whole = super().first()
        kept = {path: fact for path, fact in whole.facts.items() if not path.startswith("environment.")}
        snapshot = whole.replace(distributions=self._found, facts=kept, documents=self._documents)
        cards = capabilities(self.host)
        told = describe_torch(
            self._found, whole.fact("os.name"), whole.fact("os.arch"), min(cards) if cards else None, None if cards is None else bool(cards)
        )
        return with_answers(snapshot, [self._complete, *told])


def _python_told(listing: Listing) -> str:
    """Return the exact Python that a listing was recorded on (`pip inspect` tells it), or ""."""
    told = listing.python
    return told[2:] if told.startswith("==") and "," not in told and "*" not in told else ""


def _unfit_python(listing: Listing, python: str) -> tuple[str, ...]:
    from envdoctor.model.versions import InvalidSpecifier, admits, window

    try:
        if not listing.python or admits(window(listing.python), python):
            return ()
    except InvalidSpecifier:
        return (f"{listing.path}: requires-python {listing.python!r} is no specifier",)
    return (f"{listing.path} asks for Python {listing.python} and is judged for {python}; --python-version names another",)


def this_platform(host: Host) -> str:
    """Return the platform that listings are judged for when none is named: this machine's."""
    from envdoctor.facts.system import ARCHITECTURES, NAMES

    machine = host.machine()
    return f"{NAMES.get(host.platform, host.platform)}-{ARCHITECTURES.get(machine, machine)}"


def _this_python() -> str:
    import sys

    return "%d.%d.%d" % sys.version_info[:3]
