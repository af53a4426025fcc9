"""What a user should know beside a plan: another build of torch, lines that do nothing any more, and who may undo it unasked."""

from __future__ import annotations

from envdoctor.model.facts import Fact
from envdoctor.repair.question import Conflict, Question

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from envdoctor.model.finding import Finding
    from envdoctor.model.rule import Condition
    from envdoctor.model.snapshot import Snapshot
    from envdoctor.repair.patient import Ill
    from envdoctor.repair.question import Resolver

BACKENDS = ("cu118", "cu121", "cu124", "cu126", "cu128", "cu129", "cu130", "cu132")
"""Builds of torch that its own wheel index has carried since 2.0, by the CUDA they bring; names as uv's `--torch-backend` takes them."""
_MOST_LIMITS = 8


def is_about_builds(node: Condition) -> bool:
    """Tell whether a condition asks for what torch was built with: another release of torch may change that."""
    if node[0] in ("all", "any", "none"):
        return any(is_about_builds(part) for part in node[1])
    if node[0] == "seen":
        return is_about_builds(node[1])
    return node[0] == "fact" and str(node[1]).startswith("torch.")


def other_build(faults: Iterable[Finding], builds: Callable[[str], bool], patient: Snapshot, ill: Ill) -> str:
    """Return how to keep torch's version and take its build for the driver; "" where no fault is about builds or no build would do."""
    if not any(builds(fault.rule) for fault in faults):
        return ""
    driver = patient.fact("driver.cuda")
    if not isinstance(driver, Fact):
        return ""
    backend = backend_for(str(driver.value), _capability(patient))
    if not backend:
        return ""
    what = f"-r {ill.listing.path}" if ill.listing is not None else f"torch=={ill.now.get('torch', '')} --reinstall-package torch"
    return f"or keep torch's version and take its build for your driver: uv pip install --torch-backend={backend} {what}"


def backend_for(cuda: str, capability: float = 0.0) -> str:
    """Return the newest build of torch that a driver runs and whose CUDA knows the card; "" for none.

    A driver runs every build of its own CUDA major version up to its own, and by minor-version compatibility later ones of that major; the
    first is what is certain. Blackwell cards (compute capability 10 and 12) need CUDA 12.8.

    >>> backend_for("12.4"), backend_for("12.9", 12.0), backend_for("12.2", 12.0), backend_for("13.0")
    ('cu124', 'cu129', '', 'cu130')
    """
    major, _, minor = cuda.partition(".")
    most = int(major) * 10 + int(minor or 0) if major.isdecimal() and (minor or "0").isdecimal() else 0
    least = 128 if capability >= 10 else 0
    fit = [one for one in BACKENDS if least <= int(one[2:]) <= most]
    return fit[-1] if fit else ""


def _capability(patient: Snapshot) -> float:
    found = patient.fact("gpu.capability.min")
    return float(str(found.value)) if isinstance(found, Fact) else 0.0


def idle_limits(ill: Ill, resolver: Resolver, judge: Callable[[Mapping[str, str]], tuple[Finding, ...]]) -> Iterator[str]:
    """Return a sentence for each constraint or override of the user without which the file gives a set without faults all the same."""
    for name, specifier in ill.limits[:_MOST_LIMITS]:
        left = tuple(limit for limit in ill.limits if limit != (name, specifier))
        answer = resolver.solve(Question(wishes=ill.wishes, limits=left))
        if not isinstance(answer, Conflict) and not judge(answer.versions):
            line = next((line for line in ill.lines.get(name, ()) if line.constraint and line.location is not None), None)
            where = f" ({line.location.path} line {line.location.line})" if line is not None and line.location is not None else ""
            yield f"the constraint {name}{specifier}{where} is no longer needed: without it the set is fit too"


def hazard(ill: Ill) -> str:
    """Return who may move what was repaired without a word: whoever installs into the environment later."""
    if ill.listing is not None or "torch" not in ill.now:
        return ""
    return "a later `pip install` may move torch again without a word; give it `-c` with a file that `uv pip freeze` wrote"
