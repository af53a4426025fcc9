"""A patient: what is installed, what is known of its machine, and the texts found with it."""

from __future__ import annotations

from envdoctor.model.facts import NOT_COLLECTED, Absent, Fact
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Union

    from envdoctor.model.script import Location, Script, Unread

SCHEMA = 1
COMPLETE = "environment.complete"


class Distribution(Record):
    """One installed distribution, or one that a list or lock file names.

    `version` is None where it is not known (a Git reference, an unpinned requirement, damaged metadata; `problems` says which).
    `requires` is None where the declared requirements were not read. `place` is where a script or notebook installs it.
    """

    name: str
    version: str | None = None
    build: str = ""
    requires: tuple[str, ...] | None = None
    requires_python: str = ""
    installer: str = ""
    direct_url: str = ""
    location: str = ""
    origin: str = ""
    specifier: str = ""
    problems: tuple[str, ...] = ()
    place: Location | None = None


class Document(Record):
    """A file that the patient was read from. `problems` are defects in it that did not stop the reading."""

    path: str
    kind: str
    problems: tuple[str, ...] = ()


_UNSOUGHT: dict[str, Absent] = {}  # one answer per path: a check asks a thousand times for facts that nobody looked for


def _unsought(path: str) -> Absent:
    found = _UNSOUGHT.get(path)
    if found is None:
        found = _UNSOUGHT[path] = Absent(path=path, reason=NOT_COLLECTED)
    return found


class Snapshot(Record):
    """Everything a verdict is made from. `distributions` is keyed by normalised name, `facts` and `absent` by path.

    `environment` holds the allowed environment variables, or None where the environment of the run is not known. Of several `scripts` each
    is judged by itself, as the `script` of the snapshot that `beside` gives. `unread` are files among them that are none.
    """

    distributions: Mapping[str, Distribution]
    facts: Mapping[str, Fact] = {}
    absent: Mapping[str, Absent] = {}
    environment: Mapping[str, str] | None = None
    script: Script | None = None
    documents: tuple[Document, ...] = ()
    schema: int = SCHEMA
    scripts: tuple[Script, ...] = ()
    unread: tuple[Unread, ...] = ()

    def fact(self, path: str) -> Union[Fact, Absent]:
        """Return what is known of a fact; a fact nobody looked for is Absent(not-collected)."""
        return self.facts.get(path) or self.absent.get(path) or _unsought(path)

    def with_answers(self, answers: Iterable[Union[Fact, Absent]]) -> Snapshot:
        """Return the snapshot with more facts; a fact replaces an absence and an earlier fact of its path."""
        facts, absent = dict(self.facts), dict(self.absent)
        for answer in answers:
            if isinstance(answer, Fact):
                facts[answer.path] = answer
                absent.pop(answer.path, None)
            elif answer.path not in facts:
                absent[answer.path] = answer
        return self.replace(facts=facts, absent=absent)

    def beside(self, script: Script) -> Snapshot:
        """Return the snapshot as one of its scripts has it."""
        return self.with_answers(script.facts).replace(script=script, scripts=(), unread=())

    @property
    def every_script(self) -> tuple[Script, ...]:
        """The scripts, be there none, one, or several."""
        return self.scripts or ((self.script,) if self.script is not None else ())

    @property
    def is_complete(self) -> bool:
        """Tell whether `distributions` is known to be all that is installed."""
        complete = self.facts.get(COMPLETE)
        return complete is not None and bool(complete.value)

    def distribution(self, name: str) -> Distribution | None:
        """Return the distribution of that normalised name."""
        return self.distributions.get(name)
