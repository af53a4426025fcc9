"""Rewrites a script for the releases that it is judged beside: one refused argument or name after the other, until none can be helped.

Text in, text out. After each step the script is read and judged again, so that no step rests on what an earlier one changed.
"""

from __future__ import annotations

from envdoctor.engine.calls import ARGUMENT, LOOK, METHOD, NAME
from envdoctor.model.errors import InputError
from envdoctor.model.record import Record
from envdoctor.model.spelling import Answered, Moved, Renamed, Successor, Sunk, Valued
from envdoctor.repair.script_answers import answered
from envdoctor.repair.script_moves import back, moved
from envdoctor.repair.script_parts import Cannot, Step, Writing
from envdoctor.repair.script_values import GONE, RATIO, converted
from envdoctor.script import read
from envdoctor.script.layout import Layout, arguments, edited
from envdoctor.script.notebook_text import Sheet

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from collections.abc import Callable

    from envdoctor.engine.calls import Judge, Misuse
    from envdoctor.model.script import Location
else:
    import _ast as ast

_MOST = 500
"""Steps before the work is given up: far more than a script has faults."""


class Left(Record):
    """What is not rewritten, and why."""

    misuse: Misuse
    why: str
    safety: str = "manual"


class Rewriting(Record):
    """A script after its steps, and what is left to do by hand."""

    text: str
    steps: tuple[Step, ...] = ()
    left: tuple[Left, ...] = ()


def rewrite(text: str, path: str, judge: Judge, *, unsafe: bool = False) -> Rewriting:
    """Return the script as the releases of the judge take it; `unsafe` allows steps that may change numbers. Raises InputError.

    Of a notebook the cells are rewritten, as one script.
    """
    if not path.lower().endswith(".ipynb"):
        return _rewritten(text, path, judge, unsafe, lambda _, location: location)
    sheet = Sheet(text, path)

    def place(script: str, location: Location) -> Location:
        cell, line = sheet.cell_of(script, location.line)
        return location.replace(path=cell, line=line)

    told = _rewritten(sheet.script, path + ".py", judge, unsafe, place)
    return told.replace(text=sheet.notebook(told.text) if told.steps else text)


def _rewritten(text: str, path: str, judge: Judge, unsafe: bool, place: Callable[[str, Location], Location]) -> Rewriting:
    """Return a script rewritten; `place` says where a line of it stands for the user."""
    steps: list[Step] = []
    left: dict[tuple[str, ...], Left] = {}
    for _ in range(_MOST):
        script = read(text, path)
        misuse = next((one for one in judge.misuses(script) if _key(one, text) not in left), None)
        if misuse is None:
            break
        key = _key(misuse, text)
        try:
            step = _step(Writing(Layout(text, path), script, judge), misuse)
        except Cannot as reason:
            left[key] = Left(misuse=misuse, why=str(reason))
            continue
        if step.safety != "safe" and not unsafe:
            left[key] = Left(misuse=misuse, why=step.said, safety=step.safety)
            continue
        fresh = edited(text, list(step.edits))
        if fresh == text or not _holds(fresh, path):
            left[key] = Left(misuse=misuse, why="the place where it is written cannot be edited safely")
            continue
        steps.append(step.replace(location=place(text, step.location)))
        text = fresh
    still = {}
    for misuse in judge.misuses(read(text, path)):
        key = _key(misuse, text)
        if key in left:
            still[key] = left[key].replace(misuse=misuse)
    found = [one.replace(misuse=one.misuse.replace(location=place(text, one.misuse.location))) for one in still.values()]
    return Rewriting(text=text, steps=tuple(steps), left=tuple(found))


def _key(misuse: Misuse, text: str) -> tuple[str, ...]:
    """Name a misuse by what it is and by the line it stands in, wherever that line has gone."""
    lines = text.split("\n")
    line = lines[misuse.location.line - 1].strip() if misuse.location.line <= len(lines) else ""
    return misuse.kind, misuse.callable, misuse.name, line


