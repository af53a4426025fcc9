"""Arguments on their way between a trainer and its configuration: into it for newer releases, out of it for those that had none."""

from __future__ import annotations

from envdoctor.repair.script_parts import Cannot, Step
from envdoctor.script.layout import arguments
from envdoctor.script.syntax import children

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

    from envdoctor.engine.calls import Misuse
    from envdoctor.model.spelling import Moved
    from envdoctor.repair.script_parts import Writing
else:
    import _ast as ast

_FOLDER = '"tmp_trainer"'
"""Where trainers save to if nobody says: what they did before they were given a configuration."""


def moved(writing: Writing, misuse: Misuse, entry: Moved) -> Step:
    """Return the step that passes one argument of a trainer to its configuration, made where there is none. Raises Cannot."""
    layout = writing.layout
    found = layout.keyword_at(misuse.location.line, misuse.location.column)
    if found is None or found[1].arg != misuse.name or writing.target_of(found[0]) != entry.trainer:
        raise Cannot(f"pass it to {entry.config} as {misuse.new}; the place where it is written cannot be edited safely")
    call, keyword = found
    away, comment = layout.removed(arguments(call), keyword)
    argument = f"{misuse.new}={layout.source(keyword.value)}"
    said = f"{misuse.name} moves to {entry.config.rpartition('.')[2]}({misuse.new})"
    given = _configuration(call, entry)
    if given is None:
        name, more = writing.spelled(entry.config, call)
        put = layout.span(keyword)
        made = f"{entry.by}={name}(output_dir={_FOLDER}, {argument})"
        return Step(edits=((*put, made), *more), safety="safe", said=f"{said}, which is new", location=misuse.location)
    config = _made(writing, given)
    target = writing.target_of(config)
    if target not in (entry.config, entry.plain):
        raise Cannot(f"pass it to {entry.config} as {misuse.new}; what {entry.by} is made of is not known")
    if any(other.arg == misuse.new for other in config.keywords):
        raise Cannot(f"{misuse.new} is passed to {entry.config} as well; decide which of the two counts")
    if config is not given and not _known_before(writing, keyword.value, config):
        raise Cannot(f"pass it to {entry.config} as {misuse.new}; its value is not certainly known where that is made")
    edits = [away, *layout.added(config, argument, comment)]
    if target == entry.plain:
        edits += _exchanged(writing, config, entry.plain, entry.config)
    return Step(edits=tuple(edits), safety="safe", said=said, location=misuse.location)


def _configuration(call: ast.Call, entry: Moved) -> ast.expr | None:
    """Return what a trainer is given as its configuration; None for nothing. Raises Cannot where that is hidden."""
    for keyword in call.keywords:
        if keyword.arg == entry.by:
            return keyword.value
    if any(keyword.arg is None for keyword in call.keywords) or any(isinstance(one, ast.Starred) for one in call.args):
        raise Cannot(f"pass it to {entry.config}; whether {entry.by} is given cannot be seen")
    return call.args[1] if len(call.args) > 1 else None


def _made(writing: Writing, given: ast.expr) -> ast.Call:
    """Return the call that makes a configuration: written in place, or the only value of a name. Raises Cannot."""
    if isinstance(given, ast.Call):
        return given
    if isinstance(given, ast.Name):
        stored = [
            one for one in writing.layout.names if isinstance(one, ast.Name) and one.id == given.id and not isinstance(one.ctx, ast.Load)
        ]
        made = [call for call in writing.layout.calls if _is_value_of(writing, call, given.id)]
        if len(stored) == 1 and len(made) == 1:
            return made[0]
    raise Cannot("the configuration is made where it cannot be seen")


def _is_value_of(writing: Writing, call: ast.Call, name: str) -> bool:
    """Tell whether `NAME = call(...)` is written, in one line with the call's beginning."""
    start, _ = writing.layout.span(call)
    before = writing.layout.text[writing.layout.line_start(start) : start]
    target, equals, rest = before.partition("=")
    return bool(equals) and not rest.strip() and target.partition(":")[0].strip() == name


def _known_before(writing: Writing, value: ast.expr, config: ast.Call) -> bool:
    """Tell whether all that a value reads is there before a configuration is made, and is not set again between it and the value."""
    layout = writing.layout
    start, end = layout.span(value)
    read = [one for one in layout.names if start <= layout.span(one)[0] < end]
    kept = {one.attr for one in read if isinstance(one, ast.Attribute)}
    for one in layout.names:
        is_between = config.lineno <= one.lineno <= value.lineno
        if is_between and isinstance(one, ast.Attribute) and one.attr in kept and not isinstance(one.ctx, ast.Load):
            return False
    around = _functions_around(writing, config, value)
    imported = {alias.asname or alias.name.partition(".")[0] for node in layout.tree.body for alias in _imported(node, config)}
    for name in {one.id for one in read if isinstance(one, ast.Name)}:
        bound = [one.lineno for one in layout.names if isinstance(one, ast.Name) and one.id == name and not isinstance(one.ctx, ast.Load)]
        giver = next((function for function in around if name in _parameters(function)), None)
        if giver is not None:
            assert giver.end_lineno is not None
            if any(config.lineno <= line <= giver.end_lineno for line in bound):
                return False
        elif max(bound, default=0) >= config.lineno or not (bound or name in imported):
            return False
    return True


