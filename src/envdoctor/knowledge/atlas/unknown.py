"""Which installed packages the atlas does not know in the very release that is installed, by their versions alone. No files here."""

from __future__ import annotations

from envdoctor.knowledge.atlas.beside import between
from envdoctor.model.versions import is_version, key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from envdoctor.knowledge.atlas.artefact import CompiledAtlas
    from envdoctor.model.snapshot import Distribution

_BUILDS = ("cu", "cpu", "rocm", "xpu", "pt", "torch")
"""How local labels begin that name a build of the released files, as in 2.9.1+cu128."""


def unknown_releases(
    atlas: CompiledAtlas, distributions: Mapping[str, Distribution], is_altered: Callable[[Distribution], bool] | None = None
) -> list[Distribution]:
    """Return the distributions of which only the installed files can tell: versions newer than all known ones, and unreleased ones.

    Releases older than the first known one (the setuptools of a fresh environment) are none of the atlas's, and read only if asked for.
    With `is_altered`, which tells of a distribution that it did not come from an index, those too, versions between two known ones, and
    builds with a label of their own: all that is not certainly a known release.
    """
    found = []
    for name in atlas.packages:
        one = distributions.get(name)
        if one is None or not one.version:
            continue
        plain, _, label = one.version.partition("+")
        versions = atlas.versions(name)
        if plain in versions and not label and is_altered is None:
            continue
        places = 1 if plain in versions else between(versions, plain)
        is_known = bool(places) and not places & (places - 1)
        if is_known:
            wanted = is_commit(label) or (is_altered is not None and (is_altered(one) or (label != "" and not label.startswith(_BUILDS))))
        else:
            wanted = is_version(plain) and (is_altered is not None or _is_unreleased(plain) or (not places and _is_newer(plain, versions)))
        if wanted:
            found.append(one)
    return found


def is_commit(label: str) -> bool:
    """Tell whether a local version label names a commit, or the day of a working copy that differs from one.

    >>> is_commit("g1a2b3c4"), is_commit("1a2b3c4d5e.d20250101"), is_commit("cu128"), is_commit("computecanada")
    (True, True, False, False)
    """
    for part in label.lower().replace("-", ".").replace("_", ".").split("."):
        digits = part[1:] if part.startswith("g") else part
        if len(digits) >= 7 and not digits.strip("0123456789abcdef") and not part.isdecimal():
            return True
    return False


def _is_newer(version: str, known: tuple[str, ...]) -> bool:
    return not known or key(version) > key(known[-1])


def _is_unreleased(version: str) -> bool:
    return any(sign.isalpha() for sign in version.lower().replace("post", ""))