def _holds(text: str, path: str) -> bool:
    try:
        Layout(text, path)
    except InputError:
        return False
    return True


def _step(writing: Writing, misuse: Misuse) -> Step:
    """Return what helps against one misuse. Raises Cannot."""
    entry = misuse.entry
    if misuse.kind == NAME:
        return _name(writing, misuse)
    if misuse.kind == METHOD:
        return _method(writing, misuse)
    if misuse.kind == LOOK:
        return _look(writing, misuse)
    if misuse.kind == ARGUMENT and misuse.into:
        assert isinstance(entry, Moved)
        return moved(writing, misuse, entry)
    if isinstance(entry, Answered):
        return answered(writing, misuse, entry)
    if isinstance(entry, Valued):
        return _valued(writing, misuse, entry)
    if isinstance(entry, Sunk):
        return _sunk(writing, misuse, entry)
    if isinstance(entry, Renamed):
        return _renamed(writing, misuse, entry)
    raise Cannot(f"perhaps {misuse.near} is meant" if misuse.near else "nothing is known that takes its place")


def _renamed(writing: Writing, misuse: Misuse, entry: Renamed) -> Step:
    argument = misuse.argument
    assert argument is not None
    forward = misuse.name == entry.old
    value: str | None = None
    if entry.values != "same" or not entry.new:
        if not forward:
            raise Cannot(f"what to write for its value as {entry.old} has to be worked out")
        value = converted(entry.values, argument) if entry.values != "same" else GONE
        if entry.values == RATIO and not argument.literal:
            step = _respelled(writing, misuse, misuse.new, None, "unsafe")
            return step.replace(said=f"{step.said}, if its value is below 1")
        if entry.values == RATIO and value is not None:
            return _respelled(writing, misuse, misuse.new, None, entry.safety)  # the same number, as it is written
        if value is None:
            raise Cannot(entry.advice or f"what to write for its value as {entry.new} has to be worked out")
    if value == GONE:
        return _dropped(writing, misuse, entry.safety)
    return _respelled(writing, misuse, misuse.new, value, entry.safety)


def _respelled(writing: Writing, misuse: Misuse, new: str, value: str | None, safety: str) -> Step:
    """Return the step that writes another argument, with its value as it is or another one."""
    layout = writing.layout
    found = layout.keyword_at(misuse.location.line, misuse.location.column)
    said = f"{misuse.name} becomes {new}" if value is None else f"{misuse.name} becomes {new}={value}"
    if found is not None and found[1].arg == misuse.name:
        call, keyword = found
        if any(other.arg == new for other in call.keywords):
            raise Cannot(f"{new} is passed as well; decide which of the two counts")
        start, end = layout.span(keyword)
        if value is None:
            return Step(edits=((start, start + len(misuse.name), new),), safety=safety, said=said, location=misuse.location)
        return Step(edits=((start, end, f"{new}={value}"),), safety=safety, said=said, location=misuse.location)
    key = layout.key_at(misuse.location.line, misuse.location.column)
    if key is None or key.value != misuse.name or value is not None:
        raise Cannot("the place where it is written cannot be edited safely")
    start, end = layout.span(key)
    quote = layout.text[start]
    if layout.text[start:end] != f"{quote}{misuse.name}{quote}":
        raise Cannot("the place where it is written cannot be edited safely")
    return Step(edits=((start + 1, end - 1, new),), safety=safety, said=said, location=misuse.location)


def _dropped(writing: Writing, misuse: Misuse, safety: str) -> Step:
    found = writing.layout.keyword_at(misuse.location.line, misuse.location.column)
    if found is None or found[1].arg != misuse.name:
        raise Cannot("it has to be left out, and the place where it is written cannot be edited safely")
    call, keyword = found
    edit, _ = writing.layout.removed(arguments(call), keyword)
    return Step(edits=(edit,), safety=safety, said=f"{misuse.name} goes", location=misuse.location)


