"""The JSON of `pip inspect`, and of `pip list --format json` and `uv pip list --format json`: all that is installed."""

from __future__ import annotations

from envdoctor.formats import _shapes as shapes
from envdoctor.model.errors import InputError
from envdoctor.model.listing import Listing, Requirement
from envdoctor.model.names import normalise
from envdoctor.model.script import Location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from envdoctor.model.listing import Load

KIND = "pip inspect"


def recognises(name: str, text: str) -> bool:
    """Tell a report by `pip-inspect`, `inspect.json` or `pip-list` in its name, or by the keys that pip writes."""
    lowered = name.lower().replace("_", "-")
    if not text:
        return lowered.endswith(".json") and any(word in lowered for word in ("pip-inspect", "inspect", "pip-list"))
    start = text[:4000].lstrip()
    if start.startswith("{"):
        return '"pip_version"' in start and '"installed"' in start
    return start.startswith("[") and ('"name"' in start or start.rstrip() == "[]")


def read(text: str, path: str, load: Load) -> Listing:
    """Return every distribution of the report. Raises InputError."""
    import json

    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{path} line {error.lineno}: this is not valid JSON ({error.msg}); write the report again") from None
    except ValueError as error:  # a number of more digits than Python converts
        raise InputError(f"{path}: the JSON cannot be read ({error}); write the report again") from None
    except RecursionError:
        raise InputError(f"{path}: the JSON is nested too deeply to be read; write the report again") from None
    items = data if isinstance(data, list) else shapes.table(data).get("installed")
    if not isinstance(items, list):
        raise InputError(f"{path}: this JSON lists no distributions; write it with `pip inspect` or `pip list --format json`")
    found, problems = [], []
    line, at = 1, 0
    for number, item in enumerate(shapes.tables(items), 1):
        metadata = shapes.table(item.get("metadata")) if "metadata" in item else item
        name = shapes.text(metadata.get("name"))
        if not name:
            where = shapes.text(item.get("metadata_location")) or f"entry {number}"
            problems.append(f"{path}: {where} has no name: its metadata is damaged; the entry is left out")
            continue
        spelt = json.dumps(name)
        next_at = text.find(spelt, at)
        if next_at >= 0:
            line += text.count("\n", at, next_at)
            at = next_at + len(spelt)
        found.append(_requirement(item, metadata, name, Location(path=path, line=line)))
    environment = shapes.table(shapes.table(data).get("environment"))
    python = shapes.text(environment.get("python_full_version"))
    return Listing(
        kind=KIND, requirements=tuple(found), complete=True, python=f"=={python}" if python else "", problems=tuple(problems), path=path
    )


def _requirement(item: dict[str, Any], metadata: dict[str, Any], name: str, location: Location) -> Requirement:
    version = shapes.text(metadata.get("version"))
    requires = metadata.get("requires_dist", ()) if "metadata" in item else None
    url, editable = _direct_url(shapes.table(item.get("direct_url")))
    folder = shapes.text(item.get("editable_project_location"))
    return Requirement(
        name=normalise(name),
        specifier=f"=={version}" if version else "",
        url=url or folder,
        editable=editable or bool(folder),
        location=location,
        requires=None if requires is None else tuple(shapes.texts(requires)),
    )


def _direct_url(record: dict[str, Any]) -> tuple[str, bool]:
    url = shapes.text(record.get("url"))
    vcs = shapes.table(record.get("vcs_info"))
    if vcs:
        url = f"{shapes.text(vcs.get('vcs')) or 'git'}+{url}@{shapes.text(vcs.get('commit_id'))}"
    return url, shapes.table(record.get("dir_info")).get("editable") is True
