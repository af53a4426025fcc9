"""Environments are found from their files alone; nothing in them is run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from envdoctor.diagnosis import check
from envdoctor.facts.locate import active_place, own_place, place_of
from envdoctor.model.errors import InputError
from envdoctor.model.request import Request
from tests.facts.test_distributions import make


@pytest.fixture(scope="module")
def real_venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("venv") / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder


def site(prefix: Path) -> Path:
    return next((prefix / "lib").glob("python3*")) / "site-packages"


def test_a_venv_by_folder_or_by_interpreter(real_venv: Path) -> None:
    for path in (real_venv, real_venv / "bin" / "python"):
        found = place_of(str(path))
        assert found.site_packages == (str(site(real_venv)),)
        assert found.python_version == "%d.%d.%d" % sys.version_info[:3]


def test_path_files_add_folders_and_are_never_executed(real_venv: Path, tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    extra = tmp_path / "extra"
    make(extra, "added", "1.0")
    (site(real_venv) / "evil.pth").write_text(f"import os; open({str(marker)!r}, 'w')\n{extra}\n# a comment\n/nowhere\n")
    (site(real_venv) / "sitecustomize.py").write_text(f"open({str(marker)!r}, 'w')\n")
    report = check(Request(python=str(real_venv)), environ={})
    assert report.snapshot.distributions["added"].version == "1.0"
    assert not marker.exists()


def test_a_conda_prefix(tmp_path: Path) -> None:
    (tmp_path / "conda-meta").mkdir()
    (tmp_path / "conda-meta" / "python-3.10.14-h955ad1f_1.json").write_text("{}")
    make(tmp_path / "lib" / "python3.10" / "site-packages", "torch", "2.5.1")
    found = place_of(str(tmp_path))
    assert found.python_version == "3.10.14"
    assert found.site_packages[0].endswith("lib/python3.10/site-packages")


def test_an_environment_from_windows(tmp_path: Path) -> None:
    (tmp_path / "pyvenv.cfg").write_text("home = C:\\Python311\nversion_info = 3.11.4.final.0\n")
    make(tmp_path / "Lib" / "site-packages", "torch", "2.5.1")
    found = place_of(str(tmp_path))
    assert found.python_version == "3.11.4"


def test_system_packages_where_the_venv_sees_them(tmp_path: Path) -> None:
    make(tmp_path / "base" / "lib" / "python3.11" / "site-packages", "torch", "2.5.1")
    (tmp_path / "env" / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    (tmp_path / "env" / "pyvenv.cfg").write_text(f"home = {tmp_path}/base/bin\ninclude-system-site-packages = true\nversion = 3.11.4\n")
    assert len(place_of(str(tmp_path / "env")).site_packages) == 2


def test_the_active_environment_is_meant(real_venv: Path) -> None:
    assert active_place({"VIRTUAL_ENV": str(real_venv)}).prefix == str(real_venv)
    assert active_place({"VIRTUAL_ENV": sys.prefix}).own
    assert active_place({}).own
    assert own_place().prefix == sys.prefix


@pytest.mark.parametrize("path", ["/nowhere/bin/python", os.devnull])
def test_what_is_no_environment_is_told(path: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        place_of(path)
    with pytest.raises(InputError, match="no site-packages"):
        place_of(str(tmp_path))
