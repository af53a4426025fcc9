"""Why a condition held: the facts that made it true, the packages it names, the places in scripts. Only run for rules that fire."""

from __future__ import annotations

from envdoctor.engine.conditions import compare, decided, judge, row_of
from envdoctor.model.facts import CATALOGUE, Fact
from envdoctor.model.finding import Reason
from envdoctor.model.names import placeholder
from envdoctor.model.script import REPLACED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from envdoctor.model.rule import Condition
    from envdoctor.model.script import Argument, Location
    from envdoctor.model.snapshot import Distribution, Snapshot


STATED_BY = {
    "training.device_map": ("device_map",),
    "training.attention": ("attn_implementation", "use_flash_attention_2"),
    "training.optimizer": ("optim",),
    "training.packing": ("packing",),
}
"""Arguments of a script's calls that settle a fact."""
LATE = "os.environ.late"
MAPPED = "datasets.Dataset.map.function"
MAPPED_SAYS = {"reads": "loops over the batch itself", "unpadded": "masks labels and pads nothing"}
"""What readers of scripts tell in the form of calls, in words."""
NO_MODELS = ("Tokenizer", "TokenizerFast", "Processor", "Config")
NAMES_MODEL = ("0", "pretrained_model_name_or_path", "model_name", "model")


class Witness:
    """Everything that a fired condition rests on, gathered in one walk."""

    def __init__(self, node: Condition, patient: Snapshot) -> None:
        self.patient = patient
        self.reasons: dict[str, Reason] = {}
        self.packages: dict[str, None] = {}
        self.locations: dict[Location, None] = {}
        self.words: dict[str, str] = {}
        """Placeholder -> text, for messages."""
        self.windows: dict[str, str] = {}
        """Distribution -> what the row of a window table asks of it, for remedies."""
        self._walk(node)

    @property
    def asked(self) -> bool:
        """Tell whether something about the run itself (its script, model, arguments) made the rule fire, not installed packages alone."""
        return bool(self.locations) or any(path.startswith(("model.", "training.", "run.", "env.")) for path in self.reasons)

    def _walk(self, node: Condition) -> None:
        kind = node[0]
        if kind in ("all", "any"):
            for part in node[1]:
                if kind == "all" or judge(part, self.patient) is True:
                    self._walk(part)
        elif kind in ("dist", "build"):
            self._distribution(node[1])
        elif kind == "absent":
            self.packages[node[1]] = None
            self.reasons["dist:" + node[1]] = Reason(what=node[1], value="not installed", origin="list of installed distributions")
        elif kind == "fact":
            self._fact(node[1])
            if node[2].endswith("_fact"):
                self._fact(node[3])
        elif kind == "env":
            self._env(node[1])
        elif kind == "call":
            self._call(node)
        elif kind == "seen":
            self._walk(node[1])
        elif kind == "import":
            self._import(node[1])
        elif kind == "window":
            self._distribution(node[2])
            self._distribution(node[1])
            _, row = row_of(node, self.patient)
            if row is not None:
                self.words["window"] = node[1] + row[3]
                self.windows[node[1]] = row[3]
        elif kind == "predicate":
            self._predicate(node)

    def _distribution(self, name: str) -> None:
        found = self.patient.distribution(name)
        if found is None:
            return
        self.packages[name] = None
        self.words[placeholder(name)] = described(found)
        origin = found.origin or "list of installed distributions"
        self.reasons["dist:" + name] = Reason(what=name, value=described(found), origin=origin)

    def _fact(self, path: str) -> None:
        found = self.patient.fact(path)
        if isinstance(found, Fact):
            text = spell(found.value, CATALOGUE.get(path, ("text", ""))[0])
            self.words[path] = text
            self.reasons[path] = Reason(what=path, value=text, origin=found.origin)
            named = self.patient.fact("model.name") if path.startswith("model.") else found
            if isinstance(named, Fact):
                self._stated(NAMES_MODEL if path.startswith("model.") else STATED_BY.get(path, ()), named.value)

    def _stated(self, arguments: tuple[str, ...], value: object) -> None:
        """Add the first place where the script states a fact."""
        for call in self.patient.script.calls if self.patient.script and arguments else ():
            for name in arguments if not call.target.partition(".from_")[0].endswith(NO_MODELS) else ():
                argument = call.argument(name)
                if argument is not None and argument.literal and argument.value == value:
                    self.locations.setdefault(argument.location, None)
                    return

    def _env(self, name: str) -> None:
        value = (self.patient.environment or {}).get(name)
        origin = "environment"
        for call in self.patient.script.calls if self.patient.script else ():
            found = call.argument(name) if call.target == "os.environ" else None
            if found is not None:
                value, origin = str(found.value), f"{found.location.path}:{found.location.line}"
                self.locations[found.location] = None
        self.words["env." + name] = value or ""
        self.reasons["env." + name] = Reason(what=name, value="not set" if value is None else value, origin=origin)

    def _call(self, node: Condition) -> None:
        _, target, argument, operator, operand, without = node
        for call in self.patient.script.calls if self.patient.script else ():
            if call.target != target:
                continue
            found = decided(call.argument(argument), self.patient) if argument else None
            if argument and (found is None or (operator and not (found.literal and compare(operator, found.value, operand)))):
                continue
            if without and (call.argument(without) is not None or not call.complete):
                continue
            place = found.location if found else call.location
            self.locations[place] = None
            what, shown = _told_of(target, argument, found, without)
            self.reasons[f"call:{target}:{argument}:{place.line}"] = Reason(what=what, value=shown, origin=f"{place.path}:{place.line}")
            if found is not None:
                self.words[argument] = str(found.value) if found.literal else argument

    def _import(self, name: str) -> None:
        for found in self.patient.script.imports if self.patient.script else ():
            if found.name == name:
                self.locations[found.location] = None
                origin = f"{found.location.path}:{found.location.line}"
                self.reasons["import:" + name] = Reason(what=name, value="imported", origin=origin)

    def _predicate(self, node: Condition) -> None:
        from envdoctor.engine.predicates import call

        _, proof = call(node[1], self.patient, dict(node[2]))
        self.words.update(proof.words)
        for name in proof.packages:
            self.packages[name] = None
        for reason in proof.reasons:
            self.reasons[reason.what + reason.value] = reason
        for place in proof.locations:
            self.locations[place] = None


