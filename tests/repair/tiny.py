"""Tiny distributions and real environments for them: wheels that any installer takes, and source distributions whose build takes its time."""

from __future__ import annotations

import base64
import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from envdoctor.repair.installed import survey
from envdoctor.repair.uv import find_uv

UV = find_uv({})


def wheel(folder: Path, name: str, version: str, *requires: str, files: dict[str, str] | None = None) -> Path:
    """Build a wheel with a module that tells its version."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", *(f"Requires-Dist: {line}\n" for line in requires)]
    members = {
        f"{name}/__init__.py": f"__version__ = {version!r}\n",
        **(files or {}),
        f"{info}/METADATA": "".join(lines),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tiny\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_hash(text)},{len(text.encode())}\n" for path, text in members.items()) + f"{info}/RECORD,,\n"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in {**members, f"{info}/RECORD": record}.items():
            archive.writestr(member, text)
    return path


def _hash(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


BACKEND = """
import pathlib, shutil, time
def build_wheel(folder, config_settings=None, metadata_directory=None):
    pathlib.Path({sign!r}).write_text("building")
    time.sleep({seconds})
    return pathlib.Path(shutil.copy({wheel!r}, folder)).name
build_editable = build_wheel
def prepare_metadata_for_build_wheel(folder, config_settings=None):
    import zipfile
    with zipfile.ZipFile({wheel!r}) as ready:
        ready.extractall(folder, [name for name in ready.namelist() if ".dist-info/" in name])
    return {info!r}
prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel
"""
PROJECT = """[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "{name}"
version = "{version}"
"""


def project(folder: Path, name: str, version: str, sign: Path, seconds: float = 0.0) -> dict[str, str]:
    """Return the files of a project whose build writes a file when it begins, and then takes so many seconds; `folder` is for its wheel."""
    told = {"sign": str(sign), "seconds": seconds, "wheel": str(wheel(folder, name, version)), "info": f"{name}-{version}.dist-info"}
    return {
        "pyproject.toml": PROJECT.format(name=name, version=version),
        "PKG-INFO": f"Metadata-Version: 2.2\nName: {name}\nVersion: {version}\n",
        "backend.py": BACKEND.format(**told),
    }


def sdist(folder: Path, name: str, version: str, files: dict[str, str]) -> Path:
    """Pack a project."""
    path = folder / f"{name}-{version}.tar.gz"
    with tarfile.open(path, "w:gz") as packed:
        for member, text in files.items():
            info = tarfile.TarInfo(f"{name}-{version}/{member}")
            info.size = len(text.encode())
            packed.addfile(info, io.BytesIO(text.encode()))
    return path


def uv(*words: str) -> None:
    subprocess.run([UV, *words], check=True, capture_output=True, text=True)


def environment(folder: Path, wheels: Path, *wanted: str) -> str:
    """Make a virtual environment with packages from a folder of wheels; return its interpreter."""
    uv("venv", "-q", "--python", sys.executable, str(folder))
    python = str(folder / "bin" / "python")
    if wanted:
        uv("pip", "install", "-q", "--python", python, "--no-index", "--find-links", str(wheels), "--no-deps", *wanted)
    return python


def versions(python: str) -> dict[str, str]:
    """Return what an environment holds."""
    return survey(python, {}).versions


def told(python: str, name: str) -> str:
    """Return the version that a module of an environment tells when it is imported."""
    done = subprocess.run([python, "-c", f"import {name}; print({name}.__version__)"], capture_output=True, text=True, check=True)
    return done.stdout.strip()
