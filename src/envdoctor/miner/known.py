"""Functions of Python and packaging whose answer about an environment is known: one table by full name, one for built-ins."""

from __future__ import annotations

from envdoctor.miner.frames import REFUSE, Frame
from envdoctor.miner.values import NO, NONE, NOTHING, YES, assign, const, settled, truth
from envdoctor.model.guards import UNKNOWN, all_of, any_of, no
from envdoctor.model.versions import is_specifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from envdoctor.miner.calls import Arguments
    from envdoctor.miner.machine import Machine
    from envdoctor.miner.values import Value

    Known = Callable[[Arguments, Frame, Machine], Value]


def _first(given: Arguments) -> object:
    value = given.positional[0] if given.positional else next(iter(given.named.values()), NOTHING)
    return value[1] if value[0] in ("const", "parsed") else None


def _find_spec(given: Arguments, frame: Frame, machine: Machine) -> Value:
    module = _first(given)
    if not isinstance(module, str) or module.startswith("."):
        return NOTHING
    if machine.importer.is_own(module):
        return YES if module in machine.importer.modules.all else NONE
    if machine.importer.is_built_in(module):
        return YES
    return ("spec", module)


def _version(given: Arguments, frame: Frame, machine: Machine) -> Value:
    name = _first(given)
    if not isinstance(name, str):
        if frame.protector("PackageNotFoundError") is not None:
            frame.fail(UNKNOWN, "PackageNotFoundError", "", "")
        return NOTHING
    name = name.replace("_", "-").replace(".", "-").lower()
    present = ("dist", name)
    if frame.fail(no(present), "PackageNotFoundError", "", ""):
        frame.alive = all_of((frame.alive, present))
    return ("version", name)


def _parse(given: Arguments, frame: Frame, machine: Machine) -> Value:
    return parse_version(given)


def parse_version(given: Arguments) -> Value:
    """Return what `Version(text)` is."""
    value = given.positional[0] if given.positional else NOTHING
    if value[0] == "const" and isinstance(value[1], str):
        return ("parsed", value[1])
    if value[0] in ("version", "parsed", "choice", "python"):
        return value
    return NOTHING


def _environ_get(given: Arguments, frame: Frame, machine: Machine) -> Value:
    """Take a variable as not set: a run sets few of those that exist, and then its default counts."""
    return given.positional[1] if len(given.positional) > 1 else given.named.get("default", NONE)


def _import_module(given: Arguments, frame: Frame, machine: Machine) -> Value:
    module = _first(given)
    if not isinstance(module, str) or not module or module.startswith("."):
        return NOTHING
    machine.importer.bring(frame, module)
    return ("mod", module)


def _require_version(given: Arguments, frame: Frame, machine: Machine) -> Value:
    """Read `require_version("accelerate>=0.26")`: it raises unless the distribution is there in that range."""
    text = _first(given)
    if not isinstance(text, str):
        return NOTHING
    place = next((place for place, sign in enumerate(text) if sign in "<>=!~"), len(text))
    name, specifier = text[:place].strip().replace("_", "-").lower(), text[place:].replace(" ", "")
    if not name or name == "python" or not name.replace("-", "").isalnum() or not is_specifier(specifier):
        return NONE
    wanted = ("ver", name, specifier) if specifier else ("dist", name)
    hint = given.positional[1][1] if len(given.positional) > 1 and given.positional[1][0] == "const" else ""
    frame.fail(no(wanted), "ImportError", REFUSE, f"{text.strip()} is required{'. ' + str(hint) if hint else ''}")
    return NONE


def _json_loads(given: Arguments, frame: Frame, machine: Machine) -> Value:
    """Read a constant text, such as the default of a variable that is not set."""
    import json

    text = _first(given)
    try:
        told = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return NOTHING
    return ("dict", {key: const(value) for key, value in told.items()}, True) if isinstance(told, dict) else NOTHING


def built_in(name: str, given: Arguments, frame: Frame, machine: Machine) -> Value:
    """Answer a built-in function."""
    values = given.positional
    if name == "hasattr" and len(values) == 2 and values[1][0] == "const":
        return _hasattr(values[0], str(values[1][1]), machine)
    if name == "getattr" and len(values) == 2 and values[1][0] == "const":
        from envdoctor.miner.expressions import attribute, need_of

        value = attribute(values[0], str(values[1][1]), frame, machine)
        need_of(value, frame, machine)
        return value
    if name == "isinstance" and len(values) == 2:
        return _isinstance(values[0], values[1])
    if name == "bool" and values:
        return ("guard", truth(values[0]))
    if name in ("str", "repr") and values and values[0][0] in ("const", "version", "parsed"):
        return values[0] if values[0][0] != "const" or isinstance(values[0][1], str) else const(str(values[0][1]))
    if name in ("list", "tuple", "set", "frozenset", "sorted"):
        return _copied(name, values, frame)
    if name == "dict":
        if values and values[0][0] == "dict":
            return ("dict", {**values[0][1], **given.named}, given.complete and values[0][2], frame.path)
        return ("dict", dict(given.named), given.complete and not values, frame.path)
    if name == "setattr" and len(values) == 3 and values[0][0] == "inst":
        _set(values[0], values[1], values[2], frame)
    if name in ("any", "all") and values and settled(values[0]) is not None:
        guards = [truth(one) for one in values[0][1]]
        return ("guard", any_of(guards) if name == "any" else all_of(guards))
    if name == "super":
        return machine.super_of(frame)
    if name == "len" and values and settled(values[0]) is not None:
        return const(len(values[0][1]))
    if name == "callable" and values and values[0][0] in ("func", "class"):
        return YES
    return NOTHING


