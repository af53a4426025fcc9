"""Variables that a script sets when what reads them has done so: torch's allocator once CUDA runs, a library while it is imported.

Only what certainly ran before counts: statements of the script itself, not of its functions, and under no other condition.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

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


class Started:
    """What ran so far, in the order of the script."""

    def __init__(self) -> None:
        self._seen: list[tuple[str, Branches]] = []

    def note(self, name: str, branches: Branches) -> None:
        """Note a call, or an imported module, of the script's own statements."""
        if name in _ALL:
            self._seen.append((name, branches))

    def before(self, variable: str, branches: Branches) -> str:
        """Return what read a variable before it is set under these conditions, "" for nothing."""
        return next(iter(self._certain(READ_ONCE.get(variable, ()), branches)), "")

    def _certain(self, names: tuple[str, ...], branches: Branches) -> Iterable[str]:
        return (name for name, under in self._seen if name in names and branches[: len(under)] == under)
