"""Writes the generated reference pages: rules, facts, uses, conditions.

`python -m envdoctor.knowledge.reference docs/reference` writes them, with `--check` it only tells whether they are fresh.
"""

from __future__ import annotations

import os
import sys

from envdoctor.knowledge.document import rule_markdown
from envdoctor.knowledge.load import read_rules, rules_folder
from envdoctor.model.facts import CATALOGUE
from envdoctor.model.uses import PURPOSES, USES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.model.rule import Rule

_HEAD = "<!-- Generated from rules/ by `python -m envdoctor.knowledge.reference docs/reference`; do not edit. -->\n\n"


def pages(rules: list[Rule]) -> dict[str, str]:
    """Return every generated page by its file name."""
    told = {"rules.md": _index(rules), "facts.md": _facts(), "uses.md": _uses()}
    told.update({f"rules/{rule.id}.md": _HEAD + rule_markdown(rule) for rule in rules})
    return told


def _index(rules: list[Rule]) -> str:
    lines = [_HEAD + "# The rule book", "", f"{len(rules)} rules. `envdoctor rules show ID` prints the page of one.", ""]
    for family in sorted({rule.family for rule in rules}):
        own = [rule for rule in rules if rule.family == family]
        lines += [f"## {family}", "", "| rule | what | severity | cost |", "|---|---|---|---|"]
        lines += [
            f"| [{rule.id}](rules/{rule.id}.md) | {rule.title.replace('|', '/')} | {rule.severity} | "
            f"{rule.impact}{', silent' if rule.silent else ''} |"
            for rule in own
        ]
        lines.append("")
    return "\n".join(lines)


def _facts() -> str:
    lines = [_HEAD + "# Facts", "", "Everything a rule may ask of a machine.", "", "| fact | type | meaning |", "|---|---|---|"]
    lines += [f"| `{path}` | {kind} | {meaning} |" for path, (kind, meaning) in CATALOGUE.items()]
    return "\n".join(lines) + "\n"


def _uses() -> str:
    lines = [_HEAD + "# Uses", "", "What an environment is used for. A fault in a use breaks what rests on it.", ""]
    lines += ["| use | exists with | rests on |", "|---|---|---|"]
    lines += [f"| {use} | {', '.join(needs) or '-'} | {', '.join(below) or '-'} |" for use, (needs, below) in USES.items()]
    lines += ["", "## What `--for` demands", "", "Each use as far as its distributions are installed.", ""]
    lines += [f"- **{purpose}**: {', '.join(uses)}" for purpose, uses in PURPOSES.items()]
    return "\n".join(lines) + "\n"


def main(words: list[str]) -> int:
    """Write or check the pages; return an exit code."""
    check = "--check" in words
    folder = next((word for word in words if not word.startswith("-")), "docs/reference")
    rules = rules_folder()
    if rules is None:
        sys.stderr.write("run this in a checkout of envdoctor\n")
        return 2
    wanted = pages(sorted(read_rules(rules), key=lambda rule: rule.id))
    stale = []
    for name, text in wanted.items():
        path = os.path.join(folder, name)
        try:
            with open(path, encoding="utf-8") as file:
                present = file.read()
        except OSError:
            present = ""
        if present != text:
            stale.append(name)
            if not check:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
    own = os.path.join(folder, "rules")
    gone = [name for name in sorted(os.listdir(own)) if f"rules/{name}" not in wanted] if os.path.isdir(own) else []
    for name in gone:
        stale.append(f"rules/{name} (no such rule)")
        if not check:
            os.remove(os.path.join(own, name))
    if check and stale:
        sys.stderr.write(
            "stale pages; write them anew with `python -m envdoctor.knowledge.reference docs/reference`:\n  " + "\n  ".join(stale) + "\n"
        )
        return 1
    print(f"{len(wanted)} pages, {'fresh' if not stale else f'{len(stale)} written'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
