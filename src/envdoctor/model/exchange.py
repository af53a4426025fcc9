"""Snapshots as plain data and back: an exact round trip, with what is private taken out on the way."""

from __future__ import annotations

from envdoctor.model.answer import Answer
from envdoctor.model.errors import InputError
from envdoctor.model.facts import CATALOGUE, REASONS, Absent, Fact
from envdoctor.model.script import Argument, Call, Import, Keys, Location, Script, Unread
from envdoctor.model.snapshot import SCHEMA, Distribution, Document, Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

KIND = "envdoctor-snapshot"


def to_mapping(snapshot: Snapshot, redact: Callable[[str], str] | None = None) -> dict[str, Any]:
    """Return a snapshot as data for JSON, sorted. `redact` is applied to every text that may hold a path."""
    clean = redact or (lambda text: text)

    def of(distribution: Distribution) -> dict[str, Any]:
        told: dict[str, Any] = {"version": distribution.version}
        for name in ("build", "requires_python", "installer", "specifier"):
            if getattr(distribution, name):
                told[name] = getattr(distribution, name)
        for name in ("direct_url", "location", "origin"):
            if getattr(distribution, name):
                told[name] = clean(getattr(distribution, name))
        if distribution.requires is not None:
            told["requires"] = list(distribution.requires)
        if distribution.problems:
            told["problems"] = [clean(problem) for problem in distribution.problems]
        if distribution.place is not None:
            told["place"] = _place(distribution.place, clean)
        return told

    told: dict[str, Any] = {
        "kind": KIND,
        "schema": snapshot.schema,
        "distributions": {name: of(snapshot.distributions[name]) for name in sorted(snapshot.distributions)},
        **_answers((*snapshot.facts.values(), *snapshot.absent.values()), clean),
        "environment": None if snapshot.environment is None else {n: clean(v) for n, v in sorted(snapshot.environment.items())},
        "script": None if snapshot.script is None else _script(snapshot.script, clean),
        "documents": [
            {"path": clean(one.path), "kind": one.kind, "problems": [clean(problem) for problem in one.problems]}
            for one in snapshot.documents
        ],
    }
    if snapshot.scripts:
        told["scripts"] = [{**_script(one, clean), **_answers(one.facts, clean)} for one in snapshot.scripts]
    if snapshot.unread:
        told["unread"] = [{"location": _place(one.location, clean), "reason": clean(one.reason)} for one in snapshot.unread]
    return told


def _answers(answers: Iterable[Fact | Absent], clean: Callable[[str], str]) -> dict[str, Any]:
    told: dict[str, dict[str, Any]] = {"facts": {}, "absent": {}}
    for one in sorted(answers, key=lambda one: one.path):
        if isinstance(one, Fact):
            told["facts"][one.path] = {"value": _private(one.value, clean), "origin": clean(one.origin)}
        else:
            told["absent"][one.path] = {"reason": one.reason, "detail": clean(one.detail)}
    return told


