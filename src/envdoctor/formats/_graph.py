"""Lock files as graphs: which packages the project reaches, by whom, and under which markers. Nothing is evaluated here.

A package that is asked for with an extra is a node of its own beside the plain package, so that what only the extra needs hangs on it.
"""

from __future__ import annotations

from envdoctor.model.markers import all_of
from envdoctor.model.versions import InvalidVersion, key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from envdoctor.model.listing import Requirement
    from envdoctor.model.versions import Key

PROJECT = -1


class Need:
    """An edge: a package that is needed under a marker. `fits` picks among packages of that name."""

    __slots__ = ("extras", "fits", "marker", "name")

    def __init__(self, name: str, marker: str = "", extras: tuple[str, ...] = (), fits: Callable[[Package], bool] | None = None) -> None:
        self.name = name
        self.marker = marker
        self.extras = extras
        self.fits = fits

    def under(self, condition: str) -> Need:
        """Return the need with a further marker."""
        return Need(self.name, all_of(self.marker, condition), self.extras, self.fits)


class Package:
    """A node: one locked package, what it needs, and what each of its extras needs. `source` tells packages of one version apart."""

    __slots__ = ("extras", "needs", "requirement", "source", "version")

    def __init__(
        self, requirement: Requirement, version: str, needs: Sequence[Need], extras: Mapping[str, Sequence[Need]], source: object = None
    ) -> None:
        self.requirement = requirement
        self.version = version
        self.needs = needs
        self.extras = extras
        self.source = source


def reachable(packages: Sequence[Package], needed: Sequence[Need], *, newest: bool = False) -> tuple[tuple[Requirement, ...], list[str]]:
    """Return what the needs reach, each with `required_by`, and the names that are needed and not locked.

    Of several packages that fit a need all count, or only the one of the newest version, as Poetry and PDM choose. Linear in packages and
    needs; circles are no obstacle.
    """
    named: dict[str, list[Package]] = {}
    for package in packages:
        named.setdefault(package.requirement.name, []).append(package)
    order: list[tuple[Package, str]] = []
    index: dict[tuple[int, str], int] = {}
    reasons: list[dict[tuple[int, str], None]] = []
    lacking: dict[str, None] = {}

    def follow(need: Need, reason: int) -> None:
        candidates = named.get(need.name)
        if not candidates:
            lacking[need.name] = None
            return
        if need.fits is not None and len(candidates) > 1:
            candidates = [package for package in candidates if need.fits(package)] or candidates
        if newest and len(candidates) > 1:
            candidates = [max(candidates, key=age)]
        for package in candidates:
            for extra in ("", *need.extras):
                node = (id(package), extra)
                at = index.get(node)
                if at is None:
                    at = index[node] = len(order)
                    order.append((package, extra))
                    reasons.append({})
                reasons[at][reason, need.marker] = None

    for need in needed:
        follow(need, PROJECT)
    done = 0
    while done < len(order):
        package, extra = order[done]
        for need in package.extras.get(extra, ()) if extra else package.needs:
            follow(need, done)
        done += 1
    found = tuple(
        package.requirement.replace(required_by=tuple(why), extras=(extra,) if extra else package.requirement.extras)
        for (package, extra), why in zip(order, reasons)
    )
    return found, list(lacking)


def age(package: Package) -> tuple[bool, Key]:
    """Return what sorts packages by version; versions that are none come first."""
    try:
        return True, key(package.version)
    except InvalidVersion:
        return False, ()
