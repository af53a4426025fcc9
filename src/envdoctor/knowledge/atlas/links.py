"""What one package takes of another that some releases of the other do not have: plain functions on sets of releases.

Each need, passed argument or refusal of a package becomes rows: with which of its releases, beside which states of the partner, it cannot
be met. What cannot be known never makes a row: open modules ("*"), guards that rest on "?", names that no release ever had.
"""

from __future__ import annotations

from envdoctor.model.guards import parse
from envdoctor.model.modules import root
from envdoctor.model.names import normalise
from envdoctor.model.record import Record
from envdoctor.model.uses import USES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from envdoctor.knowledge.atlas.partner import Partner
    from envdoctor.knowledge.atlas.text import AtlasText
    from envdoctor.model.guards import Guard

    Ask = tuple[str, str, str, int]  # target, guard, module, holders

NAME, MODULE, PACKAGE, ARGUMENT, REFUSED = "name", "module", "package", "argument", "refused"
ALONE = 1
"""The one state of no partner: a refusal that is about nobody else."""


class Row(Record):
    """One thing that cannot be had: `holders` are bits of the package's releases, `beside` bits of the partner's states.

    `partner` is the root module of the partner, "" where a refusal is about none; `had` are its releases that certainly have the thing,
    whatever the guard says.
    """

    kind: str
    entry: str
    target: str
    guard: str
    module: str
    partner: str
    holders: int
    beside: int
    had: int = 0


def split_item(item: str) -> tuple[str, str, str]:
    """Return target, guard and module of an item of `needs` or `passes`.

    >>> split_item("torch:int1 if torch>=2.6&has:torchao at peft.utils")
    ('torch:int1', 'torch>=2.6&has:torchao', 'peft.utils')
    """
    rest, _, module = item.rpartition(" at ")
    target, _, guard = rest.partition(" if ")
    return target, guard, module


def split_refusal(item: str) -> tuple[str, str, str]:
    """Return message, guard and module of an item of `refuses`."""
    guard, _, rest = item.partition(" => ")
    message, _, module = rest.rpartition(" at ")
    return message, guard, module


def faults(text: AtlasText, partners: Mapping[str, Partner], modules: Mapping[str, str], others: Collection[str] = ()) -> Iterator[Row]:
    """Return every row of one package beside its partners.

    `partners` is keyed by root module, and holds whom to judge; `modules` gives the root module of a distribution, for refusals. `others`
    are partners that are not judged now: a refusal that is about one of them is left out.
    """
    for section, missing in (("needs", _missing), ("passes", _not_taken)):
        for entry, items in text.sections.get(section, {}).items():
            asking: dict[str, list[Ask]] = {}
            for item, holders in sorted(items.items()):
                target, guard, module = split_item(item)
                name = root(target.partition(":")[0])
                if name in partners and partners[name].package != text.package:
                    asking.setdefault(name, []).append((target, guard, module, holders))
            for name, asks in asking.items():
                for ask in asks:
                    yield from missing(partners[name], entry, ask)
                if section == "needs" and not _is_for(entry, partners[name]):
                    yield from _absent(partners[name], entry, asks)
    yield from _refusals(text, partners, modules, others)


def _row(kind: str, entry: str, ask: Ask, partner: str, states: tuple[int, int]) -> Row:
    """Return a row; `states` are those beside which it cannot be met, and those that certainly have the thing."""
    target, guard, module, holders = ask
    return Row(
        kind=kind, entry=entry, target=target, guard=guard, module=module,
        partner=partner, holders=holders, beside=states[0], had=states[1],
    )  # fmt: skip


def _missing(partner: Partner, entry: str, ask: Ask) -> Iterator[Row]:
    if not partner.package:
        return
    asked, _, chain = ask[0].partition(":")
    lacks = partner.all & ~partner.met(asked, chain) & partner.can(ask[1])[0]
    had = partner.surely(asked, chain)
    if not lacks or not had:  # what no release is known to have ever had was not understood
        return
    there = partner.may_exist(asked)
    for kind, beside in ((NAME, lacks & there), (MODULE, lacks & ~there)):
        if beside:
            yield _row(kind, entry, ask, partner.module, (beside, had))


