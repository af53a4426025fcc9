"""A real wheel, fetched by pip and installed by uv: what range requests, the store and the installed tree tell of it is the same.

Marked `install`: needs pip, uv and the package index.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from envdoctor.miner import fetch as fetching
from envdoctor.miner.index import Index
from envdoctor.miner.store import Store
from envdoctor.miner.tree import open_tree
from envdoctor.miner.web import Client
from tests.served import served

pytestmark = pytest.mark.install


@pytest.mark.parametrize(("name", "version"), [("safetensors", "0.5.2"), ("peft", "0.15.0")])
def test_a_wheel_is_the_same_in_parts_kept_and_installed(name: str, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, site = tmp_path / "files", tmp_path / "site"
    words = ["pip", "download", "-q", "--no-deps", "--only-binary", ":all:", "-d", str(folder), f"{name}=={version}"]
    assert subprocess.run([sys.executable, "-m", *words], check=False, timeout=300).returncode == 0
    (wheel,) = os.listdir(folder)
    words = ["uv", "pip", "install", "-q", "--no-deps", "--target", str(site), str(folder / wheel)]
    assert subprocess.run([sys.executable, "-m", *words], check=False, timeout=300).returncode == 0
    monkeypatch.setattr(fetching, "WHOLE", 0)
    with served(folder) as place, Client() as client:
        (release,) = Index(client, place.url).releases(name)
        parts = fetching.fetch(client, release)
        Store(str(tmp_path / "store")).keep(parts)
    kept, installed = Store(str(tmp_path / "store")).open(name, version), open_tree(str(site), name)
    assert parts.paths() == kept.paths()
    code = [path for path in parts.paths() if path.endswith((".py", ".pyi"))]
    assert len(code) > 5
    assert code == [path for path in installed.paths() if path.endswith((".py", ".pyi"))]
    assert all(parts.read(path) == kept.read(path) == installed.read(path) for path in code)
    for told in (kept, installed):
        assert (told.version, told.requires, told.requires_python) == (parts.version, parts.requires, parts.requires_python)
