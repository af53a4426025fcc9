"""What the project beside a lock file asks for: the start of the walk through a lock that does not say it itself."""

from __future__ import annotations

from envdoctor.formats import pyproject_toml
from envdoctor.formats._graph import Need, Package, age
from envdoctor.formats._pep508 import NotARequirement, requirement
from envdoctor.model.errors import InputError
from envdoctor.model.versions import InvalidSpecifier, InvalidVersion, admits, window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from envdoctor.model.listing import Listing, Load, Requirement


def project(load: Load) -> Listing | None:
    """Return what the pyproject.toml in the lock's folder declares, or None where there is none to read."""
    try:
        return pyproject_toml.read(load("pyproject.toml"), "pyproject.toml", load)
    except InputError:
        return None


def needs(declared: Iterable[Requirement]) -> list[Need]:
    """Return requirements as needs that fit the locked versions they admit."""
    return [Need(item.name, item.marker, item.extras, admitted(item.specifier)) for item in declared if not item.constraint]


def need(text: str) -> Need | None:
    """Return a PEP 508 text as a need, or None if it is none."""
    try:
        return needs([requirement(text)])[0]
    except NotARequirement:
        return None


def admitted(specifier: str) -> Callable[[Package], bool] | None:
    """Return the test whether a locked version lies in a specifier; None where it restricts nothing or cannot be read."""
    try:
        allowed = window(specifier)
    except InvalidSpecifier:
        return None

    def fits(package: Package) -> bool:
        try:
            return admits(allowed, package.version)
        except InvalidVersion:
            return True

    return fits if specifier else None


def unneeded(packages: Iterable[Package]) -> list[Need]:
    """Return needs for the packages that no other one needs without an extra, the newest of each name first.

    Where the project is not known, they are what it asked for: a lock holds nothing that nobody wanted.
    """
    packages = list(packages)
    needed = {need.name for package in packages for need in package.needs}
    found = sorted((package for package in packages if package.requirement.name not in needed), key=age, reverse=True)
    return [Need(package.requirement.name, fits=lambda other, package=package: other is package) for package in found]  # type: ignore[misc]
