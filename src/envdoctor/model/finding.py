"""What the engine answers: one outcome per rule, findings, and the report that holds them."""

from __future__ import annotations

from envdoctor.model.record import Record
from envdoctor.model.rule import SEVERITIES, Remedy
from envdoctor.model.script import Location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Union

    from envdoctor.model.snapshot import Snapshot

    Outcome = Union["Fired", "Clear", "Unknown", "Skipped", "Crashed"]

PACKAGE_NEEDED = "purpose-package-not-installed"
IGNORE_UNUSED = "ignore-matches-nothing"
IGNORE_EXPIRED = "ignore-expired"
NAME_MISSING = "needed-name-missing"
MODULE_MISSING = "needed-module-missing"
MISSING_PACKAGE = "needed-package-missing"
ARGUMENT_MISSING = "needed-argument-missing"
VERSION_REFUSED = "version-refused-in-code"
DERIVED: dict[str, str] = {
    # findings that the atlas derives, for any two packages
    NAME_MISSING: "A package imports a name that the installed release of another package does not have.",
    MODULE_MISSING: "A package imports a module that the installed release of another package does not have.",
    MISSING_PACKAGE: "A package imports another one that is not installed, on the way of something this environment is for.",
    ARGUMENT_MISSING: "A package passes an argument that the installed release of another package does not take.",
    VERSION_REFUSED: "A package checks in its code what it runs beside, and refuses what is installed.",
}
SCRIPT_ARGUMENT = "script-argument-refused"
SCRIPT_NAME = "script-name-missing"
SCRIPT_UNREAD = "script-unreadable"
CALLS: dict[str, str] = {
    # findings that the atlas derives for a training script
    SCRIPT_ARGUMENT: "The script passes an argument, or a value of one, that the installed release of a library does not take.",
    SCRIPT_NAME: "The script imports, calls or reads what the installed release of a library does not have.",
}
BUILT_IN: dict[str, str] = {
    # findings that no rule file can say, because they depend on what was asked
    PACKAGE_NEEDED: "`--for` asks for what cannot be done without a package that is not installed.",
    IGNORE_UNUSED: "An ignore in the configuration matches no finding. Delete it, so that it cannot hide a later one.",
    IGNORE_EXPIRED: "An ignore in the configuration has passed its date and no longer counts. Delete it, or renew it with a reason.",
    SCRIPT_UNREAD: "A file of the folder that is checked is no script that can be read. It is not judged; name it alone to be told why.",
    **DERIVED,
    **CALLS,
}
FIT = "fit"
UNFIT = "unfit"
UNKNOWN = "unknown"


class Reason(Record):
    """One thing that made a rule fire, and where it was read."""

    what: str
    value: str
    origin: str


class Finding(Record):
    """One fault found. `uses` are all uses that it breaks, the ones that rest on others included.

    `severity` is the one that counts for this run: a fault in a use that nobody asked for is at most a warning;
    `declared_severity` is the rule's own.
    """

    rule: str
    title: str
    subject: str
    severity: str
    declared_severity: str
    impact: str
    confidence: str
    message: str
    why: str = ""
    uses: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    because: tuple[Reason, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    links: tuple[str, ...] = ()
    locations: tuple[Location, ...] = ()
    silent: bool = False
    suppressed: str = ""

    @property
    def key(self) -> str:
        """Name this finding across runs and versions: used by ignores, baselines and SARIF fingerprints."""
        return f"{self.rule}:{self.subject}"


class Fired(Record):
    """The rule's condition holds."""

    findings: tuple[Finding, ...]


class Clear(Record):
    """The rule's condition does not hold."""


class Unknown(Record):
    """The rule cannot be judged: these facts are missing (`dist:NAME` where a version is not known)."""

    missing: tuple[str, ...]


class Skipped(Record):
    """The rule was not asked for (`--select`, an ignore)."""

    reason: str


class Crashed(Record):
    """The rule itself failed; never the end of a run."""

    error: str


CLEAR = Clear()


class Report(Record):
    """The verdict on one snapshot, with every finding and one outcome per rule."""

    snapshot: Snapshot
    verdict: str
    purpose: str
    uses: Mapping[str, str]
    findings: tuple[Finding, ...]
    outcomes: Mapping[str, Outcome]
    suppressed: tuple[Finding, ...] = ()
    book_version: str = ""

    def count(self, kind: type) -> int:
        """Count the outcomes of a kind."""
        return sum(1 for outcome in self.outcomes.values() if type(outcome) is kind)

    def reaches(self, severity: str) -> bool:
        """Tell whether a finding is as grave as a severity, or graver."""
        threshold = SEVERITIES.index(severity)
        return any(SEVERITIES.index(finding.severity) <= threshold for finding in self.findings)

    def missing(self) -> dict[str, int]:
        """Return each missing fact with the number of rules that wait for it."""
        waiting: dict[str, int] = {}
        for outcome in self.outcomes.values():
            if isinstance(outcome, Unknown):
                for path in outcome.missing:
                    waiting[path] = waiting.get(path, 0) + 1
        return waiting
