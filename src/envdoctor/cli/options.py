"""Options of every subcommand as data, and a fast reader for command lines that are right.

Importing `argparse` takes 7 ms of a 25 ms check. `scan` reads the well-formed command lines (nearly all of them); anything it does not
understand (a typo, `--help`, a missing value) goes to `argparse`, built from the same table, which explains it. tests/cli/test_options.py
holds the two together.
"""

from __future__ import annotations

from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Sequence
    from typing import Any

    Values = dict[str, Any]

FLAG, VALUE, LIST = "flag", "value", "list"


class Option(Record):
    """One option. `name` is the long one without dashes; `kind` is flag, value or list (may be repeated, and split at commas)."""

    name: str
    help: str
    kind: str = FLAG
    short: str = ""
    metavar: str = ""
    choices: tuple[str, ...] = ()
    default: Any = None
    number: bool = False


class Operand(Record):
    """The operands (words without dashes) of a subcommand; `most` is None for any number."""

    name: str
    help: str
    least: int = 0
    most: int | None = None
    metavar: str = ""


def dest(option: Option) -> str:
    """Return the key of an option's value."""
    return option.name.replace("-", "_")


def defaults(options: Sequence[Option], operand: Operand | None) -> Values:
    """Return the values of an empty command line."""
    values: Values = {dest(o): (False if o.kind == FLAG else () if o.kind == LIST else o.default) for o in options}
    if operand is not None:
        values[operand.name] = ()
    return values


def scan(words: Sequence[str], options: Sequence[Option], operand: Operand | None) -> Values | None:
    """Read a command line; None when something in it is not plainly right."""
    values = defaults(options, operand)
    named = {"--" + option.name: option for option in options}
    named.update({"-" + option.short: option for option in options if option.short})
    given: list[str] = []
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        if word == "--":
            given += words[position:]
            break
        if not word.startswith("-") or word == "-":
            given.append(word)
            continue
        head, equals, tail = word.partition("=")
        option = named.get(head)
        if option is None or (option.kind == FLAG and equals):
            return None
        if option.kind == FLAG:
            values[dest(option)] = True
            continue
        if not equals:
            if position == len(words) or words[position].startswith("-"):
                return None
            tail = words[position]
            position += 1
        if not tail:
            from envdoctor.model.errors import UsageError

            # a shell variable that is not set; to go on without the option would answer another question
            raise UsageError(f"{head}: is empty; give {option.metavar or 'a value'}, or leave the option out")
        parts = tuple(part for part in tail.split(",") if part) if option.kind == LIST else (tail,)
        if not parts or (option.choices and any(part not in option.choices for part in parts)):
            return None
        if option.number and not tail.isdecimal():
            return None
        if option.kind == LIST:
            values[dest(option)] += parts
        else:
            values[dest(option)] = int(tail) if option.number else tail
    if operand is None:
        return None if given else values
    if len(given) < operand.least or (operand.most is not None and len(given) > operand.most):
        return None
    values[operand.name] = tuple(given)
    return values


def parser(program: str, summary: str, options: Sequence[Option], operand: Operand | None) -> ArgumentParser:
    """Return the `argparse` parser of a subcommand, made from the same table."""
    import argparse

    def split(text: str) -> tuple[str, ...]:
        return tuple(part for part in text.split(",") if part)

    made = argparse.ArgumentParser(prog=program, description=summary, allow_abbrev=False)
    for option in options:
        flags = ["--" + option.name]
        if option.short:
            flags.insert(0, "-" + option.short)
        extra: dict[str, Any] = {"dest": dest(option), "help": option.help}
        if option.kind == FLAG:
            extra["action"] = "store_true"
        else:
            extra["metavar"] = option.metavar or ("|".join(option.choices) if option.choices else option.name.upper())
            extra["default"] = option.default
            if option.number:
                extra["type"] = _whole
            if option.kind == LIST:
                extra.update(action="extend", type=split, default=[])
            elif option.choices:
                extra["choices"] = option.choices
        made.add_argument(*flags, **extra)
    if operand is not None:
        count = "?" if (operand.least, operand.most) == (0, 1) else "*" if operand.least == 0 else "+"
        if operand.least == operand.most:
            count = str(operand.least)
        extra = {"help": operand.help, "metavar": operand.metavar or operand.name.upper()}
        made.add_argument(operand.name, nargs=int(count) if count.isdigit() else count, **extra)
    return made


def _whole(text: str) -> int:
    if not text.isdecimal():
        import argparse

        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def explain(words: Sequence[str], program: str, summary: str, options: Sequence[Option], operand: Operand | None) -> Values:
    """Read a command line with `argparse`; it prints help or the mistake and leaves with SystemExit."""
    made = parser(program, summary, options, operand)
    found = vars(made.parse_args(list(words)))
    for option in options:
        if option.kind == LIST:
            value = tuple(found[dest(option)])
            wrong = [part for part in value if option.choices and part not in option.choices]
            if wrong:
                made.error(f"argument --{option.name}: invalid choice: {wrong[0]!r} (choose from {', '.join(option.choices)})")
            found[dest(option)] = value
    if operand is not None:
        value = found[operand.name]
        found[operand.name] = tuple(value) if isinstance(value, list) else () if value is None else (value,)
    return found
