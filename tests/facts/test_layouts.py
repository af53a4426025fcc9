"""The layouts of real machines: several Pythons, Debian, user packages, PYTHONPATH, --target, conda, Windows, tools apart, eggs."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from envdoctor.cli import main
from envdoctor.facts.distributions import installed
from envdoctor.facts.locate import active_place, own_place, place_of
from tests.facts.test_distributions import make


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def venv(folder: Path, **versions: str) -> Path:
    """Make a virtual environment of files alone and return its site-packages."""
    site = folder / "lib" / "python3.11" / "site-packages"
    site.mkdir(parents=True)
    write(folder / "pyvenv.cfg", "home = /nowhere/bin\nversion = 3.11.4\n")
    for name, version in versions.items():
        make(site, name, version)
    return site


def test_one_python_of_several_is_read(tmp_path: Path) -> None:
    for version in ("3.9", "3.11", "3.12"):
        make(tmp_path / "usr" / "lib" / f"python{version}" / "site-packages", f"only{version.replace('.', '')}", "1.0")
        write(tmp_path / "usr" / "bin" / f"python{version}", "")
    (tmp_path / "usr" / "bin" / "python3").symlink_to("python3.11")
    for name, wanted in (("python3.9", "3.9"), ("python3.12", "3.12"), ("python3", "3.11")):
        found = place_of(str(tmp_path / "usr" / "bin" / name), {})
        assert (found.site_packages, found.python_version) == ((str(tmp_path / f"usr/lib/python{wanted}/site-packages"),), wanted)
    assert place_of(str(tmp_path / "usr"), {}).python_version == "3.11"
    (tmp_path / "usr" / "bin" / "python3").unlink()
    assert place_of(str(tmp_path / "usr"), {}).python_version == "3.12"


def test_debian_keeps_packages_in_two_places_and_pip_comes_first(tmp_path: Path) -> None:
    make(tmp_path / "usr" / "lib" / "python3" / "dist-packages", "numpy", "1.24.2")
    make(tmp_path / "usr" / "local" / "lib" / "python3.11" / "dist-packages", "numpy", "2.1.0")
    write(tmp_path / "usr" / "bin" / "python3.11", "")
    (tmp_path / "usr" / "bin" / "python3").symlink_to("python3.11")
    found = place_of(str(tmp_path / "usr" / "bin" / "python3"), {})
    assert installed(found.site_packages).distributions["numpy"].version == "2.1.0"
    assert len(found.site_packages) == 2


def test_user_packages_go_before_the_systems_and_never_into_a_venv(tmp_path: Path) -> None:
    make(tmp_path / "usr" / "lib" / "python3.11" / "site-packages", "numpy", "1.24.2")
    write(tmp_path / "usr" / "bin" / "python3.11", "")
    make(tmp_path / "home" / ".local" / "lib" / "python3.11" / "site-packages", "numpy", "2.1.0")
    user = {"HOME": str(tmp_path / "home")}
    python = str(tmp_path / "usr" / "bin" / "python3.11")
    assert installed(place_of(python, user).site_packages).distributions["numpy"].version == "2.1.0"
    assert installed(place_of(python, {**user, "PYTHONNOUSERSITE": "1"}).site_packages).distributions["numpy"].version == "1.24.2"
    site = venv(tmp_path / "env", numpy="2.2.0")
    assert place_of(str(tmp_path / "env"), user).site_packages == (str(site),)


def test_pythonpath_goes_first(tmp_path: Path) -> None:
    site = venv(tmp_path / "env", trl="0.20.0")
    make(tmp_path / "target", "trl", "0.9.0")
    (tmp_path / "plain").mkdir()
    found = place_of(
        str(tmp_path / "env"), {"PYTHONPATH": os.pathsep.join((str(tmp_path / "plain"), str(tmp_path / "target"), "/nowhere"))}
    )
    assert found.site_packages == (str(tmp_path / "target"), str(site))


def test_the_own_path_is_read_in_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "target", "rich", "1.0")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "target"), *sys.path])
    assert installed(own_place().site_packages).distributions["rich"].version == "1.0"


def test_a_target_folder_is_an_environment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, version in {"torch": "2.5.1", "torchao": "0.14.1"}.items():
        make(tmp_path / "target", name, version, f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n")
    for words in ([str(tmp_path / "target")], ["--python", str(tmp_path / "target")]):
        assert main(["check", *words, "--no-config"]) == 1
        assert "torchao 0.14.1" in capsys.readouterr().out


def test_a_conda_prefix_of_windows_is_found_by_its_interpreter(tmp_path: Path) -> None:
    (tmp_path / "conda-meta").mkdir()
    make(tmp_path / "Lib" / "site-packages", "torch", "2.5.1")
    python = write(tmp_path / "python.exe", "")
    assert place_of(str(python), {}).site_packages == (str(tmp_path / "Lib" / "site-packages"),)


def test_a_tool_installed_apart_judges_the_users_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool, conda, project = tmp_path / "tools" / "envdoctor", tmp_path / "conda", tmp_path / "project"
    write(tool / "uv-receipt.toml", "")
    make(conda / "lib" / "python3.11" / "site-packages", "torch", "2.5.1")
    (conda / "conda-meta").mkdir()
    venv(project / ".venv")
    monkeypatch.setattr(sys, "prefix", str(tool))
    monkeypatch.chdir(tmp_path)
    assert active_place({"CONDA_PREFIX": str(conda)}).prefix == str(conda)
    assert active_place({}).own
    monkeypatch.chdir(project)
    assert active_place({}).prefix == str(project / ".venv")


def test_egg_links_and_editable_folders_are_found(tmp_path: Path) -> None:
    site = venv(tmp_path / "env")
    project = tmp_path / "src" / "My_Project"
    write(project / "My_Project.egg-info" / "PKG-INFO", "Metadata-Version: 2.1\nName: My.Project\nVersion: 1!2.0rc1\n\n")
    write(site / "My.Project.egg-link", f"{project}\n.")
    write(site / "easy-install.pth", f"{project}\n")
    found = installed(place_of(str(tmp_path / "env"), {}).site_packages).distributions["my-project"]
    assert (found.version, found.problems) == ("1!2.0rc1", ())


def test_names_that_an_installer_did_not_escape(tmp_path: Path) -> None:
    make(tmp_path, "my-name", "1.0", "Metadata-Version: 2.1\nName: my-name\nVersion: 1.0\n\n")
    make(tmp_path, "other", "1.0_1", "Metadata-Version: 2.1\nName: other\nVersion: 1.0-1\n\n")
    found = installed([str(tmp_path)])
    assert {name: one.version for name, one in found.distributions.items()} == {"my-name": "1.0", "other": "1.0-1"}
    assert found.broken == []


def test_damage_behind_another_folder_is_nobodys_trouble(tmp_path: Path) -> None:
    make(tmp_path / "user", "peft", "0.17.1")
    make(tmp_path / "system", "peft", "0.10.0", b"")
    shutil.copytree(tmp_path / "system", tmp_path / "egg")
    write(tmp_path / "zipped.egg", "PK")
    found = installed([str(tmp_path / "user"), str(tmp_path / "system"), str(tmp_path / "egg"), str(tmp_path / "zipped.egg")])
    assert (found.broken, found.duplicates, found.unreadable) == ([], [], [])
