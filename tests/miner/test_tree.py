"""Installed distributions as Sources: through RECORD, without one, and editable."""

from __future__ import annotations

from pathlib import Path

import pytest

from envdoctor.miner.tree import open_tree
from envdoctor.model.errors import ReleaseError
from tests.served import metadata


def put(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


INFO = "Some_Thing-1.2.dist-info"
FILES = {
    "some_thing/__init__.py": "x = 1\n",
    "some_thing/_C.so": "",
    f"{INFO}/METADATA": metadata("some-thing", "1.2", "numpy>=1"),
    f"{INFO}/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\nTag: py2-none-any\n",
    "other/__init__.py": "",
}


def test_a_distribution_has_the_files_of_its_record(tmp_path: Path) -> None:
    rows = ["some_thing/__init__.py,sha256=x,6", "some_thing/_C.so,,", "some_thing/gone.py,,", "../../bin/tool,,", f"{INFO}/METADATA,,"]
    put(tmp_path, {**FILES, f"{INFO}/RECORD": "\n".join([*rows, "some_thing/__pycache__/__init__.cpython-311.pyc,,"])})
    source = open_tree(str(tmp_path), "some.thing")
    assert source.paths() == (f"{INFO}/METADATA", "some_thing/_C.so", "some_thing/__init__.py")
    assert (source.package, source.version, source.date, source.requires_python) == ("some-thing", "1.2", "", ">=3.9")
    assert (source.requires, source.tags, source.read("some_thing/__init__.py")) == (
        ("numpy>=1",),
        ("py2-none-any", "py3-none-any"),
        b"x = 1\n",
    )


def test_without_a_record_the_folder_of_its_name_is_taken(tmp_path: Path) -> None:
    put(tmp_path, FILES)
    assert "some_thing/_C.so" in open_tree(str(tmp_path), "some-thing").paths()
    assert "other/__init__.py" not in open_tree(str(tmp_path), "some-thing").paths()


def test_an_editable_installation_is_followed(tmp_path: Path) -> None:
    site, checkout = tmp_path / "site", tmp_path / "checkout"
    put(checkout, {"some_thing/__init__.py": "here = 1\n", "some_thing/a.py": "", "tests/__init__.py": "", "setup.py": ""})
    files = {f"{INFO}/METADATA": FILES[f"{INFO}/METADATA"], "_some.pth": f"{checkout}\n", "_hook.pth": "import sys; sys.path\n"}
    put(site, {**files, f"{INFO}/RECORD": f"{INFO}/METADATA,,\n_some.pth,,\n_hook.pth,,\n"})
    source = open_tree(str(site), "some-thing")
    assert source.read("some_thing/__init__.py") == b"here = 1\n"
    assert [path for path in source.paths() if path.endswith(".py")] == ["some_thing/__init__.py", "some_thing/a.py"]


def test_what_is_not_installed_is_said_not_to_be(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"^nothing: is not installed in"):
        open_tree(str(tmp_path), "nothing")
    with pytest.raises(ReleaseError, match="name a site-packages folder"):
        open_tree(str(tmp_path / "no"), "nothing")
