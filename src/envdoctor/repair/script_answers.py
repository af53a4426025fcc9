"""Functions whose answers a release refuses: wrapped where they are handed over, so that they themselves stay as they are.

A function for a batch is given a batch of one and its first answer taken; one for a single example is called for each row.
"""

from __future__ import annotations

from envdoctor.model.answer import ANSWERS, MAPPING, ONE, ROWS, TEXT
from envdoctor.repair.script_parts import Cannot, Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast

    from envdoctor.engine.calls import Misuse
    from envdoctor.model.spelling import Answered
    from envdoctor.repair.script_parts import Writing
else:
    import _ast as ast

WRAPPED = {
    # what is returned, what is wanted: how the function is called instead, where {} is its name
    (ROWS, TEXT): "lambda example: {}({{key: [value] for key, value in example.items()}})[0]",
    (ONE, TEXT): "lambda example: {}(example)[0]",
    (ONE, ROWS): "lambda batch: [{}(dict(zip(batch, row)))[0] for row in zip(*batch.values())]",
    (TEXT, ROWS): "lambda batch: [{}(dict(zip(batch, row))) for row in zip(*batch.values())]",
}


def answered(writing: Writing, misuse: Misuse, entry: Answered) -> Step:
    """Return the step that makes a function's answer the one that is wanted. Raises Cannot."""
    argument = misuse.argument
    assert argument is not None and argument.answer is not None
    kind = argument.answer.kind
    if kind == MAPPING and not entry.advice:
        raise Cannot(f"a dictionary is what dataset.map takes; map the data set with it before, and leave {misuse.name} out")
    form = WRAPPED.get((kind, entry.wants)) if entry.safety != "manual" else None
    if form is None:
        raise Cannot(entry.advice or f"let it return {ANSWERS[entry.wants]}")
    found = writing.layout.keyword_at(misuse.location.line, misuse.location.column)
    if found is None or found[1].arg != misuse.name:
        raise Cannot(f"let it return {ANSWERS[entry.wants]}; the place where it is written cannot be edited safely")
    value = found[1].value
    said = f"{misuse.name} returns {ANSWERS[entry.wants]}"
    name = value.id if isinstance(value, ast.Name) else f"({writing.layout.source(value)})"
    edit = (*writing.layout.span(value), form.format(name))
    if isinstance(value, ast.Lambda) and isinstance(value.body, ast.List) and len(value.body.elts) == 1:
        edit = (*writing.layout.span(value.body), writing.layout.source(value.body.elts[0]))
    return Step(edits=(edit,), safety=entry.safety, said=said, location=misuse.location)
