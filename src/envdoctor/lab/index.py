"""Asks the package index, through uv's resolver, which release of a package was or is the newest or the oldest within bounds."""

from __future__ import annotations

from envdoctor.lab.children import run
from envdoctor.lab.environment import LabError, surroundings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from envdoctor.lab.environment import Settings


class Index:
    """Answers about single releases, each asked once."""

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self.settings, self.environ = settings, surroundings(environ)
        self._known: dict[tuple[str, str, str], str] = {}

    def newest(self, name: str, day: str = "") -> str:
        """Return the newest version that a requirement allows, on a day or today; an empty text if there is none. Raises LabError."""
        return self._ask(name, day, "highest")

    def oldest(self, name: str) -> str:
        """Return the oldest version that a requirement allows; an empty text if there is none. Raises LabError."""
        return self._ask(name, "", "lowest")

    def _ask(self, wanted: str, day: str, way: str) -> str:
        if (wanted, day, way) not in self._known:
            self._known[wanted, day, way] = self._compile(wanted, day, way)
        return self._known[wanted, day, way]

    def _compile(self, wanted: str, day: str, way: str) -> str:
        words = ["pip", "compile", "-q", "--no-deps", "--no-header", "--no-annotate", "-p", self.settings.python, "--resolution", way]
        if day:
            words += ["--exclude-newer", day]
        environ = {name: value for name, value in self.environ.items() if name != "UV_FIND_LINKS"}  # wheels there have no date
        told = run([self.settings.uv, *words, "-"], 120, environ, None, wanted + "\n")
        if told.code == 0:
            name, _, version = told.out.strip().partition("==")
            return version.split()[0] if name and version else ""
        if "No solution found" in told.err or "no versions" in told.err:
            return ""
        raise LabError(f"uv cannot ask the index about {wanted}: {told.err.strip()[-600:]}")
