"""What a script or notebook installs itself, put on top of the packages that it finds: as pip would leave them, as far as that is certain.

Packages that pip may move for the sake of others have no version here: what cannot be seen is unknown.
"""

from __future__ import annotations

import os

from envdoctor.model.errors import InputError
from envdoctor.model.markers import InvalidMarker, holds
from envdoctor.model.snapshot import Distribution
from envdoctor.model.versions import InvalidSpecifier, InvalidVersion, admits, is_specifier, is_version, window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from envdoctor.model.listing import Installation, Load, Requirement
    from envdoctor.model.script import Location, Script

    Needs = Callable[[str, str], list[Mapping[str, str]]]
    """Returns what each release of a package that a specifier allows declares to need, as specifiers by name; none where none is known."""

_TORCH = ("torch", "torchvision", "torchaudio")
"""Packages whose builds carry the label of their index."""


def installed_by(script: Script) -> list[Installation]:
    """Return what the commands of a script install, in order. Nothing is run."""
    from envdoctor.formats._pip_commands import installations, leaves_folder

    found: list[Installation] = []
    load = _loader(os.path.dirname(script.paths[0]))
    for command in script.commands:
        if leaves_folder(command):
            load = _elsewhere
        found += installations(command, load)
    return found


def _loader(folder: str) -> Load:
    def load(path: str) -> str:
        from envdoctor.facts.documents import read_text

        return read_text(os.path.join(folder, path))

    return load


def _elsewhere(path: str) -> str:
    raise InputError(f"{path}: lies in a folder that the script has gone to before")


class Layer:
    """Distributions after a number of installations. `changed` are those that are not as they were, `problems` what was not understood.

    `is_closed` tells that nothing else was installed with them.
    """

    def __init__(self, found: Mapping[str, Distribution], markers: Mapping[str, str], needs: Needs) -> None:
        self.distributions = dict(found)
        self.changed: dict[str, None] = {}
        self.problems: list[str] = []
        self.is_closed = True
        self._followed: set[tuple[str, str]] = set()
        self._markers = markers
        self._needs = needs

    def put(self, one: Installation) -> None:
        """Put one installation on top."""
        self.problems += one.problems
        self.is_closed = self.is_closed and one.whole and one.sure
        if not one.whole:
            at = one.location
            self.problems.append(f"{at.path} line {at.line}: what it installs cannot all be seen, so no version is certain after it")
            for name in self.distributions:
                self._doubt(name, at)
        for name in one.leaves:
            if one.sure and name in self.distributions:
                del self.distributions[name]
                self.changed[name] = None
            elif name in self.distributions:
                self._doubt(name, one.location)
        for requirement in one.takes:
            if requirement.name and self._counts(requirement):
                self._take(requirement, one, requirement.location or one.location)

    def _counts(self, requirement: Requirement) -> bool:
        try:
            return holds(requirement.marker, self._markers)
        except InvalidMarker as error:
            self.problems.append(f"{error}; it is taken to hold")
            return True

    def _take(self, requirement: Requirement, one: Installation, at: Location) -> None:
        name, specifier = requirement.name, requirement.specifier
        there = self.distributions.get(name)
        stays = there is not None and not requirement.url and not one.upgrade and _admits(specifier, there)
        if requirement.constraint:
            if there is not None and not stays:
                self._doubt(name, at)
            return
        if stays:
            return
        pin = "" if requirement.url else _pinned(specifier)
        if pin and one.label and name in _TORCH and "+" not in pin:
            pin = f"{pin}+{one.label}"
        if there is not None and pin and there.version == pin:
            return
        if not one.sure:
            if there is not None:  # what may be there and may not is left out: no rule is to rest on it
                self._doubt(name, at)
        elif pin:
            self._set(Distribution(name=name, version=pin), at)
        else:
            is_reference = requirement.url and not requirement.url.startswith("hidden:")
            self._set(Distribution(name=name, specifier=specifier, direct_url=requirement.url if is_reference else ""), at)
        if one.follows:
            self._follow(name, f"=={pin}" if pin else specifier, (at, name), one.sure)

    def _follow(self, name: str, specifier: str, by: tuple[Location, str], sure: bool) -> None:
        """Doubt what pip may move because a release, or one of several that it may take, declares to need something else."""
        if (name, specifier) in self._followed:
            return
        self._followed.add((name, specifier))
        releases = self._needs(name, specifier)
        self.is_closed = self.is_closed and bool(releases)
        is_certain = sure and len(releases) == 1
        for needed in releases:
            for other, wanted in needed.items():
                there = self.distributions.get(other)
                if there is None:
                    self.is_closed = False
                    if not sure or not all(other in one for one in releases):
                        continue
                    self._set(Distribution(name=other, specifier=wanted if is_certain else ""), *by)
                elif there.version is not None and not _admits(wanted, there):
                    self.is_closed = False
                    self._doubt(other, *by, specifier=wanted if is_certain else "")
                else:
                    continue
                self._follow(other, wanted, by, sure)

    def _doubt(self, name: str, at: Location, needer: str = "", specifier: str = "") -> None:
        """Forget the version of what is there: it may be another one, which `specifier` allows."""
        if self.distributions[name].version is not None:
            self._set(Distribution(name=name, specifier=specifier), at, needer)

    def _set(self, fresh: Distribution, at: Location, needer: str = "") -> None:
        """Put a distribution there that a place asks for, or what is installed there needs."""
        if fresh.specifier and not is_specifier(fresh.specifier):
            self.problems.append(f"{at.path} line {at.line}: {fresh.specifier!r} is not a PEP 440 specifier")
            fresh = fresh.replace(specifier="")
        origin = f"{at.path}:{at.line}" + (f", needed by {needer}" if needer else "")
        self.distributions[fresh.name] = fresh.replace(origin=origin, place=at)
        self.changed[fresh.name] = None


def _pinned(specifier: str) -> str:
    """Return the version that a specifier pins, or ""."""
    version = specifier.lstrip("=").strip() if specifier.startswith("==") and "," not in specifier else ""
    return version if version and "*" not in version and is_version(version) else ""


def _admits(specifier: str, there: Distribution) -> bool:
    """Tell whether pip leaves what is there as it is."""
    if not specifier:
        return True
    try:
        return there.version is not None and admits(window(specifier), there.version)
    except (InvalidSpecifier, InvalidVersion):
        return False
