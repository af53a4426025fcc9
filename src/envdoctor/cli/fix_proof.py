"""`envdoctor fix --prove`: installs each way out in a throw-away environment and trains with it, and keeps those that do."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from envdoctor.repair.planning import Outcome


def proven(outcome: Outcome, say: Callable[[str], None]) -> Outcome:
    """Return the outcome with the ways out that really train; the first failure of each other one becomes a remark. Raises LabError."""
    from envdoctor.lab.case import Wanted, attempt
    from envdoctor.lab.environment import Settings, find_uv
    from envdoctor.repair.sources import environment_for_uv

    ill = outcome.ill
    settings = Settings(uv=find_uv(os.environ), python=".".join(ill.python_version.split(".")[:2]) or "3.11")
    variables = environment_for_uv(os.environ, ill.python)
    kept, remarks = [], list(outcome.remarks)
    for number, plan in enumerate(outcome.plans, 1):
        say(f"proving way out {number} of {len(outcome.plans)}")
        words = " ".join([*ill.sources.lines, *(f"{name}=={version}" for name, version in plan.solution.items())])
        record = attempt(Wanted(id=f"plan-{number}", install=(words,)), settings, variables)
        if record["verdict"] == "works":
            kept.append(plan.replace(verified="proven"))
            break
        failure = record.get("cause") or record.get("first_failure") or record["verdict"]
        remarks.append(f"a way out was dropped, because it does not train when it is installed: {plan.cost} ({failure})")
    conflict = outcome.conflict if kept else "every planned set fails when it is installed:\n" + "\n".join(remarks)
    return outcome.replace(plans=tuple(kept), remarks=tuple(remarks), conflict=conflict)
