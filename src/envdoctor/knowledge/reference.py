"""Writes the generated reference pages: rules, rules not to write, facts, uses.

`python -m envdoctor.knowledge.reference docs/reference` writes them, with `--check` it only tells whether they are fresh.
"""

from __future__ import annotations

import os
import sys

from envdoctor.knowledge.document import rule_markdown
from envdoctor.knowledge.load import read_rules, rules_folder
from envdoctor.knowledge.not_rules import FOLDER, read_not_rules
from envdoctor.model.facts import CATALOGUE
from envdoctor.model.finding import DERIVED
from envdoctor.model.uses import PURPOSES, USES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.knowledge.not_rules import NotRule, Proof
    from envdoctor.model.rule import Rule

_HEAD = "<!-- Generated from rules/ by `python -m envdoctor.knowledge.reference docs/reference`; do not edit. -->\n\n"


def pages(rules: list[Rule], claims: list[NotRule]) -> dict[str, str]:
    """Return every generated page by its file name."""
    told = {"rules.md": _index(rules), "not-rules.md": _not_rules(claims), "facts.md": _facts(), "uses.md": _uses()}
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


def _not_rules(claims: list[NotRule]) -> str:
    lines = [_HEAD.replace("rules/", f"fixtures/{FOLDER}/") + "# Rules not to write", ""]
    lines += [f"{len(claims)} claims that look like rules, and why they are none. Look here before you write a rule.", ""]
    lines += [
        "Each was disproved by versions that were really installed and run, or by released files that were read. The named sets stand in"
    ]
    lines += [
        "[the recorded runs](../../fixtures/realruns/README.md). `tests/test_not_rules.py` sees to it that a check of these versions tells"
    ]
    lines += ["neither an error nor a warning about the distributions in question.", ""]
    for claim in claims:
        lines += [f"## {claim.id}", "", f"**Claim:** {claim.claim}", "", f"**Why it is false:** {claim.why_false}", ""]
        if claim.script:
            lines += ["```python", *claim.script.strip().splitlines(), "```", ""]
        lines += [f"- {_proof(proof)}" for proof in claim.proofs]
        apart = ", ".join(f"[{rule}](rules/{rule}.md)" if rule not in DERIVED else f"`{rule}`" for rule in claim.other_warnings)
        said = f"; what {apart} warns of is another matter" if apart else ""
        on = f" on {claim.platform}" if claim.platform else ""
        lines += [f"- A check is silent about {' with '.join(f'`{name}`' for name in claim.silent)}{on}{said}.", ""]
        lines += [f"[The fixture](../../fixtures/{FOLDER}/{claim.id}.toml)", ""]
    return "\n".join(lines)


def _proof(proof: Proof) -> str:
    if proof.kind == "file":
        return f"Read on {proof.date}: [{proof.url.partition('://')[2]}]({proof.url}): {proof.says}"
    if proof.set:
        return f"Ran, set `{proof.set}`{f', `{proof.ran}`' if proof.ran else ''}: {proof.says}"
    return f"Ran on {proof.date} with Python {proof.python}: `{proof.ran}`: {proof.says}"


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
    claims = read_not_rules(os.path.join(os.path.dirname(rules), "fixtures"))
    wanted = pages(sorted(read_rules(rules), key=lambda rule: rule.id), claims)
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
