from __future__ import annotations

import os
from pathlib import Path

import pytest

from envdoctor.knowledge.atlas import load
from envdoctor.knowledge.atlas.compile import compile_atlas
from envdoctor.knowledge.atlas.text import AtlasText, write_text
from envdoctor.model.errors import AtlasError
from envdoctor.model.surface import Surface


def text(package: str, *versions: str, date: str = "2024-05-01") -> AtlasText:
    return AtlasText(package=package).with_surfaces(
        Surface(package=package, version=version, date=date, sections={"offers": {package: frozenset({".", f"of_{version}"})}})
        for version in versions
    )


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "rules" / "atlas"
    folder.mkdir(parents=True)
    monkeypatch.setattr(load, "_OPENED", [])
    monkeypatch.setattr(load, "SHIPPED", str(tmp_path / "book" / "atlas.bin"))
    monkeypatch.setattr(load, "rules_folder", lambda: str(tmp_path / "rules"))
    return folder


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(load, "_OPENED", [])
    monkeypatch.setattr(load, "SHIPPED", str(tmp_path / "atlas.bin"))
    monkeypatch.setattr(load, "rules_folder", lambda: None)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "atlas.bin").write_bytes(compile_atlas([text("trl", "1.0"), text("peft", "0.1")]))
    return tmp_path


def test_a_checkout_compiles_once_and_again_when_a_text_changes(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load.open_atlas() is None
    load.write(text("trl", "1.0"))
    load._OPENED.clear()
    first = load.open_atlas()
    assert first is not None
    assert first.versions("trl") == ("1.0",)
    load._OPENED.clear()
    with monkeypatch.context() as patched:
        patched.setattr(load, "_compile", None)  # what is fresh is not compiled
        assert load.open_atlas() is not None
    load.write(text("trl", "1.0", "2.0"))
    load._OPENED.clear()
    second = load.open_atlas()
    assert second is not None
    assert second.versions("trl") == ("1.0", "2.0")
    assert load.known_packages() == ["trl"]
    assert write_text(load.known_text("trl")) == (checkout / "trl.txt").read_text("utf-8")
    assert load.known_text("peft").releases == ()


def test_a_checkout_that_cannot_be_written_to_compiles_in_memory(checkout: Path) -> None:
    load.write(text("trl", "1.0"))
    (checkout.parent.parent / "book").write_text("a file where the folder should be")
    found = load.open_atlas()
    assert found is not None
    assert found.versions("trl") == ("1.0",)


@pytest.mark.parametrize(("content", "says"), [("nonsense", "line 1"), (write_text(text("peft", "1.0")), "belongs into peft.txt")])
def test_a_damaged_text_is_named(checkout: Path, content: str, says: str) -> None:
    (checkout / "trl.txt").write_text(content)
    with pytest.raises(AtlasError, match=rf"trl\.txt: .*{says}"):
        load.open_atlas()


def test_the_users_atlas_counts_when_it_is_newer(wheel: Path) -> None:
    shipped = load.open_atlas()
    assert shipped is not None
    assert shipped.packages == ("peft", "trl")
    load.write(text("trl", "1.0", "2.0", date="2024-06-01"))
    assert load.refresh() == os.path.join(load.texts_folder(), "atlas.bin")
    own = load.open_atlas()
    assert own is not None
    assert own.versions("trl") == ("1.0", "2.0")
    assert own.versions("peft") == ("0.1",)  # out of the wheel
    (wheel / "atlas.bin").write_bytes(compile_atlas([text("trl", "1.0", "2.0", "3.0", date="2024-07-01")]))
    load._OPENED.clear()
    newer = load.open_atlas()
    assert newer is not None
    assert newer.newest == "2024-07-01"


@pytest.mark.parametrize("size", [0, 10, 30, 60, 200, -1])
def test_a_damaged_atlas_of_the_user_is_passed_over(wheel: Path, size: int) -> None:
    load.write(text("trl", "1.0", "2.0", date="2024-06-01"))
    path = Path(load.refresh())
    path.write_bytes(path.read_bytes()[:size])
    found = load.open_atlas()
    assert found is not None
    assert found.versions("trl")[0] == "1.0"


def test_a_wheel_without_an_atlas_judges_without(wheel: Path) -> None:
    (wheel / "atlas.bin").unlink()
    assert load.open_atlas() is None
