"""Which parameters the public callables of a release take, under the name they are defined by and the one they are exported by."""

from __future__ import annotations

from envdoctor.miner.modules import absolute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from envdoctor.miner.digest import Digest
    from envdoctor.miner.modules import Modules
    from envdoctor.miner.signatures import Signature

_MASSES = (
    "models", "_dynamo", "_inductor", "_refs", "testing", "onnx", "_decomp", "tests", "distributed", "ao", "fx", "_prims", "export", "jit",
    "quantization",
)  # fmt: skip
"""Folders of hundreds of modules whose callables nobody else passes keywords to."""
_WORDS_OF_CLASSES = (
    "from_pretrained", "train", "save_model", "log", "compute_loss", "training_step", "prepare", "unwrap_model", "backward", "accumulate",
    "save_state", "load_state", "map", "from_dict", "encode", "generate", "save_pretrained", "push_to_hub", "create_optimizer",
    "get_batch_samples",
)  # fmt: skip


_BARE = "."


def takes_of(
    modules: Modules, digest_of: Callable[[str], Digest | None], offers: Mapping[str, frozenset[str]]
) -> dict[str, frozenset[str]]:
    """Return the section "takes"."""
    found: dict[str, frozenset[str]] = {}
    constructors = _Constructors(modules, digest_of)
    for module in sorted(modules.texts):
        parts = module.split(".")
        if any(part.startswith("_") and part != "_C" for part in parts[1:]) or (len(parts) > 2 and parts[1] in _MASSES):
            continue
        digest = digest_of(module)
        if digest is None or parts[-1].startswith("dummy_"):  # stand-ins for what cannot be imported take anything
            continue
        for name, signature in digest.signatures.items():
            head, _, method = name.partition(".")
            if head.startswith("_") or (method and method not in _WORDS_OF_CLASSES):
                continue
            found[f"{module}:{name}"] = frozenset(signature)
        for name in digest.bases:
            if "." in name or name.startswith("_") or (f"{module}:{name}" in found and "@dataclass" not in digest.bases[name]):
                continue
            inherited = constructors.of(module, name)
            if inherited is not None:
                found[f"{module}:{name}"] = frozenset(inherited) - {_BARE}
            elif f"{module}:{name}" in found:  # fields beside those of a foreign base
                found[f"{module}:{name}"] |= {"?"}
    for module, name, target in _exports(modules, digest_of, offers, found):
        for subject in [target, *[f"{target}.{method}" for method in _WORDS_OF_CLASSES]]:
            if subject in found:
                found[f"{module}:{name}{subject[len(target) :]}"] = found[subject]
    return found


class _Constructors:
    """What classes take, their own or what they inherit inside the release; each is worked out once."""

    def __init__(self, modules: Modules, digest_of: Callable[[str], Digest | None]) -> None:
        self._modules = modules
        self._digest = digest_of
        self._known: dict[tuple[str, str], Signature | None] = {}

    def of(self, module: str, name: str) -> Signature | None:
        """Return what a class takes; None where a foreign base decides, and for one that inherits from itself.

        A class without any constructor takes nothing, and lets the next base of its heir decide: that is told by _BARE.
        """
        if (module, name) not in self._known:
            self._known[module, name] = None
            self._known[module, name] = self._work_out(module, name)
        return self._known[module, name]

    def _work_out(self, module: str, name: str) -> Signature | None:
        digest = self._digest(module)
        if digest is None or name not in digest.bases:
            return None
        bases = digest.bases[name]
        is_data = "@dataclass" in bases
        own = digest.signatures.get(name)
        if own is not None and not is_data:
            return own
        above: Signature | None = () if is_data else None
        for base in bases:
            if base in ("@dataclass", "object", "ABC", "abc.ABC") or base.partition("[")[0].rpartition(".")[2] in ("Generic", "Protocol"):
                continue
            place = _place(module, base, self._modules, self._digest)
            told = None if place is None else self.of(*place)
            if told is None:
                return None
            if is_data:
                above = (*(above or ()), *(one for one in told if one != _BARE))
            elif told != (_BARE,):
                above = told
                break
        if above is None:
            return (_BARE,)
        return tuple(dict.fromkeys((*above, *(own or ())))) if is_data else above


def _place(module: str, base: str, modules: Modules, digest_of: Callable[[str], Digest | None]) -> tuple[str, str] | None:
    """Return where a base class of this release is defined."""
    digest = digest_of(module)
    if digest is None:
        return None
    if base in digest.bases:
        return module, base
    return _followed(module, base, modules, digest_of, lambda told, name: name in told.bases)


def _followed(
    module: str, name: str, modules: Modules, digest_of: Callable[[str], Digest | None], is_home: Callable[[Digest, str], bool]
) -> tuple[str, str] | None:
    """Return where a name comes from that a module imports: from one of this release's modules, over at most five steps."""
    told = digest_of(module)
    for _ in range(5):
        if told is None or name not in told.origins:
            return None
        level, source, following = told.origins[name]
        module, name = absolute(module, module in modules.packages, level, source), following
        told = digest_of(module)
        if told is not None and is_home(told, name):
            return module, name
    return None


def _exports(
    modules: Modules, digest_of: Callable[[str], Digest | None], offers: Mapping[str, frozenset[str]], found: Mapping[str, frozenset[str]]
) -> list[tuple[str, str, str]]:
    """Return (module, name, where it is defined) for what the top-level modules and their folders export."""
    places: dict[str, list[str]] = {}
    for subject in found:
        where, _, name = subject.partition(":")
        if "." not in name:
            places.setdefault(name, []).append(where)
    exported = []
    for module in sorted(modules.packages):
        parts = module.split(".")
        if len(parts) > 2 or (len(parts) == 2 and parts[1] in _MASSES):
            continue
        told = digest_of(module)
        for name in sorted(offers.get(module, ())):
            if f"{module}:{name}" in found:
                continue
            if told is not None and name in told.origins:  # imported by name: from there, and not from whatever has that name below
                home = None if name in told.rivals else _followed(module, name, modules, digest_of, _defines)
                if home is not None and ":".join(home) in found:
                    exported.append((module, name, ":".join(home)))
                continue
            spots = [where for where in places.get(name, ()) if where.startswith(module + ".")]
            if len(spots) == 1:
                exported.append((module, name, f"{spots[0]}:{name}"))
    return exported


def _defines(told: Digest, name: str) -> bool:
    return name in told.signatures or name in told.bases