def described(found: Distribution) -> str:
    """Return a version as a person would say it."""
    if found.version is not None:
        return found.version
    if found.specifier:
        return found.specifier
    return "of unknown version"


def spell(value: Any, kind: str) -> str:
    """Return a fact's value in words: bytes as GiB, lists with commas, truth as yes or no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    if kind == "bytes":
        return f"{value / (1 << 30):.1f} GiB"
    return str(value)


def fill(text: str, words: dict[str, str]) -> str:
    """Put words into a message; a placeholder nobody bound stays as it is, so that a fault shows instead of crashing."""
    parts = text.split("{")
    out = [parts[0]]
    for part in parts[1:]:
        name, brace, rest = part.partition("}")
        out.append(words.get(name, "{" + name + "}") + rest if brace else "{" + part)
    return "".join(out)


def _told_of(target: str, argument: str | None, found: Argument | None, without: str | None) -> tuple[str, str]:
    """Return a call, or a function of the script that is one (see REPLACED), and what is so of it."""
    owner, _, last = target.rpartition(".")
    if last == REPLACED:
        lacks = f"takes {without} by place" if without and without.isdecimal() else f"takes no {without}"
        return f"{owner.partition('.')[2]} of the script", lacks if without else "is there"
    if found is not None and target == LATE:
        return found.name, f"set after {found.value}"
    if found is not None and target == MAPPED:
        return "the function that maps the data", MAPPED_SAYS.get(found.name, found.name)
    if found is not None and found.literal:
        return target, f"{argument}={found.value!r}"
    return target, argument or (f"without {without}" if without else "called")
