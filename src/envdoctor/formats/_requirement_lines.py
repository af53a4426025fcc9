"""The lines of pip's requirement files: joined, freed of comments, and read as options or requirements, includes followed.

Shared by every format that holds such lines: requirements files, freezes, and the `pip:` part of a conda environment.
"""

from __future__ import annotations

import os.path
import re

from envdoctor.formats._pep508 import NotARequirement, requirement
from envdoctor.model.errors import InputError
from envdoctor.model.listing import Requirement
from envdoctor.model.names import normalise
from envdoctor.model.references import ARCHIVES, file_parts, fragment, is_url, is_vcs, last_part
from envdoctor.model.script import Location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envdoctor.model.listing import Load

_COMMENT = re.compile(r"(^|\s)#.*$")
OPTION = re.compile(r"\s--?(hash|global-option|install-option|config-settings?|C)\b[\s=]+(\"[^\"]*\"|'[^']*'|\S+)")
HASH = re.compile(r"--hash[=\s]+(\S+)")
_FOLDER = re.compile(r"(.*?)(?:\[([^\[\]]*)\])?(?:\s+;\s*(.*))?$", re.DOTALL)
_SECRET = re.compile(r"://[^/@\s]+@")
_DEEPEST = 64

# Options that say where to find or how to build a distribution, not which one; True where a value follows.
_OPTIONS = {
    "-i": True, "--index-url": True, "--extra-index-url": True, "--no-index": False, "-f": True, "--find-links": True,
    "--no-binary": True, "--only-binary": True, "--prefer-binary": False, "--require-hashes": False, "--pre": False,
    "--trusted-host": True, "--use-feature": True, "--process-dependency-links": False, "--no-build-isolation": False, "--no-deps": False,
    "--config-settings": True, "--upgrade": False, "-U": False, "--index-strategy": True, "--torch-backend": True, "--default-index": True,
    "--index": True, "--all-releases": True, "--only-final": True, "--uploaded-prior-to": True, "--always-unzip": False, "-Z": False,
    "--user": False, "--quiet": False, "-q": False, "--no-cache-dir": False, "--force-reinstall": False,
}  # fmt: skip


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line with its number, continued ones joined, comments and blanks left out, as pip does it."""
    pending: list[str] = []
    first = 0
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = line.rstrip("\r")
        comment = line.lstrip().startswith("#")
        if not pending:
            first = number
        if line.endswith("\\") and not comment:
            pending.append(line[:-1])
            continue
        if pending and comment:
            line = ""
        joined = "".join([*pending, line]) if pending else line
        pending.clear()
        if "#" in joined:
            joined = _COMMENT.sub("", joined)
        joined = joined.strip()
        if joined:
            yield first, joined
    if pending and (joined := _COMMENT.sub("", "".join(pending)).strip()):
        yield first, joined


class RequirementLines:
    """Reads one file and what it includes. Afterwards `requirements` and `problems` hold what was found, in order."""

    def __init__(self, load: Load, *, follow_folders: bool = True) -> None:
        self.requirements: list[Requirement] = []
        self.problems: list[str] = []
        self._load = load
        self._follow_folders = follow_folders
        self._open: list[str] = []
        self._done: set[tuple[str, bool]] = set()

    def read(self, lines: Iterable[tuple[int, str]], path: str, below: str = "", constraint: bool = False) -> None:
        """Read the lines of the file at `path`; `below` is its path relative to the first file, "" for that one.

        Raises InputError for an include that cannot be read or that leads back to itself.
        """
        self._open.append(os.path.normpath(below or os.path.basename(path)))
        for number, line in lines:
            place = Location(path=path, line=number)
            if line.startswith("-"):
                self._option(line, place, below, constraint)
            else:
                self._requirement(line, place, below, constraint, editable=False)
        self._open.pop()

    def _option(self, line: str, place: Location, below: str, constraint: bool) -> None:
        option, value = _split_option(line)
        if option in ("-r", "--requirement", "--requirements"):
            self._include(value, place, below, constraint)
        elif option in ("-c", "--constraint", "--constraints"):
            self._include(value, place, below, True)
        elif option in ("-e", "--editable"):
            self._requirement(value, place, below, constraint, editable=True)
        elif option not in _OPTIONS:
            self._problem(place, f"the option {option} is not known, so the line is left out")

    def _include(self, value: str, place: Location, below: str, constraint: bool) -> None:
        if not value:
            raise InputError(f"{place.path} line {place.line}: no file is named; write -r FILE or -c FILE")
        if is_url(value):
            self._problem(place, f"{value} is not read: the doctor fetches nothing; save it beside this file and name it here")
            return
        target = os.path.normpath(os.path.join(os.path.dirname(below), value))
        if target in self._open or len(self._open) >= _DEEPEST:
            chain = " -> ".join([*self._open, target][-6:])
            raise InputError(f"{place.path} line {place.line}: the files include each other without end ({chain}); remove one include")
        if (target, constraint) in self._done:
            return
        self._done.add((target, constraint))
        try:
            text = self._load(target)
        except InputError as error:
            raise InputError(f"{place.path} line {place.line} includes a file that cannot be read: {error}") from None
        path = os.path.normpath(os.path.join(os.path.dirname(place.path), value))
        self.read(logical_lines(text), path, target, constraint)

    def _requirement(self, line: str, place: Location, below: str, constraint: bool, editable: bool) -> None:
        hashes: tuple[str, ...] = ()
        if "--" in line or " -C" in line:
            hashes = tuple(HASH.findall(line))
            line = OPTION.sub("", line).strip()
        try:
            found = None if editable else self._plain(line, place)
            if found is None:
                self._direct(line, Requirement(name="", editable=editable, constraint=constraint, hashes=hashes, location=place), below)
            else:
                self.requirements.append(found.replace(constraint=constraint, hashes=hashes) if constraint or hashes else found)
        except NotARequirement as error:
            self._problem(place, f"{error}; the line is left out")

    def _plain(self, line: str, place: Location) -> Requirement | None:
        """Return a requirement that starts with its name, or None for a bare URL or path."""
        start = line.partition(";")[0].partition("@")[0]
        if is_url(line) or line.startswith((".", "/", "\\", "file:", "~/")) or "/" in start or "\\" in start:
            return None
        if start.rstrip().partition("[")[0].endswith((".whl", *ARCHIVES)) and "=" not in start:
            return None
        return requirement(line, place)

    def _direct(self, line: str, base: Requirement, below: str) -> None:
        """Read a line that is a URL or a path, without a name in front; `base` holds what is known of it already."""
        if base.editable and " @ " in line:
            found = requirement(line, base.location)
            self.requirements.append(base.replace(name=found.name, extras=found.extras, url=found.url, marker=found.marker))
            return
        match = _FOLDER.match(line)
        url, wanted, marker = (match[1].strip(), match[2] or "", (match[3] or "").strip()) if match else (line, "", "")
        name, bracket, inside = fragment(url, "egg").partition("[")
        wanted = wanted or (inside.rstrip("]") if bracket else "")
        extras = tuple(sorted({normalise(extra.strip()) for extra in wanted.split(",") if extra.strip()}))
        name = name.partition("==")[0] or file_parts(url)[0]
        base = base.replace(name=normalise(name), extras=extras, marker=marker, url=url)
        if name:
            self.requirements.append(base)
        elif not is_url(url) and self._follow_folders:
            self._project(base, below)
        else:
            self._guess(base)

    def _project(self, base: Requirement, below: str) -> None:
        """Read the pyproject.toml of a folder that is to be installed, as pip would."""
        from envdoctor.formats import pyproject_toml

        place = base.location or Location(path="", line=1)
        folder = base.url[len("file:") :] if base.url.startswith("file:") else base.url
        inside = os.path.normpath(os.path.join(os.path.dirname(below), folder, "pyproject.toml"))
        shown = os.path.normpath(os.path.join(os.path.dirname(place.path), folder, "pyproject.toml"))
        try:
            name, version, listing = pyproject_toml.read_project(self._load(inside), shown, _no_load)
        except InputError as error:
            self._problem(place, f"what the project in {folder} requires is not known: {error}")
            self._guess(base)
            return
        self.problems.extend(listing.problems)
        if name:
            self.requirements.append(base.replace(name=name, specifier=f"=={version}" if version else ""))
        for declared in pyproject_toml.chosen(listing.requirements, base.extras):
            self.requirements.append(declared.replace(marker=declared.marker or base.marker, constraint=base.constraint))

    def _guess(self, base: Requirement) -> None:
        place = base.location or Location(path="", line=1)
        name = last_part(base.url)
        if not name.strip(".") or name == "~":
            self._problem(place, f"nothing tells which distribution {base.url!r} is; write it as NAME @ URL")
            return
        hint = f"add #egg=NAME or write NAME @ {base.url}" if is_vcs(base.url) else "write it as NAME @ URL"
        self._problem(place, f"the distribution is taken to be {normalise(name)}, the last part of the address; {hint} to be sure")
        self.requirements.append(base.replace(name=normalise(name)))

    def _problem(self, place: Location, text: str) -> None:
        self.problems.append(f"{place.path} line {place.line}: {_SECRET.sub('://***@', text)}")


def _split_option(line: str) -> tuple[str, str]:
    """Return an option and its value: `-r x`, `-rx`, `--requirement=x` and `--requirement x` are one."""
    if not line.startswith("--") and len(line) > 2 and not line[2].isspace():
        return line[:2], _unquote(line[2:].lstrip("= "))
    for at, letter in enumerate(line):
        if letter == "=" or letter.isspace():
            return line[:at], _unquote(line[at + 1 :].strip())
    return line, ""


def _unquote(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def _no_load(path: str) -> str:
    raise InputError(f"{path} is not read for a project that another file installs")
