"""Methods of constants, lists and dictionaries: what they answer, and what they change in what they are called on."""

from __future__ import annotations

from envdoctor.miner.values import (
    ANYTHING,
    ARGUMENT,
    NONE,
    NOTHING,
    UNSURE,
    Argument,
    blur,
    const,
    is_pattern,
    is_whole,
    put,
    store,
    take_out,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.miner.calls import Arguments
    from envdoctor.miner.frames import Frame
    from envdoctor.miner.values import Value

_OF_STRINGS = frozenset({"upper", "lower", "strip", "startswith", "endswith", "replace", "split", "removeprefix", "removesuffix"})
_SHORT = 500
_STARTS = {"linux": "linux", "darwin": "macos", "win": "windows", "win32": "windows"}


def method(owner: Value, name: str, given: Arguments, frame: Frame) -> Value:
    """Answer `"x".upper()`, `items.append(y)`, `table.get(key)` and the like."""
    kind = owner[0]
    first = given.positional[0] if given.positional else None
    if kind == "const" and isinstance(owner[1], Argument) and name == "replace" and given.positional == [const("_"), const("-")]:
        return owner  # distributions are named in one spelling
    if kind == "const" and isinstance(owner[1], str):
        return _of_string(owner[1], name, given)
    if kind == "system" and name == "startswith" and first is not None and first[0] == "const":
        system = _STARTS.get(str(first[1]), "")
        return ("guard", ("os", system)) if system else NOTHING
    if kind == "version" and name == "split" and first == const("+"):
        return ("seq", [owner])  # a local label takes no part in comparing
    if kind == "seq":
        return _of_list(owner, name, given, frame)
    if kind == "dict":
        return _of_table(owner, name, given, frame)
    return NOTHING


def _of_string(text: str, name: str, given: Arguments) -> Value:
    if ARGUMENT in text or name not in _OF_STRINGS or given.named or any(one[0] != "const" for one in given.positional):
        return NOTHING
    if name == "replace" and len(text) > _SHORT:
        return NOTHING
    try:
        told = getattr(text, name)(*[one[1] for one in given.positional])
    except (TypeError, ValueError):
        return NOTHING
    return ("seq", [const(one) for one in told]) if isinstance(told, list) else const(told)


def _of_list(owner: Value, name: str, given: Arguments, frame: Frame) -> Value:
    first = given.positional[0] if given.positional else NOTHING
    if name in ("append", "add"):
        put(owner, [first], frame.path)
        return NONE
    if name in ("extend", "update"):
        put(owner, list(first[1]) if first[0] == "seq" else [UNSURE], frame.path)
        return NONE
    if name == "copy":
        return ("seq", list(owner[1]), frame.path)
    if name not in ("index", "count", "union", "intersection", "difference", "issubset", "issuperset"):
        blur(owner)
    return NOTHING


def _of_table(owner: Value, name: str, given: Arguments, frame: Frame) -> Value:
    key = given.positional[0] if given.positional else NOTHING
    other = given.positional[1] if len(given.positional) > 1 else NONE
    known = key[0] == "const" and isinstance(key[1], (str, int)) and not is_pattern(key)
    if name == "get":
        if key[0] == "const" and isinstance(key[1], Argument):
            key[1].asked.update(one for one in owner[1] if isinstance(one, str))
            return other if is_whole(owner) else NOTHING
        if not known or owner[1].get(key[1]) == UNSURE:
            return NOTHING
        return owner[1].get(key[1]) or (other if is_whole(owner) else NOTHING)
    if name == "setdefault" and known:
        if key[1] not in owner[1] and is_whole(owner):
            store(owner, key[1], other, frame.path)
        return NOTHING
    if name == "pop" and known:
        return take_out(owner, key[1], frame.path)
    if name == "update":
        if key[0] == "dict":
            for one, value in key[1].items():
                store(owner, one, value, frame.path)
        if given.positional and not (key[0] == "dict" and is_whole(key)):
            _overwrite(owner)
        for one, value in given.named.items():
            store(owner, one, value, frame.path)
        if not given.complete:
            _overwrite(owner)
        return NONE
    if name == "copy":
        return ("dict", dict(owner[1]), owner[2], frame.path)
    if name not in ("keys", "values", "items"):
        blur(owner)
    return NOTHING


def put_in(owner: Value, key: Value, value: Value, frame: Frame) -> None:
    """Carry out `owner[key] = value`."""
    if owner[0] == "dict":
        if key[0] == "const" and isinstance(key[1], (str, int)):
            store(owner, key[1], value, frame.path)
        else:
            _overwrite(owner)
    elif owner[0] == "seq":
        blur(owner)


def remove(owner: Value, key: Value, frame: Frame) -> None:
    """Carry out `del owner[key]`."""
    if owner[0] == "dict" and key[0] == "const":
        take_out(owner, key[1], frame.path)
    elif owner[0] in ("dict", "seq"):
        blur(owner)


def _overwrite(owner: Value) -> None:
    """Keep the keys of a dictionary, and say no more of what is under them, nor that there are no others."""
    for key, value in list(owner[1].items()):
        if value != UNSURE:
            owner[1][key] = NOTHING
    owner[1][ANYTHING] = UNSURE
