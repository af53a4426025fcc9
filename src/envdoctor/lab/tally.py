"""Counts how a judge's word compares with what really happened. Pure: records and judgements in, text out."""

from __future__ import annotations

from envdoctor.lab.verdict import BREAKS, UNINSTALLABLE, WORKS
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class Judgement(Record):
    """What a judge said of a set: its verdict (fit, unfit, unknown), what speaks against it, and the uses that are unfit."""

    verdict: str
    errors: tuple[tuple[str, frozenset[str], str], ...] = ()
    unfit: tuple[str, ...] = ()


class Tally(Record):
    """The counts, and the records of each kind with their judgements."""

    found: tuple[tuple[dict[str, Any], Judgement], ...]
    missed: tuple[tuple[dict[str, Any], Judgement], ...]
    alarmed: tuple[tuple[dict[str, Any], Judgement], ...]
    clear: tuple[tuple[dict[str, Any], Judgement], ...]
    named: int
    unjudged: int
    uninstallable: int
    others_told: int
    others: int


def count(judged: Sequence[tuple[dict[str, Any], Judgement | None]]) -> Tally:
    """Return the tally of records, each with what the judge said; None for a set that could not be installed."""
    kinds: dict[tuple[str, bool], list[tuple[dict[str, Any], Judgement]]] = {}
    for record, said in judged:
        if said is not None:
            kinds.setdefault((record["verdict"], said.verdict == "unfit"), []).append((record, said))
    found = kinds.get((BREAKS, True), [])
    works = [*kinds.get((WORKS, False), []), *kinds.get((WORKS, True), [])]
    others = [(record, said) for record, said in works if record.get("works_but_other_trainers_broken")]
    return Tally(
        found=tuple(found),
        missed=tuple(kinds.get((BREAKS, False), [])),
        alarmed=tuple(kinds.get((WORKS, True), [])),
        clear=tuple(kinds.get((WORKS, False), [])),
        named=sum(names_pair(record, said) for record, said in found),
        unjudged=sum(not record.get("pair") for record, _ in found),
        uninstallable=sum(record["verdict"] == UNINSTALLABLE for record, _ in judged),
        others_told=sum(any(use.startswith("trl.") for use in said.unfit) for _, said in others),
        others=len(others),
    )


def names_pair(record: dict[str, Any], said: Judgement) -> bool:
    """Tell whether one error names all the distributions to blame."""
    return bool(record.get("pair")) and any(set(record["pair"]) <= packages for _, packages, _ in said.errors)


def tell(tally: Tally) -> str:
    """Return the table and the lists of misses and false alarms as text."""
    breaks, works = len(tally.found) + len(tally.missed), len(tally.alarmed) + len(tally.clear)
    judged = len(tally.found) - tally.unjudged
    lines = [
        "                 said unfit   said fit",
        f"really breaks    {len(tally.found):>10} {len(tally.missed):>10}   of {breaks}",
        f"really works     {len(tally.alarmed):>10} {len(tally.clear):>10}   of {works}",
        "",
        f"found {len(tally.found)}/{breaks}{_share(len(tally.found), breaks)}, "
        f"false alarms {len(tally.alarmed)}/{works}{_share(len(tally.alarmed), works)}, "
        f"right pair named {tally.named}/{judged} ({tally.unjudged} unjudged), "
        f"other trainers' faults told {tally.others_told}/{tally.others}, uninstallable {tally.uninstallable}",
    ]
    for title, rows in (("missed", tally.missed), ("false alarms", tally.alarmed)):
        if rows:
            lines += ["", f"{title}:"]
            lines += [_line(record, said) for record, said in rows]
    wrong = [(record, said) for record, said in tally.found if record.get("pair") and not names_pair(record, said)]
    if wrong:
        lines += ["", "found, but another pair was named:"]
        lines += [_line(record, said) for record, said in wrong]
    return "\n".join(lines) + "\n"


def _share(part: int, whole: int) -> str:
    return f" ({100 * part / whole:.0f} %)" if whole else ""


def _line(record: dict[str, Any], said: Judgement) -> str:
    told = "; ".join(f"{rule}: {message}" for rule, _, message in said.errors[:3])
    intent = f"\n      {record['intent']}" if record.get("intent") else ""
    if record["verdict"] == WORKS:
        return f"  {record['id']}{intent}\n      said: {told}"
    pair = "+".join(record.get("pair") or ["unjudged"])
    cause = f"{record.get('first_failure')}: {record.get('cause')} ({record.get('cause_where') or 'no place'})"
    return f"  {record['id']}  {pair}  {cause}{intent}" + (f"\n      said: {told}" if told else "")
