"""What each entry of a release needs, passes and refuses: the effects of all modules that it reaches, with their conditions."""

from __future__ import annotations

from envdoctor.miner.calls import Arguments, apply
from envdoctor.miner.entries import CALL, IMPORT, MAKE, TAKE, entries_of
from envdoctor.miner.frames import NEED, OWN, PASS, REFUSE
from envdoctor.model.guards import FALSE, TRUE, all_of, any_of, certain, spell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from envdoctor.miner.entries import Step
    from envdoctor.miner.frames import Effect, Frame
    from envdoctor.miner.machine import Machine
    from envdoctor.miner.modules import Modules
    from envdoctor.miner.values import Value
    from envdoctor.model.guards import Guard

    Section = dict[str, frozenset[str]]
    Offers = Mapping[str, frozenset[str]]

_TURNS = 6
"""How often a module's condition may grow before it is left as it is: each way to it can only make it weaker."""
_LONGEST = 300
LINEAR = ("extinst", "torch.nn", "Linear")
"""The layer that every entry is called with where it takes one."""


def needs_of(package: str, modules: Modules, machine: Machine, offers: Callable[[], Offers]) -> tuple[Section, Section, Section]:
    """Return the sections needs, passes and refuses; `offers` is asked for what modules offer when an entry takes a name."""
    needs: Section = {}
    passes: Section = {}
    refuses: Section = {}
    for entry, steps in entries_of(package, modules.tops).items():
        if not _exists(steps[0], modules, offers):
            continue
        effects = machine.enter(lambda frame, steps=steps: _walk(steps, frame, machine, modules))  # type: ignore[misc]
        told = _closure(effects, machine)
        needs[entry] = frozenset(_item(what, guard, at) for (kind, what), (guard, at) in told.items() if kind == NEED)
        passes[entry] = frozenset(_item(what, guard, at) for (kind, what), (guard, at) in told.items() if kind == PASS)
        refuses[entry] = frozenset(
            f"{spell(part)} => {_clean(what)} at {at}"
            for (kind, what), (guard, at) in told.items()
            if kind == REFUSE and guard != TRUE
            for part in (guard[1] if guard[0] == "or" else (guard,))  # each reason by itself, so that it names whom it is about
        )
    return needs, passes, refuses


def _exists(step: Step, modules: Modules, offers: Callable[[], Offers]) -> bool:
    if step[1] not in modules.all:
        return False
    return step[0] != TAKE or step[2] in offers().get(step[1], ())


def _walk(steps: tuple[Step, ...], frame: Frame, machine: Machine, modules: Modules) -> None:
    importer = machine.importer
    for step in steps:
        kind, module = step[0], step[1]
        if module not in modules.all:
            continue
        frame.alive = TRUE
        importer.bring(frame, module)
        if kind == IMPORT:
            continue
        owner, _, method = step[2].partition(".")
        value = importer.own(frame, module, owner)
        if kind == TAKE:
            continue
        if kind == MAKE:
            apply(value, _free(), frame, machine)
        elif kind == CALL and not method:
            given = _free()
            given.named["target"] = LINEAR
            if value[0] == "func":
                machine.run_function(value, given, frame)
        elif value[0] == "class":
            instance: Value = ("inst", value, {})
            found = machine.method(instance, method)
            if found[0] == "property":
                found = ("func", *found[1:])
            if found[0] == "func":
                machine.run_function(found, _free(), frame)


def _free() -> Arguments:
    given = Arguments()
    given.complete = False
    return given


def _closure(effects: list[Effect], machine: Machine) -> dict[tuple[str, str], tuple[Guard, str]]:
    reached: dict[str, Guard] = {}
    turns: dict[str, int] = {}
    waiting: dict[str, None] = {}

    def reach(module: str, guard: Guard) -> None:
        before = reached.get(module, FALSE)
        after = any_of((before, guard))
        if len(spell(after)) > _LONGEST:
            return  # the ways known so far suffice; a condition too strong only says less
        if after != before and turns.get(module, 0) < _TURNS:
            reached[module] = after
            turns[module] = turns.get(module, 0) + 1
            waiting[module] = None

    found: dict[tuple[str, str], tuple[Guard, str]] = {}

    def keep(own: list[Effect], above: Guard) -> None:
        for guard, kind, what, at in own:
            whole = certain(all_of((above, guard)))
            if whole == FALSE:
                continue
            if kind == OWN:
                reach(what, whole)
            else:
                before, place = found.get((kind, what), (FALSE, at))
                joined = any_of((before, whole))
                if len(spell(joined)) > _LONGEST:
                    joined = before if before != FALSE else whole
                found[kind, what] = (joined, min(place, at))

    keep(effects, TRUE)
    while waiting:
        module = next(iter(waiting))
        del waiting[module]
        keep(machine.importer.state(module).effects, reached[module])
    return {key: value for key, value in found.items() if len(spell(value[0])) <= _LONGEST}


def _item(what: str, guard: Guard, at: str) -> str:
    return f"{what} at {at}" if guard == TRUE else f"{what} if {spell(guard)} at {at}"


def _clean(text: str) -> str:
    return " ".join("URL" if "://" in word else word for word in text.split()).replace(" => ", " -> ").replace(" at ", " @ ")
