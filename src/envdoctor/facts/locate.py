"""Finds the folders of an environment from its path, reading only files: no interpreter is started, nothing of it is imported."""

from __future__ import annotations

import os
import sys

from envdoctor.model.errors import InputError
from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Place(Record):
    """An environment on disk. `own` is True for the one that envdoctor itself runs in."""

    prefix: str
    site_packages: tuple[str, ...]
    python_version: str
    own: bool = False


def own_place() -> Place:
    """Return the environment of the running interpreter, as its sys.path says."""
    folders = [folder for folder in sys.path if (folder and "site-packages" in folder) or "dist-packages" in folder]
    extra = [folder for folder in sys.path if folder and folder not in folders and not folder.endswith(".zip")]
    # Folders that a .pth file added (editable installs) may hold distributions too; the standard library never does.
    standard = os.path.dirname(os.__file__)
    folders += [folder for folder in extra if not folder.startswith(standard) and folder != os.path.join(sys.prefix, "bin")]
    version = "%d.%d.%d" % sys.version_info[:3]
    if sys.version_info[3] != "final":
        version += {"alpha": "a", "beta": "b", "candidate": "rc"}[sys.version_info[3]] + str(sys.version_info[4])
    return Place(prefix=sys.prefix, site_packages=tuple(folders), python_version=version, own=True)


def active_place(environ: Mapping[str, str]) -> Place:
    """Return the environment a user means without naming one: the activated one, else the one envdoctor runs in."""
    own = os.path.realpath(sys.prefix)
    inside_venv = sys.prefix != sys.base_prefix
    # A conda prefix stays set inside a venv that was made from it; the venv is then the one in use.
    for variable in ("VIRTUAL_ENV",) if inside_venv else ("VIRTUAL_ENV", "CONDA_PREFIX"):
        prefix = environ.get(variable)
        if prefix and os.path.isdir(prefix):
            return own_place() if os.path.realpath(prefix) == own else place_of(prefix)
    return own_place()


def is_environment(path: str) -> bool:
    """Tell whether a folder is a virtual environment or a conda prefix."""
    return os.path.isfile(os.path.join(path, "pyvenv.cfg")) or os.path.isdir(os.path.join(path, "conda-meta"))


def place_of(path: str) -> Place:
    """Return the environment of an interpreter, a virtual environment or a conda prefix. Raises InputError."""
    if not os.path.exists(path):
        raise InputError(f"{path}: there is no such interpreter or environment; give the path of a Python, a venv or a conda prefix")
    prefix = path
    if not os.path.isdir(path):
        if not os.path.basename(path).startswith(("python", "pypy")):
            raise InputError(f"{path}: is no Python interpreter; give the path of a Python, a venv or a conda prefix")
        # Not resolved: the link in a venv leads to the base interpreter, and the venv is what is meant.
        prefix = os.path.dirname(os.path.dirname(os.path.abspath(path)))
    prefix = os.path.abspath(prefix)
    found = _site_packages(prefix)
    config = _pyvenv(prefix)
    if not found and not config and not os.path.isdir(path):
        real = os.path.dirname(os.path.dirname(os.path.realpath(path)))
        prefix, found = real, _site_packages(real)
    if not found and not os.path.isdir(os.path.join(prefix, "conda-meta")) and not config:
        raise InputError(f"{path}: no site-packages folder found under {prefix}; give the path of a Python, a venv or a conda prefix")
    folders = list(found)
    if config.get("include-system-site-packages", "").lower() == "true" and config.get("home"):
        folders += _site_packages(os.path.dirname(config["home"]))
    for folder in tuple(folders):
        folders += [extra for extra in _path_files(folder) if extra not in folders]
    return Place(prefix=prefix, site_packages=tuple(folders), python_version=_version(prefix, config, folders))


def _site_packages(prefix: str) -> list[str]:
    if os.path.isdir(os.path.join(prefix, "Lib", "site-packages")):
        return [os.path.join(prefix, "Lib", "site-packages")]
    found: list[str] = []
    for library in ("lib", "lib64", "local/lib"):
        folder = os.path.join(prefix, library)
        for name in sorted(_names(folder), reverse=True):
            if name.startswith(("python3", "pypy3")):
                for packages in ("site-packages", "dist-packages"):
                    path = os.path.join(folder, name, packages)
                    if os.path.isdir(path) and not any(_samefile(path, other) for other in found):
                        found.append(path)
    return found


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


def _pyvenv(prefix: str) -> dict[str, str]:
    found = {}
    for line in _lines(os.path.join(prefix, "pyvenv.cfg")):
        name, equals, value = line.partition("=")
        if equals:
            found[name.strip().lower()] = value.strip()
    return found


def _lines(path: str) -> list[str]:
    try:
        # O_NONBLOCK: a named pipe in the way must not hang the doctor.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
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
