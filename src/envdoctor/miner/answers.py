"""When the boolean helpers of a release answer yes: is_peft_available() and its kin, which other packages build their own conditions on."""

from __future__ import annotations

import ast

from envdoctor.miner.calls import Arguments
from envdoctor.miner.values import ARGUMENT, NOTHING, Argument, const, element, truth
from envdoctor.model.guards import UNKNOWN, spell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from envdoctor.miner.machine import Machine
    from envdoctor.miner.modules import Modules
    from envdoctor.miner.values import Value

_HOMES = frozenset({"import_utils", "imports", "versions", "utils", "file_utils", "environment", "packaging_utils", "other", "_utils"})
_LONGEST = 300
_MOST = 16
"""Texts that an argument may be compared with, each of which is then told by itself."""
_SIGNS = frozenset("&|()! :#,=$")


def answers_of(modules: Modules, machine: Machine, offers: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Return the section "answers"."""
    found: dict[str, frozenset[str]] = {}
    for module in sorted(modules.texts):
        if module.rpartition(".")[2] not in _HOMES or module.count(".") > 2:
            continue
        state = machine.importer.state(module)
        for name, value in list(state.scope.layers[0].items()):
            if not name.startswith(("is_", "_is_")) or value[0] != "func" or value[1] != module or value[3] is not None:
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
        words = [] if flipped is None else [f"{flipped[0]}={not flipped[1]}"]
        named = {} if flipped is None else {flipped[0]: const(not flipped[1])}
        if not required:
            found.update(f"{_variant(words, suffix)} => {told}" for suffix, told in _told(function, None, named, machine).items())
            continue
        argument = Argument()
        general = _told(function, argument, named, machine)
        if len(argument.asked) > _MOST:
            continue
        found.update(f"{_variant([ARGUMENT, *words], suffix)} => {told}" for suffix, told in general.items())
        for text in sorted(argument.asked):
            if not text or set(text) & _SIGNS:
                continue
            special = _told(function, text, named, machine)
            for suffix, told in general.items():
                mine = special.get(suffix, "?")
                if mine != told.replace(ARGUMENT, text):
                    found.add(f"{_variant([text, *words], suffix)} => {mine}")
    return frozenset(found)


def _variant(words: list[str], suffix: str) -> str:
    return ",".join(words) + suffix or "()"


def _told(function: Value, argument: str | None, named: dict[str, Value], machine: Machine) -> dict[str, str]:
    """Return when a helper answers yes, and when the first of what it returns is yes, as far as that can be known."""
    given = Arguments()
    given.positional += [] if argument is None else [const(argument)]
    given.named.update(named)
    told: list[Value] = []
    machine.enter(lambda frame: told.append(machine.run_function(function, given, frame)))
    found = {}
    answer = told[0] if told else NOTHING
    for suffix, value in (("", answer), ("#0", element(answer, 0))):
        guard = truth(value) if value[0] != "unknown" else UNKNOWN
        # an answer that is partly unknown may be neither yes nor no, so both its sides must be known
        if guard != UNKNOWN and "?" not in spell(guard) and len(spell(guard)) <= _LONGEST:
            found[suffix] = spell(guard)
    return found
