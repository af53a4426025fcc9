"""Finds the folders of an environment from its path, reading only files: no interpreter is started, nothing of it is imported."""

from __future__ import annotations

import os
import sys

from envdoctor.facts.host import READ
from envdoctor.model.errors import InputError
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Place(Record):
    """An environment on disk. `own` is True for the one that envdoctor itself runs in."""

    prefix: str
    site_packages: tuple[str, ...]
    python_version: str
    own: bool = False


def own_place() -> Place:
    """Return the environment of the running interpreter, as its sys.path says: in that order, for the first folder wins."""
    # The standard library holds no distributions; folders of PYTHONPATH and of .pth files (editable installs, --target) may.
    standard = os.path.dirname(os.__file__)
    scripts = os.path.join(sys.prefix, "bin")
    folders = [
        folder
        for folder in sys.path
        if folder
        and not folder.endswith(".zip")
        and folder != scripts
        and (not folder.startswith(standard) or "site-packages" in folder or "dist-packages" in folder)
    ]
    version = "%d.%d.%d" % sys.version_info[:3]
    if sys.version_info[3] != "final":
        version += {"alpha": "a", "beta": "b", "candidate": "rc"}[sys.version_info[3]] + str(sys.version_info[4])
    return Place(prefix=sys.prefix, site_packages=tuple(folders), python_version=version, own=True)


def active_place(environ: Mapping[str, str]) -> Place:
    """Return the environment a user means without naming one: the activated one, else the one envdoctor runs in. Raises InputError."""
    own = os.path.realpath(sys.prefix)
    apart = _is_tool(sys.prefix)
    # A conda prefix stays set inside a venv that was made from it; the venv is then the one in use.
    beside = sys.prefix != sys.base_prefix and not apart
    for variable in ("VIRTUAL_ENV",) if beside else ("VIRTUAL_ENV", "CONDA_PREFIX"):
        prefix = environ.get(variable)
        if prefix and os.path.isdir(prefix):
            return own_place() if os.path.realpath(prefix) == own else place_of(prefix, environ)
    if apart:
        # Nobody trains in the environment that pipx or `uv tool` made for envdoctor alone: `.venv` is what uv runs, `python3` the shell.
        for path in (".venv", *(os.path.join(folder, "python3") for folder in environ.get("PATH", "").split(os.pathsep) if folder)):
            if os.path.exists(path):
                try:
                    return place_of(path, environ)
                except InputError:
                    break
    return own_place()


def _is_tool(prefix: str) -> bool:
    if any(os.path.isfile(os.path.join(prefix, name)) for name in ("uv-receipt.toml", "pipx_metadata.json")):
        return True
    return f"{os.sep}archive-v0{os.sep}" in prefix  # where `uvx` keeps its environments


def is_environment(path: str) -> bool:
    """Tell whether a folder is a virtual environment, a conda prefix, or filled by `pip install --target`."""
    if os.path.isfile(os.path.join(path, "pyvenv.cfg")) or os.path.isdir(os.path.join(path, "conda-meta")):
        return True
    return _holds_distributions(path, (".dist-info",))


def place_of(path: str, environ: Mapping[str, str] | None = None) -> Place:
    """Return the environment of an interpreter, a virtual environment, a conda prefix or a folder of distributions. Raises InputError.

    `environ` is what that interpreter would be started with: PYTHONPATH and the user's own site-packages count as they do there.
    """
    variables = os.environ if environ is None else environ
    if not os.path.exists(path):
        raise InputError(f"{path}: there is no such interpreter or environment; give the path of a Python, a venv or a conda prefix")
    try:
        started = os.path.abspath(path)
    except OSError:
        raise InputError(f"{path}: the current folder was deleted; change to another one") from None
    prefix = started
    if not os.path.isdir(path):
        if not os.path.basename(path).startswith(("python", "pypy")):
            raise InputError(f"{path}: is no Python interpreter; give the path of a Python, a venv or a conda prefix")
        # Not resolved: the link in a venv leads to the base interpreter, and the venv is what is meant.
        prefix = _prefix_of(started)
    config = pyvenv_settings(_lines(os.path.join(prefix, "pyvenv.cfg")))
    short = _short(config.get("version_info") or config.get("version") or "") or _named(started, prefix)
    found = _site_packages(prefix, short)
    if not found and not config and not os.path.isdir(path):
        prefix = _prefix_of(os.path.realpath(path))
        found = _site_packages(prefix, short)
    is_conda = os.path.isdir(os.path.join(prefix, "conda-meta"))
    if not found and not config and not is_conda and _holds_distributions(prefix, (".dist-info",)):
        return Place(prefix=prefix, site_packages=(prefix,), python_version=_version(prefix, config, [prefix]))
    if not found and not is_conda and not config:
        raise InputError(f"{path}: no site-packages folder found under {prefix}; give the path of a Python, a venv or a conda prefix")
    version = _version(prefix, config, found) or short
    folders = list(found)
    if not config:
        folders = [*_user_site(variables, _short(version)), *folders]
    elif config.get("include-system-site-packages", "").lower() == "true" and config.get("home"):
        home = config["home"]
        base = home if os.path.isdir(os.path.join(home, "Lib")) else os.path.dirname(home)
        folders += [*_user_site(variables, _short(version)), *_site_packages(base, short)]
    for folder in tuple(folders):
        folders += [extra for extra in _path_files(folder) if extra not in folders]
    before = [folder for folder in variables.get("PYTHONPATH", "").split(os.pathsep) if folder not in folders]
    before = [folder for folder in before if folder and _holds_distributions(folder, (".dist-info", ".egg-info"))]
    return Place(prefix=prefix, site_packages=(*before, *folders), python_version=version)


