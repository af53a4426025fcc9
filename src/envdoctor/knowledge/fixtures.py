"""Patients made by hand: overlays (`env.toml`) on recorded machines, read into Snapshots. Used by lint, tests and documentation."""

from __future__ import annotations

import os

from envdoctor.knowledge.parse import parse_toml
from envdoctor.model.errors import RuleBookError
from envdoctor.model.facts import CATALOGUE, NOT_APPLICABLE, Absent, Fact
from envdoctor.model.names import normalise
from envdoctor.model.record import Record
from envdoctor.model.script import Script
from envdoctor.model.snapshot import Distribution, Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    ReadScript = Callable[[str, str], Script]

KINDS = ("bad", "good", "unknown")
SCRIPTS = ("train.py", "train.yaml", "train.json", "launch.yaml", "ds_config.json")
"""Training scripts and configurations of a case; what lies together runs together."""


class Case(Record):
    """One fixture of a rule."""

    rule: str
    kind: str
    name: str
    patient: Snapshot
    log: str | None


def cases(folder: str, rule: str, read_script: ReadScript) -> Iterator[Case]:
    """Yield the fixtures of a rule from `fixtures/`. Raises RuleBookError."""
    for kind in KINDS:
        here = os.path.join(folder, "rules", rule, kind)
        if os.path.isdir(here):
            for name in sorted(os.listdir(here)):
                path = os.path.join(here, name)
                if os.path.isdir(path):
                    log = _read(os.path.join(path, "log.txt"))
                    yield Case(rule=rule, kind=kind, name=name, patient=patient(path, folder, read_script), log=log)


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise RuleBookError([f"{path}: cannot be read: {error}"]) from None


def patient(path: str, fixtures: str, read_script: ReadScript) -> Snapshot:
    """Read the overlay in a case folder (env.toml), and the `SCRIPTS` that lie beside it as one. Raises RuleBookError."""
    text = _read(os.path.join(path, "env.toml"))
    if text is None:
        raise RuleBookError([f"{path}: has no env.toml"])
    where = os.path.relpath(os.path.join(path, "env.toml"), fixtures)
    overlay = parse_toml(text, where)
    texts = {name: _read(os.path.join(path, name)) for name in SCRIPTS}
    scripts = [read_script(read, name) for name, read in texts.items() if read is not None]
    script = _together(scripts) if scripts else None
    base: dict[str, Any] = {}
    if "base" in overlay:
        base_text = _read(os.path.join(fixtures, "environments", f"{overlay['base']}.toml"))
        if base_text is None:
            raise RuleBookError([f"{where}: base: there is no fixtures/environments/{overlay['base']}.toml"])
        base = parse_toml(base_text, f"environments/{overlay['base']}.toml")
    return _snapshot(base, overlay, where, script)


def _together(scripts: list[Script]) -> Script:
    return Script(
        calls=tuple(call for script in scripts for call in script.calls),
        imports=tuple(one for script in scripts for one in script.imports),
        paths=tuple(path for script in scripts for path in script.paths),
        tried=tuple(name for script in scripts for name in script.tried),
    )


def _snapshot(base: dict[str, Any], overlay: dict[str, Any], where: str, script: Script | None) -> Snapshot:
    defects = [
        f"{where}: {key}: unknown key"
        for key in overlay
        if key not in ("base", "distributions", "facts", "not_applicable", "unknown", "env", "environment_unknown", "requires")
    ]
    facts: dict[str, Fact] = {}
    absent: dict[str, Absent] = {}
    for table in (base, overlay):
        for path in table.get("not_applicable", ()):
            facts.pop(path, None)
            absent[path] = Absent(path=path, reason=NOT_APPLICABLE)
        for path, value in table.get("facts", {}).items():
            if path not in CATALOGUE:
                defects.append(f"{where}: facts.{path}: no such fact")
            absent.pop(path, None)
            facts[path] = Fact(path=path, value=tuple(value) if isinstance(value, list) else value, origin="fixture")
        for path in table.get("unknown", ()):
            facts.pop(path, None)
            absent.pop(path, None)
    for path in (*absent, *overlay.get("unknown", ())):
        if path not in CATALOGUE:
            defects.append(f"{where}: {path}: no such fact")
    environment = None if overlay.get("environment_unknown") else {**base.get("env", {}), **overlay.get("env", {})}
    distributions = {}
    requires = {normalise(name): tuple(lines) for name, lines in overlay.get("requires", {}).items()}
    for name, version in {**base.get("distributions", {}), **overlay.get("distributions", {})}.items():
        proper = normalise(name)
        distributions[proper] = Distribution(
            name=proper, version=version or None, requires=requires.get(proper, () if requires else None), origin="fixture"
        )
    if defects:
        raise RuleBookError(defects)
    return Snapshot(distributions=distributions, facts=facts, absent=absent, environment=environment, script=script)
