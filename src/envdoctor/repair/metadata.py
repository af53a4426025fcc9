"""What releases declare, from the atlas, with what was learnt of them: uv's `dependency-metadata`, and the offline resolver's table."""

from __future__ import annotations

import json

from envdoctor.model.requirements import InvalidRequirement, needed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from envdoctor.knowledge.atlas.artefact import CompiledAtlas
    from envdoctor.knowledge.atlas.text import Release
    from envdoctor.repair.lessons import Lessons


class Metadata:
    """Declared requirements of every release that the atlas knows."""

    def __init__(self, atlas: CompiledAtlas | None) -> None:
        self._atlas = atlas
        self._packages = frozenset(atlas.packages) if atlas is not None else frozenset()
        self._read: dict[str, tuple[tuple[str, ...], dict[str, int], dict[str, int]]] = {}
        self._written: dict[tuple[str, str, frozenset[str]], tuple[str, str]] = {}
        self._releases: dict[str, dict[str, Release]] = {}
        self._built: dict[str, int] = {}
        self._needs: dict[tuple[str, str], dict[str, str]] = {}

    def knows(self, package: str) -> bool:
        """Tell whether a package's releases are known."""
        return package in self._packages

    def releases(self, package: str) -> tuple[str, ...]:
        """Return the releases of a package, the oldest first; none for one that is not known."""
        return self._atlas.versions(package) if self._atlas is not None and package in self._packages else ()

    def yanked(self, package: str) -> frozenset[str]:
        """Return the releases that were taken back."""
        return frozenset(version for version, release in self._dated(package).items() if release.yanked)

    def date(self, package: str, version: str) -> str:
        """Return the day on which a release came out, in ISO form; "" where that is not known."""
        release = self._dated(package).get(version.partition("+")[0])
        return release.date if release is not None else ""

    def _dated(self, package: str) -> dict[str, Release]:
        known = self._releases.get(package)
        if known is None:
            releases = self._atlas.text(package, ()).releases if self._atlas is not None and package in self._packages else ()
            known = self._releases[package] = {release.version: release for release in releases}
        return known

    def requires(self, package: str, version: str) -> tuple[str, ...] | None:
        """Return the lines that a release declares; None for a release that is not known."""
        versions, lines, _ = self._text(package)
        plain = version.partition("+")[0]
        if plain not in versions:
            return None
        bit = 1 << versions.index(plain)
        return tuple(line for line, held in lines.items() if held & bit)

    def python(self, package: str, version: str) -> str:
        """Return the Requires-Python of a release, "" for none."""
        versions, _, tags = self._text(package)
        plain = version.partition("+")[0]
        if plain not in versions:
            return ""
        bit = 1 << versions.index(plain)
        return next((tag.removeprefix("python") for tag, held in tags.items() if held & bit and tag.startswith("python")), "")

    def is_built_here(self, package: str, version: str) -> bool:
        """Tell whether a release has no wheel at all, so that asking it for its metadata means to build it."""
        versions, _, tags = self._text(package)
        plain = version.partition("+")[0]
        if plain not in versions:
            return False
        wheels = self._built.get(package)
        if wheels is None:
            wheels = 0
            for tag, held in tags.items():
                wheels |= 0 if tag.startswith("python") else held
            self._built[package] = wheels
        return not wheels >> versions.index(plain) & 1

    def needs(self, package: str, version: str, environment: Mapping[str, str]) -> dict[str, str]:
        """Return what a release declares to need in an environment of markers, always the same one: specifiers by name, no extras."""
        known = self._needs.get((package, version))
        if known is not None:
            return known
        found = self._needs[package, version] = {}
        judged: dict[str, bool] = {}
        for line in self.requires(package, version) or ():
            try:
                wanted = needed(line, environment, judged)
            except InvalidRequirement:
                continue
            if wanted is not None:
                name, specifier = wanted
                found[name] = ",".join(part for part in (found.get(name, ""), specifier) if part)
        return found

    def entries(
        self, packages: Iterable[str], lessons: Lessons | None, labels: Mapping[str, str], extras: frozenset[str]
    ) -> dict[tuple[str, str], str]:
        """Return `dependency-metadata`, as TOML tables: of packages that something was learnt of, and of releases without a wheel.

        `labels` are local labels in use, by package: uv takes `2.13.0` and `2.13.0+cpu` for two releases. `extras` are the names of the
        extras that anybody asks for; lines of others are left out, for they make the file ten times as long.
        """
        wanted = set(packages) & self._packages
        taught: dict[tuple[str, str], list[str]] = {}
        for package, version, found in lessons.all() if lessons is not None else ():
            # a release that can never be taken needs what does not exist: itself at another version
            taught[package, version] = [f"{one.partner or package}{one.specifier if one.partner else '<0'}" for one in found]
        # one release told, all told: without a network uv passes over those whose metadata it has not seen
        whole = {package for package, _ in taught}
        for package in wanted:
            for version in self.releases(package):
                if package in whole or self.is_built_here(package, version):
                    taught.setdefault((package, version), [])
        entries: dict[tuple[str, str], str] = {}
        for (package, version), more in sorted(taught.items()):
            if package not in wanted:
                continue
            head, tail = self._entry(package, version, extras)
            text = head + "".join(f", {json.dumps(line)}" for line in more).removeprefix("" if head[-1] == '"' else ", ") + tail
            entries[package, version] = f'{{name = "{package}", version = "{version}", {text}}}'
            label = labels.get(package, "")
            if label:
                entries[package, f"{version}+{label}"] = f'{{name = "{package}", version = "{version}+{label}", {text}}}'
        return entries

    def _entry(self, package: str, version: str, extras: frozenset[str]) -> tuple[str, str]:
        """Return what a release declares as TOML, in two parts: further requirements go between them."""
        known = self._written.get((package, version, extras))
        if known is None:
            lines = [(line, _extra_of(line)) for line in self.requires(package, version) or ()]
            asked = sorted({extra for _, extra in lines if extra in extras} - {""})
            listed = ", ".join(json.dumps(line) for line, extra in lines if not extra or extra in extras)
            python = self.python(package, version)
            tail = "]" + (f", requires-python = {json.dumps(python)}" if python else "")
            tail += f", provides-extra = {json.dumps(asked)}" if asked else ""
            known = self._written[package, version, extras] = (f"requires-dist = [{listed}", tail)
        return known

    def _text(self, package: str) -> tuple[tuple[str, ...], dict[str, int], dict[str, int]]:
        known = self._read.get(package)
        if known is None:
            if self._atlas is None or package not in self._packages:
                return (), {}, {}
            text = self._atlas.text(package, ("requires", "tags"))
            known = self._read[package] = (
                text.versions, dict(text.sections.get("requires", {}).get("", {})), dict(text.sections.get("tags", {}).get("", {})),
            )  # fmt: skip
        return known


def _extra_of(line: str) -> str:
    """Return the extra that a declared requirement belongs to, as it is written; "" for none."""
    marker = line.partition(";")[2]
    at = marker.find("extra")
    if at < 0:
        return ""
    quoted = marker[at:].partition("==")[2].strip()
    return quoted[1:].partition(quoted[0])[0] if quoted[:1] in ("'", '"') else ""