def _copied(name: str, values: list[Value], frame: Frame) -> Value:
    if not values:
        return ("seq", [], frame.path)
    items = settled(values[0])
    if items is None or (name not in ("list", "tuple") and not all(one[0] == "const" for one in items)):
        return NOTHING
    if name in ("list", "tuple"):
        return ("seq", list(items), frame.path)
    plain = {one[1]: one for one in items if isinstance(one[1], str)}
    if len(plain) < len(items):
        return NOTHING
    return ("seq", [plain[key] for key in sorted(plain)], frame.path)  # a set has no order of its own


def _set(owner: Value, name: Value, value: Value, frame: Frame) -> None:
    if name[0] == "const" and isinstance(name[1], str):
        assign(owner, name[1], value, frame.path)
    else:
        for key in owner[2]:
            owner[2][key] = NOTHING


_MEMBERS = {"torch.nn.Linear": frozenset({"weight", "bias", "in_features", "out_features"})}


_TYPES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool, "dict": dict, "list": list, "tuple": tuple, "set": set}


def _isinstance(value: Value, kind: Value) -> Value:
    """Answer for constants, lists, and an instance of a foreign class: it is one of that class, and of no class of this release."""
    kinds = kind[1] if kind[0] == "seq" else [kind]
    if value[0] == "extinst":
        if any(one[0] == "ext" and f"{one[1]}.{one[2]}" == f"{value[1]}.{value[2]}" for one in kinds):
            return YES
        return NO if all(one[0] == "class" for one in kinds) else NOTHING
    names = [one[1] for one in kinds if one[0] == "builtin" and one[1] in _TYPES]
    if value[0] == "const" and len(names) == len(kinds):
        return YES if isinstance(value[1], tuple(_TYPES[name] for name in names)) else NO
    if value[0] == "seq" and {"list", "tuple"} <= set(names):
        return YES
    return NOTHING


def _ordered_dict(given: Arguments, frame: Frame, machine: Machine) -> Value:
    """Read `OrderedDict([(key, value), ...])`."""
    if not given.positional:
        return ("dict", {}, True, frame.path)
    pairs = settled(given.positional[0])
    if pairs is None or any(one[0] != "seq" or len(one[1]) != 2 or one[1][0][0] != "const" for one in pairs):
        return NOTHING
    return ("dict", {one[1][0][1]: one[1][1] for one in pairs}, True, frame.path)


def _hasattr(value: Value, name: str, machine: Machine) -> Value:
    if name.startswith("__"):
        return NOTHING  # special names are in no list of names
    if value[0] == "mod" and not machine.importer.is_own(value[1]) and not machine.importer.is_built_in(value[1]):
        return ("guard", ("offers", value[1], name))
    if value[0] == "ext" and not machine.importer.is_built_in(value[1]):
        return ("guard", ("offers", value[1], f"{value[2]}.{name}"))
    if value[0] == "extinst":
        return YES if name in _MEMBERS.get(f"{value[1]}.{value[2]}", ()) else NOTHING
    if value[0] == "mod" and machine.importer.is_own(value[1]) and value[1] in machine.importer.modules.all:
        found = machine.importer.state(value[1]).scope.get(name)
        return YES if found is not None else NOTHING
    return NOTHING


AT_LEAST: dict[str, str] = {"torch_version_at_least": "torch"}
"""Helpers that compare a version by taking its text apart, and the distribution they are about: torchao's reads numbers by a pattern."""


def at_least(distribution: str, given: Arguments) -> Value:
    """Answer `torch_version_at_least("2.7.0")`."""
    text = _first(given)
    return ("guard", ("ver", distribution, f">={text}")) if isinstance(text, str) and text[:1].isdecimal() else NOTHING


BY_NAME: dict[str, Known] = {
    "importlib.util.find_spec": _find_spec,
    "importlib.metadata.version": _version,
    "importlib_metadata.version": _version,
    "importlib.metadata.packages_distributions": lambda given, frame, machine: ("packages",),
    "pkg_resources.get_distribution": lambda given, frame, machine: NOTHING,
    "packaging.version.parse": _parse,
    "packaging.version.Version": _parse,
    "os.environ.get": _environ_get,
    "os.getenv": _environ_get,
    "importlib.import_module": _import_module,
    "torch.cuda.is_available": lambda given, frame, machine: ("guard", ("gpu",)),
    "platform.system": lambda given, frame, machine: ("system",),
    "platform.python_version": lambda given, frame, machine: ("python",),
    "collections.OrderedDict": _ordered_dict,
    "json.loads": _json_loads,
    "require_version": _require_version,
    "require_version_core": _require_version,
}
