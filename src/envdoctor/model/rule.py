"""A rule of the book: when it fires, what it says, what to do, and how it is known."""

from __future__ import annotations

from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Condition = tuple[Any, ...]

SEVERITIES = ("error", "warning", "note")
"""From the gravest on."""
IMPACTS = ("wrong-results", "crash-at-save", "out-of-memory", "crash-at-start", "crash-at-import", "slow", "unreproducible")
"""What a fault costs its user, the most first: a night's run trained wrong, or lost at its end, before a crash in the first second."""
CONFIDENCES = ("certain", "likely", "possible")
"""How far the bound of a rule is proven, from the surest on."""
SAFETIES = ("safe", "unsafe", "manual")
STATUSES = ("preview", "stable", "deprecated")
ACTIONS = ("require", "set_argument", "set_env", "unset_env", "replace_model", "remove", "advice")
"""Fields of a Remedy, of which it has exactly one."""

WINDOW = "{window}"
"""In a remedy's `require`: whatever the row of the rule's window table asks for."""


class Remedy(Record):
    """An intent to repair: exactly one of ACTIONS is set."""

    title: str
    safety: str
    require: Mapping[str, str] = {}
    set_argument: Mapping[str, Mapping[str, Any]] = {}
    set_env: Mapping[str, str] = {}
    unset_env: tuple[str, ...] = ()
    replace_model: str = ""
    remove: tuple[str, ...] = ()
    advice: str = ""


class Evidence(Record):
    """What was read where, and when (ISO date)."""

    url: str
    says: str
    checked: str


class Reproduction(Record):
    """How to see the fault in a real installation, or why that is not possible on a CPU machine."""

    install: tuple[str, ...] = ()
    run: str = ""
    error: str = ""
    reproduced: str = ""
    cannot: str = ""


class Head(Record):
    """What the engine needs of a rule to judge a snapshot; `match` is compiled (see knowledge.vocabulary)."""

    id: str
    severity: str
    impact: str
    confidence: str
    subject: str
    uses: tuple[str, ...]
    match: Condition


class Rule(Record):
    """A whole rule, as its file tells it."""

    id: str
    family: str
    title: str
    since: str
    status: str
    severity: str
    impact: str
    confidence: str
    silent: bool
    subject: str
    uses: tuple[str, ...]
    message: str
    why: str
    match: Condition
    symptoms: tuple[str, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    repro: Reproduction = Reproduction()

    @property
    def head(self) -> Head:
        """The part of the rule that the engine needs."""
        return Head(
            id=self.id, severity=self.severity, impact=self.impact, confidence=self.confidence,
            subject=self.subject, uses=self.uses, match=self.match,
        )  # fmt: skip