def _prefix_of(interpreter: str) -> str:
    folder = os.path.dirname(interpreter)
    # On Windows a base installation and a conda prefix hold python.exe itself, elsewhere (and in a venv) it lies one folder deeper.
    return folder if os.path.isdir(os.path.join(folder, "Lib")) else os.path.dirname(folder)


def _named(started: str, prefix: str) -> str:
    """Return the version in an interpreter's name, such as 3.11: a prefix like /usr may hold the packages of several."""
    names = [started] if not os.path.isdir(started) else [os.path.join(prefix, "bin", name) for name in ("python3", "python")]
    for name in names:
        for path in (name, os.path.realpath(name)):
            short = os.path.basename(path).removeprefix("python").removeprefix("pypy")
            if short.count(".") == 1 and short.replace(".", "").rstrip("t").isdecimal():
                return short.rstrip("t")
    return ""


def _short(version: str) -> str:
    return ".".join(version.split(".")[:2]) if version.count(".") else ""


def _site_packages(prefix: str, short: str) -> list[str]:
    """Return the folders of one Python of a prefix: of version `short`, or else of the newest."""
    if os.path.isdir(os.path.join(prefix, "Lib", "site-packages")):
        return [os.path.join(prefix, "Lib", "site-packages")]
    found: dict[str, list[str]] = {}
    for library in ("local/lib", "lib", "lib64"):  # Debian's pip writes to local/lib, which goes before the distribution's own
        folder = os.path.join(prefix, library)
        for name in _names(folder):
            if name.startswith(("python3", "pypy3")):
                for packages in ("site-packages", "dist-packages"):
                    path = os.path.join(folder, name, packages)
                    if os.path.isdir(path):
                        found.setdefault(name, []).append(path)
    wanted = {name for name in found if name.removeprefix("python").removeprefix("pypy").rstrip("t") == short}
    if not wanted:
        wanted = {max(found, key=_age)} if found else set()
    # Debian keeps the packages of all its versions in lib/python3.
    paths = [path for name in (*sorted(wanted), "python3") for path in found.get(name, ())]
    paths.sort(key=lambda path: f"{os.sep}local{os.sep}lib{os.sep}" not in path[len(prefix) :])
    return [path for at, path in enumerate(paths) if not any(_samefile(path, other) for other in paths[:at])]


def _age(name: str) -> tuple[int, ...]:
    digits = name.removeprefix("python").removeprefix("pypy").rstrip("t").split(".")
    return tuple(int(part) for part in digits if part.isdecimal() and len(part) < 5)


def _user_site(environ: Mapping[str, str], short: str) -> list[str]:
    """Return the folder of `pip install --user`, where there is one; Python puts it before the packages of the system."""
    if environ.get("PYTHONNOUSERSITE") or not short:
        return []
    home = environ.get("HOME", "")
    base = environ.get("PYTHONUSERBASE") or (f"{home}/.local" if home else "")
    places = [f"{base}/lib/python{short}/site-packages", f"{home}/Library/Python/{short}/lib/python/site-packages"]
    if environ.get("APPDATA"):
        places.append(os.path.join(environ["APPDATA"], "Python", f"Python{short.replace('.', '')}", "site-packages"))
    return [place for place in places if place.startswith(("/", environ.get("APPDATA") or "/")) and os.path.isdir(place)][:1]


def _holds_distributions(folder: str, endings: tuple[str, ...]) -> bool:
    return any(name.endswith(endings) for name in _names(folder))


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _samefile(one: str, two: str) -> bool:
    try:
        return os.path.samefile(one, two)
    except OSError:
        return False


def pyvenv_settings(lines: Iterable[str]) -> dict[str, str]:
    """Return the keys (in lower case) and values that the lines of a `pyvenv.cfg` set."""
    found = {}
    for line in lines:
        name, equals, value = line.partition("=")
        if equals:
            found[name.strip().lower()] = value.strip()
    return found


def _lines(path: str) -> list[str]:
    try:
        handle = os.open(path, READ)
    except (OSError, ValueError):
        return []
    try:
        return os.read(handle, 1 << 20).decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    finally:
        os.close(handle)


def _path_files(folder: str) -> list[str]:
    """Return the folders that .pth files add. Lines that would be executed (`import ...`) are never run."""
    found = []
    for name in sorted(_names(folder)):
        if name.endswith(".pth"):
            for line in _lines(os.path.join(folder, name)):
                text = line.strip()
                if text and not text.startswith(("#", "import ", "import\t")):
                    path = os.path.normpath(os.path.join(folder, text))
                    if os.path.isdir(path):
                        found.append(path)
    return found


def _version(prefix: str, config: dict[str, str], folders: list[str]) -> str:
    """Return the Python version of an environment, as exactly as its files tell it."""
    for field in ("version_info", "version"):
        parts = config.get(field, "").split(".")
        if len(parts) >= 3 and all(part.isdigit() for part in parts[:3]):
            return ".".join(parts[:3])
    for name in _names(os.path.join(prefix, "conda-meta")):
        if name.startswith("python-3") and name.endswith(".json"):
            return name.split("-")[1]
    short = ""
    for folder in folders:
        parent = os.path.basename(os.path.dirname(folder))
        if parent.startswith("python3."):
            short = parent[6:].rstrip("t")
            break
    for header in (f"include/python{short}/patchlevel.h", "include/patchlevel.h"):
        for line in _lines(os.path.join(prefix, header)):
            if line.startswith("#define PY_VERSION "):
                return line.split('"')[1].rstrip("+")
    return short
