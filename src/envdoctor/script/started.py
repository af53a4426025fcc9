"""Variables that a script sets when what reads them has done so: torch's allocator once CUDA runs, a library while it is imported.

Only what certainly ran before counts: statements of the script itself, not of its functions, and under no other condition.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from envdoctor.model.script import Call

    Branches = tuple[tuple[int, int], ...]

LATE = "os.environ.late"
_CUDA = tuple(
    f"torch.cuda.{name}" for name in ("get_device_properties", "get_device_name", "get_device_capability", "current_device", "init")
)
_HUB = ("transformers", "datasets", "peft")
"""Libraries that import the constants of huggingface_hub when they are imported, in old releases and new ones."""
READ_ONCE: dict[str, tuple[str, ...]] = {
    "PYTORCH_CUDA_ALLOC_CONF": _CUDA,
    "HF_HOME": _HUB,
    "HF_HUB_CACHE": _HUB,
    "HF_HUB_OFFLINE": _HUB,
    "HF_ENDPOINT": _HUB,
    "HF_DATASETS_CACHE": ("datasets",),
}
_ALL = frozenset(name for names in READ_ONCE.values() for name in names)


AGAIN = "again"
"""Last part of the name of a call that loads a model a second time, after a training whose model nobody let go."""
_LOADERS = ("transformers.AutoModelForCausalLM.from_pretrained",)
_NAMES = ("0", "pretrained_model_name_or_path")


class Started:
    """What ran so far, in the order of the script."""

    def __init__(self) -> None:
        self._seen: list[tuple[str, Branches]] = []
        self._held: dict[str, Branches] = {}
        self._trained: Branches | None = None

    def loads_again(self, call: Call, branches: Branches) -> bool:
        """Note what loads a model or trains it; tell whether a model is loaded that certainly was loaded and trained before."""
        if call.target.endswith("Trainer.train") and self._held and self._trained is None:
            self._trained = branches
        if call.target not in _LOADERS:
            return False
        named = next((one for name in _NAMES for one in (call.argument(name),) if one is not None and one.literal), None)
        if named is None or not isinstance(named.value, str):
            return False
        before, trained = self._held.get(named.value), self._trained
        if before is None or trained is None:
            self._held.setdefault(named.value, branches)
            return False
        return branches[: len(trained)] == trained and branches[: len(before)] == before

    def let_go(self) -> None:
        """Note that the script deletes something: whatever it held may be gone."""
        self._held.clear()
        self._trained = None

    def note(self, name: str, branches: Branches) -> None:
        """Note a call, or an imported module, of the script's own statements."""
        if name in _ALL:
            self._seen.append((name, branches))

    def before(self, variable: str, branches: Branches) -> str:
        """Return what read a variable before it is set under these conditions, "" for nothing."""
        return next(iter(self._certain(READ_ONCE.get(variable, ()), branches)), "")

    def _certain(self, names: tuple[str, ...], branches: Branches) -> Iterable[str]:
        return (name for name, under in self._seen if name in names and branches[: len(under)] == under)