def _functions_around(writing: Writing, config: ast.Call, value: ast.expr) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return the functions that both a configuration and a value stand in, the innermost first."""
    found: list[ast.FunctionDef | ast.AsyncFunctionDef] = []
    waiting: list[ast.AST] = [writing.layout.tree]
    while waiting:
        for node in children(waiting.pop()):
            last = getattr(node, "end_lineno", None) or 0
            if isinstance(node, ast.stmt) and node.lineno <= min(config.lineno, value.lineno) and last >= max(config.lineno, value.lineno):
                waiting.append(node)
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    found.insert(0, node)
    return found


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    given = function.args
    return {one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg) if one is not None}


def _imported(node: ast.stmt, config: ast.Call) -> list[ast.alias]:
    return node.names if isinstance(node, (ast.Import, ast.ImportFrom)) and node.lineno < config.lineno else []


def _exchanged(writing: Writing, call: ast.Call, old: str, new: str) -> list[tuple[int, int, str]]:
    """Return the edits that call another class with the same arguments, imports included."""
    name, more = writing.spelled(new, call)
    return [(*writing.layout.span(call.func), name), *more, *writing.unused(old, 1)]


def back(writing: Writing, misuse: Misuse, entry: Moved) -> Step:
    """Return the next step on the way to a release without the configuration: one argument into the trainer, at last the class itself."""
    layout = writing.layout
    configs, trainers = writing.calls_of(entry.config), writing.calls_of(entry.trainer)
    if not configs or len(trainers) != len(configs):
        raise Cannot(f"write {entry.plain} instead, and pass what it does not take to {entry.trainer}")
    leaving = [one for config, call in zip(configs, trainers) for one in _leaving(writing, entry, config, call)]
    if leaving:
        config, call, keyword, name = leaving[0]
        away, comment = layout.removed(arguments(config), keyword)
        added = layout.added(call, f"{name}={layout.source(keyword.value)}", comment)
        said = f"{keyword.arg} moves to {entry.trainer.rpartition('.')[2]}({name})"
        return Step(edits=(away, *added), safety="safe", said=said, location=misuse.location)
    if len(configs) > 1:
        raise Cannot(f"write {entry.plain} instead of {entry.config}")
    edits = _exchanged(writing, configs[0], entry.config, entry.plain)
    return Step(edits=tuple(edits), safety="safe", said=f"{entry.config} becomes {entry.plain}", location=misuse.location)


def _leaving(writing: Writing, entry: Moved, config: ast.Call, call: ast.Call) -> Iterator[tuple[ast.Call, ast.Call, ast.keyword, str]]:
    """Yield what a configuration has to hand to its trainer, with the name it has there. Raises Cannot if anything has no place at all."""
    judge = writing.judge
    plain, trainer = judge.surface.parameters(entry.plain), judge.surface.parameters(entry.trainer)
    if plain is None or trainer is None:
        raise Cannot(f"what {entry.plain} and {entry.trainer} take in these releases is not known")
    given = _configuration(call, entry)
    if given is None or _made(writing, given) is not config:
        raise Cannot(f"write {entry.plain} instead, and pass what it does not take to {entry.trainer}")
    written = {keyword.arg: keyword for keyword in config.keywords if keyword.arg is not None}
    for name in _names_given(writing, entry, config):
        if name in plain.names or judge.instead(entry.plain, name, plain)[0]:
            continue  # under another name perhaps, which is a step of its own
        there = name if name in trainer.names else judge.instead(entry.config, name, trainer)[0]
        if there not in entry.names or name not in written:
            raise Cannot(f"{entry.plain} does not take {name} in these releases; pass what it stands for to {entry.trainer}")
        if any(keyword.arg == there for keyword in call.keywords):
            raise Cannot(f"{there} is passed to {entry.trainer} as well; decide which of the two counts")
        yield config, call, written[name], there


def _names_given(writing: Writing, entry: Moved, config: ast.Call) -> list[str]:
    """Return the names of all that a configuration is given by keyword, unpacked dictionaries included. Raises Cannot for a hidden one."""
    place = (config.lineno, config.col_offset + 1)
    for known in writing.script.calls:
        if known.target == entry.config and (known.location.line, known.location.column) == place and known.complete:
            return [argument.name for argument in known.arguments if not argument.name.isdecimal()]
    raise Cannot(f"write {entry.plain} instead; what is passed to {entry.config} cannot be seen")
