"""Finds a way to bring packages back: the repair's own options may name another index than the one that the old packages came from."""

from __future__ import annotations

import os
import shutil

from envdoctor.facts.distributions import read
from envdoctor.model.errors import RepairError
from envdoctor.model.names import normalise
from envdoctor.model.record import Record
from envdoctor.repair.installed import folders_of, survey
from envdoctor.repair.versions import is_met

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from envdoctor.repair.installer import Installer
    from envdoctor.repair.journal import Site
    from envdoctor.repair.prospect import PackageState

_BACKENDS = ("cpu", "cu", "rocm", "xpu")
"""How the labels of torch's builds begin; uv knows the index of each."""


class _Way(Record):
    """Options for the installer, and whether a version without a label means the build without one (`===`)."""

    options: tuple[str, ...]
    exact: bool

    def requirement(self, package: PackageState) -> str:
        """Return what to ask for to bring a package back."""
        moved = package.moved
        plain = moved.again == f"{moved.name}=={moved.before}"
        return f"{moved.name}==={moved.before}" if plain and self.exact and "+" not in (moved.before or "") else moved.again


def sweep(site: Site, environ: Mapping[str, str]) -> None:
    """Remove what an installer that was killed has left: of a package's dist-info folder, and of files that pip had put aside.

    uv and pip leave a dist-info folder without RECORD where it is, even when they install the package again; it would then be there in
    two versions. What pip is about to replace it names after the old, with "~" for the first letter.
    """
    moves = {moved.name: moved for moved in site.moves}
    environment = survey(site.python, environ)
    aside = {f"~{top[1:]}" for name in moves if name in environment.own for top in folders_of(environment.own[name])}
    for folder in environment.folders:
        for entry in os.listdir(folder):
            path = os.path.join(folder, entry)
            if entry.startswith("~"):
                name = normalise(entry[1:].partition("-")[0])
                if entry in aside or (entry.endswith(".dist-info") and any(name == moved[1:] for moved in moves)):
                    shutil.rmtree(path, ignore_errors=True)
                continue
            found = read(folder, entry) if entry.endswith(".dist-info") else None
            if found is None or found.name not in moves:
                continue
            has_record, has_metadata = (os.path.isfile(os.path.join(path, name)) for name in ("RECORD", "METADATA"))
            # a package of the system may never have had a RECORD
            if not has_record and (not has_metadata or is_met(found.version, moves[found.name].after, None)):
                shutil.rmtree(path, ignore_errors=True)


def bring_back(
    site: Site,
    packages: Sequence[PackageState],
    installer: Installer,
    environ: Mapping[str, str],
    *,
    force: bool,
    say: Callable[[str], None],
) -> None:
    """Install what was there before a repair, and remove what was not. Raises RepairError, before anything is touched where it can be told.

    With `force`, what cannot come back is said and left out.
    """
    back = [package for package in packages if package.moved.before is not None]
    together, lost = _choose(back, _ways(site, back, installer.name), installer)
    if lost and not force:
        told = "\n".join(f"{package.moved.name} {package.moved.before}: {why}" for package, why in lost)
        raise RepairError(f"{told}\nso the packages stay as they are. --force puts back the others")
    for package, _ in lost:
        say(f"{package.moved.name} {package.moved.before} cannot come back, and is left as it is")
    installer.uninstall([package.moved.name for package in packages if package.moved.before is None])
    for way, some in together:
        anew = [package.moved.name for package in some if package.anew]
        installer.install([way.requirement(package) for package in some], way.options, anew)
    after = survey(site.python, environ)
    missing = {package.moved.name for package, _ in lost}
    wrong = [
        f"{package.moved.name} is {after.version(package.moved.name) or 'not installed'} instead of {package.moved.before or 'gone'}"
        for package in packages
        if package.moved.name not in missing and not _is_back(package, after.version(package.moved.name))
    ]
    if wrong:
        raise RepairError(f"{installer.name} left something else than there was: {'; '.join(wrong)}")


def _is_back(package: PackageState, now: str | None) -> bool:
    moved = package.moved
    if moved.again.startswith(f"{moved.name}=="):
        return now == moved.before
    return (now is None) == (moved.before is None)  # a checkout may hold another version by now


def _ways(site: Site, packages: Sequence[PackageState], installer: str) -> list[_Way]:
    """Return ways to ask, the likeliest first: as the repair did, as the user's settings have it, and with torch's own indexes."""
    labels = {(package.moved.before or "").partition("+")[2]: None for package in packages}
    found = [site.options, (), *(("--torch-backend", one) for one in labels if one.startswith(_BACKENDS) and installer == "uv")]
    return [_Way(options=options, exact=exact) for exact in (True, False) for options in dict.fromkeys(found)]


def _choose(
    packages: Sequence[PackageState], ways: Sequence[_Way], installer: Installer
) -> tuple[list[tuple[_Way, list[PackageState]]], list[tuple[PackageState, str]]]:
    """Return which packages come back which way, and those that come back by none with the reason of the first. Nothing is changed.

    No package pulls in another, so that what can come alone can come with the others.
    """
    for way in ways:
        if not _why_not(packages, way, installer):
            return [(way, list(packages))], []
    chosen: dict[_Way, list[PackageState]] = {}
    lost = []
    for package in packages:
        reasons = []
        for way in ways:
            why = _why_not([package], way, installer)
            if not why:
                chosen.setdefault(way, []).append(package)
                break
            reasons.append(why)
        else:
            lost.append((package, reasons[0]))
    return list(chosen.items()), lost


def _why_not(packages: Sequence[PackageState], way: _Way, installer: Installer) -> str:
    anew = [package.moved.name for package in packages if package.anew]
    return installer.could_install([way.requirement(package) for package in packages], way.options, anew)
