"""What became of an error in a log: which rule knows it, whether that rule fires here, and what is known where no rule does."""

from __future__ import annotations

from envdoctor.model.finding import Finding
from envdoctor.model.record import Record

MEMORY_SHORT = "memory-short"
KILLED = "process-killed"
NO_RULE = "no-rule-knows"
LOG_ONLY: dict[str, str] = {
    # what only a log can tell, and no rule file
    MEMORY_SHORT: "A memory error of a GPU or of the machine, explained by the numbers in its text.",
    KILLED: "A process that ended by a signal from outside, without an error of its own.",
    NO_RULE: "An error that no rule knows and the atlas cannot derive: what is told are facts, such as who raised it, in which version.",
}
FIRES, ELSEWHERE, UNTOLD, HOLDS = "fires", "elsewhere", "untold", "holds"
"""Whether the cause is here: it is, it is not (the log comes from elsewhere), nobody can tell, or it does not depend on versions."""


class Explanation(Record):
    """One error of a log. `finding` holds the cause, its evidence and the remedies; its rule is NO_RULE where only facts are known.

    `line` is where it first stands in the log, `ranks` who wrote it, `count` how often. `crashed` tells an exception from a text that
    somebody printed. `raised_by` is the distribution whose code raised it, `raised_in` the file and line, `called_from` where the
    script was at that moment. `others` are further rules whose texts it matches.
    """

    finding: Finding
    headline: str
    line: int
    standing: str
    crashed: bool = True
    count: int = 1
    ranks: tuple[str, ...] = ()
    raised_by: str = ""
    raised_in: str = ""
    called_from: str = ""
    others: tuple[str, ...] = ()
    numbers: tuple[tuple[str, str], ...] = ()

    @property
    def is_known(self) -> bool:
        """Tell whether a rule, the atlas or the numbers of a memory error explain it."""
        return self.finding.rule != NO_RULE
