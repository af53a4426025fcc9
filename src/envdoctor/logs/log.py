"""A whole log: every distinct fault in it, with what its words alone tell. Memory is bounded, however long the log is."""

from __future__ import annotations

import re

from envdoctor.logs.claims import Claim, claim_of
from envdoctor.logs.memory import Shortage, shortage_of
from envdoctor.logs.passages import passages
from envdoctor.logs.raised import Raised, chains, spellings
from envdoctor.logs.symptoms import Hit
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from envdoctor.logs.passages import Line, Passage
    from envdoctor.logs.raised import Chain
    from envdoctor.logs.symptoms import Symptoms

_FOLLOW = re.compile(
    r"^(?:\w+\.)*(?:ChildFailedError|CalledProcessError|ProcessRaisedException|ProcessExitedException|BrokenPipeError|ConnectionResetError|"
    r"DistBackendError|DistNetworkError(?!.*EADDRINUSE)|SignalException|KeyboardInterrupt|EOFError|SystemExit)\b|"
    r"NCCL (?:error|communicator was aborted)|Connection closed by peer|DataLoader worker .* exited unexpectedly"
)
"""What a process raises because another one died."""
_EXIT = re.compile(r"exitcode\s*:\s*(-?\d+)|Signal (\d+) \(SIG\w+\) received")
_MOST = 200  # distinct faults that are kept
_MOST_LINES = 20_000  # distinct lines that are remembered
_NO_DIGITS = dict.fromkeys(map(ord, "0123456789"))
_NARROWEST, _WIDEST = 40, 240
"""Columns of a terminal that may have wrapped a log."""
_FEW = 2000  # lines of a passage that is read again as if it was wrapped


class Fault(Record):
    """One thing that went wrong, however often and in however many ranks.

    `raised` is what is to be explained, `chain` the exceptions around it; a text that nothing raised has the kind "". `hits` are the rules
    that know the text, the most telling first.
    """

    raised: Raised
    chain: tuple[Raised, ...] = ()
    hits: tuple[Hit, ...] = ()
    claim: Claim | None = None
    shortage: Shortage | None = None
    sources: tuple[str, ...] = ()
    count: int = 1
    last: int = 0
    follows: bool = False
    """It is what a process raises because another one has failed."""


class Log(Record):
    """What a log tells: its faults, the one that ended the run first; and the exit codes that a launcher reports."""

    faults: tuple[Fault, ...] = ()
    exits: tuple[int, ...] = ()


def read(blocks: Iterable[bytes], symptoms: Symptoms) -> Log:
    """Read a log, given in pieces of any size."""
    found: dict[str, Fault] = {}
    exits: dict[int, None] = {}
    seen: set[str] = set()
    for passage in passages(blocks, symptoms.marks()):
        together = chains(passage)
        for chain in together:
            _enter(found, _fault(chain, symptoms))
        for fault in _loose(passage, together, symptoms, seen):
            _enter(found, fault)
        for _, _, text in passage:
            code = _EXIT.search(text) if "exitcode" in text or "Signal" in text else None
            if code is not None:
                exits[int(code.group(1) or -int(code.group(2)))] = None
    return Log(faults=tuple(_ordered(list(found.values()))), exits=tuple(exits))


def _enter(found: dict[str, Fault], fault: Fault) -> None:
    """Count a fault that is known already; all ranks of a run raise the same."""
    key = re.sub(r"\d+", "#", fault.raised.headline[:300]) if fault.raised.kind else " ".join(hit.rule for hit in fault.hits)
    known = found.get(key)
    if known is not None:
        sources = tuple(dict.fromkeys((*known.sources, *fault.sources)))[:_MOST]
        better = fault if fault.raised.traced and not known.raised.traced else known
        found[key] = better.replace(sources=sources, count=known.count + 1, last=fault.last)
    elif len(found) < _MOST:
        found[key] = fault


