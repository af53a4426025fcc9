"""What releases declare to need, by the atlas: asked where it is not yet known which release will be installed."""

from __future__ import annotations

from envdoctor.model.requirements import InvalidRequirement, needed
from envdoctor.model.versions import InvalidSpecifier, InvalidVersion, admits, window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from envdoctor.knowledge.atlas.artefact import CompiledAtlas


class Declared:
    """Looks up what the releases of a package declare, in one environment of markers, without extras."""

    def __init__(self, atlas: CompiledAtlas | None, environment: Mapping[str, str]) -> None:
        self._atlas = atlas
        self._environment = environment
        self._packages = frozenset(atlas.packages) if atlas is not None else frozenset()
        self._read: dict[str, tuple[tuple[str, ...], dict[str, int]]] = {}
        self._judged: dict[str, bool] = {}

    def __call__(self, package: str, specifier: str) -> list[Mapping[str, str]]:
        """Return what each release that a specifier allows needs, specifiers by name, each set once; of all where it allows none known."""
        if self._atlas is None or package not in self._packages:
            return []
        versions, lines = self._text(package)
        allowed = [place for place, version in enumerate(versions) if _is_allowed(specifier, version)] or range(len(versions))
        found: dict[tuple[tuple[str, str], ...], Mapping[str, str]] = {}
        for held in {tuple(line for line, bits in lines.items() if bits >> place & 1) for place in allowed}:
            told = self._needs(held)
            found[tuple(sorted(told.items()))] = told
        return list(found.values())

    def _needs(self, lines: tuple[str, ...]) -> dict[str, str]:
        told: dict[str, str] = {}
        for line in lines:
            try:
                wanted = needed(line, self._environment, self._judged)
            except InvalidRequirement:
                continue
            if wanted is not None:
                name, specifier = wanted
                told[name] = ",".join(part for part in (told.get(name, ""), specifier) if part)
        return told

    def _text(self, package: str) -> tuple[tuple[str, ...], dict[str, int]]:
        known = self._read.get(package)
        if known is None:
            assert self._atlas is not None
            text = self._atlas.text(package, ("requires",))
            known = self._read[package] = text.versions, dict(text.sections.get("requires", {}).get("", {}))
        return known


def _is_allowed(specifier: str, version: str) -> bool:
    try:
        return admits(window(specifier), version.partition("+")[0]) if specifier else True
    except (InvalidSpecifier, InvalidVersion):
        return True
