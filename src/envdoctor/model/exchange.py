"""Snapshots as plain data and back: an exact round trip, with what is private taken out on the way."""

from __future__ import annotations

from envdoctor.model.errors import InputError
from envdoctor.model.facts import REASONS, Absent, Fact
from envdoctor.model.script import Argument, Call, Import, Location, Script
from envdoctor.model.snapshot import SCHEMA, Distribution, Document, Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
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
        return told

    told: dict[str, Any] = {
        "kind": KIND,
        "schema": snapshot.schema,
        "distributions": {name: of(snapshot.distributions[name]) for name in sorted(snapshot.distributions)},
        "facts": {
            path: {"value": _private(fact.value, clean), "origin": clean(fact.origin)} for path, fact in sorted(snapshot.facts.items())
        },
        "absent": {path: {"reason": found.reason, "detail": clean(found.detail)} for path, found in sorted(snapshot.absent.items())},
        "environment": None if snapshot.environment is None else {n: clean(v) for n, v in sorted(snapshot.environment.items())},
        "script": None if snapshot.script is None else _script(snapshot.script, clean),
        "documents": [
            {"path": clean(one.path), "kind": one.kind, "problems": [clean(problem) for problem in one.problems]}
            for one in snapshot.documents
        ],
    }
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
        "imports": [{"name": one.name, "location": _place(one.location, clean)} for one in script.imports],
        "calls": [
            {
                "target": call.target,
                "complete": call.complete,
                "location": _place(call.location, clean),
                "arguments": [
                    {
                        "name": one.name,
                        "literal": one.literal,
                        "value": one.value if one.literal else None,
                        "location": _place(one.location, clean),
                    }
                    for one in call.arguments
                ],
            }
            for call in script.calls
        ],
    }


def from_mapping(told: Any, where: str) -> Snapshot:
    """Return the snapshot that data describes. Raises InputError naming the file and the place in it."""
    if not isinstance(told, dict) or told.get("kind") != KIND:
        raise InputError(f"{where}: is no envdoctor snapshot; make one with `envdoctor snapshot > box.json`")
    if told.get("schema") != SCHEMA:
        raise InputError(
            f"{where}: schema {told.get('schema')!r} is not known to this envdoctor (it knows {SCHEMA}); make the snapshot anew"
        )
    try:
        distributions = {
            name: Distribution(
                name=name,
                version=one["version"],
                build=one.get("build", ""),
                requires=tuple(one["requires"]) if "requires" in one else None,
                requires_python=one.get("requires_python", ""),
                installer=one.get("installer", ""),
                direct_url=one.get("direct_url", ""),
                location=one.get("location", ""),
                origin=one.get("origin", ""),
                specifier=one.get("specifier", ""),
                problems=tuple(one.get("problems", ())),
            )
            for name, one in told["distributions"].items()
        }
        facts = {
            path: Fact(path=path, value=tuple(one["value"]) if isinstance(one["value"], list) else one["value"], origin=one["origin"])
            for path, one in told["facts"].items()
        }
        absent = {path: Absent(path=path, reason=one["reason"], detail=one["detail"]) for path, one in told["absent"].items()}
        wrong = [found.path for found in absent.values() if found.reason not in REASONS]
        if wrong:
            raise InputError(f"{where}: absent.{wrong[0]}.reason: is not one of {', '.join(REASONS)}")
        return Snapshot(
            schema=told["schema"],
            distributions=distributions,
            facts=facts,
            absent=absent,
            environment=told["environment"],
            script=None if told["script"] is None else _read_script(told["script"]),
            documents=tuple(Document(path=one["path"], kind=one["kind"], problems=tuple(one["problems"])) for one in told["documents"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{where}: is a damaged snapshot ({type(error).__name__}: {error}); make it anew") from None


def _read_place(told: dict[str, Any]) -> Location:
    return Location(path=told["path"], line=told["line"], column=told["column"])


def _read_script(told: dict[str, Any]) -> Script:
    return Script(
        paths=tuple(told["paths"]),
        imports=tuple(Import(name=one["name"], location=_read_place(one["location"])) for one in told["imports"]),
        calls=tuple(
            Call(
                target=call["target"],
                complete=call["complete"],
                location=_read_place(call["location"]),
                arguments=tuple(
                    Argument(name=one["name"], literal=one["literal"], value=_frozen(one["value"]), location=_read_place(one["location"]))
                    for one in call["arguments"]
                ),
            )
            for call in told["calls"]
        ),
    )


def _frozen(value: Any) -> Any:
    return tuple(_frozen(part) for part in value) if isinstance(value, list) else value