def _fault(chain: Chain, symptoms: Symptoms) -> Fault:
    """Return the fault of a chain: the root cause, or the exception whose text is known."""
    later = chain.raised[chain.raised.index(chain.root) :]
    root = next((one for one in later if not _only_follows(one)), chain.root)  # a compiler that failed is told by who called it
    best, hits = root, _hits(root, symptoms)
    for raised in chain.raised:
        if raised is not root and not hits:
            best, hits = raised, _hits(raised, symptoms)
    raised = best if hits else root
    more = [hit for one in chain.raised if one is not raised for hit in _hits(one, symptoms)] if hits else []
    known = {hit.rule for hit in hits}
    return Fault(
        raised=raised,
        chain=chain.raised,
        hits=(*hits, *(hit for hit in more if hit.rule not in known)),
        claim=claim_of(raised),
        shortage=next((told for one in chain.raised if (told := shortage_of(one)) is not None), None),
        sources=(raised.source,) if raised.source else (),
        last=chain.end,
        follows=_only_follows(root),
    )


def _only_follows(raised: Raised) -> bool:
    return _FOLLOW.search(" ".join(raised.headline.split())) is not None


def _hits(raised: Raised, symptoms: Symptoms) -> list[Hit]:
    """Return the rules that know an exception, as it stands and as it was before a terminal wrapped it."""
    best: dict[str, Hit] = {}
    for told in spellings(raised.headline):
        for hit in symptoms.hits(told):
            if hit.rule not in best or best[hit.rule].weight < hit.weight:
                best[hit.rule] = hit
    return sorted(best.values(), key=lambda hit: (-hit.weight, hit.rule))


def _loose(passage: Passage, together: Sequence[Chain], symptoms: Symptoms, seen: set[str]) -> Iterator[Fault]:
    """Return what rules know of the lines that belong to no exception: warnings, messages of the C libraries, of a launcher.

    `seen` are lines looked at before, without their numbers: a warning of every step is looked at once.
    """
    taken: dict[str, set[int]] = {}
    for chain in together:
        taken.setdefault(chain.raised[-1].source, set()).update(range(chain.line, chain.end + 1))
    sources: dict[str, list[Line]] = {}
    for line in passage:
        if not line[2] or line[0] in taken.get(line[1], ()):
            continue
        bare = line[2].translate(_NO_DIGITS)
        if bare not in seen:
            if len(seen) < _MOST_LINES:
                seen.add(bare)
            sources.setdefault(line[1], []).append(line)
    for source, lines in sources.items():
        told: set[str] = set()
        for glued in _variants(lines):
            starts, texts, place = [], [], 0
            for number, text in glued:
                starts.append((place, number))
                texts.append(text)
                place += len(text.replace("`", "")) + 1
            found = symptoms.hits("\n".join(texts))
            for hit in found:
                if hit.rule not in told and not hit.generic:
                    number, text = next((number, texts[at]) for at, (start, number) in reversed([*enumerate(starts)]) if start <= hit.start)
                    raised = Raised(kind="", message=text.strip()[:500], line=number, end=number, source=source)
                    yield Fault(raised=raised, hits=(hit,), sources=(source,) if source else (), last=number, claim=None)
            told |= {hit.rule for hit in found}


def _variants(lines: list[Line]) -> Iterator[list[tuple[int, str]]]:
    """Return lines as they are, and as they were if a terminal has wrapped them: in the midst of a word, or between two."""
    yield [(number, text) for number, _, text in lines]
    width = max((len(text) for _, _, text in lines), default=0)
    if not _NARROWEST <= width <= _WIDEST or len(lines) > _FEW:
        return
    for glue in ("", " "):
        joined: list[tuple[int, str]] = []
        is_open = False
        for number, _, text in lines:
            if is_open:
                joined[-1] = (joined[-1][0], joined[-1][1] + glue + (text.strip() if glue else text))
            else:
                joined.append((number, text))
            is_open = len(text) + (len(glue) and 20) >= width
        yield joined


def _ordered(faults: list[Fault]) -> list[Fault]:
    """Put the fault that ended the run first, and what only follows from others last; the rest stays in the order of the log."""
    ended = [fault for fault in faults if fault.raised.traced and not fault.follows]
    first = max(reversed(ended), key=lambda fault: fault.last, default=None)
    return sorted(faults, key=lambda fault: (fault is not first, fault.follows, not fault.raised.kind, fault.raised.line))
