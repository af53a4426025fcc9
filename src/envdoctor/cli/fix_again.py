"""The command that makes the change which was shown: what was typed, with --write or --apply, and without what only shapes the output."""

from __future__ import annotations

import shlex

from envdoctor.cli.options import FLAG, LIST, defaults, dest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.cli.options import Values
    from envdoctor.repair.planning import Outcome

_SHOWING = ("write", "output", "apply", "script", "prove", "plan", "format", "quiet", "color")


def again(outcome: Outcome, values: Values) -> str:
    """Return the command as it is pasted into a shell, and the one that makes a lock file again behind it."""
    from envdoctor.cli.fix import OPTIONS

    plain = defaults(OPTIONS, None)
    words = ["envdoctor", "fix", "--apply" if outcome.ill.listing is None else "--write"]
    for option in OPTIONS:
        value = values[dest(option)]
        if option.name in _SHOWING or value == plain[dest(option)]:
            continue
        if option.kind == FLAG:
            words.append(f"--{option.name}")
        else:
            words += [f"--{option.name}", ",".join(value) if option.kind == LIST else str(value)]
    words += values["paths"]
    return shlex.join(words) + (f" && {outcome.ill.locked}" if outcome.ill.locked else "")
