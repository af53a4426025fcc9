"""Judges sets that nobody installed yet: the patient's machine, script and model with other versions on it."""

from __future__ import annotations

from envdoctor.diagnosis import diagnose
from envdoctor.facts.patient import with_answers
from envdoctor.facts.target import describe_torch
from envdoctor.model.facts import Fact
from envdoctor.model.snapshot import COMPLETE, Distribution
from envdoctor.model.versions import build_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from envdoctor.facts.patient import Answers, Patient
    from envdoctor.model.facts import Absent
    from envdoctor.model.finding import Report
    from envdoctor.model.request import Request
    from envdoctor.model.snapshot import Snapshot

_OF_WHAT_IS_INSTALLED = ("torch.", "cuda.runtimes", "environment.")
"""Facts that were read from installed files, and say nothing of another set."""
ORIGIN = "the plan"


class Supposing:
    """A patient whose distributions are replaced, again and again; its machine is asked only once for each fact."""

    has_files = False

    def __init__(self, asked: Request, patient: Patient, snapshot: Snapshot) -> None:
        self._asked = asked.replace(deep=False)
        self._patient = patient
        self._base = snapshot
        self._learnt: dict[str, Fact | Absent] = {}
        self._sought: set[str] = set()

    @property
    def facts(self) -> Snapshot:
        """The patient as it is, with what was learnt of its machine since."""
        return with_answers(self._base, self._learnt.values())

    def snapshot(self, versions: Mapping[str, str], complete: bool = True) -> Snapshot:
        """Return the patient with these versions and no others. `complete` tells that they are all that will be installed."""
        kept = {path: fact for path, fact in self._base.facts.items() if not path.startswith(_OF_WHAT_IS_INSTALLED)}
        absent = {path: one for path, one in self._base.absent.items() if not path.startswith(_OF_WHAT_IS_INSTALLED)}
        found = {
            name: Distribution(name=name, version=version or None, build=build_of(version), origin=ORIGIN)
            for name, version in sorted(versions.items())
        }
        bare = self._base.replace(distributions=found, facts=kept, absent=absent)
        bare = with_answers(bare, [answer for path, answer in self._learnt.items() if not path.startswith(_OF_WHAT_IS_INSTALLED)])
        lowest, vendor = bare.fact("gpu.capability.min"), bare.fact("gpu.vendor")
        capability = float(str(lowest.value)) if isinstance(lowest, Fact) else None
        present = vendor.value == "nvidia" if isinstance(vendor, Fact) else None
        told = describe_torch(found, bare.fact("os.name"), bare.fact("os.arch"), capability, present)
        return with_answers(bare, [Fact(path=COMPLETE, value=complete, origin=ORIGIN), *told])

    def judge(self, versions: Mapping[str, str], complete: bool = True) -> Report:
        """Return the verdict on these versions."""
        return diagnose(self._asked, self, self.snapshot(versions, complete=complete))

    def first(self) -> Snapshot:
        """Return the patient as it is."""
        return self._base

    def collect(self, paths: Iterable[str]) -> Answers:
        """Return facts of the machine, each learnt once; what only installed files could tell stays unknown."""
        wanted = {path for path in paths if not path.startswith(_OF_WHAT_IS_INSTALLED)}
        new = wanted - self._sought
        if new:
            self._sought |= new
            self._learnt.update((answer.path, answer) for answer in self._patient.collect(new))
        return [self._learnt[path] for path in sorted(wanted) if path in self._learnt]
