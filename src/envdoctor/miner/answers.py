"""When the boolean helpers of a release answer yes: is_peft_available() and its kin, which other packages build their own conditions on."""

from __future__ import annotations

import ast

from envdoctor.miner.calls import Arguments
from envdoctor.miner.needs import certain
from envdoctor.miner.values import const, element, truth
from envdoctor.model.guards import FALSE, UNKNOWN, any_of, no, spell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from envdoctor.miner.frames import Frame
    from envdoctor.miner.machine import Machine
    from envdoctor.miner.modules import Modules
    from envdoctor.miner.values import Value

_HOMES = frozenset({"import_utils", "imports", "versions", "utils", "file_utils", "environment", "packaging_utils", "other", "_utils"})
_LONGEST = 300


def answers_of(modules: Modules, machine: Machine, offers: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Return the section "answers"."""
    found: dict[str, frozenset[str]] = {}
    for module in sorted(modules.texts):
        if module.rpartition(".")[2] not in _HOMES or module.count(".") > 2:
            continue
        state = machine.importer.state(module)
        for name, value in list(state.scope.layers[0].items()):
            if not name.startswith(("is_", "_is_")) or value[0] != "func" or value[1] != module:
                continue
            items = _items(value, machine)
            if items:
                for home in dict.fromkeys((module, module.rpartition(".")[0], module.split(".", 1)[0])):
                    if home == module or name in offers.get(home, ()):
                        found[f"{home}:{name}"] = items
    return found


def _items(function: Value, machine: Machine) -> frozenset[str]:
    node = function[2]
    if not isinstance(node, ast.FunctionDef):
        return frozenset()
    arguments = node.args
    plain = [*arguments.posonlyargs, *arguments.args]
    required = len(plain) - len(arguments.defaults)
    if required > 1 or arguments.vararg or any(default is None for default in arguments.kw_defaults):
        return frozenset()
    switches = [
        (argument.arg, default.value)
        for argument, default in [*zip(plain[required:], arguments.defaults), *zip(arguments.kwonlyargs, arguments.kw_defaults)]
        if isinstance(default, ast.Constant) and isinstance(default.value, bool)
    ]
    found: set[str] = set()
    for flipped in [None, *switches][:4]:
        given = Arguments()
        words = ["$1"] if required else []
        if required:
            given.positional.append(const("$1"))
        if flipped is not None:
            given.named[flipped[0]] = const(not flipped[1])
            words.append(f"{flipped[0]}={not flipped[1]}")
        told: list[Value] = []

        def work(frame: Frame, given: Arguments = given, told: list[Value] = told) -> None:
            told.append(machine.run_function(function, given, frame))

        machine.enter(work)
        variant = ",".join(words)
        for suffix, value in (("", told[0]), ("#0", element(told[0], 0))):
            guard = truth(value) if value[0] != "unknown" else UNKNOWN
            # an answer that is partly unknown may be neither yes nor no, so both its sides must be known
            if guard == UNKNOWN or "?" in spell(guard) or len(spell(guard)) > _LONGEST:
                continue
            found.add(f"{variant}{suffix} => {spell(guard)}" if variant or suffix else f"() => {spell(guard)}")
    return frozenset(found)


__all__ = ["FALSE", "answers_of", "any_of", "certain", "no"]
