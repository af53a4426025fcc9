"""Patients to examine: a live environment, a listed one, a saved snapshot. Each gives a first snapshot and collects more on demand."""

from __future__ import annotations

import os

from envdoctor.facts import SOURCES
from envdoctor.facts.allowed import collect_environment
from envdoctor.facts.distributions import installed
from envdoctor.facts.host import LocalHost
from envdoctor.model.errors import InputError
from envdoctor.model.facts import FAILED, Absent, Fact
from envdoctor.model.snapshot import COMPLETE, Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Protocol, Union

    from envdoctor.facts.host import Host
    from envdoctor.facts.locate import Place
    from envdoctor.model.snapshot import Distribution, Document

    Answers = list[Union[Fact, Absent]]

    class Patient(Protocol):
        """What diagnosis asks."""

        has_files: bool
        """The distributions lie on this machine, each where its `location` says."""

        def first(self) -> Snapshot:
            """Return what is known at once: distributions, platform, environment variables."""

        def collect(self, paths: Iterable[str]) -> Answers:
            """Return facts for these paths (and what else their sources tell); [] when nothing more can be learnt."""


BASIC = ("system", "python")
"""Sources that nearly every rule needs; cheap, so they are read at once."""


class Live:
    """An environment on this machine."""

    has_files = True

    def __init__(self, place: Place, environ: Mapping[str, str], host: Host | None = None) -> None:
        self.place = place
        self.host: Host = host or LocalHost(place.prefix, place.site_packages, place.python_version, environ)
        self._asked: set[str] = set()

    def first(self) -> Snapshot:
        """Read the distributions and the basic facts."""
        found = installed(self.place.site_packages)
        if found.unreadable and not found.distributions:
            raise InputError(f"{'; '.join(found.unreadable)}: nothing installed can be read; check the permissions of the folder")
        readable = f"cannot be read: {'; '.join(found.unreadable)}" if found.unreadable else "site-packages"
        answers: Answers = [
            Fact(path="environment.duplicates", value=tuple(found.duplicates), origin="site-packages"),
            Fact(path="environment.broken", value=tuple(found.broken), origin="site-packages"),
            Fact(path=COMPLETE, value=not found.unreadable, origin=readable),
        ]
        for name in BASIC:
            answers += self._ask(name)
        return with_answers(Snapshot(distributions=found.distributions, environment=collect_environment(self.host)), answers)

    def collect(self, paths: Iterable[str]) -> Answers:
        """Run the sources that tell these facts, each once."""
        wanted = set(paths)
        answers: Answers = []
        for name, told in SOURCES.items():
            if name not in self._asked and not wanted.isdisjoint(told):
                answers += self._ask(name)
        return answers

    def _ask(self, name: str) -> Answers:
        self._asked.add(name)
        try:
            module = __import__(f"envdoctor.facts.{name}", fromlist=["collect"])
            return list(module.collect(self.host))
        except Exception as error:  # noqa: BLE001 - a source's own defect is an absent fact, never the end of a check
            detail = f"{type(error).__name__}: {error}"
            return [Absent(path=path, reason=FAILED, detail=detail) for path in SOURCES[name]]


class Described:
    """A list of distributions and a machine that is described, not present."""

    has_files = False

    def __init__(
        self,
        distributions: Mapping[str, Distribution],
        answers: Answers,
        environment: Mapping[str, str] | None = None,
        documents: tuple[Document, ...] = (),
    ) -> None:
        self._snapshot = with_answers(Snapshot(distributions=distributions, environment=environment, documents=documents), answers)

    def first(self) -> Snapshot:
        """Return the description."""
        return self._snapshot

    def collect(self, paths: Iterable[str]) -> Answers:
        """Return nothing: a description has no more to tell."""
        return []


def with_answers(snapshot: Snapshot, answers: Iterable[Fact | Absent]) -> Snapshot:
    """Return the snapshot with more facts; a fact replaces an absence and an earlier fact of its path."""
    return snapshot.with_answers(answers)


def working_directory() -> str:
    """Return the current folder, or "" when it was deleted underneath."""
    try:
        return os.getcwd()
    except OSError:
        return ""