def _valued(writing: Writing, misuse: Misuse, entry: Valued) -> Step:
    """Return the step that writes another value, where the value itself is written at its argument."""
    if not misuse.new:
        raise Cannot(entry.advice or (f"perhaps {misuse.near} is meant" if misuse.near else "nothing is known that takes its place"))
    found = writing.layout.keyword_at(misuse.location.line, misuse.location.column)
    value = found[1].value if found is not None else None
    if not isinstance(value, ast.Constant) or not isinstance(value.value, str):
        raise Cannot(f"write {misuse.new} where the value is made")
    start, end = writing.layout.span(value)
    quote = writing.layout.text[start]
    if writing.layout.text[start:end] != f"{quote}{value.value}{quote}":
        raise Cannot(f"write {misuse.new}; the place where it is written cannot be edited safely")
    said = f"{misuse.name} becomes {misuse.new}"
    return Step(edits=((start + 1, end - 1, misuse.new),), safety=entry.safety, said=said, location=misuse.location)


def _sunk(writing: Writing, misuse: Misuse, entry: Sunk) -> Step:
    if not entry.new and entry.safety == "safe":
        return _dropped(writing, misuse, entry.safety)
    if not entry.new:
        raise Cannot(entry.advice or "nothing is known that takes its place")
    argument = misuse.argument
    assert argument is not None
    found = writing.layout.keyword_at(misuse.location.line, misuse.location.column)
    if not entry.value:
        as_name = entry.texts_of and writing.judge.surface.is_within(entry.package, entry.texts_refused)
        if not as_name or found is None or not isinstance(argument.value, str) or argument.value == "auto" or "." in argument.value:
            return _respelled(writing, misuse, entry.new, None, entry.safety)
        module, more = writing.module(entry.texts_of, found[0])
        step = _respelled(writing, misuse, entry.new, f"{module}.{argument.value}", entry.safety)
        return step.replace(edits=(*step.edits, *more))
    if not argument.literal or not isinstance(argument.value, bool):
        raise Cannot(f"pass {entry.new} where it is true")
    if not argument.value:
        return _dropped(writing, misuse, entry.safety)
    value = entry.value.replace("{value}", "True")
    maker, bracket, rest = value.partition("(")
    more = ()
    if bracket and found is not None:
        maker, more = writing.spelled(maker, found[0])
    step = _respelled(writing, misuse, entry.new, maker + bracket + rest, entry.safety)
    return step.replace(edits=(*step.edits, *more))


def _method(writing: Writing, misuse: Misuse) -> Step:
    layout, entry = writing.layout, misuse.entry
    for call in layout.calls:
        func = call.func
        if (call.lineno, call.col_offset + 1) != (misuse.location.line, misuse.location.column) or not isinstance(func, ast.Attribute):
            continue
        if func.attr == misuse.name and misuse.new and call.args:  # the names of the first parameters differ
            _, end = layout.span(func)
            start = layout.span(func.value)[1] if misuse.new == "()" else end - len(func.attr)
            new = "" if misuse.new == "()" else misuse.new
            said = f"{misuse.name} becomes {'a call of the object itself' if misuse.new == '()' else misuse.new}"
            return Step(edits=((start, end, new),), safety=getattr(entry, "safety", "manual"), said=said, location=misuse.location)
    raise Cannot(getattr(entry, "advice", "") or "nothing is known that takes its place")


def _look(writing: Writing, misuse: Misuse) -> Step:
    """Return the step that reads another attribute."""
    for node in writing.layout.names if misuse.new else ():
        is_there = (node.lineno, node.col_offset + 1) == (misuse.location.line, misuse.location.column)
        if is_there and isinstance(node, ast.Attribute) and node.attr == misuse.name and isinstance(node.value, ast.Name):
            end = writing.layout.span(node)[1]
            edit = (end - len(node.attr), end, misuse.new)
            said = f"{misuse.name} becomes {misuse.new}"
            return Step(edits=(edit,), safety=getattr(misuse.entry, "safety", "manual"), said=said, location=misuse.location)
    raise Cannot(getattr(misuse.entry, "advice", "") or "nothing is known that takes its place")


