"""envdoctor: the doctor for language-model fine-tuning environments. Importing this loads nothing heavy."""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.diagnosis import check
    from envdoctor.hook import preflight
    from envdoctor.model.errors import EnvironmentRejected
    from envdoctor.model.finding import Finding, Report
    from envdoctor.model.snapshot import Snapshot

__all__ = ["EnvironmentRejected", "Finding", "Report", "Snapshot", "__version__", "check", "preflight"]

_HOMES = {
    "check": "diagnosis",
    "preflight": "hook",
    "EnvironmentRejected": "model.errors",
    "Finding": "model.finding",
    "Report": "model.finding",
    "Snapshot": "model.snapshot",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = __import__(f"{__name__}.{home}", fromlist=[name])
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return __all__
