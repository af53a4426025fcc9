"""`envdoctor rules new`: a rule file and its fixture folders, to be filled in. A test lints what it writes."""

from __future__ import annotations

import os
import re

from envdoctor.model.errors import UsageError

RULE = '''id         = "{id}"
title      = "What is wrong, in one line"
since      = "{since}"
status     = "preview"
severity   = "error"
impact     = "crash-at-import"
confidence = "certain"
silent     = false
subject    = "torchao"
uses       = ["import torchao"]
message    = "torchao {{torchao}} does not work with torch {{torch}}"
why = """
What happens inside, and since when.
"""

[match]
all = [
  {{ dist = "torchao", version = ">=0.13" }},
  {{ dist = "torch", version = "<2.6" }},
]

[[symptom]]
text = "the error as a user sees it"

[[remedy]]
title   = "Move torch to 2.6 or newer"
safety  = "unsafe"
require = {{ torch = ">=2.6" }}

[[evidence]]
url     = "https://github.com/OWNER/REPOSITORY/blob/TAG/FILE"
says    = "what the last good and the first bad release hold"
checked = {today}

[repro]
install = ["torch==2.5.1", "torchao==0.13.0"]
run     = "import torchao"
error   = "the error as a user sees it"
'''
BAD = """base = "linux-cpu"
[distributions]
torch = "2.5.1"
torchao = "0.13.0"
"""
GOOD = """base = "linux-cpu"
[distributions]
torch = "2.6.0"
torchao = "0.13.0"
"""


def scaffold(rules: str, fixtures: str, family: str, name: str) -> list[str]:
    """Write the files of a new rule and return their paths. Raises UsageError for a name that cannot be, or that is taken."""
    from datetime import date

    from envdoctor import __version__

    if not re.fullmatch(r"[a-z]+", family):
        raise UsageError(f"rules new: a family is one word in lower case, not {family!r}")
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", name):
        raise UsageError(f"rules new: an id is <subject>-<problem> in kebab-case, not {name!r}")
    wanted = {
        os.path.join(rules, family, name + ".toml"): RULE.format(id=name, since=__version__, today=date.today().isoformat()),
        os.path.join(fixtures, "rules", name, "bad", "first-bad", "env.toml"): BAD,
        os.path.join(fixtures, "rules", name, "good", "last-good", "env.toml"): GOOD,
    }
    for path in wanted:
        if os.path.exists(path):
            raise UsageError(f"rules new: {path} is there already")
    for path, text in wanted.items():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    return list(wanted)
