"""Scripts that bring packages of their own: a notebook with `!pip install` lines, a script with a `# /// script` block.

What such a script is run beside is another environment than the one that is named, so it is examined by itself.
"""

from __future__ import annotations

import os

from envdoctor.facts.locate import is_environment
from envdoctor.facts.scripts import is_script
from envdoctor.facts.target import describe_torch
from envdoctor.model.errors import InputError
from envdoctor.model.facts import Absent, Fact
from envdoctor.model.script import Location, Unread
from envdoctor.model.snapshot import COMPLETE, Document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from envdoctor.facts.installing import Layer
    from envdoctor.facts.patient import Answers, Patient
    from envdoctor.knowledge.atlas.artefact import CompiledAtlas
    from envdoctor.model.request import Request
    from envdoctor.model.script import Script
    from envdoctor.model.snapshot import Snapshot

_OF_TORCH = ("torch.", "cuda.runtimes")
"""Beginnings of the facts that are read from the packages themselves."""
_OF_PACKAGES = ("environment.", *_OF_TORCH)
INSTALLS = "with what it installs"


def apart(
    asked: Request, environ: Mapping[str, str], patient: Patient, snapshot: Snapshot, atlas: CompiledAtlas | None
) -> list[tuple[Patient, Snapshot]]:
    """Return the environments that the scripts of a snapshot run in: the one that is named, where one of them does, and their own.

    A block that cannot be read is a note where a folder gave the script. Raises InputError for one of a script that is named itself.
    """
    makers = _Makers(asked, environ, atlas)
    shared = _Shared(patient)
    found: list[tuple[Patient, Snapshot]] = []
    staying, unread = [], list(snapshot.unread)
    for script in snapshot.every_script:
        view = snapshot if snapshot.script is not None else snapshot.beside(script)
        try:
            own = makers.own(shared, view, script)
        except InputError as error:
            if script.paths[0] in asked.paths:
                raise
            unread.append(Unread(location=Location(path=script.paths[0], line=1), reason=str(error)))
            continue
        settled = script.replace(commands=(), declares=False)  # what it brings is there now
        if own is None:
            staying.append(settled)
        else:
            found.append((own[0], own[1].replace(script=settled)))
    if staying or not found:
        rest = snapshot.replace(script=staying[0] if staying and snapshot.script is not None else None)
        found.insert(0, (shared, rest if rest.script is not None else rest.replace(scripts=tuple(staying))))
    first, beside = found[0]
    return [(first, beside.replace(unread=tuple(unread))), *found[1:]]


class _Makers:
    """Makes the environments of scripts."""

    def __init__(self, asked: Request, environ: Mapping[str, str], atlas: CompiledAtlas | None) -> None:
        self._asked = asked
        self._environ = environ
        self._atlas = atlas
        files = [path for path in asked.paths if not is_script(path) and (not os.path.isdir(path) or is_environment(path))]
        self._is_named = bool(asked.python or asked.freeze or files)
        """Somebody says outright which environment counts, so that no block does."""

    def own(self, patient: _Shared, view: Snapshot, script: Script) -> tuple[_Shared, Snapshot] | None:
        """Return the environment of one script, or None where it leaves what is there as it is."""
        declared = self._declared(view, script) if script.declares and not self._is_named else None
        if declared is not None:
            patient, view = declared
        if not script.commands:
            return declared
        layer = self._layer(view, script)
        if not layer.changed and not layer.problems:
            return declared
        path = script.paths[0]
        answers: Answers = []
        if layer.changed:
            answers.append(Fact(path=COMPLETE, value=view.is_complete and layer.is_closed, origin=path))
        is_other = "torch" in layer.changed
        if is_other:
            patient = patient.without(_OF_TORCH)
            capability, present = patient.capability(view)
            answers += describe_torch(layer.distributions, view.fact("os.name"), view.fact("os.arch"), capability, present)
        facts = {name: fact for name, fact in view.facts.items() if not (is_other and name.startswith(_OF_TORCH))}
        document = Document(path=path, kind=INSTALLS, problems=tuple(layer.problems))
        view = view.replace(distributions=layer.distributions, facts=facts, documents=(*view.documents, document))
        return patient, view.with_answers(answers)

    def _layer(self, view: Snapshot, script: Script) -> Layer:
        from envdoctor.facts.installing import Layer, installed_by
        from envdoctor.knowledge.atlas.declared import Declared
        from envdoctor.model.requirements import marker_variables

        told = [view.fact(path) for path in ("os.name", "os.arch", "python.version")]
        system, machine, version = (str(fact.value) if isinstance(fact, Fact) else "" for fact in told)
        markers = marker_variables(system or "linux", machine or "x86_64", version or "3.11")
        layer = Layer(view.distributions, markers, Declared(self._atlas, markers))
        for one in installed_by(script):
            layer.put(one)
        return layer

    def _declared(self, view: Snapshot, script: Script) -> tuple[_Shared, Snapshot] | None:
        """Return the environment that a script's own block asks for, which `uv run` makes for it; None for a script without one."""
        from envdoctor.facts.choose import listed
        from envdoctor.facts.documents import read_text
        from envdoctor.formats.script_metadata import recognises

        path = script.paths[0]
        if not recognises(path, read_text(path)):
            return None
        lock = f"{path}.lock"  # what `uv lock --script` writes
        patient = listed([lock if os.path.isfile(lock) else path], self._asked.replace(freeze=None), self._environ)
        first = patient.first()
        answers: Answers = [fact for name, fact in view.facts.items() if not name.startswith(_OF_PACKAGES) and name not in first.facts]
        answers += [one for name, one in view.absent.items() if name.startswith(("model.", "training.", "hf."))]
        return _Shared(patient), first.with_answers(answers).replace(script=script)


class _Shared:
    """A patient that several examinations ask: what it told one of them, it tells the next. Facts that begin as in `hidden` stay untold."""

    def __init__(self, patient: Patient, told: dict[str, Fact | Absent] | None = None, hidden: Sequence[str] = ()) -> None:
        self.has_files = patient.has_files
        self._patient = patient
        self._told = {} if told is None else told
        self._hidden = tuple(hidden)

    def first(self) -> Snapshot:
        return self._patient.first()

    def collect(self, paths: Iterable[str]) -> Answers:
        wanted = [path for path in paths if not path.startswith(self._hidden)] if self._hidden else list(paths)
        fresh = [path for path in wanted if path not in self._told]
        self._told.update((answer.path, answer) for answer in (self._patient.collect(fresh) if fresh else ()))
        return [answer for path, answer in self._told.items() if wanted and not (self._hidden and path.startswith(self._hidden))]

    def without(self, hidden: Sequence[str]) -> _Shared:
        """Return the same patient, silent on some facts."""
        return _Shared(self._patient, self._told, hidden)

    def capability(self, view: Snapshot) -> tuple[float | None, bool | None]:
        """Return the least compute capability of the GPUs and whether there is one; None for what is not known."""
        told = view.fact("gpu.capability.min")
        host = getattr(self._patient, "host", None)
        if isinstance(told, Fact):
            return float(str(told.value)), True
        if host is None:
            return None, None
        from envdoctor.facts.gpu import capabilities

        cards = capabilities(host)
        return (min(cards) if cards else None), (None if cards is None else bool(cards))
