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

_MOST_LIMITS = 8


def is_about_builds(node: Condition) -> bool:
    """Tell whether a condition asks for what torch was built with: another release of torch may change that."""
    if node[0] in ("all", "any", "none"):
        return any(is_about_builds(part) for part in node[1])
    if node[0] == "seen":
        return is_about_builds(node[1])
    return node[0] == "fact" and str(node[1]).startswith("torch.")


def other_build(faults: Iterable[Finding], builds: Callable[[str], bool], patient: Snapshot, ill: Ill) -> str:
    """Return how to keep torch's version and take its build for the driver; "" where no fault is about builds or no driver is known.

    uv chooses the build by the driver of the machine that it runs on. For which CUDA PyTorch's own index has a release is not known here.
    """
    if not any(builds(fault.rule) for fault in faults) or not isinstance(patient.fact("driver.cuda"), Fact):
        return ""
    what = f"-r {ill.listing.path}" if ill.listing is not None else f"--reinstall-package torch torch=={ill.now.get('torch', '')}"
    return f"or keep torch's version, where PyTorch's index has a build for your driver: uv pip install --torch-backend=auto {what}"


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