def _name(writing: Writing, misuse: Misuse) -> Step:
    for move in writing.judge.moves:
        if misuse.name == move.config and move.plain:
            return back(writing, misuse, move)
    entry = misuse.entry
    if not isinstance(entry, Successor) or not misuse.new:
        raise Cannot(entry.advice if isinstance(entry, Successor) and entry.advice else "nothing is known that takes its place")
    return _succeeded(writing, misuse, entry)


def _succeeded_within(writing: Writing, misuse: Misuse, entry: Successor, node: ast.ImportFrom) -> Step:
    """Return the step that takes an import of a function or a block from elsewhere, where it stands. Raises Cannot."""
    layout = writing.layout
    module, _, name = entry.new.rpartition(".")
    start, _ = layout.span(node)
    indent, head = layout.indent(start), f"from {node.module} import"
    if indent is None or not layout.text.startswith(head, start):
        raise Cannot(f"import {name} from {module} instead")
    places = {(alias.lineno, alias.col_offset + 1): alias for alias in node.names}
    told = [(places.get((one.location.line, one.location.column)), one.new) for one in writing.judge.misuses(writing.script)]
    going = [alias for alias, new in told if alias is not None and new == f"{module}.{alias.name}"]
    names = [alias.name for alias in going]
    if len(names) == len(node.names):  # all of them, to the same place
        said = f"{entry.old} becomes {entry.new}"
        if len(names) > 1:
            said = f"{', '.join(names[:-1])} and {names[-1]} come from {module}"
        return Step(edits=((start, start + len(head), f"from {module} import"),), safety=entry.safety, said=said, location=misuse.location)
    _, alias = writing.import_at(misuse.location.line, misuse.location.column)
    assert alias is not None
    local = alias.asname or alias.name
    line = f"from {module} import {name if name == local else f'{name} as {local}'}{layout.newline}{indent}"
    edits = ((start, start, line), *writing.without(node, alias)) if len(node.names) > 1 else ((*layout.span(node), line.rstrip()),)
    return Step(edits=edits, safety=entry.safety, said=f"{entry.old} becomes {entry.new}", location=misuse.location)


def _succeeded(writing: Writing, misuse: Misuse, entry: Successor) -> Step:
    layout = writing.layout
    said = f"{entry.old} becomes {entry.new}"
    node, alias = writing.import_at(misuse.location.line, misuse.location.column)
    if alias is None or not isinstance(node, ast.ImportFrom) or node.level:
        call = layout.call_at(misuse.location.line, misuse.location.column)
        if call is None or not isinstance(call.func, ast.Attribute) or call.func.attr != entry.old.rpartition(".")[2]:
            raise Cannot("the place where it is written cannot be edited safely")
        name, more = writing.spelled(entry.new, call)
        return Step(edits=((*layout.span(call.func), name), *more), safety=entry.safety, said=said, location=misuse.location)
    module, _, name = entry.new.rpartition(".")
    old = alias.name
    edits: list[tuple[int, int, str]] = []
    if module != node.module and node not in layout.tree.body:
        return _succeeded_within(writing, misuse, entry, node)
    if module != node.module:
        local = alias.asname or old
        edits += writing.without(node, alias)
        edits += layout.imported(module, name if name == local else f"{name} as {local}", layout.span(alias)[0])
    else:
        if alias.asname is None:
            if any(isinstance(one, ast.Name) and one.id == name and not isinstance(one.ctx, ast.Load) for one in layout.names):
                raise Cannot(f"write {name} instead; the script has something else of that name")
            edits += [(*layout.span(one), name) for one in layout.names if isinstance(one, ast.Name) and one.id == old]
        start, _ = layout.span(alias)
        if any(other.name == name for other in node.names) and alias.asname is None:
            edits.append(layout.removed(list(node.names), alias)[0])
        else:
            edits.append((start, start + len(old), name))
    return Step(edits=tuple(edits), safety=entry.safety, said=said, location=misuse.location)
