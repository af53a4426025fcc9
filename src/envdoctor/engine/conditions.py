"""One small function per kind of condition, in a table. `judge` is the entry."""

from __future__ import annotations

from envdoctor.engine.truth import disjunction, negation, unknown
from envdoctor.model.facts import MOOT, Fact
from envdoctor.model.snapshot import COMPLETE
from envdoctor.model.versions import InvalidVersion, admits, build_of, intersect, key, window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from envdoctor.engine.truth import Truth
    from envdoctor.model.rule import Condition
    from envdoctor.model.script import Argument
    from envdoctor.model.snapshot import Distribution, Snapshot
    from envdoctor.model.versions import Window

SCRIPT = "script"


def judge(node: Condition, patient: Snapshot) -> Truth:
    """Decide one compiled condition on a snapshot."""
    return CONDITIONS[node[0]](node, patient)


def inside(found: Distribution, wanted: Window) -> Truth:
    """Tell whether a distribution's version lies in a window; a version known only as a range may decide it too."""
    if found.version is not None:
        try:
            return admits(wanted, found.version)
        except InvalidVersion:
            return unknown("dist:" + found.name)
    if found.specifier:
        allowed = window(found.specifier)
        both = intersect(allowed, wanted)
        if not both:
            return False
        if both == allowed:
            return True
    return unknown("dist:" + found.name)


def _dist(node: Condition, patient: Snapshot) -> Truth:
    _, name, wanted = node
    found = patient.distribution(name)
    if found is None:
        return False
    return True if wanted is None else inside(found, wanted)


SEEDS = ("pip", "setuptools", "wheel")
"""Distributions that `pip freeze` leaves out of its list (up to Python 3.11)."""


def _absent(node: Condition, patient: Snapshot) -> Truth:
    if patient.distribution(node[1]) is not None:
        return False
    if not patient.is_complete:
        return unknown(COMPLETE)
    # An environment on disk shows that it has none of them; a list without any may have come from `pip freeze`.
    listed = not any(found.location for found in patient.distributions.values())
    if listed and node[1] in SEEDS and not any(name in patient.distributions for name in SEEDS):
        return unknown(COMPLETE)
    return True


def _build(node: Condition, patient: Snapshot) -> Truth:
    _, name, wanted = node
    found = patient.distribution(name)
    if found is None:
        return False
    label = (found.version or "").partition("+")[2]
    if label and (label == wanted or label.startswith(wanted + ".")):
        return True
    if wanted not in ("cpu", "cuda", "rocm", "xpu", "mps"):
        return False if label else unknown("dist:" + name)
    kind = found.build or build_of(found.version or "")
    if kind:
        return bool(kind == wanted)
    if name == "torch":
        return _operate("equals", wanted, patient, "torch.build")
    # A wheel without a local label is the package index's own: built for CUDA on Linux x86_64, for the CPU on Windows and macOS.
    system = patient.fact("os.name")
    if not isinstance(system, Fact):
        return unknown("os.name")
    if system.value != "linux":
        return bool(wanted == "cpu")
    machine = patient.fact("os.arch")
    if not isinstance(machine, Fact):
        return unknown("os.arch")
    return wanted == "cuda" if machine.value == "x86_64" else unknown(f"dist:{name}")


def _fact(node: Condition, patient: Snapshot) -> Truth:
    _, path, operator, operand = node
    return _operate(operator, operand, patient, path)


def _operate(operator: str, operand: Any, patient: Snapshot, path: str) -> Truth:
    found = patient.fact(path)
    if not isinstance(found, Fact):
        if found.reason not in MOOT:
            return unknown(path)
        return operator == "set" and not operand
    if operator.endswith("_fact"):
        other = patient.fact(operand)
        if not isinstance(other, Fact):
            return False if other.reason in MOOT else unknown(operand)
        return compare(operator[:-5], found.value, other.value)
    return compare(operator, found.value, operand)


def compare(operator: str, value: Any, operand: Any) -> bool:
    """Apply an operator of the rule language to a known value; a value of another kind than the operator takes does not match."""
    try:
        return OPERATIONS[operator](value, operand)
    except (TypeError, InvalidVersion):
        return False


OPERATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": lambda value, operand: bool(value == operand),
    "one_of": lambda value, operand: value in operand,
    "contains": lambda value, operand: operand in value,
    "below": lambda value, operand: bool(value < operand),
    "at_least": lambda value, operand: bool(value >= operand),
    "older_than": lambda value, operand: key(str(value)) < key(str(operand)),
    "newer_than": lambda value, operand: key(str(value)) > key(str(operand)),
    "at_least_version": lambda value, operand: key(str(value)) >= key(str(operand)),
    "set": lambda value, operand: bool(operand),
}


def _env(node: Condition, patient: Snapshot) -> Truth:
    _, name, operator, operand = node
    value = None
    if patient.environment is not None:
        value = patient.environment.get(name)
    inside_script = _set_in_script(name, patient)
    if inside_script is not None:
        value = inside_script
    elif patient.environment is None:
        return unknown("env." + name)
    if operator == "set":
        return (value is not None) is bool(operand)
    if value is None:
        return False
    return compare(operator, value, operand)


def _set_in_script(name: str, patient: Snapshot) -> str | None:
    """Return the value that the training script gives a variable (`os.environ[...] = ...`)."""
    if patient.script is not None:
        for call in patient.script.calls:
            if call.target == "os.environ":
                found = call.argument(name)
                if found is not None:
                    return str(found.value) if found.literal else ""
    return None


def _call(node: Condition, patient: Snapshot) -> Truth:
    _, target, argument, operator, operand, without = node
    if patient.script is None:
        return unknown(SCRIPT)
    undecided = False
    for call in patient.script.calls:
        if call.target != target:
            continue
        if without is not None:
            if call.argument(without) is None:
                if call.complete:
                    return True
                undecided = True
            continue
        if argument is None:
            return True
        found = decided(call.argument(argument), patient)
        if found is None:
            undecided = undecided or not call.complete
        elif operator is None:
            return True
        elif not found.literal:
            undecided = True
        elif compare(operator, found.value, operand):
            return True
    return unknown(SCRIPT) if undecided else False


def decided(argument: Argument | None, patient: Snapshot) -> Argument | None:
    """Return an argument of the script with the one of its choices that counts here, as far as that is known."""
    if argument is None or not argument.choices:
        return argument
    from envdoctor.model.modules import providers  # imported late: few scripts have any

    for value, module in argument.choices:
        if not module or any(patient.distribution(name) is not None for name in providers(module)):
            return argument.replace(value=value, literal=True)
        if not patient.is_complete:
            break
    return argument


def _seen(node: Condition, patient: Snapshot) -> Truth:
    truth = judge(node[1], patient)
    return truth is True


def _import(node: Condition, patient: Snapshot) -> Truth:
    if patient.script is None:
        return unknown(SCRIPT)
    return any(found.name == node[1] for found in patient.script.imports)


def row_of(node: Condition, patient: Snapshot) -> tuple[Truth, Any]:
    """Judge a window table; the second value is the row that decides."""
    _, name, of, rows = node
    holder, partner = patient.distribution(of), patient.distribution(name)
    if holder is None or partner is None:
        return False, None
    for row in rows:
        hit = inside(holder, row[0])
        if hit is True:
            return negation(inside(partner, row[1])), row
        if hit is not False:
            return hit, None
    return False, None


def _window(node: Condition, patient: Snapshot) -> Truth:
    return row_of(node, patient)[0]


def _all(node: Condition, patient: Snapshot) -> Truth:
    # The fast form of truth.conjunction, without a generator, because every rule passes here;
    # tests/engine/test_truth.py holds the two together.
    missing: frozenset[str] | None = None
    for part in node[1]:
        truth = CONDITIONS[part[0]](part, patient)
        if truth is False:
            return False
        if truth is not True:
            missing = truth if missing is None else missing | truth
    return True if missing is None else missing


def _any(node: Condition, patient: Snapshot) -> Truth:
    return disjunction(judge(part, patient) for part in node[1])


def _none(node: Condition, patient: Snapshot) -> Truth:
    return negation(_any(node, patient))


def _predicate(node: Condition, patient: Snapshot) -> Truth:
    from envdoctor.engine.predicates import call

    return call(node[1], patient, dict(node[2]))[0]


CONDITIONS: dict[str, Callable[[Condition, Snapshot], Truth]] = {
    "all": _all,
    "any": _any,
    "none": _none,
    "dist": _dist,
    "absent": _absent,
    "build": _build,
    "fact": _fact,
    "env": _env,
    "call": _call,
    "seen": _seen,
    "import": _import,
    "window": _window,
    "predicate": _predicate,
}