def _not_taken(partner: Partner, entry: str, ask: Ask) -> Iterator[Row]:
    function, _, parameter = ask[0].rpartition("(")
    lacks, takes = partner.accepts(function, parameter.rstrip(")"))
    beside = lacks & partner.can(ask[1])[0]
    if beside and takes:
        yield _row(ARGUMENT, entry, ask, partner.module, (beside, takes))


def _absent(partner: Partner, entry: str, asks: list[Ask]) -> Iterator[Row]:
    """Return one row for each guard: who is not there lacks everything, and one name of it says so."""
    told: dict[str, int] = {}
    for target, guard, module, holders in asks:
        left = holders & ~told.get(guard, 0)
        if left and partner.can(guard)[0] & partner.absent:
            told[guard] = told.get(guard, 0) | left
            yield _row(PACKAGE, entry, (target, guard, module, left), partner.module, (partner.absent, 0))


def _is_for(entry: str, partner: Partner) -> bool:
    """Tell whether a use is not there at all without the partner, so that its absence breaks nothing."""
    return entry in USES and (partner.package or normalise(partner.module)) in USES[entry][0]


def _refusals(text: AtlasText, partners: Mapping[str, Partner], modules: Mapping[str, str], others: Collection[str]) -> Iterator[Row]:
    for entry, items in text.sections.get("refuses", {}).items():
        for item, holders in sorted(items.items()):
            message, guard, module = split_refusal(item)
            name = next((one for one in _subjects(parse(guard), modules) if one in partners or one in others), "")
            if name in others:
                continue
            if name and partners[name].package == text.package:
                name = ""
            beside = partners[name].can(guard)[0] if name else ALONE
            if beside:
                yield _row(REFUSED, entry, (message, guard, module, holders), name, (beside, 0))


def _subjects(guard: Guard, modules: Mapping[str, str]) -> Iterator[str]:
    """Return the root modules that a refusal may be about: those with a version first."""
    kinds: list[tuple[int, str]] = []
    todo = [guard]
    while todo:
        one = todo.pop(0)
        if one[0] in ("and", "or"):
            todo.extend(one[1])
        elif one[0] == "not":
            todo.append(one[1])
        elif one[0] in ("ver", "dist"):
            kinds.append((0 if one[0] == "ver" else 1, modules.get(normalise(one[1]), "")))
        elif one[0] in ("has", "offers", "call"):
            kinds.append((2, root(one[1])))
    for _, name in sorted(kinds, key=lambda pair: pair[0]):
        yield name


class Carry(Record):
    """An entry of one package that imports a module of another, and fails with it.

    `below` is the other's entry, `holders` and `beside` are bits of the releases of the one and the other.
    """

    package: str
    entry: str
    target: str
    guard: str
    module: str
    below: str
    holders: int
    beside: int


def carries(text: AtlasText, partner: Partner, entries: Mapping[str, int]) -> Iterator[Carry]:
    """Return which entries of a package rest on which entries of a partner: the nearest above the module that is imported.

    `entries` are the partner's entries of the form "import MODULE", with the releases that have them.
    """
    for entry, items in text.sections.get("needs", {}).items():
        seen: dict[tuple[str, str], int] = {}
        for item, holders in sorted(items.items()):
            target, guard, module = split_item(item)
            asked = target.partition(":")[0]
            if root(asked) != partner.module:
                continue
            left = partner.all
            for above in upwards(target):
                below = f"import {above}"
                beside = entries.get(below, 0) & left
                left &= ~beside
                if beside and holders & ~seen.get((below, guard), 0):
                    seen[below, guard] = seen.get((below, guard), 0) | holders
                    yield Carry(
                        package=text.package, entry=entry, target=target, guard=guard, module=module,
                        below=below, holders=holders, beside=beside,
                    )  # fmt: skip


def upwards(target: str) -> Iterator[str]:
    """Return the dotted paths from a target up to its root, the longest first."""
    path = target.replace(":", ".")
    while path:
        yield path
        path = path.rpartition(".")[0]
