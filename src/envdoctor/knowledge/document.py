"""Pages about rules: for `rules show`, and for the reference documentation. Pure: Rule in, Markdown or plain data out."""

from __future__ import annotations

from envdoctor.model.facts import CATALOGUE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from envdoctor.model.rule import Condition, Remedy, Rule

_OPERATORS = {
    "equals": "is", "one_of": "is one of", "contains": "contains", "below": "is below", "at_least": "is at least",
    "older_than": "is older than", "newer_than": "is newer than", "at_least_version": "is at least", "equals_fact": "equals",
    "older_than_fact": "is older than", "newer_than_fact": "is newer than",
}  # fmt: skip


def rule_markdown(rule: Rule) -> str:
    """Return the page of a rule."""
    lines = [f"# {rule.id}", "", f"**{rule.title}**", "", badge(rule), "", rule.why.strip(), "", "## When it fires", ""]
    lines += condition_lines(rule.match)
    lines += ["", f"It breaks {', '.join(rule.uses)}" + (", without any error." if rule.silent else "."), ""]
    if rule.symptoms:
        lines += ["## What you would see", "", *(f"    {text}" for text in rule.symptoms), ""]
    lines += ["## What to do", ""]
    lines += [f"{number}. {remedy.title} ({remedy.safety}): {remedy_text(remedy)}" for number, remedy in enumerate(rule.remedies, 1)]
    lines += ["", "## How it is known", ""]
    lines += [f"- {one.says} ({one.url}, checked {one.checked})" for one in rule.evidence]
    lines += ["", *_repro(rule)]
    return "\n".join(lines).rstrip() + "\n"


def badge(rule: Rule) -> str:
    """Return the line of facts under a page's title."""
    silent = "silent" if rule.silent else "loud"
    return f"{rule.severity} · {rule.impact} · {rule.confidence} · {silent} · {rule.status} since {rule.since} · about {rule.subject}"


def _repro(rule: Rule) -> list[str]:
    repro = rule.repro
    if repro.cannot:
        return ["## Seeing it", "", f"Not reproduced on a machine without a GPU: {repro.cannot}."]
    seen = f"Reproduced {repro.reproduced}:" if repro.reproduced else "To reproduce:"
    lines = ["## Seeing it", "", seen, "", "    pip install " + " ".join(repro.install)]
    lines += [f"    >>> {line}" for line in repro.run.strip().splitlines()]
    if repro.error:
        lines.append(f"    {repro.error}")
    return lines


def remedy_text(remedy: Remedy) -> str:
    """Return what a remedy does, in one line."""
    if remedy.require:
        return "`pip install " + " ".join(f'"{name}{wanted}"' for name, wanted in remedy.require.items()) + "`"
    if remedy.remove:
        return "`pip uninstall " + " ".join(remedy.remove) + "`"
    if remedy.set_env:
        return " ".join(f"`{name}={value}`" for name, value in remedy.set_env.items())
    if remedy.unset_env:
        return "unset " + ", ".join(f"`{name}`" for name in remedy.unset_env)
    if remedy.set_argument:
        told = [f"`{target}({name}={value!r})`" for target, values in remedy.set_argument.items() for name, value in values.items()]
        return ", ".join(told)
    if remedy.replace_model:
        return f"use the model `{remedy.replace_model}`"
    return remedy.advice


def condition_lines(node: Condition, depth: int = 0) -> list[str]:
    """Return a condition in words, as a Markdown list."""
    pad = "  " * depth
    if node[0] in ("all", "any", "none"):
        if node[0] == "all" and depth == 0:
            return [line for part in node[1] for line in condition_lines(part, 0)]
        said = {"all": "all of", "any": "any of", "none": "none of"}[node[0]]
        return [f"{pad}- {said}:", *(line for part in node[1] for line in condition_lines(part, depth + 1))]
    return [f"{pad}- {words}" for words in _leaf(node)]


