"""What a finding breaks, in the order a reader cares: findings by cost, uses by what they rest on."""

from __future__ import annotations

from envdoctor.model.rule import CONFIDENCES, IMPACTS, SEVERITIES
from envdoctor.model.uses import DEFAULT_PURPOSE, PURPOSES, USES, foundations
from envdoctor.report.missing import some
from envdoctor.report.plain import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from envdoctor.model.finding import Finding

_COSTS = {
    "wrong-results": "wrong results",
    "crash-at-save": "crash at the save",
    "out-of-memory": "out of memory",
    "crash-at-start": "crash at the start",
    "crash-at-import": "crash at import",
    "slow": "slow",
    "unreproducible": "not reproducible",
}


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Sort findings: errors first, then the most expensive; equals keep the order they were found in."""
    return sorted(findings, key=lambda finding: (_place(SEVERITIES, finding.severity), _place(IMPACTS, finding.impact)))


def split(uses: Iterable[str], purpose: str = "") -> tuple[list[str], list[str]]:
    """Return the uses that break by themselves, and those that only rest on them: the purpose's own first, the deepest first."""
    broken = list(dict.fromkeys(uses))
    among = set(broken)
    roots = [use for use in broken if not (below(use) & among)]
    wanted = PURPOSES.get(purpose or DEFAULT_PURPOSE, ())
    resting = [use for use in broken if use not in roots]
    resting.sort(key=lambda use: (use not in wanted, -len(below(use))))
    return roots, resting


def broken_uses(finding: Finding, purpose: str, most: int = 3) -> str:
    """Name the uses that a finding breaks; at most `most` of those that rest on others."""
    roots, resting = split(finding.uses, purpose)
    named = ", ".join(roots)
    if resting:
        named = f"{named}, and with it {some(resting, most)}" if len(roots) == 1 else f"{named}, and with them {some(resting, most)}"
    return clean(named)


def cost(finding: Finding, purpose: str) -> str:
    """Say what the finding would have cost, how sure that is, and why it counts less for this run than it could."""
    said = _COSTS.get(finding.impact, finding.impact)
    if finding.silent:
        said += ", silently"
    if finding.confidence in CONFIDENCES[1:]:
        said += f" ({finding.confidence})"
    if _place(SEVERITIES, finding.declared_severity) < _place(SEVERITIES, finding.severity):
        said += f"; {purpose or DEFAULT_PURPOSE} does not need it"
    return clean(said)


def below(use: str) -> frozenset[str]:
    """Return every use that a use rests on, without itself."""
    return foundations(use) - {use} if use in USES else frozenset()


def _place(words: tuple[str, ...], word: str) -> int:
    return words.index(word) if word in words else len(words)
