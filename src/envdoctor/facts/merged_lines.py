"""All lines of a listing that name one distribution, merged into that `Distribution`. Pure: no file is opened here."""

from __future__ import annotations

import os.path
import re

from envdoctor.model.names import normalise
from envdoctor.model.references import file_parts, is_url, is_vcs, redact
from envdoctor.model.snapshot import Distribution
from envdoctor.model.versions import NOTHING, build_of, is_specifier, is_version, key, window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envdoctor.model.listing import Requirement


def merge(
    lines: Sequence[Requirement], constraints: Sequence[Requirement], folder: str, *, complete: bool, doubts: Mapping[str, str]
) -> Distribution:
    """Return the distribution that these lines put on a machine; `folder` is left out of the places shown.

    Where the lines contradict each other, a complete list (what is installed) keeps the first version, any other has none.
    """
    problems: dict[str, None] = {}
    clauses: dict[str, None] = {}
    pins: dict[str, str] = {}  # version -> its place
    for line in (*lines, *constraints):
        if line.marker in doubts:
            problems[doubts[line.marker]] = None
        for clause in filter(None, line.specifier.split(",")):
            pin = _pin(clause)
            if pin is not None and not is_version(pin):
                problems[f"{_place(line, folder)}: {pin!r} is not a PEP 440 version"] = None
            elif pin is not None:
                pins.setdefault(pin, _place(line, folder))
            elif is_specifier(clause):
                clauses[clause] = None
            else:
                problems[f"{_place(line, folder)}: {clause!r} is not a PEP 440 specifier"] = None
    url, editable = next(((line.url, line.editable) for line in (*lines, *constraints) if line.url), ("", False))
    if url and not pins:
        told = _of_reference(url, lines[0].name)
        if told:
            pins[told] = _place(lines[0], folder)
        else:
            problems[_unknown(url, editable)] = None
    version, specifier = _settle(pins, clauses, problems, complete=complete)
    places = dict.fromkeys(_place(line, folder) for line in (*lines, *constraints))
    build = next((line.build for line in lines if line.build), "")
    requires = next((line.requires for line in lines if line.requires is not None), None)
    return Distribution(
        name=lines[0].name,
        version=version,
        build=build or (build_of(version) if version else ""),
        requires=requires,
        direct_url=redact(url),
        origin=", ".join(place for place in places if place),
        specifier=specifier,
        problems=tuple(problems),
    )


def _settle(pins: Mapping[str, str], clauses: Mapping[str, None], problems: dict[str, None], *, complete: bool) -> tuple[str | None, str]:
    """Return the one version that is pinned, or None and the specifier of what is left open."""
    different = {key(pin) for pin in pins} if len(pins) > 1 else set(pins)
    # Of ==2.5.1 and ==2.5.1+cu124 the label says more.
    labelled = [pin for pin in pins if "+" in pin] if len(different) == 1 else []
    version = next(iter(labelled or pins), None)
    labels = {version.partition("+")[2] for version in pins if "+" in version}
    if len(different) > 1 or len(labels) > 1:
        problems["several versions are named: " + ", ".join(f"{pin} ({place})" for pin, place in pins.items())] = None
        if not complete:
            return None, ",".join([*(f"=={pin}" for pin in pins), *clauses])
    asked = ",".join([*([f"=={version}"] if version else ()), *clauses])
    if clauses and len(different) <= 1 and window(asked) == NOTHING:
        problems[f"no version satisfies {asked}"] = None
        if not complete:
            return None, asked
    return (version, "") if version else (None, asked)


def _pin(clause: str) -> str | None:
    if clause.startswith("===") or (clause.startswith("==") and not clause.endswith(".*")):
        return clause.lstrip("=")
    return None


# The usual spellings of PEP 440: `key` would import `packaging` for the ones with a suffix.
_USUAL = re.compile(r"\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[a-z0-9]+([._-][a-z0-9]+)*)?", re.ASCII | re.IGNORECASE)


def _of_reference(url: str, name: str) -> str:
    named, version = file_parts(url)
    return version if normalise(named) == name and is_version(version) else ""


def _unknown(url: str, editable: bool) -> str:
    if is_vcs(url):
        return f"{url.partition('+')[0]} reference: version not known"
    return "direct URL: version not known" if is_url(url) and not editable else "installed from a folder: version not known"


def _place(line: Requirement, folder: str) -> str:
    if line.location is None:
        return ""
    path = line.location.path
    if folder and path.startswith(folder + os.sep):
        path = path[len(folder) + 1 :]
    return f"{path} line {line.location.line}"