_TOLD: dict[tuple[str, str], str] = {
    # what readers of scripts tell in the form of calls
    ("os.environ.late", ""): "the script sets `{}` after what reads it has read it",
    ("transformers.AutoModelForCausalLM.from_pretrained.again", "device_map"): (
        "the script loads the same model a second time, after training it and without letting it go, and with `device_map`"
    ),
    ("datasets.Dataset.map.function", "reads"): "the script maps a data set with a function that loops over the batch itself",
    ("datasets.Dataset.map.function", "unpadded"): "the script maps a data set with a function that masks labels and pads nothing",
    ("trl.SFTTrainer.formatting_func", "returns"): "what the function returns that the script passes as `formatting_func` can be seen",
}


def _leaf(node: Condition) -> Iterator[str]:
    kind = node[0]
    if kind == "dist":
        yield f"`{node[1]}` is installed" + ("" if node[2] is None else f" at {interval_text(node[2])}")
    elif kind == "absent":
        yield f"`{node[1]}` is not installed"
    elif kind == "build":
        yield f"`{node[1]}` is a {node[2]} build"
    elif kind == "fact":
        yield f"{CATALOGUE[node[1]][1]} (`{node[1]}`) {_comparison(node[2], node[3])}"
    elif kind == "env":
        yield f"the environment variable `{node[1]}` {_comparison(node[2], node[3])}"
    elif kind == "call":
        _, target, argument, operator, operand, without = node
        told = f"the script calls `{target}`"
        if (target, argument) in _TOLD or (target, "") in _TOLD:
            yield (_TOLD.get((target, argument)) or _TOLD[target, ""]).format(argument)
            return
        if argument:
            told += f" with `{argument}`" + (f", which {_comparison(operator, operand)}" if operator else "")
        yield told + (f" without `{without}`" if without else "")
    elif kind == "import":
        yield f"the script imports `{node[1]}`"
    elif kind == "seen":
        yield from _leaf(node[1])
    elif kind == "window":
        yield f"`{node[1]}` lies outside what this `{node[2]}` takes: " + "; ".join(
            f"{of} takes {fits or 'any'}" for _, _, of, fits in node[3]
        )
    else:
        yield f"the predicate `{node[1]}` holds" + "".join(f", {name} `{value}`" for name, value in node[2])


def _comparison(operator: str, operand: Any) -> str:
    if operator == "set":
        return "is set" if operand else "is not set"
    value = ", ".join(map(str, operand)) if isinstance(operand, tuple) else f"`{operand}`" if operator.endswith("_fact") else str(operand)
    return f"{_OPERATORS[operator]} {value}"


def interval_text(intervals: Iterable[Any]) -> str:
    """Return intervals of version keys as a person writes them."""
    told = []
    for low, high in intervals:
        left = "" if low is None else f"{'≥' if low[1] == 0 else '>'} {version_text(low[0])}"
        right = "" if high is None else f"{'<' if high[1] == 0 else '≤'} {version_text(high[0])}"
        if low and high and low[0] == high[0]:
            told.append(version_text(low[0]))
        else:
            told.append(" and ".join(part for part in (left, right) if part) or "any version")
    return " or ".join(told)


def version_text(at: Any) -> str:
    """Return a version key as text; the lowest development release of X is written X."""
    epoch, release, pre, post, dev = at
    text = (f"{epoch}!" if epoch else "") + ".".join(map(str, release)) + (".0" if len(release) == 1 else "")
    if pre[0] in (1, 2, 3):
        text += {1: "a", 2: "b", 3: "rc"}[pre[0]] + str(pre[1])
    if 0 <= post < 1 << 60:
        text += f".post{post}"
    if 0 <= dev < 1 << 60:
        text += f".dev{dev}"
    return text


def rule_mapping(rule: Rule) -> dict[str, Any]:
    """Return a rule as plain data for JSON."""
    names = (
        "id", "family", "title", "since", "status", "severity", "impact", "confidence", "silent", "subject", "uses", "message", "why",
        "symptoms",
    )  # fmt: skip
    told: dict[str, Any] = {name: getattr(rule, name) for name in names}
    told["when"] = [line.strip().removeprefix("- ") for line in condition_lines(rule.match)]
    told["remedies"] = [{"title": r.title, "safety": r.safety, "do": remedy_text(r)} for r in rule.remedies]
    told["evidence"] = [{"url": e.url, "says": e.says, "checked": e.checked} for e in rule.evidence]
    return told