def _private(value: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return clean(value)
    return [clean(part) for part in value] if isinstance(value, tuple) else value


def _place(location: Location, clean: Callable[[str], str]) -> dict[str, Any]:
    return {"path": clean(location.path), "line": location.line, "column": location.column}


def _script(script: Script, clean: Callable[[str], str]) -> dict[str, Any]:
    return {
        "paths": [clean(path) for path in script.paths],
        "imports": [{"name": one.name, "location": _place(one.location, clean), **_guarded(one)} for one in script.imports],
        **({"tried": list(script.tried)} if script.tried else {}),
        "calls": [
            {
                "target": call.target,
                "complete": call.complete,
                **_guarded(call),
                **_keys(call.keys),
                "location": _place(call.location, clean),
                "arguments": [
                    {
                        "name": one.name,
                        "literal": one.literal,
                        "value": one.value if one.literal else None,
                        "location": _place(one.location, clean),
                        **_answer(one.answer, clean),
                        **({"choices": [list(choice) for choice in one.choices]} if one.choices else {}),
                    }
                    for one in call.arguments
                ],
            }
            for call in script.calls
        ],
    }


def _answer(answer: Answer | None, clean: Callable[[str], str]) -> dict[str, Any]:
    if answer is None:
        return {}
    return {"answer": {"kind": answer.kind, "reads": list(answer.reads), "location": _place(answer.location, clean)}}


def _keys(keys: Keys | None) -> dict[str, Any]:
    if keys is None:
        return {}
    return {"keys": {"classes": list(keys.classes), "package": keys.package, "refused": list(keys.refused), "shared": keys.is_shared}}


def _guarded(one: Call | Import) -> dict[str, bool]:
    return {"guarded": True} if one.guarded else {}


def from_mapping(told: Any, where: str) -> Snapshot:
    """Return the snapshot that data describes. Raises InputError naming the file and the place in it."""
    if not isinstance(told, dict) or told.get("kind") != KIND:
        raise InputError(f"{where}: is no envdoctor snapshot; make one with `envdoctor snapshot > box.json`")
    schema = told.get("schema")
    if type(schema) is not int or schema != SCHEMA:
        raise InputError(f"{where}: schema {schema!r} is not known to this envdoctor (it knows {SCHEMA}); make the snapshot anew")
    try:
        script = told.get("script")
        return Snapshot(
            schema=SCHEMA,
            distributions={name: _read_distribution(name, one) for name, one in _each(told, "distributions")},
            facts={path: _read_fact(path, one) for path, one in _each(told, "facts")},
            absent={path: _read_absent(path, one) for path, one in _each(told, "absent")},
            environment=_read_variables(told),
            script=None if script is None else _read_script(_of(script, dict, "script"), "script"),
            scripts=tuple(
                _read_script(one, place).replace(facts=_read_answers(one, place))
                for place, one in (_rows(told, "scripts", "") if "scripts" in told else ())
            ),
            unread=tuple(
                Unread(location=_read_place(one, place), reason=_text(one, "reason", place))
                for place, one in (_rows(told, "unread", "") if "unread" in told else ())
            ),
            documents=tuple(
                Document(path=_text(one, "path", place), kind=_text(one, "kind", place), problems=_texts(one, "problems", place))
                for place, one in _rows(told, "documents", "")
            ),
        )
    except _DamagedError as error:
        raise InputError(f"{where}: is a damaged snapshot ({error}); make it anew") from None


class _DamagedError(Exception):
    """Something in the data is not of the kind that it must be; the text says where."""


_KINDS = {str: "a text", int: "a whole number", bool: "true or false", dict: "a table", list: "a list"}
_VALUES: dict[str, tuple[type, ...]] = {
    # type in the catalogue of facts: what its values are
    "text": (str,), "version": (str,), "number": (int, float), "bytes": (int, float), "bool": (bool,), "list": (list,),
}  # fmt: skip


def _of(value: Any, kind: type, place: str) -> Any:
    if type(value) is not kind:  # true is no number here
        raise _DamagedError(f"{place}: is not {_KINDS[kind]}")
    return value


def _field(told: Any, key: str, kind: type, place: str) -> Any:
    place = f"{place}.{key}" if place else key
    if key not in told:
        raise _DamagedError(f"{place}: is missing")
    return _of(told[key], kind, place)


def _text(told: Any, key: str, place: str, default: str | None = None) -> str:
    return default if default is not None and key not in told else str(_field(told, key, str, place))


def _texts(told: Any, key: str, place: str) -> tuple[str, ...]:
    return tuple(_of(one, str, f"{place}.{key}") for one in _field(told, key, list, place))


def _each(told: Any, key: str) -> list[tuple[str, Any]]:
    return list(_field(told, key, dict, "").items())


def _rows(told: Any, key: str, place: str) -> list[tuple[str, Any]]:
    """Return the tables of a list, each with its place."""
    name = f"{place}.{key}" if place else key
    return [(f"{name}[{at}]", _of(one, dict, f"{name}[{at}]")) for at, one in enumerate(_field(told, key, list, place))]


def _read_distribution(name: str, one: Any) -> Distribution:
    place = f"distributions.{name}"
    _of(one, dict, place)
    version = one.get("version")
    return Distribution(
        name=name,
        version=None if version is None else _text(one, "version", place),
        build=_text(one, "build", place, ""),
        requires=_texts(one, "requires", place) if "requires" in one else None,
        requires_python=_text(one, "requires_python", place, ""),
        installer=_text(one, "installer", place, ""),
        direct_url=_text(one, "direct_url", place, ""),
        location=_text(one, "location", place, ""),
        origin=_text(one, "origin", place, ""),
        specifier=_text(one, "specifier", place, ""),
        problems=_texts(one, "problems", place) if "problems" in one else (),
        place=_read_place(one, place, "place") if "place" in one else None,
    )


def _read_fact(path: str, one: Any) -> Fact:
    place = f"facts.{path}"
    _of(one, dict, place)
    value = one.get("value")
    kinds = _VALUES[CATALOGUE[path][0]] if path in CATALOGUE else (str, int, float, bool, list)
    if type(value) not in kinds or (isinstance(value, float) and value - value != 0):
        raise _DamagedError(f"{place}.value: is not what this fact tells")
    return Fact(path=path, value=_texts(one, "value", place) if isinstance(value, list) else value, origin=_text(one, "origin", place))


def _read_absent(path: str, one: Any) -> Absent:
    place = f"absent.{path}"
    reason = _text(_of(one, dict, place), "reason", place)
    if reason not in REASONS:
        raise _DamagedError(f"{place}.reason: is not one of {', '.join(REASONS)}")
    return Absent(path=path, reason=reason, detail=_text(one, "detail", place))


def _read_variables(told: dict[str, Any]) -> dict[str, str] | None:
    if told.get("environment") is None:
        return None
    return {name: _of(value, str, f"environment.{name}") for name, value in _each(told, "environment")}


def _read_place(told: dict[str, Any], place: str, key: str = "location") -> Location:
    found = _field(told, key, dict, place)
    place = f"{place}.{key}"
    return Location(path=_text(found, "path", place), line=_field(found, "line", int, place), column=_field(found, "column", int, place))


def _read_guarded(one: dict[str, Any], place: str) -> bool:
    return "guarded" in one and bool(_field(one, "guarded", bool, place))


def _read_keys(one: dict[str, Any], place: str) -> Keys | None:
    if one.get("keys") is None:
        return None
    told, place = _field(one, "keys", dict, place), f"{place}.keys"
    return Keys(
        classes=_texts(told, "classes", place),
        package=_text(told, "package", place),
        refused=_texts(told, "refused", place),
        is_shared=bool(_field(told, "shared", bool, place)),
    )


def _read_choices(one: dict[str, Any], place: str) -> tuple[tuple[Any, str], ...]:
    found: tuple[Any, ...] = _frozen(_field(one, "choices", list, place)) if "choices" in one else ()
    if not all(isinstance(choice, tuple) and len(choice) == 2 and isinstance(choice[1], str) for choice in found):
        raise InputError(f"{place}.choices: are no pairs of a value and the module that it takes")
    return found


def _read_answer(one: dict[str, Any], place: str) -> Answer | None:
    if one.get("answer") is None:
        return None
    told, place = _field(one, "answer", dict, place), f"{place}.answer"
    return Answer(kind=_text(told, "kind", place), reads=_texts(told, "reads", place), location=_read_place(told, place))


def _read_answers(told: dict[str, Any], place: str) -> tuple[Fact | Absent, ...]:
    facts, absent = (_field(told, key, dict, place) for key in ("facts", "absent"))
    return (*(_read_fact(path, one) for path, one in facts.items()), *(_read_absent(path, one) for path, one in absent.items()))


def _read_script(told: dict[str, Any], where: str) -> Script:
    return Script(
        paths=_texts(told, "paths", where),
        imports=tuple(
            Import(name=_text(one, "name", place), location=_read_place(one, place), guarded=_read_guarded(one, place))
            for place, one in _rows(told, "imports", where)
        ),
        tried=_texts(told, "tried", where) if "tried" in told else (),
        calls=tuple(
            Call(
                target=_text(call, "target", place),
                complete=_field(call, "complete", bool, place),
                guarded=_read_guarded(call, place),
                keys=_read_keys(call, place),
                location=_read_place(call, place),
                arguments=tuple(
                    Argument(
                        name=_text(one, "name", at),
                        literal=_field(one, "literal", bool, at),
                        value=_frozen(one.get("value")),
                        location=_read_place(one, at),
                        answer=_read_answer(one, at),
                        choices=_read_choices(one, at),
                    )
                    for at, one in _rows(call, "arguments", place)
                ),
            )
            for place, call in _rows(told, "calls", where)
        ),
    )


def _frozen(value: Any) -> Any:
    """Return a literal as the script reader tells it: lists are tuples, at any depth."""
    if isinstance(value, dict):
        return {key: _frozen(part) for key, part in value.items()}
    return tuple(_frozen(part) for part in value) if isinstance(value, list) else value
